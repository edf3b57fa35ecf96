//! Directories of mailboxes: proposed, below the base, and nobody else's.

use postwarden::access::Role;

use super::{JOE, joe, stored};
use crate::samples::{both, ground, recorded};
use crate::support::{Browser, Database, Panel};

#[tokio::test]
async fn a_directory_is_proposed_and_gets_its_slash() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (id, typed, expected) in [
            ("a@shop.example", "", "shop.example/a/"),
            ("B.C@Shop.Example", "", "shop.example/b.c/"),
            ("o'brien+x@shop.example", "", "shop.example/o_brien+x/"),
            ("d@shop.example", "shop.example/dd", "shop.example/dd/"),
            ("e@shop.example", " people//./e ", "people/e/"),
        ] {
            let answer = operator
                .post("users", &[("id", id), ("maildir", typed), ("enabled", "1")])
                .await;
            assert_eq!(answer.status, 303, "{id}: {}", answer.text("main"));
            assert_eq!(
                stored(&panel, &id.to_lowercase(), "maildir").await.as_deref(),
                Some(expected)
            );
            let notice = operator.get("users").await.text("[role=status]");
            assert_eq!(
                notice.contains(&format!("is stored as {expected}")),
                !typed.is_empty(),
                "{notice}"
            );
        }
    }
}

#[tokio::test]
async fn a_directory_that_leaves_the_base_is_refused() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("INSERT INTO users (id, maildir) VALUES ('ann@shop.example', 'shop.example/ann/')")
        .await;
    for maildir in [
        "../evil/",
        "shop.example/../../etc/",
        "shop.example/..",
        "/var/spool/mail/virtual/shop.example/joe/",
        "/shop.example/joe/",
        "/",
        "./",
        ".",
        "//",
        "~root/",
        "shop.example/%u/",
        "shop.example/a b/",
        "shop.example\\joe/",
    ] {
        let fields = joe(&[("maildir", maildir), ("confirm", "1")]);
        for path in ["users", "users/ann@shop.example"] {
            let answer = operator.post(path, &fields).await;
            assert_eq!(answer.status, 422, "{path}: {maildir}");
            assert!(!answer.text("#maildir-error").is_empty(), "{path}: {maildir}");
            assert_eq!(answer.field("maildir"), maildir);
        }
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn two_mailboxes_never_get_one_directory() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script(
                "INSERT INTO users (id, maildir) VALUES ('mary@shop.example', 'shop.example/mary/'), \
                 ('ann@shop.example', 'people/ann'), ('old1@shop.example', 'blah/'), ('old2@shop.example', 'blah/')",
            )
            .await;
        for (maildir, whose) in [
            ("shop.example/mary/", "mary"),
            ("shop.example/mary", "mary"),
            ("shop.example//mary/.", "mary"),
            ("people/ann/", "ann"),
            ("people/ann", "ann"),
        ] {
            let fields = joe(&[("maildir", maildir), ("confirm", "1")]);
            for path in ["users", "users/old1@shop.example"] {
                let answer = operator.post(path, &fields).await;
                assert_eq!(answer.status, 422, "{path}: {maildir}");
                assert!(answer.text("#maildir-error").contains("is not free"));
                let link = format!("/users/{whose}@shop.example");
                assert_eq!(answer.attributes(".summary p a", "href"), [link], "{maildir}");
            }
        }
        // A proposal is no exception.
        panel
            .database
            .script("INSERT INTO users (id, maildir) VALUES ('x@shop.example', 'shop.example/joe/')")
            .await;
        assert_eq!(operator.post("users", &JOE).await.status, 422);
        assert_eq!(recorded(&panel.database).await, 0);
        // A mailbox that shares one already can be mended or kept, and its own is free for itself.
        for (path, maildir) in [
            ("users/old1@shop.example", "blah/"),
            ("users/mary@shop.example", "shop.example/mary"),
            ("users/old1@shop.example", "people/old1"),
        ] {
            let fields = [("name", "Renamed"), ("maildir", maildir), ("enabled", "1")];
            let answer = operator.post(path, &fields).await;
            assert_eq!(answer.status, 303, "{path}: {}", answer.text("main"));
        }
    }
}

/// A panel with an owner of two domains, and a mailbox of somebody else in one of their directories.
async fn owned(database: Database) -> (Panel, Browser) {
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('mine.example'), ('both.example'), ('other.example'); \
             INSERT INTO users (id, maildir, uid, gid, home, quota, change_password) VALUES \
               ('mary@mine.example', 'mine.example/mary/', 600, 601, '/srv/mail', '5M', 0), \
               ('spy@other.example', 'mine.example/secret/', 5000, 5000, '/srv/mail', '', 1)",
        )
        .await;
    let panel = Panel::on(database).await;
    let owner = panel
        .signed_in("owner", Role::Owner, &["mine.example", "both.example"])
        .await;
    (panel, owner)
}

#[tokio::test]
async fn an_owner_keeps_to_the_directories_of_the_mailboxs_domain_and_learns_of_no_other() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        let mut pages = Vec::new();
        for maildir in [
            "other.example/new/",
            "both.example/new/",
            "mine.example.evil/new/",
            "mine/",
            "MINE.example/new/",
            "mine.example/secret/",
            "mine.example/secret",
        ] {
            for path in ["users", "users/mary@mine.example"] {
                let fields = [("id", "new@mine.example"), ("maildir", maildir), ("enabled", "1")];
                let answer = owner.post(path, &fields).await;
                assert_eq!(answer.status, 422, "{path}: {maildir}: {}", answer.text("main"));
                assert!(!answer.text("#maildir-error").is_empty(), "{path}: {maildir}");
                assert!(!answer.body.contains("spy@"), "{path}: {maildir}");
                assert_eq!(answer.attributes(".summary p a", "href"), [""; 0], "{maildir}");
                if path == "users" {
                    pages.push(answer.text(".summary").replace(maildir, "DIRECTORY"));
                }
            }
        }
        pages.dedup();
        assert_eq!(pages.len(), 1, "taken and forbidden read alike: {pages:#?}");
        assert_eq!(recorded(&panel.database).await, 0);
        for (id, maildir, expected) in [
            ("a@mine.example", "", "mine.example/a/"),
            ("b@both.example", "both.example/x/b", "both.example/x/b/"),
        ] {
            let fields = [("id", id), ("maildir", maildir), ("enabled", "1")];
            let answer = owner.post("users", &fields).await;
            assert_eq!(answer.status, 303, "{}", answer.text("main"));
            assert_eq!(stored(&panel, id, "maildir").await.as_deref(), Some(expected));
        }
    }
}

#[tokio::test]
async fn an_owner_sets_neither_user_nor_place_nor_quota() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        let sent = [
            ("uid", "1"),
            ("gid", "2"),
            ("home", "/etc"),
            ("quota", "999G"),
            ("change_password", "1"),
        ];
        for page in ["users/new", "users/mary@mine.example"] {
            let form = owner.get(page).await;
            for (name, _) in sent {
                assert_eq!(
                    form.attributes(&format!("[name={name}]"), "name"),
                    [""; 0],
                    "{page}"
                );
            }
        }
        let new = [&[("id", "new@mine.example"), ("enabled", "1")], &sent[..]].concat();
        assert_eq!(owner.post("users", &new).await.status, 303);
        let row = async |id: &str| {
            stored(
                &panel,
                id,
                "CONCAT_WS('|', uid, gid, home, quota, change_password)",
            )
            .await
        };
        assert_eq!(
            row("new@mine.example").await.as_deref(),
            Some("5000|5000|/var/spool/mail/virtual||1")
        );
        let change = [&[("name", "Mary"), ("enabled", "1")], &sent[..]].concat();
        assert_eq!(owner.post("users/mary@mine.example", &change).await.status, 303);
        assert_eq!(
            row("mary@mine.example").await.as_deref(),
            Some("600|601|/srv/mail|5M|0")
        );
        assert_eq!(
            stored(&panel, "mary@mine.example", "name").await.as_deref(),
            Some("Mary")
        );
        for (path, status) in [
            ("users", 422),
            ("users/mary@mine.example", 422),
            ("users/spy@other.example", 404),
        ] {
            let fields = [
                ("id", "x@other.example"),
                ("enabled", "1"),
                ("confirm", "1"),
                ("self_alias", "1"),
            ];
            assert_eq!(owner.post(path, &fields).await.status, status, "{path}");
        }
    }
}

#[tokio::test]
async fn no_mailbox_gets_a_directory_among_the_parts_of_another() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(
            "INSERT INTO users (id, maildir) VALUES ('mary@shop.example', 'shop.example/mary/'), \
             ('sent@shop.example', 'shop.example/deep/.Sent/'), ('cur@shop.example', 'shop.example/flat/cur')",
        )
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    for maildir in [
        "shop.example/mary/.Sent/",
        "shop.example/mary/.Sent.2024/x/",
        "shop.example/mary/cur/",
        "shop.example/mary/new",
        "shop.example/mary/tmp/x/",
        // The other way round: what is there would be a part of it.
        "shop.example/deep/",
        "shop.example/flat",
    ] {
        for browser in [&operator, &owner] {
            let answer = browser
                .post("users", &joe(&[("maildir", maildir), ("confirm", "1")]))
                .await;
            assert_eq!(answer.status, 422, "{maildir}: {}", answer.text("main"));
            assert!(answer.text("#maildir-error").contains("is not free"), "{maildir}");
            assert_eq!(answer.field("maildir"), maildir);
        }
    }
    assert_eq!(recorded(&panel.database).await, 0);
    // One below another, but not among its parts, is the operator's affair.
    for (id, maildir) in [
        ("joe@shop.example", "shop.example/mary/sub/"),
        ("ann@shop.example", "shop.example/mary/curious/"),
        ("bob@shop.example", "shop.example/"),
    ] {
        let fields = joe(&[("id", id), ("maildir", maildir)]);
        let answer = owner.post("users", &fields).await;
        assert_eq!(answer.status, 422, "{maildir}: {}", answer.text("main"));
        assert!(answer.text("#maildir-error").contains("is not free"), "{maildir}");
        let answer = operator.post("users", &fields).await;
        assert_eq!(answer.status, 303, "{maildir}: {}", answer.text("main"));
        assert_eq!(stored(&panel, id, "maildir").await.as_deref(), Some(maildir));
    }
}

#[tokio::test]
async fn a_missing_slash_of_ones_own_directory_can_always_be_mended() {
    for database in both().await {
        database
            .script(
                "INSERT INTO users (id, maildir) VALUES ('far@shop.example', 'people/far'), \
                 ('in@shop.example', 'people/far/.In'), ('one@shop.example', 'both'), ('two@shop.example', 'both/')",
            )
            .await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
        for (browser, name, expected) in [
            (&owner, "far", "people/far/"),
            (&owner, "in", "people/far/.In/"),
            (&operator, "one", "both/"),
        ] {
            let id = format!("{name}@shop.example");
            let form = browser.get(&format!("users/{id}")).await;
            assert_eq!(form.field("maildir"), expected.trim_end_matches('/'));
            for again in [expected, expected.trim_end_matches('/')] {
                let form = browser.get(&format!("users/{id}")).await;
                let answer = browser.submit(&form, &[("maildir", again)]).await;
                assert_eq!(answer.status, 303, "{id} {again}: {}", answer.text("main"));
                assert_eq!(stored(&panel, &id, "maildir").await.as_deref(), Some(expected));
            }
        }
        // Another one outside of the domain is not theirs to choose.
        let form = owner.get("users/far@shop.example").await;
        let answer = owner.submit(&form, &[("maildir", "people/free/")]).await;
        assert_eq!(answer.status, 422, "{}", answer.text("main"));
    }
}
