//! `postwarden explain`.

use serde_json::Value;

use crate::program::on;
use crate::support::Database;

const ROWS: &str = "INSERT INTO domains (domain) VALUES ('shop.example'); INSERT INTO users (id, maildir) VALUES \
    ('joe@shop.example', 'shop/joe/'); INSERT INTO aliases (mail, destination) VALUES \
    ('joe@shop.example', 'joe@shop.example'), ('sales@shop.example', 'joe@shop.example,ann@far.example')";

#[tokio::test]
async fn an_explanation_as_json_has_the_names_of_the_contract() {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let printed = on(&database, &["explain", "Sales@shop.example", "--json"]).done();
    let told: Value = serde_json::from_str(&printed).expect("JSON");
    let names =
        |value: &Value| -> Vec<String> { value.as_object().expect("an object").keys().cloned().collect() };
    assert_eq!(
        names(&told),
        ["address", "rcpt", "outcome", "deliveries", "steps"]
    );
    assert_eq!(
        (&told["rcpt"]["code"], &told["outcome"]),
        (&250.into(), &"delivered".into())
    );
    let deliveries = told["deliveries"].as_array().expect("deliveries");
    let kinds: Vec<(&str, &str)> = deliveries
        .iter()
        .map(|d| {
            (
                d["address"].as_str().unwrap_or_default(),
                d["kind"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        kinds,
        [("joe@shop.example", "mailbox"), ("ann@far.example", "smtp")]
    );
    assert_eq!(deliveries[0]["maildir"], "shop/joe/");
    let alias = database
        .value("SELECT pkid FROM aliases WHERE mail LIKE 'sales%'")
        .await
        .expect("a row");
    let steps = told["steps"].as_array().expect("steps");
    assert_eq!(names(&steps[0]), ["map", "table", "key", "value", "row", "note"]);
    let step = steps
        .iter()
        .find(|step| step["map"] == "alias" && step["row"] == alias.as_str());
    assert_eq!(step.expect("a step")["key"], "sales@shop.example");
}

#[tokio::test]
async fn an_explanation_exits_0_whatever_the_outcome() {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    for (address, code, outcome) in [
        ("nobody@shop.example", "550", "Refused: nobody has this address"),
        (
            "x@elsewhere.example",
            "554",
            "Refused: the domain is not one of this server's",
        ),
        ("joe@shop.example", "250", "Delivered"),
    ] {
        let printed = on(&database, &["explain", address]).done();
        assert!(printed.starts_with(&format!("{address}: {outcome}")), "{printed}");
        assert!(printed.contains(code), "{printed}");
    }
}

#[tokio::test]
async fn a_rule_about_senders_counts_where_the_sender_is_named() {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    database
        .script("INSERT INTO access_rules (kind, pattern) VALUES ('sender', 'spam.example'), ('client', '192.0.2.1')")
        .await;
    let code = |arguments: &[&str]| {
        let arguments = [&["explain", "joe@shop.example", "--json"], arguments].concat();
        let told: Value = serde_json::from_str(&on(&database, &arguments).done()).expect("JSON");
        told["rcpt"]["code"].as_u64()
    };
    assert_eq!(code(&[]), Some(250));
    assert_eq!(code(&["--from", "x@spam.example"]), Some(554));
    assert_eq!(code(&["--from", "<>"]), Some(250));
    assert_eq!(code(&["--client", "192.0.2.1"]), Some(554));
    assert_eq!(
        on(&database, &["explain", "joe@shop.example", "--client", "here"]).code,
        Some(2)
    );
    assert_eq!(on(&database, &["explain"]).code, Some(2));
}
