//! Mailing lists.

use crate::ground::site;

/// As many addresses of a far domain.
fn members(count: usize, domain: &str) -> Vec<String> {
    (0..count).map(|n| format!("m{n}@{domain}")).collect()
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn each_member_of_a_list_gets_one_copy() {
    let site = site().await;
    site.domain("list.test").await;
    site.mailbox("mary@list.test").await;
    site.alias("joe@list.test", "joe@far.test").await;
    let fields = [
        ("mail", "all@list.test"),
        ("destination", "mary@list.test\njoe@list.test\nann@away.far.test"),
        ("enabled", "1"),
    ];
    site.save("lists", &fields).await;
    let copies = [
        "mailbox list.test/mary/",
        "outside ann@away.far.test",
        "outside joe@far.test",
    ];
    let stranger = site.bed.stranger();
    assert_eq!(site.delivered(stranger, &["all@list.test"]).await, copies);
    // A list within a list adds no second copy; who writes to a member too sends two.
    site.alias("both@list.test", "all@list.test,MARY@list.test,mary@list.test")
        .await;
    assert_eq!(site.delivered(stranger, &["both@list.test"]).await, copies);
    let to = ["all@list.test", "mary@list.test"];
    assert_eq!(
        site.delivered(stranger, &to).await,
        [&[copies[0]], &copies[..]].concat()
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_list_of_a_thousand_reaches_them_all() {
    let site = site().await;
    site.domain("thousand.test").await;
    let members = members(1000, "thousand.far.test");
    let fields = [
        ("mail", "all@thousand.test"),
        ("destination", &members.join("\n")),
        ("enabled", "1"),
    ];
    site.save("lists", &fields).await;
    let mut expected: Vec<String> = members.iter().map(|m| format!("outside {m}")).collect();
    expected.sort();
    assert_eq!(
        site.delivered(site.bed.stranger(), &["all@thousand.test"]).await,
        expected
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_list_of_a_thousand_and_one_is_asked_about_and_refused_with_every_mail() {
    let site = site().await;
    site.domain("toomany.test").await;
    let members = members(1001, "toomany.far.test");
    let fields = [
        ("mail", "all@toomany.test"),
        ("destination", &members.join("\n")),
        ("enabled", "1"),
    ];
    let asked = site.operator.post("lists", &fields).await;
    assert_eq!(asked.status, 200);
    assert!(asked.text("main").contains("451"), "{}", asked.text("main"));
    site.save("lists", &fields).await;
    let sent = site.bed.stranger().send(&["all@toomany.test"]).await;
    assert_eq!(sent.recipients, ["250 2.1.5 Ok"]);
    assert_eq!(sent.end, "451 4.6.0 Alias expansion error");
}
