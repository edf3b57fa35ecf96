//! `postwarden postfix verify` on configurations that are one change away from a good one. postconf and postmap are the real
//! ones, Postfix does not run.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Finished, on};
use crate::support::Database;

/// A row that is on, one that is off, and odd ones, for every lookup table.
const ROWS: &str = r"
    INSERT INTO domains (domain, transport, enabled) VALUES ('blobber.org', 'virtual:', 1), ('off.org', 'virtual:', 0),
      ('joe@blobber.org', 'smtp:[aspmx.l.google.com]', 1), ('ann@blobber.org', 'smtp:[aspmx.l.google.com]', 0);
    INSERT INTO users (id, maildir, enabled) VALUES ('mary@blobber.org', 'blobber.org/mary', 1), ('off@blobber.org', 'off/', 0);
    INSERT INTO aliases (mail, destination, enabled) VALUES ('info@blobber.org', 'mary@blobber.org,joe@far.example', 1),
      ('o\'brien@blobber.org', 'mary@blobber.org', 0), ('@blobber.org', 'mary@blobber.org', 1);
    INSERT INTO backups (domain, transport, enabled) VALUES ('friend1.com', ':[mail.friend.com]', 1), ('friend2.com', ':[]', 1),
      ('friend3.com', ':[mail.friend.com]', 0);
    INSERT INTO relays (recipient, status, enabled) VALUES ('@friend1.com', 'OK', 1), ('trap@friend1.com', 'REJECT', 1),
      ('joe@friend2.com', 'OK', 0);
    INSERT INTO relocated (oldadr, newadr, enabled) VALUES ('pete@blobber.org', 'pete@new.example', 1),
      ('off@blobber.org', 'off@new.example', 0);
    INSERT INTO access_rules (kind, pattern, action, enabled) VALUES ('recipient', 'spam@blobber.org', 'REJECT', 1),
      ('recipient', 'ham@blobber.org', 'REJECT', 0), ('sender', 'foe@x.example', 'REJECT', 1),
      ('sender', 'friend@x.example', 'REJECT', 0), ('client', '192.0.2.77', 'REJECT', 1), ('client', '192.0.2.78', 'REJECT', 0);";

/// Each file with what it is for: the table, and where Postfix asks.
const MAPS: &[(&str, &str, &str)] = &[
    ("mysql_domains.cf", "domains", "virtual_mailbox_domains"),
    ("mysql_mailbox.cf", "users", "virtual_mailbox_maps"),
    ("mysql_alias.cf", "aliases", "virtual_alias_maps"),
    ("mysql_backups.cf", "backups", "relay_domains"),
    ("mysql_relays.cf", "relays", "relay_recipient_maps"),
    ("mysql_transport.cf", "domains", "transport_maps"),
    ("mysql_transport_backups.cf", "backups", "transport_maps"),
    ("mysql_relocated.cf", "relocated", "relocated_maps"),
    ("mysql_moved.cf", "relocated", "check_recipient_access"),
    ("mysql_block_recip.cf", "access_rules", "check_recipient_access"),
    ("mysql_client_access.cf", "access_rules", "check_client_access"),
    ("mysql_sender_access.cf", "access_rules", "check_sender_access"),
];

/// A directory with the generated configuration, and its database.
struct Installation {
    folder: TempDir,
    database: Database,
}

impl Installation {
    async fn good() -> Self {
        let database = Database::fresh().await;
        database.script(ROWS).await;
        Self::on(database)
    }

    /// The same with hardly a row, for what known keys have nothing to do with: asking for them takes its time.
    async fn with_one_domain() -> Self {
        let database = Database::fresh().await;
        database
            .script("INSERT INTO domains (domain) VALUES ('blobber.org')")
            .await;
        Self::on(database)
    }

    fn on(database: Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().to_str().expect("UTF-8").to_owned();
        on(&database, &["postfix", "generate", "--force", "--out", &dir]).done();
        let settings = fs::read_to_string(folder.path().join("main.cf.postwarden")).expect("settings");
        let installation = Self { folder, database };
        installation.write(
            "main.cf",
            &format!(
                "compatibility_level = 3.6\nmyhostname = mx.example\nmydestination =\n{}",
                settings.replace("/etc/postfix", &dir)
            ),
        );
        for (file, _, _) in MAPS {
            installation.rest(file);
            if !is_root() {
                // Only root can give them to Postfix's group.
                let readable = Permissions::from_mode(0o644);
                fs::set_permissions(installation.path(file), readable).expect("a mode");
            }
        }
        installation
    }

    fn dir(&self) -> &str {
        self.folder.path().to_str().expect("UTF-8")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect(name);
        self.rest(name);
    }

    /// Makes a file a minute old. Postfix waits for one that has just changed to come to rest.
    fn rest(&self, name: &str) {
        let file = File::options().append(true).open(self.path(name)).expect(name);
        let before = SystemTime::now() - Duration::from_mins(1);
        file.set_modified(before).expect("an older file");
    }

    /// Puts one text in the place of another, which is there.
    fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert!(text.contains(from), "{from} in {text}");
        self.write(name, &text.replace(from, to));
    }

    /// Replaces the lines that say what a file asks.
    fn ask(&self, name: &str, query: &str) {
        let text = self.text(name);
        let (account, _) = text.split_once("\nquery = ").expect("a query");
        self.write(name, &format!("{account}\n{query}\n"));
    }

    /// Sets a parameter of main.cf, or takes it out.
    fn set(&self, parameter: &str, value: Option<&str>) {
        let mut command = Command::new("/usr/sbin/postconf");
        command.arg("-c").arg(self.dir());
        let set = value.map(|value| format!("{parameter}={value}"));
        command.args(match &set {
            Some(set) => ["-e", set],
            None => ["-X", parameter],
        });
        let status = command.status().expect("postconf, of the package postfix");
        assert!(status.success(), "{parameter}");
        self.rest("main.cf");
    }

    fn run(&self, options: &[&str]) -> Finished {
        let arguments = ["postfix", "verify", "--config-dir", self.dir()];
        on(&self.database, &[&arguments, options].concat())
    }

    fn verify(&self) -> Verdict {
        let finished = self.run(&["--json", "--dry-run"]);
        assert_eq!(finished.stderr, "");
        let value: Value = serde_json::from_str(&finished.stdout).expect(&finished.stdout);
        assert_eq!(value["drift"], finished.code == Some(3), "{value:#}");
        assert!(matches!(finished.code, Some(0 | 3)), "{finished:?}");
        Verdict(value)
    }

    /// What is wrong, apart from what follows from it for known keys.
    fn drift(&self) -> Vec<String> {
        self.verify().drift()
    }
}

/// What was printed as JSON.
struct Verdict(Value);

impl Verdict {
    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.0["findings"].as_array().expect("findings").iter()
    }

    /// Every error and warning but PW258 as `RULE table.column parameter file`.
    fn drift(&self) -> Vec<String> {
        let text = |finding: &Value, name: &str| finding[name].as_str().expect(name).to_owned();
        let mut drift: Vec<String> = self
            .findings()
            .filter(|f| f["severity"] != "notice" && f["rule"] != "PW258")
            .map(|f| {
                let subject = format!("{}.{}", text(f, "table"), text(f, "column"));
                let subject = subject.trim_matches('.').to_owned();
                let parts = [text(f, "rule"), subject, text(f, "parameter"), text(f, "file")];
                let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
                parts.join(" ")
            })
            .collect();
        drift.sort();
        drift
    }

    /// The keys for which a file answers something else than it should.
    fn differing(&self, file: &str) -> Vec<&str> {
        self.findings()
            .filter(|f| f["rule"] == "PW258" && f["file"] == file)
            .map(|f| f["key"].as_str().expect("a key"))
            .collect()
    }

    /// The first message of a rule.
    fn message(&self, rule: &str) -> &str {
        let finding = self.findings().find(|f| f["rule"] == rule);
        finding.expect(rule)["message"].as_str().expect("a text")
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("a process").uid() == 0
}

#[tokio::test]
async fn the_generated_configuration_has_not_drifted() {
    let installation = Installation::good().await;
    let verdict = installation.verify();
    assert_eq!(verdict.drift(), [""; 0]);
    assert_eq!(verdict.0["drift"], false);
    assert!(
        verdict.findings().all(|f| f["rule"] == "PW260"),
        "{:#}",
        verdict.0
    );
    assert_eq!(verdict.0["overrides"], serde_json::json!(["domains", "backups"]));
    assert_eq!(verdict.0["config_dir"], installation.dir());
    assert!(verdict.0["probes"].as_u64() >= Some(36), "{:#}", verdict.0);
    let told = installation.run(&["--dry-run"]).done();
    assert!(
        told.contains("  relays.status                relay_recipient_maps (mysql_relays.cf)\n"),
        "{told}"
    );
    assert!(told.contains("\nPostfix does what the rows say. "), "{told}");
}

#[tokio::test]
async fn a_lookup_table_that_is_not_named_is_drift() {
    let installation = Installation::with_one_domain().await;
    let good = installation.text("main.cf");
    for (parameter, expected) in [
        // Its default is virtual_mailbox_maps.
        (
            "virtual_mailbox_domains",
            vec!["PW251 domains.domain virtual_mailbox_domains mysql_mailbox.cf"],
        ),
        (
            "virtual_mailbox_maps",
            vec!["PW251 users.id virtual_mailbox_maps"],
        ),
        (
            "virtual_alias_maps",
            vec!["PW251 aliases.mail virtual_alias_maps"],
        ),
        ("relay_domains", vec!["PW251 backups.domain relay_domains"]),
        (
            "relay_recipient_maps",
            vec!["PW251 relays.recipient relay_recipient_maps"],
        ),
        (
            "transport_maps",
            vec![
                "PW251 backups.transport transport_maps",
                "PW251 domains.transport transport_maps",
            ],
        ),
        ("relocated_maps", vec!["PW251 relocated.oldadr relocated_maps"]),
        (
            "smtpd_recipient_restrictions",
            vec![
                "PW161 relocated.oldadr check_recipient_access",
                "PW251 access_rules.pattern check_client_access",
                "PW251 access_rules.pattern check_recipient_access",
                "PW251 access_rules.pattern check_sender_access",
            ],
        ),
    ] {
        installation.set(parameter, None);
        assert_eq!(installation.drift(), expected, "{parameter}");
        installation.write("main.cf", &good);
    }
}

#[tokio::test]
async fn a_lookup_table_that_reads_another_table_is_drift() {
    let installation = Installation::good().await;
    installation.ask(
        "mysql_transport.cf",
        "query = SELECT transport FROM backups WHERE domain='%s' AND enabled=1 AND transport<>':[]'",
    );
    let verdict = installation.verify();
    assert_eq!(
        verdict.drift(),
        ["PW251 domains.transport transport_maps mysql_transport.cf, mysql_transport_backups.cf"]
    );
    assert!(
        verdict.message("PW251").contains(" backups)"),
        "{}",
        verdict.message("PW251")
    );
    assert_eq!(verdict.0["overrides"], serde_json::json!(["backups"]));
    installation.ask(
        "mysql_mailbox.cf",
        "query = SELECT destination FROM aliases WHERE mail='%s' AND enabled=1",
    );
    assert!(
        installation
            .drift()
            .contains(&"PW251 users.id virtual_mailbox_maps mysql_mailbox.cf".to_owned())
    );
}

#[tokio::test]
async fn a_query_that_forgets_the_switch_is_drift_whichever_it_is() {
    let installation = Installation::good().await;
    for (file, table, place) in MAPS {
        let good = installation.text(file);
        let (before, query) = good.split_once("\nquery = ").expect("a query");
        let query = query
            .replace(" AND r.enabled=1", "")
            .replace(" AND x.enabled=1", "")
            .replace(" AND enabled=1", "");
        installation.write(file, &format!("{before}\nquery = {query}"));
        let verdict = installation.verify();
        let drift = verdict.drift();
        assert!(!drift.is_empty(), "{file}");
        for found in drift {
            assert_eq!(found, format!("PW253 {table}.enabled {place} {file}"));
        }
        assert!(verdict.message("PW253").contains("ignores `enabled`"));
        // The rows that are off are found by postmap as well.
        assert!(!verdict.differing(file).is_empty(), "{file} {:#}", verdict.0);
        installation.write(file, &good);
    }
    assert_eq!(installation.drift(), [""; 0]);
}

#[tokio::test]
async fn relay_recipients_without_their_status_are_drift() {
    let installation = Installation::good().await;
    for query in [
        "query = SELECT recipient FROM relays WHERE recipient='%s' AND enabled=1",
        "query = SELECT status FROM relays WHERE recipient='%s' AND enabled=1",
        // REJECT falls through to the row of the domain.
        "query = SELECT 1 FROM relays WHERE recipient='%s' AND enabled=1 AND status='OK'",
    ] {
        installation.ask("mysql_relays.cf", query);
        let verdict = installation.verify();
        let expected = "PW158 relays.status relay_recipient_maps mysql_relays.cf";
        assert!(verdict.drift().iter().all(|found| found == expected), "{query}");
        assert!(!verdict.drift().is_empty(), "{query}");
        assert_eq!(
            verdict.differing("mysql_relays.cf"),
            ["trap@friend1.com"],
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_query_that_answers_with_another_column_is_drift() {
    let installation = Installation::good().await;
    for (file, from, to, expected) in [
        (
            "mysql_alias.cf",
            "SELECT destination ",
            "SELECT mail ",
            vec!["PW252 aliases.destination virtual_alias_maps mysql_alias.cf"],
        ),
        (
            "mysql_relocated.cf",
            "SELECT newadr ",
            "SELECT oldadr ",
            vec!["PW252 relocated.newadr relocated_maps mysql_relocated.cf"],
        ),
        (
            "mysql_mailbox.cf",
            "SELECT CONCAT(TRIM(BOTH '/' FROM TRIM(maildir)),'/') ",
            "SELECT maildir ",
            vec!["PW150 users.maildir virtual_mailbox_maps mysql_mailbox.cf"],
        ),
        (
            "mysql_sender_access.cf",
            "SELECT IF(action IN ('OK','DUNNO'),action,TRIM(CONCAT(action,' ',message))) ",
            "SELECT pattern ",
            vec!["PW251 access_rules.pattern check_sender_access mysql_sender_access.cf"],
        ),
    ] {
        let good = installation.text(file);
        installation.change(file, from, to);
        assert_eq!(installation.drift(), expected, "{file}");
        installation.write(file, &good);
    }
}

#[tokio::test]
async fn settings_that_the_howto_leaves_out_or_gets_wrong_are_drift() {
    let installation = Installation::with_one_domain().await;
    let good = installation.text("main.cf");
    for (parameter, value, expected) in [
        (
            "virtual_alias_domains",
            None,
            "PW136 virtual_alias_domains main.cf",
        ),
        (
            "virtual_alias_domains",
            Some("blobber.org"),
            "PW136 virtual_alias_domains main.cf",
        ),
        (
            "smtpd_relay_restrictions",
            None,
            "PW172 smtpd_relay_restrictions main.cf",
        ),
        (
            "smtpd_relay_restrictions",
            Some("permit_mynetworks"),
            "PW172 smtpd_relay_restrictions main.cf",
        ),
        (
            "parent_domain_matches_subdomains",
            None,
            "PW125 backups.domain parent_domain_matches_subdomains main.cf",
        ),
        (
            "mydestination",
            Some("localhost, Blobber.org"),
            "PW113 domains.domain mydestination main.cf",
        ),
    ] {
        installation.set(parameter, value);
        assert_eq!(installation.drift(), [expected], "{parameter} {value:?}");
        installation.write("main.cf", &good);
    }
}

#[tokio::test]
async fn a_backslash_at_the_end_of_a_line_is_drift() {
    let installation = Installation::with_one_domain().await;
    installation.change(
        "main.cf",
        "    reject_non_fqdn_recipient,\n",
        "    reject_non_fqdn_recipient, \\\n",
    );
    let verdict = installation.verify();
    assert_eq!(verdict.drift(), ["PW171 main.cf"]);
    let text = installation.text("main.cf");
    let line = text
        .lines()
        .position(|line| line.ends_with('\\'))
        .expect("the line")
        + 1;
    assert!(
        verdict.message("PW171").contains(&format!("in main.cf: {line}.")),
        "{}",
        verdict.message("PW171")
    );
}

#[tokio::test]
async fn blocked_addresses_that_come_after_a_permit_are_drift() {
    let installation = Installation::with_one_domain().await;
    let check = format!(
        "    check_recipient_access proxy:mysql:{}/mysql_block_recip.cf,\n",
        installation.dir()
    );
    installation.change("main.cf", &check, "");
    installation.change(
        "main.cf",
        "    permit_sasl_authenticated,\n    reject_unauth_destination,\n    check_client_access",
        &format!(
            "    permit_sasl_authenticated,\n{check}    reject_unauth_destination,\n    check_client_access"
        ),
    );
    assert_eq!(
        installation.drift(),
        ["PW254 access_rules.pattern smtpd_recipient_restrictions main.cf"]
    );
}

#[tokio::test]
async fn a_file_with_a_line_that_breaks_it_is_drift() {
    let installation = Installation::good().await;
    let file = "mysql_alias.cf";
    let good = installation.text(file);
    for (line, expected) in [
        ("expansion_limit = 1", vec!["PW175 mysql_alias.cf"]),
        ("select_field = mail", vec!["PW174 mysql_alias.cf"]),
        (
            "dbname = other",
            vec![
                "PW256 mysql_alias.cf",
                "PW259 aliases virtual_alias_maps mysql_alias.cf",
            ],
        ),
        // Catch-alls are not asked for; other aliases of the domain are.
        (
            "domain = blobber.org",
            vec!["PW173 aliases.mail virtual_alias_maps mysql_alias.cf"],
        ),
    ] {
        installation.write(file, &format!("{good}{line}\n"));
        let verdict = installation.verify();
        assert_eq!(verdict.drift(), expected, "{line}");
        if line.starts_with("domain") {
            assert_eq!(verdict.differing(file), ["@blobber.org"]);
        }
    }
}

#[tokio::test]
async fn a_query_that_fails_is_drift_with_the_reason() {
    let installation = Installation::good().await;
    let file = "mysql_alias.cf";
    let good = installation.text(file);
    let postmap_fails = "PW259 aliases virtual_alias_maps mysql_alias.cf".to_owned();

    installation.change(file, "SELECT destination", "SELECT target");
    let verdict = installation.verify();
    let mut drift = verdict.drift();
    assert_eq!(drift.pop().as_ref(), Some(&postmap_fails));
    assert_eq!(drift, ["PW255 aliases virtual_alias_maps mysql_alias.cf"]);
    for rule in ["PW255", "PW259"] {
        let message = verdict.message(rule);
        assert!(message.contains("Unknown column 'target'"), "{message}");
    }

    let quoted = good.trim_end().replace("query = ", "query = \"") + "\"\n";
    installation.write(file, &quoted);
    let verdict = installation.verify();
    assert_eq!(
        verdict.drift(),
        ["PW174 mysql_alias.cf".to_owned(), postmap_fails.clone()]
    );
    let message = verdict.message("PW259");
    assert!(message.contains("error in your SQL syntax"), "{message}");

    installation.write(file, &good);
    installation.change(file, "password = ", "password = wrong");
    let verdict = installation.verify();
    assert_eq!(verdict.drift(), [postmap_fails]);
    let message = verdict.message("PW259");
    assert!(message.contains("Access denied for user"), "{message}");
}

#[tokio::test]
async fn a_file_that_postfix_cannot_read_is_drift() {
    if !is_root() {
        return;
    }
    let installation = Installation::with_one_domain().await;
    let file = installation.path("mysql_mailbox.cf");
    chown(&file, Some(0), Some(0)).expect("its owner");
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
    let verdict = installation.verify();
    assert_eq!(verdict.drift(), ["PW170 mysql_mailbox.cf"]);
    let message = verdict.message("PW170");
    assert!(
        message.contains("cannot read") && message.contains(&file.display().to_string()),
        "{message}"
    );
}

#[tokio::test]
async fn queries_that_are_right_in_other_words_are_no_drift() {
    let installation = Installation::good().await;
    for (file, asks) in [
        (
            "mysql_domains.cf",
            "table = domains\nselect_field = domain\nwhere_field = domain\nadditional_conditions = and enabled = 1",
        ),
        (
            "mysql_backups.cf",
            "table = backups\nselect_field = domain\nwhere_field = domain\nadditional_conditions = and enabled <> 0",
        ),
        (
            "mysql_alias.cf",
            "query = select  a.destination\n  from aliases as a\n  inner join domains d on d.domain = substring_index(a.mail, '@', -1)\n  \
             where a.mail = '%s' and a.enabled and d.enabled",
        ),
        (
            "mysql_mailbox.cf",
            "query = SELECT CONCAT(TRIM(TRAILING '/' FROM `u`.`maildir`), '/') FROM `users` `u`, domains WHERE u.id='%u@%d' \
             AND domain='%d' AND u.enabled=1 AND domains.enabled=1",
        ),
        (
            "mysql_relays.cf",
            "query = SELECT 'x' FROM relays r JOIN backups b ON b.domain='%d' WHERE '%u' <> '' AND r.recipient IN ('%s','@%d') \
             AND r.enabled=1 GROUP BY b.domain HAVING MAX(r.status)='OK'",
        ),
        (
            "mysql_relocated.cf",
            "query = SELECT newadr FROM relocated LEFT JOIN domains ON domain=SUBSTRING_INDEX(oldadr,'@',-1) \
             WHERE oldadr='%s' AND relocated.enabled=1 AND domain IS NOT NULL",
        ),
    ] {
        installation.ask(file, asks);
    }
    assert_eq!(installation.drift(), [""; 0]);
}

#[tokio::test]
async fn a_parameter_that_is_set_twice_is_no_fault_of_the_lookup_tables() {
    let installation = Installation::good().await;
    let text = installation.text("main.cf");
    installation.write("main.cf", &format!("{text}\nmydestination = localhost\n"));
    assert_eq!(installation.drift(), [""; 0]);
}

#[tokio::test]
async fn a_database_may_be_called_as_the_rows_that_are_tried() {
    let server = Database::empty("").await;
    server
        .script("CREATE DATABASE postwarden CHARACTER SET utf8mb4")
        .await;
    let database = Database {
        url: server.url.replace(&format!("/{}", server.name), "/postwarden"),
        name: "postwarden".to_owned(),
    };
    database.store().await.migrate().await.expect("migrated");
    database.script(ROWS).await;
    let installation = Installation::on(database);
    assert_eq!(installation.drift(), [""; 0]);
    // Named in a query it is still the rows that are tried which are asked.
    installation.change("mysql_alias.cf", "FROM aliases", "FROM `postwarden`.aliases");
    installation.change("mysql_domains.cf", "FROM domains", "FROM postwarden.domains");
    assert_eq!(installation.drift(), [""; 0]);
}

#[tokio::test]
async fn the_panel_is_told_unless_it_is_a_dry_run() {
    let installation = Installation::good().await;
    let recorded = "SELECT COUNT(*) FROM pw_postfix";
    let printed = installation.run(&["--dry-run"]).done();
    assert_eq!(installation.database.count(recorded).await, 0);
    assert_eq!(installation.run(&[]).done(), printed);
    assert_eq!(installation.database.count(recorded).await, 1);

    installation.set("virtual_alias_domains", None);
    let finished = installation.run(&[]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(3), ""));
    assert!(
        finished
            .stdout
            .contains("\nPW136 warning  virtual_alias_domains, main.cf\n")
            && finished.stdout.contains("\nDrift: 0 errors, 1 warning. "),
        "{}",
        finished.stdout
    );
    let verdict = installation
        .database
        .value("SELECT verdict FROM pw_postfix")
        .await;
    let verdict: Value = serde_json::from_str(&verdict.expect("a verdict")).expect("JSON");
    assert_eq!(verdict["findings"][0]["rule"], "PW136");
}

#[tokio::test]
async fn a_database_of_an_older_version_is_verified_and_nobody_is_told() {
    let installation = Installation::good().await;
    installation.database.script("DROP TABLE pw_postfix").await;
    let finished = installation.run(&["--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let verdict: Value = serde_json::from_str(&finished.stdout).expect("JSON");
    assert_eq!(verdict["drift"], false);
    assert!(
        finished
            .stderr
            .starts_with("postwarden: the panel was not told (")
            && finished
                .stderr
                .ends_with("`postwarden migrate` makes room for it\n"),
        "{}",
        finished.stderr
    );
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
}

#[tokio::test]
async fn a_configuration_that_cannot_be_read_is_an_error_that_names_the_file() {
    let installation = Installation::good().await;
    let refused = |dir: &Path| {
        let dir = dir.to_str().expect("UTF-8");
        on(
            &installation.database,
            &["postfix", "verify", "--config-dir", dir],
        )
        .refused(1)
    };
    let cannot = |path: &Path, why: &str| format!("postwarden: cannot read {}{why}", path.display());
    let missing = ", which Postfix needs (No such file or directory (os error 2))";
    let empty = tempfile::tempdir().expect("a folder");
    for dir in [installation.path("nowhere"), empty.path().to_owned()] {
        assert_eq!(refused(&dir), cannot(&dir.join("main.cf"), missing));
    }
    let (here, alias) = (installation.folder.path(), installation.path("mysql_alias.cf"));
    assert_eq!(
        refused(&alias),
        cannot(&alias.join("main.cf"), " (Not a directory (os error 20))")
    );

    let good = installation.text("mysql_alias.cf");
    installation.ask("mysql_alias.cf", "# nothing");
    assert_eq!(
        refused(here),
        format!(
            "postwarden: {} has no query: Postfix would ask the database nothing, and answer every mail with 451",
            alias.display()
        )
    );
    if !is_root() {
        fs::set_permissions(&alias, Permissions::from_mode(0o000)).expect("a mode");
        let why = ": run this as root (Permission denied (os error 13))";
        assert_eq!(refused(here), cannot(&alias, why));
    }
    fs::remove_file(&alias).expect("removed");
    assert_eq!(refused(here), cannot(&alias, missing));
    fs::create_dir(&alias).expect("a directory");
    assert_eq!(
        refused(here),
        cannot(&alias, ": it is no regular file, or larger than 1 MiB")
    );
    fs::remove_dir(&alias).expect("removed");
    installation.write("mysql_alias.cf", &good);

    let main = installation.text("main.cf");
    for (line, complaint) in [
        // What stands there is not shown: it may be a password.
        (
            "password S3cret without a sign",
            "missing '=' after attribute name",
        ),
        ("myhostname = ${nonsense", "macro processing error"),
    ] {
        installation.write("main.cf", &format!("{main}\n{line}\n"));
        let said = refused(here);
        let begin = format!(
            "postwarden: postconf cannot read {}: ",
            here.join("main.cf").display()
        );
        assert!(said.starts_with(&begin) && said.ends_with(complaint), "{said}");
    }
}

#[tokio::test]
async fn an_open_relay_is_drift_however_it_comes_about() {
    let installation = Installation::with_one_domain().await;
    let good = installation.text("main.cf");
    let rules = format!(
        "check_sender_access mysql:{}/mysql_sender_access.cf",
        installation.dir()
    );
    let both = |value: String| {
        [
            ("smtpd_relay_restrictions", value.clone()),
            ("smtpd_recipient_restrictions", value),
        ]
    };
    for (settings, rule) in [
        (both(format!("{rules}, reject_unauth_destination")), "PW264"),
        (both("permit, reject_unauth_destination".to_owned()), "PW172"),
        (
            both("warn_if_reject reject_unauth_destination".to_owned()),
            "PW172",
        ),
        (
            [
                ("mynetworks", "127.0.0.0/8, 0.0.0.0/0".to_owned()),
                ("relayhost", String::new()),
            ],
            "PW265",
        ),
    ] {
        for (name, value) in &settings {
            installation.set(name, Some(value));
        }
        let drift = installation.drift();
        assert!(
            drift.iter().any(|found| found.starts_with(rule)),
            "{settings:?}: {drift:?}"
        );
        installation.write("main.cf", &good);
    }
    // Protected by the first list, whatever the order of the second.
    installation.set(
        "smtpd_recipient_restrictions",
        Some(&format!("{rules}, reject_unauth_destination")),
    );
    let drift = installation.drift();
    assert!(!drift.iter().any(|found| found.starts_with("PW264")), "{drift:?}");
}

#[tokio::test]
async fn a_permit_that_keeps_checks_from_being_asked_is_drift() {
    let installation = Installation::with_one_domain().await;
    installation.change(
        "main.cf",
        "    reject_non_fqdn_recipient,\n",
        "    permit_auth_destination,\n    reject_non_fqdn_recipient,\n",
    );
    let late = |table: &str| format!("PW254 {table} smtpd_recipient_restrictions main.cf");
    let drift = installation.drift();
    for table in ["access_rules.pattern", "relocated.oldadr"] {
        assert!(drift.contains(&late(table)), "{drift:?}");
    }
}

#[tokio::test]
async fn settings_elsewhere_that_switch_lookups_off_are_drift() {
    let installation = Installation::with_one_domain().await;
    installation.set("smtpd_reject_unlisted_recipient", Some("no"));
    installation.set("receive_override_options", Some("no_address_mappings"));
    installation.write(
        "master.cf",
        "smtp inet n - n - - smtpd\n  -o smtpd_relay_restrictions=permit\n\
         submission inet n - n - - smtpd\n  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject\n",
    );
    let verdict = installation.verify();
    assert_eq!(
        verdict.drift(),
        [
            "PW266 smtpd_reject_unlisted_recipient main.cf",
            "PW267 aliases receive_override_options main.cf",
            "PW268 smtpd_relay_restrictions master.cf",
        ]
    );
    let notices = verdict.findings().filter(|f| f["severity"] == "notice");
    assert!(
        notices.into_iter().any(|f| f["rule"] == "PW268"
            && f["message"]
                .as_str()
                .is_some_and(|m| m.contains("submission/inet"))),
        "{:#}",
        verdict.0
    );
}

#[tokio::test]
async fn a_query_that_answers_for_what_no_row_says_is_drift() {
    let installation = Installation::with_one_domain().await;
    for (file, query, expected) in [
        (
            "mysql_alias.cf",
            "SELECT destination FROM aliases WHERE enabled=1 OR mail='%s'",
            "PW252 aliases.mail virtual_alias_maps mysql_alias.cf",
        ),
        (
            "mysql_domains.cf",
            "SELECT 1 FROM domains WHERE domain LIKE '%%%s' AND enabled=1",
            "PW252 domains.domain virtual_mailbox_domains mysql_domains.cf",
        ),
        (
            "mysql_block_recip.cf",
            "SELECT IF(action='REJECT',CONCAT('550 5.7.1 ',message,'Blocked'),action) FROM access_rules WHERE pattern='%s' \
             AND enabled=1 AND action<>'OK'",
            "PW252 access_rules.kind check_recipient_access mysql_block_recip.cf",
        ),
        (
            "mysql_sender_access.cf",
            "SELECT 'REJECT' FROM access_rules WHERE kind='sender' AND pattern='%s' AND enabled=1",
            "PW252 access_rules.action check_sender_access mysql_sender_access.cf",
        ),
    ] {
        let good = installation.text(file);
        installation.ask(file, &format!("query = {query}"));
        let drift = installation.drift();
        assert!(drift.iter().any(|found| found == expected), "{drift:?}");
        installation.write(file, &good);
    }
}

#[tokio::test]
async fn a_lookup_table_of_any_parameter_has_to_answer() {
    let installation = Installation::with_one_domain().await;
    installation.write("elsewhere.cf", &installation.text("mysql_alias.cf"));
    installation.ask("elsewhere.cf", "query = SELECT a FROM nowhere WHERE b='%s'");
    let map = format!("mysql:{}/elsewhere.cf", installation.dir());
    installation.set("canonical_maps", Some(&map));
    assert_eq!(installation.drift(), ["PW259 canonical_maps elsewhere.cf"]);

    // A table that was there when the files were written.
    installation.set("canonical_maps", None);
    installation.database.script("DROP TABLE relocated").await;
    let drift = installation.drift();
    assert!(
        drift
            .iter()
            .any(|found| found.starts_with("PW259") && found.ends_with("mysql_relocated.cf")),
        "{drift:?}"
    );
}

#[tokio::test]
async fn a_query_that_does_more_than_to_compare_is_not_run_and_counts_for_nothing() {
    let installation = Installation::with_one_domain().await;
    let good = installation.text("mysql_alias.cf");
    let asleep =
        "query = SELECT destination FROM aliases WHERE mail='%s' AND enabled=1 /*!50000 AND SLEEP(20)=0 */";
    for query in [
        asleep,
        "query = SELECT IF(LOAD_FILE('/etc/hostname') IS NULL,'a','b') FROM aliases WHERE mail='%s'",
    ] {
        installation.ask("mysql_alias.cf", query);
        let verdict = installation.verify();
        let untried = verdict
            .findings()
            .any(|f| f["rule"] == "PW257" && f["file"] == "mysql_alias.cf");
        assert!(untried, "{:#}", verdict.0);
        let honoured = verdict.0["honoured"].as_array().expect("a list");
        assert!(
            honoured.iter().all(|h| h["table"] != "aliases"),
            "{:#}",
            verdict.0
        );
    }
    // What is no SELECT is asked by nobody, since it may write.
    installation
        .database
        .script("CREATE TABLE asked (k VARCHAR(255))")
        .await;
    installation.ask("mysql_alias.cf", "query = INSERT INTO asked VALUES ('%s')");
    installation.verify();
    assert_eq!(installation.database.count("SELECT COUNT(*) FROM asked").await, 0);
    installation.write("mysql_alias.cf", &good);
}

#[tokio::test]
async fn what_postfix_understands_in_other_words_is_no_drift() {
    let installation = Installation::good().await;
    let moved = installation.text("mysql_moved.cf");
    // The answer is put together by the file.
    installation.ask(
        "mysql_moved.cf",
        "query = SELECT newadr FROM relocated WHERE '%u'<>'' AND oldadr IN ('%s','@%d') AND enabled=1 LIMIT 1\n\
         result_format = 550 5.1.6 User has moved to %s",
    );
    assert_eq!(installation.drift(), [""; 0]);
    installation.write("mysql_moved.cf", &moved);

    // Checks in a class, and a table by itself.
    let dir = installation.dir();
    installation.set("smtpd_restriction_classes", Some("ours"));
    installation.set(
        "ours",
        Some(&format!(
            "mysql:{dir}/mysql_moved.cf, check_recipient_access mysql:{dir}/mysql_block_recip.cf"
        )),
    );
    installation.set(
        "smtpd_recipient_restrictions",
        Some(&format!(
            "ours, permit_mynetworks, reject_unauth_destination, check_client_access mysql:{dir}/mysql_client_access.cf, \
             check_sender_access mysql:{dir}/mysql_sender_access.cf"
        )),
    );
    assert_eq!(installation.drift(), [""; 0]);

    // Somebody's own table beside them takes nothing from what is known of the panel's.
    installation
        .database
        .script("CREATE TABLE grey (k VARCHAR(255), v VARCHAR(255))")
        .await;
    installation.write("grey.cf", &moved);
    installation.ask("grey.cf", "query = SELECT v FROM grey WHERE k='%s'");
    installation.change(
        "main.cf",
        "permit_mynetworks, ",
        &format!("check_recipient_access mysql:{dir}/grey.cf, permit_mynetworks, "),
    );
    let verdict = installation.verify();
    assert_eq!(verdict.drift(), [""; 0]);
    let honoured = verdict.0["honoured"].as_array().expect("a list");
    assert!(
        honoured.iter().any(|h| h["file"] == "mysql_block_recip.cf"),
        "{:#}",
        verdict.0
    );

    // A view of the panel's table, and a comment that is no UTF-8.
    installation
        .database
        .script("CREATE VIEW active AS SELECT * FROM aliases WHERE enabled=1")
        .await;
    installation.ask(
        "mysql_alias.cf",
        "query = SELECT destination FROM active WHERE mail='%s'",
    );
    let mut bytes = b"# M\xfcller\n".to_vec();
    bytes.extend(installation.text("mysql_alias.cf").into_bytes());
    fs::write(installation.path("mysql_alias.cf"), bytes).expect("written");
    assert_eq!(installation.drift(), [""; 0]);
}

#[tokio::test]
async fn what_rows_hold_reaches_no_terminal_as_it_is() {
    let installation = Installation::good().await;
    installation
        .database
        .script("INSERT INTO relocated (oldadr, newadr, enabled) VALUES ('esc@blobber.org', 'x\\n\u{1b}]0;owned\u{7}', 0)")
        .await;
    installation.ask(
        "mysql_relocated.cf",
        "query = SELECT newadr FROM relocated WHERE oldadr='%s'",
    );
    let told = installation.run(&["--dry-run"]).stdout;
    assert!(!told.contains('\u{1b}') && !told.contains('\u{7}'), "{told:?}");
}
