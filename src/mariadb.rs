//! A private MariaDB server: its own data directory, socket and port, for `postwarden demo` and for the tests.
//!
//! The server never outlives the process that started it, however that process dies. It runs below a small shell
//! script, the *keeper*, whose standard input is a pipe that only this process holds open. When the pipe closes
//! (we stopped, panicked, or were killed with `kill -9`) the keeper ends the server and removes what is temporary.
//! Both run in a process group of their own, so Ctrl-C reaches the panel first and the server stays until the panel
//! is done.
//!
//! The machine's own MariaDB is never touched: `--no-defaults`, every path below one directory, bound to 127.0.0.1.
//! Account `root@localhost` gets a random password, so other users of the machine cannot get in. Everything here
//! blocks; call it from `spawn_blocking` or before the runtime starts.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Directory in which [`PrivateMariaDb::start_temporary`] keeps its ready-made data directory; default: the
/// temporary directory.
pub const TEMPLATE_DIR_VARIABLE: &str = "PRIVATE_MARIADB_TEMPLATES";

/// How long a server may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server that is still shutting down in the same directory is waited for.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);
/// Attempts when another program takes the port between choosing and binding it.
const PORT_ATTEMPTS: u32 = 5;
/// `sun_path` holds 108 bytes with the final NUL (unix(7)).
const MAX_SOCKET_PATH: usize = 107;
/// Has to be the same when a data directory is created and when it is used, or InnoDB rewrites its log at the start.
const LOG_FILE_SIZE: &str = "--innodb-log-file-size=16M";

const LOG_FILE: &str = "mariadbd.log";
const PID_FILE: &str = "mariadbd.pid";
const PASSWORD_FILE: &str = "root-password";
/// Written by the keeper when the server has ended; holds its exit status. The keeper's process id follows the name: the
/// keeper of a server before may write its file when the next server is starting already.
const ENDED_FILE: &str = "mariadbd.ended.";

/// Arguments: `temporary` or `lasting`, our directory, a socket directory to remove or nothing, the server's command.
///
/// A line `keep` on standard input ends the server and leaves the files; end of file ends everything. A temporary
/// directory stays when the server dies by itself: whoever killed it may want to start it again.
const KEEPER: &str = r#"
mode=$1 dir=$2 socket_dir=$3
shift 3
ended=$dir/mariadbd.ended.$$
exec 3<&0 </dev/null
"$@" 3<&- >/dev/null 2>>"$dir/mariadbd.log" &
server=$!
trap '' HUP INT TERM
echo "$server"
exec >/dev/null 2>&1
{
    word=
    read -r word <&3
    signal=TERM
    if [ "$mode" = temporary ] && [ "$word" != keep ]; then signal=KILL; fi
    [ -e "$ended" ] || kill -s "$signal" "$server"
    tries=0
    while [ ! -e "$ended" ] && kill -s 0 "$server"; do
        sleep 0.05
        tries=$((tries + 1))
        [ "$tries" -ne 600 ] || kill -s KILL "$server"
    done
    [ "$word" != keep ]
} &
watcher=$!
exec 3<&-
wait "$server"
echo $? >"$ended"
if [ "$mode" = temporary ]; then
    wait "$watcher" && rm -rf -- "$dir"
else
    kill -s KILL "$watcher"
fi
[ -z "$socket_dir" ] || rm -rf -- "$socket_dir"
"#;

/// What a committed transaction survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything, as in production: each commit is flushed to the disk.
    Full,
    /// The death of the server process, not of the machine: nothing waits for the disk. For tests.
    Relaxed,
}

/// A running MariaDB server of our own. Dropping it ends the server and waits for that.
#[derive(Debug)]
pub struct PrivateMariaDb {
    dir: PathBuf,
    socket: PathBuf,
    port: u16,
    password: String,
    durability: Durability,
    temporary: bool,
    keeper: Keeper,
}

/// The shell script above the server; see [`KEEPER`].
#[derive(Debug)]
struct Keeper {
    process: Child,
    pipe: Option<ChildStdin>,
    server: u32,
}

impl PrivateMariaDb {
    /// Starts the server whose data is in `dir/data`, on a free port; creates directory and data when missing.
    ///
    /// Waits until the server answers. When another server is just shutting down in `dir`, that is waited for.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when MariaDB is not installed, [`ErrorKind::ResourceBusy`] when a server already runs
    /// in `dir`, [`ErrorKind::TimedOut`] when it does not answer within 30 seconds; otherwise whatever the system or
    /// the server's log said, on one line.
    pub fn start(dir: &Path, durability: Durability) -> io::Result<Self> {
        create_private_dir(dir)?;
        let dir = dir.canonicalize()?;
        wait_for_previous(&dir)?;
        if !has_system_tables(&dir.join("data")) {
            create_data_dir(&dir.join("data"))?;
        }
        Self::launch(dir, durability, false)
    }

    /// Starts a server with relaxed durability in a fresh directory, which is removed when the server ends.
    ///
    /// `name` becomes part of the directory's name. The first call on a machine creates a data directory to copy
    /// from (see [`TEMPLATE_DIR_VARIABLE`]), which takes some seconds; the following ones take a fraction of one.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_temporary(name: &str) -> io::Result<Self> {
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .take(32)
            .collect();
        let template = Template::locate()?;
        let first = Self::start_copy(&name, &template);
        if first.is_ok()
            || first
                .as_ref()
                .is_err_and(|error| error.kind() == ErrorKind::NotFound)
        {
            return first;
        }
        // Programs that tidy temporary directories may have eaten parts of the template.
        template.discard();
        Self::start_copy(&name, &template)
    }

    fn start_copy(name: &str, template: &Template) -> io::Result<Self> {
        let dir = create_unpredictable_dir(&std::env::temp_dir(), &format!("postwarden-{name}"))?;
        let started = template
            .copy_to(&dir.join("data"))
            .and_then(|()| Self::launch(dir.clone(), Durability::Relaxed, true));
        if started.is_err() {
            // The keeper removes it as well when it ran; either may be first.
            drop(fs::remove_dir_all(&dir));
        }
        started
    }

    fn launch(dir: PathBuf, durability: Durability, temporary: bool) -> io::Result<Self> {
        let password = root_password(&dir)?;
        for attempt in 1.. {
            let port = free_port()?;
            match start_server(&dir, durability, temporary, port) {
                Ok((keeper, socket)) => {
                    return Ok(Self {
                        dir,
                        socket,
                        port,
                        password,
                        durability,
                        temporary,
                        keeper,
                    });
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse && attempt < PORT_ATTEMPTS => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(ErrorKind::AddrInUse))
    }

    /// The TCP port on 127.0.0.1. It stays the same over [`restart`](Self::restart).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's unix socket. It may change with [`restart`](Self::restart) when the directory's path is too long.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The directory that holds data, log and password.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The password of `root@localhost`: 32 hexadecimal digits.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where `root` reaches `database` by TCP: `mysql://root:PASSWORD@127.0.0.1:PORT/DATABASE`.
    ///
    /// `database` is used as it is; an empty one connects to no database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!(
            "mysql://root:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The process id of `mariadbd` itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.keeper.server
    }

    /// Whether the server has not ended, by itself or by [`kill_9`](Self::kill_9).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.keeper.pipe.is_some() && !self.keeper.ended_file(&self.dir).exists()
    }

    /// Kills the server without warning, as a crash would, and waits until it is gone. The data stays, that of a
    /// temporary server too, for [`restart`](Self::restart).
    ///
    /// # Errors
    /// When it cannot be killed, or is still there after ten seconds. Killing a server that has ended is no error.
    pub fn kill_9(&self) -> io::Result<()> {
        if self.is_running() {
            // The builtin, because the `kill` program is not on every machine; it fails when the server is just ending.
            let kill = ["-c", r#"kill -s KILL "$1" 2>/dev/null"#, "sh"];
            Command::new("sh")
                .args(kill)
                .arg(self.pid().to_string())
                .status()?;
        }
        let deadline = Instant::now() + LEAVE_TIMEOUT;
        while self.is_running() {
            if Instant::now() > deadline {
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "mariadbd did not end after SIGKILL",
                ));
            }
            sleep(POLL);
        }
        Ok(())
    }

    /// Starts the server again on the same port and data, after [`kill_9`](Self::kill_9) or after ending it cleanly.
    ///
    /// # Errors
    /// As [`start`](Self::start), and [`ErrorKind::AddrInUse`] when another program took the port meanwhile.
    pub fn restart(&mut self) -> io::Result<()> {
        self.keeper.end_keeping_files()?;
        (self.keeper, self.socket) = start_server(&self.dir, self.durability, self.temporary, self.port)?;
        Ok(())
    }

    /// Ends the server and waits for it: cleanly, or at once when it is temporary, whose directory is then gone.
    ///
    /// # Errors
    /// When waiting for it fails.
    pub fn stop(mut self) -> io::Result<()> {
        self.keeper.end()
    }
}

impl Keeper {
    /// What it writes when its server has ended.
    fn ended_file(&self, dir: &Path) -> PathBuf {
        dir.join(format!("{ENDED_FILE}{}", self.process.id()))
    }

    /// Ends the server; a temporary directory is removed.
    fn end(&mut self) -> io::Result<()> {
        drop(self.pipe.take());
        self.process.wait().map(drop)
    }

    fn end_keeping_files(&mut self) -> io::Result<()> {
        if let Some(mut pipe) = self.pipe.take() {
            match pipe.write_all(b"keep\n") {
                // It ended together with the server.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                other => other?,
            }
        }
        self.process.wait().map(drop)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Nobody is left to tell: without the pipe the keeper ends by itself.
        drop(self.end());
    }
}

/// A data directory with system tables, kept to be copied because creating one takes seconds.
struct Template {
    dir: PathBuf,
}

impl Template {
    /// Where the template for this user and this version of MariaDB is, whether it exists or not.
    fn locate() -> io::Result<Self> {
        let parent = std::env::var_os(TEMPLATE_DIR_VARIABLE).map_or_else(std::env::temp_dir, PathBuf::from);
        create_private_dir(&parent)?;
        let program = fs::metadata(find_program("mariadbd")?)?;
        let user = current_user()?;
        let name = format!(
            "postwarden-mariadb-template-{user}-{:x}-{:x}",
            program.mtime(),
            program.len()
        );
        Ok(Self {
            dir: parent.canonicalize()?.join(name),
        })
    }

    /// Copies the template to `data`; creates the template first when there is none that can be trusted.
    fn copy_to(&self, data: &Path) -> io::Result<()> {
        if !self.is_ours()? {
            self.create()?;
        }
        if !self.is_ours()? {
            // Somebody else sits on the name.
            return create_data_dir(data);
        }
        let copy = Command::new("cp")
            .arg("-a")
            .arg("--")
            .arg(self.dir.join("data"))
            .arg(data)
            .output()?;
        if copy.status.success() {
            Ok(())
        } else {
            Err(failure("cp", &String::from_utf8_lossy(&copy.stderr)))
        }
    }

    /// A directory (no symbolic link) that only the current user can have filled.
    fn is_ours(&self) -> io::Result<bool> {
        match fs::symlink_metadata(&self.dir) {
            Ok(found) => {
                Ok(found.is_dir() && found.uid() == current_user()? && found.mode() & 0o777 == 0o700)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Creates it aside and renames it into place, so that others see all of it or nothing.
    fn create(&self) -> io::Result<()> {
        let parent = self.dir.parent().unwrap_or(Path::new("/"));
        let aside = create_unpredictable_dir(parent, "postwarden-mariadb-new")?;
        let created = create_data_dir(&aside.join("data"));
        // Losing a race means that there is one now.
        if created.is_err() || fs::rename(&aside, &self.dir).is_err() {
            drop(fs::remove_dir_all(&aside));
        }
        created
    }

    fn discard(&self) {
        if self.is_ours().unwrap_or(false) {
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

/// Starts `mariadbd` below a keeper and waits until it answers; gives the keeper and the socket's path.
fn start_server(
    dir: &Path,
    durability: Durability,
    temporary: bool,
    port: u16,
) -> io::Result<(Keeper, PathBuf)> {
    let mariadbd = find_program("mariadbd")?;
    create_private_dir(&dir.join("tmp"))?;
    remove_stale(dir)?;
    let log_start = fs::metadata(dir.join(LOG_FILE)).map_or(0, |log| log.len());
    let socket_in_dir = dir.join("mariadbd.sock");
    let socket_dir = if socket_in_dir.as_os_str().len() > MAX_SOCKET_PATH {
        Some(create_unpredictable_dir(Path::new("/tmp"), "postwarden-socket")?)
    } else {
        None
    };
    let socket = socket_dir
        .as_ref()
        .map_or(socket_in_dir, |dir| dir.join("mariadbd.sock"));

    let mut process = Command::new("sh")
        .args(["-c", KEEPER, "postwarden-mariadb-keeper"])
        .arg(if temporary { "temporary" } else { "lasting" })
        .arg(dir)
        .arg(socket_dir.as_deref().unwrap_or(Path::new("")))
        .arg(mariadbd)
        .args(server_options(dir, &socket, port, durability)?)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let pipe = process.stdin.take();
    let answer = process.stdout.take();
    let mut keeper = Keeper {
        process,
        pipe,
        server: 0,
    };
    let mut line = String::new();
    if let Some(answer) = answer {
        BufReader::new(answer).read_line(&mut line)?;
    }
    keeper.server = line
        .trim()
        .parse()
        .map_err(|_| io::Error::other("the shell did not start mariadbd"))?;
    match wait_until_ready(dir, port, &keeper) {
        Ok(()) => Ok((keeper, socket)),
        Err(error) => {
            let log = read_from(&dir.join(LOG_FILE), log_start).unwrap_or_default();
            // The caller may want to try another port in the same directory.
            drop(keeper.end_keeping_files());
            Err(explain_failed_start(&error, &log))
        }
    }
}

/// Removes what servers before have left to say that they run, or ran.
fn remove_stale(dir: &Path) -> io::Result<()> {
    remove_if_there(&dir.join(PID_FILE))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_bytes().starts_with(ENDED_FILE.as_bytes()) {
            remove_if_there(&entry.path())?;
        }
    }
    Ok(())
}

/// The command line of the server, after the program.
fn server_options(dir: &Path, socket: &Path, port: u16, durability: Durability) -> io::Result<Vec<OsString>> {
    // Character set as in Debian's own configuration, which `--no-defaults` leaves out. No `--skip-name-resolve`:
    // accounts such as mail@localhost would no longer match connections by TCP, and loopback needs no DNS anyway.
    let mut options: Vec<OsString> = [
        "--no-defaults",
        "--bind-address=127.0.0.1",
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_general_ci",
        "--skip-log-bin",
        "--performance-schema=OFF",
        "--loose-feedback=OFF",
        "--silent-startup",
        "--log-warnings=1",
        "--max-connections=500",
        "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=8M",
        "--innodb-buffer-pool-size=64M",
        "--innodb-buffer-pool-dump-at-shutdown=OFF",
        "--innodb-buffer-pool-load-at-startup=OFF",
        LOG_FILE_SIZE,
    ]
    .map(OsString::from)
    .to_vec();
    // With 2 a commit has reached the kernel and survives kill -9; 0 would lose up to a second of commits.
    let relaxed = [
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-flush-method=nosync",
        "--skip-innodb-doublewrite",
        "--sync-frm=OFF",
    ];
    if durability == Durability::Relaxed {
        options.extend(relaxed.map(OsString::from));
    }
    options.push(format!("--port={port}").into());
    options.push(option("--datadir=", &dir.join("data")));
    options.push(option("--tmpdir=", &dir.join("tmp")));
    options.push(option("--init-file=", &dir.join("init.sql")));
    options.push(option("--log-error=", &dir.join(LOG_FILE)));
    options.push(option("--pid-file=", &dir.join(PID_FILE)));
    options.push(option("--socket=", socket));
    options.extend(user_option()?);
    Ok(options)
}

/// Waits for the pid file, which proves that the port is ours, and then for the greeting every client gets first.
fn wait_until_ready(dir: &Path, port: u16, keeper: &Keeper) -> io::Result<()> {
    let ended = keeper.ended_file(dir);
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if ended.exists() {
            return Err(io::Error::other("mariadbd ended during its start"));
        }
        if recorded_pid(dir) == Some(keeper.server) && greets(port) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let message = format!(
                "mariadbd did not answer within {} seconds",
                START_TIMEOUT.as_secs()
            );
            return Err(io::Error::new(ErrorKind::TimedOut, message));
        }
        sleep(POLL);
    }
}

/// Whether a server says hello in protocol version 10: three bytes of length, a sequence number, the version.
fn greets(port: u16) -> bool {
    let read_greeting = || -> io::Result<[u8; 5]> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut start = [0; 5];
        stream.read_exact(&mut start)?;
        Ok(start)
    };
    read_greeting().is_ok_and(|start| start.last() == Some(&10))
}

fn explain_failed_start(error: &io::Error, log: &str) -> io::Error {
    if log.contains("Bind on TCP/IP port") {
        return io::Error::new(
            ErrorKind::AddrInUse,
            "the port for mariadbd is taken by another program",
        );
    }
    // The first error is the cause, the later ones its consequences.
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("[ERROR]"))
        .take(3)
        .collect();
    let lines = if errors.is_empty() {
        log.lines().collect()
    } else {
        errors
    };
    let last = last_three(&lines);
    let last = if last.is_empty() {
        "its log is empty"
    } else {
        &last
    };
    io::Error::new(error.kind(), format!("{error}: {last}"))
}

/// Fails when a server runs on `dir/data` and does not leave.
fn wait_for_previous(dir: &Path) -> io::Result<()> {
    let deadline = Instant::now() + LEAVE_TIMEOUT;
    while let Some(pid) = recorded_pid(dir) {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let data_option = option("--datadir=", &dir.join("data"));
        if !command
            .split(|byte| *byte == 0)
            .any(|argument| argument == data_option.as_bytes())
        {
            return Ok(());
        }
        if Instant::now() > deadline {
            let message = format!(
                "a MariaDB server (process {pid}) already runs in {}: stop it first",
                dir.display()
            );
            return Err(io::Error::new(ErrorKind::ResourceBusy, message));
        }
        sleep(POLL);
    }
    Ok(())
}

fn recorded_pid(dir: &Path) -> Option<u32> {
    fs::read_to_string(dir.join(PID_FILE)).ok()?.trim().parse().ok()
}

fn has_system_tables(data: &Path) -> bool {
    data.join("mysql/global_priv.frm").exists()
}

/// Creates a data directory with the system tables: completely, or not at all.
fn create_data_dir(data: &Path) -> io::Result<()> {
    let install = find_program("mariadb-install-db")?;
    match fs::remove_dir(data) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
            let message = format!(
                "{} is in the way: no MariaDB data directory, and not empty",
                data.display()
            );
            return Err(io::Error::new(ErrorKind::AlreadyExists, message));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let aside = create_unpredictable_dir(data.parent().unwrap_or(Path::new("/")), "data-new")?;
    // Relative, because that script of MariaDB's does not quote paths with spaces.
    let relative = Path::new(".").join(aside.file_name().unwrap_or_default());
    let output = Command::new(install)
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ])
        .args([
            "--skip-name-resolve",
            "--innodb-buffer-pool-size=64M",
            LOG_FILE_SIZE,
        ])
        .arg(option("--datadir=", &relative))
        .args(user_option()?)
        // A server that starts removes all temporary tables in its temporary directory, those of others too.
        .env("TMPDIR", &aside)
        .current_dir(aside.parent().unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        drop(fs::remove_dir_all(&aside));
        let said = [output.stdout, output.stderr].concat();
        return Err(failure("mariadb-install-db", &String::from_utf8_lossy(&said)));
    }
    fs::rename(&aside, data)
}

/// The password kept in `dir`, made up at first; leaves the SQL in `dir/init.sql` that sets it at every start.
fn root_password(dir: &Path) -> io::Result<String> {
    let file = dir.join(PASSWORD_FILE);
    let kept = fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
    let is_whole = kept.len() == 32 && kept.bytes().all(|byte| byte.is_ascii_hexdigit());
    let password = if is_whole { kept } else { random_hex()? };
    write_private(&file, &format!("{password}\n"))?;
    // One statement a line. The first removes accounts without password that mariadb-install-db may have created.
    let sql = format!(
        "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');\n\
         FLUSH PRIVILEGES;\n\
         ALTER USER root@localhost IDENTIFIED BY '{password}';\n"
    );
    write_private(&dir.join("init.sql"), &sql)?;
    Ok(password)
}

/// The path of a program of MariaDB. Debian keeps the server in `/usr/sbin`, which is not in every user's PATH.
fn find_program(name: &str) -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(
            [
                "/usr/sbin",
                "/usr/bin",
                "/usr/local/sbin",
                "/usr/local/bin",
                "/usr/libexec",
            ]
            .map(PathBuf::from),
        )
        .map(|dir| dir.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| {
            let message = format!("{name} is not installed: apt-get install mariadb-server");
            io::Error::new(ErrorKind::NotFound, message)
        })
}

/// `mariadbd` refuses to run as root unless told to.
fn user_option() -> io::Result<Option<OsString>> {
    Ok((current_user()? == 0).then(|| OsString::from("--user=root")))
}

/// The effective user id of this process: the owner of its entry in `/proc`.
fn current_user() -> io::Result<u32> {
    Ok(fs::metadata("/proc/self")?.uid())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn option(name: &str, value: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(value.as_os_str());
    option
}

/// Creates `dir` for the current user alone, unless it exists.
fn create_private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// A new directory for the current user alone, whose name nobody could have prepared for.
fn create_unpredictable_dir(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let random = random_hex()?;
    let dir = parent
        .canonicalize()?
        .join(format!("{name}-{}", random.get(..12).unwrap_or(&random)));
    DirBuilder::new().mode(0o700).create(&dir)?;
    Ok(dir)
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    remove_if_there(file)?;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?
        .write_all(text.as_bytes())
}

fn remove_if_there(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// 128 random bits as 32 hexadecimal digits.
fn random_hex() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn read_from(file: &Path, offset: u64) -> io::Result<String> {
    let bytes = fs::read(file)?;
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    Ok(String::from_utf8_lossy(bytes.get(offset..).unwrap_or_default()).into_owned())
}

/// An error that names the program and what it said last, on one line.
fn failure(program: impl AsRef<OsStr>, said: &str) -> io::Error {
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let last = last_three(&lines);
    io::Error::other(format!("{} failed: {last}", program.as_ref().display()))
}

fn last_three(lines: &[&str]) -> String {
    lines
        .get(lines.len().saturating_sub(3)..)
        .unwrap_or_default()
        .join(" | ")
}
