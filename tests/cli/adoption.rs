//! `postwarden import --from`: rows of other panels' databases.

use crate::program::{Finished, run};
use crate::schema::{POSTFIXADMIN, SORTING_OFFICE};
use crate::support::{Database, HOWTO};

async fn source(statements: &str) -> Database {
    let database = Database::empty("CHARACTER SET latin1").await;
    database.script(statements).await;
    database
}

fn import(into: &Database, panel: &str, source: &Database, further: &[&str]) -> Finished {
    let arguments = [&["import", "--from", panel], further].concat();
    run(
        &arguments,
        &[("DATABASE_URL", &into.url), ("SOURCE_DATABASE_URL", &source.url)],
    )
}

fn counts(finished: &Finished) -> Vec<&str> {
    finished
        .stdout
        .lines()
        .filter(|line| !line.starts_with("note: "))
        .collect()
}

/// The rows of a query, a line each.
async fn lines(database: &Database, query: &str) -> Vec<String> {
    let rows = database.rows(query).await;
    rows.into_iter()
        .map(|row| {
            row.into_iter()
                .map(Option::unwrap_or_default)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[tokio::test]
async fn postfixadmins_rows_become_the_howtos() {
    let (from, into) = (source(POSTFIXADMIN).await, Database::fresh().await);
    let tables = "CHECKSUM TABLE domain, alias, alias_domain, mailbox";
    let untouched = from.rows(tables).await;
    let tried = import(&into, "postfixadmin", &from, &["--dry-run"]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    assert_eq!(
        counts(&tried),
        ["added 18", "changed 0", "unchanged 0", "refused 0"]
    );
    assert_eq!(into.count("SELECT COUNT(*) FROM domains").await, 0);

    let done = import(&into, "postfixadmin", &from, &[]);
    assert_eq!(
        counts(&done),
        ["added 18", "changed 0", "unchanged 0", "refused 0"]
    );
    assert_eq!(
        lines(
            &into,
            "SELECT domain, transport, enabled FROM domains ORDER BY domain"
        )
        .await,
        [
            "example.com virtual: 1",
            "example.net virtual: 1",
            "example.org virtual: 1",
            "off.example virtual: 0"
        ]
    );
    assert_eq!(
        lines(&into, "SELECT domain, transport FROM backups ORDER BY domain").await,
        ["friend.example ", "partner.example smtp:[mail.partner.example]"]
    );
    assert_eq!(
        lines(&into, "SELECT recipient, status FROM relays ORDER BY recipient").await,
        ["@friend.example OK", "@partner.example OK"]
    );
    assert_eq!(
        lines(
            &into,
            "SELECT mail, destination, enabled FROM aliases ORDER BY mail"
        )
        .await,
        [
            "@example.com @example.org 1",
            "@example.net joe@example.org 1",
            "jane@example.org jane@example.org 1",
            "joe@example.org joe@example.org 1",
            "old@example.org old@example.org 0",
            "postmaster@example.org joe@example.org 1",
            "team@example.org joe@example.org,jane@example.org,guest@elsewhere.example 1",
        ]
    );
    assert_eq!(
        lines(
            &into,
            "SELECT id, name, maildir, LEFT(crypt, 3), quota, enabled FROM users ORDER BY id"
        )
        .await,
        [
            "jane@example.org Jané example.org/jane/ $1$  1",
            "joe@example.org Joe Bloggs example.org/joe/ $6$ 1073741824S 1",
            "old@example.org  example.org/old/ $1$  0",
        ]
    );
    for told in [
        "vacation program",
        "`vacation` is not taken over (1)",
        "`admin` is not taken over (1)",
        "Alias domains (1)",
    ] {
        assert!(done.stdout.contains(told), "{told}: {}", done.stdout);
    }
    assert_eq!(from.rows(tables).await, untouched);

    let again = import(&into, "postfixadmin", &from, &[]);
    assert_eq!(
        counts(&again),
        ["added 0", "changed 0", "unchanged 18", "refused 0"]
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_taken_over_is_named_and_stops_the_others_unless_they_may_go_on() {
    let (from, into) = (source(POSTFIXADMIN).await, Database::fresh().await);
    from.script(
        "INSERT INTO mailbox (username, password, name, maildir, local_part, domain) VALUES \
         ('plain@example.org', '{PLAIN}secret', '', 'example.org/plain/', 'plain', 'example.org'); \
         INSERT INTO alias (address, goto, domain) VALUES ('broken@example.org', 'not an address', 'example.org')",
    )
    .await;
    let refused = import(&into, "postfixadmin", &from, &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("mailbox plain@example.org: the password is stored as it was typed"),
        "{refused:?}"
    );
    assert!(
        refused.stderr.contains("broken@example.org: destination"),
        "{refused:?}"
    );
    assert!(!refused.stderr.contains("secret") && !refused.stdout.contains("secret"));
    assert_eq!(into.count("SELECT COUNT(*) FROM domains").await, 0);
    let skipped = import(&into, "postfixadmin", &from, &["--skip-refused"]);
    assert_eq!(skipped.code, Some(0), "{skipped:?}");
    assert_eq!(
        counts(&skipped),
        ["added 18", "changed 0", "unchanged 0", "refused 2"]
    );
}

#[tokio::test]
async fn sorting_offices_rows_become_the_howtos() {
    let (from, into) = (source(SORTING_OFFICE).await, Database::fresh().await);
    let done = import(&into, "sorting-office", &from, &[]);
    assert_eq!(
        counts(&done),
        ["added 14", "changed 0", "unchanged 0", "refused 0"],
        "{done:?}"
    );
    assert_eq!(
        lines(&into, "SELECT domain, transport FROM domains ORDER BY domain").await,
        ["example.net virtual:", "example.org virtual:"]
    );
    assert_eq!(
        lines(&into, "SELECT domain, transport FROM backups ORDER BY domain").await,
        ["friend.example :[mail.friend.example]", "other.example "]
    );
    assert_eq!(
        lines(&into, "SELECT oldadr, newadr FROM relocated").await,
        ["gone@example.org gone@elsewhere.example"]
    );
    assert_eq!(
        lines(
            &into,
            "SELECT kind, pattern, action FROM access_rules ORDER BY pattern"
        )
        .await,
        ["client 192.0.2.10 OK", "client 198.51.100.5 REJECT"]
    );
    assert_eq!(
        lines(&into, "SELECT id, crypt, change_password FROM users").await,
        ["me@example.org $2y$10$abcdefghijklmnopqrstuuKXCbdmWWOlp5OZPyHhNNPgSGNvnSk8W 0"]
    );
    let again = import(&into, "sorting-office", &from, &[]);
    assert_eq!(
        counts(&again),
        ["added 0", "changed 0", "unchanged 14", "refused 0"]
    );
}

#[tokio::test]
async fn another_database_than_was_said_and_a_password_in_the_open_are_refused() {
    let (from, into) = (source(HOWTO).await, Database::fresh().await);
    let wrong = import(&into, "postfixadmin", &from, &[]).refused(1);
    assert!(
        wrong.contains("the source is a database of the howto and none of PostfixAdmin"),
        "{wrong}"
    );
    let open = import(&into, "postfixadmin", &from, &["--source", &from.url]).refused(1);
    assert!(open.contains("seen by everybody"), "{open}");

    // The same with the password in a file of its own.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    let mut url = url::Url::parse(&from.url).expect("an address");
    std::fs::write(&file, url.password().unwrap_or_default()).expect("a file");
    url.set_password(None).expect("no password");
    let arguments = [
        "import",
        "--from",
        "postfixadmin",
        "--source",
        url.as_str(),
        "--source-password-file",
        file.to_str().expect("a path"),
    ];
    let read = run(&arguments, &[("DATABASE_URL", &into.url)]).refused(1);
    assert!(read.contains("none of PostfixAdmin"), "{read}");
}
