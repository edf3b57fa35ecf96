//! People who moved: their senders are told where at once.

use crate::ground::site;

fn moved(address: &str, new: &str) -> String {
    format!("550 5.1.6 <{address}>: Recipient address rejected: User has moved to {new}")
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn senders_are_told_the_new_address() {
    let site = site().await;
    site.domain("moved.test").await;
    site.relocated("pete@moved.test", "pete@new.test").await;
    site.relocated("ann@moved.test", "+47 55 55 55 55, Bergen").await;
    let (stranger, inside) = (site.bed.stranger(), site.bed.inside());
    for address in ["pete@moved.test", "Pete@MOVED.test"] {
        assert_eq!(stranger.recipient(address).await, moved(address, "pete@new.test"));
        assert_eq!(inside.recipient(address).await, moved(address, "pete@new.test"));
    }
    assert_eq!(
        stranger.recipient("ann@moved.test").await,
        moved("ann@moved.test", "+47 55 55 55 55, Bergen")
    );
    site.switch("relocated", "oldadr", "pete@moved.test", false).await;
    assert_eq!(
        stranger.recipient("pete@moved.test").await,
        "550 5.1.1 <pete@moved.test>: Recipient address rejected: User unknown in virtual mailbox table"
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_whole_domain_can_have_moved_whatever_its_catch_all_says() {
    let site = site().await;
    site.domain("old.test").await;
    site.alias("@old.test", "box@far.test").await;
    site.relocated("@old.test", "the new office").await;
    site.relocated("pete@old.test", "pete@new.test").await;
    let stranger = site.bed.stranger();
    assert_eq!(
        stranger.recipient("any@old.test").await,
        moved("any@old.test", "the new office")
    );
    assert_eq!(
        stranger.recipient("pete@old.test").await,
        moved("pete@old.test", "pete@new.test")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_catch_all_an_alias_and_a_mailbox_do_not_hide_a_relocation() {
    let site = site().await;
    site.domain("hidden.test").await;
    site.mailbox("box@hidden.test").await;
    site.alias("@hidden.test", "box@hidden.test").await;
    site.alias("alias@hidden.test", "box@hidden.test").await;
    for name in ["box", "caught", "alias"] {
        let address = format!("{name}@hidden.test");
        site.relocated(&address, "p@new.test").await;
        for client in [site.bed.stranger(), site.bed.inside()] {
            assert_eq!(client.recipient(&address).await, moved(&address, "p@new.test"));
        }
    }
    // Others of the domain are still caught; the mailbox that is said to have moved does not get it.
    assert_eq!(
        site.delivered(site.bed.stranger(), &["other@hidden.test"]).await,
        ["bounced box@hidden.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_relocation_with_an_extension_is_told_as_well() {
    let site = site().await;
    site.domain("ext.test").await;
    site.relocated("pete@ext.test", "pete@new.test").await;
    assert_eq!(
        site.bed.stranger().recipient("pete+news@ext.test").await,
        moved("pete+news@ext.test", "pete@new.test")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn an_alias_that_leads_to_somebody_who_moved_returns_the_mail_with_the_new_address() {
    let site = site().await;
    site.domain("via.test").await;
    site.alias("info@via.test", "pete@via.test").await;
    site.relocated("pete@via.test", "pete@new.test").await;
    let to = ["info@via.test"];
    let sent = site.bed.stranger().send(&to).await;
    assert_eq!(site.accepted(&sent, &to).await, ["bounced pete@via.test"]);
    let said = site.bed.logged(&format!("{}: to=<pete@via.test>", sent.id()));
    assert!(
        said.iter()
            .any(|line| line.contains("User has moved to pete@new.test")),
        "{said:?}"
    );
}
