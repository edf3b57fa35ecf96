//! Domains, mailboxes, aliases and catch-alls.

use crate::ground::site;

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_mailbox_of_a_domain_gets_its_mail() {
    let site = site().await;
    site.domain("box.test").await;
    site.mailbox("mary@box.test").await;
    let stranger = site.bed.stranger();
    assert_eq!(
        site.delivered(stranger, &["mary@box.test"]).await,
        ["mailbox box.test/mary/"]
    );
    assert_eq!(
        stranger.recipient("nobody@box.test").await,
        "550 5.1.1 <nobody@box.test>: Recipient address rejected: User unknown in virtual mailbox table"
    );
    assert_eq!(
        stranger.recipient("writer@foreign.test").await,
        "554 5.7.1 <writer@foreign.test>: Relay access denied"
    );
}
