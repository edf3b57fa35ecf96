//! One chromedriver for the whole suite, which never outlives it.
//!
//! As in `src/mariadb.rs`, a small shell script stands above it whose standard input is a pipe that only this process
//! holds open. When the pipe closes, because the tests have ended or were killed, the script ends chromedriver, every
//! Chromium it started, and removes their files.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Arguments: our directory, chromedriver's command.
const KEEPER: &str = r#"
dir=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- >"$dir/chromedriver.log" 2>&1 &
driver=$!
trap '' HUP INT TERM
echo "$driver"
exec >/dev/null 2>&1
read -r _ <&3
kill -s KILL "$driver"
wait "$driver"
# Browsers end with the driver that started them; one that is just starting may not.
for process in /proc/[0-9]*; do
    if tr '\0' '\n' <"$process/cmdline" | grep -qF -- "--user-data-dir=$dir/"; then
        kill -s KILL "${process#/proc/}"
    fi
done
sleep 0.2
rm -rf -- "$dir"
"#;

/// How long chromedriver may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running chromedriver and where Chromium is.
#[derive(Debug)]
pub struct Chromium {
    /// Where chromedriver listens.
    pub driver: String,
    /// The browser's program.
    pub program: PathBuf,
    /// Where profiles are made; removed at the end.
    pub dir: PathBuf,
    /// The script above chromedriver, whose standard input we hold.
    _keeper: Child,
}

/// The suite's chromedriver.
///
/// # Panics
/// Chromium or chromedriver is missing or does not start.
pub fn chromium() -> &'static Chromium {
    static CHROMIUM: LazyLock<Result<Chromium, String>> = LazyLock::new(Chromium::start);
    match &*CHROMIUM {
        Ok(chromium) => chromium,
        Err(why) => panic!("{why}"),
    }
}

impl Chromium {
    fn start() -> Result<Self, String> {
        let program = find(&["chromium", "chromium-browser", "google-chrome"])?;
        let driver = find(&["chromedriver", "chromium.chromedriver"])?;
        // Below the build's folder, since a Chromium that came as a snap does not see /tmp.
        let dir = tempfile::Builder::new()
            .prefix("chromium-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .map_err(|e| format!("no folder for Chromium: {e}"))?
            .keep();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "postwarden-chromium-keeper"])
            .arg(&dir)
            .arg(driver)
            .arg("--port=0")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|e| format!("no shell: {e}"))?;
        let mut pid = String::new();
        if let Some(answer) = keeper.stdout.take() {
            BufReader::new(answer)
                .read_line(&mut pid)
                .map_err(|e| e.to_string())?;
        }
        let port = port_from(&dir.join("chromedriver.log"))?;
        Ok(Self {
            driver: format!("http://127.0.0.1:{port}"),
            program,
            dir,
            _keeper: keeper,
        })
    }
}

/// The port chromedriver chose, which it prints.
fn port_from(log: &Path) -> Result<u16, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(log).unwrap_or_default();
        let port = text
            .split_once("successfully on port ")
            .and_then(|(_, rest)| rest.split_once('.'))
            .and_then(|(port, _)| port.parse().ok());
        if let Some(port) = port {
            return Ok(port);
        }
        if Instant::now() > deadline {
            return Err(format!("chromedriver does not start: {text}"));
        }
        sleep(Duration::from_millis(10));
    }
}

/// The first of these programs that is installed.
fn find(names: &[&str]) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = [
        "/usr/bin",
        "/usr/lib/chromium",
        "/usr/lib/chromium-browser",
        "/snap/bin",
    ];
    let folders: Vec<PathBuf> = std::env::split_paths(&path)
        .chain(more.map(PathBuf::from))
        .collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
        .ok_or_else(|| format!("{} is not installed; `make test` installs it", names[0]))
}
