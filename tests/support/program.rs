//! Running `postwarden` with nothing of this machine's environment.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Answer, Browser, Database, PASSWORD};

/// How long the program may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run that has ended.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// What was printed by a run that did what it should.
    pub fn done(self) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (Some(0), ""),
            "{}",
            self.stdout
        );
        self.stdout
    }

    /// The one line of an error with this exit code.
    pub fn refused(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert_eq!(self.stdout, "");
        self.stderr.trim_end().to_owned()
    }
}

/// The program with these arguments, settings from nowhere but `variables`.
fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postwarden"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("POSTWARDEN_CONFIG", "/dev/null")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    run_with_input(arguments, variables, "")
}

/// Runs the program to its end with something on its standard input.
pub fn run_with_input(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Finished {
    let mut child = command(arguments, variables)
        .stdin(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that does not read what it is given closes the pipe early.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// Starts the program on a database and leaves it to the caller; what it prints goes nowhere.
pub fn start_on(database: &Database, arguments: &[&str]) -> Child {
    command(arguments, &[("DATABASE_URL", &database.url)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// Runs the program on a database.
pub fn on(database: &Database, arguments: &[&str]) -> Finished {
    run(arguments, &[("DATABASE_URL", &database.url)])
}

/// Makes an account with the password of all tests.
pub fn create_account(database: &Database, name: &str, role: &str, domains: &[&str]) {
    let mut arguments = vec!["account", "create", name, "--role", role, "--password-stdin"];
    for domain in domains {
        arguments.extend(["--domain", domain]);
    }
    let printed = run_with_input(
        &arguments,
        &[("DATABASE_URL", &database.url)],
        &format!("{PASSWORD}\n"),
    )
    .done();
    assert_eq!(printed, format!("created {role} {name}\n"));
}

/// A program that goes on until it is told to stop. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What stands on standard output so far.
    pub stdout: Lines,
    /// What stands on standard error so far.
    pub stderr: Lines,
    /// The address it was told to listen on.
    pub address: SocketAddr,
}

/// Lines another thread reads.
#[derive(Debug, Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn of(source: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let filled = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                filled.0.lock().expect("lines").push(line);
            }
        });
        lines
    }

    /// All lines so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().expect("lines").clone()
    }

    /// The first line that contains a text, if there is one already.
    pub fn find(&self, text: &str) -> Option<String> {
        self.all().into_iter().find(|line| line.contains(text))
    }

    /// The first line that contains a text, as soon as there is one.
    pub fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.find(text) {
                return line;
            }
            assert!(Instant::now() < deadline, "no `{text}` in {:#?}", self.all());
            sleep(Duration::from_millis(10));
        }
    }
}

impl Running {
    fn start(arguments: &[&str], variables: &[(&str, &str)], address: SocketAddr) -> Self {
        let listen = address.to_string();
        let mut child = command(arguments, variables)
            .env("POSTWARDEN_LISTEN", &listen)
            .spawn()
            .expect("the program starts");
        let stdout = Lines::of(child.stdout.take().expect("a pipe"));
        let stderr = Lines::of(child.stderr.take().expect("a pipe"));
        Self {
            child,
            stdout,
            stderr,
            address,
        }
    }

    /// `postwarden serve`, ready.
    pub fn serve(variables: &[(&str, &str)]) -> Self {
        Self::serve_at(free_address(), variables)
    }

    /// `postwarden serve` on this address, ready.
    pub fn serve_at(address: SocketAddr, variables: &[(&str, &str)]) -> Self {
        let running = Self::start(&["serve"], variables, address);
        running.stderr.wait_for(" serves http");
        running
    }

    /// `postwarden serve` on a database, ready.
    pub fn serve_on(database: &Database) -> Self {
        Self::serve(&[("DATABASE_URL", &database.url)])
    }

    /// `postwarden demo` in a folder; gives the password it prints, too.
    pub fn demo(dir: &Path) -> (Self, String) {
        let dir = dir.to_str().expect("a path");
        let running = Self::start(&["demo", "--dir", dir], &[], free_address());
        let line = running.stdout.wait_for("  password  ");
        let password = line.split_whitespace().nth(1).expect("a password").to_owned();
        running.stderr.all();
        (running, password)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A browser nobody has signed in with.
    pub fn browser(&self) -> Browser {
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .expect("a client");
        Browser {
            client,
            base: format!("http://{}/", self.address),
        }
    }

    /// A browser with somebody signed in.
    pub async fn signed_in(&self, name: &str, password: &str) -> Browser {
        let browser = self.browser();
        let answer = sign_in(&browser, name, password).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// Sends a signal such as `TERM`.
    pub fn signal(&self, name: &str) {
        // The builtin, because the `kill` program is not on every machine.
        let status = Command::new("sh")
            .args(["-c", r#"kill -s "$1" "$2""#, "sh", name, &self.pid().to_string()])
            .status()
            .expect("a shell");
        assert!(status.success());
    }

    /// Waits for the end; gives the exit code, or nothing where a signal ended it.
    pub fn ended_within(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "still running after {limit:?}: {:#?}",
                self.stderr.all()
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end, as systemd does, and expects that it does so cleanly and soon.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.ended_within(Duration::from_secs(5)), Some(0));
    }

    /// Kills it without warning.
    pub fn kill_9(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts the sign-in form.
pub async fn sign_in(browser: &Browser, name: &str, password: &str) -> Answer {
    browser
        .post("login", &[("username", name), ("password", password)])
        .await
}

/// An address of this machine nobody listens on. Every call gives an address of its own out of 127.0.0.0/8, so that no
/// outgoing connection of another test takes the port before the program does.
pub fn free_address() -> SocketAddr {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(2);
    let host = Ipv4Addr::new(127, 0, 77, NEXT.fetch_add(1, Ordering::Relaxed));
    let listener = TcpListener::bind((host, 0)).expect("a free port");
    listener.local_addr().expect("an address")
}
