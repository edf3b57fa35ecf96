//! Limits within a grant: what an owner may have of a domain holds at every door, and the pages say so.

use postwarden::access::{Actor, Grant, Limits, Role};
use postwarden::mail::DomainName;

use crate::samples::recorded;
use crate::support::{Answer, Browser, Database, Panel};

/// What is there: five aliases that count in mine.example, one that does not (a mailbox's own), rows of every table.
const ROWS: &str = "
    INSERT INTO domains (domain, transport) VALUES ('mine.example', 'virtual:'), ('too.example', 'virtual:'),
      ('x.example', 'virtual:'), ('old@mine.example', 'smtp:[aspmx.l.google.com]'),
      ('off@mine.example', 'smtp:[aspmx.l.google.com]');
    INSERT INTO aliases (mail, destination, enabled) VALUES
      ('a@mine.example', 'mary@mine.example', 1), ('b@mine.example', 'mary@mine.example', 0),
      ('old@mine.example', 'old@mine.example', 1), ('mary@mine.example', 'Mary@Mine.example', 1),
      ('team@mine.example', 'ann@x.example,joe@x.example,mary@mine.example', 1),
      ('far@mine.example', 'joe@x.example,mary@mine.example', 0),
      ('a@too.example', 'mary@mine.example', 1);
    INSERT INTO users (id, maildir, enabled) VALUES ('mary@mine.example', 'mine.example/mary/', 1),
      ('paul@mine.example', 'mine.example/paul/', 0), ('mary@x.example', 'x.example/mary/', 1);
    INSERT INTO relays (recipient) VALUES ('r@mine.example'), ('r@too.example');
    INSERT INTO relocated (oldadr, newadr) VALUES ('gone@mine.example', 'n@x.example');
    INSERT INTO access_rules (kind, pattern) VALUES ('recipient', 'spam@mine.example');
    UPDATE domains SET enabled = 0 WHERE domain = 'off@mine.example';";

/// A panel with an owner of mine.example within limits, and of too.example without any.
async fn limited(change: impl FnOnce(&mut Limits)) -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let panel = Panel::on(database).await;
    let owner = panel
        .signed_in("owner", Role::Owner, &["mine.example", "too.example"])
        .await;
    grant(&panel, "mine.example", change).await;
    (panel, owner)
}

async fn grant(panel: &Panel, domain: &str, change: impl FnOnce(&mut Limits)) {
    let mut grant = Grant::whole(DomainName::parse(domain).expect("a domain"));
    change(&mut grant.limits);
    panel
        .store
        .grant(&Actor::command_line(), "owner", &grant)
        .await
        .expect("granted");
}

fn alias<'a>(mail: &'a str, destination: &'a str) -> [(&'a str, &'a str); 4] {
    [
        ("mail", mail),
        ("destination", destination),
        ("enabled", "1"),
        ("confirm", "1"),
    ]
}

fn mailbox(id: &str) -> [(&str, &str); 4] {
    [("id", id), ("name", "N"), ("enabled", "1"), ("confirm", "1")]
}

async fn page(panel: &Panel, slug: &str, condition: &str) -> String {
    let (table, key) = match slug {
        "users" => ("users", "id"),
        "access" => ("access_rules", "pkid"),
        "lists" => ("aliases", "pkid"),
        slug => (slug, "pkid"),
    };
    let query = format!("SELECT {key} FROM {table} WHERE {condition}");
    format!("{slug}/{}", panel.database.value(&query).await.expect(condition))
}

async fn count(panel: &Panel, table: &str, condition: &str) -> u64 {
    let query = format!("SELECT COUNT(*) FROM {table} WHERE {condition}");
    panel.database.count(&query).await
}

/// That a form was refused for a limit beside this field, with what was typed kept, and nothing was written.
fn refused(answer: &Answer, field: &str, because: &str) {
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    let said = answer.text(&format!("#{field}-error")) + answer.text(".summary").as_str();
    assert!(said.contains(because), "{because}: {}", answer.text("main"));
}

fn saved(answer: &Answer) {
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
}

#[tokio::test]
async fn there_are_no_more_aliases_than_granted() {
    let (panel, owner) = limited(|limits| limits.aliases = Some(6)).await;
    saved(
        &owner
            .post("aliases", &alias("new@mine.example", "mary@mine.example"))
            .await,
    );
    let before = recorded(&panel.database).await;
    // Enabled or not, a list or not, copied or new, by whichever page.
    for (path, mail, to) in [
        ("aliases", "more@mine.example", "mary@mine.example"),
        ("lists", "more@mine.example", "mary@mine.example,a@mine.example"),
        ("aliases", "more@mine.example", "more@mine.example"),
    ] {
        for enabled in ["0", "1"] {
            let fields = [("mail", mail), ("destination", to), ("enabled", enabled)];
            let answer = owner.post(path, &fields).await;
            refused(
                &answer,
                "mail",
                "6 aliases of mine.example are there and 6 is the most",
            );
            assert!(answer.text("#mail-error").contains("ask an operator"));
            assert_eq!(answer.field("mail"), mail, "what was typed is kept");
        }
    }
    assert_eq!(recorded(&panel.database).await, before);
    // Into another domain that has room; back again there is none.
    let moved = page(&panel, "aliases", "mail = 'new@mine.example'").await;
    saved(
        &owner
            .post(&moved, &alias("new@too.example", "mary@mine.example"))
            .await,
    );
    saved(
        &owner
            .post("aliases", &alias("new@mine.example", "mary@mine.example"))
            .await,
    );
    let back = owner
        .post(&moved, &alias("newer@mine.example", "mary@mine.example"))
        .await;
    refused(&back, "mail", "6 is the most");
    // What is there may change, be renamed, and go.
    let kept = page(&panel, "aliases", "mail = 'a@mine.example'").await;
    saved(
        &owner
            .post(&kept, &alias("renamed@mine.example", "a@too.example"))
            .await,
    );
    saved(&owner.post(&format!("{kept}/delete"), &[("confirm", "1")]).await);
    saved(
        &owner
            .post(&moved, &alias("newer@mine.example", "mary@mine.example"))
            .await,
    );
    assert_eq!(count(&panel, "aliases", "mail LIKE '%@mine.example'").await, 7);
}

#[tokio::test]
async fn what_was_there_beyond_a_limit_may_shrink_and_change_and_not_grow() {
    let (panel, owner) = limited(|limits| limits.aliases = Some(2)).await;
    let kept = page(&panel, "aliases", "mail = 'a@mine.example'").await;
    saved(&owner.post(&kept, &alias("c@mine.example", "a@too.example")).await);
    saved(&owner.post(&format!("{kept}/enabled"), &[("value", "0")]).await);
    saved(&owner.post(&format!("{kept}/enabled"), &[("value", "1")]).await);
    saved(&owner.post(&format!("{kept}/delete"), &[("confirm", "1")]).await);
    let answer = owner
        .post("aliases", &alias("d@mine.example", "a@too.example"))
        .await;
    refused(
        &answer,
        "mail",
        "4 aliases of mine.example are there and 2 is the most",
    );
}

#[tokio::test]
async fn an_alias_of_a_mailbox_to_itself_is_not_counted_until_it_leads_elsewhere() {
    let (panel, owner) = limited(|limits| limits.aliases = Some(5)).await;
    // A mailbox's own comes with it, also where there is no room.
    let fields = [&mailbox("new@mine.example")[..], &[("self_alias", "1")]].concat();
    saved(&owner.post("users", &fields).await);
    let own = page(&panel, "aliases", "mail = 'new@mine.example'").await;
    for to in ["mary@mine.example", "new@mine.example\nmary@mine.example"] {
        let answer = owner.post(&own, &alias("new@mine.example", to)).await;
        refused(&answer, "mail", "5 is the most");
    }
    let lists = own.replace("aliases/", "lists/");
    let answer = owner
        .post(
            &lists,
            &[("add", "mary@mine.example"), ("enabled", "1"), ("confirm", "1")],
        )
        .await;
    refused(&answer, "mail", "5 is the most");
    // The mailbox gone, it counts, and is no way around the limit either.
    saved(
        &owner
            .post("users/new@mine.example/delete", &[("confirm", "1")])
            .await,
    );
    let answer = owner
        .post(&own, &alias("new@mine.example", "mary@mine.example"))
        .await;
    refused(
        &answer,
        "mail",
        "6 aliases of mine.example are there and 5 is the most",
    );
    saved(&owner.post(&format!("{own}/delete"), &[("confirm", "1")]).await);
}

#[tokio::test]
async fn what_is_written_beside_a_row_goes_through_the_same_door() {
    let (panel, owner) = limited(|limits| limits.aliases = Some(5)).await;
    let google = "smtp:[aspmx.l.google.com]";
    // An override brings an alias along that is no mailbox's.
    let fields = [("mail", "joe@mine.example"), ("transport", google)];
    let answer = owner.post("overrides", &fields).await;
    refused(
        &answer,
        "mail",
        "5 aliases of mine.example are there and 5 is the most",
    );
    assert_eq!(answer.field("transport"), google);
    for (path, fields) in [
        (
            "overrides/off@mine.example/enabled",
            &[("value", "1"), ("confirm", "1")][..],
        ),
        (
            "overrides/bulk",
            &[
                ("key", "off@mine.example"),
                ("action", "enable"),
                ("confirm", "1"),
                ("count", "1"),
            ],
        ),
    ] {
        refused(&owner.post(path, fields).await, "none", "5 is the most");
    }
    assert_eq!(recorded(&panel.database).await, 0, "half an override is none");
    // Where a mailbox has the address, its own alias is enough.
    saved(
        &owner
            .post(
                "overrides",
                &[("mail", "paul@mine.example"), ("transport", google)],
            )
            .await,
    );
    grant(&panel, "mine.example", |limits| limits.aliases = Some(6)).await;
    saved(&owner.post("overrides", &fields).await);
}

#[tokio::test]
async fn there_are_no_more_mailboxes_than_granted() {
    let (panel, owner) = limited(|limits| limits.mailboxes = Some(3)).await;
    saved(&owner.post("users", &mailbox("new@mine.example")).await);
    let answer = owner.post("users", &mailbox("more@mine.example")).await;
    refused(
        &answer,
        "id",
        "3 mailboxes of mine.example are there and 3 is the most",
    );
    assert_eq!(answer.field("id"), "more@mine.example");
    saved(&owner.post("users", &mailbox("more@too.example")).await);
    let fields = [&mailbox("moved@mine.example")[..], &[("maildir", "")]].concat();
    let answer = owner.post("users/more@too.example", &fields).await;
    refused(&answer, "id", "3 is the most");
    saved(
        &owner
            .post(
                "users/new@mine.example",
                &[("name", "Other"), ("enabled", "1"), ("confirm", "1")],
            )
            .await,
    );
    saved(
        &owner
            .post("users/new@mine.example/delete", &[("confirm", "1")])
            .await,
    );
    saved(&owner.post("users", &mailbox("more@mine.example")).await);
    assert_eq!(count(&panel, "users", "id LIKE '%@mine.example'").await, 3);
}

#[tokio::test]
async fn a_list_grows_to_the_granted_number_of_members_and_shrinks_from_any() {
    let (panel, owner) = limited(|limits| limits.members = Some(2)).await;
    let list = page(&panel, "lists", "mail = 'team@mine.example'").await;
    let answer = owner.get(&list).await;
    assert!(
        answer.text(".gauge.over").contains("3 of 2 members"),
        "{}",
        answer.text("main")
    );
    let form =
        |fields: &[(&'static str, &'static str)]| [fields, &[("enabled", "1"), ("confirm", "1")]].concat();
    // In place of another is one more than there may be, too.
    for fields in [
        &[("add", "a@mine.example")][..],
        &[("add", "a@mine.example"), ("remove", "ann@x.example")],
    ] {
        let answer = owner.post(&list, &form(fields)).await;
        refused(&answer, "destination", "2 at most");
        assert_eq!(answer.field("add"), "a@mine.example");
    }
    saved(&owner.post(&format!("{list}/enabled"), &[("value", "0")]).await);
    saved(
        &owner
            .post(&format!("{list}/enabled"), &[("value", "1"), ("confirm", "1")])
            .await,
    );
    saved(&owner.post(&list, &form(&[("remove", "ann@x.example")])).await);
    let three = "mary@mine.example\na@mine.example\na@too.example";
    for path in [&list, "lists", "aliases"] {
        let mail = if *path == list {
            "team@mine.example"
        } else {
            "more@mine.example"
        };
        refused(
            &owner.post(path, &alias(mail, three)).await,
            "destination",
            "2 at most",
        );
    }
    // A list that comes from where it may be longer.
    saved(&owner.post("lists", &alias("long@too.example", three)).await);
    let long = page(&panel, "lists", "mail = 'long@too.example'").await;
    refused(
        &owner.post(&long, &alias("long@mine.example", three)).await,
        "destination",
        "2 at most",
    );
}

#[tokio::test]
async fn aliases_do_not_lead_out_of_the_owners_domains_where_that_is_not_granted() {
    let (panel, owner) = limited(|limits| limits.external = false).await;
    // A domain of this server that is somebody else's is outside like any other.
    for to in [
        "joe@x.example",
        "mary@mine.example\njoe@far.example",
        "@x.example",
    ] {
        let answer = owner.post("aliases", &alias("new@mine.example", to)).await;
        refused(&answer, "destination", "is not in a domain of yours");
    }
    saved(
        &owner
            .post(
                "aliases",
                &alias("new@mine.example", "mary@mine.example\na@too.example"),
            )
            .await,
    );
    saved(
        &owner
            .post("aliases", &alias("new@too.example", "joe@x.example"))
            .await,
    );
    let moved = page(&panel, "aliases", "mail = 'new@too.example'").await;
    refused(
        &owner
            .post(&moved, &alias("in@mine.example", "joe@x.example"))
            .await,
        "destination",
        "is not in a domain of yours",
    );
    // What stands there stays, and goes one by one.
    let list = page(&panel, "lists", "mail = 'team@mine.example'").await;
    let fields = [("add", "a@mine.example"), ("enabled", "1"), ("confirm", "1")];
    saved(&owner.post(&list, &fields).await);
    let fields = [("add", "ann@y.example"), ("enabled", "1"), ("confirm", "1")];
    refused(
        &owner.post(&list, &fields).await,
        "destination",
        "`ann@y.example`".trim_matches('`'),
    );
    let fields = [("remove", "ann@x.example"), ("enabled", "1"), ("confirm", "1")];
    saved(&owner.post(&list, &fields).await);
    // What is off stays off, by every way of switching it on.
    let off = page(&panel, "aliases", "mail = 'far@mine.example'").await;
    let key = off.trim_start_matches("aliases/");
    let before = recorded(&panel.database).await;
    let whole = alias("far@mine.example", "joe@x.example\nmary@mine.example");
    let bulk = [
        ("key", key),
        ("action", "enable"),
        ("confirm", "1"),
        ("count", "1"),
    ];
    for (path, fields) in [
        (off.clone(), &whole[..]),
        (format!("{off}/enabled"), &[("value", "1"), ("confirm", "1")]),
        ("aliases/bulk".to_owned(), &bulk),
        ("lists/bulk".to_owned(), &bulk),
    ] {
        refused(&owner.post(&path, fields).await, "destination", "joe@x.example");
    }
    assert_eq!(recorded(&panel.database).await, before);
    saved(
        &owner
            .post(&off, &alias("far@mine.example", "mary@mine.example"))
            .await,
    );
}

#[tokio::test]
async fn a_catch_all_is_removed_and_not_set_up_where_that_is_not_granted() {
    let (panel, owner) = limited(|limits| limits.catch_all = false).await;
    refused(
        &owner
            .post("aliases", &alias("@mine.example", "mary@mine.example"))
            .await,
        "mail",
        "sets up a catch-all of mine.example",
    );
    saved(
        &owner
            .post("aliases", &alias("@too.example", "mary@mine.example"))
            .await,
    );
    let other = page(&panel, "aliases", "mail = '@too.example'").await;
    refused(
        &owner
            .post(&other, &alias("@mine.example", "mary@mine.example"))
            .await,
        "mail",
        "sets up a catch-all of mine.example",
    );
    let a = page(&panel, "aliases", "mail = 'a@mine.example'").await;
    refused(
        &owner.post(&a, &alias("@mine.example", "mary@mine.example")).await,
        "mail",
        "sets up a catch-all",
    );
    panel
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('@mine.example', 'mary@mine.example')")
        .await;
    let own = page(&panel, "aliases", "mail = '@mine.example'").await;
    let form = owner.get(&own).await;
    assert_eq!(form.texts("button.btn-primary"), [""; 0], "nothing to save with");
    assert!(form.text(".kept").contains("sets up a catch-all of mine.example"));
    assert_eq!(form.texts(".buttons .danger").len(), 1);
    refused(
        &owner.post(&own, &alias("@mine.example", "a@mine.example")).await,
        "mail",
        "sets up a catch-all",
    );
    refused(
        &owner
            .post(&own, &alias("all@mine.example", "mary@mine.example"))
            .await,
        "mail",
        "sets up a catch-all",
    );
    saved(
        &owner
            .post(
                &own,
                &[
                    ("mail", "@mine.example"),
                    ("destination", "mary@mine.example"),
                    ("confirm", "1"),
                ],
            )
            .await,
    );
    let key = own.trim_start_matches("aliases/");
    let bulk = [
        ("key", key),
        ("action", "enable"),
        ("confirm", "1"),
        ("count", "1"),
    ];
    refused(
        &owner.post("aliases/bulk", &bulk).await,
        "none",
        "sets up a catch-all",
    );
    refused(
        &owner.post(&format!("{own}/enabled"), &[("value", "1")]).await,
        "mail",
        "sets up a catch-all",
    );
    let list = owner.get("aliases?q=@mine.example").await;
    let row: Vec<String> = list.attributes("tbody tr:first-child form", "action");
    assert_eq!(row, [""; 0], "off, and not to be switched on");
    saved(&owner.post(&format!("{own}/delete"), &[("confirm", "1")]).await);
    let hub = owner
        .get(&page(&panel, "domains", "domain = 'mine.example'").await)
        .await;
    assert!(
        !hub.attributes(".sheet input[name=mail]", "value")
            .contains(&"@mine.example".to_owned())
    );
    assert!(
        hub.text(".sheet .kept")
            .contains("sets up a catch-all of mine.example")
    );
}

const GOOGLE: &str = "smtp:[aspmx.l.google.com]";
const PARTNER: &str = "smtp:[mx.partner.example]";

#[tokio::test]
async fn without_overrides_those_there_are_can_be_switched_off_and_deleted() {
    let (panel, owner) = limited(|limits| limits.transports = Some(Vec::new())).await;
    let because = "Only an operator sets up overrides of mine.example";
    let new = [
        ("mail", "joe@mine.example"),
        ("transport", GOOGLE),
        ("confirm", "1"),
    ];
    refused(&owner.post("overrides", &new).await, "mail", because);
    let change = [("transport", "smtp:[smtp.google.com]"), ("confirm", "1")];
    refused(
        &owner.post("overrides/old@mine.example", &change).await,
        "mail",
        because,
    );
    let on = [("value", "1"), ("confirm", "1")];
    refused(
        &owner.post("overrides/off@mine.example/enabled", &on).await,
        "mail",
        because,
    );
    let bulk = [
        ("key", "off@mine.example"),
        ("action", "enable"),
        ("confirm", "1"),
        ("count", "1"),
    ];
    refused(&owner.post("overrides/bulk", &bulk).await, "mail", because);
    assert_eq!(recorded(&panel.database).await, 0);
    // In the other domain as ever; without any, there is no form for a new one.
    saved(
        &owner
            .post("overrides", &[("mail", "joe@too.example"), ("transport", GOOGLE)])
            .await,
    );
    let moved = [
        ("mail", "joe@mine.example"),
        ("transport", GOOGLE),
        ("confirm", "1"),
    ];
    refused(
        &owner.post("overrides/joe@too.example", &moved).await,
        "mail",
        because,
    );
    assert_eq!(owner.get("overrides/new").await.status, 200);
    grant(&panel, "too.example", |limits| {
        limits.transports = Some(Vec::new());
    })
    .await;
    assert_eq!(owner.get("overrides/new").await.status, 403);
    let list = owner.get("overrides").await;
    assert_eq!(list.texts("main a.btn-primary"), [""; 0]);
    assert!(
        list.text(".kept")
            .contains("overrides of mine.example and too.example")
    );
    let hub = owner
        .get(&page(&panel, "domains", "domain = 'mine.example'").await)
        .await;
    assert!(
        !hub.attributes(".sheet a", "href")
            .iter()
            .any(|href| href.contains("overrides/new"))
    );
    saved(
        &owner
            .post("overrides/old@mine.example/enabled", &[("value", "0")])
            .await,
    );
    saved(
        &owner
            .post("overrides/old@mine.example/delete", &[("confirm", "1")])
            .await,
    );
    let bulk = [
        ("key", "off@mine.example"),
        ("action", "delete"),
        ("confirm", "1"),
        ("count", "1"),
    ];
    saved(&owner.post("overrides/bulk", &bulk).await);
    assert_eq!(count(&panel, "domains", "domain LIKE '%@mine.example'").await, 0);
}

#[tokio::test]
async fn overrides_use_the_transports_of_the_grant_or_else_those_of_the_settings() {
    let (panel, owner) = limited(|limits| {
        limits.transports = Some(vec![PARTNER.to_owned(), "smtp:[*.hosted.example]".to_owned()]);
    })
    .await;
    for (mail, transport, good) in [
        ("j@mine.example", PARTNER, true),
        ("k@mine.example", "smtp:[acme.hosted.example]", true),
        ("l@mine.example", "smtp:[a.b.hosted.example]", false),
        ("l@mine.example", GOOGLE, false),
        ("l@too.example", GOOGLE, true),
        ("m@too.example", PARTNER, false),
    ] {
        let answer = owner
            .post("overrides", &[("mail", mail), ("transport", transport)])
            .await;
        if good {
            saved(&answer);
        } else {
            refused(&answer, "transport", "to these only");
        }
    }
    // What stands there may stay.
    saved(
        &owner
            .post("overrides/old@mine.example", &[("transport", GOOGLE)])
            .await,
    );
    let offered = async |path: &str| owner.get(path).await.texts(".presets code");
    let own = [PARTNER, "smtp:[TENANT.hosted.example]"];
    assert_eq!(offered("overrides/j@mine.example").await, own);
    assert_eq!(offered("overrides/l@too.example").await.len(), 4, "the presets");
    assert_eq!(offered("overrides/new").await.len(), 6, "of both domains");
    grant(&panel, "too.example", |limits| {
        limits.transports = Some(vec![GOOGLE.to_owned()]);
    })
    .await;
    let all = [&[GOOGLE], &own[..]].concat();
    assert_eq!(offered("overrides/new").await, all);
}

#[tokio::test]
async fn tables_that_the_operator_keeps_are_read_only_whatever_is_posted() {
    let keep = |limits: &mut Limits| {
        (limits.relays, limits.relocations, limits.blocks) = (false, false, false);
    };
    for (slug, subject, condition, many) in [
        (
            "relays",
            "recipient",
            "recipient = 'r@mine.example'",
            "Relay recipients",
        ),
        (
            "relocated",
            "oldadr",
            "oldadr = 'gone@mine.example'",
            "Relocations",
        ),
        (
            "access",
            "pattern",
            "pattern = 'spam@mine.example'",
            "Access rules",
        ),
    ] {
        let (panel, owner) = limited(keep).await;
        let because = &format!("{many} of mine.example are kept by the operator.");
        let row = page(&panel, slug, condition).await;
        let key = row.rsplit('/').next().expect("a key");
        let form = |mail: &'static str| {
            [
                (subject, mail),
                ("newadr", "n@x.example"),
                ("status", "OK"),
                ("kind", "recipient"),
                ("action", "REJECT"),
                ("enabled", "1"),
                ("confirm", "1"),
            ]
        };
        for (path, fields) in [
            (slug.to_owned(), &form("n@mine.example")[..]),
            (row.clone(), &form("n@mine.example")),
            (row.clone(), &form("n@too.example")),
            (format!("{row}/enabled"), &[("value", "0")]),
            (format!("{row}/delete"), &[("confirm", "1")]),
        ] {
            refused(&owner.post(&path, fields).await, subject, because);
        }
        for action in ["disable", "delete"] {
            let bulk = [("key", key), ("action", action), ("confirm", "1"), ("count", "1")];
            refused(
                &owner.post(&format!("{slug}/bulk"), &bulk).await,
                subject,
                because,
            );
        }
        assert_eq!(recorded(&panel.database).await, 0);
        // In the other domain as ever.
        saved(&owner.post(slug, &form("n@too.example")).await);
        let all = [
            ("all", "1"),
            ("action", "disable"),
            ("confirm", "1"),
            ("count", "2"),
        ];
        let all = if slug == "relays" {
            [all[0], all[1], all[2], ("count", "3")]
        } else {
            all
        };
        refused(&owner.post(&format!("{slug}/bulk"), &all).await, subject, because);
        let list = owner.get(slug).await;
        assert_eq!(list.texts(".kept"), [because.as_str()]);
        let ticks = list.attributes("input[name=key]", "value");
        assert!(!ticks.is_empty() && !ticks.contains(&key.to_owned()), "{ticks:?}");
        let form = owner.get(&row).await;
        assert_eq!(form.texts(".kept"), [because.as_str()]);
        assert_eq!(form.texts("button.btn-primary, .buttons .danger"), [""; 0]);
        // Where all of them are kept there is nothing to press at all.
        grant(&panel, "too.example", keep).await;
        let list = owner.get(slug).await;
        assert_eq!(
            list.texts("main a.btn-primary, input[name=key], form.bulk, .actions"),
            [""; 0]
        );
        assert_eq!(owner.get(&format!("{slug}/new")).await.status, 403);
        let hub = owner
            .get(&page(&panel, "domains", "domain = 'mine.example'").await)
            .await;
        assert!(hub.texts(".sheet .kept").contains(because) || slug == "relays");
        assert!(
            !hub.attributes(".sheet a", "href")
                .iter()
                .any(|href| href.contains(&format!("{slug}/new")))
        );
    }
}

#[tokio::test]
async fn an_override_leaves_a_relay_recipient_that_is_not_the_owners_to_change() {
    let (panel, owner) = limited(|_| ()).await;
    panel
        .database
        .script("INSERT INTO backups (domain, transport) VALUES ('mine.example', ':[mx.mine.example]')")
        .await;
    saved(
        &owner
            .post_confirmed(
                "overrides",
                &[("mail", "joe@mine.example"), ("transport", GOOGLE)],
            )
            .await,
    );
    grant(&panel, "mine.example", |limits| limits.relays = false).await;
    let answer = owner
        .post(
            "overrides",
            &[
                ("mail", "kim@mine.example"),
                ("transport", GOOGLE),
                ("confirm", "1"),
            ],
        )
        .await;
    refused(
        &answer,
        "mail",
        "Relay recipients of mine.example are kept by the operator.",
    );
    saved(
        &owner
            .post("overrides/joe@mine.example/delete", &[("confirm", "1")])
            .await,
    );
    assert_eq!(count(&panel, "relays", "recipient = 'joe@mine.example'").await, 1);
    assert_eq!(count(&panel, "domains", "domain = 'joe@mine.example'").await, 0);
}

#[tokio::test]
async fn of_many_at_once_no_more_are_made_than_there_is_room_for() {
    let (panel, owner) = limited(|limits| {
        limits.aliases = Some(10);
        limits.mailboxes = Some(7);
    })
    .await;
    let second = Panel::on(panel.database.clone()).await;
    let elsewhere = second.browser();
    let login = [("username", "owner"), ("password", crate::support::PASSWORD)];
    saved(&elsewhere.post("login", &login).await);
    for (slug, table) in [("aliases", "aliases"), ("users", "users")] {
        let requests = (0..20).map(|i| {
            let browser = if i % 2 == 0 {
                owner.clone()
            } else {
                elsewhere.clone()
            };
            tokio::spawn(async move {
                let address = format!("n{i}@mine.example");
                let answer = match slug {
                    "users" => browser.post(slug, &mailbox(&address)).await,
                    _ => browser.post(slug, &alias(&address, "mary@mine.example")).await,
                };
                answer.status
            })
        });
        let mut made = 0;
        for request in requests.collect::<Vec<_>>() {
            match request.await.expect("an answer") {
                303 => made += 1,
                status => assert_eq!(status, 422),
            }
        }
        assert_eq!(made, 5, "{slug}");
        let column = if slug == "users" { "id" } else { "mail" };
        assert_eq!(
            count(&panel, table, &format!("{column} LIKE 'n%@mine.example'")).await,
            5
        );
    }
}

#[tokio::test]
async fn operators_are_not_limited_and_limits_hold_with_the_next_request() {
    let (panel, owner) = limited(|limits| limits.aliases = Some(5)).await;
    let operator = panel.operator().await;
    saved(
        &operator
            .post("aliases", &alias("new@mine.example", "joe@x.example"))
            .await,
    );
    assert_eq!(operator.get("aliases").await.texts(".shares, .kept"), [""; 0]);
    let more = alias("more@mine.example", "joe@x.example");
    refused(&owner.post("aliases", &more).await, "mail", "5 is the most");
    grant(&panel, "mine.example", |limits| limits.aliases = Some(7)).await;
    saved(&owner.post("aliases", &more).await);
    grant(&panel, "mine.example", |limits| limits.external = false).await;
    refused(
        &owner
            .post("aliases", &alias("out@mine.example", "joe@x.example"))
            .await,
        "destination",
        "is not in a domain of yours",
    );
}

#[tokio::test]
async fn the_pages_show_what_is_used_of_what_there_may_be() {
    let (panel, owner) = limited(|limits| {
        limits.aliases = Some(7);
        limits.mailboxes = Some(2);
        limits.members = Some(4);
    })
    .await;
    for path in ["aliases", "lists", "aliases/new", "lists/new"] {
        let answer = owner.get(path).await;
        assert_eq!(
            answer.texts(".shares li"),
            ["5 of 7 aliases in mine.example"],
            "{path}"
        );
        assert_eq!(answer.texts(".shares .near").len(), 0);
        let told = answer.texts(".kept").join(" ");
        assert!(
            told.contains("An alias of mine.example may have up to 4 destinations."),
            "{told}"
        );
    }
    let mailboxes = owner.get("users").await;
    assert_eq!(
        mailboxes.texts(".shares li.near"),
        ["2 of 2 mailboxes in mine.example"]
    );
    assert_eq!(
        mailboxes.texts("main a.btn-primary").len(),
        1,
        "too.example has room"
    );
    let hub = page(&panel, "domains", "domain = 'mine.example'").await;
    let shown = owner.get(&hub).await;
    let headings = shown.texts(".sheet h2");
    for heading in ["Aliases 5 of 7", "Mailboxes 2 of 2", "Mailing lists 2"] {
        assert!(headings.contains(&heading.to_owned()), "{headings:?}");
    }
    let links = shown.attributes(".sheet a", "href");
    let has = |slug: &str| links.iter().any(|href| href.contains(&format!("{slug}/new")));
    assert!(has("aliases") && !has("users"));
    // Full everywhere: no button, and why.
    grant(&panel, "too.example", |limits| {
        limits.aliases = Some(1);
        limits.mailboxes = Some(0);
    })
    .await;
    let mailboxes = owner.get("users").await;
    assert_eq!(mailboxes.texts("main a.btn-primary"), [""; 0]);
    assert_eq!(mailboxes.text(".full"), "2 of 2 mailboxes used");
    assert!(
        !mailboxes.body.contains("users/new?copy="),
        "nor anything to duplicate"
    );
    assert_eq!(owner.get("aliases").await.texts("main a.btn-primary").len(), 1);
    grant(&panel, "mine.example", |limits| limits.aliases = Some(5)).await;
    let lists = owner.get("lists").await;
    assert_eq!(lists.text(".full"), "6 of 6 aliases used");
    let shown = owner.get(&hub).await;
    assert_eq!(
        shown.texts(".sheet form.line"),
        [""; 0],
        "no field for what cannot be added"
    );
}

#[tokio::test]
async fn what_is_used_is_told_for_limited_domains_alone() {
    let (panel, _owner) = limited(|limits| limits.aliases = Some(9)).await;
    let actor = |domains: &[(&str, Limits)]| Actor {
        name: "owner".to_owned(),
        role: Role::Owner,
        scope: postwarden::access::Scope::Domains(
            domains
                .iter()
                .map(|(domain, limits)| Grant {
                    domain: DomainName::parse(domain).expect("a domain"),
                    limits: limits.clone(),
                })
                .collect(),
        ),
        origin: postwarden::access::Origin::Cli,
    };
    let limits = Limits {
        mailboxes: Some(4),
        ..Limits::default()
    };
    let owner = actor(&[
        ("too.example", Limits::default()),
        ("mine.example", limits.clone()),
        ("none.example", limits),
    ]);
    let usage = panel.store.usage(&owner).await.expect("usage");
    let told: Vec<_> = usage
        .iter()
        .map(|u| {
            (
                u.domain.as_str(),
                u.aliases.used,
                u.aliases.most,
                u.mailboxes.used,
                u.mailboxes.most,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("mine.example", 5, None, 2, Some(4)),
            ("none.example", 0, None, 0, Some(4))
        ]
    );
    assert!(
        panel
            .store
            .usage(&Actor::command_line())
            .await
            .expect("usage")
            .is_empty()
    );
    panel.database.script("DROP TABLE users").await;
    let usage = panel.store.usage(&owner).await.expect("usage");
    assert_eq!(usage[0].aliases.used, 6, "without mailboxes every alias counts");
}

#[tokio::test]
async fn rows_are_counted_in_tables_of_any_age_and_character_set() {
    for database in [Database::howto().await, Database::odd().await] {
        database
            .script(
                "INSERT INTO domains (domain) VALUES ('mine.example');
                 INSERT INTO aliases (mail, destination) VALUES ('A@Mine.example', 'mary@mine.example'),
                   ('Mary@mine.example', 'mary@MINE.example'), ('paul@mine.example', 'paul@mine.example'),
                   ('z@m\u{ef}ne.example', 'mary@mine.example'), ('a@sub.mine.example', 'mary@mine.example');
                 INSERT INTO users (id, maildir) VALUES ('MARY@mine.example', 'mine.example/mary/');",
            )
            .await;
        let panel = Panel::on(database).await;
        let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
        grant(&panel, "mine.example", |limits| limits.aliases = Some(3)).await;
        let shares = owner.get("aliases").await.texts(".shares li");
        assert_eq!(shares, ["2 of 3 aliases in mine.example"]);
        saved(
            &owner
                .post("aliases", &alias("b@mine.example", "mary@mine.example"))
                .await,
        );
        let answer = owner
            .post("aliases", &alias("c@mine.example", "mary@mine.example"))
            .await;
        refused(
            &answer,
            "mail",
            "3 aliases of mine.example are there and 3 is the most",
        );
    }
}
