//! `/explain`: what decided, why an address is refused and what can be done about it.

use postwarden::access::Role;

use crate::support::{Browser, Database, Panel};

const ROWS: &str = "
    INSERT INTO domains (pkid, domain, transport) VALUES (1, 'here.example', 'virtual:');
    INSERT INTO backups (pkid, domain, transport) VALUES (1, 'friend.example', ':[mx.friend.example]');
    INSERT INTO users (id, maildir) VALUES ('mary@here.example', 'here.example/mary/');
    INSERT INTO aliases (pkid, mail, destination) VALUES
      (11, 'a@here.example', 'b@here.example,mary@here.example'), (12, 'b@here.example', 'A@here.example');
    INSERT INTO access_rules (pkid, kind, pattern, action, message) VALUES
      (12, 'recipient', 'spam@here.example', 'REJECT', 'no spam')";

async fn ground() -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

#[tokio::test]
async fn a_circle_is_refused_after_the_message_and_marked_where_it_closes() {
    let (_panel, operator) = ground().await;
    let page = operator.get("explain?address=a@here.example").await;
    assert_eq!(
        page.text(".verdict.warn h2"),
        "Refused for now, for the whole message: the aliases go round in a circle"
    );
    let replies = page.texts(".verdict .reply .mono");
    assert_eq!(replies, ["250 2.1.5 Ok", "451 4.6.0 Alias expansion error"]);
    let nodes = page.texts(".tree .node");
    let marked: Vec<&String> = nodes
        .iter()
        .filter(|node| node.contains("closes the circle"))
        .collect();
    assert_eq!(marked, ["A@here.example closes the circle"], "{nodes:?}");
}

#[tokio::test]
async fn the_members_of_a_list_are_counted_where_their_lookup_is_explained() {
    let (_panel, operator) = ground().await;
    let page = operator.get("explain?address=a@here.example").await;
    let notes = page.texts(".steps [data-label=Meaning]");
    assert!(
        notes.contains(&"Its mail goes to 2 addresses.".to_owned()),
        "{notes:?}"
    );
    assert!(
        notes.contains(&"Its mail goes to A@here.example.".to_owned()),
        "{notes:?}"
    );
}

#[tokio::test]
async fn the_rule_that_refuses_is_told_in_the_verdict_and_marked_among_the_lookups() {
    let (_panel, operator) = ground().await;
    let page = operator.get("explain?address=spam@here.example").await;
    assert_eq!(page.text(".verdict.error h2"), "Refused: an access rule says so");
    assert!(
        page.text(".verdict")
            .contains("A rule about mail to spam@here.example decides: access rule 12"),
        "{}",
        page.text(".verdict")
    );
    assert_eq!(page.attributes(".verdict p > a", "href"), ["/access/12"]);
    let decides = page.texts(".steps tr.decides");
    assert!(
        decides.len() == 1 && decides[0].contains("access_rules 12"),
        "{decides:?}"
    );
}

#[tokio::test]
async fn lookups_that_found_nothing_are_folded_in_their_place_and_none_is_left_out() {
    let (_panel, operator) = ground().await;
    let page = operator.get("explain?address=mary@here.example").await;
    let count: usize = page
        .text(".section-head .muted")
        .replace(" lookups", "")
        .parse()
        .expect("a number");
    let told = page
        .texts(".steps tr:not(.group, .silent) [data-label=Lookup]")
        .len();
    let silent = page.texts(".silent li").len();
    assert!(silent > told, "{silent} of {count}");
    assert_eq!(told + silent, count);
    assert!(page.texts(".silent details[open]").is_empty());
    assert!(
        page.text(".silent summary").ends_with("lookups found nothing"),
        "{}",
        page.text(".steps")
    );
    assert!(
        page.text(".silent li")
            .contains("mary@here.example No row says where the mail goes."),
        "{}",
        page.text(".silent")
    );
}

#[tokio::test]
async fn an_unknown_address_offers_the_forms_of_what_would_take_its_mail() {
    let (_panel, operator) = ground().await;
    for (address, offers) in [
        (
            "nobody@here.example",
            &[
                ("/users/new?id=", "id", "nobody@here.example"),
                ("/aliases/new?mail=", "mail", "nobody@here.example"),
            ][..],
        ),
        (
            "joe@friend.example",
            &[("/relays/new?recipient=", "recipient", "joe@friend.example")],
        ),
        (
            "joe@far.example",
            &[
                ("/domains/new?domain=", "domain", "far.example"),
                ("/backups/new?domain=", "domain", "far.example"),
            ],
        ),
    ] {
        let page = operator.get(&format!("explain?address={address}")).await;
        let links = page.attributes(".verdict .btn", "href");
        assert_eq!(links.len(), offers.len(), "{address}: {links:?}");
        for (link, (path, field, value)) in links.iter().zip(offers) {
            assert!(link.starts_with(path), "{address}: {link}");
            let form = operator.get(link).await;
            assert_eq!((form.status, &*form.field(field)), (200, *value), "{link}");
        }
    }
}

#[tokio::test]
async fn whoever_may_not_add_rows_is_offered_none() {
    let (panel, _) = ground().await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    for address in ["nobody@here.example", "joe@friend.example", "joe@far.example"] {
        let page = auditor.get(&format!("explain?address={address}")).await;
        assert_eq!(
            (page.status, page.texts(".verdict .btn").len()),
            (200, 0),
            "{address}"
        );
    }
}

#[tokio::test]
async fn what_is_no_address_is_told_why_and_has_no_table_of_lookups() {
    let (_panel, operator) = ground().await;
    let long = format!("joe@{}.example", "x".repeat(64));
    for (typed, part) in [
        ("a b@here.example", "2 addresses"),
        ("joe@", "the domain is missing"),
        (&long, "64 characters, and 63 is the most"),
    ] {
        let query: String = form_urlencoded::byte_serialize(typed.as_bytes()).collect();
        let page = operator.get(&format!("explain?address={query}")).await;
        assert!(
            page.text(".verdict").contains(part),
            "{typed}: {}",
            page.text(".verdict")
        );
    }
    let page = operator.get("explain?address=a+b@here.example").await;
    assert!(page.texts(".steps").is_empty(), "no table is asked");
}

#[tokio::test]
async fn from_an_address_there_is_a_way_to_its_domain_and_the_findings_in_it() {
    let (_panel, operator) = ground().await;
    for (address, row, domain) in [
        ("mary@here.example", "/domains/1", "here.example"),
        ("joe@friend.example", "/backups/1", "friend.example"),
    ] {
        let page = operator.get(&format!("explain?address={address}")).await;
        let links = page.attributes(".around a", "href");
        assert_eq!(
            links,
            [row.to_owned(), format!("/check?domain={domain}")],
            "{address}"
        );
        for link in links {
            assert_eq!(operator.get(&link).await.status, 200, "{link}");
        }
    }
}
