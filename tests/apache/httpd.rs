//! A private Apache: Debian's program and modules, a configuration and ports of its own. It never outlives the test
//! program, however that dies.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What Debian's package enables by itself and a site may rely on. `mpm_event` and `authz_core` are needed to start.
const ENABLED: &[&str] = &[
    "mpm_event",
    "authz_core",
    "authz_host",
    "alias",
    "deflate",
    "dir",
    "env",
    "filter",
    "mime",
    "reqtimeout",
    "setenvif",
];

/// The server around the sites, with Debian's settings where they may matter to a request. TLS is as permissive as the
/// program can be, so that what a site allows is what its own lines allow.
const SERVER: &str = r#"
ServerRoot "DIR"
DefaultRuntimeDir "DIR"
PidFile "DIR/pid"
ErrorLog "DIR/error.log"
ServerName localhost
User nobody
Group nogroup
TypesConfig /etc/mime.types
DocumentRoot "DIR/www"
<Directory "DIR/www">
    Require all granted
</Directory>
StartServers 1
RequestReadTimeout header=20-40,minrate=500 body=10,minrate=500
AddOutputFilterByType DEFLATE text/html text/plain text/css application/javascript
<IfModule ssl_module>
    SSLProtocol all
    SSLCipherSuite ALL:@SECLEVEL=0
</IfModule>
"#;

/// Ends the server at the end of standard input, which only the test program holds open, and removes its directory.
/// Arguments: the directory, the server's command.
const KEEPER: &str = r#"
dir=$1
shift
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
trap '' HUP INT TERM
read -r _ <&3
kill -s TERM "$server"
wait "$server"
rm -rf -- "$dir"
"#;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration in the making, in a directory of its own.
#[derive(Debug)]
pub struct Configuration {
    dir: TempDir,
    modules: Vec<String>,
    text: String,
}

impl Configuration {
    /// A server without sites, with Debian's own modules and those that `a2enmod` names.
    pub fn with_modules(a2enmod: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).expect("open to Apache's user");
        fs::create_dir(dir.path().join("www")).expect("a directory");
        let mut modules: Vec<String> = ENABLED.iter().map(|&name| name.to_owned()).collect();
        for name in a2enmod {
            // As /etc/apache2/mods-available/ssl.load asks for.
            let needed = (*name == "ssl").then_some("socache_shmcb");
            modules.extend(needed.into_iter().chain([*name]).map(str::to_owned));
        }
        Self {
            dir,
            modules,
            text: String::new(),
        }
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file below the server's root.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.dir().join(name);
        fs::write(&file, text).expect(name);
        file
    }

    /// Adds sites and the ports they are on.
    pub fn add(&mut self, ports: &[u16], text: &str) {
        self.text
            .extend(ports.iter().map(|port| format!("Listen 127.0.0.1:{port}\n")));
        self.text += text;
    }

    /// Starts the server, which answers on `port` from then on.
    pub fn start(self, port: u16) -> Apache {
        let dir = self.dir.path().to_str().expect("a path").to_owned();
        let load = |name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
        let mut text: String = self.modules.iter().map(load).collect();
        text += &SERVER.replace("DIR", &dir);
        text += &self.text;
        let file = self.write("apache2.conf", &text);
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "postwarden-apache-keeper", &dir])
            .arg("/usr/sbin/apache2")
            .arg("-f")
            .arg(file)
            .arg("-DFOREGROUND")
            .stdin(Stdio::piped())
            .stdout(fs::File::create(self.dir().join("output")).expect("a file"))
            .stderr(fs::File::create(self.dir().join("refused")).expect("a file"))
            .process_group(0)
            .spawn()
            .expect("a shell");
        let apache = Apache {
            pipe: keeper.stdin.take(),
            keeper,
            dir: self.dir,
        };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let said = fs::read_to_string(apache.dir.path().join("refused")).unwrap_or_default();
            assert!(
                said.is_empty() && Instant::now() < deadline,
                "no Apache: {said}{}",
                apache.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        apache
    }
}

/// A running Apache. Dropping it ends it and removes its files.
#[derive(Debug)]
pub struct Apache {
    pipe: Option<ChildStdin>,
    keeper: Child,
    dir: TempDir,
}

impl Apache {
    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // Without the pipe the keeper ends by itself; nobody is left to tell.
        let _ = self.keeper.wait();
    }
}

/// A port of 127.0.0.1 nobody listens on. Below those the system gives to outgoing connections, so that none of another
/// test takes it before Apache does.
pub fn free_port() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 100).expect("below 100") * 100;
    (0..1000)
        .map(|_| first + NEXT.fetch_add(1, Ordering::Relaxed) % 1000)
        .find(|port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, *port))).is_ok())
        .expect("a free port")
}
