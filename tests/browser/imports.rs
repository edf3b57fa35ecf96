//! Importing by hand: a file is chosen, looked through and imported.

use std::io::Write;

use crate::support::{Database, Panel};
use crate::window::Window;

async fn ground() -> Panel {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('blobber.org');
             INSERT INTO aliases (mail, destination) VALUES ('old@blobber.org', 'joe@blobber.org')",
        )
        .await;
    Panel::on(database).await
}

/// Chooses a file on the page that is shown.
async fn choose(window: &Window, text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new()
        .suffix(".csv")
        .tempfile()
        .expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    let field = window.element("#file").await;
    field
        .send_keys(file.path().to_str().expect("a path"))
        .await
        .expect("chosen");
    file
}

#[tokio::test]
async fn a_file_is_imported_from_the_list_with_and_without_scripts() {
    for scripts in [true, false] {
        let panel = ground().await;
        let window = if scripts {
            Window::open(&panel).await
        } else {
            Window::without_scripts(&panel).await
        };
        window.sign_in(&panel).await;
        window.visit("aliases").await;
        window.press("Import aliases").await;
        assert_eq!(window.path().await, "/aliases/import");
        let rows = "new@blobber.org;joe@blobber.org\nold@blobber.org;mary@blobber.org\nbad;joe@blobber.org\n";
        let file = choose(&window, rows).await;
        window.press("See what would change").await;
        assert_eq!(window.text("h1").await, "Which column is which?");
        window.press("See what would change").await;
        let name = file
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert_eq!(window.text("h1").await, name);
        assert!(window.text(".refused").await.contains("bad"));
        window.press("Import 2 rows without the refused").await;
        assert_eq!(window.path().await, "/aliases");
        let notice = window.text(".notice").await;
        assert!(
            notice.contains("1 added, 1 changed, 0 unchanged, 1 left out"),
            "{notice}"
        );
        let stored = panel
            .database
            .value("SELECT destination FROM aliases WHERE mail = 'old@blobber.org'")
            .await;
        assert_eq!(stored.as_deref(), Some("mary@blobber.org"));
        window.close().await;
    }
}
