//! Rows and questions for the tests of the model.

use super::{Asked, Delivery, Explanation, Kind, Setup, Site, Snapshot, explain};
use crate::resource::Row;

/// Tables and a way to ask about them.
pub(super) struct Tables {
    snapshot: Snapshot,
    rows: usize,
    pub site: Site,
    pub asked: Asked,
}

/// The columns of a table that the tests fill, in the order of [`Tables::row`].
fn columns(table: &str) -> &'static [&'static str] {
    match table {
        "domains" | "backups" => &["domain", "transport"],
        "aliases" => &["mail", "destination"],
        "users" => &["id", "maildir"],
        "relays" => &["recipient", "status"],
        "relocated" => &["oldadr", "newadr"],
        _ => &["kind", "pattern", "action", "message"],
    }
}

impl Tables {
    /// No rows, on a server named mx.self.test.
    pub fn new() -> Self {
        Self {
            snapshot: Snapshot::new(),
            rows: 0,
            site: Site {
                destinations: Vec::new(),
                origin: "mx.self.test".to_owned(),
            },
            asked: Asked::default(),
        }
    }

    /// The usual: a hosted domain with mary's mailbox, and a backup MX entry for friend.test.
    pub fn usual() -> Self {
        Self::new()
            .row("domains", &["d.test", "virtual:"])
            .row("users", &["mary@d.test", "d.test/mary/"])
            .row("backups", &["friend.test", ":[mail.friend.test]"])
    }

    /// The same with a row that is on; its key is its number.
    pub fn row(self, table: &'static str, values: &[&str]) -> Self {
        self.switched(table, values, "1")
    }

    /// The same with a row that is off.
    pub fn off(self, table: &'static str, values: &[&str]) -> Self {
        self.switched(table, values, "0")
    }

    fn switched(mut self, table: &'static str, values: &[&str], enabled: &str) -> Self {
        self.rows += 1;
        let names = columns(table).iter().chain(&["enabled"]);
        let values = values.iter().chain(std::iter::once(&enabled));
        let values = names
            .zip(values)
            .map(|(name, value)| (*name, Some((*value).to_owned())));
        self.snapshot
            .add(table, Row::new(self.rows.to_string(), values.collect()));
        self
    }

    /// The same without a table, or a column of it.
    pub fn lacking(mut self, table: &str, column: &str) -> Self {
        self.snapshot = self.snapshot.lacking(table, column);
        self
    }

    /// The same asked by the howto's configuration.
    pub fn howto(mut self) -> Self {
        self.asked.setup = Setup::Howto;
        self
    }

    /// The same asked for somebody inside.
    pub fn inside(mut self) -> Self {
        self.asked.inside = true;
        self
    }

    /// The same asked for a sender.
    pub fn from(mut self, sender: &str) -> Self {
        self.asked.sender = Some(sender.to_owned());
        self
    }

    /// The same asked for a client.
    pub fn by(mut self, client: &str, name: Option<&str>) -> Self {
        self.asked.client = Some(client.parse().expect(client));
        self.asked.client_name = name.map(str::to_owned);
        self
    }

    pub fn explain(&self, address: &str) -> Explanation {
        let asked = Asked {
            address: address.to_owned(),
            ..self.asked.clone()
        };
        explain(&self.snapshot, &self.site, &asked)
    }

    /// The reply to `RCPT TO`.
    pub fn rcpt(&self, address: &str) -> String {
        let reply = self.explain(address).rcpt;
        format!("{} {}", reply.code, reply.text)
    }

    /// What becomes of the mail, one line for each delivery.
    pub fn ends(&self, address: &str) -> Vec<String> {
        self.explain(address).deliveries.iter().map(end).collect()
    }
}

fn end(delivery: &Delivery) -> String {
    let (kind, what) = match delivery.kind {
        Kind::Mailbox => ("mailbox", &delivery.maildir),
        Kind::Smtp => ("smtp", &delivery.nexthop),
        Kind::Bounce => ("bounce", &delivery.reason),
        Kind::Defer => ("defer", &delivery.reason),
        Kind::Discard => ("discard", &None),
    };
    let what = what.as_deref().unwrap_or_default();
    format!("{}: {kind} {what}", delivery.address)
        .trim_end()
        .to_owned()
}
