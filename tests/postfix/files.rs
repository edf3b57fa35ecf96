//! The generated files as Postfix reads them.

use crate::ground::site;

const MAPS: [&str; 12] = [
    "domains",
    "mailbox",
    "alias",
    "backups",
    "relays",
    "transport",
    "transport_backups",
    "relocated",
    "moved",
    "block_recip",
    "client_access",
    "sender_access",
];

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn postfix_has_nothing_to_say_about_the_configuration() {
    let site = site().await;
    assert_eq!(site.bed.command("postconf 2>&1 >/dev/null"), "");
    assert_eq!(site.bed.command("postconf -M 2>&1 >/dev/null"), "");
    assert_eq!(site.bed.command("postfix check 2>&1"), "");
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn every_lookup_table_is_answered_with_the_rights_of_the_papers() {
    let site = site().await;
    for map in MAPS {
        // Status 1 and no word: nothing found. An error would be told.
        let ask = format!("postmap -q nobody@nowhere.test mysql:/etc/postfix/mysql_{map}.cf 2>&1 || echo $?");
        assert_eq!(site.bed.command(&ask), "1\n", "{map}");
        let mode = format!("stat -c '%a %U:%G' /etc/postfix/mysql_{map}.cf");
        assert_eq!(site.bed.command(&mode), "640 root:postfix\n", "{map}");
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_rule_for_an_ipv6_network_is_found_and_the_smallest_network_counts() {
    let site = site().await;
    site.rule("client", "2001:db8:7::/48", "REJECT", "").await;
    site.rule("client", "2001:db8:7:8::/64", "DEFER", "Try later")
        .await;
    site.rule("client", "2001:db8:7:8::25", "OK", "").await;
    site.rule("client", "2001:e00::/24", "REJECT", "").await;
    site.rule("client", "198.51.100.64/26", "REJECT", "").await;
    for (address, answer) in [
        ("2001:db8:7:1::1", "REJECT\n"),
        ("2001:db8:7:8::1", "DEFER Try later\n"),
        ("2001:db8:7:8::25", "OK\n"),
        ("2001:db8:8::1", "1\n"),
        // The same bytes as the network begins with are not in it.
        ("32.1.14.5", "1\n"),
        ("c633:6450::1", "1\n"),
        ("198.51.100.80", "REJECT\n"),
    ] {
        let ask = format!("postmap -q {address} mysql:/etc/postfix/mysql_client_access.cf 2>&1 || echo $?");
        assert_eq!(site.bed.command(&ask), answer, "{address}");
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_domain_delivered_here_is_left_to_the_transport_of_mailboxes() {
    let site = site().await;
    site.domain("left.test").await;
    site.mailbox("mary@left.test").await;
    for key in ["left.test", "mary@left.test"] {
        let ask = format!("postmap -q {key} mysql:/etc/postfix/mysql_transport.cf 2>&1 || echo $?");
        assert_eq!(site.bed.command(&ask), "1\n", "{key}");
    }
}
