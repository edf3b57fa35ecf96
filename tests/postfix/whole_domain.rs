//! What renaming, cloning and deleting a whole domain does to its mail.

use crate::ground::{Site, site};

/// A domain with a mailbox, an alias to it and somebody who moved away; and another domain that leads to it.
async fn hosted(old: &str, other: &str) -> Site {
    let site = site().await;
    site.domain(old).await;
    site.domain(other).await;
    let joe = format!("joe@{old}");
    site.mailbox(&joe).await;
    site.alias(&joe, &joe).await;
    site.alias(&format!("info@{old}"), &joe).await;
    site.alias(&format!("team@{other}"), &format!("info@{old}")).await;
    site.moved_away(&format!("away@{old}"), "smtp:[aspmx.l.google.com]")
        .await;
    site.relocated(&format!("gone@{old}"), &joe).await;
    site
}

impl Site {
    /// Changes a whole domain, and has Postfix forget what it knew.
    async fn whole(&self, domain: &str, path: &str, fields: &[(&str, &str)]) {
        let query = format!("SELECT pkid FROM domains WHERE domain = '{domain}'");
        let key = self.bed.database.value(&query).await.expect(domain);
        self.save(&format!("domains/{key}/{path}"), fields).await;
        self.bed.reload();
    }

    async fn arrives(&self, address: &str, where_to: &str) {
        let went = self.delivered(self.bed.stranger(), &[address]).await;
        assert_eq!(went, [where_to], "{address}");
    }

    async fn refused(&self, address: &str, code: &str) {
        let reply = self.bed.stranger().recipient(address).await;
        assert!(reply.starts_with(code), "{address}: {reply}");
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn mail_for_a_renamed_domain_arrives_where_it_did() {
    let (old, new, other) = ("rename-old.test", "rename-new.test", "rename-other.test");
    let site = hosted(old, other).await;
    let mailbox = format!("mailbox {old}/joe/");
    for address in [format!("info@{old}"), format!("team@{other}")] {
        site.arrives(&address, &mailbox).await;
    }
    site.whole(old, "rename", &[("domain", new), ("elsewhere", "1")])
        .await;
    for address in [
        format!("info@{new}"),
        format!("joe@{new}"),
        format!("joe+news@{new}"),
        format!("team@{other}"),
    ] {
        site.arrives(&address, &mailbox).await;
    }
    site.arrives(&format!("away@{new}"), &format!("google away@{new}"))
        .await;
    let told = format!("550 5.1.6 <gone@{new}>: Recipient address rejected: User has moved to joe@{new}");
    assert_eq!(site.bed.stranger().recipient(&format!("gone@{new}")).await, told);
    site.refused(&format!("info@{old}"), "554 ").await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn the_old_name_of_a_domain_leads_to_the_new_one_where_it_is_kept() {
    let (old, new, other) = ("keep-old.test", "keep-new.test", "keep-other.test");
    let site = hosted(old, other).await;
    // The list of the other domain stays as it is.
    site.whole(old, "rename", &[("domain", new), ("keep", "1")]).await;
    let mailbox = format!("mailbox {old}/joe/");
    for address in [
        format!("info@{new}"),
        format!("info@{old}"),
        format!("joe@{old}"),
        format!("team@{other}"),
    ] {
        site.arrives(&address, &mailbox).await;
    }
    site.arrives(&format!("away@{old}"), &format!("google away@{new}"))
        .await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_cloned_domain_has_mail_of_its_own_or_leads_to_the_mailboxes_there_are() {
    let (old, other) = ("clone-old.test", "clone-other.test");
    let site = hosted(old, other).await;
    let (alone, own) = ("clone-alone.test", "clone-own.test");
    site.whole(old, "clone", &[("domain", alone)]).await;
    site.whole(old, "clone", &[("domain", own), ("mailboxes", "1")])
        .await;
    for name in ["info", "joe"] {
        site.arrives(&format!("{name}@{alone}"), &format!("mailbox {old}/joe/"))
            .await;
        site.arrives(&format!("{name}@{own}"), &format!("mailbox {own}/joe/"))
            .await;
        site.arrives(&format!("{name}@{old}"), &format!("mailbox {old}/joe/"))
            .await;
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_deleted_domain_is_nobodys_and_leaves_no_bounces_behind() {
    let (old, other) = ("deleted-old.test", "deleted-other.test");
    let site = hosted(old, other).await;
    site.alias(&format!("joe@{other}"), &format!("joe@{other}")).await;
    site.mailbox(&format!("joe@{other}")).await;
    site.alias(&format!("both@{other}"), &format!("info@{old}, joe@{other}"))
        .await;
    site.whole(old, "everything/delete", &[("elsewhere", "1")]).await;
    for name in ["info", "joe", "away", "gone", "anybody"] {
        site.refused(&format!("{name}@{old}"), "554 ").await;
    }
    site.arrives(&format!("both@{other}"), &format!("mailbox {other}/joe/"))
        .await;
    // It delivered to nobody else.
    site.refused(&format!("team@{other}"), "550 ").await;
}
