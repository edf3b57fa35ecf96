//! Lists as files: what is in them, for whom, and that they are whole or recognisably not.

use postwarden::access::{Actor, Role};
use postwarden::exchange::Writing;
use postwarden::resource::aliases;
use postwarden::store::{Exporting, ListQuery, Patience};
use std::time::Duration;

use crate::support::{Browser, Database, PASSWORD, Panel};

async fn file(browser: &Browser, path: &str) -> String {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

/// An aliases table that owners of two domains share.
async fn shared() -> Panel {
    let panel = Panel::on(Database::fresh().await).await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain) VALUES ('mine.example'), ('theirs.example');
             INSERT INTO aliases (pkid, mail, destination, enabled) VALUES
               (7, 'b@mine.example', 'x@out.example', 1), (8, '@mine.example', '=HYPERLINK(\"x\")', 0),
               (9, 'a@mine.example', 'x@out.example,y@out.example', 1), (10, 'c@theirs.example', 'secret@out.example', 1);
             INSERT INTO users (id, name, home, clear, crypt) VALUES
               ('b@mine.example', 'B, the first', '/srv/b', 'readable', '$6$hashed'),
               ('c@theirs.example', 'C', '/srv/c', 'readable', '$6$hashed')",
        )
        .await;
    panel
}

#[tokio::test]
async fn each_format_has_every_stored_column_in_the_order_of_the_keys() {
    let panel = shared().await;
    let operator = panel.operator().await;
    assert_eq!(
        file(&operator, "aliases/export.csv").await,
        "pkid,mail,destination,enabled\n7,b@mine.example,x@out.example,1\n\
         8,@mine.example,\"'=HYPERLINK(\"\"x\"\")\",0\n9,a@mine.example,\"x@out.example,y@out.example\",1\n\
         10,c@theirs.example,secret@out.example,1\n"
    );
    let json = file(&operator, "aliases/export.json").await;
    let rows: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        rows[1],
        serde_json::json!({"pkid": 8, "mail": "@mine.example", "destination": "=HYPERLINK(\"x\")", "enabled": 0})
    );
    assert_eq!(json.lines().count(), 6, "an object on each line: {json}");

    let sql = file(&operator, "aliases/export.sql").await;
    let other = Database::fresh().await;
    other.script(&sql).await;
    let query = "SELECT pkid, mail, destination, enabled FROM aliases ORDER BY pkid";
    assert_eq!(other.rows(query).await, panel.database.rows(query).await);
}

#[tokio::test]
async fn a_file_is_named_after_its_list_and_the_day() {
    let panel = shared().await;
    let operator = panel.operator().await;
    let today = time::OffsetDateTime::now_utc().date();
    for (path, name, kind) in [
        (
            "aliases/export.csv",
            "aliases",
            "text/csv; charset=utf-8; header=present",
        ),
        ("access/export.json", "access", "application/json"),
        ("lists/export.sql", "lists", "application/sql; charset=utf-8"),
    ] {
        let answer = operator.get(path).await;
        let extension = path.rsplit('.').next().unwrap_or_default();
        assert_eq!(
            answer.header("content-disposition"),
            format!("attachment; filename=\"{name}-{today}.{extension}\"")
        );
        assert_eq!(answer.header("content-type"), kind);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_file_has_the_rows_of_the_list_it_belongs_to() {
    let panel = shared().await;
    let operator = panel.operator().await;
    let rows = async |query: &str| {
        let csv = file(&operator, &format!("aliases/export.csv{query}")).await;
        csv.lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(rows("?sort=mail").await, ["8", "9", "7", "10"]);
    assert_eq!(rows("?sort=-mail").await, ["10", "7", "9", "8"]);
    assert_eq!(rows("?domain=mine.example").await, ["7", "8", "9"]);
    assert_eq!(rows("?enabled=0").await, ["8"]);
    assert_eq!(rows("?q=y%40out").await, ["9"]);
    assert_eq!(rows("?q=nothing-at-all").await, [""; 0]);
    // The page of a list is no part of it.
    assert_eq!(rows("?per=1&after=00").await, ["7", "8", "9", "10"]);
    let lists = file(&operator, "lists/export.csv").await;
    assert_eq!(lists.lines().count(), 2, "{lists}");

    let page = operator
        .get("aliases?domain=mine.example&enabled=1&sort=-mail")
        .await;
    let links = page.attributes(".pager a[href*='export']", "href");
    assert_eq!(
        links[0],
        "/aliases/export.csv?domain=mine.example&enabled=1&sort=-mail"
    );
    assert_eq!(links.len(), 3);
}

#[tokio::test]
async fn owners_get_their_own_rows_and_the_columns_they_see() {
    let panel = shared().await;
    let owner = panel.signed_in("joe", Role::Owner, &["mine.example"]).await;
    let neighbour = panel.signed_in("ann", Role::Owner, &["theirs.example"]).await;
    for extension in ["csv", "json", "sql"] {
        let mine = file(&owner, &format!("aliases/export.{extension}")).await;
        assert!(
            mine.contains("b@mine.example") && !mine.contains("theirs"),
            "{mine}"
        );
        let theirs = file(
            &neighbour,
            &format!("aliases/export.{extension}?domain=mine.example"),
        )
        .await;
        assert!(!theirs.contains("out.example"), "{theirs}");
    }
    let csv = file(&owner, "users/export.csv").await;
    assert_eq!(
        csv, "id,name,maildir,enabled\nb@mine.example,\"B, the first\",\"\",1\n",
        "where on the server mail is kept is not for owners"
    );
    let operators = file(&panel.operator().await, "users/export.csv").await;
    assert!(operators.contains("/srv/b"), "{operators}");
}

#[tokio::test]
async fn passwords_are_in_no_file_but_that_of_an_operator_who_asked_for_them_and_proved_it() {
    let panel = shared().await;
    let operator = panel.operator().await;
    let auditor = panel.signed_in("aud", Role::Auditor, &[]).await;
    let owner = panel.signed_in("joe", Role::Owner, &["mine.example"]).await;
    for browser in [&operator, &auditor, &owner] {
        for path in [
            "users/export.csv",
            "users/export.json",
            "users/export.sql?passwords=0",
        ] {
            let file = file(browser, path).await;
            assert!(!file.contains("hashed") && !file.contains("readable"), "{file}");
        }
    }
    for browser in [&auditor, &owner] {
        let answer = browser.get("users/export.csv?passwords=1").await;
        assert_eq!(answer.status, 403);
        assert!(!answer.body.contains("hashed"), "{}", answer.body);
    }
    let whole = file(&operator, "users/export.csv?passwords=1").await;
    assert!(
        whole.contains("$6$hashed") && whole.contains("readable"),
        "{whole}"
    );

    panel.database.age_proofs(10).await;
    let asked = operator.get("users/export.csv?passwords=1&q=mine").await;
    assert_eq!(asked.status, 403);
    assert!(!asked.body.contains("hashed"));
    let wrong = operator.submit(&asked, &[("own_password", "wrong")]).await;
    assert_eq!((wrong.status, wrong.body.contains("hashed")), (403, false));
    let given = operator.submit(&asked, &[("own_password", PASSWORD)]).await;
    assert_eq!(given.status, 200, "{}", given.body);
    assert!(given.body.contains("b@mine.example") && given.body.contains("$6$hashed"));
    assert!(
        !given.body.contains("theirs"),
        "the filter is kept: {}",
        given.body
    );
}

#[tokio::test]
async fn an_empty_table_is_a_header_and_a_missing_one_a_page() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    assert_eq!(
        file(&operator, "relocated/export.csv").await,
        "pkid,oldadr,newadr,enabled\n"
    );
    assert_eq!(file(&operator, "relocated/export.json").await, "[\n]\n");
    panel.database.script("DROP TABLE relocated").await;
    let answer = operator.get("relocated/export.csv").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("CREATE TABLE"), "{}", answer.body);
    assert!(!answer.header("content-disposition").contains("attachment"));
}

#[tokio::test]
async fn overrides_of_both_tables_are_one_file() {
    let panel = Panel::on(Database::fresh().await).await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain, transport) VALUES ('mine.example', 'virtual:'), ('a@mine.example', 'smtp:[one]');
             INSERT INTO backups (domain, transport, enabled) VALUES ('kept.example', 'smtp:'), ('b@mine.example', 'smtp:[two]', 0)"
                .replace("('kept.example', 'smtp:')", "('kept.example', 'smtp:', 1)")
                .as_str(),
        )
        .await;
    let operator = panel.operator().await;
    assert_eq!(
        file(&operator, "overrides/export.csv").await,
        "domain,transport,enabled\na@mine.example,smtp:[one],1\nb@mine.example,smtp:[two],0\n"
    );
    let rows: serde_json::Value =
        serde_json::from_str(&file(&operator, "overrides/export.json").await).expect("JSON");
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    let sql = file(&operator, "overrides/export.sql").await;
    assert!(
        sql.contains("INSERT INTO `backups`") && sql.contains("INSERT INTO `domains`"),
        "{sql}"
    );
}

#[tokio::test]
async fn rows_that_other_programs_wrote_come_out_as_they_are_read() {
    let panel = Panel::on(Database::odd().await).await;
    let operator = panel.operator().await;
    let csv = file(&operator, "aliases/export.csv").await;
    assert!(
        csv.contains("josé@blobber.org,josé@example.org"),
        "latin1 as UTF-8: {csv}"
    );
    let other = Database::empty("CHARACTER SET latin1").await;
    other.script(crate::support::HOWTO).await;
    for table in ["aliases", "domains", "users", "backups", "relays", "relocated"] {
        let sql = file(&operator, &format!("{table}/export.sql?passwords=1")).await;
        other.script(&format!("DELETE FROM {table}")).await;
        other.script(&sql).await;
        let query = format!("SELECT * FROM {table} ORDER BY 1");
        assert_eq!(
            other.rows(&query).await,
            panel.database.rows(&query).await,
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_key_like_a_file_s_name_is_still_a_row() {
    let panel = Panel::on(Database::fresh().await).await;
    panel
        .database
        .script("INSERT INTO users (id, name) VALUES ('export.sql', 'zz a mailbox')")
        .await;
    let operator = panel.operator().await;
    let list = operator.get("users").await;
    let link = list.attributes("main a[href*='~export.sql']", "href");
    assert!(!link.is_empty(), "{}", list.body);
    assert!(operator.get(&link[0]).await.body.contains("zz a mailbox"));
}

/// More rows than fit on the way between a panel and a browser.
async fn many(database: &Database) {
    database
        .script(
            "INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@mine.example'), \
             CONCAT(REPEAT('x', 230), seq, '@out.example') FROM seq_1_to_80000",
        )
        .await;
}

/// The beginning of a file that is not packed.
async fn begun(browser: &Browser, path: &str) -> reqwest::Response {
    let request = browser
        .client
        .get(browser.url(path))
        .header("accept-encoding", "identity");
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn a_reader_who_does_not_take_the_file_is_left_and_told_that_it_is_not_whole() {
    let database = Database::fresh().await;
    many(&database).await;
    let store = database.store().await;
    let what = Exporting {
        resources: vec![&aliases::RESOURCE],
        query: ListQuery::default(),
        how: Writing::Csv,
        passwords: false,
        named: false,
    };
    let patience = Patience {
        piece: Duration::from_millis(200),
        whole: Duration::from_mins(1),
    };
    let actor = Actor::command_line();
    let mut outgoing = store
        .export(&actor, what.clone(), Some(patience))
        .await
        .expect("begun");
    let others = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND \
                  command <> 'Sleep'";
    assert_eq!(database.count(others).await, 1);
    tokio::time::sleep(Duration::from_millis(600)).await;
    let mut failed = None;
    for _ in 0..20 {
        if let Err(error) = outgoing.next().await {
            failed = Some(error);
            break;
        }
    }
    assert!(failed.is_some(), "it is not passed off as whole");
    assert_eq!(database.count(others).await, 0, "the server is free again");

    // Whoever leaves frees it too.
    let outgoing = store.export(&actor, what, None).await.expect("begun");
    drop(outgoing);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(database.count(others).await, 0);
}

#[tokio::test]
async fn a_file_that_breaks_off_has_no_end() {
    let panel = Panel::on(Database::fresh().await).await;
    many(&panel.database).await;
    let operator = panel.operator().await;
    let mut answer = begun(&operator, "aliases/export.csv").await;
    assert_eq!(answer.status(), 200);
    answer.chunk().await.expect("the first part");
    let killed = panel
        .database
        .value(
            "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND command <> \
             'Sleep'",
        )
        .await
        .expect("the connection that reads");
    panel.database.script(&format!("KILL {killed}")).await;
    let mut ended = Ok(true);
    while matches!(ended, Ok(true)) {
        ended = answer.chunk().await.map(|chunk| chunk.is_some());
    }
    assert!(ended.is_err(), "a browser is told that the file is not whole");
}

#[tokio::test]
async fn a_third_file_at_once_of_one_person_has_to_wait_and_pages_and_others_do_not() {
    let panel = Panel::on(Database::fresh().await).await;
    many(&panel.database).await;
    let operator = panel.operator().await;
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(begun(&operator, "aliases/export.csv").await);
    }
    assert_eq!(operator.get("aliases/export.csv").await.status, 503);
    assert_eq!(operator.get("aliases").await.status, 200);
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    assert_eq!(auditor.get("domains/export.csv").await.status, 200);
    drop(open);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(operator.get("domains/export.csv").await.status, 200);
}
