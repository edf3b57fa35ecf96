//! Pages about a whole domain or the whole database: the hub, what a new domain starts with, the search, and what the
//! dashboard says to look at.

use std::collections::BTreeSet;

use postwarden::access::Role;

use crate::samples::{GROUND, ground, names, recorded, walk};
use crate::support::{Answer, Browser, Database, Panel};

const GOOGLE: &str = "smtp:[aspmx.l.google.com]";

/// One row of every kind about a domain.
fn every_kind(domain: &str) -> String {
    format!(
        "INSERT INTO domains (domain) VALUES ('{domain}'); \
         INSERT INTO domains (domain, transport) VALUES ('joe@{domain}', '{GOOGLE}'); \
         INSERT INTO backups (domain, transport) VALUES ('{domain}', ':[mail.primary.example]'), ('jim@{domain}', '{GOOGLE}'); \
         INSERT INTO aliases (mail, destination) VALUES ('info@{domain}', 'out@x.example'), \
           ('team@{domain}', 'a@x.example,b@y.example'), ('@{domain}', 'all@x.example'); \
         INSERT INTO users (id, maildir) VALUES ('mary@{domain}', '{domain}/mary/'); \
         INSERT INTO relays (recipient) VALUES ('known@{domain}'); \
         INSERT INTO relocated (oldadr, newadr) VALUES ('gone@{domain}', 'here@x.example'); \
         INSERT INTO access_rules (kind, pattern) VALUES ('recipient', 'trap@{domain}'), ('sender', '{domain}')"
    )
}

/// The names [`every_kind`] makes.
fn its_names(domain: &str) -> Vec<String> {
    ["info", "team", "mary", "joe", "jim", "known", "gone", "trap"]
        .iter()
        .map(|name| format!("{name}@{domain}"))
        .chain([domain.to_owned()])
        .collect()
}

async fn panel_with(script: &str) -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(script).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// The address of a domain's hub.
async fn hub_of(database: &Database, domain: &str) -> String {
    let query = format!("SELECT pkid FROM domains WHERE domain = '{domain}' ORDER BY pkid LIMIT 1");
    format!("domains/{}", database.value(&query).await.expect(domain))
}

/// What the hub links to, whole addresses as they are read out.
fn linked(hub: &Answer) -> BTreeSet<String> {
    hub.texts(".sheet a.mono").into_iter().collect()
}

async fn aliases(database: &Database) -> Vec<String> {
    let rows = database
        .rows("SELECT CONCAT_WS(' ', mail, destination, enabled) FROM aliases ORDER BY mail")
        .await;
    rows.into_iter()
        .map(|mut row| row.remove(0).expect("a line"))
        .collect()
}

#[tokio::test]
async fn a_hub_shows_every_kind_of_row_of_its_domain_and_of_no_other() {
    for database in [Database::fresh().await, Database::howto().await] {
        let domains = [
            "lala.example",
            "blala.example",
            "sub.lala.example",
            "lala.example.org",
        ];
        for domain in domains {
            database.script(&every_kind(domain)).await;
        }
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for domain in domains {
            let hub = operator.get(&hub_of(&panel.database, domain).await).await;
            assert_eq!((hub.status, &*hub.text("h1")), (200, domain));
            let there = linked(&hub);
            for name in its_names(domain) {
                assert!(there.contains(&name), "{name}: {there:?}");
            }
            assert!(there.contains("all@x.example"), "the catch-all: {there:?}");
            assert!(
                there.contains(":[mail.primary.example]"),
                "the backup MX entry: {there:?}"
            );
            for other in domains.iter().filter(|other| **other != domain) {
                for foreign in its_names(other) {
                    assert!(
                        !there.contains(&foreign),
                        "{foreign} on the hub of {domain}: {there:?}"
                    );
                }
            }
            for address in hub.attributes(".sheet a.mono", "href") {
                assert_eq!(operator.get(&address).await.status, 200, "{address}");
            }
        }
    }
}

#[tokio::test]
async fn a_hub_shows_relay_recipients_of_a_domain_that_is_not_relayed_too() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("INSERT INTO relays (recipient) VALUES ('idle@shop.example')")
        .await;
    let hub = operator.get(&hub_of(&panel.database, "shop.example").await).await;
    assert!(linked(&hub).contains("idle@shop.example"), "{}", hub.text("main"));
}

#[tokio::test]
async fn missing_required_addresses_are_one_click_away() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("INSERT INTO users (id, maildir) VALUES ('mary@shop.example', 'mary/')")
        .await;
    let hub = hub_of(&panel.database, "shop.example").await;
    for address in ["postmaster@shop.example", "abuse@shop.example"] {
        let page = operator.get(&hub).await;
        assert!(page.text(".sheet").contains("missing"), "{}", page.text(".sheet"));
        let form = "form.line";
        assert_eq!(
            page.attributes(form, "action").first().map(String::as_str),
            Some("/aliases")
        );
        let missing = page.attributes(&format!("{form} input[name=mail]"), "value");
        assert_eq!(missing.first().map(String::as_str), Some(address));
        // The first form as it stands.
        let sent = |name: &str| {
            page.attributes(&format!("{form} input[name={name}]"), "value")
                .remove(0)
        };
        let fields = ["mail", "destination", "enabled", "next"].map(|name| (name, sent(name)));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = operator.post("aliases", &fields).await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, &*format!("/{hub}")),
            "{}",
            answer.text("main")
        );
    }
    let page = operator.get(&hub).await;
    assert!(
        linked(&page).is_superset(
            &["postmaster@shop.example", "abuse@shop.example"]
                .map(str::to_owned)
                .into()
        )
    );
    assert!(!page.text(".sheet").contains("missing"));
    let made = aliases(&panel.database).await;
    assert_eq!(made.len(), 2);
    assert_eq!(
        made[1], "postmaster@shop.example mary@shop.example 1",
        "the first mailbox of the domain gets it"
    );
    // What is left is the catch-all, which offers nobody.
    assert_eq!(
        page.attributes("form.line input[name=mail]", "value"),
        ["@shop.example"]
    );
    assert_eq!(
        page.attributes("form.line input[name=destination]", "value"),
        [""]
    );
}

#[tokio::test]
async fn an_empty_a_long_an_international_and_a_disabled_domain_have_a_hub() {
    let long = "a-name-of-more-than-forty-characters-in-one-label.example";
    let (panel, operator) = panel_with(&format!(
        "INSERT INTO domains (domain, transport, enabled) VALUES ('empty.example', 'virtual:', 1), ('{long}', 'virtual:', 1), \
         ('xn--bcher-kva.example', 'virtual:', 1), ('off.example', '', 0), ('Upper.Example', 'virtual:', 1), \
         ('bad_transport.example', 'nonsense', 1); \
         INSERT INTO aliases (mail, destination) VALUES ('a@{long}', 'x@y.example'), \
           ('a@xn--bcher-kva.example', 'x@y.example'), ('a@upper.example', 'x@y.example')"
    ))
    .await;
    let hub = async |domain: &str| operator.get(&hub_of(&panel.database, domain).await).await;
    let empty = hub("empty.example").await;
    assert_eq!(empty.status, 200);
    assert!(linked(&empty).is_empty(), "{:?}", linked(&empty));
    assert!(linked(&hub(long).await).contains(&format!("a@{long}")));
    let idn = hub("xn--bcher-kva.example").await;
    assert!(
        idn.text(".facts").contains("bücher.example"),
        "{}",
        idn.text(".facts")
    );
    assert!(linked(&idn).contains("a@xn--bcher-kva.example"));
    let off = hub("off.example").await;
    assert!(
        off.text(".facts").contains("Disabled") && off.text(".facts").contains("no transport"),
        "{}",
        off.text(".facts")
    );
    assert_eq!(
        off.attributes(".page-head input[name=value]", "value"),
        ["1"],
        "it can be enabled"
    );
    assert!(linked(&hub("upper.example").await).contains("a@upper.example"));
    let bad = hub("bad_transport.example").await;
    assert!(
        bad.text(".notice").contains("not as Postfix wants it"),
        "{}",
        bad.text("main")
    );
}

#[tokio::test]
async fn owners_see_the_hub_of_their_domain_and_change_its_addresses_alone() {
    let (panel, operator) =
        panel_with(&[every_kind("mine.example"), every_kind("other.example")].join("; ")).await;
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    let mine = hub_of(&panel.database, "mine.example").await;
    let hub = owner.get(&mine).await;
    assert_eq!(hub.status, 200);
    let there = linked(&hub);
    for name in ["info", "team", "mary", "joe", "jim", "known", "gone", "trap"] {
        assert!(
            there.contains(&format!("{name}@mine.example")),
            "{name}: {there:?}"
        );
    }
    assert!(
        !there.contains("mine.example"),
        "a rule about senders is not theirs"
    );
    assert!(!hub.body.contains("other.example"));
    for way in ["Edit", "Disable", "Delete"] {
        assert!(
            !hub.text(".page-head").contains(way),
            "{way}: {}",
            hub.text(".page-head")
        );
        assert!(
            operator.get(&mine).await.text(".page-head").contains(way),
            "an operator has it"
        );
    }
    assert!(
        !hub.attributes("form.line input[name=mail]", "value").is_empty(),
        "missing addresses are theirs to add"
    );
    let foreign = hub_of(&panel.database, "other.example").await;
    for page in [
        foreign.clone(),
        format!("{foreign}/edit"),
        "domains/30000".to_owned(),
    ] {
        assert_eq!(owner.get(&page).await.status, 404, "{page}");
    }
    let rule = [
        ("kind", "recipient"),
        ("pattern", "spam@mine.example"),
        ("action", "REJECT"),
        ("enabled", "1"),
    ];
    assert_eq!(owner.post("access", &rule).await.status, 303);
    for (kind, pattern) in [
        ("sender", "x@mine.example"),
        ("recipient", "x@other.example"),
        ("client", "192.0.2.1"),
    ] {
        let fields = [
            ("kind", kind),
            ("pattern", pattern),
            ("action", "REJECT"),
            ("enabled", "1"),
            ("confirm", "1"),
        ];
        assert_eq!(
            owner.post("access", &fields).await.status,
            422,
            "{kind} {pattern}"
        );
    }
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    let seen = auditor.get(&foreign).await;
    assert_eq!(seen.status, 200);
    assert!(
        seen.attributes("main form[method=post]", "action").is_empty(),
        "nothing to press"
    );
}

#[tokio::test]
async fn a_hub_does_without_any_other_table() {
    let (panel, operator) = panel_with(&every_kind("lala.example")).await;
    let hub = hub_of(&panel.database, "lala.example").await;
    for gone in [
        "access_rules",
        "relocated",
        "relays",
        "users",
        "backups",
        "aliases",
    ] {
        panel.database.script(&format!("DROP TABLE {gone}")).await;
        // A schema is taken for true for a second.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        for page in [&*hub, "", "search?q=lala", "overrides"] {
            let answer = operator.get(page).await;
            assert_eq!(
                answer.status,
                200,
                "{page} without {gone}: {}",
                answer.text("main")
            );
        }
    }
    assert_eq!(
        linked(&operator.get(&hub).await),
        ["joe@lala.example".to_owned()].into()
    );
}

#[tokio::test]
async fn of_many_aliases_a_hub_shows_a_few_and_where_the_rest_are() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(
            "INSERT INTO aliases (mail, destination) SELECT CONCAT('a', LPAD(seq, 3, '0'), '@shop.example'), 'x@y.example' \
             FROM seq_1_to_300; INSERT INTO aliases (mail, destination) SELECT CONCAT('b', seq, '@sub.shop.example'), \
             'x@y.example' FROM seq_1_to_40",
        )
        .await;
    let hub = operator.get(&hub_of(&panel.database, "shop.example").await).await;
    let shown = linked(&hub).len();
    assert!((3..40).contains(&shown), "{shown}");
    assert!(
        hub.texts(".sheet h2").contains(&"Aliases 300".to_owned()),
        "{:?}",
        hub.texts(".sheet h2")
    );
    let all = hub.attributes(".acts a[href^='/aliases?']", "href");
    assert_eq!(all, ["/aliases?domain=shop.example"]);
    let list = operator.get(&all[0]).await;
    assert_eq!(list.text(".pager p"), "300 aliases");
}

fn new_domain<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [
        ("domain", "new.example"),
        ("transport", "virtual:"),
        ("enabled", "1"),
    ];
    [&own[..], more].concat()
}

async fn changes(database: &Database) -> u64 {
    database
        .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
        .await
}

#[tokio::test]
async fn a_new_domain_starts_with_the_required_addresses_as_one_change() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let start = [("start", "required"), ("start_destination", "Joe@x.example")];
    let answer = operator.post("domains", &new_domain(&start)).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(
        aliases(database).await,
        [
            "abuse@new.example joe@x.example 1",
            "postmaster@new.example joe@x.example 1"
        ]
    );
    assert_eq!((recorded(database).await, changes(database).await), (3, 1));

    // What is there already stays as it is.
    database
        .script(
            "DELETE FROM domains WHERE domain = 'new.example'; DELETE FROM aliases WHERE mail LIKE 'abuse@%'; \
             UPDATE aliases SET destination = 'kept@y.example', enabled = 0",
        )
        .await;
    let start = [
        ("start", "required"),
        ("start_destination", "joe@x.example"),
        ("start_catchall", "all@x.example,b@y.example"),
    ];
    let answer = operator.post("domains", &new_domain(&start)).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(
        aliases(database).await,
        [
            "@new.example all@x.example,b@y.example 1",
            "abuse@new.example joe@x.example 1",
            "postmaster@new.example kept@y.example 0"
        ]
    );
    assert_eq!(changes(database).await, 2);
    let notice = operator.get("domains").await.text(".notice");
    assert!(
        notice.contains("postmaster@new.example was there already"),
        "{notice}"
    );
}

#[tokio::test]
async fn a_new_domain_takes_over_the_aliases_of_another() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO aliases (mail, destination, enabled) VALUES ('info@shop.example', 'joe@x.example', 1), \
             ('team@shop.example', 'a@x.example,info@shop.example', 1), ('off@shop.example', 'b@y.example', 0), \
             ('@shop.example', 'all@x.example', 1), ('a@sub.shop.example', 'no@x.example', 1), \
             ('info@new.example', 'kept@x.example', 1)",
        )
        .await;
    let before = aliases(database).await;
    let answer = operator
        .post(
            "domains",
            &new_domain(&[("start", "copy"), ("start_copy", "SHOP.example")]),
        )
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let made: Vec<String> = aliases(database)
        .await
        .into_iter()
        .filter(|line| !before.contains(line))
        .collect();
    assert_eq!(
        made,
        [
            "@new.example all@x.example 1",
            "off@new.example b@y.example 0",
            "team@new.example a@x.example,info@shop.example 1"
        ]
    );
    assert_eq!((recorded(database).await, changes(database).await), (4, 1));
}

#[tokio::test]
async fn a_start_that_cannot_be_is_refused_whole_and_the_input_kept() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('bare.example'), ('odd.example'), ('big.example'); \
             INSERT INTO aliases (mail, destination) VALUES ('a@odd.example', 'a@b@x.example'); \
             INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@big.example'), 'x@y.example' FROM seq_1_to_501",
        )
        .await;
    for (start, wrong, value) in [
        ("required", "start_destination", "not an address@@"),
        ("required", "start_destination", ""),
        ("required", "start_catchall", "a@b@x.example"),
        ("copy", "start_copy", "nowhere.example"),
        ("copy", "start_copy", "bare.example"),
        ("copy", "start_copy", "odd.example"),
        ("copy", "start_copy", "big.example"),
        ("copy", "start_copy", "no domain"),
        ("copy", "start_copy", ""),
    ] {
        let mut fields = new_domain(&[("start", start), (wrong, value), ("confirm", "1")]);
        if wrong != "start_destination" {
            fields.push(("start_destination", "joe@x.example"));
        }
        let answer = operator.post("domains", &fields).await;
        assert_eq!(answer.status, 422, "{wrong}={value}");
        assert!(
            answer
                .attributes(".summary a", "href")
                .contains(&format!("#{wrong}")),
            "{wrong}={value}: {}",
            answer.text("main")
        );
        assert_eq!(
            (answer.field("domain"), answer.field(wrong)),
            ("new.example".to_owned(), value.to_owned())
        );
        assert_eq!(answer.attributes("input[name=start][checked]", "value"), [start]);
        assert_eq!(
            database
                .count("SELECT COUNT(*) FROM domains WHERE domain = 'new.example'")
                .await,
            0
        );
        assert_eq!(aliases(database).await.len(), 502);
        assert_eq!(recorded(database).await, 0);
    }
    let owner = panel
        .signed_in("owner", Role::Owner, &["new.example", "shop.example"])
        .await;
    let copy = new_domain(&[("start", "copy"), ("start_copy", "big.example")]);
    assert_eq!(
        owner.post("domains", &copy).await.status,
        403,
        "domains are the operator's"
    );
    assert_eq!(owner.get("domains/new").await.status, 403);
    // Without a start there are no aliases, whatever stands in the other fields.
    let answer = operator
        .post(
            "domains",
            &new_domain(&[("start", ""), ("start_destination", "nonsense")]),
        )
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(aliases(database).await.len(), 502);
}

#[tokio::test]
async fn a_search_shows_what_is_named_before_what_only_holds_it() {
    let (_panel, operator) = panel_with(
        "INSERT INTO domains (domain) VALUES ('shop.example'), ('mary.example'); \
         INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@shop.example'), 'mary@shop.example' FROM seq_1_to_20; \
         INSERT INTO aliases (mail, destination) VALUES ('rosemary@shop.example', 'x@y.example'), \
           ('mary-ann@shop.example', 'x@y.example'), ('mary@shop.example', 'x@y.example'), \
           ('x@mary.example', 'x@y.example'), ('MARY', 'x@y.example')",
    )
    .await;
    for (typed, first) in [
        (
            "Mary",
            &[
                "MARY",
                "mary@shop.example",
                "mary-ann@shop.example",
                "x@mary.example",
            ][..],
        ),
        ("mary@shop.example", &["mary@shop.example"]),
    ] {
        let found = operator.get(&format!("search?q={typed}")).await;
        let aliases = found.texts("#in-aliases + table th[scope=row] a.mono");
        assert_eq!(aliases[..first.len()].to_vec(), first, "{typed}");
    }
    for odd in ["%25", "!", "_%25", "ma!"] {
        assert_eq!(
            operator.get(&format!("search?q={odd}")).await.status,
            200,
            "{odd}"
        );
    }
}

#[tokio::test]
async fn a_search_finds_fragments_in_keys_and_in_targets_of_every_table() {
    let (panel, operator) = panel_with(
        "INSERT INTO domains (domain, transport) VALUES ('k1.example', 'smtp:[t1.example]'), ('k2@k1.example', 'smtp:[t2.example]'); \
         INSERT INTO aliases (mail, destination) VALUES ('k3@k1.example', 'joe@x.example,t3@y.example'); \
         INSERT INTO users (id, name, maildir, crypt, clear) VALUES ('k4@k1.example', 'T4 Miller', 'k1.example/k4/', '$6$secrethash', 'secretclear'); \
         INSERT INTO backups (domain, transport) VALUES ('k5.example', ':[t5.example]'); \
         INSERT INTO relays (recipient) VALUES ('k6@k5.example'); \
         INSERT INTO relocated (oldadr, newadr) VALUES ('k7@k1.example', 't7@new.example'); \
         INSERT INTO access_rules (kind, pattern, message) VALUES ('recipient', 'k8@k1.example', 'T8 is closed'), \
           ('recipient', 'x@other.example', '')",
    )
    .await;
    for (fragment, table, name) in [
        ("k1.ex", "domains", "k1.example"),
        ("T1.EXAMPLE", "domains", "k1.example"),
        ("k2@", "domains", "k2@k1.example"),
        ("[t2", "domains", "k2@k1.example"),
        ("k3@k1", "aliases", "k3@k1.example"),
        ("t3@y", "aliases", "k3@k1.example"),
        ("k4@", "users", "k4@k1.example"),
        ("t4 mil", "users", "k4@k1.example"),
        ("k5", "backups", "k5.example"),
        ("[t5.", "backups", "k5.example"),
        ("k6@k5", "relays", "k6@k5.example"),
        ("k7@", "relocated", "k7@k1.example"),
        ("t7@new", "relocated", "k7@k1.example"),
        ("k8@", "access", "k8@k1.example"),
        ("T8 is", "access", "k8@k1.example"),
    ] {
        let address: String = form_urlencoded::byte_serialize(fragment.as_bytes()).collect();
        let found = operator.get(&format!("search?q={address}")).await;
        assert_eq!(found.status, 200);
        let section = format!("#in-{table} + table th[scope=row] a.mono");
        assert!(
            found.texts(&section).contains(&name.to_owned()),
            "{fragment}: {}",
            found.text("main")
        );
        let links = found.attributes("table.hits th[scope=row] a.mono", "href");
        assert_eq!(links.len(), names(&found).len());
        for link in links {
            let page = operator.get(&link).await;
            let page = if page.status == 303 {
                operator.get(page.location()).await
            } else {
                page
            };
            assert_eq!(page.status, 200, "{link}");
        }
    }
    for nothing in ["secrethash", "secretclear", "k_@", "k%25"] {
        assert!(
            names(&operator.get(&format!("search?q={nothing}")).await).is_empty(),
            "{nothing}"
        );
    }
    let owner = panel.signed_in("owner", Role::Owner, &["k1.example"]).await;
    let found = owner.get("search?q=example").await;
    let mut hits = names(&found);
    hits.sort();
    assert_eq!(
        hits,
        [
            "k1.example",
            "k2@k1.example",
            "k3@k1.example",
            "k4@k1.example",
            "k7@k1.example",
            "k8@k1.example"
        ],
        "the override too"
    );
    assert_eq!(
        found.attributes("#in-overrides + table th a", "href"),
        ["/overrides/k2@k1.example"]
    );
    for foreign in ["k5", "k6", "other", "t5.example"] {
        let found = owner.get(&format!("search?q={foreign}")).await;
        assert!(
            names(&found).is_empty() && !found.text("main").contains("k5.example"),
            "{foreign}"
        );
    }
}

/// What the dashboard says to look at.
async fn findings(browser: &Browser) -> Vec<String> {
    let page = browser.get("").await;
    assert_eq!(page.status, 200, "{}", page.text("main"));
    page.texts(".findings li")
}

fn has(findings: &[String], start: &str, middle: &str) -> bool {
    findings
        .iter()
        .any(|line| line.starts_with(start) && line.contains(middle))
}

/// Everything the dashboard looks for, in one domain.
fn mistakes(domain: &str) -> String {
    format!(
        "INSERT INTO domains (domain) VALUES ('{domain}'), ('fine.{domain}'), ('caught.{domain}'); \
         INSERT INTO aliases (mail, destination) VALUES ('postmaster@fine.{domain}', 'x@y.example'), \
           ('abuse@fine.{domain}', 'x@y.example'), ('@caught.{domain}', 'x@y.example'), ('@{domain}', 'x@y.example'), \
           ('own@{domain}', 'own@{domain}'); \
         INSERT INTO domains (domain) VALUES ('bare.{domain}'); \
         INSERT INTO users (id, maildir, crypt) VALUES ('own@{domain}', 'd/{domain}/own/', '$6$x'), \
           ('swallowed@{domain}', 'd/{domain}/s/', '$6$x'), ('one@fine.{domain}', 'shared/{domain}', '$6$x'), \
           ('two@fine.{domain}', '/shared/{domain}/ ', '$6$x'), ('weak@fine.{domain}', 'w/{domain}/', 'sdtrusfX0Jj66'); \
         INSERT INTO users (id, maildir, crypt, enabled) VALUES ('offweak@fine.{domain}', 'o/{domain}/', 'sdtrusfX0Jj66', 0); \
         INSERT INTO backups (domain, transport, enabled) VALUES ('stop.{domain}', ':[]', 1), ('halt.{domain}', 'smtp:[]', 1), \
           ('asleep.{domain}', ':[]', 0); \
         INSERT INTO domains (domain, transport) VALUES ('twice@{domain}', '{GOOGLE}'), ('once@{domain}', '{GOOGLE}'); \
         INSERT INTO backups (domain, transport) VALUES ('twice@{domain}', '{GOOGLE}')"
    )
}

#[tokio::test]
async fn the_dashboard_names_what_needs_attention_with_its_number() {
    let (_panel, operator) = panel_with(&mistakes("bad.example")).await;
    let found = findings(&operator).await;
    for (start, middle) in [
        (
            "2 backup MX entries",
            "stops all outgoing mail for a minute after each message: halt.bad.example, stop.bad.example error",
        ),
        (
            "1 mailbox",
            "the password ChangeMe, which the howto gives every row: weak@fine.bad.example error",
        ),
        (
            "2 mailboxes",
            "each reads the other's mail: one@fine.bad.example, two@fine.bad.example error",
        ),
        (
            "1 mailbox",
            "the catch-all of the domain takes their mail: swallowed@bad.example warning",
        ),
        ("1 domain", "required (RFC 2142): bare.bad.example notice"),
        (
            "1 override",
            "stored in several rows: Postfix takes whichever its map finds first: twice@bad.example warning",
        ),
    ] {
        assert!(has(&found, start, middle), "{start} {middle}: {found:#?}");
    }
    let page = operator.get("").await;
    let severities = page.texts(".findings .tag");
    let worst_first =
        severities.is_sorted_by_key(|s| ["error", "warning", "notice"].iter().position(|of| of == s));
    assert!(worst_first, "{severities:?}");
    for link in page.attributes(".findings a.mono", "href") {
        let answer = operator.get(&link).await;
        assert!(matches!(answer.status, 200 | 303), "{link}: {}", answer.status);
    }
}

#[tokio::test]
async fn the_dashboard_and_a_hub_count_what_the_page_of_findings_shows() {
    // An alias loop, which no list of the dashboard knows.
    let loops = "INSERT INTO aliases (mail, destination) VALUES ('ring@bad.example', 'ring2@bad.example'), \
                 ('ring2@bad.example', 'ring@bad.example')";
    let (panel, operator) = panel_with(&[&mistakes("bad.example"), loops].join("; ")).await;
    let check = operator.get("check").await;
    let number = |start: &str| {
        let options = check.texts("#severity option");
        let option = options.iter().find(|option| option.starts_with(start)).cloned();
        option.map_or_else(String::new, |option| {
            option.chars().filter(char::is_ascii_digit).collect::<String>()
        })
    };
    let dashboard = operator.get("").await;
    let said = dashboard.text(".section-head a");
    assert_eq!(
        said,
        format!(
            "All findings: {} errors and {} warnings",
            number("Errors"),
            number("Warnings")
        )
    );
    let hub = operator.get(&hub_of(&panel.database, "bad.example").await).await;
    let said = hub.text(".facts a");
    let page = operator.get("check?domain=bad.example").await;
    assert_eq!(page.text(".bar + p"), format!("{said} in bad.example."));
    let ring = hub
        .texts(".pairs li")
        .into_iter()
        .find(|line| line.starts_with("ring@"));
    assert!(
        ring.is_some_and(|line| line.ends_with("error")),
        "{}",
        hub.text("main")
    );
}

#[tokio::test]
async fn of_many_rows_the_dashboard_says_what_the_last_check_found() {
    let many = "INSERT INTO relays (recipient) SELECT CONCAT('r', seq, '@kept.example') FROM seq_1_to_2100";
    let (panel, operator) = panel_with(&[&mistakes("bad.example"), many].join("; ")).await;
    let said = async |browser: &Browser| browser.get("").await.text(".section-head a");
    assert_eq!(said(&operator).await, "All findings");
    operator.get("check?domain=bad.example").await;
    assert_eq!(said(&operator).await, "All findings", "one domain is not all");
    operator.get("check").await;
    let last = said(&operator).await;
    assert!(
        last.contains(" errors and ") && last.ends_with(" at the last check"),
        "{last}"
    );
    let owner = panel.signed_in("owner", Role::Owner, &["bad.example"]).await;
    let theirs = said(&owner).await;
    assert!(theirs.contains(" errors and ") && theirs != last, "{theirs}");
}

#[tokio::test]
async fn a_database_without_mistakes_needs_no_attention() {
    let (_panel, operator) = panel_with(
        "INSERT INTO domains (domain) VALUES ('good.example'); INSERT INTO aliases (mail, destination) VALUES \
         ('postmaster@good.example', 'mary@good.example'), ('abuse@good.example', 'mary@good.example'); \
         INSERT INTO users (id, maildir, crypt) VALUES ('mary@good.example', 'good.example/mary/', '$6$x')",
    )
    .await;
    assert_eq!(findings(&operator).await, [""; 0]);
}

#[tokio::test]
async fn owners_are_told_of_their_own_domains_alone() {
    let (panel, _) = panel_with(&[mistakes("bad.example"), mistakes("worse.example")].join("; ")).await;
    let owner = panel
        .signed_in(
            "owner",
            Role::Owner,
            &["bad.example", "bare.bad.example", "fine.bad.example"],
        )
        .await;
    let found = findings(&owner).await;
    assert!(has(&found, "1 mailbox", "swallowed@bad.example"), "{found:#?}");
    assert!(
        has(
            &found,
            "2 mailboxes",
            "one@fine.bad.example, two@fine.bad.example"
        ),
        "{found:#?}"
    );
    assert!(has(&found, "1 domain", "bare.bad.example"), "{found:#?}");
    assert!(has(&found, "1 override", "twice@bad.example"), "{found:#?}");
    assert!(
        found
            .iter()
            .all(|line| !line.contains("worse") && !line.contains("stop.bad.example")),
        "{found:#?}"
    );
    let nobody = panel.signed_in("nobody", Role::Owner, &["empty.example"]).await;
    assert_eq!(findings(&nobody).await, [""; 0]);
}

#[tokio::test]
async fn tables_of_different_collations_and_character_sets_do_not_break_the_dashboard() {
    for (table, set) in [
        ("users", "utf8mb4 COLLATE utf8mb4_unicode_ci"),
        ("aliases", "utf8mb4 COLLATE utf8mb4_bin"),
        ("domains", "latin1"),
        ("backups", "utf8mb4 COLLATE utf8mb4_unicode_520_nopad_ci"),
    ] {
        let database = Database::howto().await;
        database.script(&mistakes("bad.example")).await;
        database
            .script(&format!("ALTER TABLE {table} CONVERT TO CHARACTER SET {set}"))
            .await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let found = findings(&operator).await;
        // What looks at one table alone is found whatever the others are.
        assert!(
            has(&found, "2 backup MX entries", "halt.bad.example"),
            "{table} {set}: {found:#?}"
        );
        assert!(
            has(&found, "1 override", "twice@bad.example"),
            "{table} {set}: {found:#?}"
        );
        for page in [
            "overrides",
            "search?q=bad",
            &hub_of(&panel.database, "bad.example").await,
        ] {
            assert_eq!(operator.get(page).await.status, 200, "{page}: {table} {set}");
        }
    }
}

#[tokio::test]
async fn missing_columns_do_not_break_the_dashboard_or_a_hub() {
    for (table, column) in [
        ("aliases", "enabled"),
        ("aliases", "destination"),
        ("relays", "enabled"),
        ("backups", "enabled"),
        ("backups", "transport"),
        ("domains", "enabled"),
        ("domains", "transport"),
        ("users", "enabled"),
        ("users", "maildir"),
        ("users", "crypt"),
        ("relocated", "enabled"),
        ("access_rules", "enabled"),
    ] {
        let database = Database::howto().await;
        database.script(GROUND).await;
        database.script(&mistakes("bad.example")).await;
        database
            .script(&format!("ALTER TABLE {table} DROP COLUMN {column}"))
            .await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for page in [
            "",
            "overrides",
            "search?q=bad",
            &hub_of(&panel.database, "bad.example").await,
        ] {
            let answer = operator.get(page).await;
            assert_eq!(
                answer.status,
                200,
                "`{page}` without {table}.{column}: {}",
                answer.text("main")
            );
        }
    }
}

#[tokio::test]
async fn a_new_domain_whose_addresses_would_deliver_to_themselves_is_not_begun() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    for (name, destination) in [
        ("start_destination", "postmaster@new.example"),
        ("start_destination", "Abuse@NEW.example"),
    ] {
        let start = [("start", "required"), (name, destination), ("confirm", "1")];
        let answer = operator.post("domains", &new_domain(&start)).await;
        assert_eq!(answer.status, 422, "{destination}: {}", answer.text("main"));
        assert!(
            answer.text("main").contains("would deliver to itself"),
            "{}",
            answer.text("main")
        );
        assert_eq!(answer.attributes(".summary a", "href"), [format!("#{name}")]);
        assert_eq!(answer.field(name), destination);
        assert_eq!(answer.field("domain"), "new.example");
        assert_eq!(
            answer.attributes("input[name=start][checked]", "value"),
            ["required"]
        );
        assert_eq!(recorded(database).await, 0);
    }
    // A catch-all to itself does what the same alias does: accept every name and bounce. That is asked about.
    let start = [
        ("start", "required"),
        ("start_destination", "joe@x.example"),
        ("start_catchall", "@new.example"),
    ];
    let asked = operator.post("domains", &new_domain(&start)).await;
    assert_eq!(asked.status, 200, "{}", asked.text("main"));
    assert!(
        asked.text("[role=alert]").contains("points to itself"),
        "{}",
        asked.text("[role=alert]")
    );
    assert_eq!(asked.field("start_catchall"), "@new.example");
    assert_eq!(recorded(database).await, 0);
    let done = operator.submit(&asked, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(
        aliases(database).await,
        [
            "@new.example @new.example 1",
            "abuse@new.example joe@x.example 1",
            "postmaster@new.example joe@x.example 1"
        ]
    );
}

#[tokio::test]
async fn an_address_in_the_place_of_a_new_domain_starts_with_nothing() {
    let (panel, operator) = ground().await;
    for start in [
        &[("start", "required"), ("start_destination", "ann@x.example")][..],
        &[("start", "copy"), ("start_copy", "shop.example")],
    ] {
        let own = [
            ("domain", "joe@shop.example"),
            ("transport", GOOGLE),
            ("enabled", "1"),
            ("confirm", "1"),
        ];
        let answer = operator.post("domains", &[&own[..], start].concat()).await;
        assert_eq!(answer.status, 422, "{start:?}: {}", answer.text("main"));
        assert!(
            answer.text("main").contains("Use Overrides"),
            "{}",
            answer.text("main")
        );
        assert_eq!(answer.field("domain"), "joe@shop.example");
        assert_eq!(answer.field(start[1].0), start[1].1);
    }
    assert_eq!(aliases(&panel.database).await, [""; 0]);
    assert_eq!(recorded(&panel.database).await, 0);
}

/// The lists the dashboard leads to: address, and the number that stands there.
async fn counted(browser: &Browser) -> Vec<(String, u64)> {
    let page = browser.get("").await;
    let lists = page.attributes(".findings li > a:first-child", "href");
    let counts = page.texts(".findings li > a:first-child b");
    let numbers = counts.iter().map(|text| {
        text.split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a number")
    });
    lists.into_iter().zip(numbers).collect()
}

/// Rows that [`mistakes`] has none of: mailboxes without a domain, a domain in two tables, a backup MX without recipients.
const MORE_MISTAKES: &str = "INSERT INTO domains (domain, enabled) VALUES ('off.example', 0); \
                             INSERT INTO users (id, maildir, crypt) VALUES ('lost@nowhere.example', 'l/', '$6$x'), \
                             ('asleep@off.example', 'asleep/', '$6$x'), \
                             ('weak2@nowhere.example', 'w2/', 'sdtrusfX0Jj66'); \
                             INSERT INTO domains (domain) VALUES ('also.example'); \
                             INSERT INTO backups (domain, transport) VALUES ('also.example', ':[mail.x.example]'); \
                             INSERT INTO relays (recipient) VALUES ('joe@also.example')";

#[tokio::test]
async fn the_lists_of_the_dashboard_have_exactly_the_rows_it_counts() {
    let (panel, operator) = panel_with(&[&mistakes("bad.example"), MORE_MISTAKES].join("; ")).await;
    let owner = panel
        .signed_in(
            "owner",
            Role::Owner,
            &["bad.example", "fine.bad.example", "bare.bad.example"],
        )
        .await;
    for browser in [&operator, &owner] {
        let found = counted(browser).await;
        for (list, count) in &found {
            if !list.contains("needs=") {
                assert_eq!(list, "/overrides");
                continue;
            }
            let rows = walk(browser, &format!("{list}&per=1")).await;
            assert_eq!(rows.len() as u64, *count, "{list}: {rows:?}");
            // Narrowed further they stay those rows.
            let none = browser.get(&format!("{list}&q=nothing-has-this")).await;
            assert!(names(&none).is_empty(), "{list}");
        }
    }
    let found = counted(&operator).await;
    for name in [
        "/backups?needs=stops-mail",
        "/users?needs=howto-password",
        "/users?needs=shared-directory",
        "/users?needs=under-catch-all",
        "/users?needs=no-domain",
        "/users?needs=domain-off",
        "/domains?needs=also-backup",
        "/backups?needs=no-recipients",
        "/domains?needs=required",
    ] {
        assert!(found.iter().any(|(list, _)| list == name), "{name}: {found:?}");
    }
    let weak = operator.get("users?needs=howto-password").await;
    assert_eq!(names(&weak), ["weak2@nowhere.example", "weak@fine.bad.example"]);
    let weak = owner.get("users?needs=howto-password").await;
    assert_eq!(names(&weak), ["weak@fine.bad.example"]);
}

#[tokio::test]
async fn all_that_need_attention_are_changed_and_no_others() {
    let (panel, operator) = panel_with(&[&mistakes("bad.example"), MORE_MISTAKES].join("; ")).await;
    let database = &panel.database;
    let off = "SELECT GROUP_CONCAT(id ORDER BY id) FROM users WHERE enabled = 0";
    let before = database.value(off).await;
    // Of what nobody knows there is nothing, neither to see nor to change.
    for needs in ["nonsense", "stops-mail", "required", "' OR 1"] {
        assert!(
            names(&operator.get(&format!("users?needs={needs}")).await).is_empty(),
            "{needs}"
        );
        let fields = [
            ("all", "1"),
            ("needs", needs),
            ("action", "disable"),
            ("confirm", "1"),
        ];
        assert_eq!(operator.post("users/bulk", &fields).await.status, 422, "{needs}");
    }
    for slug in ["overrides", "aliases", "lists", "access"] {
        assert!(
            names(&operator.get(&format!("{slug}?needs=howto-password")).await).is_empty(),
            "{slug}"
        );
        let fields = [
            ("all", "1"),
            ("needs", "howto-password"),
            ("action", "delete"),
            ("confirm", "1"),
        ];
        assert_eq!(
            operator.post(&format!("{slug}/bulk"), &fields).await.status,
            422,
            "{slug}"
        );
    }
    assert_eq!((database.value(off).await, recorded(database).await), (before, 0));
    let list = operator.get("users?needs=howto-password&per=1").await;
    assert_eq!(
        list.attributes("#bulk input[name=needs]", "value"),
        ["howto-password"]
    );
    let all = [("all", "1"), ("needs", "howto-password"), ("action", "disable")];
    let review = operator.post("users/bulk", &all).await;
    assert_eq!(
        (review.status, &*review.text("h1")),
        (200, "Disable 2 mailboxes?")
    );
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(
        database.value(off).await.as_deref(),
        Some("offweak@fine.bad.example,weak2@nowhere.example,weak@fine.bad.example")
    );
    assert_eq!(recorded(database).await, 2);
}
