//! `postwarden postfix verify` on a machine with a running Postfix: on the generated configuration and on the howto's own.

use serde_json::Value;

use crate::bed::Bed;
use crate::configuration::generated;
use crate::howto::howto;
use crate::support::Database;

/// Rows of every kind, those with which the howto's configuration fails among them.
const ROWS: &str = "
INSERT INTO backups (domain, enabled) VALUES ('default.test', 1), ('off.test', 0);
INSERT INTO backups (domain, transport) VALUES ('ann@bloggs.com', 'smtp:[aspmx.l.google.com]'), ('example.org', '');
INSERT INTO domains (domain, transport, enabled) VALUES ('*', 'smtp:[mail.friend.com]', 1), ('off.org', 'virtual:', 0);
INSERT INTO relays (recipient, status) VALUES ('@example.org', 'OK');
INSERT INTO relays (recipient, enabled) VALUES ('off@friend1.com', 0);
INSERT INTO relocated (oldadr, newadr, enabled) VALUES ('off@lala.com', 'new@far.test', 0), ('@domain1.com', 'far away', 1);
INSERT INTO users (id, maildir, enabled) VALUES ('off@blobber.org', 'off/', 0), ('up@blobber.org', '../up', 1);
INSERT INTO aliases (mail, destination, enabled) VALUES ('off@blobber.org', 'x@far.test', 0), ('lala.com', 'x@far.test', 1);
INSERT INTO access_rules (kind, pattern, action, enabled) VALUES
  ('recipient', 'trap@blobber.org', 'REJECT', 1), ('recipient', 'off@blobber.org', 'REJECT', 0),
  ('sender', 'spam.test', 'REJECT', 1), ('sender', 'ham.test', 'OK', 0),
  ('client', '192.0.2.25', 'DEFER', 1), ('client', '192.0.2', 'REJECT', 0);
";

/// What `postwarden postfix verify` says where Postfix is, and its exit code.
fn verified(bed: &Bed) -> (Value, i32) {
    let printed = bed.command(&format!(
        "env -i PATH=\"$PATH\" POSTWARDEN_CONFIG=/dev/null DATABASE_URL='{}' {} postfix verify --json --dry-run; echo \"$?\"",
        bed.database.url,
        env!("CARGO_BIN_EXE_postwarden")
    ));
    let (json, code) = printed.trim_end().rsplit_once('\n').expect("an exit code");
    let value = serde_json::from_str(json).expect(&printed);
    (value, code.parse().expect(code))
}

/// Whether there is a finding with these values.
fn finds(verdict: &Value, wanted: &[(&str, &str)]) -> bool {
    let findings = verdict["findings"].as_array().expect("findings");
    findings
        .iter()
        .any(|finding| wanted.iter().all(|(name, value)| finding[name] == *value))
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_running_postfix_with_the_generated_configuration_does_what_the_howtos_rows_say() {
    // Rows that stay as they are while they are compared.
    let database = Database::howto().await;
    database.script(ROWS).await;
    let bed = Bed::start(database, generated).await;
    let (verdict, code) = verified(&bed);
    assert_eq!((code, &verdict["drift"]), (0, &false.into()), "{verdict:#}");
    assert_eq!(verdict["findings"], Value::Array(Vec::new()), "{verdict:#}");
    assert_eq!(verdict["overrides"], serde_json::json!(["domains", "backups"]));
    assert_eq!(verdict["config_dir"], "/etc/postfix");
    // Twelve lookup tables, each with a row that is on, one that is off, and an unknown key.
    assert!(verdict["probes"].as_u64().expect("a number") >= 36, "{verdict:#}");
    let tables = [
        "domains",
        "users",
        "aliases",
        "backups",
        "relays",
        "relocated",
        "access_rules",
    ];
    let honoured = verdict["honoured"].as_array().expect("columns");
    for table in tables {
        assert!(
            honoured
                .iter()
                .any(|h| h["table"] == table && h["column"] == "enabled"),
            "{table}"
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_running_postfix_with_the_howtos_configuration_has_everything_named_that_goes_wrong() {
    let site = howto().await;
    let (verdict, code) = verified(site.bed);
    assert_eq!((code, &verdict["drift"]), (3, &true.into()), "{verdict:#}");
    for (rule, table, column, parameter, file) in [
        // An override among the domains is not looked up.
        (
            "PW251",
            "domains",
            "transport",
            "transport_maps",
            "mysql_transport.cf",
        ),
        (
            "PW253",
            "relocated",
            "enabled",
            "relocated_maps",
            "mysql_relocated.cf",
        ),
        (
            "PW158",
            "relays",
            "status",
            "relay_recipient_maps",
            "mysql_relays.cf",
        ),
        (
            "PW122",
            "backups",
            "transport",
            "transport_maps",
            "mysql_transport.cf",
        ),
        (
            "PW150",
            "users",
            "maildir",
            "virtual_mailbox_maps",
            "mysql_mailbox.cf",
        ),
        ("PW161", "relocated", "oldadr", "check_recipient_access", ""),
        ("PW251", "access_rules", "pattern", "check_recipient_access", ""),
        ("PW251", "access_rules", "pattern", "check_sender_access", ""),
        ("PW251", "access_rules", "pattern", "check_client_access", ""),
        ("PW136", "", "", "virtual_alias_domains", "main.cf"),
        (
            "PW125",
            "backups",
            "domain",
            "parent_domain_matches_subdomains",
            "main.cf",
        ),
        ("PW172", "", "", "smtpd_relay_restrictions", "main.cf"),
        ("PW171", "", "", "", "main.cf"),
    ] {
        let wanted = [
            ("rule", rule),
            ("table", table),
            ("column", column),
            ("parameter", parameter),
            ("file", file),
        ];
        assert!(finds(&verdict, &wanted), "{wanted:?} {verdict:#}");
    }
    // What Postfix itself answers for rows there are.
    for (table, file) in [("relays", "mysql_relays.cf"), ("domains", "mysql_transport.cf")] {
        let wanted = [("rule", "PW258"), ("table", table), ("file", file)];
        assert!(finds(&verdict, &wanted), "{wanted:?} {verdict:#}");
    }
    // What it gets right is said too.
    let honoured = verdict["honoured"].as_array().expect("columns");
    for (table, column) in [
        ("domains", "enabled"),
        ("users", "id"),
        ("aliases", "destination"),
    ] {
        assert!(
            honoured
                .iter()
                .any(|h| h["table"] == table && h["column"] == column),
            "{table}.{column}"
        );
    }
}
