//! The page of backups.

use postwarden::access::Role;

use crate::support::{Browser, Database, PASSWORD, Panel};

/// A downloaded archive, as bytes.
async fn download(browser: &Browser) -> (u16, String, Vec<u8>) {
    let request = browser.client.post(browser.url("archive/download"));
    let answer = request
        .header("accept-encoding", "identity")
        .send()
        .await
        .expect("an answer");
    let name = answer
        .headers()
        .get("content-disposition")
        .map(|v| v.to_str().expect("text").to_owned());
    (
        answer.status().as_u16(),
        name.unwrap_or_default(),
        answer.bytes().await.expect("all of it").to_vec(),
    )
}

#[tokio::test]
async fn an_operator_downloads_an_archive_that_can_be_restored_and_it_is_noted() {
    let panel = Panel::on(Database::howto().await).await;
    let operator = panel.operator().await;
    let before = operator.get("archive").await;
    assert!(before.text(".notice").contains("No backup"), "{}", before.body);
    let (status, name, bytes) = download(&operator).await;
    assert_eq!(status, 200);
    let today = time::OffsetDateTime::now_utc().date();
    assert_eq!(
        name,
        format!("attachment; filename=\"postwarden-{today}.backup\"")
    );
    let mut file = tempfile::tempfile().expect("a file");
    std::io::Write::write_all(&mut file, &bytes).expect("written");
    let archive = postwarden::exchange::Archive::open(file).expect("whole");
    let aliases = archive.tables.iter().find(|(table, _)| table.table == "aliases");
    let stored = panel.database.count("SELECT COUNT(*) FROM aliases").await;
    assert_eq!(aliases.map(|(_, rows)| *rows), Some(stored));

    let page = operator.get("archive").await;
    assert!(
        page.text("main").contains("The last backup is 0 hours old"),
        "{}",
        page.text("main")
    );
    let sum = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&bytes));
    assert_eq!(page.text("table code"), sum);
    assert!(
        page.text("table").contains("by operator"),
        "{}",
        page.text("table")
    );
}

#[tokio::test]
async fn archives_are_for_operators_who_prove_who_they_are() {
    let panel = Panel::on(Database::howto().await).await;
    let operator = panel.operator().await;
    let auditor = panel.signed_in("aud", Role::Auditor, &[]).await;
    let owner = panel.signed_in("joe", Role::Owner, &["blobber.org"]).await;
    assert_eq!(download(&auditor).await.0, 403);
    assert_eq!(download(&owner).await.0, 404);
    let page = auditor.get("archive").await;
    assert_eq!(
        (page.status, page.texts("form[action$=download]").len()),
        (200, 0)
    );
    assert_eq!(owner.get("archive").await.status, 404);

    panel.database.age_proofs(10).await;
    let asked = operator.post("archive/download", &[]).await;
    assert_eq!((asked.status, asked.header("content-disposition")), (403, ""));
    let given = operator.submit(&asked, &[("own_password", PASSWORD)]).await;
    assert_eq!(given.status, 200);
    assert!(given.header("content-disposition").contains(".backup"));
}

#[tokio::test]
async fn a_last_backup_that_is_old_is_said_on_the_first_page() {
    let panel = Panel::on(Database::howto().await).await;
    let operator = panel.operator().await;
    let auditor = panel.signed_in("aud", Role::Auditor, &[]).await;
    let owner = panel.signed_in("joe", Role::Owner, &["blobber.org"]).await;
    let warned = async |browser: &Browser| browser.get("").await.text("main").contains("last backup is");
    assert!(!warned(&operator).await, "who never made one knows");
    download(&operator).await;
    assert!(!warned(&operator).await);
    panel
        .database
        .script("UPDATE pw_backups SET at = NOW() - INTERVAL 9 DAY")
        .await;
    for (browser, told) in [(&operator, true), (&auditor, true), (&owner, false)] {
        assert_eq!(warned(browser).await, told);
    }
    let page = operator.get("archive").await;
    assert!(page.text(".notice.warn").contains("9 days old"), "{}", page.body);
    for name in ["postwarden-backup.timer", "postwarden-backup.service"] {
        assert!(page.text("main").contains(name));
    }
}
