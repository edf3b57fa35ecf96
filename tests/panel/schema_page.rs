//! `/schema`: what the database is and what mends it.

use postwarden::access::Role;

use crate::support::{Database, Panel};

#[tokio::test]
async fn the_page_says_what_is_wrong_and_prints_what_mends_it() {
    let panel = Panel::on(Database::odd().await).await;
    panel.database.script("ALTER TABLE relays ENGINE=MyISAM").await;
    let tables = "CHECKSUM TABLE domains, aliases, users, backups, relays, relocated";
    let before = panel.database.rows(tables).await;
    let operator = panel.operator().await;
    let page = operator.get("schema").await;
    assert_eq!(page.status, 200);
    let main = page.text("main");
    assert!(main.contains("This is a database of the howto."), "{main}");
    let plan = page.text("pre#plan");
    for part in [
        "ALTER TABLE relays ENGINE=InnoDB ROW_FORMAT=DYNAMIC;",
        "ALTER TABLE aliases MODIFY pkid INT UNSIGNED NOT NULL AUTO_INCREMENT;",
        "-- ALTER TABLE domains ADD UNIQUE KEY (domain);",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    assert_eq!(page.attributes("button[data-copy]", "data-copy"), ["plan"]);
    // Each row in the way is a link to it.
    let links = page.attributes("ul.told a", "href");
    assert!(links.iter().any(|link| link == "/domains/3"), "{links:?}");
    assert_eq!(operator.get("domains/3").await.status, 200);
    assert_eq!(panel.database.rows(tables).await, before);

    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    assert_eq!(auditor.get("schema").await.status, 200);
    let owner = panel.signed_in("owner", Role::Owner, &["blobber.org"]).await;
    assert_eq!(owner.get("schema").await.status, 404);
    for (who, linked) in [(&operator, true), (&auditor, true), (&owner, false)] {
        for place in ["", "relays"] {
            let links = who.get(place).await.attributes("main a", "href");
            assert_eq!(
                links.iter().any(|link| link == "/schema"),
                linked,
                "{place:?}: {links:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_fresh_installation_has_nothing_to_mend() {
    let panel = Panel::on(Database::fresh().await).await;
    let page = panel.operator().await.get("schema").await;
    assert!(
        page.text("main").contains("There is nothing to do"),
        "{}",
        page.text("main")
    );
    assert_eq!(page.texts("pre#plan"), [""; 0]);
}
