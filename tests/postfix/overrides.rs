//! One person's mail at Google, everybody else's here.

use crate::ground::{Site, site, site_of_backups};

const GOOGLE: &str = "smtp:[aspmx.l.google.com]";

/// Mary is here, and everything nobody else takes is hers.
async fn bloggs(site: &Site, domain: &str) -> [String; 3] {
    site.domain(domain).await;
    let [joe, mary, any] = ["joe", "mary", "any"].map(|name| format!("{name}@{domain}"));
    site.mailbox(&mary).await;
    site.alias(&mary, &mary).await;
    site.alias(&format!("@{domain}"), &mary).await;
    [joe, mary, any]
}

/// One session for all three: joe's goes to a server, the rest to mary.
async fn joe_is_away(site: &Site, people: &[String; 3], server: &str) {
    let to: Vec<&str> = people.iter().map(String::as_str).collect();
    let (_, domain) = to[1].split_once('@').expect("an address");
    let mut expected = [
        format!("{server} {}", to[0]),
        // Mary, and the catch-all.
        format!("mailbox {domain}/mary/"),
        format!("mailbox {domain}/mary/"),
    ];
    expected.sort();
    for client in [site.bed.stranger(), site.bed.inside()] {
        assert_eq!(site.delivered(client, &to).await, expected);
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn joe_is_at_google_and_mary_is_here() {
    for (site, table, domain) in [
        (site().await, "domains", "joe-in-domains.test"),
        (site_of_backups().await, "backups", "joe-in-backups.test"),
    ] {
        let people = bloggs(&site, domain).await;
        site.moved_away(&people[0], GOOGLE).await;
        let query = format!("SELECT COUNT(*) FROM {table} WHERE domain = '{}'", people[0]);
        assert_eq!(site.bed.database.count(&query).await, 1);
        joe_is_away(&site, &people, "google").await;
        // His self alias takes what follows the plus away.
        let plus = format!("joe+news@{domain}");
        assert_eq!(
            site.delivered(site.bed.stranger(), &[&plus]).await,
            [format!("google {}", people[0])]
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn of_two_rows_for_joe_the_one_among_the_domains_counts() {
    let site = site().await;
    let people = bloggs(&site, "joe-twice.test").await;
    site.moved_away(&people[0], GOOGLE).await;
    let other = format!(
        "INSERT INTO backups (domain, transport) VALUES ('{}', 'smtp:[mail.friend.com]')",
        people[0]
    );
    site.bed.database.script(&other).await;
    joe_is_away(&site, &people, "google").await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn without_his_self_alias_joes_mail_is_caught_by_the_catch_all() {
    let site = site().await;
    let people = bloggs(&site, "joe-unknown.test").await;
    site.moved_away(&people[0], GOOGLE).await;
    site.switch("aliases", "mail", &people[0], false).await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &[&people[0]]).await,
        ["mailbox joe-unknown.test/mary/"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn one_person_of_a_relayed_domain_can_be_elsewhere() {
    let site = site().await;
    site.backup("relayed-bloggs.test", ":[mail.friend.com]").await;
    site.relay("mary@relayed-bloggs.test", "OK").await;
    site.moved_away("joe@relayed-bloggs.test", GOOGLE).await;
    let to = ["joe@relayed-bloggs.test", "mary@relayed-bloggs.test"];
    assert_eq!(
        site.delivered(site.bed.stranger(), &to).await,
        [
            "google joe@relayed-bloggs.test",
            "primary mary@relayed-bloggs.test"
        ]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn an_override_switched_off_and_back_on_moves_the_mail() {
    let site = site().await;
    let domain = "joe-back.test";
    let people = bloggs(&site, domain).await;
    site.mailbox(&people[0]).await;
    site.moved_away(&people[0], GOOGLE).await;
    joe_is_away(&site, &people, "google").await;
    let query = format!("UPDATE domains SET enabled = 0 WHERE domain = '{}'", people[0]);
    site.bed.database.script(&query).await;
    // What Postfix knows of routes is half a minute old.
    site.bed.reload();
    assert_eq!(
        site.delivered(site.bed.stranger(), &[&people[0]]).await,
        [format!("mailbox {domain}/joe/")]
    );
}
