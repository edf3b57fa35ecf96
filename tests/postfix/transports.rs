//! Next hops in all their forms.

use crate::ground::site;

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn an_address_as_next_hop_gets_the_mail_with_and_without_brackets() {
    let site = site().await;
    let address = site.bed.another_server("mail.numbered.test").address;
    let stranger = site.bed.stranger();
    for (domain, hop) in [
        ("bracketed.test", format!("[{address}]")),
        ("bare.test", address.to_string()),
    ] {
        site.backup(domain, &format!("smtp:{hop}")).await;
        site.relay(&format!("@{domain}"), "OK").await;
        let to = format!("joe@{domain}");
        assert_eq!(
            site.delivered(stranger, &[&to]).await,
            [format!("mail.numbered.test {to}")]
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn of_several_next_hops_the_first_that_answers_is_taken() {
    let site = site().await;
    let bed = site.bed;
    let off = bed.another_server("mail.off.test");
    off.switch_off();
    bed.another_server("mail.second.test");
    for (domain, transport) in [
        ("unresolved.test", "smtp:[mail.nx.test],[mail.second.test]"),
        ("refused.test", "smtp:[mail.off.test],[mail.second.test]"),
    ] {
        site.backup(domain, transport).await;
        site.relay(&format!("@{domain}"), "OK").await;
        let to = format!("joe@{domain}");
        assert_eq!(
            site.delivered(bed.stranger(), &[&to]).await,
            [format!("mail.second.test {to}")]
        );
    }
    off.switch_on();
    bed.flush();
    assert_eq!(
        site.delivered(bed.stranger(), &["ann@refused.test"]).await,
        ["mail.off.test ann@refused.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn without_brackets_the_mx_records_of_the_next_hop_are_followed() {
    let site = site().await;
    site.bed.another_server("mail.hop.test");
    site.bed.names.mail_servers("hop.test", &[(10, "mail.hop.test")]);
    site.backup("unbracketed.test", "smtp:hop.test").await;
    site.relay("@unbracketed.test", "OK").await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["joe@unbracketed.test"])
            .await,
        ["mail.hop.test joe@unbracketed.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn empty_brackets_from_another_program_stop_no_mail() {
    let site = site().await;
    let rows = "INSERT INTO backups (domain, transport) VALUES ('empty.kept.test', ':[]'), \
                ('named.kept.test', 'smtp:[]'), ('colon.kept.test', ':'), ('listed.kept.test', ':[],[mail.friend.com]')";
    site.bed.database.script(rows).await;
    site.backup("beside.test", ":[mail.friend.com]").await;
    let stranger = site.bed.stranger();
    for domain in [
        "empty.kept.test",
        "named.kept.test",
        "colon.kept.test",
        "beside.test",
    ] {
        site.relay(&format!("@{domain}"), "OK").await;
        let to = format!("joe@{domain}");
        assert_eq!(site.delivered(stranger, &[&to]).await, [format!("primary {to}")]);
    }
    assert!(
        site.bed.logged("fatal").is_empty(),
        "{:?}",
        site.bed.logged("fatal")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_next_hop_that_is_this_server_or_nowhere_returns_the_mail() {
    let site = site().await;
    for (domain, transport) in [
        ("loops.test", ":[mx.self.test]"),
        ("nowhere.test", ":[mail.nx.test]"),
    ] {
        site.backup(domain, transport).await;
        site.relay(&format!("@{domain}"), "OK").await;
        let to = format!("joe@{domain}");
        assert_eq!(
            site.delivered(site.bed.stranger(), &[&to]).await,
            [format!("bounced {to}")]
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn an_error_transport_answers_with_its_text() {
    let site = site().await;
    site.domain("error.test").await;
    site.mailbox("mary@error.test").await;
    let row = "UPDATE domains SET transport = 'error:5.1.1 closed for good' WHERE domain = 'error.test'";
    site.bed.database.script(row).await;
    assert_eq!(
        site.bed.stranger().recipient("mary@error.test").await,
        "550 5.1.1 <mary@error.test>: Recipient address rejected: closed for good"
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_row_for_everything_takes_no_outgoing_mail() {
    let site = site().await;
    let rows = "INSERT INTO domains (domain, transport) VALUES ('*', 'smtp:[mail.friend.com]'); \
                INSERT INTO backups (domain, transport) VALUES ('*', 'smtp:[mail.friend.com]')";
    site.bed.database.script(rows).await;
    // Postfix looks for such a row once in half a minute.
    site.bed.reload();
    assert_eq!(
        site.delivered(site.bed.inside(), &["karl@everything.far.test"])
            .await,
        ["outside karl@everything.far.test"]
    );
    assert_eq!(
        site.bed.stranger().recipient("karl@everything.far.test").await,
        "554 5.7.1 <karl@everything.far.test>: Relay access denied"
    );
}
