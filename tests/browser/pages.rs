//! Every page of the panel, with rows as long and as odd as they may be, and a look at each.

use postwarden::access::Role;
use postwarden::postfix::{Finding, Honoured, Severity, Verdict};
use postwarden::store::AccountChange;

use crate::support::{Browser, Database, Panel};
use crate::window::Window;
use crate::{appearance, markup};

/// How a page is reached.
#[derive(Debug, Clone)]
pub enum Page {
    Get(String),
    Post(String, Vec<(&'static str, String)>),
}

impl Page {
    pub async fn show(&self, window: &Window) {
        match self {
            Self::Get(path) => window.visit(path).await,
            Self::Post(path, fields) => {
                let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
                window.post(path, &fields).await;
            }
        }
    }
}

/// The longest local part there may be (RFC 5321 4.5.3.1.1) without a place to break it.
pub fn long_local() -> String {
    "a-very-long-local-part-without-any-dot-".repeat(2)[..64].to_owned()
}

/// A domain of 180 bytes, so that addresses in it come near the 254 there may be.
pub fn long_domain() -> String {
    format!(
        "{}.{}.{}.example",
        "b".repeat(63),
        "long-".repeat(12) + "x",
        "c".repeat(46)
    )
}

/// A panel with something on every page: the examples, rows as long as they may be, changes, an odd row.
pub async fn panel_with_everything() -> Panel {
    let database = Database::fresh().await;
    database.store().await.load_examples().await.expect("examples");
    let (local, domain) = (long_local(), long_domain());
    let many = (1..=9)
        .map(|n| format!("{n}{}@{domain}", &local[1..]))
        .collect::<Vec<_>>()
        .join(",");
    let other = &local[..63];
    let sum = "0f".repeat(32);
    database
        .script(&format!(
            "INSERT INTO domains (domain) VALUES ('{domain}'), ('localhost');
             INSERT INTO aliases (mail, destination) VALUES ('{local}@{domain}', '{many}'), ('@{domain}', 'x@{domain}'),
               ('odd\\n1\\t2 @blobber.org', 'nobody, , x');
             INSERT INTO pw_backups (at, who, origin, file, bytes, row_count, sha256) VALUES (NOW() - INTERVAL 9 DAY, '{other}', 'command line',
               '/var/lib/{domain}/postwarden.backup', 123456789, 1234567, '{sum}');
             INSERT INTO backups (domain, transport) VALUES ('mx.{domain}', 'smtp:[{domain}]:2525');
             INSERT INTO relays (recipient, status) VALUES ('{local}@mx.{domain}', 'WHAT');
             INSERT INTO relocated (oldadr, newadr) VALUES ('{other}x@{domain}', '{local}@{domain}');
             INSERT INTO users (id, name, maildir) VALUES
               ('{other}x@{domain}', '{local} {local} {local}', '{domain}/{other}x/');
             INSERT INTO domains (domain, transport) VALUES
               ('{other}x@{domain}', 'smtp:[{domain}]:2525,[mx.{domain}]');
             INSERT INTO backups (domain, transport) VALUES ('{other}x@{domain}', 'smtp:[mx.{domain}]');
             INSERT INTO aliases (mail, destination) VALUES ('nested@{domain}', '{local}@{domain},x@y.example');
             INSERT INTO access_rules (kind, pattern, action, message) VALUES
               ('sender', '{other}x@{domain}', 'REJECT', '{local} {local} {local}');"
        ))
        .await;
    let panel = Panel::on(database).await;
    let somebody = panel
        .signed_in(
            "somebody-with-a-rather-long-name@a-long-domain.example",
            Role::Operator,
            &[],
        )
        .await;
    let fields = [
        ("domain", domain.as_str()),
        ("transport", "smtp:[mail.example.com]"),
        ("enabled", "1"),
    ];
    let answer = somebody
        .post_confirmed(&key_of(&panel, "domains", "domain", &domain).await, &fields)
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let alias = format!("{local}@{domain}");
    let fields = [
        ("mail", alias.as_str()),
        ("destination", "joe@blobber.org"),
        ("enabled", "1"),
    ];
    let answer = somebody
        .post_confirmed(&key_of(&panel, "aliases", "mail", &alias).await, &fields)
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    let fields = [("destination", many.as_str()), ("enabled", "1")];
    let answer = somebody
        .post_confirmed(&key_of(&panel, "aliases", "mail", &alias).await, &fields)
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    people(&panel, &somebody).await;
    panel
}

/// Accounts of every kind: an owner with limits who is signed in somewhere, one who never came, one who may not.
async fn people(panel: &Panel, operator: &Browser) {
    let (owner, domain) = (long_owner(), long_domain());
    panel
        .signed_in(&owner, Role::Owner, &[&domain, "blobber.org"])
        .await;
    let transports = format!("smtp:[{domain}]:2525\nsmtp:[*.mail.protection.outlook.com]");
    let fields = [
        ("aliases", "20"),
        ("overrides", "these"),
        ("transports", &*transports),
    ];
    let limited = operator
        .post(&format!("accounts/{owner}/grants/{domain}"), &fields)
        .await;
    assert_eq!(limited.status, 303, "{}", limited.body);
    panel.account("auditor", Role::Auditor, &[]).await;
    panel
        .change_account("auditor", AccountChange::Enabled(false))
        .await;
    for fields in [
        [("name", "invited"), ("role", "owner"), ("expires", "2099-12-31")],
        [("name", "new"), ("role", "owner"), ("expires", "")],
    ] {
        assert_eq!(operator.post("accounts", &fields).await.status, 303);
    }
}

/// A name as long as it may be without a place to break it.
pub fn long_owner() -> String {
    format!("{}@{}.example", "o".repeat(31), "w".repeat(24))
}

/// The address of a row with a numbered key.
pub async fn key_of(panel: &Panel, table: &str, column: &str, value: &str) -> String {
    let query = format!("SELECT pkid FROM {table} WHERE {column} = '{value}'");
    let key = panel.database.value(&query).await.expect(&query);
    format!("{table}/{key}")
}

/// A table's pages, the column of its subject, its longest row's subject and page.
type Longest = (&'static str, &'static str, String, String);

/// The longest row of every table, and of every part of one that has pages of its own.
async fn longest(panel: &Panel) -> Vec<Longest> {
    let (local, domain) = (long_local(), long_domain());
    let (alias, person) = (format!("{local}@{domain}"), format!("{}x@{domain}", &local[..63]));
    let mut all = Vec::new();
    for (slug, table, subject, long) in [
        ("domains", "domains", "domain", &domain),
        ("aliases", "aliases", "mail", &alias),
        ("lists", "aliases", "mail", &alias),
        ("backups", "backups", "domain", &format!("mx.{domain}")),
        ("relays", "relays", "recipient", &format!("{local}@mx.{domain}")),
        ("relocated", "relocated", "oldadr", &person),
        ("access", "access_rules", "pattern", &person),
    ] {
        let row = key_of(panel, table, subject, long).await.replace(table, slug);
        all.push((slug, subject, long.clone(), row));
    }
    for (slug, subject) in [("users", "id"), ("overrides", "mail")] {
        all.push((slug, subject, person.clone(), format!("{slug}/{person}")));
    }
    all
}

fn get(path: &str) -> (String, Page) {
    (format!("/{path}"), Page::Get(path.to_owned()))
}

fn post(name: &str, path: &str, fields: &[(&'static str, &str)]) -> (String, Page) {
    let fields = fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
    (format!("{name} {path}"), Page::Post(path.to_owned(), fields))
}

/// The pages every table has.
fn pages_of((slug, subject, long, row): &Longest) -> Vec<(String, Page)> {
    let (_, key) = row.split_once('/').expect("a slash");
    let mut pages = vec![
        get(slug),
        get(&format!("{slug}/new")),
        get(&format!("{slug}/new?copy={key}")),
        get(&format!("{slug}/import")),
        get(row),
        get(&format!("{row}/edit")),
        get(&format!("{row}/delete")),
        post("refused", slug, &[(subject, &format!("not {long} at all"))]),
    ];
    let fields = [
        (*subject, long.as_str()),
        ("destination", "x@y.example"),
        ("transport", "smtp:[mail.example.com]"),
        ("newadr", "x"),
        ("status", "OK"),
        ("kind", "sender"),
        ("action", "HOLD"),
        ("version", "another"),
    ];
    pages.push(post("conflict", row, &fields));
    let bulk = format!("{slug}/bulk");
    for action in ["enable", "disable", "delete"] {
        pages.push(post("review", &bulk, &[("all", "1"), ("action", action)]));
    }
    pages.push(post("nothing", &bulk, &[("action", "delete")]));
    pages.push(post("edit", &bulk, &[("all", "1"), ("action", "edit")]));
    pages
}

/// The pages about a column of many rows, and about a whole domain.
async fn sets(panel: &Panel, local: &str, domain: &str) -> Vec<(String, Page)> {
    let other = domain.replace("long-", "new--");
    let replace = [
        ("all", "1"),
        ("action", "replace"),
        ("column", "destination"),
        ("find", domain),
        ("replace", &*other),
        ("whole", "1"),
    ];
    let stale = [&replace[..], &[("confirm", "1"), ("seen", "another")]].concat();
    let set = [
        ("all", "1"),
        ("action", "set"),
        ("column", "status"),
        ("value", "REJECT"),
    ];
    let nowhere = [
        &replace[..3],
        &[("find", local), ("replace", domain), ("whole", "1")],
    ]
    .concat();
    let mut pages = vec![
        post("review", "aliases/bulk", &replace),
        post("stale", "aliases/bulk", &stale),
        post("review", "relays/bulk", &set),
        post("refused", "aliases/bulk", &nowhere),
    ];
    let hub = key_of(panel, "domains", "domain", domain).await;
    for (page, named) in [
        (
            "rename",
            &[("domain", &*other), ("elsewhere", "1"), ("keep", "1")][..],
        ),
        ("clone", &[("domain", &*other), ("mailboxes", "1")]),
        ("everything/delete", &[("elsewhere", "1")]),
    ] {
        let path = format!("{hub}/{page}");
        pages.push(get(&path));
        pages.push(post("review", &path, named));
    }
    pages.push(post(
        "refused",
        &format!("{hub}/rename"),
        &[("domain", "blobber.org")],
    ));
    pages.push(post("refused", &format!("{hub}/clone"), &[("domain", "no name")]));
    pages
}

/// The pages about people who go.
fn departures(person: &str, domain: &str) -> Vec<(String, Page)> {
    let transport = format!("smtp:[{domain}]:2525");
    let lists = [("address", person), ("then", "refuse"), ("lists", "1")];
    let nobody = [("address", person), ("then", "forward"), ("destination", person)];
    let moves = [("address", person), ("transport", &*transport)];
    let stale = [
        ("address", person),
        ("then", "refuse"),
        ("confirm", "1"),
        ("seen", "another"),
    ];
    vec![
        get("left"),
        get(&format!("left?address={person}")),
        get(&format!("left?address=not {domain}")),
        get("moved"),
        get(&format!("moved?address={person}")),
        post("shown", "left", &lists),
        post("refused", "left", &nobody),
        post("stale", "left", &stale),
        post("shown", "moved", &moves),
        post("refused", "moved", &moves[..1]),
    ]
}

/// Every page for somebody who is signed in, by name.
pub async fn every_page(panel: &Panel) -> Vec<(String, Page)> {
    let (local, domain) = (long_local(), long_domain());
    let alias = format!("{local}@{domain}");
    let mut pages: Vec<_> = longest(panel).await.iter().flat_map(pages_of).collect();
    for (start, field) in [("required", "start_destination"), ("copy", "start_copy")] {
        let fields = [
            ("domain", "new.example"),
            ("start", start),
            (field, &*format!("not {domain}")),
        ];
        pages.push(post("refused", "domains", &fields));
    }
    let odd = panel
        .database
        .value("SELECT pkid FROM aliases WHERE mail LIKE 'odd%'")
        .await;
    let odd = format!("aliases/{}", odd.expect("a row"));
    pages.extend(
        [
            "",
            "changes",
            "changes?q=nothing",
            "search",
            "search?q=long",
            "search?q=nothing-like-it",
            "postfix",
            "schema",
            "archive",
            "explain",
            &format!("explain?address={alias}&setup=howto"),
            "explain?address=nobody@blobber.org",
            "explain?client=x",
            "check",
            "check?severity=warning",
            "check?rule=nothing",
            "logout",
            "no/such/page",
            &format!("aliases?q={}&domain={domain}&enabled=0", &local[..40]),
            "aliases?per=25&sort=-mail",
            "aliases?after=nothing",
            "import",
            "jobs/unknown",
            &odd,
            &format!("{odd}/delete"),
        ]
        .map(get),
    );
    pages.extend(departures(&format!("{}x@{domain}", &local[..63]), &domain));
    pages.extend(sets(panel, &local, &domain).await);
    let there = [("mail", alias.as_str()), ("destination", "x@y.example")];
    pages.push(post("taken", "aliases", &there));
    pages.push(post(
        "neither on nor off",
        &format!("{odd}/enabled"),
        &[("value", &alias)],
    ));
    let foreign = format!("{local}@foreign.{}", &domain[10..]);
    let foreign = [
        ("mail", foreign.as_str()),
        ("destination", &alias),
        ("enabled", "1"),
    ];
    pages.push(post("question", "aliases", &foreign));
    pages.extend(imports(&alias, &domain));
    pages.extend(pages_of_people());
    pages
}

/// Pages of an import with rows as long as they may be.
fn imports(alias: &str, domain: &str) -> Vec<(String, Page)> {
    let rows = format!("new@{domain};{alias}\n{alias};x@y.example\n{alias} {alias};x\n@{domain};{alias}\n");
    let headed = format!("mail;destination\n{rows}");
    vec![
        post("mapping", "aliases/import", &[("text", &rows)]),
        post("shown", "aliases/import", &[("text", &headed)]),
        post(
            "refused",
            "aliases/import",
            &[("text", &headed), ("confirm", "1")],
        ),
        post("refused", "aliases/import", &[]),
    ]
}

/// Pages about accounts, other people's and one's own.
fn pages_of_people() -> Vec<(String, Page)> {
    let (domain, owner) = (long_domain(), format!("accounts/{}", long_owner()));
    let grant = format!("{owner}/grants/{domain}");
    let mut pages: Vec<_> = [
        "accounts",
        "accounts/new",
        "accounts/invited",
        "accounts/operator",
        &owner,
        &format!("{owner}/delete"),
        &grant,
        "account",
        "account/password",
        "account/second-factor",
    ]
    .map(get)
    .into();
    let wrong = format!("{domain}/x");
    let new = [
        ("name", &*wrong),
        ("role", "auditor"),
        ("domain", &domain),
        ("expires", "2020-01-01"),
        ("mail_to", &wrong),
    ];
    pages.push(post("refused", "accounts", &new));
    pages.push(post("refused", &owner, &[("expires", "2020-01-01")]));
    pages.push(post("refused", &format!("{owner}/grants"), &[("domain", &wrong)]));
    let limits = [
        ("aliases", &*wrong),
        ("members", "-1"),
        ("overrides", "these"),
        ("transports", &wrong),
    ];
    pages.push(post("refused", &grant, &limits));
    let password = [
        ("own_password", "x"),
        ("new_password", "x"),
        ("repeat_password", "y"),
    ];
    pages.push(post("refused", "account/password", &password));
    pages.push(post("proof", &format!("{owner}/second-factor/delete"), &[]));
    pages
}

#[tokio::test]
async fn every_page_is_sound_fits_a_phone_and_can_be_read() {
    let panel = panel_with_everything().await;
    let window = Window::open(&panel).await;
    window.visit("login?next=%2Faliases").await;
    let mut faults = look_at(&window, "sign-in").await;
    window.sign_in(&panel).await;
    for (name, page) in every_page(&panel).await {
        page.show(&window).await;
        let heading = window.text("h1").await;
        let reached = match name.split_once(' ').map_or(&*name, |(kind, _)| kind) {
            "refused" | "taken" | "neither" => window.has(".summary").await,
            "review" => {
                window.has(".depends").await || window.text(".summary").await.contains("Nothing was changed")
            }
            "nothing" => heading == "Nothing was changed" && window.has(".summary").await,
            "conflict" => window.text("main").await.contains("since you opened it"),
            "shown" => window.text("main").await.contains("Nothing is written yet"),
            "stale" => window.text("main").await.contains("since you looked"),
            "question" => window.text("main").await.contains("Nothing is saved yet"),
            "/no/such/page" => heading == "Nothing here",
            "proof" => heading == "Is it you?",
            _ => heading != "Nothing here",
        };
        assert!(reached, "{name}: {}", window.text("main").await);
        faults.extend(look_at(&window, &name).await);
    }
    panel.store.record_verdict(&drifted()).await.expect("a verdict");
    for page in ["postfix", "", "relocated"] {
        window.visit(page).await;
        assert!(window.text("main").await.contains("does not find rows"), "{page}");
        faults.extend(look_at(&window, &format!("{page} of a server that has drifted")).await);
    }
    panel.database.script("DROP TABLE access_rules").await;
    window.visit("access").await;
    assert!(window.text("main").await.contains("does not exist"));
    faults.extend(look_at(&window, "a missing table").await);
    window.visit("postfix").await;
    assert!(window.text("main").await.contains("Left out"));
    faults.extend(look_at(&window, "lookup tables left out").await);
    // The menu, which narrow screens have.
    window.be_phone(320).await;
    window.visit("aliases").await;
    window.use_here("Menu").await;
    faults.extend(appearance::too_wide(&window, "the menu").await);
    faults.extend(appearance::faint(&window, "the menu").await);
    assert!(faults.is_empty(), "{faults:#?}");
    window.press("Backup MX").await;
    assert_eq!(window.path().await, "/backups");
    window.close().await;
}

/// What is found of a server where everything there is to say is wrong, in a directory with a long name.
fn drifted() -> Verdict {
    let finding = |rule: &str, severity| {
        Finding {
        rule: rule.to_owned(),
        severity,
        table: "relocated".to_owned(),
        column: "oldadr".to_owned(),
        message: "`relocated_maps` does not find rows of `relocated` (mysql_with_a_name_that_does_not_fit_on_a_phone.cf reads others)."
            .to_owned(),
        fix: "`postconf -e 'relocated_maps = proxy:mysql:/etc/postfix/mysql_relocated.cf'`".to_owned(),
        ..Finding::default()
    }
    };
    Verdict {
        config_dir: "/srv/containers/mail.example.com/etc/postfix-that-is-somewhere-else".to_owned(),
        honoured: vec![Honoured {
            table: "access_rules".to_owned(),
            column: "pattern".to_owned(),
            parameter: "check_recipient_access".to_owned(),
            file: "mysql_block_recip.cf, mysql_moved.cf".to_owned(),
        }],
        findings: vec![
            finding("PW251", Severity::Error),
            finding("PW252", Severity::Warning),
            finding("PW260", Severity::Notice),
        ],
        beside: vec!["users.change_password".to_owned(), "users.quota".to_owned()],
        ours: true,
        ..Verdict::default()
    }
}

/// All that is wrong with the page that is shown.
pub async fn look_at(window: &Window, name: &str) -> Vec<String> {
    let _: () = window
        .script("for (const it of document.querySelectorAll('details')) it.open = true")
        .await;
    let mut faults = markup::faults(window, name).await;
    faults.extend(appearance::faint(window, name).await);
    faults.extend(appearance::too_wide(window, name).await);
    window.be_phone(0).await;
    faults
}

#[tokio::test]
async fn what_comes_with_the_script_is_sound_fits_a_phone_and_can_be_read() {
    let panel = panel_with_everything().await;
    let window = Window::signed_in(&panel).await;
    let mut faults = Vec::new();

    window.visit("aliases").await;
    window.click("tbody .pick input").await;
    window.element("tbody th a").await.focus().await.expect("focused");
    assert!(window.has("#bulk.live:not([hidden])").await);
    assert!(window.has("tbody .copy-value").await);
    faults.extend(look_at(&window, "a selected row").await);

    window.visit("aliases").await;
    window.use_here("Keyboard shortcuts").await;
    assert!(window.has("#keys[open]").await);
    faults.extend(look_at(&window, "the keys").await);
    for width in [360, 320] {
        window.be_phone(width).await;
        let sticks_out: bool = window
            .script(
                "return [...document.querySelectorAll('#keys, #keys *')].some(node => { \
                 const box = node.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth + 0.5 })",
            )
            .await;
        assert!(!sticks_out, "the keys at {width}");
    }
    window.be_phone(0).await;

    window.visit("users/new").await;
    window
        .fill("id", &format!("{}@{}", "y".repeat(64), long_domain()))
        .await;
    window.press("Save").await;
    assert!(window.has("#secret").await, "{}", window.text("main").await);
    faults.extend(look_at(&window, "a password shown once").await);

    window.visit("overrides/new").await;
    window.use_here("Microsoft 365").await;
    assert!(window.has(".presets [aria-pressed=true]").await);
    faults.extend(look_at(&window, "a preset in use").await);

    let small = Panel::on(Database::howto().await).await;
    small
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('l@blobber.org', 'x@y.example,z@y.example')")
        .await;
    let list = key_of(&small, "aliases", "mail", "l@blobber.org").await;
    window.close().await;
    let other = Window::signed_in(&small).await;
    for (name, members) in [("near", 7), ("over", 10)] {
        other.visit(&list.replace("aliases", "lists")).await;
        let many: Vec<String> = (0..members).map(|n| format!("{n}@elsewhere.ex")).collect();
        other.fill("add", &many.join("\n")).await;
        assert!(
            other.has(&format!(".gauge.{name}")).await,
            "{}",
            other.text(".gauge").await
        );
        faults.extend(look_at(&other, name).await);
    }
    assert!(faults.is_empty(), "{faults:#?}");
    other.close().await;
}
