//! What a page asks before it writes: all that a change does to mail, and again where something else was confirmed.

use std::fmt::Write as _;

use crate::support::{Answer, Browser, Database, Panel};

/// A domain with mailboxes, their self aliases, and aliases that lead to joe.
const HOUSE: &str = "\
    INSERT INTO domains (domain, transport) VALUES ('house.example', 'virtual:'); \
    INSERT INTO users (id, maildir) VALUES ('joe@house.example', 'house/joe/'), ('mary@house.example', 'house/mary/'); \
    INSERT INTO aliases (mail, destination) VALUES ('joe@house.example', 'joe@house.example'), \
    ('mary@house.example', 'mary@house.example'), ('info@house.example', 'joe@house.example'), \
    ('sales@house.example', 'joe@house.example');";

/// What a page says that asks again.
const ANOTHER: &str = "This is not what you were asked before.";

const JOE_IS_ON: &str = "SELECT enabled FROM users WHERE id = 'joe@house.example'";

async fn house() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    panel.database.script(HOUSE).await;
    let operator = panel.operator().await;
    (panel, operator)
}

fn assert_asks(answer: &Answer) {
    assert!(answer.asks(), "{} {}", answer.status, answer.text("main"));
}

/// The form of a page as it is sent without its switch.
async fn switched_off(browser: &Browser, path: &str) -> Answer {
    let (action, mut fields) = browser.get(path).await.form();
    fields.retain(|(name, _)| name != "enabled");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    browser.post(&action, &fields).await
}

#[tokio::test]
async fn the_form_asks_about_switching_off_with_all_that_it_does() {
    let (panel, operator) = house().await;
    panel
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('top@house.example', 'info@house.example')")
        .await;
    let key = "SELECT pkid FROM aliases WHERE mail = 'info@house.example'";
    let key = panel.database.value(key).await.expect("a key");
    let is_on = format!("SELECT enabled FROM aliases WHERE pkid = {key}");
    let asked = switched_off(&operator, &format!("aliases/{key}")).await;
    assert_asks(&asked);
    let lists = asked.texts(".notice.warn ul");
    let [others, also] = &lists[..] else {
        panic!("{lists:?}");
    };
    assert!(
        others.contains("Mail for top@house.example will be accepted and then bounced"),
        "{others}"
    );
    assert!(
        also.contains("Mail for info@house.example will be refused"),
        "{also}"
    );
    assert!(asked.text(".notice.warn").contains("It also does this:"));
    assert_eq!(panel.database.value(&is_on).await.as_deref(), Some("1"));
    assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
    assert_eq!(panel.database.value(&is_on).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn what_is_confirmed_is_what_was_shown() {
    let (panel, operator) = house().await;
    let fields = [
        ("mail", "one@house.example"),
        ("destination", "ghost@house.example"),
        ("enabled", "1"),
    ];
    let count = "SELECT COUNT(*) FROM aliases WHERE mail = 'one@house.example'";
    let asked = operator.post("aliases", &fields).await;
    assert_asks(&asked);
    let other = [("confirm", "1"), ("destination", "spirit@house.example")];
    let again = operator.submit(&asked, &other).await;
    assert_asks(&again);
    let alert = again.text(".notice.warn");
    assert!(
        alert.contains(ANOTHER) && alert.contains("spirit@house.example"),
        "{alert}"
    );
    assert_eq!(panel.database.count(count).await, 0);
    assert_eq!(operator.submit(&again, &[("confirm", "1")]).await.status, 303);
    assert_eq!(panel.database.count(count).await, 1);
    // What is asked about no more is no matter.
    let asked = operator
        .post(
            "aliases",
            &[
                ("mail", "two@house.example"),
                ("destination", "ghost@house.example"),
                ("enabled", "1"),
            ],
        )
        .await;
    let mended = [("confirm", "1"), ("destination", "mary@house.example")];
    assert_eq!(operator.submit(&asked, &mended).await.status, 303);
    // A program has seen nothing.
    let blind = [
        ("mail", "three@house.example"),
        ("destination", "ghost@house.example"),
        ("enabled", "1"),
        ("confirm", "1"),
    ];
    assert_eq!(operator.post("aliases", &blind).await.status, 303);
}

#[tokio::test]
async fn a_deletion_that_does_more_than_was_shown_is_asked_about_again() {
    let (panel, operator) = house().await;
    let override_of_mary =
        "INSERT INTO domains (domain, transport) VALUES ('mary@house.example', 'smtp:[far.example]')";
    panel.database.script(override_of_mary).await;
    for (path, table, lead) in [
        ("users/joe@house.example/delete", "users", "joe@house.example"),
        (
            "overrides/mary@house.example/delete",
            "domains",
            "mary@house.example",
        ),
    ] {
        let there = format!("SELECT COUNT(*) FROM {table}");
        let before = panel.database.count(&there).await;
        let asked = operator.get(path).await;
        panel
            .database
            .script(&format!(
                "INSERT INTO aliases (mail, destination) VALUES ('late-{table}@house.example', '{lead}')"
            ))
            .await;
        let again = operator.submit(&asked, &[("confirm", "1")]).await;
        assert_asks(&again);
        let said = again.text("main");
        assert!(
            said.contains(ANOTHER) && said.contains(&format!("late-{table}@house.example")),
            "{said}"
        );
        assert_eq!(panel.database.count(&there).await, before);
        assert_eq!(operator.submit(&again, &[("confirm", "1")]).await.status, 303);
        assert_eq!(panel.database.count(&there).await, before - 1);
    }
}

#[tokio::test]
async fn the_lists_switch_asks_where_others_lose_mail_and_a_program_is_told() {
    let (panel, operator) = house().await;
    let list = operator.get("users").await;
    let sent = list.attributes("form[action$='/enabled'] input[name=ask]", "value");
    assert_eq!(sent, ["1", "1"]);
    let path = "users/joe@house.example/enabled";
    let asked = operator.post(path, &[("value", "0"), ("ask", "1")]).await;
    assert_asks(&asked);
    assert!(asked.text(".notice.warn").contains("info@house.example"));
    assert_eq!(panel.database.value(JOE_IS_ON).await.as_deref(), Some("1"));
    assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
    assert_eq!(panel.database.value(JOE_IS_ON).await.as_deref(), Some("0"));

    panel.database.script("UPDATE users SET enabled = 1").await;
    assert_eq!(operator.post(path, &[("value", "0")]).await.status, 303);
    let page = operator.get("").await;
    let told = page.text(".notice.warn");
    assert!(
        told.contains("Disabled joe@house.example.") && told.contains("info@house.example"),
        "{told}"
    );
    assert_eq!(page.texts(".notice form button"), ["Undo"]);
    // Nobody else loses anything.
    let id = panel
        .database
        .value("SELECT pkid FROM aliases WHERE mail = 'info@house.example'")
        .await
        .expect("a row");
    let info = format!("aliases/{id}/enabled");
    assert_eq!(
        operator.post(&info, &[("value", "0"), ("ask", "1")]).await.status,
        303
    );
}

#[tokio::test]
async fn the_switch_of_an_override_tells_what_it_does_and_asks_where_others_lose_mail() {
    let (panel, operator) = house().await;
    // Only with the override does joe's mail arrive anywhere.
    panel
        .database
        .script(
            "DELETE FROM users WHERE id = 'joe@house.example'; \
             INSERT INTO domains (domain, transport) VALUES ('joe@house.example', 'smtp:[far.example]')",
        )
        .await;
    let (path, on) = (
        "overrides/joe@house.example/enabled",
        "SELECT enabled FROM domains WHERE domain = 'joe@house.example'",
    );
    let asked = operator.post(path, &[("value", "0"), ("ask", "1")]).await;
    assert_asks(&asked);
    assert!(asked.text("main").contains("info@house.example"));
    assert_eq!(panel.database.value(on).await.as_deref(), Some("1"));
    // Something else happens by the time it is confirmed.
    let late = "INSERT INTO aliases (mail, destination) VALUES ('late@house.example', 'joe@house.example')";
    panel.database.script(late).await;
    let again = operator.submit(&asked, &[("confirm", "1")]).await;
    assert_asks(&again);
    let said = again.text("main");
    assert!(
        said.contains(ANOTHER) && said.contains("late@house.example"),
        "{said}"
    );
    assert_eq!(operator.submit(&again, &[("confirm", "1")]).await.status, 303);
    assert_eq!(panel.database.value(on).await.as_deref(), Some("0"));

    panel
        .database
        .script("UPDATE domains SET enabled = 1 WHERE domain LIKE 'joe@%'")
        .await;
    assert_eq!(operator.post(path, &[("value", "0")]).await.status, 303);
    let page = operator.get("").await;
    let told = page.text(".notice.warn");
    assert!(told.contains("info@house.example"), "{told}");
    assert_eq!(page.texts(".notice form button"), ["Undo"]);
}

#[tokio::test]
async fn an_alias_that_closes_a_circle_is_refused_and_one_that_was_one_is_not() {
    let (panel, operator) = house().await;
    panel
        .database
        .script(
            "INSERT INTO aliases (mail, destination, enabled) VALUES ('a@house.example', 'b@house.example', 1), \
             ('b@house.example', 'a@house.example', 0)",
        )
        .await;
    let key = |mail: &'static str| {
        let panel = &panel;
        async move {
            let query = format!("SELECT pkid FROM aliases WHERE mail = '{mail}@house.example'");
            panel.database.value(&query).await.expect("a row")
        }
    };
    let (a, b) = (key("a").await, key("b").await);
    let circle = "b@house.example → a@house.example → b@house.example";
    let switch = format!("aliases/{b}/enabled");
    let refused = operator.post(&switch, &[("value", "1"), ("confirm", "1")]).await;
    assert_eq!(refused.status, 422, "{}", refused.text("main"));
    let why = refused.text("#destination-error");
    assert!(
        why.contains(circle)
            && why.contains("Take a@house.example out of the destinations of b@house.example."),
        "{why}"
    );
    let form = operator.get(&format!("aliases/{b}")).await;
    let refused = operator
        .submit(&form, &[("enabled", "1"), ("confirm", "1")])
        .await;
    assert_eq!(refused.status, 422, "{}", refused.text("main"));
    // Who writes the circle into the table elsewhere can still save its rows.
    panel.database.script("UPDATE aliases SET enabled = 1").await;
    let form = operator.get(&format!("aliases/{a}")).await;
    let more = [("destination", "b@house.example\nmary@house.example")];
    let saved = operator.submit(&form, &more).await;
    assert_ne!(saved.status, 422, "{}", saved.text("main"));
    // And an alias that leads into it closes none.
    let into = [
        ("mail", "c@house.example"),
        ("destination", "b@house.example"),
        ("enabled", "1"),
    ];
    let asked = operator.post("aliases", &into).await;
    assert_asks(&asked);
    assert!(asked.text(".notice.warn").contains("circle"));
}

#[tokio::test]
async fn one_of_two_rows_for_the_same_domain_takes_nothing_with_it() {
    // The howto's own tables let two rows have the same name.
    let panel = Panel::on(Database::howto().await).await;
    panel.database.script(HOUSE).await;
    let operator = panel.operator().await;
    let second = "INSERT INTO domains (domain, transport) VALUES ('house.example', 'virtual:')";
    panel.database.script(second).await;
    let last = "SELECT MAX(pkid) FROM domains";
    let key = panel.database.value(last).await.expect("a row");
    let page = operator.get(&format!("domains/{key}/delete")).await;
    let rows = page.text(".depends");
    assert!(rows.contains("1 row of house.example"), "{rows}");
    assert!(!rows.contains("alias") && !rows.contains("mailbox"), "{rows}");
    // The other one is off: then everything depends on this.
    panel
        .database
        .script(&format!("UPDATE domains SET enabled = 0 WHERE pkid <> {key}"))
        .await;
    let page = operator.get(&format!("domains/{key}/delete")).await;
    let rows = page.text(".depends");
    for part in [
        "1 row of house.example, off",
        "house.example (off)",
        "4 aliases in house.example",
        "2 mailboxes in house.example",
    ] {
        assert!(rows.contains(part), "{part}: {rows}");
    }
    let named = page.texts(".depends a.mono");
    let aliases = named.iter().filter(|name| name.as_str() == "info@house.example");
    assert_eq!(aliases.count(), 1, "{named:?}");
}

#[tokio::test]
async fn what_has_to_do_with_two_rows_is_said_of_both() {
    let (panel, operator) = house().await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain, transport) VALUES ('second.example', 'virtual:'); \
             INSERT INTO aliases (mail, destination) VALUES ('out@second.example', 'joe@house.example')",
        )
        .await;
    let review = operator
        .post("domains/bulk", &[("all", "1"), ("action", "delete")])
        .await;
    let headings = review.texts(".depends .rest h2");
    assert_eq!(
        headings,
        [
            "2 domains",
            "5 aliases in these domains",
            "2 mailboxes in these domains"
        ]
    );
}

#[tokio::test]
async fn deleting_a_mailbox_says_what_it_does_with_its_self_alias_and_lists_what_stays() {
    let (panel, operator) = house().await;
    panel
        .database
        .script("UPDATE aliases SET enabled = 0 WHERE mail = 'sales@house.example'")
        .await;
    let page = operator.get("users/joe@house.example/delete").await;
    let headings = page.texts(".depends h2");
    assert_eq!(
        headings,
        [
            "What it does to mail, with its self alias",
            "2 aliases delivering to joe@house.example, 1 of them off"
        ]
    );
    let named = page.texts(".depends .rest a.mono");
    assert_eq!(named, ["info@house.example", "sales@house.example"]);
    let rows = page.text(".depends .rest");
    assert!(rows.contains("sales@house.example (off)"), "{rows}");
    assert!(!rows.contains("info@house.example (off)"), "{rows}");
}

#[tokio::test]
async fn addresses_in_what_is_said_lead_to_what_happens_to_their_mail() {
    let (_panel, operator) = house().await;
    let link = "a[href='/explain?address=info%40house.example'] code";
    let page = operator.get("users/joe@house.example/delete").await;
    assert_eq!(
        page.texts(&format!(".depends {link}"))
            .first()
            .map(String::as_str),
        Some("info@house.example")
    );
    let asked = switched_off(&operator, "users/joe@house.example").await;
    assert!(
        !asked.texts(&format!(".notice {link}")).is_empty(),
        "{}",
        asked.body
    );
    operator
        .post("users/joe@house.example/enabled", &[("value", "0")])
        .await;
    let page = operator.get("").await;
    assert!(
        !page.texts(&format!(".notice {link}")).is_empty(),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn of_very_much_the_first_is_said_and_the_rest_folded() {
    let (panel, operator) = house().await;
    let mut script = String::from("INSERT INTO domains (domain, transport) VALUES ");
    for n in 0..30 {
        let comma = if n == 0 { "" } else { ", " };
        write!(script, "{comma}('p{n:02}@house.example', 'smtp:[far.example]')").expect("a string");
    }
    script.push_str("; INSERT INTO aliases (mail, destination) SELECT domain, domain FROM domains WHERE domain LIKE 'p%';");
    panel.database.script(&script).await;
    let fields = [("all", "1"), ("q", "p"), ("action", "delete")];
    let review = operator.post("overrides/bulk", &fields).await;
    assert_asks(&review);
    // Of each override and of its alias.
    assert_eq!(review.texts(".depends details summary"), ["and 40 more"]);
    assert_eq!(review.texts(".depends details p").len(), 40);
}
