//! Domains, mailboxes, aliases and catch-alls.

use crate::ground::site;

fn unknown(address: &str) -> String {
    format!("550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table")
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_mailbox_of_a_domain_gets_its_mail_and_strangers_relay_nothing() {
    let site = site().await;
    site.domain("box.test").await;
    site.mailbox("mary@box.test").await;
    let stranger = site.bed.stranger();
    for address in ["mary@box.test", "Mary@BOX.test"] {
        assert_eq!(
            site.delivered(stranger, &[address]).await,
            ["mailbox box.test/mary/"]
        );
    }
    assert_eq!(
        stranger.recipient("nobody@box.test").await,
        unknown("nobody@box.test")
    );
    for foreign in [
        "writer@foreign.test",
        "mary@sub.box.test",
        "mary%far.test@foreign.test",
    ] {
        assert_eq!(
            stranger.recipient(foreign).await,
            format!("554 5.7.1 <{foreign}>: Relay access denied")
        );
    }
    site.bed
        .database
        .script("UPDATE users SET enabled = 0 WHERE id = 'mary@box.test'")
        .await;
    assert_eq!(
        stranger.recipient("mary@box.test").await,
        unknown("mary@box.test")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_catch_all_takes_what_no_alias_keeps() {
    let site = site().await;
    site.domain("caught.test").await;
    for name in ["mary", "joe"] {
        site.mailbox(&format!("{name}@caught.test")).await;
    }
    // The form of a mailbox makes its self alias.
    site.alias("@caught.test", "mary@caught.test").await;
    let stranger = site.bed.stranger();
    let place = |name: &str| [format!("mailbox caught.test/{name}/")];
    assert_eq!(
        site.delivered(stranger, &["any@caught.test"]).await,
        place("mary")
    );
    let query =
        "SELECT COUNT(*) FROM aliases WHERE mail = 'joe@caught.test' AND destination = 'joe@caught.test'";
    if site.bed.database.count(query).await == 0 {
        // The catch-all takes a mailbox's mail that has no alias.
        assert_eq!(
            site.delivered(stranger, &["joe@caught.test"]).await,
            place("mary")
        );
        site.alias("joe@caught.test", "joe@caught.test").await;
    }
    assert_eq!(site.delivered(stranger, &["joe@caught.test"]).await, place("joe"));
    site.switch("aliases", "mail", "@caught.test", false).await;
    assert_eq!(
        stranger.recipient("any@caught.test").await,
        unknown("any@caught.test")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_disabled_domain_takes_no_mail() {
    let site = site().await;
    site.domain("closed.test").await;
    site.mailbox("mary@closed.test").await;
    site.alias("@closed.test", "mary@closed.test").await;
    site.switch("domains", "domain", "closed.test", false).await;
    for address in ["mary@closed.test", "any@closed.test"] {
        assert_eq!(
            site.bed.stranger().recipient(address).await,
            format!("554 5.7.1 <{address}>: Relay access denied")
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_domain_typed_with_umlauts_receives_mail_under_its_name_in_the_dns() {
    let site = site().await;
    site.domain("bücher.test").await;
    site.mailbox("mary@bücher.test").await;
    site.alias("info@Bücher.test", "mary@bücher.test").await;
    let to = ["mary@xn--bcher-kva.test", "info@xn--bcher-kva.test"];
    for to in to {
        assert_eq!(
            site.delivered(site.bed.stranger(), &[to]).await,
            ["mailbox xn--bcher-kva.test/mary/"]
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_follows_a_plus_finds_the_same_mailbox_and_stays_out_of_lists() {
    let site = site().await;
    site.domain("plus.test").await;
    site.mailbox("mary@plus.test").await;
    site.alias("list@plus.test", "mary@plus.test,member@far.test")
        .await;
    let stranger = site.bed.stranger();
    assert_eq!(
        site.delivered(stranger, &["mary+x@plus.test"]).await,
        ["mailbox plus.test/mary/"]
    );
    assert_eq!(
        site.delivered(stranger, &["list+x@plus.test"]).await,
        ["mailbox plus.test/mary/", "outside member@far.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn quotes_around_a_name_change_nothing() {
    let site = site().await;
    site.domain("quoted.test").await;
    site.mailbox("mary@quoted.test").await;
    let stranger = site.bed.stranger();
    assert_eq!(
        site.delivered(stranger, &["\"mary\"@quoted.test"]).await,
        ["mailbox quoted.test/mary/"]
    );
    let spaced = "\"mary smith\"@quoted.test";
    assert_eq!(
        stranger.recipient(spaced).await,
        unknown("mary smith@quoted.test")
    );
    // Nor do they bring SQL into the query.
    assert_eq!(
        stranger.recipient("\"x' OR '1'='1\"@quoted.test").await,
        unknown("x' OR '1'='1@quoted.test")
    );
    site.alias("@quoted.test", "mary@quoted.test").await;
    assert_eq!(
        site.delivered(stranger, &[spaced]).await,
        ["mailbox quoted.test/mary/"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_directory_another_program_wrote_without_its_slash_is_still_a_maildir() {
    let site = site().await;
    site.domain("slash.test").await;
    let rows = "INSERT INTO users (id, maildir) VALUES ('mary@slash.test', 'slash.test/mary'), \
                ('top@slash.test', 'slash-top'), ('root@slash.test', '/slash.test/root'), \
                ('up@slash.test', '../up'), ('none@slash.test', '')";
    site.bed.database.script(rows).await;
    let stranger = site.bed.stranger();
    for (address, maildir) in [
        ("mary@slash.test", "slash.test/mary/"),
        ("top@slash.test", "slash-top/"),
        ("root@slash.test", "slash.test/root/"),
    ] {
        assert_eq!(
            site.delivered(stranger, &[address]).await,
            [format!("mailbox {maildir}")]
        );
    }
    for address in ["up@slash.test", "none@slash.test"] {
        assert_eq!(stranger.recipient(address).await, unknown(address));
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_domain_that_is_also_a_backup_entry_is_delivered_here() {
    let site = site().await;
    site.domain("both.test").await;
    site.mailbox("mary@both.test").await;
    let row = "INSERT INTO backups (domain, transport) VALUES ('both.test', '')";
    site.bed.database.script(row).await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["mary@both.test"]).await,
        ["mailbox both.test/mary/"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_bare_domain_among_the_aliases_takes_nobodys_mail() {
    let site = site().await;
    site.domain("bare-alias.test").await;
    site.mailbox("mary@bare-alias.test").await;
    let row = "INSERT INTO aliases (mail, destination) VALUES ('bare-alias.test', 'joe@far.test')";
    site.bed.database.script(row).await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["mary@bare-alias.test"])
            .await,
        ["mailbox bare-alias.test/mary/"]
    );
}
