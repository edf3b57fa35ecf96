//! Every route of the panel, asked by five visitors, against a table of what each may do: `tests/data/routes.txt`. Whoever is
//! refused changes nothing and reads nothing, and what owners are shown has nothing of anybody else.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use postwarden::access::Role;

use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

const TABLE: &str = include_str!("../data/routes.txt");

/// In the order of the table's columns.
const VISITORS: [&str; 5] = ["stranger", "neighbour", "owner", "auditor", "operator"];

/// Rows of one domain and its backup MX domain, in every table and with `zzNAME` in every text. The first row of each
/// table is `{key}`, and its own address or domain has no such word, since whoever asks for the row names it.
const ROWS: &str = "
    INSERT INTO domains (pkid, domain, transport) VALUES
      (N1, 'NAME.example', 'virtual:'), (N2, 'zzNAME.NAME.example', 'smtp:[zzNAME-mx.out.example]'),
      (N3, 'away@NAME.example', 'smtp:[zzNAME-mx.out.example]'), (N4, 'zzNAME@NAME.example', 'smtp:[zzNAME-mx.out.example]');
    INSERT INTO backups (pkid, domain, transport) VALUES
      (N1, 'NAME-kept.example', 'smtp:[zzNAME-mx.out.example]'), (N2, 'zzNAME-kept.example', 'smtp:[zzNAME-mx.out.example]');
    INSERT INTO aliases (pkid, mail, destination) VALUES
      (N1, 'info@NAME.example', 'zzNAME-joe@out.example'),
      (N2, 'team@NAME.example', 'zzNAME-ann@out.example,zzNAME-joe@out.example'),
      (N3, 'zzNAME@NAME.example', 'zzNAME-joe@out.example'),
      (N4, 'away@NAME.example', 'away@NAME.example'),
      (N5, 'zzNAME-all@NAME.example', 'zzNAME-joe@out.example,zzNAME-ann@out.example');
    INSERT INTO users (id, name, home, maildir, quota, clear, crypt) VALUES
      ('mary@NAME.example', 'zzNAME Mary', '/srv/zzNAME', 'NAME.example/zzNAME-mary/', 'zzNAME', 'zzNAME', 'zzNAME'),
      ('zzNAME@NAME.example', 'zzNAME', '/srv/zzNAME', 'NAME.example/zzNAME/', 'zzNAME', 'zzNAME', 'zzNAME');
    INSERT INTO relays (pkid, recipient, status) VALUES
      (N1, 'r@NAME-kept.example', 'OK'), (N2, 'zzNAME@NAME-kept.example', 'zzNAME'),
      (N3, 'late@NAME-kept.example', ' OK');
    INSERT INTO relocated (pkid, oldadr, newadr) VALUES
      (N1, 'old@NAME.example', 'zzNAME-new@out.example'), (N2, 'zzNAME-old@NAME.example', 'zzNAME-new@out.example');
    INSERT INTO access_rules (pkid, kind, pattern, message) VALUES
      (N1, 'recipient', 'spam@NAME.example', 'zzNAME no'), (N2, 'recipient', 'zzNAME@NAME.example', 'zzNAME no'),
      (N3, 'sender', 'zzNAME-boss@NAME.example', 'zzNAME no'), (N4, 'client', 'zzNAME.NAME.example', 'zzNAME no');
    INSERT INTO pw_silenced (rule, table_name, row_key, by_owner, reason, who, at) VALUES
      ('PW138', 'aliases', 'N2', TRUE, 'zzNAME reason', 'zzNAME', NOW());";

/// A row of nobody who is asked that has to do with the rows of `{key}`.
const FAN: &str = "INSERT INTO aliases (mail, destination) VALUES
    ('zzthird-fan@third.example', 'info@mine.example,team@mine.example,mary@mine.example,away@mine.example')";

/// What `{key}` stands for on the pages of a table: the row of mine.example.
fn key(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "users" => "mary@mine.example",
        "overrides" => "away@mine.example",
        "lists" => "12",
        _ => "11",
    }
}

/// What `{id}` stands for: a change to a row of mine.example that is still what the change left.
const CHANGE: &str = "68";

/// Asks of one page.
struct Line {
    text: &'static str,
    method: &'static str,
    /// As the route has it, perhaps with a query.
    path: &'static str,
    statuses: Vec<&'static str>,
    /// The form, as a browser would send it.
    fields: &'static str,
}

impl Line {
    fn all() -> Vec<Self> {
        let lines = TABLE.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
        let read = |text: &'static str| {
            let mut words = text.split_whitespace();
            let mut next = || words.next().unwrap_or_default();
            let (method, path) = (next(), next());
            let statuses = (0..VISITORS.len()).map(|_| next()).collect();
            Self {
                text,
                method,
                path,
                statuses,
                fields: next(),
            }
        };
        lines.map(read).collect()
    }

    fn route(&self) -> String {
        format!(
            "{} {}",
            self.method,
            self.path.split('?').next().unwrap_or_default()
        )
    }

    fn target(&self) -> String {
        let name = if self.path.starts_with("/accounts") {
            "somebody"
        } else {
            "postwarden.css"
        };
        self.path
            .replace("{key}", key(self.path))
            .replace("{id}", CHANGE)
            .replace("{name}", name)
            .replace("{domain}", "mine.example")
    }

    fn form(&self) -> String {
        let password = PASSWORD.replace(' ', "+");
        self.fields
            .replace("{key}", key(self.path))
            .replace("{password}", &password)
    }

    /// Whether it is about the visitor's session, which is no row, about signing in, or about what the panel itself knows.
    fn is_about_the_session(&self) -> bool {
        let route = self.path.split('?').next().unwrap_or_default();
        let first = route.split('/').nth(1).unwrap_or_default();
        matches!(first, "login" | "logout" | "account" | "invitation")
            || matches!(route, "/check/again" | "/archive/download")
    }

    async fn ask(&self, browser: &Browser) -> Answer {
        let address = browser.url(&self.target());
        let request = match self.method {
            "GET" => browser.client.get(address),
            _ => browser
                .client
                .post(address)
                .header("content-type", "application/x-www-form-urlencoded")
                .body(self.form()),
        };
        Answer::of(request).await
    }
}

#[test]
fn the_table_has_every_route_and_no_other() {
    let asked: BTreeSet<String> = Line::all().iter().map(Line::route).collect();
    let listed = postwarden::web::routes();
    let there: BTreeSet<String> = listed
        .iter()
        .map(|(method, path)| format!("{method} {path}"))
        .collect();
    assert_eq!(there.len(), listed.len(), "a route is there once");
    let mut wrong = String::new();
    for route in there.difference(&asked) {
        let _ = writeln!(
            wrong,
            "tests/data/routes.txt does not say who may do {route}: add a line with the five statuses."
        );
    }
    for route in asked.difference(&there) {
        let _ = writeln!(
            wrong,
            "There is no route {route} any more: take its lines out of tests/data/routes.txt."
        );
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The database as it was, in a second one beside it.
struct Kept {
    database: Database,
    copy: Database,
    tables: Vec<(String, String)>,
    sums: Vec<Vec<Option<String>>>,
}

impl Kept {
    /// Every table but that of the sessions, which say who asks.
    async fn of(database: &Database) -> Self {
        let copy = Database::empty("CHARACTER SET utf8mb4").await;
        let columns = format!(
            "SELECT table_name, GROUP_CONCAT(column_name) FROM information_schema.columns WHERE table_schema = '{}' AND \
             table_name <> 'pw_sessions' AND extra NOT LIKE '%GENERATED%' GROUP BY table_name",
            database.name
        );
        let mut tables = Vec::new();
        for row in database.rows(&columns).await {
            let [Some(table), Some(columns)] = &row[..] else {
                panic!("a table without a name");
            };
            let statement = format!(
                "CREATE TABLE {}.{table} AS SELECT {columns} FROM {table}",
                copy.name
            );
            database.script(&statement).await;
            tables.push((table.clone(), columns.clone()));
        }
        let mut kept = Self {
            database: database.clone(),
            copy,
            tables,
            sums: Vec::new(),
        };
        kept.sums = kept.now().await;
        kept
    }

    /// Rows and their sum, table by table. The server's own CHECKSUM TABLE takes virtual columns for what was in memory.
    async fn now(&self) -> Vec<Vec<Option<String>>> {
        let sums = self.tables.iter().map(|(table, columns)| {
            let values: Vec<String> = columns.split(',').map(|c| format!("COALESCE(HEX({c}), '-')")).collect();
            let values = values.join(", ");
            format!(
                "SELECT COUNT(*), HEX(BIT_XOR(CAST(CONV(LEFT(MD5(CONCAT_WS(' ', {values})), 15), 16, 10) AS UNSIGNED))) \
                 FROM {table}"
            )
        });
        let sums: Vec<String> = sums.collect();
        self.database.rows(&sums.join(" UNION ALL ")).await
    }

    /// Whether a row of any table is not what it was; then it is made so again.
    async fn restore(&self) -> bool {
        let now = self.now().await;
        if now == self.sums {
            return false;
        }
        let mut statements = "SET foreign_key_checks = 0; START TRANSACTION;".to_owned();
        for ((table, columns), _) in self
            .tables
            .iter()
            .zip(now.iter().zip(&self.sums))
            .filter(|(_, (now, then))| now != then)
        {
            let _ = write!(
                statements,
                "DELETE FROM {table}; INSERT INTO {table} ({columns}) SELECT {columns} FROM {}.{table};",
                self.copy.name
            );
        }
        self.database.script(&format!("{statements} COMMIT")).await;
        assert_eq!(self.now().await, self.sums, "everything is as it was");
        true
    }
}

/// A panel with the rows of three domains, each of which has been changed and so is in the record.
async fn ground() -> Panel {
    let panel = Panel::on(Database::fresh().await).await;
    for (n, name) in [("1", "mine"), ("2", "theirs"), ("3", "third")] {
        let rows = ROWS
            .replace("(N", &format!("({n}"))
            .replace("'N2'", &format!("'{n}2'"))
            .replace("NAME", name);
        panel.database.script(&rows).await;
    }
    panel.database.script(FAN).await;
    let operator = panel.operator().await;
    for (slug, key) in [
        ("domains", "pkid"),
        ("backups", "pkid"),
        ("aliases", "pkid"),
        ("users", "id"),
        ("relays", "pkid"),
        ("relocated", "pkid"),
        ("access_rules", "pkid"),
    ] {
        let rows = panel.database.rows(&format!("SELECT {key} FROM {slug}")).await;
        for row in rows {
            let slug = slug.trim_end_matches("_rules");
            let page = format!("{slug}/{}/enabled", row[0].as_deref().expect("a key"));
            assert_eq!(
                operator.post(&page, &[("value", "0")]).await.status,
                303,
                "{page}"
            );
        }
        panel
            .database
            .script(&format!("UPDATE {slug} SET enabled = 1"))
            .await;
    }
    let fields = [
        ("newadr", "zzmine-newer@out.example"),
        ("enabled", "1"),
        ("confirm", "1"),
    ];
    assert_eq!(
        operator
            .post(
                "relocated/12",
                &[&[("oldadr", "zzmine-old@mine.example")], &fields[..]].concat()
            )
            .await
            .status,
        303
    );
    let last = panel
        .database
        .value("SELECT CAST(MAX(change_id) AS CHAR) FROM pw_changes")
        .await;
    assert_eq!(last.as_deref(), Some(CHANGE));
    panel.account("auditor", Role::Auditor, &[]).await;
    panel.account("somebody", Role::Owner, &["mine.example"]).await;
    panel
        .database
        .script(
            "INSERT INTO pw_invitations (account_id, token, created_by, created_at, expires_at) SELECT id, \
             UNHEX(SHA2('sesame', 256)), 'operator', NOW(), NOW() + INTERVAL 1 DAY FROM pw_accounts WHERE name = 'somebody'",
        )
        .await;
    for (name, domain) in [("owner", "mine"), ("neighbour", "theirs")] {
        let [hosted, kept] = [format!("{domain}.example"), format!("{domain}-kept.example")];
        panel.account(name, Role::Owner, &[&hosted, &kept]).await;
    }
    panel
}

async fn visitor(panel: &Panel, name: &str) -> Browser {
    let browser = panel.browser();
    if name != "stranger" {
        let fields = [("username", name), ("password", PASSWORD)];
        assert_eq!(
            browser.post("login", &fields).await.status,
            303,
            "{name} signs in"
        );
    }
    browser
}

/// What a visitor may not read in any answer. A domain's name is no secret to whoever has just typed it.
fn kept_from(visitor: &str, line: &Line) -> Vec<&'static str> {
    let words: &[&str] = match visitor {
        "stranger" => &[
            "zzmine",
            "zztheirs",
            "zzthird",
            "mine.example",
            "theirs.example",
            "third.example",
        ],
        "neighbour" => &["zzmine", "zzthird", "mine.example", "third.example"],
        "owner" => &["zztheirs", "zzthird", "theirs.example", "third.example"],
        _ => &[],
    };
    let typed = format!("{} {}", line.target(), line.form());
    words
        .iter()
        .copied()
        .filter(|word| !typed.contains(word))
        .collect()
}

#[tokio::test]
async fn everybody_may_do_what_the_table_says_and_reads_and_changes_nothing_else() {
    let panel = ground().await;
    let mut browsers = Vec::new();
    for name in VISITORS {
        browsers.push(visitor(&panel, name).await);
    }
    // Somebody is signed in elsewhere, so that there is a session for an operator to end.
    visitor(&panel, "somebody").await;
    let kept = Kept::of(&panel.database).await;
    let (mut tried, mut refused, mut wrong) = (0, 0, String::new());
    for line in Line::all() {
        let mut answered = Vec::new();
        for (name, browser) in VISITORS.iter().zip(&mut browsers) {
            let answer = line.ask(browser).await;
            tried += 1;
            answered.push(answer.status.to_string());
            let to_sign_in = answer.location().starts_with("/login");
            let is_refused = !matches!(answer.status, 200 | 303) || to_sign_in;
            refused += u32::from(is_refused);
            for word in kept_from(name, &line) {
                if answer.body.contains(word) || answer.location().contains(word) {
                    let _ = writeln!(
                        wrong,
                        "{}\n  {name} reads {word}: {}",
                        line.text,
                        answer.text("main")
                    );
                }
            }
            let may_change = line.method == "POST" && answer.status == 303 && !to_sign_in;
            let has_changed = kept.restore().await;
            if line.is_about_the_session() {
                *browser = visitor(&panel, name).await;
                kept.restore().await;
            } else if has_changed != may_change {
                let what = if has_changed {
                    "changes rows"
                } else {
                    "is let through and changes nothing"
                };
                let _ = writeln!(wrong, "{}\n  {name} {what} ({})", line.text, answer.status);
            }
        }
        if line.statuses != answered {
            let _ = writeln!(wrong, "{}\n  is answered {}", line.text, answered.join(" "));
        }
    }
    println!(
        "{tried} requests by {} visitors tried, {refused} of them refused",
        VISITORS.len()
    );
    assert!(wrong.is_empty(), "\n{wrong}");
}
