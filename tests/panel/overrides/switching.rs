//! Overrides switched and deleted, one and many.

use super::{ALL, ELSEWHERE, GOOGLE, JOE, aliases, changes, latest, many, row, saved, stored};
use crate::samples::{ground, recorded, walk};

#[tokio::test]
async fn pages_hold_every_override_once_whatever_table_it_is_in() {
    let (_panel, operator) = many().await;
    let all = walk(&operator, "overrides?per=7").await;
    let mut expected: Vec<String> = (1..=60)
        .map(|n| format!("/overrides/b{n:03}@other.example"))
        .collect();
    expected.extend((1..=60).map(|n| format!("/overrides/d{n:03}@shop.example")));
    assert_eq!(all, expected);
    expected.reverse();
    assert_eq!(walk(&operator, "overrides?per=7&sort=-domain").await, expected);
    assert_eq!(
        operator.get("overrides?per=7").await.text(".pager p"),
        "120 overrides"
    );
    assert_eq!(
        walk(&operator, "overrides?per=7&domain=shop.example").await.len(),
        60
    );
    assert_eq!(walk(&operator, "overrides?per=7&q=elsewhere").await.len(), 60);
    assert_eq!(
        operator
            .get("overrides?per=7&domain=OTHER.example&q=b00")
            .await
            .text(".pager p"),
        "9 overrides"
    );
    assert_eq!(operator.get("overrides?q=nowhere").await.status, 200);
    let cards = operator.get("").await.texts(".cards li");
    assert!(
        cards
            .iter()
            .any(|card| card.contains("Overrides") && card.contains("120")),
        "{cards:?}"
    );
}

#[tokio::test]
async fn all_overrides_that_match_are_switched_as_one_change() {
    let (panel, operator) = many().await;
    let database = &panel.database;
    let before = stored(database).await;
    let review = operator
        .post(
            "overrides/bulk",
            &[("all", "1"), ("domain", "other.example"), ("action", "disable")],
        )
        .await;
    assert_eq!(
        (review.status, &*review.text("h1")),
        (200, "Disable 30 overrides?"),
        "{}",
        review.text("main")
    );
    assert!(
        review.text("main").contains("30 are disabled already."),
        "{}",
        review.text("main")
    );
    assert_eq!((stored(database).await, recorded(database).await), (before, 0));
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!((recorded(database).await, changes(database).await), (30, 1));
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM backups WHERE domain LIKE '%@other.example' AND enabled = 1")
            .await,
        0
    );
    let others = "SELECT COUNT(*) FROM domains WHERE domain LIKE '%@shop.example' AND enabled = 1";
    assert_eq!(database.count(others).await, 40);
}

#[tokio::test]
async fn overrides_are_ticked_by_their_addresses_and_deleted_from_both_tables() {
    let (panel, operator) = many().await;
    let database = &panel.database;
    let some = [
        ("key", "D001@shop.example"),
        ("key", "d002@SHOP.example"),
        ("key", "nobody@shop.example"),
        ("action", "delete"),
    ];
    let review = operator.post("overrides/bulk", &some).await;
    assert_eq!(
        (review.status, &*review.text("h1")),
        (200, "Delete 2 overrides?"),
        "{}",
        review.text("main")
    );
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/overrides"),
        "{}",
        done.text("main")
    );
    let expected: Vec<String> = ["aliases", "backups", "domains"]
        .iter()
        .flat_map(|table| ["d001", "d002"].map(|name| format!("delete {table} {name}@shop.example")))
        .collect();
    assert_eq!(latest(database).await, expected);
    assert_eq!((database.count(ALL).await, changes(database).await), (118, 1));
}

#[tokio::test]
async fn no_override_no_action_and_another_number_are_no_bulk_change() {
    let (panel, operator) = many().await;
    let database = &panel.database;
    for fields in [
        &[("action", "delete"), ("confirm", "1")][..],
        &[("all", "1"), ("confirm", "1")],
        &[
            ("all", "1"),
            ("action", "delete"),
            ("q", "nowhere"),
            ("confirm", "1"),
        ],
        &[("key", "shop.example"), ("action", "delete"), ("confirm", "1")],
    ] {
        assert_eq!(
            operator.post("overrides/bulk", fields).await.status,
            422,
            "{fields:?}"
        );
    }
    let stale = operator
        .post(
            "overrides/bulk",
            &[
                ("all", "1"),
                ("action", "delete"),
                ("confirm", "1"),
                ("count", "119"),
            ],
        )
        .await;
    assert_eq!(
        (stale.status, &*stale.text("h1")),
        (200, "Delete 120 overrides?"),
        "another number is asked about again"
    );
    assert_eq!((database.count(ALL).await, changes(database).await), (120, 0));
}

#[tokio::test]
async fn overrides_postfix_would_choke_on_stay_off() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('good@shop.example', '{GOOGLE}', 0); \
             INSERT INTO backups (domain, transport, enabled) VALUES ('bad@shop.example', ':[]', 0), \
             ('worse@shop.example', 'smtp:[x', 0)"
        ))
        .await;
    let single = operator
        .post("overrides/bad@shop.example/enabled", &[("value", "1")])
        .await;
    assert_eq!(single.status, 422, "{}", single.text("main"));
    let review = operator
        .post("overrides/bulk", &[("all", "1"), ("action", "enable")])
        .await;
    assert_eq!(
        (review.status, &*review.text("h1")),
        (200, "Enable 1 override?"),
        "{}",
        review.text("main")
    );
    for bad in ["bad@shop.example stays off", "worse@shop.example stays off"] {
        assert!(review.text("main").contains(bad), "{}", review.text("main"));
    }
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!(
        stored(database).await,
        [
            "backups bad@shop.example :[] 0".to_owned(),
            "backups worse@shop.example smtp:[x 0".to_owned(),
            format!("domains good@shop.example {GOOGLE} 1")
        ]
    );
    let rest = operator
        .post(
            "overrides/bulk",
            &[
                ("all", "1"),
                ("action", "enable"),
                ("confirm", "1"),
                ("enabled", "0"),
            ],
        )
        .await;
    assert_eq!(rest.status, 422, "{}", rest.text("main"));
    assert_eq!(changes(database).await, 1);
}

#[tokio::test]
async fn an_override_is_switched_to_a_value_and_not_over() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    database
        .script(&format!(
            "INSERT INTO backups (domain, transport) VALUES ('{JOE}', '{ELSEWHERE}')"
        ))
        .await;
    for (value, state, count) in [("0", 0, 2), ("0", 0, 2), ("1", 1, 3), ("1", 1, 3)] {
        let answer = saved(
            &operator,
            &format!("overrides/{JOE}/enabled"),
            &[("value", value), ("next", "/overrides?q=j")],
        )
        .await;
        assert_eq!(answer.location(), "/overrides?q=j");
        assert_eq!(
            stored(database).await,
            [
                format!("backups {JOE} {ELSEWHERE} {state}"),
                format!("domains {JOE} {GOOGLE} {state}")
            ]
        );
        assert_eq!(changes(database).await, count);
    }
    assert_eq!(
        operator
            .post(&format!("overrides/{JOE}/enabled"), &[("value", "2")])
            .await
            .status,
        422
    );
    // An edit of one that is off leaves it off.
    saved(&operator, &format!("overrides/{JOE}/enabled"), &[("value", "0")]).await;
    saved(
        &operator,
        &format!("overrides/{JOE}"),
        &[("transport", ELSEWHERE)],
    )
    .await;
    assert_eq!(stored(database).await, [format!("domains {JOE} {ELSEWHERE} 0")]);
}

#[tokio::test]
async fn switching_on_is_saving_with_all_that_belongs_to_it() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('{JOE}', '{GOOGLE}', 0), ('ann@away.example', \
             '{GOOGLE}', 0), ('bob@shop.example', '{GOOGLE}', 0), ('eve@shop.example', '{GOOGLE}', 0); \
             INSERT INTO aliases (mail, destination) VALUES ('bob@shop.example', 'x@y.example')"
        ))
        .await;
    saved(&operator, &format!("overrides/{JOE}/enabled"), &[("value", "1")]).await;
    assert_eq!(
        latest(database).await,
        [format!("create aliases {JOE}"), format!("update domains {JOE}")]
    );
    assert!(aliases(database).await.contains(&format!("{JOE} {JOE} 1")));

    let ask = operator
        .post(
            "overrides/bob@shop.example/enabled",
            &[("value", "1"), ("next", "/overrides?q=b")],
        )
        .await;
    assert_eq!(ask.status, 200);
    assert!(ask.text("main").contains("x@y.example"), "{}", ask.text("main"));
    assert_eq!(changes(database).await, 1, "asking writes nothing");
    let done = operator.submit(&ask, &[("confirm", "1")]).await;
    assert_eq!((done.status, done.location()), (303, "/overrides?q=b"));
    assert!(
        aliases(database)
            .await
            .contains(&"bob@shop.example x@y.example,bob@shop.example 1".to_owned())
    );

    let review = operator
        .post("overrides/bulk", &[("all", "1"), ("action", "enable")])
        .await;
    assert_eq!(review.text("h1"), "Enable 2 overrides?");
    let said = review.text("main");
    assert!(
        said.contains("alias eve@shop.example that delivers to itself is added"),
        "{said}"
    );
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!(
        latest(database).await,
        [
            "create aliases ann@away.example",
            "create aliases eve@shop.example",
            "create relays ann@away.example",
            "update domains ann@away.example",
            "update domains eve@shop.example",
        ]
    );
    assert_eq!(changes(database).await, 3);
}
