//! What the panel makes of a live Postfix: where overrides go, and what it warns about.

use postwarden::access::{Actor, Role};
use postwarden::config::OverrideTable;
use postwarden::verification;

use crate::support::postfix::ConfigDir;
use crate::support::{Browser, Database, PASSWORD, Panel};

const DOMAIN: &str = "INSERT INTO domains (domain, transport, enabled) VALUES ('bloggs.com', 'virtual:', 1);";
const JOE: &str = "joe@bloggs.com";
const GOOGLE: &str = "smtp:[aspmx.l.google.com]";

async fn database() -> Database {
    let database = Database::fresh().await;
    database.script(DOMAIN).await;
    database
}

/// A panel that reads this configuration.
async fn panel(database: Database, config: &ConfigDir) -> Panel {
    let dir = config.path().to_path_buf();
    Panel::with(database, |settings| settings.postfix.config_dir = dir).await
}

/// Tables that hold a row about the address.
async fn places(panel: &Panel, address: &str) -> Vec<&'static str> {
    let mut places = Vec::new();
    for table in ["domains", "backups"] {
        let count = format!("SELECT COUNT(*) FROM {table} WHERE domain = '{address}'");
        if panel.database.count(&count).await > 0 {
            places.push(table);
        }
    }
    places
}

async fn save_override(browser: &Browser, path: &str) {
    let answer = browser
        .post_confirmed(path, &[("mail", JOE), ("transport", GOOGLE)])
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
}

#[tokio::test]
async fn an_override_goes_to_the_table_that_the_live_transport_map_reads() {
    for table in ["domains", "backups"] {
        let database = database().await;
        let config = ConfigDir::generated(&database).await;
        config.reading_overrides_from(table);
        let panel = panel(database, &config).await;
        let operator = panel.operator().await;
        let form = operator.get("overrides/new").await;
        assert!(
            form.text("aside")
                .contains(&format!("kept in {table}: the live transport_maps")),
            "{}",
            form.text("aside")
        );
        save_override(&operator, "overrides").await;
        assert_eq!(places(&panel, JOE).await, [table]);
    }
}

#[tokio::test]
async fn a_change_of_the_configuration_is_noticed_without_a_restart() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    config.reading_overrides_from("domains");
    let panel = panel(database, &config).await;
    let operator = panel.operator().await;
    save_override(&operator, "overrides").await;
    config.reading_overrides_from("backups");
    let list = operator.get("overrides").await;
    assert!(
        list.text("main")
            .contains("does not look overrides up in domains"),
        "{}",
        list.text("main")
    );
    // Saving moves it to where Postfix looks.
    save_override(&operator, &format!("overrides/{JOE}")).await;
    assert_eq!(places(&panel, JOE).await, ["backups"]);
}

#[tokio::test]
async fn an_override_stays_where_it_is_when_both_tables_are_read() {
    let database = database().await;
    database
        .script("INSERT INTO backups (domain, transport, enabled) VALUES ('joe@bloggs.com', 'smtp:[old.example.net]', 1);")
        .await;
    let config = ConfigDir::generated(&database).await;
    let panel = panel(database, &config).await;
    let operator = panel.operator().await;
    save_override(&operator, &format!("overrides/{JOE}")).await;
    assert_eq!(places(&panel, JOE).await, ["backups"]);
    let answer = operator
        .post_confirmed("overrides", &[("mail", "ann@bloggs.com"), ("transport", GOOGLE)])
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(places(&panel, "ann@bloggs.com").await, ["domains"]);
}

#[tokio::test]
async fn while_nothing_is_known_of_postfix_overrides_stay_with_the_others() {
    let panel = Panel::on(database().await).await;
    let operator = panel.operator().await;
    let form = operator.get("overrides/new").await;
    assert!(
        form.text("aside").contains("is not known"),
        "{}",
        form.text("aside")
    );
    save_override(&operator, "overrides").await;
    assert_eq!(places(&panel, JOE).await, ["domains"]);

    let edition15 = database().await;
    edition15
        .script("INSERT INTO backups (domain, transport, enabled) VALUES ('ann@bloggs.com', 'smtp:[old.example.net]', 1);")
        .await;
    let panel = Panel::on(edition15).await;
    let operator = panel.operator().await;
    save_override(&operator, "overrides").await;
    assert_eq!(places(&panel, JOE).await, ["backups"]);
}

#[tokio::test]
async fn the_setting_outranks_what_the_live_configuration_reads() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    config.reading_overrides_from("domains");
    let dir = config.path().to_path_buf();
    let panel = Panel::with(database, |settings| {
        settings.postfix.config_dir = dir;
        settings.overrides.table = OverrideTable::Backups;
    })
    .await;
    let operator = panel.operator().await;
    save_override(&operator, "overrides").await;
    assert_eq!(places(&panel, JOE).await, ["backups"]);
    let list = operator.get("overrides").await;
    assert!(
        list.text("main")
            .contains("does not look overrides up in backups")
    );
}

#[tokio::test]
async fn what_verify_recorded_counts_where_the_panel_cannot_read_the_configuration() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    config.reading_overrides_from("backups");
    let store = database.store().await;
    let verdict = verification::verify(&store, &Actor::command_line(), config.path())
        .await
        .expect("a verdict");
    store.record_verdict(&verdict).await.expect("recorded");
    drop(config);
    let panel = Panel::with(database, |settings| {
        settings.postfix.config_dir = "/nowhere".into();
    })
    .await;
    let operator = panel.operator().await;
    save_override(&operator, "overrides").await;
    assert_eq!(places(&panel, JOE).await, ["backups"]);
    let page = operator.get("postfix").await.text("main");
    assert!(
        page.contains("As postwarden postfix verify found it at 20"),
        "{page}"
    );
    assert!(
        page.contains("The panel may not look itself: cannot read"),
        "{page}"
    );
}

#[tokio::test]
async fn the_panel_looks_into_the_directory_of_its_setting_and_no_other() {
    let database = database().await;
    let elsewhere = ConfigDir::generated(&database).await;
    elsewhere.reading_overrides_from("backups");
    let store = database.store().await;
    let verdict = verification::verify(&store, &Actor::command_line(), elsewhere.path())
        .await
        .expect("a verdict");
    store.record_verdict(&verdict).await.expect("recorded");
    // Whoever makes the directory anew says nothing to the panel.
    elsewhere.reading_overrides_from("domains");
    let blind = Panel::with(database.clone(), |settings| {
        settings.postfix.config_dir = "/nowhere".into();
    })
    .await;
    let operator = blind.operator().await;
    save_override(&operator, "overrides").await;
    assert_eq!(places(&blind, JOE).await, ["backups"]);

    let own = ConfigDir::generated(&database).await;
    own.reading_overrides_from("domains");
    let panel = panel(database, &own).await;
    let browser = panel.browser();
    let entered = browser
        .post("login", &[("username", "operator"), ("password", PASSWORD)])
        .await;
    assert_eq!(entered.status, 303);
    let form = browser.get("overrides/new").await.text("aside");
    assert!(
        form.contains("kept in domains: the live transport_maps"),
        "{form}"
    );
}

#[tokio::test]
async fn the_dashboard_and_the_list_warn_of_rows_that_postfix_does_not_read() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    config.set("relocated_maps", None);
    database
        .script(
            "INSERT INTO relocated (oldadr, newadr, enabled) VALUES ('pete@bloggs.com', 'p@new.example', 1);",
        )
        .await;
    let panel = panel(database, &config).await;
    let operator = panel.operator().await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    let owner = panel.signed_in("owner", Role::Owner, &["bloggs.com"]).await;
    for browser in [&operator, &auditor] {
        let dashboard = browser.get("").await.text(".notice.warn");
        assert!(
            dashboard.contains("Postfix does not do what the rows say"),
            "{dashboard}"
        );
        assert!(
            dashboard.contains("relocated_maps names no lookup table"),
            "{dashboard}"
        );
        let list = browser.get("relocated").await.text(".notice.warn");
        assert!(
            list.contains("Nobody is told that an address has moved"),
            "{list}"
        );
    }
    assert_eq!(operator.get("aliases").await.text(".notice.warn"), "");
    for page in ["", "relocated"] {
        assert_eq!(owner.get(page).await.text(".notice.warn"), "", "{page}");
    }
}

#[tokio::test]
async fn a_table_without_rows_is_not_warned_of_before_it_is_used() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    config.set("relocated_maps", None);
    let panel = panel(database, &config).await;
    let operator = panel.operator().await;
    let dashboard = operator.get("").await.text(".notice.warn");
    assert!(dashboard.contains("1 warning"), "{dashboard}");
    assert!(!dashboard.contains("relocated_maps"), "{dashboard}");
    assert_eq!(operator.get("relocated").await.text(".notice.warn"), "");
}

#[tokio::test]
async fn a_configuration_that_does_what_the_rows_say_is_said_to_and_warned_of_nowhere() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    let panel = panel(database, &config).await;
    let operator = panel.operator().await;
    let page = operator.get("postfix").await;
    assert!(
        page.text(".notice.ok").contains("does what the rows say"),
        "{}",
        page.text("main")
    );
    let honoured = page.texts("details.more tbody th");
    for column in [
        "relocated.enabled",
        "relays.status",
        "access_rules.action",
        "domains.transport",
    ] {
        assert!(honoured.iter().any(|h| h == column), "{column}: {honoured:?}");
    }
    assert_eq!(operator.get("").await.text(".notice.warn"), "");
}

#[tokio::test]
async fn a_postfix_that_reads_another_database_says_nothing_about_this_one() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    for map in postwarden::postfix::MAPS {
        config.change(
            &map.file(),
            &format!("dbname = {}", database.name),
            "dbname = elsewhere",
        );
    }
    let panel = panel(database, &config).await;
    let operator = panel.operator().await;
    assert_eq!(operator.get("").await.text(".notice.warn"), "");
    let page = operator.get("postfix").await;
    assert!(
        page.text("main").contains("nothing is known yet"),
        "{}",
        page.text("main")
    );
}

#[tokio::test]
async fn findings_name_the_column_what_postfix_does_and_the_cure() {
    let database = database().await;
    let config = ConfigDir::generated(&database).await;
    config.change("mysql_relocated.cf", " AND enabled=1", "");
    let panel = panel(database, &config).await;
    let operator = panel.operator().await;
    let findings = operator.get("postfix").await.texts(".drift > li");
    // The files of the test are open to everybody, which is a notice and comes last.
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(
        findings[1].contains("Everybody on the machine can read"),
        "{findings:?}"
    );
    for word in [
        "relocated.enabled",
        "a relocation that is switched off still answers 550",
        "postwarden postfix generate",
        "error",
    ] {
        assert!(findings[0].contains(word), "{findings:?}");
    }
}
