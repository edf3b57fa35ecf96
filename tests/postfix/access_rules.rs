//! Blocked recipients, and rules about senders and clients.

use crate::bed::Client;
use crate::ground::{Site, site};

const OK: &str = "250 2.1.5 Ok";

/// A domain with a catch-all, and what it takes.
async fn caught(site: &Site, domain: &str) -> [String; 1] {
    site.domain(domain).await;
    site.mailbox(&format!("mary@{domain}")).await;
    site.alias(&format!("@{domain}"), &format!("mary@{domain}")).await;
    [format!("mailbox {domain}/mary/")]
}

/// That a mail is taken and thrown away: one sent after it, to the same mailbox, is there and it is not.
async fn vanishes(site: &Site, client: Client, from: &str, to: &str, open: &str) {
    let sent = client.send_from(from, &[to]).await;
    assert_eq!(sent.recipients, [OK]);
    assert!(sent.end.starts_with("250 2.0.0 Ok"), "{}", sent.end);
    let next = site.bed.inside().send(&[open]).await;
    assert_eq!(site.accepted(&next, &[open]).await.len(), 1);
    assert!(site.bed.places(&sent).is_empty());
    assert!(
        site.bed.logged("discard: ").iter().any(|line| line.contains(to)),
        "Postfix says why"
    );
    assert!(site.bed.queue().iter().all(|mail| mail.queue_id != sent.id()));
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_blocked_address_under_a_catch_all_is_refused_for_everybody() {
    let site = site().await;
    let place = caught(&site, "block.test").await;
    site.rule("recipient", "trap@block.test", "REJECT", "").await;
    site.rule("recipient", "told@block.test", "REJECT", "Gone fishing")
        .await;
    site.rule("recipient", "coded@block.test", "REJECT", "5.1.1 No such user")
        .await;
    for client in [site.bed.stranger(), site.bed.inside()] {
        for address in ["trap@block.test", "TRAP@Block.test", "trap+x@block.test"] {
            assert_eq!(
                client.recipient(address).await,
                format!("550 5.7.1 <{address}>: Recipient address rejected: Recipient address blocked")
            );
        }
        assert_eq!(
            client.recipient("told@block.test").await,
            "550 5.7.1 <told@block.test>: Recipient address rejected: Gone fishing"
        );
        assert_eq!(site.delivered(client, &["other@block.test"]).await, place);
    }
    site.switch("access_rules", "pattern", "trap@block.test", false)
        .await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["trap@block.test"]).await,
        place
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_blocked_address_can_also_be_deferred_discarded_or_held() {
    let site = site().await;
    caught(&site, "actions.test").await;
    for action in ["DEFER", "DISCARD", "HOLD"] {
        let pattern = format!("{action}@actions.test");
        site.rule("recipient", &pattern, action, "").await;
    }
    site.rule("recipient", "later@actions.test", "DEFER", "Come back later")
        .await;
    for client in [site.bed.stranger(), site.bed.inside()] {
        assert_eq!(
            client.recipient("defer@actions.test").await,
            "450 4.7.1 <defer@actions.test>: Recipient address rejected: Access denied"
        );
        assert_eq!(
            client.recipient("later@actions.test").await,
            "450 4.7.1 <later@actions.test>: Recipient address rejected: Come back later"
        );
        vanishes(
            &site,
            client,
            "a@far.test",
            "discard@actions.test",
            "x@actions.test",
        )
        .await;
        assert_eq!(site.delivered(client, &["hold@actions.test"]).await, ["hold"]);
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_rule_for_a_whole_domain_or_for_a_name_everywhere_counts() {
    let site = site().await;
    for domain in ["shut.block.test", "open.block.test"] {
        caught(&site, domain).await;
    }
    site.rule("recipient", "shut.block.test", "REJECT", "").await;
    site.rule("recipient", "info-everywhere@", "REJECT", "").await;
    let stranger = site.bed.stranger();
    let blocked = |address: &str| {
        format!("550 5.7.1 <{address}>: Recipient address rejected: Recipient address blocked")
    };
    for address in ["any@shut.block.test", "info-everywhere@open.block.test"] {
        assert_eq!(stranger.recipient(address).await, blocked(address));
    }
    assert_eq!(stranger.recipient("any@open.block.test").await, OK);
}

/// The reply to a sender, or a client, of each action.
const REPLIES: &[(&str, &str, &str)] = &[
    ("REJECT", "", "554 5.7.1 Access denied"),
    ("REJECT", "No thanks", "554 5.7.1 No thanks"),
    ("DEFER", "", "450 4.7.1 Access denied"),
    ("DEFER", "Try later", "450 4.7.1 Try later"),
    ("OK", "", OK),
    ("DUNNO", "", OK),
];

/// A reply with the culprit put where Postfix puts it.
fn refusal(reply: &str, culprit: &str) -> String {
    match reply.split_once(".1 ") {
        Some((code, text)) if reply != OK => format!("{code}.1 {culprit}: {text}"),
        _ => reply.to_owned(),
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn every_action_about_a_sender_does_what_it_says() {
    let site = site().await;
    let place = caught(&site, "senders.test").await;
    let (stranger, to) = (site.bed.stranger(), "mary@senders.test");
    for (n, (action, message, reply)) in REPLIES.iter().enumerate() {
        let from = format!("bob{n}@actions.spam.test");
        site.rule("sender", &from, action, message).await;
        let expected = refusal(reply, &format!("<{from}>: Sender address rejected"));
        assert_eq!(stranger.recipient_from(&from, to).await, expected, "{action}");
        // Colleagues are not asked.
        assert_eq!(site.bed.inside().recipient_from(&from, to).await, OK);
    }
    site.rule("sender", "discarded@spam.test", "DISCARD", "").await;
    vanishes(&site, stranger, "discarded@spam.test", to, to).await;
    site.rule("sender", "held@spam.test", "HOLD", "").await;
    let sent = stranger.send_from("held@spam.test", &[to]).await;
    assert_eq!(site.accepted(&sent, &[to]).await, ["hold"]);
    let sent = stranger.send_from("bob4@actions.spam.test", &[to]).await;
    assert_eq!(site.accepted(&sent, &[to]).await, place);
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn rules_about_senders_match_addresses_domains_and_names() {
    let site = site().await;
    caught(&site, "matched.test").await;
    for pattern in ["bob@one.spam.test", "two.spam.test", "newsletter-of-spam@"] {
        site.rule("sender", pattern, "REJECT", "").await;
    }
    let (stranger, to) = (site.bed.stranger(), "mary@matched.test");
    for from in [
        "bob@one.spam.test",
        "Bob@ONE.spam.test",
        "bob+x@one.spam.test",
        "any@two.spam.test",
        "any@sub.two.spam.test",
        "newsletter-of-spam@far.test",
    ] {
        assert_eq!(
            stranger.recipient_from(from, to).await,
            format!("554 5.7.1 <{from}>: Sender address rejected: Access denied")
        );
    }
    for from in ["ann@one.spam.test", "bob@spam.test", "news@far.test", ""] {
        assert_eq!(stranger.recipient_from(from, to).await, OK, "{from}");
    }
    site.switch("access_rules", "pattern", "two.spam.test", false)
        .await;
    assert_eq!(stranger.recipient_from("any@two.spam.test", to).await, OK);
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn every_action_about_a_client_does_what_it_says() {
    let site = site().await;
    let place = caught(&site, "clients.test").await;
    let to = "mary@clients.test";
    for (n, (action, message, reply)) in (100..).zip(REPLIES) {
        let (client, address) = (site.bed.client(n), site.bed.address(n).to_string());
        site.rule("client", &address, action, message).await;
        let expected = refusal(reply, &format!("<unknown[{address}]>: Client host rejected"));
        assert_eq!(client.recipient(to).await, expected, "{action}");
    }
    site.rule("client", &site.bed.address(110).to_string(), "DISCARD", "")
        .await;
    vanishes(&site, site.bed.client(110), "a@far.test", to, to).await;
    site.rule("client", &site.bed.address(111).to_string(), "HOLD", "")
        .await;
    assert_eq!(site.delivered(site.bed.client(111), &[to]).await, ["hold"]);
    assert_eq!(site.delivered(site.bed.client(104), &[to]).await, place);
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn rules_about_clients_match_addresses_networks_and_names() {
    let site = site().await;
    caught(&site, "networks.test").await;
    let (bed, to) = (site.bed, "mary@networks.test");
    bed.names.call(bed.address(120), "host-120.dsl.isp.test");
    bed.names.call(bed.address(121), "host-121.dsl.isp.test");
    bed.names.call(bed.address(122), "mail.isp.test");
    let rejected = |client: &str| format!("554 5.7.1 <{client}>: Client host rejected: Access denied");
    site.rule("client", "dsl.isp.test", "REJECT", "").await;
    for (n, name) in [(120, "host-120.dsl.isp.test"), (121, "host-121.dsl.isp.test")] {
        let client = format!("{name}[{}]", bed.address(n));
        assert_eq!(bed.client(n).recipient(to).await, rejected(&client));
    }
    assert_eq!(bed.client(122).recipient(to).await, OK);
    site.switch("access_rules", "pattern", "dsl.isp.test", false)
        .await;
    assert_eq!(bed.client(120).recipient(to).await, OK);
    // A network, of which one address has a rule of its own.
    let network = format!("{}/26", bed.address_next_door(64));
    site.rule("client", &network, "REJECT", "").await;
    site.rule("client", &bed.address_next_door(80).to_string(), "OK", "")
        .await;
    for n in [64, 127] {
        let client = format!("unknown[{}]", bed.address_next_door(n));
        assert_eq!(bed.next_door(n).recipient(to).await, rejected(&client));
    }
    for n in [63, 80, 128] {
        assert_eq!(bed.next_door(n).recipient(to).await, OK, "{n}");
    }
    // The first numbers of an address.
    let all = bed.address_next_door(0).to_string();
    site.rule("client", all.trim_end_matches(".0"), "DEFER", "").await;
    assert_eq!(
        bed.next_door(63).recipient(to).await,
        format!(
            "450 4.7.1 <unknown[{}]>: Client host rejected: Access denied",
            bed.address_next_door(63)
        )
    );
    assert_eq!(bed.stranger().recipient(to).await, OK);
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_welcome_sender_or_client_may_not_relay() {
    let site = site().await;
    caught(&site, "welcome.test").await;
    let bed = site.bed;
    site.rule("sender", "friend@ok.test", "OK", "").await;
    site.rule("sender", "foe@ok.test", "REJECT", "").await;
    site.rule("client", &bed.address(130).to_string(), "OK", "").await;
    let denied = "554 5.7.1 <x@far.test>: Relay access denied";
    assert_eq!(
        bed.stranger()
            .recipient_from("friend@ok.test", "x@far.test")
            .await,
        denied
    );
    assert_eq!(bed.client(130).recipient("x@far.test").await, denied);
    // A client that is welcome is welcome whoever writes.
    assert_eq!(
        bed.client(130)
            .recipient_from("foe@ok.test", "x@welcome.test")
            .await,
        OK
    );
    // Nor do they get at recipients that are not there.
    site.rule("recipient", "trap@welcome.test", "REJECT", "").await;
    assert_eq!(
        bed.client(130).recipient("trap@welcome.test").await,
        "550 5.7.1 <trap@welcome.test>: Recipient address rejected: Recipient address blocked"
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_rule_of_one_kind_says_nothing_about_the_others() {
    let site = site().await;
    caught(&site, "kinds.test").await;
    let bed = site.bed;
    for (n, name) in [(140, "one.kinds.isp.test"), (141, "two.kinds.isp.test")] {
        bed.names.call(bed.address(n), name);
    }
    site.rule("sender", "sent@kinds.test", "REJECT", "").await;
    site.rule("sender", "one.kinds.isp.test", "REJECT", "").await;
    site.rule("recipient", "taken@kinds.test", "REJECT", "").await;
    site.rule("recipient", "two.kinds.isp.test", "REJECT", "").await;
    site.rule("client", "three.kinds.isp.test", "REJECT", "").await;
    let (from, to) = ("taken@kinds.test", "sent@kinds.test");
    for n in [140, 141] {
        assert_eq!(bed.client(n).recipient_from(from, to).await, OK);
    }
    let from = "x@three.kinds.isp.test";
    assert_eq!(bed.stranger().recipient_from(from, to).await, OK);
}
