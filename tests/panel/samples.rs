//! One good row of every table, and the steps most tests take with it.

use sqlx::{Connection, Executor, MySqlConnection};

use crate::support::{Answer, Browser, Database, Panel};

pub type Fields = &'static [(&'static str, &'static str)];

/// A table and what a person may type into its form without being asked anything.
pub struct Sample {
    /// First part of the page addresses.
    pub slug: &'static str,
    pub table: &'static str,
    /// Its primary key.
    pub key: &'static str,
    /// The column Postfix looks up.
    pub subject: &'static str,
    /// A row to add.
    pub row: Fields,
    /// What to change in it.
    pub change: (&'static str, &'static str),
}

pub const SAMPLES: &[Sample] = &[
    Sample {
        slug: "domains",
        table: "domains",
        key: "pkid",
        subject: "domain",
        row: &[
            ("domain", "new.example"),
            ("transport", "virtual:"),
            ("enabled", "1"),
        ],
        change: ("transport", "smtp:[mail.new.example]"),
    },
    Sample {
        slug: "aliases",
        table: "aliases",
        key: "pkid",
        subject: "mail",
        row: &[
            ("mail", "info@shop.example"),
            ("destination", "joe@x.example"),
            ("enabled", "1"),
        ],
        change: ("destination", "ann@y.example"),
    },
    Sample {
        slug: "backups",
        table: "backups",
        key: "pkid",
        subject: "domain",
        row: &[
            ("domain", "kept.example"),
            ("transport", ":[mail.kept.example]"),
            ("enabled", "1"),
        ],
        change: ("transport", "smtp:[other.kept.example]"),
    },
    Sample {
        slug: "relays",
        table: "relays",
        key: "pkid",
        subject: "recipient",
        row: &[
            ("recipient", "joe@away.example"),
            ("status", "OK"),
            ("enabled", "1"),
        ],
        change: ("status", "REJECT"),
    },
    Sample {
        slug: "relocated",
        table: "relocated",
        key: "pkid",
        subject: "oldadr",
        row: &[
            ("oldadr", "gone@shop.example"),
            ("newadr", "here@y.example"),
            ("enabled", "1"),
        ],
        change: ("newadr", "there@y.example"),
    },
    Sample {
        slug: "users",
        table: "users",
        key: "id",
        subject: "id",
        row: &[
            ("id", "mary@shop.example"),
            ("name", "Mary Doe"),
            ("maildir", "shop.example/mary/"),
            ("enabled", "1"),
        ],
        change: ("name", "Mary Roe"),
    },
    Sample {
        slug: "access",
        table: "access_rules",
        key: "pkid",
        subject: "pattern",
        row: &[
            ("pattern", "spam@shop.example"),
            ("kind", "recipient"),
            ("action", "REJECT"),
            ("message", "Not any more"),
            ("enabled", "1"),
        ],
        change: ("message", "Never again"),
    },
    Sample {
        slug: "lists",
        table: "aliases",
        key: "pkid",
        subject: "mail",
        row: &[
            ("mail", "friends@shop.example"),
            ("destination", "ann@y.example,joe@x.example"),
            ("enabled", "1"),
        ],
        change: ("destination", "ann@y.example,karl@x.example"),
    },
];

/// The samples that are whole tables: a mailing list is a row of `aliases`.
pub fn tables() -> impl Iterator<Item = &'static Sample> {
    SAMPLES.iter().filter(|sample| sample.slug != "lists")
}

/// The address of the form of a row: a domain's own page is about everything that belongs to it.
pub fn form_of(page: &str) -> String {
    if page.trim_start_matches('/').starts_with("domains/") {
        format!("{page}/edit")
    } else {
        page.to_owned()
    }
}

/// What the samples lean on: a domain of this server and one it is backup MX of.
pub const GROUND: &str = "INSERT INTO domains (domain) VALUES ('shop.example'); \
                          INSERT INTO backups (domain, transport) VALUES ('away.example', ':[mail.away.example]');";

/// A fresh and an adopted database, both with [`GROUND`].
pub async fn both() -> [Database; 2] {
    let databases = [Database::fresh().await, Database::howto().await];
    for database in &databases {
        database.script(GROUND).await;
    }
    databases
}

/// A panel over a fresh database with [`GROUND`], and an operator in it.
pub async fn ground() -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

impl Sample {
    /// What stands in the subject of the row.
    pub fn name(&self) -> &'static str {
        self.row[0].1
    }

    /// The row with one field changed.
    pub fn with(&self, name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
        let kept = self.row.iter().filter(|(n, _)| *n != name).copied();
        kept.chain([(name, value)]).collect()
    }

    /// Adds the row as another program would and answers with its page, `aliases/7`.
    pub async fn insert(&self, database: &Database) -> String {
        let names: Vec<&str> = self.row.iter().map(|(n, _)| *n).collect();
        let values: Vec<String> = self.row.iter().map(|(_, v)| format!("'{v}'")).collect();
        database
            .script(&format!(
                "INSERT INTO {} ({}) VALUES ({})",
                self.table,
                names.join(", "),
                values.join(", ")
            ))
            .await;
        self.page(database).await
    }

    /// The page of the row, `aliases/7`.
    pub async fn page(&self, database: &Database) -> String {
        let query = format!(
            "SELECT {} FROM {} WHERE {} = '{}'",
            self.key,
            self.table,
            self.subject,
            self.name()
        );
        format!("{}/{}", self.slug, database.value(&query).await.expect("the row"))
    }

    /// Whether the row is there.
    pub async fn is_there(&self, database: &Database) -> bool {
        self.stored(database, self.key).await.is_some()
    }

    /// What the row has in a column now; nothing where there is no such row.
    pub async fn stored(&self, database: &Database, column: &str) -> Option<String> {
        let query = format!(
            "SELECT {column} FROM {} WHERE {} = '{}'",
            self.table,
            self.subject,
            self.name()
        );
        database.value(&query).await
    }
}

/// Another program that holds every row of a table, and the place where new ones go.
pub async fn held(database: &Database, table: &str) -> MySqlConnection {
    let mut other = MySqlConnection::connect(&database.url).await.expect("it answers");
    other.execute("START TRANSACTION").await.expect("begun");
    let lock = format!("SELECT * FROM {table} FOR UPDATE");
    other.execute(sqlx::AssertSqlSafe(lock)).await.expect("locked");
    other
}

/// How many changes are recorded.
pub async fn recorded(database: &Database) -> u64 {
    database.count("SELECT COUNT(*) FROM pw_changes").await
}

/// The addresses of every row of a list, page after page, as a person who presses Next sees them.
pub async fn walk(browser: &Browser, list: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut page = browser.get(list).await;
    for _ in 0..500 {
        assert_eq!(page.status, 200, "{list}");
        rows.extend(links(&page));
        match page.attributes("a[rel=next]", "href").first() {
            Some(next) => page = browser.get(next).await,
            None => return rows,
        }
    }
    panic!("{list} has no last page");
}

/// The addresses of the rows on one page of a list.
pub fn links(page: &Answer) -> Vec<String> {
    page.attributes("tbody th[scope=row] a.mono", "href")
}

/// The names of the rows on one page of a list.
pub fn names(page: &Answer) -> Vec<String> {
    page.texts("tbody th[scope=row] a.mono")
}
