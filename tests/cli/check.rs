//! `postwarden check`.

use crate::program::on;
use crate::support::Database;

const DOMAIN: &str = "INSERT INTO domains (domain) VALUES ('shop.example'); INSERT INTO users (id, maildir) VALUES \
    ('postmaster@shop.example', 'shop/postmaster/'); INSERT INTO aliases (mail, destination) VALUES \
    ('postmaster@shop.example', 'postmaster@shop.example'), ('abuse@shop.example', 'postmaster@shop.example')";

#[tokio::test]
async fn a_check_of_good_tables_exits_0_and_says_how_much_it_looked_at() {
    let database = Database::fresh().await;
    assert_eq!(
        on(&database, &["check"]).done(),
        "0 errors, 0 warnings, 0 notices in 0 rows\n"
    );
    assert_eq!(on(&database, &["check", "--json"]).done(), "[]\n");
    database.script(DOMAIN).await;
    let printed = on(&database, &["check"]).done();
    assert!(
        printed.ends_with("0 errors, 0 warnings, 0 notices in 4 rows\n"),
        "{printed}"
    );
}

#[tokio::test]
async fn an_error_exits_3_and_is_told_with_its_fix() {
    let database = Database::fresh().await;
    database.script(DOMAIN).await;
    database
        .script("INSERT INTO backups (domain, transport) VALUES ('Friend.example', ':[]')")
        .await;
    let key = database.value("SELECT pkid FROM backups").await.expect("a row");
    let run = on(&database, &["check"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(3), ""));
    let blocks: Vec<Vec<&str>> = run
        .stdout
        .split("\n\n")
        .map(|block| block.lines().collect())
        .collect();
    let heading = format!("error PW122 backups {key} Friend.example");
    let error = blocks
        .iter()
        .find(|block| block[0] == heading)
        .expect(&run.stdout);
    assert!(
        error.len() == 3 && error[1].starts_with("  ") && error[2].starts_with("  "),
        "{error:?}"
    );
    let severities: Vec<&str> = blocks
        .iter()
        .filter_map(|block| block[0].split(' ').next())
        .filter(|word| ["error", "warning", "notice"].contains(word))
        .collect();
    assert!(severities.contains(&"warning"), "upper case: {}", run.stdout);
    assert!(
        severities.is_sorted_by_key(|word| ["error", "warning", "notice"].iter().position(|w| w == word))
    );
    let last = run.stdout.lines().last().unwrap_or_default();
    assert!(last.ends_with(" in 5 rows"), "{last}");

    let run = on(&database, &["check", "--json"]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(3), ""));
    let found: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    let found = found.as_array().expect("an array");
    let error = found.iter().find(|told| told["rule"] == "PW122").expect("found");
    let names: Vec<&str> = error
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(names, ["rule", "severity", "table", "key", "message", "fix"]);
    assert_eq!(
        (&error["severity"], &error["table"], &error["key"]),
        (&"error".into(), &"backups".into(), &key.into())
    );
    assert_eq!(found.len(), severities.len());
}

#[tokio::test]
async fn notices_alone_exit_0() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('shop.example'); INSERT INTO users (id, maildir) VALUES \
             ('joe@shop.example', 'shop/joe/')",
        )
        .await;
    let printed = on(&database, &["check"]).done();
    assert!(
        printed.contains("notice PW121 domains"),
        "no postmaster: {printed}"
    );
    assert!(printed.contains("\n0 errors, 0 warnings, "), "{printed}");
}

#[tokio::test]
async fn a_check_of_one_domain_tells_of_no_other() {
    let database = Database::fresh().await;
    database.script(DOMAIN).await;
    database
        .script("INSERT INTO backups (domain, transport) VALUES ('friend.example', ':[]')")
        .await;
    let printed = on(&database, &["check", "--domain", "Shop.example"]).done();
    assert_eq!(printed, "0 errors, 0 warnings, 0 notices in 4 rows\n");
    assert_eq!(
        on(&database, &["check", "--domain", "friend.example"]).code,
        Some(3)
    );
    on(&database, &["check", "--domain", "not a domain"]).refused(1);
}

#[tokio::test]
async fn what_is_silenced_is_counted_and_no_reason_to_exit_3() {
    let database = Database::fresh().await;
    database.script(DOMAIN).await;
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('Sales@shop.example', 'postmaster@shop.example')")
        .await;
    assert_eq!(on(&database, &["check"]).code, Some(3));
    database
        .script(
            "INSERT INTO pw_silenced (rule, table_name, row_key, reason, who, at) SELECT 'PW102', 'aliases', pkid, '', 'joe', NOW() FROM aliases WHERE mail LIKE 'Sales%'",
        )
        .await;
    let printed = on(&database, &["check"]).done();
    assert!(printed.ends_with(" in 5 rows; 1 silenced\n"), "{printed}");
}

#[tokio::test]
async fn a_check_before_migrate_says_what_to_do() {
    let database = Database::empty("").await;
    let line = on(&database, &["check"]).refused(1);
    assert!(line.contains("postwarden migrate"), "{line}");
}
