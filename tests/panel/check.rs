//! The check over the tables: every row once, however many there are, without what somebody decided to live with.

use postwarden::access::{Actor, Role, Scope};
use postwarden::error::Error;
use postwarden::lint::Told;
use postwarden::mail::DomainName;
use postwarden::resource::{aliases, backups, overrides, users};
use postwarden::route::Asked;
use postwarden::store::{Checked, ListQuery, News, Store};

use crate::lookups::owner;
use crate::support::Database;

/// One mistake in each of two domains, a password everybody knows, and an override that stops mail.
const MISTAKES: &str = "INSERT INTO domains (domain, transport) VALUES ('mine.example', 'virtual:'), \
    ('theirs.example', 'virtual:'), ('joe@mine.example', ':[]'); \
    INSERT INTO backups (domain, transport) VALUES ('third.example', ':[]'); \
    INSERT INTO users (id, maildir, crypt) VALUES ('joe@mine.example', 'mine/joe/', 'sdtrusfX0Jj66'), \
    ('ann@theirs.example', '/theirs/both', '$6$x$y'), ('bob@theirs.example', 'theirs/both/', '$6$x$y'), \
    ('cid@theirs.example', 'Theirs/Both/', '$6$x$y'); \
    INSERT INTO aliases (mail, destination) VALUES ('joe@mine.example', 'joe@mine.example'), \
    ('ann@theirs.example', 'ann@theirs.example'), ('bob@theirs.example', 'bob@theirs.example'), \
    ('cid@theirs.example', 'cid@theirs.example')";

async fn check(store: &Store, actor: &Actor, domain: Option<&str>) -> (Checked, Vec<Told>) {
    let domain = domain.map(|domain| DomainName::parse(domain).expect("a domain"));
    let mut found = Vec::new();
    let checked = store
        .check(actor, domain.as_ref(), |news| {
            if let News::Finding(told) = news {
                found.push(told);
            }
        })
        .await
        .expect("checked");
    (checked, found)
}

/// Rule, table and subject of the findings of these rules.
fn about<'t>(found: &'t [Told], rules: &[&str]) -> Vec<(&'t str, &'t str, &'t str)> {
    found
        .iter()
        .filter(|told| rules.contains(&told.rule))
        .map(|told| (told.rule, told.table, told.subject.as_str()))
        .collect()
}

#[tokio::test]
async fn a_check_finds_the_mistakes_of_every_table() {
    let database = Database::fresh().await;
    database.script(MISTAKES).await;
    let (checked, found) = check(&database.store().await, &Actor::command_line(), None).await;
    let rules = ["PW122", "PW153", "PW154"];
    assert_eq!(
        about(&found, &rules),
        [
            ("PW122", "domains", "joe@mine.example"),
            ("PW153", "users", "ann@theirs.example"),
            ("PW153", "users", "bob@theirs.example"),
            ("PW154", "users", "joe@mine.example"),
            ("PW122", "backups", "third.example"),
        ]
    );
    assert_eq!(checked.rows, 12);
    assert_eq!(
        checked.errors + checked.warnings + checked.notices,
        found.len() as u64
    );
}

#[tokio::test]
async fn a_check_of_one_domain_and_one_of_an_owner_are_about_its_rows_alone() {
    let database = Database::fresh().await;
    database.script(MISTAKES).await;
    let store = database.store().await;
    let mine = |told: &Told| told.subject.ends_with("mine.example");
    for (actor, domain) in [
        (Actor::command_line(), Some("mine.example")),
        (owner(&["mine.example"]), None),
        (owner(&["mine.example"]), Some("mine.example")),
    ] {
        let (checked, found) = check(&store, &actor, domain).await;
        assert_eq!(checked.rows, 4);
        assert!(found.iter().all(mine), "{found:?}");
        assert_eq!(about(&found, &["PW122", "PW154"]).len(), 2);
    }
    let theirs = DomainName::parse("theirs.example").expect("a domain");
    let refused = store
        .check(&owner(&["mine.example"]), Some(&theirs), |_| ())
        .await;
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}

/// Whatever is read whole or asked for: rows that a collation that folds case finds, and one that does not.
#[tokio::test]
async fn a_check_of_everything_finds_what_one_of_the_only_domain_finds() {
    for collation in ["utf8mb4_general_ci", "utf8mb4_bin"] {
        let database = Database::fresh().await;
        let convert = ["domains", "users", "aliases", "relocated"].map(|table| {
            format!("ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation};")
        });
        database.script(&convert.concat()).await;
        database
            .script(
                "INSERT INTO domains (domain) VALUES ('mine.example'); \
                 INSERT INTO users (id, maildir, crypt) VALUES ('Joe@mine.example', 'mine/joe/', '$6$x$y'), \
                 ('ann@mine.example ', 'mine/ann/', '$6$x$y'), ('bob@mine.example', 'mine/bob/', '$6$x$y'); \
                 INSERT INTO aliases (mail, destination) VALUES ('joe@mine.example', 'JOE@mine.example'), \
                 ('all@mine.example', 'joe@mine.example,ann@mine.example,bob@mine.example,gone@mine.example'), \
                 ('to-ann@mine.example', 'ann@mine.example'); \
                 INSERT INTO relocated (oldadr, newadr) VALUES ('BOB@mine.example', 'bob@far.example')",
            )
            .await;
        let store = database.store().await;
        let actor = Actor::command_line();
        let (_, mut whole) = check(&store, &actor, None).await;
        whole.retain(|told| !told.key.is_empty());
        let (_, asked) = check(&store, &actor, Some("mine.example")).await;
        assert_eq!(whole, asked, "{collation}");
        let bounces = about(&whole, &["PW138"]).len();
        assert_eq!(
            bounces,
            if collation == "utf8mb4_general_ci" { 1 } else { 2 },
            "{collation}"
        );
    }
}

#[tokio::test]
async fn every_row_of_many_pages_is_judged_once_and_progress_is_told() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('mine.example'); INSERT INTO aliases (mail, destination) \
             SELECT CONCAT(IF(seq % 10 = 0, 'Up', 'a'), seq, '@mine.example'), 'x@mine.example' FROM seq_1_to_3210; \
             INSERT INTO users (id, maildir) SELECT CONCAT('u', seq, '@mine.example'), CONCAT('m/', seq) FROM seq_1_to_2000",
        )
        .await;
    let store = database.store().await;
    let (mut found, mut progress) = (Vec::new(), Vec::new());
    let checked = store
        .check(&Actor::command_line(), None, |news| match news {
            News::Finding(told) => found.push(told),
            News::Progress { done, of } => progress.push((done, of)),
        })
        .await
        .expect("checked");
    assert_eq!(checked.rows, 1 + 3210 + 2000);
    let upper = about(&found, &["PW102"]);
    assert_eq!(upper.len(), 321);
    assert!(
        upper
            .iter()
            .all(|(_, table, subject)| *table == "aliases" && subject.starts_with("Up"))
    );
    assert!(progress.len() > 5 && progress.is_sorted());
    assert_eq!(progress.last(), Some(&(checked.rows, checked.rows)));
}

#[tokio::test]
async fn a_table_that_is_missing_is_passed_over() {
    let database = Database::howto().await;
    database.script(MISTAKES).await;
    let store = database.store().await;
    let (before, _) = check(&store, &Actor::command_line(), None).await;
    let gone = database
        .count("SELECT (SELECT COUNT(*) FROM backups) + (SELECT COUNT(*) FROM relocated)")
        .await;
    // Within the second in which the schema is not read anew.
    database
        .script("DROP TABLE relocated, backups, access_rules")
        .await;
    let (checked, found) = check(&store, &Actor::command_line(), None).await;
    assert_eq!(checked.rows, before.rows - gone);
    assert!(checked.rows > 0 && gone > 0);
    assert!(found.iter().all(|told| told.table != "backups"));
}

#[tokio::test]
async fn the_rows_of_a_list_are_judged_as_in_a_check_with_their_passwords() {
    let database = Database::fresh().await;
    database.script(MISTAKES).await;
    let store = database.store().await;
    let actor = Actor::command_line();
    let page = store
        .list(&actor, &users::RESOURCE, &ListQuery::default())
        .await
        .expect("rows");
    let mut found = store
        .findings_of(&actor, &users::RESOURCE, &page.rows)
        .await
        .expect("judged");
    let (_, mut all) = check(&store, &actor, None).await;
    all.retain(|told| told.table == "users");
    let order = |told: &Told| (told.key.clone(), told.rule);
    all.sort_by_key(order);
    found.sort_by_key(order);
    assert_eq!(found, all);
    assert!(!about(&found, &["PW154"]).is_empty());
    let overrides = store
        .list(&actor, &overrides::IN_DOMAINS, &ListQuery::default())
        .await
        .expect("rows");
    let found = store
        .findings_of(&actor, &overrides::IN_DOMAINS, &overrides.rows)
        .await
        .expect("judged");
    assert_eq!(
        about(&found, &["PW122"]),
        [("PW122", "domains", "joe@mine.example")]
    );
}

#[tokio::test]
async fn what_is_silenced_is_left_out_and_counted_until_it_is_told_again() {
    let database = Database::fresh().await;
    database.script(MISTAKES).await;
    let store = database.store().await;
    let actor = Actor::command_line();
    let (before, found) = check(&store, &actor, None).await;
    let stops = found
        .iter()
        .find(|told| told.table == "backups" && told.rule == "PW122")
        .expect("found");
    store
        .silence(&actor, "PW122", "backups", &stops.key, " it is being moved ")
        .await
        .expect("silenced");
    let (after, found) = check(&store, &actor, None).await;
    assert_eq!((after.silenced, after.errors), (1, before.errors - 1));
    assert!(!found.contains(stops));
    assert_eq!(
        about(&found, &["PW122"]),
        [("PW122", "domains", "joe@mine.example")]
    );
    let rows = store
        .list(&actor, &backups::RESOURCE, &ListQuery::default())
        .await
        .expect("rows")
        .rows;
    let found = store
        .findings_of(&actor, &backups::RESOURCE, &rows)
        .await
        .expect("judged");
    assert!(!found.contains(stops));

    let silences = store.silences(&actor).await.expect("silences");
    assert_eq!(silences.len(), 1);
    assert_eq!(silences[0].reason, "it is being moved");
    assert_eq!(
        (silences[0].who.as_str(), silences[0].key.as_str()),
        (actor.name.as_str(), stops.key.as_str())
    );
    store
        .unsilence(&actor, "PW122", "backups", &stops.key)
        .await
        .expect("told again");
    assert_eq!(check(&store, &actor, None).await.0, before);
}

#[tokio::test]
async fn a_finding_is_silenced_by_those_who_may_change_its_row() {
    let database = Database::fresh().await;
    database.script(MISTAKES).await;
    let capitals = [
        "aliases SET mail = CONCAT(UPPER(LEFT(mail, 1)), SUBSTR(mail, 2))",
        "domains SET domain = CONCAT(UPPER(LEFT(domain, 1)), SUBSTR(domain, 2))",
    ];
    for change in capitals {
        database.script(&format!("UPDATE {change}")).await;
    }
    let store = database.store().await;
    let key = async |query: &str| database.value(query).await.expect("a row");
    let own = key("SELECT pkid FROM aliases WHERE mail = 'joe@mine.example'").await;
    let own_override = key("SELECT pkid FROM domains WHERE domain = 'joe@mine.example'").await;
    let domain = key("SELECT pkid FROM domains WHERE domain = 'mine.example'").await;
    let theirs = key("SELECT pkid FROM aliases WHERE mail = 'ann@theirs.example'").await;
    let owner = owner(&["mine.example"]);
    let auditor = Actor {
        role: Role::Auditor,
        scope: Scope::Everything,
        ..owner.clone()
    };
    let silence =
        async |actor: &Actor, table: &str, key: &str| store.silence(actor, "PW102", table, key, "").await;
    for (actor, table, key) in [
        (&owner, "aliases", &own),
        (&owner, "domains", &own_override),
        (&Actor::command_line(), "aliases", &theirs),
    ] {
        let is_there = silence(actor, table, key).await.expect("allowed");
        assert!(is_there, "{table} {key}");
    }
    for (actor, table, key) in [(&owner, "domains", &domain), (&auditor, "aliases", &own)] {
        let refused = silence(actor, table, key).await;
        assert!(
            matches!(refused, Err(Error::Forbidden(_))),
            "{table} {key}: {refused:?}"
        );
        let refused = store.unsilence(actor, "PW102", table, key).await;
        assert!(
            matches!(refused, Err(Error::Forbidden(_))),
            "{table} {key}: {refused:?}"
        );
    }
    for (table, key) in [
        ("aliases", theirs.as_str()),
        ("aliases", "9999"),
        ("nothing", "1"),
        ("aliases", ""),
    ] {
        let refused = silence(&owner, table, key).await;
        assert!(
            matches!(refused, Err(Error::NotFound)),
            "{table} {key}: {refused:?}"
        );
        let refused = store.unsilence(&owner, "PW102", table, key).await;
        assert!(
            matches!(refused, Err(Error::NotFound)),
            "{table} {key}: {refused:?}"
        );
    }
    let seen = async |actor: &Actor| store.silences(actor).await.expect("silences").len();
    assert_eq!((seen(&owner).await, seen(&auditor).await), (2, 3));
    assert_eq!(seen(&crate::lookups::owner(&["theirs.example"])).await, 1);
    assert_eq!(seen(&crate::lookups::owner(&["third.example"])).await, 0);
}

#[tokio::test]
async fn a_page_can_ask_all_of_it() {
    let database = Database::fresh().await;
    database.script(MISTAKES).await;
    let store = database.store().await;
    // Handlers run on any thread.
    let asking = tokio::spawn(async move {
        let actor = Actor::command_line();
        store.check(&actor, None, |_| ()).await.expect("checked");
        store
            .findings_of(&actor, &aliases::RESOURCE, &[])
            .await
            .expect("judged");
        let owner = owner(&["mine.example"]);
        let asked = Asked {
            address: "ann@theirs.example".to_owned(),
            ..Asked::default()
        };
        store
            .explain(&owner, &asked)
            .await
            .map(|explanation| explanation.address)
    });
    let refused = asking.await.expect("no panic");
    assert!(matches!(refused, Err(Error::NotFound)), "{refused:?}");
}
