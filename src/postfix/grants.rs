//! The rights of Postfix's own database account: to look up what the lookup tables ask for, and nothing else.

use std::fmt::Write as _;

use super::{Account, MAPS, Tables};

/// What stands for the account's password: it is for people to choose.
const PASSWORD: &str = "postfix-password";

/// What stands for the mail server where the database is on another machine.
const MAILSERVER: &str = "MAILSERVER";

/// The statements that make the account and let it read, for an administrator of the database. The account's password
/// is not in them.
///
/// A table is granted whole, but of the mailboxes only what is asked for: the other columns hold their passwords.
pub fn grants(account: &Account, tables: &Tables) -> String {
    let host = host(&account.hosts);
    let who = format!("{}@{}", text(&account.user), text(host));
    let mut sql = String::from(
        "-- Postfix, which looks up and writes nothing: not the mailbox passwords, not the panel's own tables\n",
    );
    if host == MAILSERVER {
        let _ = writeln!(
            sql,
            "-- {MAILSERVER} is the address the database sees Postfix come from"
        );
    }
    let _ = writeln!(sql, "CREATE USER {who} IDENTIFIED BY '{PASSWORD}';");
    let mut granted = Vec::new();
    for map in MAPS {
        if granted.contains(&map.table) || map.lacks(tables).is_some() {
            continue;
        }
        granted.push(map.table);
        let columns = if map.table == "users" {
            format!(" ({})", map.columns(tables).join(", "))
        } else {
            String::new()
        };
        let _ = writeln!(
            sql,
            "GRANT SELECT{columns} ON {}.{} TO {who};",
            name(&account.dbname),
            map.table
        );
    }
    sql
}

/// From where the database sees Postfix come, if both are on one machine: a unix socket is `localhost`, which no
/// account for an address is good for.
fn host(hosts: &str) -> &str {
    let first = hosts.split_whitespace().next().unwrap_or_default();
    if first.starts_with("unix:") {
        return "localhost";
    }
    let place = first.strip_prefix("inet:").unwrap_or(first);
    match place.rsplit_once(':').map_or(place, |(host, _)| host) {
        "localhost" | "127.0.0.1" => "127.0.0.1",
        "::1" => "::1",
        _ => MAILSERVER,
    }
}

/// A text as SQL takes it.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', "''"))
}

/// A name as SQL takes it: quoted only where it has to be.
fn name(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.chars().all(plain) && name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("`{}`", name.replace('`', "``"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../docs/grants.sql");

    fn account(url: &str) -> Account {
        Account::from_url(url).expect("an account")
    }

    fn local() -> Account {
        account("mysql://postfix:secret@127.0.0.1/maildb")
    }

    #[test]
    fn a_fresh_installation_gets_what_the_document_says() {
        let (_, postfix) = DOCUMENT
            .split_once("-- Postfix, which")
            .expect("the part of Postfix");
        assert_eq!(
            grants(&local(), &Tables::all()),
            format!("-- Postfix, which{postfix}")
        );
    }

    #[test]
    fn the_password_is_for_people_to_choose() {
        assert!(!grants(&local(), &Tables::all()).contains("secret"));
    }

    #[test]
    fn nothing_is_granted_on_what_is_not_there() {
        let tables = Tables::all()
            .without("relays", None)
            .without("users", Some("enabled"))
            .without("access_rules", Some("cidr_lo"));
        let sql = grants(&local(), &tables);
        assert!(!sql.contains("relays"), "{sql}");
        assert!(sql.contains("SELECT (id, maildir) ON maildb.users"), "{sql}");
        assert!(sql.contains("ON maildb.access_rules"), "the other rules: {sql}");
        let sql = grants(&local(), &Tables::all().without("users", Some("maildir")));
        assert!(!sql.contains("users"), "{sql}");
    }

    #[test]
    fn the_account_is_for_where_postfix_comes_from() {
        for (url, who) in [
            ("mysql://p@localhost/maildb", "'p'@'127.0.0.1'"),
            ("mysql://p@[::1]:3307/maildb", "'p'@'::1'"),
            ("mysql://p@localhost/maildb?socket=/run/m.sock", "'p'@'localhost'"),
            ("mysql://p@db.example.org/maildb", "'p'@'MAILSERVER'"),
        ] {
            let sql = grants(&account(url), &Tables::all());
            assert!(sql.contains(&format!("CREATE USER {who} ")), "{url}: {sql}");
            let remark = sql.contains("-- MAILSERVER is the address");
            assert_eq!(remark, who.contains("MAILSERVER"), "{sql}");
        }
    }

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        let odd = Account {
            user: r"o'b\x".to_owned(),
            dbname: "mail-db".to_owned(),
            ..local()
        };
        let sql = grants(&odd, &Tables::all());
        assert!(
            sql.contains(r"ON `mail-db`.domains TO 'o''b\\x'@'127.0.0.1';"),
            "{sql}"
        );
    }
}
