//! Backup MX entries and relay recipients.

use crate::ground::site;

fn unknown(address: &str) -> String {
    format!("550 5.1.1 <{address}>: Recipient address rejected: User unknown in relay recipient table")
}

const OK: &str = "250 2.1.5 Ok";

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn mail_for_a_friend_goes_to_the_friends_server() {
    let site = site().await;
    site.backup("friend.test", ":[mail.friend.com]").await;
    site.relay("@friend.test", "OK").await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["joe@friend.test"]).await,
        ["primary joe@friend.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn without_a_transport_mail_follows_the_mx_records_past_this_server() {
    let site = site().await;
    site.backup("followed.kept.test", "").await;
    site.relay("@followed.kept.test", "OK").await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["joe@followed.kept.test"])
            .await,
        ["primary joe@followed.kept.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn mail_waits_while_the_primary_is_away_and_is_delivered_when_it_is_back() {
    let site = site().await;
    let primary = site.bed.another_server("mail.away.test");
    site.backup("away.test", ":[mail.away.test]").await;
    site.relay("@away.test", "OK").await;
    primary.switch_off();
    let to = ["joe@away.test"];
    let sent = site.bed.stranger().send(&to).await;
    assert_eq!(site.accepted(&sent, &to).await, ["deferred"]);
    primary.switch_on();
    assert!(site.bed.places(&sent).is_empty());
    site.bed.flush();
    site.bed.arrives(&sent, &["mail.away.test joe@away.test"]).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_list_of_recipients_refuses_everybody_else() {
    let site = site().await;
    site.backup("listed.test", ":[mail.friend.com]").await;
    let stranger = site.bed.stranger();
    // Without any row nobody is known.
    assert_eq!(
        stranger.recipient("joe@listed.test").await,
        unknown("joe@listed.test")
    );
    for (recipient, status) in [("joe", "OK"), ("support", "REJECT"), ("off", "OK")] {
        site.relay(&format!("{recipient}@listed.test"), status).await;
    }
    site.switch("relays", "recipient", "off@listed.test", false).await;
    for known in ["joe@listed.test", "JOE@Listed.Test", "joe+news@listed.test"] {
        assert_eq!(stranger.recipient(known).await, OK, "{known}");
    }
    for name in ["support", "off", "nobody", "support+x"] {
        let address = format!("{name}@listed.test");
        assert_eq!(stranger.recipient(&address).await, unknown(&address));
    }
    assert_eq!(
        site.delivered(stranger, &["joe@listed.test"]).await,
        ["primary joe@listed.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_wildcard_takes_everybody_but_the_rejected() {
    let site = site().await;
    site.backup("wild.test", ":[mail.friend.com]").await;
    for (recipient, status) in [
        ("@wild.test", "OK"),
        ("joe@wild.test", "OK"),
        ("off@wild.test", "OK"),
        ("support@wild.test", "REJECT"),
        ("pardoned@wild.test", "REJECT"),
    ] {
        site.relay(recipient, status).await;
    }
    for off in ["off@wild.test", "pardoned@wild.test"] {
        site.switch("relays", "recipient", off, false).await;
    }
    let stranger = site.bed.stranger();
    for address in [
        "joe@wild.test",
        "off@wild.test",
        "pardoned@wild.test",
        "any@wild.test",
    ] {
        assert_eq!(stranger.recipient(address).await, OK, "{address}");
    }
    for address in ["support@wild.test", "Support@WILD.test", "support+x@wild.test"] {
        assert_eq!(stranger.recipient(address).await, unknown(address));
    }
    // From inside as well: what is not there is not there.
    let inside = site.bed.inside();
    assert_eq!(
        inside.recipient("support@wild.test").await,
        unknown("support@wild.test")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_rejected_wildcard_takes_nobody_but_the_listed() {
    let site = site().await;
    site.backup("shut.test", ":[mail.friend.com]").await;
    site.relay("@shut.test", "REJECT").await;
    site.relay("joe@shut.test", "OK").await;
    let stranger = site.bed.stranger();
    assert_eq!(stranger.recipient("joe@shut.test").await, OK);
    assert_eq!(
        stranger.recipient("any@shut.test").await,
        unknown("any@shut.test")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn neither_subdomains_nor_disabled_entries_are_relayed_for_strangers() {
    let site = site().await;
    site.backup("main.kept.test", ":[mail.friend.com]").await;
    site.relay("@main.kept.test", "OK").await;
    site.relay("@sub.main.kept.test", "OK").await;
    let stranger = site.bed.stranger();
    let denied = |address: &str| format!("554 5.7.1 <{address}>: Relay access denied");
    assert_eq!(stranger.recipient("joe@main.kept.test").await, OK);
    for address in ["joe@sub.main.kept.test", "joe@kept.test", "joe@far.test"] {
        assert_eq!(stranger.recipient(address).await, denied(address));
    }
    site.bed.another_server("mail.main.test");
    let records = [(10, "mail.main.test")];
    site.bed.names.mail_servers("main.kept.test", &records);
    site.switch("backups", "domain", "main.kept.test", false).await;
    assert_eq!(
        stranger.recipient("joe@main.kept.test").await,
        denied("joe@main.kept.test")
    );
    // People inside may write to everybody, and to that domain where its MX records say.
    assert_eq!(
        site.delivered(site.bed.inside(), &["joe@far.test", "joe@main.kept.test"])
            .await,
        ["mail.main.test joe@main.kept.test", "outside joe@far.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_recipient_the_primary_refuses_is_returned_to_the_sender() {
    let site = site().await;
    site.bed.primary.refuse("gone@bounces.test");
    site.backup("bounces.test", ":[mail.friend.com]").await;
    site.relay("@bounces.test", "OK").await;
    let to = ["gone@bounces.test", "joe@bounces.test"];
    assert_eq!(
        site.delivered(site.bed.stranger(), &to).await,
        ["primary joe@bounces.test", "bounced gone@bounces.test"]
    );
}
