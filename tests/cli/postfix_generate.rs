//! `postwarden postfix generate`: the files, whose they are, and that a real Postfix looks up with them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use postwarden::postfix::{Account, MAPS, grants};
use tempfile::TempDir;

use crate::program::{Finished, on, run, run_with_input};
use crate::support::Database;

/// A password with everything in it that means something to somebody on the way.
const ODD_PASSWORD: &str = r#"$a${b} #c"d'e%s%%\n\=f;`g` h,{i}"#;

/// Rows every lookup table has an answer for, and the answer: lookup table, key, answer.
const ANSWERS: &[(&str, &str, &str)] = &[
    ("domains", "blobber.org", "1"),
    ("domains", "whopper.nu", ""),
    ("mailbox", "xandros@blobber.org", "blobber.org/xandros/"),
    ("mailbox", "nobody@blobber.org", ""),
    (
        "alias",
        "info@blobber.org",
        "xandros@blobber.org,vivita@blobber.org",
    ),
    ("alias", "o'brien@blobber.org", "vivita@blobber.org"),
    ("alias", "off@blobber.org", ""),
    ("backups", "friend1.com", "1"),
    ("relays", "someone@friend1.com", "1"),
    ("relays", "trap@friend1.com", ""),
    ("transport", "joe@blobber.org", "smtp:[aspmx.l.google.com]"),
    ("transport", "blobber.org", ""),
    ("transport_backups", "friend1.com", ":[mail.friend.com]"),
    ("transport_backups", "friend2.com", ""),
    ("relocated", "pete@blobber.org", "pete@new.example"),
    (
        "moved",
        "pete@blobber.org",
        "550 5.1.6 User has moved to pete@new.example",
    ),
    (
        "block_recip",
        "spam@blobber.org",
        "550 5.7.1 Recipient address blocked",
    ),
    ("client_access", "192.0.2.77", "REJECT go away"),
    ("client_access", "198.51.100.1", ""),
    ("sender_access", "friend@x.example", "OK"),
];

const ROWS: &str = r"
    INSERT INTO domains (domain, transport, enabled) VALUES ('blobber.org', 'virtual:', 1), ('whopper.nu', 'virtual:', 0),
      ('joe@blobber.org', 'smtp:[aspmx.l.google.com]', 1);
    INSERT INTO users (id, maildir) VALUES ('xandros@blobber.org', 'blobber.org/xandros');
    INSERT INTO aliases (mail, destination, enabled) VALUES
      ('info@blobber.org', 'xandros@blobber.org,vivita@blobber.org', 1), ('o\'brien@blobber.org', 'vivita@blobber.org', 1),
      ('off@blobber.org', 'vivita@blobber.org', 0);
    INSERT INTO backups (domain, transport) VALUES ('friend1.com', ':[mail.friend.com]'), ('friend2.com', ':[]');
    INSERT INTO relays (recipient, status) VALUES ('@friend1.com', 'OK'), ('trap@friend1.com', 'REJECT');
    INSERT INTO relocated (oldadr, newadr) VALUES ('pete@blobber.org', 'pete@new.example');
    INSERT INTO access_rules (kind, pattern, action, message, cidr_lo, cidr_hi) VALUES
      ('recipient', 'spam@blobber.org', 'REJECT', '', NULL, NULL), ('sender', 'friend@x.example', 'OK', '', NULL, NULL),
      ('client', '192.0.2.0/24', 'REJECT', 'go away', INET6_ATON('192.0.2.0'), INET6_ATON('192.0.2.255'));";

/// A folder of this test's own, and a directory in it that is not there yet.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    (folder, out)
}

fn generate(database: &Database, out: &Path, options: &[&str]) -> Finished {
    on(database, &arguments(out, options))
}

fn arguments<'a>(out: &'a Path, options: &[&'a str]) -> Vec<&'a str> {
    let out = out.to_str().expect("UTF-8");
    [&["postfix", "generate", "--out", out], options].concat()
}

/// Every file of a directory with what is in it.
fn files(dir: &Path) -> BTreeMap<String, String> {
    fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).expect("a text"))
        })
        .collect()
}

/// The value of a line of a file.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let begin = format!("{name} = ");
    text.lines()
        .find_map(|line| line.strip_prefix(&begin))
        .unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("a process").uid() == 0
}

/// What a real Postfix is answered, with settings of its own.
fn postmap(out: &Path, map: &str, key: &str) -> String {
    let settings = tempfile::tempdir().expect("a folder");
    let main = fs::File::create(settings.path().join("main.cf")).expect("a file");
    // Postfix waits for a file that has just changed to come to rest.
    let before = SystemTime::now() - Duration::from_mins(1);
    main.set_modified(before).expect("an older file");
    let file = out.join(format!("mysql_{map}.cf"));
    let output = Command::new("/usr/sbin/postmap")
        .arg("-c")
        .arg(settings.path())
        .args(["-q", key])
        .arg(format!("mysql:{}", file.display()))
        .output()
        .expect("postmap, of the package postfix");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complaint, "", "{map} {key}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[tokio::test]
async fn the_files_are_there_and_closed_to_others() {
    let database = Database::fresh().await;
    let (folder, _) = place();
    let out = folder.path().join("a/new/one");
    let printed = generate(&database, &out, &[]).done();

    let mut expected: Vec<String> = MAPS.iter().map(|map| format!("mysql_{}.cf", map.name)).collect();
    expected.push("main.cf.postwarden".to_owned());
    for name in &expected {
        let path = out.join(name);
        assert!(
            printed.contains(&format!("wrote {}\n", path.display())),
            "{printed}"
        );
        let about = fs::metadata(&path).expect(name);
        assert_eq!(about.permissions().mode() & 0o7777, 0o640, "{name}");
        if is_root() {
            let groups = fs::read_to_string("/etc/group").expect("groups");
            let postfix = groups.lines().find_map(|line| line.strip_prefix("postfix:"));
            let number = postfix.and_then(|line| line.split(':').nth(1));
            assert_eq!(about.uid(), 0, "{name}");
            assert_eq!(Some(about.gid().to_string().as_str()), number, "{name}");
        }
    }
    expected.sort();
    assert_eq!(files(&out).into_keys().collect::<Vec<_>>(), expected);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    let of_server = |begin: &str| expected.iter().filter(|name| name.starts_with(begin)).count();
    assert_eq!((of_server("main"), of_server("master")), (1, 0));
}

#[tokio::test]
async fn main_cf_gets_what_the_tables_need_and_no_more() {
    let database = Database::howto().await;
    let (_folder, out) = place();
    let printed = generate(&database, &out, &[]).done();
    let main = files(&out).remove("main.cf.postwarden").expect("the settings");
    for word in ["virtual_transport =", "check_policy_service", "autoreply", "\\"] {
        assert!(!main.contains(word), "{word}: {main}");
    }
    for map in MAPS {
        let named = format!("proxy:mysql:/etc/postfix/mysql_{}.cf", map.name);
        assert!(main.contains(&named), "{named}: {main}");
        assert!(printed.contains(&named), "{named}: {printed}");
    }
    // What is printed are commands for a shell, in the order to run them.
    let install = format!(
        "  install --backup=numbered -o root -g postfix -m 640 {}/mysql_*.cf /etc/postfix/\n  postconf -e 'virtual_alias_domains ='\n",
        out.display()
    );
    assert!(printed.contains(&install), "{printed}");
    assert!(printed.contains("'\n  postfix reload\n"), "{printed}");
    let url = url::Url::parse(&database.url).expect("an address");
    let password = url.password().expect("a password");
    assert!(!printed.contains(password) && !main.contains(password));
}

#[tokio::test]
async fn the_commands_lose_nothing_that_was_there() {
    let database = Database::fresh().await;
    let (folder, out) = place();
    let printed = generate(&database, &out, &[]).done();
    let (before, _) = printed.split_once("  postconf -e").expect("the first setting");
    assert!(
        before.contains("`postconf smtpd_recipient_restrictions`") && before.contains("greylisting"),
        "{before}"
    );
    // The same on a directory of this test's own, for whoever runs it.
    let etc = folder.path().join("etc");
    fs::create_dir(&etc).expect("a directory");
    let commands: String = before
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .map(|line| line.replace("/etc/postfix", etc.to_str().expect("UTF-8")) + "\n")
        .collect();
    let commands = commands.replace("-o root -g postfix ", "");
    for text in ["first", "second"] {
        fs::write(etc.join("main.cf"), text).expect("written");
        fs::write(etc.join("mysql_alias.cf"), text).expect("written");
        let output = Command::new("sh").args(["-ec", &commands]).output().expect("sh");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    let there = files(&etc);
    assert_eq!(there["mysql_alias.cf"], files(&out)["mysql_alias.cf"]);
    for (name, text) in [
        ("main.cf.before-postwarden.~1~", "first"),
        ("main.cf.before-postwarden", "second"),
        ("mysql_alias.cf.~1~", "first"),
        ("mysql_alias.cf.~2~", "second"),
    ] {
        assert_eq!(
            there.get(name).map(String::as_str),
            Some(text),
            "{name}: {commands}"
        );
    }
}

#[tokio::test]
async fn the_account_is_that_of_the_panel_unless_told_otherwise() {
    let database = Database::fresh().await;
    let url = url::Url::parse(&database.url).expect("an address");
    let (folder, out) = place();
    let printed = generate(&database, &out, &[]).done();
    assert!(
        printed.contains("the account of DATABASE_URL in them, `root`"),
        "{printed}"
    );
    for (name, text) in files(&out).iter().filter(|(name, _)| name.starts_with("mysql_")) {
        assert_eq!(value(text, "user"), "root", "{name}");
        assert_eq!(Some(value(text, "password")), url.password(), "{name}");
        assert_eq!(value(text, "dbname"), database.name, "{name}");
        let hosts = format!("inet:127.0.0.1:{}", url.port().expect("a port"));
        assert_eq!(value(text, "hosts"), hosts, "{name}");
    }

    let secret = folder.path().join("secret");
    fs::write(&secret, "of the file\nnot this\n").expect("written");
    let from_file = [
        "--user",
        "postfix",
        "--password-file",
        secret.to_str().expect("UTF-8"),
    ];
    let elsewhere = [
        "--dbname",
        "mail",
        "--hosts",
        "inet:192.0.2.1:3307 unix:/run/m.sock",
        "--force",
    ];
    let printed = generate(&database, &out, &[from_file.as_slice(), &elsewhere].concat()).done();
    assert!(!printed.contains("the account of DATABASE_URL"), "{printed}");
    let text = &files(&out)["mysql_alias.cf"];
    assert_eq!(value(text, "user"), "postfix");
    assert_eq!(value(text, "password"), "of the file");
    assert_eq!(value(text, "dbname"), "mail");
    assert_eq!(value(text, "hosts"), "inet:192.0.2.1:3307 unix:/run/m.sock");

    let out = folder.path().join("another");
    let piped = arguments(&out, &["--user", "postfix", "--password-stdin"]);
    run_with_input(
        &piped,
        &[("DATABASE_URL", &database.url)],
        "of the pipe\nnot this\n",
    )
    .done();
    assert_eq!(value(&files(&out)["mysql_alias.cf"], "password"), "of the pipe");
}

#[tokio::test]
async fn another_account_needs_its_own_password() {
    let database = Database::fresh().await;
    let (folder, out) = place();
    let empty = folder.path().join("empty");
    fs::write(&empty, "\nsecond line\n").expect("written");
    let empty = empty.to_str().expect("UTF-8");
    let line = generate(&database, &out, &["--user", "postfix"]).refused(1);
    for word in [
        "`postfix`",
        "--password-file",
        "--password-stdin",
        "--ask-password",
    ] {
        assert!(line.contains(word), "{word}: {line}");
    }
    for (options, words) in [
        (&["--password-file", empty][..], "first line is empty"),
        (&["--password-file", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["--password-stdin"], "standard input"),
        (&["--user", ""], "--password-file"),
    ] {
        let line = generate(&database, &out, options).refused(1);
        assert!(line.contains(words), "{options:?}: {line}");
    }
    let both = ["--password-stdin", "--ask-password"];
    generate(&database, &out, &both).refused(2);
    for (what, input) in [("a space", " x\n"), ("a tab", "a\tb\n")] {
        let piped = arguments(&out, &["--password-stdin"]);
        let line = run_with_input(&piped, &[("DATABASE_URL", &database.url)], input).refused(1);
        assert!(line.contains("the password"), "{what}: {line}");
    }
    assert!(!out.exists(), "not even the directory");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

/// Runs the program without a terminal, or in one of its own with something typed.
fn at_a_terminal(database: &Database, arguments: &[&str], typed: Option<&str>) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_postwarden");
    let mut command = if typed.is_some() {
        let quoted: Vec<String> = arguments.iter().map(|a| format!("'{a}'")).collect();
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{program} {}", quoted.join(" ")), "/dev/null"]);
        command
    } else {
        let mut command = Command::new("setsid");
        command.args(["--wait", program]).args(arguments);
        command
    };
    let mut child = command
        .env("DATABASE_URL", &database.url)
        .env("POSTWARDEN_CONFIG", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let _ = input.write_all(typed.unwrap_or_default().as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    drop(input);
    let shown = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&shown).into_owned())
}

#[tokio::test]
async fn it_asks_only_on_a_terminal() {
    let database = Database::fresh().await;
    let (_folder, out) = place();
    let asking = arguments(&out, &["--user", "postfix", "--ask-password"]);
    let (code, shown) = at_a_terminal(&database, &asking, None);
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("needs a terminal") && shown.contains("--password-stdin"),
        "{shown}"
    );
    assert!(!out.exists());

    let (code, shown) = at_a_terminal(&database, &asking, Some("typed words\n"));
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(value(&files(&out)["mysql_alias.cf"], "password"), "typed words");

    let before = files(&out);
    let again = arguments(&out, &[]);
    let (code, shown) = at_a_terminal(&database, &again, Some("n\n"));
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("[y/N]") && shown.contains("nothing was written"),
        "{shown}"
    );
    assert_eq!(files(&out), before);
    let (code, shown) = at_a_terminal(&database, &again, Some("y\n"));
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(value(&files(&out)["mysql_alias.cf"], "user"), "root");
}

#[tokio::test]
async fn a_directory_with_something_in_it_is_left_alone() {
    let database = Database::fresh().await;
    let (_folder, out) = place();
    fs::create_dir(&out).expect("a directory");
    generate(&database, &out, &[]).done();
    fs::remove_dir_all(&out).expect("removed");
    fs::create_dir(&out).expect("a directory");
    fs::write(out.join("notes"), "mine").expect("written");
    let line = generate(&database, &out, &[]).refused(1);
    assert!(
        line.contains("is not empty") && line.contains("--force"),
        "{line}"
    );
    assert_eq!(
        files(&out),
        BTreeMap::from([("notes".to_owned(), "mine".to_owned())])
    );
}

#[tokio::test]
async fn force_keeps_what_differs_and_says_how() {
    let database = Database::fresh().await;
    let url = url::Url::parse(&database.url).expect("an address");
    let password = url.password().expect("a password");
    let (_folder, out) = place();
    generate(&database, &out, &[]).done();
    let fresh = files(&out);
    let old = fresh["mysql_alias.cf"]
        .replace("query = SELECT", "query = SELECT DISTINCT")
        .replace(password, "old secret");
    fs::write(out.join("mysql_alias.cf"), &old).expect("written");
    fs::set_permissions(out.join("mysql_domains.cf"), fs::Permissions::from_mode(0o644)).expect("opened");
    fs::write(out.join("notes"), "mine").expect("written");

    let printed = generate(&database, &out, &["--force"]).done();
    let shown = |name: &str| out.join(name).display().to_string();
    assert!(
        printed.contains(&format!("{} is as it should be\n", shown("mysql_domains.cf"))),
        "{printed}"
    );
    let kept = format!("wrote {0}; the one before is {0}.bak-", shown("mysql_alias.cf"));
    assert!(printed.contains(&kept), "{printed}");
    assert!(
        printed.contains("\n-query = SELECT DISTINCT destination"),
        "{printed}"
    );
    assert!(printed.contains("\n+query = SELECT destination"), "{printed}");
    assert!(
        !printed.contains(password) && !printed.contains("old secret"),
        "{printed}"
    );

    let mut after = files(&out);
    let backups: Vec<String> = after
        .keys()
        .filter(|name| name.contains(".bak-"))
        .cloned()
        .collect();
    assert_eq!(backups.len(), 1, "{backups:?}");
    assert!(backups[0].starts_with("mysql_alias.cf.bak-"), "{backups:?}");
    assert_eq!(after.remove(&backups[0]), Some(old));
    assert_eq!(after.remove("notes").as_deref(), Some("mine"));
    assert_eq!(after, fresh);
    let mode = fs::metadata(out.join("mysql_domains.cf")).expect("a file").mode();
    assert_eq!(mode & 0o7777, 0o640, "closed again");
}

#[tokio::test]
async fn only_a_regular_file_is_replaced() {
    let database = Database::fresh().await;
    let (folder, out) = place();
    let target = folder.path().join("target");
    fs::write(&target, "of somebody else").expect("written");
    fs::create_dir(&out).expect("a directory");
    // The last file but one to be written.
    let odd = out.join("mysql_sender_access.cf");
    let pipe = || {
        let made = Command::new("mkfifo").arg(&odd).status();
        assert!(made.expect("mkfifo").success());
    };
    let socket = || drop(UnixListener::bind(&odd).expect("a socket"));
    let kinds: [(&str, &dyn Fn()); 5] = [
        ("a symbolic link", &|| symlink(&target, &odd).expect("a link")),
        ("a symbolic link", &|| symlink("nowhere", &odd).expect("a link")),
        ("a pipe, socket or device", &pipe),
        ("a pipe, socket or device", &socket),
        ("a directory", &|| fs::create_dir(&odd).expect("a directory")),
    ];
    for (what, make) in kinds {
        make();
        let line = generate(&database, &out, &["--force"]).refused(1);
        let words = format!("nothing was written: {}: this is {what}", odd.display());
        assert!(line.contains(&words) && line.contains("move it away"), "{line}");
        assert_eq!(fs::read_dir(&out).expect("a directory").count(), 1, "{what}");
        if what != "a directory" {
            fs::remove_file(&odd).expect("removed");
        }
    }
    assert_eq!(fs::read_to_string(&target).expect("a file"), "of somebody else");
}

#[tokio::test]
async fn the_top_of_the_file_system_is_no_place_for_them() {
    let (_folder, link) = place();
    symlink("/", &link).expect("a link");
    for out in [Path::new("/"), Path::new("//"), Path::new("/usr/.."), &link] {
        for options in [&[][..], &["--force"]] {
            // Refused before the database, which is nowhere, is asked.
            let nowhere = [("DATABASE_URL", "mysql://x:y@127.0.0.1:1/maildb")];
            let line = run(&arguments(out, options), &nowhere).refused(1);
            let words = format!("{} is the top of the file system", out.display());
            assert!(
                line.contains(&words) && line.contains("--out postfix-tables"),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn where_it_cannot_write_it_says_so() {
    let database = Database::fresh().await;
    let (folder, out) = place();
    fs::write(&out, "a file").expect("written");
    for place in [&out, &out.join("below")] {
        for options in [&[][..], &["--force"]] {
            let line = generate(&database, place, options).refused(1);
            assert!(line.contains(&place.display().to_string()), "{line}");
            assert!(
                line.contains("Not a directory") || line.contains("exists"),
                "{line}"
            );
        }
    }
    assert_eq!(fs::read_to_string(&out).expect("a file"), "a file");
    // The system's own place for nobody's files: not even root makes any there.
    let line = generate(&database, Path::new("/proc/self/fdinfo/new"), &[]).refused(1);
    assert!(
        line.contains("nothing was written: /proc/self/fdinfo/new"),
        "{line}"
    );
    if !is_root() {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).expect("closed");
        let line = generate(&database, &folder.path().join("closed"), &[]).refused(1);
        assert!(line.contains("Permission denied"), "{line}");
    }
}

#[tokio::test]
async fn what_the_database_lacks_is_left_out_and_named() {
    let database = Database::fresh().await;
    database
        .script("DROP TABLE relays; ALTER TABLE access_rules DROP COLUMN cidr_lo; ALTER TABLE aliases DROP COLUMN enabled")
        .await;
    let (_folder, out) = place();
    let printed = generate(&database, &out, &[]).done();
    for line in [
        "left out mysql_relays.cf: the database lacks the table `relays` (or the account of DATABASE_URL may not see it)\n",
        "left out mysql_client_access.cf: the database lacks the column `cidr_lo` of the table `access_rules` (or the \
         account of DATABASE_URL may not see it)\n",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    let files = files(&out);
    assert_eq!(files.len(), MAPS.len() - 1, "{files:?}");
    let main = &files["main.cf.postwarden"];
    assert!(
        !main.contains("relay_recipient_maps") && !main.contains("mysql_client_access.cf"),
        "{main}"
    );
    assert!(!value(&files["mysql_alias.cf"], "query").contains("enabled"));

    let none = Database::empty("").await;
    let (_folder, out) = place();
    let line = generate(&none, &out, &[]).refused(1);
    assert!(
        line.contains("none of the mail tables") && line.contains("migrate"),
        "{line}"
    );
    assert!(!out.exists());
    let nowhere = [("DATABASE_URL", "mysql://x:y@127.0.0.1:1/maildb")];
    run(&arguments(&out, &[]), &nowhere).refused(1);
    assert!(!out.exists());
}

#[tokio::test]
async fn postfix_is_answered_from_every_file_with_no_more_than_the_documented_rights() {
    for database in [Database::fresh().await, Database::howto().await] {
        for table in ["domains", "users", "aliases", "backups", "relays", "relocated"] {
            database.script(&format!("DELETE FROM {table}")).await;
        }
        database.script(ROWS).await;
        let account = Account {
            user: format!("postfix-{}", database.name),
            ..Account::from_url(&database.url).expect("an account")
        };
        let tables = database.store().await.schema().await.expect("a schema").names();
        let secret = ODD_PASSWORD.replace('\\', r"\\").replace('\'', "''");
        let grants = grants(&account, &tables).replace("postfix-password", &secret);
        database.script(&grants).await;
        let (_folder, out) = place();
        let piped = arguments(&out, &["--user", &account.user, "--password-stdin"]);
        let input = format!("{ODD_PASSWORD}\n");
        run_with_input(&piped, &[("DATABASE_URL", &database.url)], &input).done();
        for (map, key, answer) in ANSWERS {
            assert_eq!(postmap(&out, map, key), *answer, "{map} {key}");
        }
        for map in MAPS {
            assert!(
                ANSWERS
                    .iter()
                    .any(|(name, _, answer)| *name == map.name && !answer.is_empty())
            );
        }
    }
}
