//! Rows of the mail tables as any program may write them.

use postwarden::resource::Row;

/// Columns that a row has at most, besides its key and its switch.
const MOST_COLUMNS: usize = 4;

/// A row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub table: &'static str,
    columns: &'static [&'static str],
    /// In the order of the columns; what is over is empty.
    values: [&'static str; MOST_COLUMNS],
    enabled: &'static str,
}

const fn stored(
    table: &'static str,
    columns: &'static [&'static str],
    values: [&'static str; MOST_COLUMNS],
) -> Stored {
    Stored {
        table,
        columns,
        values,
        enabled: "1",
    }
}

/// A domain that is delivered here.
pub(super) const fn hosted(name: &'static str) -> Stored {
    domain(name, "virtual:")
}

pub(super) const fn domain(domain: &'static str, transport: &'static str) -> Stored {
    stored("domains", &["domain", "transport"], [domain, transport, "", ""])
}

pub(super) const fn backup(domain: &'static str, transport: &'static str) -> Stored {
    stored("backups", &["domain", "transport"], [domain, transport, "", ""])
}

pub(super) const fn alias(mail: &'static str, destination: &'static str) -> Stored {
    stored("aliases", &["mail", "destination"], [mail, destination, "", ""])
}

pub(super) const fn user(id: &'static str, maildir: &'static str) -> Stored {
    stored("users", &["id", "maildir"], [id, maildir, "", ""])
}

/// A mailbox that says in which directory all are.
pub(super) const fn user_at(id: &'static str, maildir: &'static str, home: &'static str) -> Stored {
    stored("users", &["id", "maildir", "home"], [id, maildir, home, ""])
}

pub(super) const fn relay(recipient: &'static str, status: &'static str) -> Stored {
    stored("relays", &["recipient", "status"], [recipient, status, "", ""])
}

pub(super) const fn relocated(old: &'static str, new: &'static str) -> Stored {
    stored("relocated", &["oldadr", "newadr"], [old, new, "", ""])
}

pub(super) const fn access(kind: &'static str, pattern: &'static str, action: &'static str) -> Stored {
    access_saying(kind, pattern, action, "")
}

pub(super) const fn access_saying(
    kind: &'static str,
    pattern: &'static str,
    action: &'static str,
    message: &'static str,
) -> Stored {
    let columns = &["kind", "pattern", "action", "message"];
    stored("access_rules", columns, [kind, pattern, action, message])
}

impl Stored {
    /// The same, switched off.
    pub const fn off(self) -> Self {
        self.switched("0")
    }

    /// The same with another value in `enabled`.
    pub const fn switched(self, enabled: &'static str) -> Self {
        Self { enabled, ..self }
    }

    fn values(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let switch = [("enabled", self.enabled)];
        self.columns.iter().copied().zip(self.values).chain(switch)
    }

    /// The row as the rules read it. Its key is its subject in `users`, a number elsewhere.
    pub fn row(&self, key: usize) -> Row {
        let key = if self.table == "users" {
            self.values[0].to_owned()
        } else {
            key.to_string()
        };
        let row = Row::new(key, Vec::new());
        self.values()
            .fold(row, |row, (column, value)| row.with(column, value))
    }

    /// The statement that writes it.
    pub fn insert(&self) -> String {
        let (columns, values): (Vec<_>, Vec<_>) = self.values().unzip();
        let quoted = |value: &str| format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"));
        let values: Vec<String> = values.into_iter().map(quoted).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        format!("INSERT INTO {} ({columns}) VALUES ({values});", self.table)
    }
}
