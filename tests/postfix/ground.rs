//! The one bed of this suite, and rows as people type them.

use std::sync::LazyLock;

use postwarden::access::Role;
use postwarden::config::OverrideTable;

use crate::bed::{Bed, Client, Sent};
use crate::configuration::generated;
use crate::support::{Browser, Database, PASSWORD, Panel};

/// What all tests of the suite stand on: the bed, and two panels on its database, which keep overrides in different tables.
struct Ground {
    bed: Bed,
    panel: Panel,
    panel_of_backups: Panel,
    /// The servers live on it, whichever test comes first.
    _runtime: tokio::runtime::Runtime,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    // A test's own runtime ends with the test, and cannot be blocked.
    let starting = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (bed, panel, panel_of_backups) = runtime.block_on(async {
            let database = Database::fresh().await;
            let panel = Panel::on(database.clone()).await;
            let other = Panel::with(database.clone(), |config| {
                config.overrides.table = OverrideTable::Backups;
            })
            .await;
            panel.account("operator", Role::Operator, &[]).await;
            (Bed::start(database, generated).await, panel, other)
        });
        Ground {
            bed,
            panel,
            panel_of_backups,
            _runtime: runtime,
        }
    });
    starting.join().expect("a bed")
});

/// A test's view of the ground: the bed, and a signed-in browser.
pub struct Site {
    pub bed: &'static Bed,
    pub operator: Browser,
}

/// The panel with its default settings.
pub async fn site() -> Site {
    signed_in(&GROUND.panel).await
}

/// The panel that keeps overrides in `backups`.
pub async fn site_of_backups() -> Site {
    signed_in(&GROUND.panel_of_backups).await
}

async fn signed_in(panel: &Panel) -> Site {
    Site {
        bed: &GROUND.bed,
        operator: sign_in(panel).await,
    }
}

/// A browser in which the panel's operator is signed in. They take turns: more than five who have the same name and come
/// at the same moment are taken for guesses.
pub async fn sign_in(panel: &Panel) -> Browser {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _turn = TURN.lock().await;
    let operator = panel.browser();
    let fields = [("username", "operator"), ("password", PASSWORD)];
    let answer = operator.post("login", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    operator
}

impl Site {
    /// Saves a form; what the panel asks about is confirmed.
    pub async fn save(&self, path: &str, fields: &[(&str, &str)]) {
        let answer = self.operator.post_confirmed(path, fields).await;
        assert_eq!(answer.status, 303, "{path} {fields:?}: {}", answer.text("main"));
    }

    pub async fn domain(&self, domain: &str) {
        let fields = [("domain", domain), ("transport", "virtual:"), ("enabled", "1")];
        self.save("domains", &fields).await;
    }

    pub async fn alias(&self, mail: &str, destination: &str) {
        let fields = [("mail", mail), ("destination", destination), ("enabled", "1")];
        self.save("aliases", &fields).await;
    }

    /// A mailbox in `domain/name/`.
    pub async fn mailbox(&self, id: &str) {
        let fields = [("id", id), ("password", PASSWORD), ("enabled", "1")];
        self.save("users", &fields).await;
    }

    pub async fn backup(&self, domain: &str, transport: &str) {
        let fields = [("domain", domain), ("transport", transport), ("enabled", "1")];
        self.save("backups", &fields).await;
    }

    pub async fn relay(&self, recipient: &str, status: &str) {
        let fields = [("recipient", recipient), ("status", status), ("enabled", "1")];
        self.save("relays", &fields).await;
    }

    pub async fn relocated(&self, old: &str, new: &str) {
        let fields = [("oldadr", old), ("newadr", new), ("enabled", "1")];
        self.save("relocated", &fields).await;
    }

    pub async fn moved_away(&self, mail: &str, transport: &str) {
        let fields = [("mail", mail), ("transport", transport), ("enabled", "1")];
        self.save("overrides", &fields).await;
    }

    pub async fn rule(&self, kind: &str, pattern: &str, action: &str, message: &str) {
        let fields = [
            ("kind", kind),
            ("pattern", pattern),
            ("action", action),
            ("message", message),
            ("enabled", "1"),
        ];
        self.save("access", &fields).await;
    }

    /// Switches a row off or on, by the value of its subject.
    pub async fn switch(&self, table: &str, subject: &str, value: &str, enabled: bool) {
        let query = format!("SELECT pkid FROM {table} WHERE {subject} = '{value}'");
        let key = self.bed.database.value(&query).await.expect(value);
        let slug = if table == "access_rules" { "access" } else { table };
        let on = if enabled { "1" } else { "0" };
        self.save(&format!("{slug}/{key}/enabled"), &[("value", on)])
            .await;
    }

    /// Sends a mail that every recipient is accepted of, and answers with where it went.
    pub async fn delivered(&self, client: Client, to: &[&str]) -> Vec<String> {
        let sent = client.send(to).await;
        self.accepted(&sent, to).await
    }

    /// Where a mail went that was accepted for all.
    pub async fn accepted(&self, sent: &Sent, to: &[&str]) -> Vec<String> {
        assert!(
            sent.recipients.iter().all(|reply| reply == "250 2.1.5 Ok"),
            "{to:?}: {:?}",
            sent.recipients
        );
        assert!(sent.end.starts_with("250 2.0.0 Ok"), "{to:?}: {}", sent.end);
        self.bed.outcome(sent).await
    }
}
