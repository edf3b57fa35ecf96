//! Overrides and owners, who may set some transports, and auditors, who set none.

use postwarden::access::Role;

use super::{
    ALL, ELSEWHERE, GOOGLE, JOE, TENANT, aliases, changes, deleted, lines, many, row, saved, stored,
};
use crate::samples::{GROUND, both, ground, names, recorded};
use crate::support::{Database, Panel};

#[tokio::test]
async fn owners_set_the_presets_or_what_the_operator_allows_and_nothing_else() {
    for (allow, good, bad) in [
        (
            &[][..],
            &[
                GOOGLE,
                TENANT,
                "smtp:[smtp.google.com]",
                "smtp:[aspmx.l.google.com],[alt1.aspmx.l.google.com],[alt2.aspmx.l.google.com]",
            ][..],
            &[
                ELSEWHERE,
                "virtual:",
                "discard:",
                "smtp:[aspmx.l.google.com]:587",
                "smtp:[a.b.mail.protection.outlook.com]",
                "smtp:[evil.example],[x.mail.protection.outlook.com]",
            ][..],
        ),
        (
            &["smtp:[mx.partner.example]", "smtp:[*.hosted.example]"][..],
            &["smtp:[mx.partner.example]", "smtp:[acme.hosted.example]"][..],
            &[
                GOOGLE,
                TENANT,
                "smtp:[a.b.hosted.example]",
                "smtp:[hosted.example]",
                "relay:[mx.partner.example]",
            ][..],
        ),
    ] {
        let database = Database::fresh().await;
        database.script(GROUND).await;
        let panel = Panel::with(database, |config| {
            config.overrides.allow = allow.iter().map(|s| (*s).to_owned()).collect();
        })
        .await;
        let database = &panel.database;
        let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
        saved(&owner, "overrides", &row(JOE, good[0])).await;
        for transport in &good[1..] {
            saved(&owner, &format!("overrides/{JOE}"), &[("transport", *transport)]).await;
            assert_eq!(stored(database).await, [format!("domains {JOE} {transport} 1")]);
        }
        let before = stored(database).await;
        for transport in bad {
            for (path, mail) in [
                ("overrides", "ann@shop.example"),
                (&*format!("overrides/{JOE}"), JOE),
            ] {
                let answer = owner
                    .post(
                        path,
                        &[("mail", mail), ("transport", transport), ("confirm", "1")],
                    )
                    .await;
                assert_eq!(answer.status, 422, "{path} {transport}");
                assert_eq!(answer.field("transport"), *transport);
                assert!(
                    answer.text("#transport-error").contains("these only"),
                    "{transport}: {}",
                    answer.text("main")
                );
            }
        }
        assert_eq!(stored(database).await, before);
        // The operator is not bound by it.
        let operator = panel.operator().await;
        saved(
            &operator,
            &format!("overrides/{JOE}"),
            &[("transport", ELSEWHERE)],
        )
        .await;
        // What the operator has set stays for this address, and is not handed on to another.
        saved(&owner, &format!("overrides/{JOE}"), &row(JOE, ELSEWHERE)).await;
        let moved = owner
            .post(&format!("overrides/{JOE}"), &row("ann@shop.example", ELSEWHERE))
            .await;
        assert_eq!(moved.status, 422, "{}", moved.text("main"));
        assert_eq!(stored(database).await, [format!("domains {JOE} {ELSEWHERE} 1")]);
    }
}

#[tokio::test]
async fn owners_reach_overrides_of_their_own_domains_alone() {
    for database in both().await {
        database
            .script(&format!(
                "INSERT INTO domains (domain, transport) VALUES ('{JOE}', '{GOOGLE}'), ('ann@other.example', '{GOOGLE}'), \
                 ('a@sub.shop.example', '{GOOGLE}'), ('other.example', 'virtual:'), ('{JOE}@other.example', '{GOOGLE}'); \
                 INSERT INTO backups (domain, transport) VALUES ('bob@shop.example', '{GOOGLE}'), ('bob@other.example', '{GOOGLE}')"
            ))
            .await;
        let panel = Panel::on(database).await;
        let database = &panel.database;
        let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
        assert_eq!(names(&owner.get("overrides").await), ["bob@shop.example", JOE]);
        for foreign in ["q=other", "domain=other.example", "q=sub.shop"] {
            assert!(
                names(&owner.get(&format!("overrides?{foreign}")).await).is_empty(),
                "{foreign}"
            );
        }
        let before = (stored(database).await, aliases(database).await);
        for foreign in [
            "ann@other.example",
            "bob@other.example",
            "a@sub.shop.example",
            "joe@shop.example@other.example",
            "nobody@nowhere.example",
            "shop.example",
            "other.example",
        ] {
            for page in ["", "/edit", "/delete"] {
                assert_eq!(
                    owner.get(&format!("overrides/{foreign}{page}")).await.status,
                    404,
                    "{foreign}{page}"
                );
            }
            for (page, fields) in [
                ("", vec![("mail", "new@shop.example"), ("transport", GOOGLE)]),
                ("/delete", vec![("confirm", "1")]),
                ("/enabled", vec![("value", "0")]),
            ] {
                assert_eq!(
                    owner
                        .post(&format!("overrides/{foreign}{page}"), &fields)
                        .await
                        .status,
                    404,
                    "{foreign}{page}"
                );
            }
        }
        // The same words whether or not there is such a row.
        for (path, mail) in [
            ("overrides", "ann@other.example"),
            ("overrides", "nobody@other.example"),
            (&*format!("overrides/{JOE}"), "ann@other.example"),
            (&*format!("overrides/{JOE}"), "nobody@other.example"),
        ] {
            let answer = owner
                .post(path, &[("mail", mail), ("transport", GOOGLE), ("confirm", "1")])
                .await;
            assert_eq!(answer.status, 422, "{path} {mail}");
            assert_eq!(answer.text("#mail-error"), "This is not one of your domains.");
            assert!(
                answer.attributes(".summary p a", "href").is_empty(),
                "no link to it"
            );
        }
        assert_eq!((stored(database).await, aliases(database).await), before);
        assert_eq!(recorded(database).await, 0);

        // A row of one address is no domain to them: only /overrides leads there.
        let row_page = database
            .value(&format!("SELECT pkid FROM domains WHERE domain = '{JOE}'"))
            .await
            .expect("a row");
        assert_eq!(owner.get(&format!("domains/{row_page}")).await.status, 404);
        assert_eq!(owner.get(&format!("domains/{row_page}/edit")).await.status, 404);
        saved(&owner, &format!("overrides/{JOE}"), &[("transport", TENANT)]).await;
        deleted(&owner, JOE).await;
        assert_eq!(names(&owner.get("overrides").await), ["bob@shop.example"]);
    }
}

#[tokio::test]
async fn auditors_read_overrides() {
    let (panel, operator) = ground().await;
    saved(&operator, "overrides", &row(JOE, GOOGLE)).await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    assert_eq!(names(&auditor.get("overrides").await), [JOE]);
    assert_eq!(auditor.get(&format!("overrides/{JOE}")).await.status, 200);
    for (path, fields) in [
        ("overrides".to_owned(), row("x@shop.example", GOOGLE).to_vec()),
        (format!("overrides/{JOE}"), vec![("transport", ELSEWHERE)]),
        (format!("overrides/{JOE}/delete"), vec![("confirm", "1")]),
        (format!("overrides/{JOE}/enabled"), vec![("value", "0")]),
    ] {
        assert_eq!(auditor.post(&path, &fields).await.status, 403, "{path}");
    }
    assert_eq!(auditor.get("overrides/new").await.status, 403);
    assert_eq!(changes(&panel.database).await, 1);
}

#[tokio::test]
async fn owners_change_overrides_of_their_own_domains_alone_in_bulk() {
    let (panel, _) = many().await;
    let database = &panel.database;
    let owner = panel.signed_in("owner", Role::Owner, &["other.example"]).await;
    let foreign = [
        ("key", "d010@shop.example"),
        ("action", "delete"),
        ("confirm", "1"),
    ];
    assert_eq!(owner.post("overrides/bulk", &foreign).await.status, 422);
    let review = owner
        .post("overrides/bulk", &[("all", "1"), ("action", "delete")])
        .await;
    assert_eq!(review.text("h1"), "Delete 60 overrides?");
    assert!(!review.body.contains("shop.example"));
    assert_eq!(recorded(database).await, 0);
    assert_eq!(owner.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!((database.count(ALL).await, changes(database).await), (60, 1));
}

#[tokio::test]
async fn owners_do_not_switch_on_a_transport_that_they_may_not_set() {
    let (panel, _) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('far@shop.example', '{ELSEWHERE}', 0), \
             ('good@shop.example', '{GOOGLE}', 0)"
        ))
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    let before = stored(database).await;
    let on = [("value", "1"), ("confirm", "1")];
    let answer = owner.post("overrides/far@shop.example/enabled", &on).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text("#transport-error").contains("these only"),
        "{}",
        answer.text("main")
    );
    let bulk = [
        ("key", "far@shop.example"),
        ("action", "enable"),
        ("confirm", "1"),
    ];
    assert_eq!(owner.post("overrides/bulk", &bulk).await.status, 422);
    assert_eq!(stored(database).await, before);
    let answer = owner.post("overrides/good@shop.example/enabled", &on).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
}

#[tokio::test]
async fn owners_too_leave_off_what_postfix_would_choke_on() {
    let (panel, _) = ground().await;
    let database = &panel.database;
    database
        .script(&format!(
            "INSERT INTO domains (domain, transport, enabled) VALUES ('bad@shop.example', ':[]', 0), \
               ('empty@shop.example', '', 0), ('good@shop.example', '{GOOGLE}', 0), ('bad@other.example', ':[]', 0); \
             INSERT INTO backups (domain, transport, enabled) VALUES ('worse@shop.example', 'smtp:[x', 0)"
        ))
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    let before = stored(database).await;
    for name in ["bad", "empty", "worse"] {
        let page = format!("overrides/{name}@shop.example/enabled");
        let answer = owner.post(&page, &[("value", "1"), ("confirm", "1")]).await;
        assert_eq!(answer.status, 422, "{name}: {}", answer.text("main"));
        assert!(!answer.text("#transport-error").is_empty(), "{name}");
    }
    let ticked = [
        ("key", "bad@shop.example"),
        ("key", "empty@shop.example"),
        ("key", "worse@shop.example"),
        ("action", "enable"),
        ("confirm", "1"),
    ];
    assert_eq!(owner.post("overrides/bulk", &ticked).await.status, 422);
    assert_eq!((stored(database).await, recorded(database).await), (before, 0));
    for fields in [
        &[("all", "1")][..],
        &[("key", "good@shop.example"), ("key", "bad@shop.example")],
    ] {
        let fields = [fields, &[("action", "enable")]].concat();
        let review = owner.post("overrides/bulk", &fields).await;
        assert_eq!((review.status, &*review.text("h1")), (200, "Enable 1 override?"));
        let said = review.text("main");
        assert!(said.contains("bad@shop.example stays off"), "{said}");
        assert!(!said.contains("other.example"), "{said}");
        let done = owner.submit(&review, &[("confirm", "1")]).await;
        assert_eq!(done.status, 303, "{}", done.text("main"));
        let on = "SELECT domain FROM domains WHERE domain LIKE '%@%' AND enabled = 1 UNION ALL SELECT domain FROM backups \
                  WHERE domain LIKE '%@%' AND enabled = 1";
        assert_eq!(lines(database, on).await, ["good@shop.example"]);
        database
            .script("UPDATE domains SET enabled = 0 WHERE domain LIKE '%@%'")
            .await;
    }
}
