//! `postwarden undo`.

use crate::program::on;
use crate::support::Database;
use postwarden::access::Actor;
use postwarden::resource::aliases;
use postwarden::store::Operation;

/// A database in which three aliases were switched off as change 1.
async fn ground() -> Database {
    let database = Database::howto().await;
    database
        .script(
            "INSERT INTO aliases (pkid, mail, destination) VALUES (101, 'a@blobber.org', 'x@y.example'), \
             (102, 'b@blobber.org', 'x@y.example'), (103, 'c@blobber.org', 'x@y.example')",
        )
        .await;
    let switch = Operation::SetEnabled {
        resource: &aliases::RESOURCE,
        keys: ["101", "102", "103"].map(str::to_owned).to_vec(),
        enabled: false,
    };
    let store = database.store().await;
    store
        .apply(&Actor::command_line(), &[switch])
        .await
        .expect("applied");
    database
}

async fn off(database: &Database) -> u64 {
    database
        .count("SELECT COUNT(*) FROM aliases WHERE enabled = 0")
        .await
}

#[tokio::test]
async fn a_change_is_undone_and_done_again_from_the_command_line() {
    let database = ground().await;
    let told = on(&database, &["undo", "1", "--dry-run"]).done();
    assert!(told.starts_with("change 1 can be undone: 3 rows\n"), "{told}");
    assert!(told.lines().count() > 1, "what it does to mail: {told}");
    assert_eq!(off(&database).await, 3);
    assert_eq!(
        on(&database, &["undo", "1"]).done(),
        "change 1 undone by change 2: 3 rows\n"
    );
    assert_eq!(off(&database).await, 0);
    assert_eq!(
        on(&database, &["undo", "2"]).done(),
        "change 2 undone by change 3: 3 rows\n"
    );
    assert_eq!(off(&database).await, 3);
    assert_eq!(
        on(&database, &["undo", "3", "--row", "0"]).done(),
        "change 3 undone by change 4: 1 row\n"
    );
    assert_eq!(off(&database).await, 2);
}

#[tokio::test]
async fn rows_that_are_otherwise_now_are_a_line_each_and_nothing_is_written() {
    let database = ground().await;
    database
        .script(
            "UPDATE aliases SET enabled = 1, destination = 'new@y.example' WHERE pkid = 101; \
             DELETE FROM aliases WHERE pkid = 102",
        )
        .await;
    for arguments in [&["undo", "1"][..], &["undo", "1", "--dry-run"]] {
        let run = on(&database, arguments);
        assert_eq!(run.code, Some(1));
        let mut lines: Vec<&str> = run.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "aliases 101: destination: left `x@y.example`, now `new@y.example`; enabled: left `0`, now `1`",
                "aliases 102: not there any more",
            ]
        );
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(run.stderr.contains("change 1 is not undone"), "{}", run.stderr);
    }
    assert_eq!(off(&database).await, 1);
    assert_eq!(database.count("SELECT MAX(change_id) FROM pw_changes").await, 1);
}

#[tokio::test]
async fn what_is_not_there_is_not_undone() {
    let database = ground().await;
    for arguments in [&["undo", "2"][..], &["undo", "1", "--row", "3"]] {
        let run = on(&database, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
        assert!(run.stderr.contains("there is no change"), "{}", run.stderr);
    }
    for arguments in [
        &["undo"][..],
        &["undo", "x"],
        &["undo", "-1"],
        &["undo", "1", "--row", "x"],
    ] {
        assert_eq!(on(&database, arguments).code, Some(2), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_record_is_narrowed_by_options() {
    let database = ground().await;
    on(&database, &["undo", "1", "--row", "2"]).done();
    let lines = |arguments: &[&str]| {
        on(&database, &[&["changes"], arguments].concat())
            .done()
            .lines()
            .count()
    };
    let key = database
        .value("SELECT row_key FROM pw_changes WHERE change_id = 2")
        .await;
    let key = key.expect("a key");
    let other = ["101", "102", "103"]
        .into_iter()
        .find(|other| *other != key)
        .expect("another");
    assert_eq!(lines(&[]), 2);
    assert_eq!(lines(&["--table", "aliases", "--key", &key]), 2);
    assert_eq!(lines(&["--table", "aliases", "--key", other]), 1);
    assert_eq!(lines(&["--table", "domains"]), 0);
    assert_eq!(lines(&["--who", "nobody"]), 0);
    assert_eq!(lines(&["--since", "2020-01-01"]), 2);
    assert_eq!(lines(&["--since", "2199-01-01"]), 0);
    assert_eq!(on(&database, &["changes", "--since", "soon"]).code, Some(2));
}
