//! Imports that meet another writer, a database that refuses rows, or tables that have changed since somebody looked: all of
//! it or nothing, and the record says which.

use std::time::{Duration, Instant};

use postwarden::store::Importing;
use sqlx::{Connection, Executor, MySqlConnection};

use crate::import_store::{APPLIED, LOOKED_AT, SKIPPED, counts, expect_refused, import, recorded, refused};
use crate::support::Database;

#[tokio::test]
async fn what_was_not_seen_is_not_written() {
    let database = Database::fresh().await;
    let text = "mail,destination\na@x.example,b@y.example\nc@x.example,d@y.example\n";
    let looked = import(&database, "aliases", text, &LOOKED_AT).await;
    let seen = Importing {
        seen: Some(looked.version.clone()),
        ..APPLIED
    };
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('a@x.example', 'other@y.example')")
        .await;
    let imported = import(&database, "aliases", text, &seen).await;
    assert_ne!(imported.version, looked.version);
    assert_eq!((counts(&imported), imported.change), ([1, 1, 0, 0], None));
    assert_eq!(recorded(&database).await, 0);
    database.script("DELETE FROM aliases").await;
    let imported = import(&database, "aliases", text, &seen).await;
    assert_eq!((imported.version, imported.change), (looked.version, Some(1)));
    assert_eq!(recorded(&database).await, 2);
}

#[tokio::test]
async fn a_row_the_database_refuses_is_found_among_many() {
    let database = Database::fresh().await;
    database
        .script(
            "CREATE TRIGGER picky BEFORE INSERT ON aliases FOR EACH ROW IF NEW.mail IN ('a77@x.example', 'a640@x.example') THEN \
             SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF",
        )
        .await;
    let lines = (1..=700)
        .map(|n| format!("a{n}@x.example,b@y.example\n"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!("mail,destination\n{lines}");
    let imported = import(&database, "aliases", &text, &APPLIED).await;
    assert_eq!((imported.change, recorded(&database).await), (None, 0));
    assert!(
        refused(&imported)[0].starts_with("78: A trigger of the table refused the row"),
        "{:?}",
        refused(&imported)
    );
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 0);
    let imported = import(&database, "aliases", &text, &SKIPPED).await;
    expect_refused(&imported, &["78: A trigger", "641: A trigger"]);
    assert_eq!(counts(&imported), [698, 0, 0, 2]);
    let agreeing = "SELECT COUNT(*) FROM aliases JOIN pw_changes ON row_key = pkid AND subject = mail";
    assert_eq!(
        (database.count(agreeing).await, recorded(&database).await),
        (698, 698)
    );
    assert_eq!(
        database.count("SELECT COUNT(DISTINCT seq) FROM pw_changes").await,
        698
    );
}

#[tokio::test]
async fn what_the_database_makes_something_else_of_is_not_kept() {
    let database = Database::fresh().await;
    database
        .script(
            "CREATE TRIGGER busy BEFORE UPDATE ON aliases FOR EACH ROW IF NEW.mail = 'a3@x.example' THEN \
             SET NEW.destination = 'mine@z.example'; END IF; \
             INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@x.example'), 'b@y.example' FROM seq_1_to_5",
        )
        .await;
    let lines = (1..=5)
        .map(|n| format!("a{n}@x.example,c{n}@y.example\n"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!("mail,destination\n{lines}");
    let imported = import(&database, "aliases", &text, &SKIPPED).await;
    expect_refused(
        &imported,
        &["4: The database made `mine@z.example` of `c3@y.example`"],
    );
    assert_eq!(counts(&imported), [0, 4, 0, 1]);
    assert_eq!(
        database.count("SELECT COUNT(*) FROM aliases WHERE destination = CONCAT('c', SUBSTR(mail, 2, 1), '@y.example')").await,
        4
    );
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM aliases WHERE destination = 'b@y.example'")
            .await,
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_imports_at_once_follow_each_other() {
    let database = Database::fresh().await;
    let file = |to: &str| {
        let lines = (1..=1500)
            .map(|n| format!("a{n}@x.example,{to}@y.example\n"))
            .collect::<Vec<_>>()
            .concat();
        format!("mail,destination\n{lines}")
    };
    let (one, other) = (file("one"), file("other"));
    let (first, second) = tokio::join!(
        import(&database, "aliases", &one, &APPLIED),
        import(&database, "aliases", &other, &APPLIED)
    );
    let mut both = [counts(&first), counts(&second)];
    both.sort_unstable();
    assert_eq!(both, [[0, 1500, 0, 0], [1500, 0, 0, 0]]);
    assert_eq!(recorded(&database).await, 3000);
    let kinds = "SELECT COUNT(DISTINCT destination) FROM aliases";
    assert_eq!(
        (
            database.count(kinds).await,
            database.count("SELECT last_change FROM pw_counter").await
        ),
        (1, 2)
    );
    let last = "SELECT COUNT(*) FROM aliases JOIN pw_changes ON row_key = pkid AND change_id = 2 AND \
                JSON_VALUE(row_after, '$.destination') = destination";
    assert_eq!(database.count(last).await, 1500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_loses_a_deadlock_is_done_once_and_whole() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@x.example'), 'old@y.example' FROM seq_1_to_3000")
        .await;
    database
        .script("CREATE TABLE ballast (n INT) ENGINE=InnoDB")
        .await;
    let mut other = MySqlConnection::connect(&database.url).await.expect("it answers");
    // A row that is in the way, and a weight that makes the server end the other side of a deadlock.
    other
        .execute(
            "START TRANSACTION; INSERT INTO ballast SELECT seq FROM seq_1_to_40000; \
             UPDATE aliases SET destination = 'theirs@y.example' WHERE mail = 'a3000@x.example'",
        )
        .await
        .expect("written");
    let lines = (1..=3000)
        .map(|n| format!("a{n}@x.example,new@y.example\n"))
        .collect::<Vec<_>>()
        .concat();
    let text = format!("mail,destination\n{lines}");
    let importing = {
        let database = database.clone();
        tokio::spawn(async move { import(&database, "aliases", &text, &APPLIED).await })
    };
    let waits = format!(
        "SELECT COUNT(*) FROM information_schema.INNODB_TRX t JOIN information_schema.PROCESSLIST p ON p.ID = \
         t.trx_mysql_thread_id WHERE p.DB = '{}' AND trx_state = 'LOCK WAIT'",
        database.name
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    while database.count(&waits).await == 0 {
        assert!(!importing.is_finished() && Instant::now() < deadline, "it waits");
        // The server answers from memory to who asks again within a tenth of a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    other
        .execute("UPDATE pw_counter SET last_change = last_change")
        .await
        .expect("the import was ended, all it had written taken back");
    other.execute("COMMIT").await.expect("let go");
    let imported = importing.await.expect("an import");
    assert_eq!((counts(&imported), imported.change), ([0, 3000, 0, 0], Some(1)));
    assert_eq!(
        (
            recorded(&database).await,
            database.count("SELECT last_change FROM pw_counter").await
        ),
        (3000, 1)
    );
    let theirs =
        "SELECT COUNT(*) FROM pw_changes WHERE JSON_VALUE(row_before, '$.destination') = 'theirs@y.example'";
    assert_eq!(
        database.count(theirs).await,
        1,
        "what the other program wrote is what is recorded"
    );
}
