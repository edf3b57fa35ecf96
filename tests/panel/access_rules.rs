//! Access rules: what Postfix asks for, what it would take for something else, and whose rules are whose.

use postwarden::access::Role;

use crate::samples::{both, ground, names, recorded};
use crate::support::{Browser, Database, Panel};

/// A rule as typed.
fn rule<'a>(kind: &'a str, pattern: &'a str, action: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("kind", kind),
        ("pattern", pattern),
        ("action", action),
        ("message", ""),
        ("enabled", "1"),
    ]
}

/// The rules there are, as `kind pattern action`.
async fn rules(database: &Database) -> Vec<String> {
    let rows = database
        .rows("SELECT CONCAT_WS(' ', kind, pattern, action) FROM access_rules ORDER BY kind, pattern")
        .await;
    rows.into_iter().filter_map(|row| row[0].clone()).collect()
}

/// The page of the rule of this pattern.
async fn page_of(panel: &Panel, kind: &str, pattern: &str) -> String {
    let query = format!("SELECT pkid FROM access_rules WHERE kind = '{kind}' AND pattern = '{pattern}'");
    format!("access/{}", panel.database.value(&query).await.expect(pattern))
}

/// Whom a rule may be about: kind, as typed, as stored.
const PATTERNS: &[(&str, &str, &str)] = &[
    ("recipient", " Joe@Shop.Example ", "joe@shop.example"),
    ("recipient", "Joe Doe <spam@shop.example>", "spam@shop.example"),
    ("recipient", "Shop.Example", "shop.example"),
    ("recipient", "Sales@", "sales@"),
    ("sender", "Bob@Spam.Example", "bob@spam.example"),
    ("sender", "spam.example", "spam.example"),
    ("sender", "Bücher.example", "xn--bcher-kva.example"),
    ("sender", "under_score.example", "under_score.example"),
    ("sender", "news@", "news@"),
    ("sender", "<>", "<>"),
    ("sender", "example", "example"),
    ("client", "Host-7.DSL.Spam.Example", "host-7.dsl.spam.example"),
    ("client", "203.0.113.77", "203.0.113.77"),
    ("client", "203.0.113", "203.0.113"),
    ("client", "203.0", "203.0"),
    ("client", "203", "203"),
    ("client", "2001:0DB8:0:1:0:0:0:25", "2001:db8:0:1::25"),
    ("client", "2001:db8:0:1", "2001:db8:0:1"),
    ("client", "2001:0db8", "2001:db8"),
    ("client", "::ffff:192.0.2.1", "192.0.2.1"),
    ("client", "198.51.100.77/26", "198.51.100.64/26"),
    ("client", "2001:DB8:1::/48", "2001:db8:1::/48"),
    ("client", "198.51.100.9/32", "198.51.100.9"),
    ("client", "unknown", "unknown"),
];

#[tokio::test]
async fn what_postfix_asks_for_is_stored_as_it_asks() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (kind, typed, stored) in PATTERNS {
            let answer = operator
                .post_confirmed("access", &rule(kind, typed, "REJECT"))
                .await;
            assert_eq!(answer.status, 303, "{kind} {typed}: {}", answer.text("main"));
            let there = rules(&panel.database).await;
            assert_eq!(there, [format!("{kind} {stored} REJECT")], "{typed}");
            let form = operator.get(&page_of(&panel, kind, stored).await).await;
            assert_eq!(
                (form.field("kind"), form.field("pattern")),
                ((*kind).to_owned(), (*stored).to_owned())
            );
            assert!(
                form.texts(".error-text").is_empty(),
                "{stored}: {}",
                form.text("main")
            );
            panel.database.script("DELETE FROM access_rules").await;
        }
    }
}

/// docs/postfix.md 3h and rule 67, what never matches: kind, pattern, words of the reason.
const NEVER: &[(&str, &str, &str)] = &[
    ("recipient", "@shop.example", "never matches"),
    ("recipient", "*@shop.example", "never matches"),
    ("recipient", "%@shop.example", "never matches"),
    ("recipient", ".shop.example", "covers its subdomains"),
    ("recipient", "*.shop.example", "covers its subdomains"),
    ("recipient", "*", "no such wildcard"),
    ("recipient", "", "empty"),
    ("recipient", "<>", "sender of bounces"),
    ("recipient", "203.0.113.7", "kind client"),
    ("recipient", "203.0.113.0/24", "kind client"),
    ("recipient", "a@b@shop.example", "@"),
    ("recipient", "shop..example", "two dots"),
    ("recipient", "josé@shop.example", "josé"),
    ("sender", "@spam.example", "never matches"),
    ("sender", "*@spam.example", "never matches"),
    ("sender", ".spam.example", "covers its subdomains"),
    ("sender", "", "empty"),
    ("sender", "2001:db8::1", "kind client"),
    ("sender", "@", "@"),
    ("client", "", "empty"),
    ("client", ".spam.example", "covers every host below it"),
    ("client", "*.spam.example", "covers every host below it"),
    ("client", "joe@spam.example", "kind sender"),
    ("client", "1.2.3.", "Write 1.2.3."),
    ("client", "1.2.3.*", "Write 1.2.3."),
    ("client", "01.2.3.4", "leading zeros"),
    ("client", "1.2.3.400", "never matches"),
    ("client", "[203.0.113.7]", "without brackets"),
    ("client", "2001:db8:", "Write 2001:db8"),
    ("client", "2001:db8:0", "Write the network"),
    ("client", "203.0.113.0/33", "32"),
    ("client", "203.0.113/24", "203.0.113.0/24"),
    ("client", "0.0.0.0/0", "every address there is"),
    ("client", "::/0", "every address there is"),
];

#[tokio::test]
async fn a_pattern_that_never_matches_is_refused_with_the_reason() {
    let (panel, operator) = ground().await;
    operator
        .post("access", &rule("recipient", "old@shop.example", "REJECT"))
        .await;
    let page = page_of(&panel, "recipient", "old@shop.example").await;
    let before = recorded(&panel.database).await;
    for (kind, pattern, words) in NEVER {
        for path in ["access", page.as_str()] {
            let fields = [&rule(kind, pattern, "REJECT")[..], &[("confirm", "1")]].concat();
            let answer = operator.post(path, &fields).await;
            assert_eq!(
                answer.status,
                422,
                "{path}: {kind} {pattern}: {:?}",
                rules(&panel.database).await
            );
            let beside = answer.text("#pattern-error");
            assert!(
                beside.contains(words),
                "{kind} {pattern} lacks {words:?}: {beside}"
            );
            assert_eq!(
                (answer.field("kind"), answer.field("pattern")),
                ((*kind).to_owned(), (*pattern).to_owned())
            );
        }
    }
    assert_eq!(recorded(&panel.database).await, before);
    assert_eq!(
        rules(&panel.database).await,
        ["recipient old@shop.example REJECT"]
    );
}

#[tokio::test]
async fn an_action_postfix_takes_for_something_else_is_refused() {
    let (panel, operator) = ground().await;
    for (kind, pattern) in [
        ("recipient", "spam@shop.example"),
        ("sender", "spam.example"),
        ("client", "203.0.113.7"),
    ] {
        for (action, words) in [
            ("550", "takes every number for OK"),
            ("1", "takes every number for OK"),
            ("550 5.7.1 go away", "Choose REJECT"),
            ("450 later", "Choose DEFER"),
            ("yes", "451 4.3.5"),
            ("deny", "451 4.3.5"),
            ("REJECTED", "451 4.3.5"),
            ("blacklist", "451 4.3.5"),
            ("REJECT go away", "into the message"),
            ("FILTER smtp:[x]", "has not"),
            ("", "empty"),
        ] {
            let answer = operator
                .post(
                    "access",
                    &[&rule(kind, pattern, action)[..], &[("confirm", "1")]].concat(),
                )
                .await;
            assert_eq!(answer.status, 422, "{kind} {action}");
            let beside = answer.text("#action-error");
            assert!(
                beside.contains(words),
                "{kind} {action} lacks {words:?}: {beside}"
            );
        }
    }
    for action in ["OK", "ok", "DUNNO"] {
        let fields = rule("recipient", "spam@shop.example", action);
        let answer = operator
            .post("access", &[&fields[..], &[("confirm", "1")]].concat())
            .await;
        assert_eq!(answer.status, 422, "{action}");
        assert!(answer.text("#action-error").contains("not for recipients"));
    }
    for (kind, words) in [("", "none of"), ("recipients", "none of"), ("helo", "none of")] {
        let answer = operator
            .post("access", &rule(kind, "spam.example", "REJECT"))
            .await;
        assert_eq!(answer.status, 422, "{kind}");
        assert!(answer.text("#kind-error").contains(words), "{kind}");
    }
    assert_eq!(recorded(&panel.database).await, 0);
    // What may be: in any case, stored in capitals. What OK for a sender is worth is said after the save.
    for (kind, pattern, action, asked) in [
        ("recipient", "a@shop.example", "defer", false),
        ("recipient", "b@shop.example", "Discard", false),
        ("recipient", "c@shop.example", "HOLD", false),
        ("client", "203.0.113.7", "ok", false),
        ("client", "203.0.113.8", "dunno", false),
        ("sender", "friend.example", "ok", false),
    ] {
        let mut answer = operator.post("access", &rule(kind, pattern, action)).await;
        assert_eq!(
            answer.status == 200,
            asked,
            "{kind} {action}: {}",
            answer.text("main")
        );
        if asked {
            assert!(answer.text("[role=alert]").contains("Anybody can write"));
            answer = operator.submit(&answer, &[("confirm", "1")]).await;
        }
        assert_eq!(answer.status, 303, "{kind} {action}: {}", answer.text("main"));
        let stored = format!("{kind} {pattern} {}", action.to_uppercase());
        assert!(rules(&panel.database).await.contains(&stored), "{stored}");
    }
}

#[tokio::test]
async fn a_message_that_repeats_the_code_or_is_no_ascii_is_refused() {
    let (panel, operator) = ground().await;
    for (action, message) in [
        ("REJECT", "554 go away"),
        ("REJECT", "REJECT go away"),
        ("REJECT", "4.7.1 later"),
        ("REJECT", "geh weg, Zürich"),
        ("REJECT", &*"x".repeat(201)),
        ("DEFER", "5.7.1 never"),
    ] {
        let mut fields = rule("recipient", "spam@shop.example", action);
        fields[3].1 = message;
        let answer = operator.post("access", &fields).await;
        assert_eq!(answer.status, 422, "{action} {message}");
        assert!(!answer.text("#message-error").is_empty(), "{action} {message}");
    }
    let mut fields = rule("recipient", "spam@shop.example", "REJECT");
    fields[3].1 = " 5.1.6  Ask   the shop ";
    assert_eq!(operator.post("access", &fields).await.status, 303);
    let message = panel.database.value("SELECT message FROM access_rules").await;
    assert_eq!(message.as_deref(), Some("5.1.6 Ask the shop"));
}

#[tokio::test]
async fn the_bounds_of_a_network_are_those_of_inet6_aton() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (network, lowest, highest) in [
            ("198.51.100.64/26", "198.51.100.64", "198.51.100.127"),
            ("203.0.113.0/24", "203.0.113.0", "203.0.113.255"),
            ("192.0.2.10/31", "192.0.2.10", "192.0.2.11"),
            (
                "2001:db8::/32",
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            ),
            (
                "2001:db8:0:8000::/49",
                "2001:db8:0:8000::",
                "2001:db8:0:ffff:ffff:ffff:ffff:ffff",
            ),
        ] {
            let answer = operator.post("access", &rule("client", network, "REJECT")).await;
            assert_eq!(answer.status, 303, "{network}: {}", answer.text("main"));
            let bounds = format!(
                "SELECT cidr_lo = INET6_ATON('{lowest}') AND cidr_hi = INET6_ATON('{highest}') \
                 FROM access_rules WHERE pattern = '{network}'"
            );
            assert_eq!(
                panel.database.value(&bounds).await.as_deref(),
                Some("1"),
                "{network}"
            );
        }
        // As Postfix's query asks: by address, within a family.
        for (client, hits) in [
            ("198.51.100.63", 0),
            ("198.51.100.64", 1),
            ("198.51.100.127", 1),
            ("198.51.100.128", 0),
            ("2001:db8:ffff::1", 1),
            ("2001:db9::", 0),
        ] {
            let query = format!(
                "SELECT COUNT(*) FROM access_rules WHERE kind = 'client' AND enabled = 1 AND \
                 LENGTH(cidr_lo) = LENGTH(INET6_ATON('{client}')) AND INET6_ATON('{client}') BETWEEN cidr_lo AND cidr_hi"
            );
            assert_eq!(panel.database.count(&query).await, hits, "{client}");
        }
        // What is no network has none, also where there was one.
        let empty = "SELECT cidr_lo IS NULL AND cidr_hi IS NULL FROM access_rules WHERE pattern = ";
        let mut page = page_of(&panel, "client", "198.51.100.64/26").await;
        for (kind, pattern) in [
            ("client", "198.51.100.64"),
            ("client", "198.51.100.64/26"),
            ("client", "dsl.spam.example"),
            ("client", "198.51.100.64/26"),
            ("sender", "spam.example"),
        ] {
            let form = operator.get(&page).await;
            let answer = operator
                .submit(&form, &[("kind", kind), ("pattern", pattern)])
                .await;
            assert_eq!(answer.status, 303, "{pattern}: {}", answer.text("main"));
            let is_empty = panel.database.value(&format!("{empty}'{pattern}'")).await;
            assert_eq!(
                is_empty.as_deref() == Some("1"),
                !pattern.contains('/'),
                "{pattern}"
            );
            page = page_of(&panel, kind, pattern).await;
        }
        // A save of something else of the row leaves them.
        let page = page_of(&panel, "client", "203.0.113.0/24").await;
        let bounds = "SELECT HEX(cidr_lo), HEX(cidr_hi) FROM access_rules WHERE pattern = '203.0.113.0/24'";
        let before = panel.database.rows(bounds).await;
        assert_eq!(
            operator
                .post(&page, &[("message", "Go away"), ("enabled", "1")])
                .await
                .status,
            303
        );
        assert_eq!(panel.database.rows(bounds).await, before);
    }
}

#[tokio::test]
async fn kind_and_pattern_are_unique_together() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for kind in ["recipient", "sender", "client"] {
            let answer = operator
                .post("access", &rule(kind, "spam.example", "REJECT"))
                .await;
            assert_eq!(answer.status, 303, "{kind}: {}", answer.text("main"));
        }
        let changes = recorded(&panel.database).await;
        for kind in ["recipient", "sender", "client"] {
            let there = format!("/{}", page_of(&panel, kind, "spam.example").await);
            let answer = operator
                .post("access", &rule(kind, "SPAM.example", "DEFER"))
                .await;
            assert_eq!(answer.status, 422, "{kind}");
            assert!(answer.text("#pattern-error").contains("exists already"), "{kind}");
            assert_eq!(answer.attributes(".summary p a", "href"), [there], "{kind}");
        }
        // Nor does a rule get there by changing its kind alone.
        let page = page_of(&panel, "sender", "spam.example").await;
        let answer = operator
            .post(&page, &rule("client", "spam.example", "REJECT"))
            .await;
        assert_eq!(answer.status, 422);
        let there = format!("/{}", page_of(&panel, "client", "spam.example").await);
        assert_eq!(answer.attributes(".summary p a", "href"), [there]);
        assert_eq!(recorded(&panel.database).await, changes);
        let answer = operator
            .post(&page, &rule("sender", "spam.example", "DEFER"))
            .await;
        assert_eq!(answer.status, 303, "its own pattern is free for itself");
    }
}

/// Rules of two owners and of the server.
async fn owned(database: Database) -> (Panel, Browser) {
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('mine.example'), ('other.example'); \
             INSERT INTO access_rules (kind, pattern) VALUES ('recipient', 'spam@mine.example'), ('recipient', 'mine.example'), \
               ('recipient', 'spam@other.example'), ('recipient', 'spam@'), ('recipient', 'spam@sub.mine.example'), \
               ('sender', 'boss@mine.example'), ('sender', 'mine.example'), ('client', 'mine.example'), \
               ('client', '203.0.113.7')",
        )
        .await;
    let panel = Panel::on(database).await;
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    (panel, owner)
}

const NOT_MINE: &[(&str, &str)] = &[
    ("recipient", "spam@other.example"),
    ("recipient", "spam@"),
    ("recipient", "spam@sub.mine.example"),
    ("sender", "boss@mine.example"),
    ("sender", "mine.example"),
    ("client", "mine.example"),
    ("client", "203.0.113.7"),
];

#[tokio::test]
async fn owners_see_the_recipient_rules_of_their_domains_alone() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        let mine = ["mine.example", "spam@mine.example"];
        assert_eq!(names(&owner.get("access").await), mine);
        for filter in [
            "q=example",
            "domain=mine.example",
            "q=boss",
            "q=203",
            "domain=other.example",
            "enabled=1",
        ] {
            let found = names(&owner.get(&format!("access?{filter}")).await);
            assert!(
                found.iter().all(|name| mine.contains(&name.as_str())),
                "{filter}: {found:?}"
            );
        }
        let found = owner.get("search?q=boss").await;
        assert_eq!(names(&found), [""; 0]);
        let found = owner.get("search?q=mine.example").await;
        assert_eq!(
            names(&found)
                .iter()
                .filter(|name| *name == "mine.example")
                .count(),
            2,
            "domain and rule"
        );
        let key = panel
            .database
            .value("SELECT pkid FROM domains WHERE domain = 'mine.example'")
            .await
            .expect("a key");
        let hub = owner.get(&format!("domains/{key}")).await;
        assert!(!hub.body.contains("boss"), "{}", hub.text("main"));
        for (kind, pattern) in NOT_MINE {
            let page = page_of(&panel, kind, pattern).await;
            assert_eq!(owner.get(&page).await.status, 404, "{kind} {pattern}");
            assert_eq!(owner.get(&format!("{page}/delete")).await.status, 404);
            for (path, fields) in [
                (page.clone(), rule("recipient", "x@mine.example", "REJECT")),
                (format!("{page}/enabled"), vec![("value", "0")]),
                (format!("{page}/delete"), vec![("confirm", "1")]),
            ] {
                assert_eq!(
                    owner.post(&path, &fields).await.status,
                    404,
                    "{path}: {kind} {pattern}"
                );
            }
        }
        assert_eq!(recorded(&panel.database).await, 0);
    }
}

#[tokio::test]
async fn owners_write_recipient_rules_of_their_domains_alone() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        assert_eq!(owner.get("access/new").await.status, 200);
        let answer = owner
            .post("access", &rule("recipient", "new@mine.example", "DEFER"))
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let page = page_of(&panel, "recipient", "spam@mine.example").await;
        let form = owner.get(&page).await;
        assert_eq!(form.status, 200);
        assert_eq!(owner.submit(&form, &[("message", "Not here")]).await.status, 303);
        assert_eq!(
            owner
                .post(&format!("{page}/enabled"), &[("value", "0")])
                .await
                .status,
            303
        );
        let before = rules(&panel.database).await;
        let changes = recorded(&panel.database).await;
        let mut pages = Vec::new();
        for (kind, pattern) in [
            ("recipient", "new@other.example"),
            ("recipient", "spam@other.example"),
            ("recipient", "other.example"),
            ("recipient", "sub.mine.example"),
            ("recipient", "new@"),
            ("recipient", "example"),
            ("sender", "new@mine.example"),
            ("sender", "boss@mine.example"),
            ("sender", "spam@mine.example"),
            ("sender", "spam.example"),
            ("client", "mine.example"),
            ("client", "new.mine.example"),
            ("client", "203.0.113.0/24"),
        ] {
            for path in ["access", page.as_str()] {
                let fields = [&rule(kind, pattern, "REJECT")[..], &[("confirm", "1")]].concat();
                let answer = owner.post(path, &fields).await;
                assert_eq!(
                    answer.status,
                    422,
                    "{path}: {kind} {pattern}: {}",
                    answer.text("main")
                );
                let beside = answer.text("#pattern-error");
                assert!(
                    beside.contains("not one of your domains"),
                    "{kind} {pattern}: {beside}"
                );
                assert_eq!(
                    answer.attributes(".summary p a", "href"),
                    [""; 0],
                    "{kind} {pattern}"
                );
                pages.push(answer.text(".summary"));
            }
        }
        pages.dedup();
        assert_eq!(
            pages.len(),
            1,
            "the same whether or not there is such a rule: {pages:?}"
        );
        assert_eq!(rules(&panel.database).await, before);
        assert_eq!(recorded(&panel.database).await, changes);
        // In bulk too.
        let foreign = page_of(&panel, "sender", "boss@mine.example").await;
        let keys: Vec<(&str, &str)> = [&page, &foreign]
            .iter()
            .map(|page| ("key", page.rsplit('/').next().expect("a key")))
            .collect();
        let review = owner
            .post("access/bulk", &[&keys[..], &[("action", "delete")]].concat())
            .await;
        assert_eq!(review.status, 200);
        assert!(!review.body.contains("boss"), "{}", review.text("main"));
        owner.submit(&review, &[("confirm", "1")]).await;
        let after = rules(&panel.database).await;
        assert!(
            after.contains(&"sender boss@mine.example REJECT".to_owned()),
            "{after:?}"
        );
        assert!(
            !after.contains(&"recipient spam@mine.example REJECT".to_owned()),
            "{after:?}"
        );
    }
}

#[tokio::test]
async fn owners_neither_throw_away_nor_hold_mail_nor_block_a_whole_domain() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        panel
            .database
            .script("DELETE FROM access_rules WHERE kind = 'recipient' AND pattern = 'mine.example'")
            .await;
        let page = page_of(&panel, "recipient", "spam@mine.example").await;
        let (before, changes) = (rules(&panel.database).await, recorded(&panel.database).await);
        for (pattern, action, column, words) in [
            (
                "new@mine.example",
                "DISCARD",
                "action",
                "also for recipients who are not yours",
            ),
            (
                "new@mine.example",
                "discard",
                "action",
                "also for recipients who are not yours",
            ),
            (
                "new@mine.example",
                "HOLD",
                "action",
                "also for recipients who are not yours",
            ),
            ("mine.example", "REJECT", "pattern", "subdomains"),
            ("MINE.example", "DEFER", "pattern", "subdomains"),
        ] {
            for path in ["access", page.as_str()] {
                let fields = [&rule("recipient", pattern, action)[..], &[("confirm", "1")]].concat();
                let answer = owner.post(path, &fields).await;
                assert_eq!(
                    answer.status,
                    422,
                    "{path}: {pattern} {action}: {}",
                    answer.text("main")
                );
                let beside = answer.text(&format!("#{column}-error"));
                assert!(beside.contains(words), "{pattern} {action}: {beside}");
                assert_eq!(answer.field("pattern"), pattern);
            }
        }
        assert_eq!(rules(&panel.database).await, before);
        assert_eq!(recorded(&panel.database).await, changes);
        // One address is theirs to refuse, with both answers there are.
        for (pattern, action) in [("a@mine.example", "REJECT"), ("b@mine.example", "DEFER")] {
            let answer = owner.post("access", &rule("recipient", pattern, action)).await;
            assert_eq!(answer.status, 303, "{pattern}: {}", answer.text("main"));
        }
        // The operator is not bound by it.
        let operator = panel.operator().await;
        for (pattern, action) in [
            ("c@mine.example", "DISCARD"),
            ("d@mine.example", "HOLD"),
            ("sub.mine.example", "REJECT"),
        ] {
            let answer = operator
                .post_confirmed("access", &rule("recipient", pattern, action))
                .await;
            assert_eq!(answer.status, 303, "{pattern}: {}", answer.text("main"));
        }
    }
}

#[tokio::test]
async fn owners_do_not_switch_on_rules_that_they_may_not_save() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        panel
            .database
            .script(
                "UPDATE access_rules SET enabled = 0; INSERT INTO access_rules (kind, pattern, action, enabled) VALUES \
                 ('recipient', 'gone@mine.example', 'DISCARD', 0), ('recipient', 'held@mine.example', 'HOLD', 0)",
            )
            .await;
        let mut keys = Vec::new();
        for pattern in ["gone@mine.example", "held@mine.example", "mine.example"] {
            let page = page_of(&panel, "recipient", pattern).await;
            let fields = [("value", "1"), ("confirm", "1")];
            let answer = owner.post(&format!("{page}/enabled"), &fields).await;
            assert_eq!(answer.status, 422, "{pattern}: {}", answer.text("main"));
            keys.push(page.rsplit('/').next().expect("a key").to_owned());
        }
        assert_eq!(recorded(&panel.database).await, 0);
        let ticked: Vec<(&str, &str)> = keys.iter().map(|key| ("key", key.as_str())).collect();
        let fields = [&ticked[..], &[("action", "enable"), ("confirm", "1")]].concat();
        let answer = owner.post("access/bulk", &fields).await;
        assert_eq!(answer.status, 422, "{}", answer.text("main"));
        // All that there are, but for these.
        let review = owner
            .post("access/bulk", &[("all", "1"), ("action", "enable")])
            .await;
        assert_eq!(
            (review.status, &*review.text("h1")),
            (200, "Enable 1 access rule?")
        );
        let said = review.text("main");
        for name in ["gone@mine.example", "held@mine.example", "mine.example"] {
            assert!(said.contains(&format!("{name} stays off: ")), "{name}: {said}");
        }
        assert_eq!(owner.submit(&review, &[("confirm", "1")]).await.status, 303);
        let on = "SELECT GROUP_CONCAT(pattern) FROM access_rules WHERE enabled = 1";
        assert_eq!(
            panel.database.value(on).await.as_deref(),
            Some("spam@mine.example")
        );
        // The operator switches on all of them.
        let operator = panel.operator().await;
        let answer = operator.post("access/bulk", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
    }
}

#[tokio::test]
async fn owners_are_offered_what_they_may_choose() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    let offered = async |browser: &Browser, field: &str| {
        let page = browser.get("access/new").await;
        page.attributes(&format!("select[name={field}] option"), "value")
    };
    assert_eq!(offered(&operator, "kind").await.len(), 3);
    assert_eq!(offered(&operator, "action").await.len(), 6);
    assert_eq!(offered(&owner, "kind").await, ["recipient"]);
    assert_eq!(offered(&owner, "action").await, ["REJECT", "DEFER"]);
}
