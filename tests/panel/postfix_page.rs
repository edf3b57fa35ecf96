//! `/postfix`: what Postfix is told, for those who see the whole database.

use postwarden::access::Role;
use postwarden::postfix::{Account, Configuration, MAPS, grants};
use scraper::{Html, Selector};

use crate::support::{Answer, Browser, Database, Panel};

async fn panel_on(database: Database) -> (Panel, Browser) {
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// The account the page shows, and what it is to show for the tables there are now.
async fn expected(panel: &Panel) -> (Account, Configuration) {
    let account = Account {
        user: "postfix".to_owned(),
        password: String::new(),
        ..Account::from_url(&panel.database.url).expect("an account")
    };
    let tables = panel.store.schema().await.expect("a schema").names();
    let configuration = Configuration::new(account.clone(), tables).without_password();
    (account, configuration)
}

/// The text of an element, byte for byte.
fn raw(page: &Answer, id: &str) -> String {
    let html = Html::parse_document(&page.body);
    let selector = Selector::parse(&format!("#{id}")).expect("a selector");
    let element = html.select(&selector).next().expect(id);
    element.text().collect()
}

#[tokio::test]
async fn operators_and_auditors_see_it_and_owners_do_not() {
    let panel = Panel::on(Database::fresh().await).await;
    for (name, role) in [("operator", Role::Operator), ("auditor", Role::Auditor)] {
        let browser = panel.signed_in(name, role, &[]).await;
        let page = browser.get("postfix").await;
        assert_eq!((page.status, &*page.text("h1")), (200, "Postfix"));
        assert_eq!(page.text("nav [aria-current]"), "Postfix");
        // Also on a page that says something went wrong.
        for path in ["", "no/such/page"] {
            let links = browser.get(path).await.attributes("nav a", "href");
            assert!(
                links.contains(&"/postfix".to_owned()),
                "{name}, /{path}: {links:?}"
            );
        }
    }
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    for path in ["", "aliases", "postfix"] {
        let page = owner.get(path).await;
        assert_eq!(page.status == 404, path == "postfix", "/{path}");
        assert!(page.attributes("nav a", "href").contains(&"/aliases".to_owned()));
        assert!(!page.body.contains("href=\"/postfix\""), "/{path}");
    }
    let stranger = panel.browser().get("postfix").await;
    assert_eq!(stranger.location(), "/login?next=%2Fpostfix");
}

#[tokio::test]
async fn every_text_is_what_the_command_writes_with_the_password_hidden() {
    for database in [Database::fresh().await, Database::howto().await] {
        let (panel, operator) = panel_on(database).await;
        let page = operator.get("postfix").await;
        let (account, configuration) = expected(&panel).await;
        let mut shown = 0;
        for (map, query) in configuration.maps() {
            let file = configuration.map_file(map, &query);
            assert_eq!(raw(&page, map.name), file.text);
            assert!(file.text.contains("\nuser = postfix\n"), "{}", file.text);
            assert!(file.text.contains("\npassword = PASSWORD\n"), "{}", file.text);
            assert!(page.texts(".lookups th").contains(&file.name), "{}", file.name);
            shown += 1;
        }
        assert_eq!(shown, MAPS.len());
        assert_eq!(raw(&page, "main-cf"), configuration.main_cf().text);
        let commands: Vec<String> = configuration
            .settings()
            .iter()
            .map(postwarden::postfix::Setting::command)
            .collect();
        assert_eq!(raw(&page, "commands").lines().collect::<Vec<_>>(), commands);
        assert!(commands.iter().all(|line| line.starts_with("postconf -e '")));
        let tables = panel.store.schema().await.expect("a schema").names();
        assert_eq!(raw(&page, "grants"), grants(&account, &tables));
        assert!(raw(&page, "grants").contains(&format!("ON {}.domains TO", panel.database.name)));
        assert_eq!(raw(&page, "command"), "postwarden postfix generate --out DIR");
        assert!(page.text("main").contains("GRANT is far too wide"));
    }
}

#[tokio::test]
async fn the_password_of_the_database_is_nowhere() {
    let database = Database::fresh().await;
    let secret = "se#cret<&'-words";
    let account = "CREATE OR REPLACE USER 'panel-of-the-page'@'127.0.0.1' IDENTIFIED BY ";
    database
        .script(&format!(
            "{account} 'se#cret<&''-words'; GRANT ALL ON {}.* TO 'panel-of-the-page'@'127.0.0.1'",
            database.name
        ))
        .await;
    let mut url = url::Url::parse(&database.url).expect("an address");
    url.set_username("panel-of-the-page").expect("a name");
    url.set_password(Some(secret)).expect("a password");
    let encoded = url.password().expect("a password").to_owned();
    let panel = Panel::with(database, |config| config.database.url = url.to_string()).await;
    let page = panel.operator().await.get("postfix").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for word in [secret, &encoded, "se#cret", "panel-of-the-page"] {
        assert!(!page.body.contains(word), "{word}");
    }
}

#[tokio::test]
async fn each_lookup_table_names_its_rows_and_how_many_are_enabled() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO domains (domain, enabled) VALUES ('a.example', 1), ('b.example', 1), ('c.example', 0);
             INSERT INTO users (id, maildir) VALUES ('x@a.example', 'a.example/x/');
             INSERT INTO access_rules (kind, pattern, enabled) VALUES ('sender', 's.example', 1), ('client', 'c.example', 0);",
        )
        .await;
    let (_panel, operator) = panel_on(database).await;
    let page = operator.get("postfix").await;
    let reads = page.texts(".lookups td[data-label=Reads]");
    assert_eq!(reads.len(), MAPS.len());
    for (map, reads) in MAPS.iter().zip(&reads) {
        let count = match map.table {
            "domains" => "2 enabled rows of domains of 3",
            "users" => "1 enabled rows of users of 1",
            "access_rules" => "1 enabled rows of access_rules of 2",
            table => &format!("0 enabled rows of {table} of 0"),
        };
        assert_eq!(*reads, format!("{}: {count}", map.table), "{}", map.name);
    }
    let links = page.attributes(".lookups td a", "href");
    let lists: Vec<&str> = MAPS.iter().map(|map| map.list).collect();
    assert_eq!(links, lists);
    for (map, row) in MAPS.iter().zip(page.texts(".lookups .serves")) {
        assert_eq!(row, format!("Serves {}.", map.serves));
    }
    for list in links {
        let rows = operator.get(&list).await;
        assert_eq!(rows.status, 200, "{list}");
        if list.starts_with("/domains") {
            assert_eq!(rows.texts("tbody tr").len(), 2, "{list}");
        }
    }
}

#[tokio::test]
async fn what_the_database_lacks_is_left_out_and_named() {
    let (panel, operator) = panel_on(Database::fresh().await).await;
    assert!(operator.get("postfix").await.texts(".notice li").is_empty());
    panel
        .database
        .script("DROP TABLE relays; ALTER TABLE access_rules DROP COLUMN cidr_lo, DROP COLUMN cidr_hi")
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let page = operator.get("postfix").await;
    assert_eq!(
        page.texts(".notice li"),
        [
            "mysql_relays.cf: it lacks the table relays",
            "mysql_client_access.cf: it lacks the columns cidr_lo, cidr_hi of the table access_rules"
        ]
    );
    let files = page.texts(".lookups th[scope=row]");
    assert_eq!(files.len(), MAPS.len() - 2);
    for id in ["main-cf", "commands"] {
        let text = raw(&page, id);
        assert!(!text.contains("relay_recipient_maps"), "{text}");
        assert!(!text.contains("mysql_client_access.cf"), "{text}");
    }
    assert!(!raw(&page, "grants").contains(".relays "));
}

#[tokio::test]
async fn a_database_without_mail_tables_has_nothing_to_look_up() {
    let (panel, operator) = panel_on(Database::fresh().await).await;
    panel
        .database
        .script("DROP TABLE domains, aliases, users, backups, relays, relocated, access_rules")
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let page = operator.get("postfix").await;
    assert_eq!(page.status, 200);
    assert!(page.text(".empty").contains("nothing to look up"));
    assert_eq!(page.texts(".notice li").len(), MAPS.len());
    assert_eq!(page.texts("pre").len(), 2, "only the two commands");
}

#[tokio::test]
async fn a_table_whose_rows_cannot_be_counted_is_still_served() {
    let (panel, operator) = panel_on(Database::fresh().await).await;
    panel
        .database
        .script("ALTER TABLE relocated DROP COLUMN pkid")
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let page = operator.get("postfix").await;
    let reads = page.texts(".lookups td[data-label=Reads]");
    assert!(reads.contains(&"relocated".to_owned()), "{reads:?}");
}

#[tokio::test]
async fn odd_tables_are_shown_as_any_others() {
    let (panel, operator) = panel_on(Database::odd().await).await;
    let page = operator.get("postfix").await;
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, configuration) = expected(&panel).await;
    assert_eq!(raw(&page, "main-cf"), configuration.main_cf().text);
}

#[tokio::test]
async fn below_a_path_its_links_have_the_path() {
    let panel = Panel::with(Database::fresh().await, |config| {
        config.public_url = format!("http://{}/panel/", config.listen);
    })
    .await;
    let page = panel.operator().await.get("postfix").await;
    assert_eq!(page.status, 200);
    for link in page.attributes(".lookups td a", "href") {
        assert!(link.starts_with("/panel/"), "{link}");
    }
}
