//! Where settings come from, and what is shown of them.

use std::fs;

use crate::program::{Running, create_account, on, run};
use crate::support::{Database, PASSWORD};

#[test]
fn the_effective_settings_are_shown_without_secrets() {
    let printed = run(
        &["config"],
        &[
            ("DATABASE_URL", "mysql://panel:geheim@127.0.0.1/maildb"),
            ("POSTWARDEN_SESSION__IDLE_MINUTES", "5"),
        ],
    )
    .done();
    assert!(!printed.contains("geheim"), "{printed}");
    assert!(printed.contains("panel:****@127.0.0.1/maildb"), "{printed}");
    assert!(printed.contains("session.idle_minutes = 5"), "{printed}");
    assert!(printed.contains("listen = \"127.0.0.1:8025\""), "{printed}");
}

#[test]
fn a_file_gives_settings_and_the_environment_outranks_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("panel.toml");
    fs::write(
        &file,
        "listen = \"127.0.0.1:9001\"\n[session]\nidle_minutes = 7\n",
    )
    .expect("written");
    let path = file.to_str().expect("a path");
    let printed = run(
        &["config", "--config", path],
        &[("POSTWARDEN_LISTEN", "127.0.0.1:9002")],
    )
    .done();
    assert!(printed.contains("listen = \"127.0.0.1:9002\""), "{printed}");
    assert!(printed.contains("session.idle_minutes = 7"), "{printed}");

    fs::write(&file, "[sesion]\nidle_minutes = 7\n").expect("written");
    let line = run(&["serve", "--config", path], &[]).refused(1);
    assert!(line.contains("sesion"), "{line}");
    let line = run(&["serve", "--config", "/nonexistent/panel.toml"], &[]).refused(1);
    assert!(line.contains("/nonexistent/panel.toml"), "{line}");
}

#[test]
fn an_unknown_setting_is_named() {
    for (variable, named) in [
        ("POSTWARDEN_SESION__IDLE_MINUTES", "sesion"),
        ("POSTWARDEN_SESSION__IDEL_MINUTES", "idel_minutes"),
        ("POSTWARDEN_LISTN", "listn"),
    ] {
        let line = run(&["serve"], &[(variable, "5")]).refused(1);
        assert!(line.contains(named), "{line}");
    }
    let line = run(&["serve"], &[("POSTWARDEN_LISTEN", "here")]).refused(1);
    assert!(line.contains("listen"), "{line}");
}

#[test]
fn what_is_wrong_with_a_setting_is_told_with_its_place_and_what_it_may_be() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("panel.toml");
    let path = file.to_str().expect("a path");
    for (text, parts) in [
        (
            "[session]\nbogus = 1\n",
            ["no setting session.bogus", "session.idle_minutes"],
        ),
        (
            "[session]\nidle_minutes = \"soon\"\n",
            ["session.idle_minutes is", "a whole number"],
        ),
        ("session = 5\n", ["session is", "a section"]),
        (
            "[log]\nformat = \"xml\"\n",
            ["log.format is `xml`", "text or json"],
        ),
        ("listen = \"here\"\n", ["listen has to be", "127.0.0.1:8025"]),
        ("[database]\nurl = 4711\n", ["database.url", "string"]),
        ("\n\nlisten = \n", ["line 3", "string"]),
        ("a = 1\na = 2\n", ["line 2", "duplicate"]),
    ] {
        fs::write(&file, text).expect("written");
        let line = run(&["serve", "--config", path], &[]).refused(1);
        assert!(line.contains(path), "{line}");
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?}: {line}");
        for inside in [
            "src/",
            "alloc::",
            "default.",
            "TOML source",
            "struct",
            "u32",
            "4711",
        ] {
            assert!(!line.contains(inside), "{inside} in {line}");
        }
    }
    let line = run(&["serve"], &[("POSTWARDEN_SESSION__BOGUS", "1")]).refused(1);
    assert!(
        line.contains("the variable POSTWARDEN_SESSION__BOGUS") && line.contains("session.idle_minutes"),
        "{line}"
    );
    let line = run(&["serve"], &[("POSTWARDEN_SESSION__IDLE_MINUTES", "soon")]).refused(1);
    assert!(
        line.contains("POSTWARDEN_SESSION__IDLE_MINUTES") && line.contains("a whole number"),
        "{line}"
    );
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_named_with_what_to_look_at() {
    let database = Database::fresh().await;
    let nobody = "mysql://panel:geheim@127.0.0.1:1/maildb";
    let stranger = database.url.replace("root:", "root:wrong");
    let elsewhere = database.url.replace(&format!("/{}", database.name), "/nosuch");
    for (url, parts) in [
        (nobody, ["127.0.0.1:1", "see that the server runs"]),
        (&stranger, ["refuses the sign-in", "DATABASE_URL"]),
        (&elsewhere, ["no database nosuch", "DATABASE_URL"]),
    ] {
        let line = run(&["account", "list"], &[("DATABASE_URL", url)]).refused(1);
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        assert!(!line.contains("geheim") && !line.contains("pool"), "{line}");
    }
}

#[tokio::test]
async fn the_database_may_come_from_a_file() {
    let database = Database::fresh().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("url");
    fs::write(&file, format!("{}\n", database.url)).expect("written");
    let path = file.to_str().expect("a path");
    for variable in ["DATABASE_URL_FILE", "POSTWARDEN_DATABASE__URL_FILE"] {
        assert_eq!(run(&["account", "list"], &[(variable, path)]).done(), "");
    }
    let line = run(&["account", "list"], &[("DATABASE_URL_FILE", "/nonexistent")]).refused(1);
    assert!(
        line.contains("DATABASE_URL_FILE") && line.contains("/nonexistent"),
        "{line}"
    );
}

#[tokio::test]
async fn a_unix_socket_is_a_connection_like_any_other() {
    let database = Database::fresh().await;
    create_account(&database, "joe", "operator", &[]);
    let socket = database.value("SELECT @@socket").await.expect("a socket");
    let (account, _) = database.url.split_once("@127.0.0.1").expect("an address");
    let url = format!("{account}@localhost/{}?socket={socket}", database.name);
    // Proof that it is the socket that is used: nothing answers under this address.
    let elsewhere = format!("{account}@127.0.0.1:1/{}?socket={socket}", database.name);
    for url in [&url, &elsewhere] {
        let listed = run(&["account", "list"], &[("DATABASE_URL", url)]).done();
        assert!(listed.starts_with("joe\t"), "{listed}");
    }
    let panel = Running::serve(&[("DATABASE_URL", &url)]);
    let joe = panel.signed_in("joe", PASSWORD).await;
    let fields = [
        ("domain", "shop.example"),
        ("transport", "virtual:"),
        ("enabled", "1"),
    ];
    assert_eq!(joe.post("domains", &fields).await.status, 303);
    assert_eq!(database.count("SELECT COUNT(*) FROM domains").await, 1);
}

#[tokio::test]
async fn no_secret_stands_in_an_error() {
    for url in [
        "mysql://panel:geheim@127.0.0.1:1/maildb",
        "mysql://panel:geheim@127.0.0.1:port/maildb",
        "mysql://panel:geheim@127.0.0.1",
        "postgres://panel:geheim@127.0.0.1/maildb",
        "panel:geheim@127.0.0.1/maildb",
        "geheim",
    ] {
        let line = run(&["serve"], &[("DATABASE_URL", url)]).refused(1);
        assert!(!line.contains("geheim"), "{line}");
        let shown = run(&["config"], &[("DATABASE_URL", url)]).done();
        assert!(!shown.contains("geheim"), "{shown}");
    }
    let database = Database::fresh().await;
    let wrong = database.url.replace("root:", "root:geheim");
    let line = run(&["serve"], &[("DATABASE_URL", &wrong)]).refused(1);
    assert!(!line.contains("geheim"), "{line}");
    assert_eq!(on(&database, &["account", "list"]).done(), "");
}
