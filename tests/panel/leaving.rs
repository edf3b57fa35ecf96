//! What the pages for people who leave say.

use crate::support::{Database, Panel};

const HOUSE: &str = "\
    INSERT INTO domains (domain, transport) VALUES ('house.example', 'virtual:'); \
    INSERT INTO users (id, maildir) VALUES ('joe@house.example', 'house/joe/'); \
    INSERT INTO aliases (mail, destination) VALUES ('joe@house.example', 'joe@house.example'), \
    ('a@house.example', 'joe@house.example'), ('b@house.example', 'joe@house.example'), \
    ('c@house.example', 'joe@house.example');";

#[tokio::test]
async fn aliases_that_go_with_whoever_left_are_told_of_together_and_the_record_says_why() {
    let panel = Panel::on(Database::fresh().await).await;
    panel.database.script(HOUSE).await;
    let operator = panel.operator().await;
    let fields = [
        ("address", "joe@house.example"),
        ("then", "refuse"),
        ("lists", "1"),
    ];
    let review = operator.post("left", &fields).await;
    assert_eq!(review.status, 200);
    let warned = review.texts(".notice.warn li");
    assert_eq!(
        warned,
        [
            "3 aliases delivered to joe@house.example alone and are switched off: nobody gets what is sent there. Let them \
             deliver to somebody else first if that is still needed. They are a@house.example, b@house.example, \
             c@house.example."
        ]
    );
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303);
    let notice = operator.get(done.location().trim_start_matches('/')).await;
    let told = notice.text(".notice.ok");
    assert!(
        told.contains("Done as asked: mail for joe@house.example is refused from now on."),
        "{told}"
    );
    let log = operator.get("changes").await.text(".log");
    assert!(log.contains("joe@house.example left"), "{log}");
}

#[tokio::test]
async fn for_an_address_that_is_nobodys_there_is_nothing_to_do() {
    let panel = Panel::on(Database::fresh().await).await;
    panel.database.script(HOUSE).await;
    let operator = panel.operator().await;
    let page = operator.get("left?address=ghost@far.example").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.texts(".empty h2"), ["There is nothing to do"]);
    assert!(page.attributes("main form", "method").is_empty(), "{}", page.body);
    // An address of this server may be a catch-all's, or be told elsewhere.
    let page = operator.get("left?address=ghost@house.example").await;
    assert!(page.texts(".empty h2").is_empty());
    assert_eq!(page.attributes("input[name=then]", "value").len(), 3);
}
