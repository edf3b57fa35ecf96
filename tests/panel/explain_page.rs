//! `/explain`: what happens to mail for an address, as people see it.

use postwarden::access::Role;

use crate::support::{Answer, Browser, Database, Panel};

const ROWS: &str = "
    INSERT INTO domains (pkid, domain, transport) VALUES (1, 'here.example', 'virtual:'), (2, 'theirs.example', 'virtual:'),
      (3, 'joe@here.example', 'smtp:[mx.out.example]');
    INSERT INTO users (id, maildir) VALUES ('mary@here.example', 'here.example/mary/');
    INSERT INTO aliases (pkid, mail, destination, enabled) VALUES
      (11, 'info@here.example', 'mary@here.example,fan@out.example', 1), (12, 'old@here.example', 'mary@here.example', 0),
      (13, 'joe@here.example', 'joe@here.example', 1), (14, 'gone@here.example', 'nobody@here.example', 1),
      (15, 'info@theirs.example', 'zz@out.example', 1);
    INSERT INTO relocated (oldadr, newadr, enabled) VALUES ('left@here.example', 'left@out.example', 0)";

async fn ground() -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

async fn explained(browser: &Browser, address: &str) -> Answer {
    let query: String = form_urlencoded::byte_serialize(address.as_bytes()).collect();
    let page = browser.get(&format!("explain?address={query}")).await;
    assert_eq!(page.status, 200, "{address}: {}", page.text("main"));
    page
}

#[tokio::test]
async fn the_page_says_what_happens_and_shows_the_way_and_every_link_on_it_leads_somewhere() {
    let (_panel, operator) = ground().await;
    let page = explained(&operator, "info@here.example").await;
    assert_eq!(page.text(".verdict h2"), "Delivered to 2 places");
    assert!(
        page.text(".verdict").contains("250 2.1.5 Ok"),
        "{}",
        page.text(".verdict")
    );
    assert_eq!(page.field("address"), "info@here.example");
    let nodes = page.texts(".tree .node");
    assert_eq!(nodes.len(), 3, "{nodes:?}");
    assert!(nodes[0].starts_with("info@here.example alias"), "{nodes:?}");
    assert!(
        nodes[1].starts_with("mary@here.example mailbox here.example/mary/"),
        "{nodes:?}"
    );
    assert!(
        nodes[2].starts_with("fan@out.example to server out.example"),
        "{nodes:?}"
    );
    let links = page.attributes(".tree a, .steps a", "href");
    assert!(links.contains(&"/aliases/11".to_owned()), "{links:?}");
    assert!(
        links.contains(&"/users/mary@here.example".to_owned()),
        "{links:?}"
    );
    for link in links {
        assert_eq!(operator.get(&link).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn a_refused_address_is_told_with_its_reply_and_the_row_that_is_off_is_greyed() {
    let (_panel, operator) = ground().await;
    let page = explained(&operator, "old@here.example").await;
    assert!(
        page.text(".verdict.error h2").contains("nobody has this address"),
        "{}",
        page.text("main")
    );
    assert!(
        page.text(".verdict .reply")
            .contains("550 5.1.1 <old@here.example>: Recipient address rejected: User unknown"),
        "{}",
        page.text(".verdict")
    );
    assert!(page.texts(".tree").is_empty(), "there is no way to draw");
    assert_eq!(
        page.attributes(".verdict p > a:not(.btn)", "href"),
        ["/aliases/12"]
    );
    let decides = page.text(".steps tr.decides");
    assert!(
        decides.contains("old@here.example not used aliases 12 does not count decides"),
        "{decides}"
    );
    // The alias has only to be switched on.
    assert_eq!(page.texts(".verdict .btn"), ["Add a mailbox"]);
}

#[tokio::test]
async fn backscatter_is_told_as_what_it_is() {
    let (_panel, operator) = ground().await;
    let page = explained(&operator, "gone@here.example").await;
    assert_eq!(page.text(".verdict.error h2"), "Accepted, then bounced");
    assert!(
        page.text(".verdict").contains("backscatter"),
        "{}",
        page.text(".verdict")
    );
    assert_eq!(page.text(".tree .tag.error"), "bounced");
}

#[tokio::test]
async fn rows_of_overrides_are_linked_by_their_address() {
    let (_panel, operator) = ground().await;
    let page = explained(&operator, "joe@here.example").await;
    assert_eq!(page.text(".verdict.ok h2"), "Handed to another server");
    assert!(
        page.text(".tree").contains("[mx.out.example]"),
        "{}",
        page.text(".tree")
    );
    for place in [".steps a", ".tree a.place"] {
        let links = page.attributes(place, "href");
        assert!(
            links.contains(&"/overrides/joe@here.example".to_owned()),
            "{place}: {links:?}"
        );
    }
}

#[tokio::test]
async fn of_a_long_list_the_first_are_shown_and_the_rest_is_folded() {
    let (panel, operator) = ground().await;
    let members: Vec<String> = (0..35).map(|n| format!("m{n:02}@out.example")).collect();
    let row = format!(
        "INSERT INTO aliases (mail, destination) VALUES ('all@here.example', '{}')",
        members.join(",")
    );
    panel.database.script(&row).await;
    let page = explained(&operator, "all@here.example").await;
    assert_eq!(page.text(".verdict h2"), "Delivered to 35 places");
    assert_eq!(page.texts(".tree .node").len(), 36, "nobody is left out");
    assert_eq!(page.texts(".tree details .node").len(), 15);
    assert_eq!(page.text(".tree summary"), "and 15 more");
    assert!(
        !page.texts("details.unfolds .steps").is_empty(),
        "their lookups are folded too"
    );
}

#[tokio::test]
async fn a_chain_of_aliases_that_is_as_long_as_it_may_be_does_not_run_out_of_the_page() {
    let (panel, operator) = ground().await;
    let links: Vec<String> = (0..60)
        .map(|n| format!("('c{n}@here.example', 'c{}@here.example')", n + 1))
        .collect();
    let rows = format!(
        "INSERT INTO aliases (mail, destination) VALUES {}, ('c60@here.example', 'mary@here.example')",
        links.join(", ")
    );
    panel.database.script(&rows).await;
    let page = explained(&operator, "c0@here.example").await;
    let nodes = page.texts(".tree .node");
    assert!(
        nodes.last().is_some_and(|last| last.contains("mailbox")),
        "{nodes:?}"
    );
    assert!(
        page.texts(".tree ul ul ul ul ul ul").is_empty(),
        "five steps are indented"
    );
    assert!(
        nodes.iter().any(|node| node.contains("of c58@here.example")),
        "{nodes:?}"
    );
}

#[tokio::test]
async fn owners_follow_mail_for_their_own_addresses_and_no_other() {
    let (panel, _) = ground().await;
    let owner = panel.signed_in("owner", Role::Owner, &["here.example"]).await;
    assert_eq!(
        explained(&owner, "info@here.example").await.text(".verdict h2"),
        "Delivered to 2 places"
    );
    let mut said = Vec::new();
    for foreign in [
        "info@theirs.example",
        "nobody@nowhere.example",
        "info",
        "info@sub.here.example",
    ] {
        let page = owner.get(&format!("explain?address={foreign}")).await;
        assert_eq!((page.status, page.field("address")), (404, foreign.to_owned()));
        assert_eq!(
            (page.texts(".steps").len(), page.texts(".tree").len()),
            (0, 0),
            "{foreign}"
        );
        said.push(page.text("main").replace(foreign, ""));
    }
    assert!(said[0].contains("Not in one of your domains"), "{said:?}");
    assert!(said.iter().all(|text| *text == said[0]), "{said:?}");
    let empty = owner.get("explain").await;
    assert!(!empty.body.contains("theirs.example"), "{}", empty.text("main"));
}

#[tokio::test]
async fn what_is_typed_is_shown_and_never_becomes_markup() {
    let (_panel, operator) = ground().await;
    for odd in [
        "<script>alert(1)</script>@here.example",
        "\"><img src=x onerror=alert(1)>@here.example",
        "`x`@here.example",
        "a b@here.example",
        "@here.example",
        "info@@here.example",
        "ü\u{200b}\u{202e}@bücher.example",
        "*",
        "@",
        "%s%d%u@here.example",
        "x'; DROP TABLE aliases; --@here.example",
        &format!("{}@here.example", "x".repeat(3000)),
    ] {
        let page = explained(&operator, odd).await;
        assert!(
            !page.body.contains("<script>alert") && !page.body.contains("<img src=x"),
            "{odd}"
        );
        assert!(!page.text(".verdict h2").is_empty(), "{odd}");
    }
    assert_eq!(
        explained(&operator, "info@here.example")
            .await
            .text(".verdict h2"),
        "Delivered to 2 places"
    );
}

#[tokio::test]
async fn the_howtos_own_configuration_reads_the_same_rows_in_its_own_way() {
    let (panel, operator) = ground().await;
    // The howto's mysql_relocated.cf has no condition on `enabled`.
    panel
        .database
        .script("INSERT INTO users (id, maildir) VALUES ('left@here.example', 'here.example/left/')")
        .await;
    let path = "explain?address=left@here.example";
    let page = operator.get(path).await;
    assert_eq!(
        page.text(".verdict.ok h2"),
        "Delivered to a mailbox here",
        "{}",
        page.text("main")
    );
    let howto = operator.get(&format!("{path}&setup=howto")).await;
    assert!(
        howto.text(".verdict.error h2").contains("has moved") && howto.text(".reply").contains("5.1.6"),
        "{}",
        howto.text("main")
    );
    assert_eq!(howto.field("setup"), "howto");
    assert!(
        !howto.attributes(".ask details[open]", "class").is_empty(),
        "what is chosen is seen"
    );
}

#[tokio::test]
async fn a_sender_and_a_client_are_asked_about_where_they_are_given() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("INSERT INTO access_rules (kind, pattern, action) VALUES ('sender', 'boss@bad.example', 'REJECT')")
        .await;
    let path = "explain?address=info@here.example";
    let refused = operator.get(&format!("{path}&from=boss@bad.example")).await;
    assert!(
        refused.text(".verdict.error h2").starts_with("Refused"),
        "{}",
        refused.text("main")
    );
    assert_eq!(refused.field("from"), "boss@bad.example");
    let inside = operator
        .get(&format!("{path}&from=boss@bad.example&inside=1"))
        .await;
    assert_eq!(
        inside.text(".verdict.ok h2"),
        "Delivered to 2 places",
        "{}",
        inside.text("main")
    );
    let wrong = operator.get(&format!("{path}&client=not+an+address")).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text("#client-error").contains("not an address"),
        "{}",
        wrong.text("main")
    );
    assert_eq!(
        (&*wrong.field("client"), &*wrong.field("address")),
        ("not an address", "info@here.example")
    );
}

#[tokio::test]
async fn the_empty_page_offers_addresses_that_are_there() {
    let (panel, operator) = ground().await;
    let row =
        "INSERT INTO aliases (mail, destination) VALUES ('team@here.example', 'a@out.example,b@out.example')";
    panel.database.script(row).await;
    let page = operator.get("explain").await;
    let links = page.attributes(".examples a", "href");
    assert_eq!(links.len(), 3, "{}", page.text("main"));
    for link in links {
        let page = operator.get(&link).await;
        assert_eq!((page.status, page.texts(".verdict").len()), (200, 1), "{link}");
    }
    let nothing = Panel::on(Database::fresh().await).await;
    let page = nothing.operator().await.get("explain").await;
    assert_eq!((page.status, page.texts(".examples").len()), (200, 0));
}

#[tokio::test]
async fn forms_the_search_and_a_domain_lead_to_what_happens_to_mail() {
    let (_panel, operator) = ground().await;
    for (page, address) in [
        ("aliases/11", "info@here.example"),
        ("lists/11", "info@here.example"),
        ("users/mary@here.example", "mary@here.example"),
        ("overrides/joe@here.example", "joe@here.example"),
        ("search?q=nobody@here.example", "nobody@here.example"),
    ] {
        let shown = operator.get(page).await;
        let links = shown.attributes("main a", "href");
        let link = links.iter().find(|link| link.starts_with("/explain?address="));
        let link = link.unwrap_or_else(|| panic!("{page}: {links:?}"));
        assert_eq!(operator.get(link).await.field("address"), address, "{page}");
    }
    let hub = operator.get("domains/1").await;
    assert_eq!(hub.field("address"), "postmaster@here.example");
    assert!(
        operator
            .get("search?q=here")
            .await
            .attributes("main a[href^='/explain']", "href")
            .is_empty()
    );
}
