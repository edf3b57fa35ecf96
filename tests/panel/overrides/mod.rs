//! Overrides: one form over the rows of one address in two tables.

mod companions;
mod people;
mod switching;
mod tables;

use postwarden::config::OverrideTable;

use crate::samples::{both, ground, links, names, recorded};
use crate::support::{Answer, Browser, Database, Panel};

const GOOGLE: &str = "smtp:[aspmx.l.google.com]";
const ELSEWHERE: &str = "smtp:[mail.elsewhere.example]";
const JOE: &str = "joe@shop.example";

/// The transport rows of single addresses: table, address, transport, enabled.
async fn stored(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', 'domains', domain, transport, enabled) AS line FROM domains WHERE domain LIKE '%@%.example' \
                 UNION ALL SELECT CONCAT_WS(' ', 'backups', domain, transport, enabled) FROM backups WHERE domain LIKE \
                 '%@%.example' ORDER BY line";
    lines(database, query).await
}

/// The aliases of the domains that tests use: address, destinations, enabled.
async fn aliases(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', mail, destination, enabled) FROM aliases WHERE mail LIKE '%.example' ORDER BY mail";
    lines(database, query).await
}

async fn relays(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', recipient, status, enabled) FROM relays WHERE recipient LIKE '%@away.example' \
                 ORDER BY recipient";
    lines(database, query).await
}

/// What the last change recorded, in the order of its rows: action, table, subject.
async fn latest(database: &Database) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', action, table_name, subject) FROM pw_changes WHERE change_id = (SELECT \
                 MAX(change_id) FROM pw_changes) ORDER BY action, table_name, subject";
    lines(database, query).await
}

async fn lines(database: &Database, query: &str) -> Vec<String> {
    let rows = database.rows(query).await;
    rows.into_iter()
        .map(|mut row| row.remove(0).expect("a line"))
        .collect()
}

async fn changes(database: &Database) -> u64 {
    database
        .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
        .await
}

fn row<'a>(mail: &'a str, transport: &'a str) -> [(&'a str, &'a str); 2] {
    [("mail", mail), ("transport", transport)]
}

/// Saves what must neither be asked about nor refused.
async fn saved(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = browser.post(path, fields).await;
    assert_eq!(answer.status, 303, "{path} {fields:?}: {}", answer.text("main"));
    answer
}

/// Deletes an override by its link, as a person does.
async fn deleted(browser: &Browser, address: &str) -> Answer {
    let ask = browser.get(&format!("overrides/{address}/delete")).await;
    assert_eq!(ask.status, 200, "{}", ask.text("main"));
    let done = browser.submit(&ask, &[("confirm", "1")]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/overrides"),
        "{}",
        done.text("main")
    );
    ask
}

#[tokio::test]
async fn the_setting_says_which_table_overrides_are_kept_in() {
    for database in both().await {
        let panel = Panel::with(database, |config| config.overrides.table = OverrideTable::Backups).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
        assert_eq!(stored(database).await, [format!("backups {JOE} {GOOGLE} 1")]);
        assert_eq!(aliases(database).await, [format!("{JOE} {JOE} 1")]);
        // A row in the other table is moved by saving it.
        database
            .script(&format!(
                "INSERT INTO domains (domain, transport) VALUES ('ann@shop.example', '{GOOGLE}')"
            ))
            .await;
        saved(
            &operator,
            "overrides/ann@shop.example",
            &row("ann@shop.example", ELSEWHERE),
        )
        .await;
        assert_eq!(
            stored(database).await,
            [
                format!("backups ann@shop.example {ELSEWHERE} 1"),
                format!("backups {JOE} {GOOGLE} 1")
            ]
        );
        assert_eq!(changes(database).await, 2);
    }
}

#[tokio::test]
async fn another_transport_changes_the_one_row() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
        let number = database
            .value(&format!("SELECT pkid FROM domains WHERE domain = '{JOE}'"))
            .await;
        let form = operator.get(&format!("overrides/{JOE}")).await;
        assert_eq!(
            (form.field("mail"), form.field("transport")),
            (JOE.to_owned(), GOOGLE.to_owned())
        );
        assert_eq!(
            operator.submit(&form, &[("transport", ELSEWHERE)]).await.status,
            303
        );
        assert_eq!(stored(database).await, [format!("domains {JOE} {ELSEWHERE} 1")]);
        assert_eq!(
            database
                .value(&format!("SELECT pkid FROM domains WHERE domain = '{JOE}'"))
                .await,
            number
        );
        assert_eq!(latest(database).await, [format!("update domains {JOE}")]);
        // What is as it should be is not written again.
        saved(&operator, &format!("overrides/{JOE}"), &row(JOE, ELSEWHERE)).await;
        assert_eq!(changes(database).await, 2);
        // A field that is not sent keeps its value.
        saved(&operator, &format!("overrides/{JOE}"), &[("transport", GOOGLE)]).await;
        assert_eq!(stored(database).await, [format!("domains {JOE} {GOOGLE} 1")]);
    }
}

#[tokio::test]
async fn what_postfix_would_choke_on_is_refused_and_the_input_kept() {
    let (panel, operator) = ground().await;
    for (mail, transport, column) in [
        (JOE, "", "transport"),
        (JOE, "  ", "transport"),
        (JOE, ":[]", "transport"),
        (JOE, "smtp:[]", "transport"),
        (JOE, "[mail.x.example]", "transport"),
        (JOE, "smtp:[mail.x.example", "transport"),
        ("shop.example", GOOGLE, "mail"),
        ("@shop.example", GOOGLE, "mail"),
        ("joe", GOOGLE, "mail"),
        ("*@shop.example", GOOGLE, "mail"),
        ("", GOOGLE, "mail"),
    ] {
        let sent = [("mail", mail), ("transport", transport), ("confirm", "1")];
        let answer = operator.post("overrides", &sent).await;
        assert_eq!(answer.status, 422, "{mail} {transport}");
        assert_eq!(
            (answer.field("mail"), answer.field("transport")),
            (mail.to_owned(), transport.to_owned())
        );
        assert!(
            !answer.texts(&format!("#{column}-error")).is_empty(),
            "{mail} {transport}: {}",
            answer.text("main")
        );
        assert!(!answer.text(".summary").is_empty());
    }
    assert!(stored(&panel.database).await.is_empty());
    assert_eq!(recorded(&panel.database).await, 0);

    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    let again = operator
        .post("overrides", &row("JOE@shop.example", ELSEWHERE))
        .await;
    assert_eq!(again.status, 422, "there is one already");
    assert_eq!(
        again.attributes(".summary p a", "href"),
        [format!("/overrides/{JOE}")]
    );
    let bad = operator
        .post(&format!("overrides/{JOE}"), &[("transport", ":[]")])
        .await;
    assert_eq!(bad.status, 422);
    assert_eq!(
        stored(&panel.database).await,
        [format!("domains {JOE} {GOOGLE} 1")]
    );
}

#[tokio::test]
async fn an_unknown_domain_and_a_relocation_are_asked_about() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(&format!(
            "INSERT INTO relocated (oldadr, newadr) VALUES ('{JOE}', 'joe@new.example')"
        ))
        .await;
    for (mail, said) in [
        ("joe@nowhere.example", "554 Relay access denied"),
        (JOE, "has moved"),
    ] {
        let ask = operator.post("overrides", &row(mail, GOOGLE)).await;
        assert_eq!(ask.status, 200, "{mail}");
        assert!(ask.text("[role=alert]").contains(said), "{}", ask.text("main"));
        assert_eq!(operator.submit(&ask, &[("confirm", "1")]).await.status, 303);
    }
    assert_eq!(changes(&panel.database).await, 2);
}

#[tokio::test]
async fn an_override_changed_meanwhile_is_not_overwritten() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    let (form, ask) = (
        operator.get(&format!("overrides/{JOE}")).await,
        operator.get(&format!("overrides/{JOE}/delete")).await,
    );
    // A second row counts as a change as well as another value.
    for change in [
        format!("UPDATE domains SET transport = '{ELSEWHERE}' WHERE domain = '{JOE}'"),
        format!(
            "UPDATE domains SET transport = '{GOOGLE}' WHERE domain = '{JOE}'; INSERT INTO backups (domain, transport) VALUES ('{JOE}', '{ELSEWHERE}')"
        ),
    ] {
        database.script(&change).await;
        let before = stored(database).await;
        let conflict = operator
            .submit(&form, &[("transport", "smtp:[mine.example]")])
            .await;
        assert_eq!(conflict.status, 409, "{}", conflict.text("main"));
        assert!(
            conflict.text("main").contains("smtp:[mine.example]"),
            "{}",
            conflict.text("main")
        );
        assert_eq!(operator.submit(&ask, &[("confirm", "1")]).await.status, 409);
        assert_eq!(stored(database).await, before);
        assert_eq!(changes(database).await, 1);
    }
    // A script that sends no version is not compared.
    saved(
        &operator,
        &format!("overrides/{JOE}"),
        &row(JOE, "smtp:[mine.example]"),
    )
    .await;
    assert_eq!(
        stored(database).await,
        [format!("domains {JOE} smtp:[mine.example] 1")]
    );
}

const TENANT: &str = "smtp:[acme-example.mail.protection.outlook.com]";

/// Overrides in both tables, those of `other.example` among them.
async fn many() -> (Panel, Browser) {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(&format!(
            "INSERT INTO domains (domain) VALUES ('other.example'); \
             INSERT INTO domains (domain, transport, enabled) SELECT CONCAT('d', LPAD(seq, 3, '0'), '@shop.example'), \
               '{GOOGLE}', seq % 3 <> 0 FROM seq_1_to_60; \
             INSERT INTO backups (domain, transport, enabled) SELECT CONCAT('b', LPAD(seq, 3, '0'), '@other.example'), \
               '{ELSEWHERE}', seq % 2 FROM seq_1_to_60; \
             INSERT INTO backups (domain, transport) SELECT CONCAT('d', LPAD(seq, 3, '0'), '@shop.example'), '{GOOGLE}' \
               FROM seq_1_to_5; \
             INSERT INTO aliases (mail, destination) SELECT domain, domain FROM domains WHERE domain LIKE 'd%@%'"
        ))
        .await;
    (panel, operator)
}

/// Counts the addresses that have an override.
const ALL: &str = "SELECT COUNT(DISTINCT domain) FROM (SELECT domain FROM domains UNION ALL SELECT domain FROM backups) o \
                   WHERE domain LIKE '%@%'";

#[tokio::test]
async fn the_address_is_the_key_in_any_case_and_with_any_character() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport) VALUES ('50%off@shop.example', '{GOOGLE}'), ('a/b@shop.example', \
             '{GOOGLE}'), ('o''brien+x@shop.example', '{GOOGLE}'), ('a?b#c&d=e@shop.example', '{GOOGLE}'), \
             ('Ann@Shop.Example', '{GOOGLE}'), ('bob@shop.example  ', '{GOOGLE}'), ('tab@shop.example\t', '{GOOGLE}'), \
             (' lead@shop.example', '{GOOGLE}'), ('new@shop.example', '{GOOGLE}')"
        ))
        .await;
    let list = operator.get("overrides").await;
    assert_eq!(list.text(".pager p"), "9 overrides");
    let pages = links(&list);
    assert_eq!(pages.len(), 9, "none is left out: {:?}", names(&list));
    for page in [
        "/overrides/50%25off@shop.example",
        "/overrides/a%2Fb@shop.example",
        "/overrides/ann@shop.example",
    ] {
        assert!(pages.contains(&page.to_owned()), "{page}: {pages:?}");
    }
    for page in pages {
        assert_eq!(operator.get(&page).await.status, 200, "{page}");
        assert_eq!(
            operator.get(&format!("{page}/delete")).await.status,
            200,
            "{page}"
        );
    }
    for page in [
        "overrides/ANN@shop.EXAMPLE",
        "overrides/ann%40shop.example",
        "overrides/Bob@shop.example",
    ] {
        assert_eq!(operator.get(page).await.status, 200, "{page}");
    }
    for page in [
        "overrides/50@shop.example",
        "overrides/shop.example",
        "overrides/a_b@shop.example",
    ] {
        assert_eq!(operator.get(page).await.status, 404, "{page}");
    }
    saved(
        &operator,
        "overrides/50%25OFF@shop.example",
        &[("transport", ELSEWHERE)],
    )
    .await;
    let changed = format!("SELECT domain FROM domains WHERE transport = '{ELSEWHERE}'");
    assert_eq!(lines(database, &changed).await, ["50%off@shop.example"]);
    // Saving mends what Postfix never finds.
    saved(&operator, "overrides/ann@shop.example", &[]).await;
    assert_eq!(
        lines(
            database,
            "SELECT domain FROM domains WHERE domain = 'ann@shop.example' COLLATE utf8mb4_bin"
        )
        .await,
        ["ann@shop.example"]
    );
}
