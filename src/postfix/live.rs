//! A live Postfix, as its own programs and files tell: `postconf`, the files of its lookup tables, `postmap`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::maps::{Map, Place};
use super::{Query, syntax};

/// How long `postconf` may take, for which people wait, and how long `postmap`, which waits for the database.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_WITH_DATABASE: Duration = Duration::from_mins(1);

/// How large a file with settings may be, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where Postfix keeps its programs when the path of the caller does not know.
const SBIN: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// Parameters whose value counts even where main.cf does not set them.
const ASKED: &[&str] = &[
    "virtual_alias_domains",
    "virtual_mailbox_domains",
    "virtual_mailbox_maps",
    "virtual_alias_maps",
    "relay_domains",
    "relay_recipient_maps",
    "transport_maps",
    "relocated_maps",
    "parent_domain_matches_subdomains",
    "recipient_delimiter",
    "propagate_unmatched_extensions",
    "smtpd_client_restrictions",
    "smtpd_helo_restrictions",
    "smtpd_sender_restrictions",
    "smtpd_relay_restrictions",
    "smtpd_recipient_restrictions",
    "smtpd_data_restrictions",
    "smtpd_end_of_data_restrictions",
    "mydestination",
    "mynetworks",
    "smtpd_reject_unlisted_recipient",
    "receive_override_options",
    "virtual_transport",
];

/// The lists smtpd(8) checks a recipient by, and what kind of check a table without a word before it is there.
const RESTRICTIONS: &[(&str, &str)] = &[
    ("smtpd_client_restrictions", "check_client_access"),
    ("smtpd_helo_restrictions", "check_helo_access"),
    ("smtpd_sender_restrictions", "check_sender_access"),
    ("smtpd_relay_restrictions", "check_recipient_access"),
    ("smtpd_recipient_restrictions", "check_recipient_access"),
];

/// One lookup table in MySQL that main.cf names.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its file.
    pub path: String,
    /// What it asks the database.
    pub query: Query,
    /// Whether Postfix, which does not run as root, can read the file.
    pub readable: bool,
    /// Whether everybody on the machine can read the password in it.
    pub exposed: bool,
    /// Whether it belongs to root or to whoever runs this program, so that nobody else says what is asked.
    pub trusted: bool,
}

impl Source {
    /// The name of its file.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether its query may be tried on model rows of this database.
    pub fn can_be_tried(&self, database: &str) -> bool {
        self.trusted && self.query.can_be_tried(database)
    }
}

/// The files of some lookup tables that are asked in turn, by name: of those that read a table, where any does.
pub fn names(sources: &[&Source], table: &str) -> String {
    let any = sources.iter().any(|s| s.query.reads(table));
    let meant = sources.iter().filter(|s| s.query.reads(table) || !any);
    meant.map(|s| s.name()).collect::<Vec<_>>().join(", ")
}

/// The configuration of a Postfix.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Its directory.
    pub dir: PathBuf,
    /// What main.cf sets, names of other parameters filled in (`postconf -n -x`).
    pub set: BTreeMap<String, String>,
    /// What is in effect, defaults included (`postconf -x`).
    pub effective: BTreeMap<String, String>,
    /// Settings that master.cf has for single services: `smtp/inet/smtpd_relay_restrictions` (`postconf -P`).
    pub services: Vec<String>,
    /// Lines of main.cf that end in `\`.
    pub backslashes: Vec<usize>,
    /// The lookup tables in MySQL that any parameter names.
    pub sources: Vec<Source>,
}

impl Live {
    /// Reads the configuration in `dir`.
    ///
    /// # Errors
    /// In one line: Postfix is not installed, postconf fails, a file is missing or cannot be read, a lookup table asks
    /// nothing.
    pub async fn read(dir: &Path) -> Result<Self, String> {
        let (text, _) = text_of(&dir.join("main.cf"))?;
        let set = postconf(dir, &["-n", "-x"]).await?;
        let mut arguments = vec!["-x"];
        arguments.extend(ASKED);
        let effective = postconf(dir, &arguments).await?;
        // A directory that is only looked at may lack master.cf, which says nothing about lookup tables. postconf would wait a
        // second before it complained.
        let services = if dir.join("master.cf").exists() {
            postconf(dir, &["-P"]).await?
        } else {
            BTreeMap::new()
        };
        let mut sources: Vec<Source> = Vec::new();
        for value in set.values().chain(effective.values()) {
            for path in files_in(value) {
                if sources.iter().all(|s| s.path != path) {
                    sources.push(source(path)?);
                }
            }
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            set,
            effective,
            services: services.into_keys().collect(),
            backslashes: syntax::lines_with_backslash(&text),
            sources,
        })
    }

    /// The value of a parameter in effect.
    pub fn value(&self, name: &str) -> &str {
        self.effective.get(name).map_or("", String::as_str)
    }

    /// The words of a list in effect.
    pub fn words(&self, name: &str) -> Vec<&str> {
        syntax::words(self.value(name))
    }

    /// The lookup tables in MySQL among the words of a text.
    pub fn sources_in(&self, value: &str) -> Vec<&Source> {
        files_in(value)
            .into_iter()
            .filter_map(|path| self.sources.iter().find(|s| s.path == path))
            .collect()
    }

    /// The lookup tables in MySQL that Postfix asks in such a place.
    pub fn sources_at(&self, place: Place) -> Vec<&Source> {
        match place {
            Place::Parameter(name) => self.sources_in(self.value(name)),
            Place::Check(check) => self
                .checks(check)
                .into_iter()
                .flat_map(|(_, _, word)| self.sources_in(word))
                .collect(),
        }
    }

    /// Those it asks where it would ask a lookup table of ours.
    pub fn sources_of(&self, map: &Map) -> Vec<&Source> {
        let sources = self.sources_at(map.place());
        if matches!(map.place(), Place::Parameter(_)) {
            return sources;
        }
        // One kind of check asks several tables in turn.
        sources.into_iter().filter(|s| s.query.reads(map.table)).collect()
    }

    /// The words of a list of restrictions, with those of restriction classes in their place.
    pub fn restrictions(&self, parameter: &str) -> Vec<&str> {
        let set = |name: &str| self.set.get(name).map_or("", String::as_str);
        let classes = syntax::words(set("smtpd_restriction_classes"));
        let mut words = Vec::new();
        for word in self.words(parameter) {
            if classes.contains(&word) {
                words.extend(syntax::words(set(word)));
            } else {
                words.push(word);
            }
        }
        words
    }

    /// Where a kind of check stands: the parameter, the place in its list, and the table that is asked. A table by itself is
    /// a check of the list's own kind.
    pub fn checks(&self, check: &str) -> Vec<(&'static str, usize, &str)> {
        let mut found = Vec::new();
        for &(parameter, own) in RESTRICTIONS {
            let words = self.restrictions(parameter);
            for (i, word) in words.iter().enumerate() {
                let before = i.checked_sub(1).map_or("", |i| words[i]);
                let is_bare = !before.starts_with("check_") && own == check;
                if before == check || (is_bare && syntax::mysql_file(word).is_some()) {
                    found.push((parameter, i, *word));
                }
            }
        }
        found
    }

    /// What a lookup table answers for each of some keys, by `postmap -q -`; a key without an answer is left out, and so is
    /// one of several lines, which nobody can ask for.
    ///
    /// # Errors
    /// What postmap complained about.
    pub async fn ask(&self, source: &Source, keys: &[String]) -> Result<HashMap<String, String>, String> {
        let mut command = Command::new("postmap");
        command
            .arg("-c")
            .arg(&self.dir)
            .args(["-q", "-"])
            .arg(format!("mysql:{}", source.path));
        let askable = |key: &&String| !key.is_empty() && !key.contains(char::is_control);
        let asked: Vec<&str> = keys.iter().filter(askable).map(String::as_str).collect();
        let (success, out, err) = run(
            command,
            "postmap",
            &(asked.join("\n") + "\n"),
            PATIENCE_WITH_DATABASE,
        )
        .await?;
        // It warns of much that is none of the lookup table's business, such as a parameter that main.cf sets twice.
        if !success && complaints(&err).any(|line| line.contains("fatal: ")) {
            return Err(reason(complaints(&err).next()));
        }
        Ok(answers(&asked, &out))
    }
}

/// What the Postfix of a configuration calls itself, and the addresses of its own that it is told.
///
/// # Errors
/// In one line: Postfix is not installed, or postconf fails.
pub async fn identity(dir: &Path) -> Result<(String, Vec<IpAddr>), String> {
    let told = postconf(dir, &["-x", "myhostname", "inet_interfaces", "proxy_interfaces"]).await?;
    let value = |name: &str| told.get(name).map_or("", String::as_str);
    let words = ["inet_interfaces", "proxy_interfaces"].map(|name| syntax::words(value(name)));
    let addresses = words.iter().flatten();
    let addresses = addresses.filter_map(|word| word.trim_matches(['[', ']']).parse().ok());
    Ok((value("myhostname").to_owned(), addresses.collect()))
}

/// The answers in what `postmap -q -` prints: key, tab, answer; an answer may go on in further lines.
fn answers(asked: &[&str], printed: &str) -> HashMap<String, String> {
    let mut answers: HashMap<String, String> = HashMap::new();
    let mut last = None;
    for line in printed.lines() {
        match line.split_once('\t').filter(|(key, _)| asked.contains(key)) {
            Some((key, answer)) => {
                answers.insert(key.to_owned(), answer.to_owned());
                last = Some(key);
            }
            None => {
                if let Some(answer) = last.and_then(|key| answers.get_mut(key)) {
                    answer.push('\n');
                    answer.push_str(line);
                }
            }
        }
    }
    answers
}

/// The files of lookup tables in MySQL in a value, braces and all.
fn files_in(value: &str) -> Vec<&str> {
    value
        .split(|c: char| c.is_whitespace() || ",{}".contains(c))
        .filter_map(syntax::mysql_file)
        .collect()
}

fn source(path: &str) -> Result<Source, String> {
    if !path.starts_with(['/', '.']) {
        return Err(format!(
            "mysql:{path} keeps its parameters in main.cf, as Postfix had it before version 2.0: write them to a file of \
             their own"
        ));
    }
    let file = Path::new(path);
    let (text, about) = text_of(file)?;
    let query = Query::parse(&text).ok_or_else(|| {
        format!("{path} has no query: Postfix would ask the database nothing, and answer every mail with 451")
    })?;
    Ok(Source {
        path: path.to_owned(),
        query,
        readable: readable_by_postfix(&about),
        exposed: about.permissions().mode() & 0o004 != 0,
        trusted: about.uid() == 0 || fs::metadata("/proc/self").is_ok_and(|own| own.uid() == about.uid()),
    })
}

/// The text of a file, which is a real one and of a size that settings have. Bytes that are no UTF-8 do not matter to Postfix.
fn text_of(file: &Path) -> Result<(String, fs::Metadata), String> {
    let about = fs::metadata(file).map_err(|e| unreadable(file, &e))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(format!(
            "cannot read {}: it is no regular file, or larger than 1 MiB",
            file.display()
        ));
    }
    let bytes = fs::read(file).map_err(|e| unreadable(file, &e))?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), about))
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => ", which Postfix needs",
        io::ErrorKind::PermissionDenied => ": run this as root",
        _ => "",
    };
    format!("cannot read {}{hint} ({error})", path.display())
}

/// Whether an account of group postfix may read the file.
fn readable_by_postfix(about: &fs::Metadata) -> bool {
    let mode = about.permissions().mode();
    let is = |file: &str, id: u32| number_in(file, "postfix") == Some(id);
    mode & 0o004 != 0
        || (mode & 0o040 != 0 && is("/etc/group", about.gid()))
        || (mode & 0o400 != 0 && is("/etc/passwd", about.uid()))
}

/// The number of a user or group in a file of that kind.
pub fn number_in(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// What `postconf` prints, as parameters.
async fn postconf(dir: &Path, arguments: &[&str]) -> Result<BTreeMap<String, String>, String> {
    let mut command = Command::new("postconf");
    command.arg("-c").arg(dir).args(arguments);
    let (success, out, err) = run(command, "postconf", "", PATIENCE).await?;
    if !success {
        return Err(format!(
            "postconf cannot read {}: {}",
            dir.join("main.cf").display(),
            reason(complaints(&err).last())
        ));
    }
    Ok(out
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect())
}

/// What a program of Postfix complained about, line by line, apart from parameters that main.cf sets twice.
fn complaints(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.contains(": overriding earlier entry: "))
}

/// A complaint without the name of the program. The first of postmap names the cause, the fatal one after it often nothing but
/// an unrelated error number; postconf ends with the fatal one.
fn reason(complaint: Option<&str>) -> String {
    let line = complaint.unwrap_or("it says nothing");
    let (_, line) = line.split_once(": ").unwrap_or(("", line));
    let line = line.strip_prefix("warning: ").unwrap_or(line);
    let line = line.strip_prefix("fatal: ").unwrap_or(line);
    // postconf shows the line it does not understand, which may have a password in it.
    line.split_once(": \"").map_or(line, |(what, _)| what).to_owned()
}

/// Runs one of Postfix's programs on some input: whether it succeeded, what it printed, what it complained about.
async fn run(
    mut command: Command,
    name: &str,
    input: &str,
    patience: Duration,
) -> Result<(bool, String, String), String> {
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("{path}:{SBIN}"))
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let done = async {
        let mut process = command.spawn()?;
        let mut pipe = process.stdin.take();
        let fed = async {
            if let Some(pipe) = &mut pipe {
                // One that ends before it has read everything has said why.
                let _ = pipe.write_all(input.as_bytes()).await;
            }
            drop(pipe.take());
        };
        let (output, ()) = tokio::join!(process.wait_with_output(), fed);
        output
    };
    let output = match tokio::time::timeout(patience, done).await {
        Err(_) => return Err(format!("{name} did not answer within {} s", patience.as_secs())),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!(
                "{name} is not on this machine: run this where Postfix is installed"
            ));
        }
        Ok(Err(error)) => return Err(format!("{name} does not start: {error}")),
        Ok(Ok(output)) => output,
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_several_lines_stays_one() {
        let printed = "a@b\tone,\ntwo\nc@d\t\nx\ty\n";
        let found = answers(&["a@b", "c@d", "none@e"], printed);
        assert_eq!(found.len(), 2);
        assert_eq!(found["a@b"], "one,\ntwo");
        assert_eq!(found["c@d"], "\nx\ty");
    }

    #[test]
    fn a_parameter_that_is_set_twice_is_no_complaint_about_a_lookup_table() {
        let said = "postmap: warning: /etc/postfix/main.cf, line 9: overriding earlier entry: mydestination=\n\
                    postmap: warning: connect to mysql server inet:127.0.0.1: Access denied for user 'mail'@'localhost'\n\
                    postmap: fatal: table mysql:/etc/postfix/a.cf: query error: Operation now in progress\n";
        assert_eq!(
            reason(complaints(said).next()),
            "connect to mysql server inet:127.0.0.1: Access denied for user 'mail'@'localhost'"
        );
        assert_eq!(reason(Some("postconf: fatal: no = in it")), "no = in it");
        assert_eq!(reason(complaints(" \n").next()), "it says nothing");
    }
}
