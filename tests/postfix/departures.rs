//! What the pages for people who go do to their mail.

use crate::ground::{Site, site};

const GOOGLE: &str = "smtp:[aspmx.l.google.com]";

/// Joe and mary have mailboxes; what nobody else takes is mary's. Joe is in a list.
async fn hosted(domain: &str) -> (Site, String) {
    let site = site().await;
    site.domain(domain).await;
    for name in ["joe", "mary"] {
        let address = format!("{name}@{domain}");
        site.mailbox(&address).await;
        site.alias(&address, &address).await;
    }
    site.alias(&format!("@{domain}"), &format!("mary@{domain}")).await;
    site.alias(&format!("team@{domain}"), &format!("joe@{domain}, mary@{domain}"))
        .await;
    let joe = format!("joe@{domain}");
    assert_eq!(
        site.delivered(site.bed.stranger(), &[&joe]).await,
        [format!("mailbox {domain}/joe/")]
    );
    (site, joe)
}

impl Site {
    async fn left(&self, address: &str, more: &[(&str, &str)]) {
        let fields = [&[("address", address), ("lists", "1")], more].concat();
        self.save("left", &fields).await;
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn whoever_left_is_refused_although_a_catch_all_takes_every_other_name() {
    let domain = "left-refused.test";
    let (site, joe) = hosted(domain).await;
    site.left(&joe, &[("then", "refuse")]).await;
    let refusal = |address: &str| {
        format!("550 5.1.1 <{address}>: Recipient address rejected: This address is no longer in use")
    };
    let plus = format!("joe+news@{domain}");
    for client in [site.bed.stranger(), site.bed.inside()] {
        assert_eq!(client.recipient(&joe).await, refusal(&joe));
        assert_eq!(client.recipient(&plus).await, refusal(&plus));
    }
    for others in ["any", "team"] {
        assert_eq!(
            site.delivered(site.bed.stranger(), &[&format!("{others}@{domain}")])
                .await,
            [format!("mailbox {domain}/mary/")],
            "{others}"
        );
    }
    // Without the rule the catch-all would have taken it.
    site.switch("access_rules", "pattern", &joe, false).await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &[&joe]).await,
        [format!("mailbox {domain}/mary/")]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn without_a_catch_all_whoever_left_is_unknown() {
    let domain = "left-unknown.test";
    let (site, joe) = hosted(domain).await;
    site.switch("aliases", "mail", &format!("@{domain}"), false).await;
    site.left(&joe, &[("then", "refuse")]).await;
    assert_eq!(
        site.bed.stranger().recipient(&joe).await,
        format!("550 5.1.1 <{joe}>: Recipient address rejected: User unknown in virtual mailbox table")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn senders_are_told_of_whoever_left_whatever_the_catch_all_says() {
    let (site, joe) = hosted("left-told.test").await;
    site.left(&joe, &[("then", "tell"), ("newadr", "joe@new.test, from May")])
        .await;
    for client in [site.bed.stranger(), site.bed.inside()] {
        assert_eq!(
            client.recipient(&joe).await,
            format!(
                "550 5.1.6 <{joe}>: Recipient address rejected: User has moved to joe@new.test, from May"
            )
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_colleague_gets_the_mail_of_whoever_left_also_after_it_was_refused() {
    let domain = "left-forwarded.test";
    let (site, joe) = hosted(domain).await;
    let colleague = format!("mary@{domain}");
    let forward = [("then", "forward"), ("destination", colleague.as_str())];
    for before in [
        vec![],
        vec![("then", "refuse")],
        vec![("then", "tell"), ("newadr", "somewhere")],
    ] {
        if !before.is_empty() {
            site.left(&joe, &before).await;
            assert!(site.bed.stranger().recipient(&joe).await.starts_with("550 "));
        }
        site.left(&joe, &forward).await;
        assert_eq!(
            site.delivered(site.bed.stranger(), &[&joe]).await,
            [format!("mailbox {domain}/mary/")],
            "{before:?}"
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn the_mail_of_whoever_moved_arrives_at_google_whatever_refused_it_before() {
    let domain = "moved-to-google.test";
    let (site, joe) = hosted(domain).await;
    for before in [
        vec![("then", "refuse")],
        vec![("then", "tell"), ("newadr", "at sea")],
    ] {
        site.left(&joe, &before).await;
        assert!(site.bed.stranger().recipient(&joe).await.starts_with("550 "));
        for keep in ["1", "0"] {
            let fields = [
                ("address", joe.as_str()),
                ("transport", GOOGLE),
                ("mailbox", keep),
            ];
            site.save("moved", &fields).await;
            // What Postfix knows of routes is half a minute old.
            site.bed.reload();
            for to in [joe.clone(), format!("joe+news@{domain}")] {
                assert_eq!(
                    site.delivered(site.bed.stranger(), &[&to]).await,
                    [format!("google {joe}")]
                );
            }
        }
    }
    assert_eq!(
        site.delivered(site.bed.stranger(), &[&format!("any@{domain}")])
            .await,
        [format!("mailbox {domain}/mary/")]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn whoever_left_the_primary_server_is_an_exception_to_the_wildcard() {
    let site = site().await;
    let (domain, joe) = ("left-relayed.test", "joe@left-relayed.test");
    site.backup(domain, ":[mail.friend.com]").await;
    site.relay(&format!("@{domain}"), "OK").await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &[joe]).await,
        [format!("primary {joe}")]
    );
    site.left(joe, &[("then", "refuse")]).await;
    for address in [joe, "joe+news@left-relayed.test"] {
        assert_eq!(
            site.bed.stranger().recipient(address).await,
            format!(
                "550 5.1.1 <{address}>: Recipient address rejected: User unknown in relay recipient table"
            )
        );
    }
    let any = format!("any@{domain}");
    assert_eq!(
        site.delivered(site.bed.stranger(), &[&any]).await,
        [format!("primary {any}")]
    );
    // A colleague gets the mail although the list of recipients refuses the name: the alias makes it known.
    site.left(joe, &[("then", "forward"), ("destination", &any)])
        .await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &[joe]).await,
        [format!("primary {any}")]
    );
    // And one who moved is accepted again.
    site.switch("aliases", "mail", joe, false).await;
    assert!(site.bed.stranger().recipient(joe).await.starts_with("550 5.1.1"));
    let fields = [("address", joe), ("transport", GOOGLE)];
    site.save("moved", &fields).await;
    site.bed.reload();
    assert_eq!(
        site.delivered(site.bed.stranger(), &[joe]).await,
        [format!("google {joe}"), format!("primary {any}")]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_catch_all_of_a_relayed_domain_does_not_take_the_mail_of_whoever_left() {
    let site = site().await;
    let (domain, joe) = ("left-relayed-and-caught.test", "joe@left-relayed-and-caught.test");
    let any = format!("any@{domain}");
    site.backup(domain, ":[mail.friend.com]").await;
    site.relay(joe, "OK").await;
    site.relay(&any, "OK").await;
    site.alias(&format!("@{domain}"), &any).await;
    site.left(joe, &[("then", "refuse")]).await;
    assert!(site.bed.stranger().recipient(joe).await.starts_with("550 5.1.1"));
    assert_eq!(
        site.delivered(site.bed.stranger(), &[&format!("other@{domain}")])
            .await,
        [format!("primary {any}")]
    );
}
