//! Files of other panels.

use super::super::{Foreign, Format, Reading};
use super::{into, look, told};
use crate::resource::{aliases, users};

/// Holds a sample to its rows, whatever it is called.
fn holds(sample: &[u8], panel: Foreign, rows: &[&str]) {
    assert_eq!(told("list.csv", sample, Reading::default()), rows);
    assert_eq!(
        look("list", sample, Reading::default()).format,
        Format::Foreign(panel)
    );
}

macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/exchange/", $name))
    };
}

#[test]
fn postfixadmins_tables_are_read() {
    holds(
        sample!("postfixadmin-alias.csv"),
        Foreign::PostfixAdminAliases,
        &[
            "2 aliases mail=joe@example.org destination=joe@example.org enabled=1",
            "3 aliases mail=sales@example.org destination=joe@example.org,ann@example.net enabled=0",
            "4 aliases mail=@example.org destination=joe@example.org enabled=1",
        ],
    );
    holds(
        sample!("postfixadmin-mailbox.csv"),
        Foreign::PostfixAdminMailboxes,
        &[
            "2 users id=joe@example.org name=Joe Doe maildir=example.org/joe/ enabled=1 \
             crypt=$2y$10$abcdefghijklmnopqrstuv quota=10485760S",
            "3 users id=ann@example.org name=Ann maildir=example.org/ann/ enabled=0 \
             crypt=$1$abcdefgh$irWbblnpmw.5z7wgBnprh0 quota=",
        ],
    );
}

#[test]
fn postfixadmins_lists_are_read() {
    holds(
        sample!("postfixadmin-list-mailbox.csv"),
        Foreign::PostfixAdminMailboxes,
        &["3 users id=joe@example.org name=Joe Doe enabled=1 quota=10485760S"],
    );
    holds(
        sample!("postfixadmin-list-alias.csv"),
        Foreign::PostfixAdminAliases,
        &["3 aliases mail=@example.org destination=joe@example.org,ann@example.net enabled=1"],
    );
}

#[test]
fn modoboas_lines_are_read() {
    holds(
        sample!("modoboa.csv"),
        Foreign::Modoboa,
        &[
            "1 domains domain=example.org enabled=1",
            "2 domains domain=old.example enabled=0",
            "3 domains domain=example.com enabled=1",
            "3 aliases mail=@example.com destination=@example.org enabled=1",
            "4 backups domain=example.net transport=relay:[mx.example.net]:2525 enabled=1",
            "4 relays recipient=@example.net status=OK enabled=1",
            "5 users id=joe@example.org name=Joe Doe enabled=1 crypt=$6$rounds=70000$salt$hash quota=10485760S",
            "7 aliases mail=info@example.org destination=joe@example.org enabled=1",
            "8 aliases mail=ann@example.org destination=ann@example.net enabled=1",
            "9 aliases mail=all@example.org destination=joe@example.org,ann@example.org enabled=0",
            "refused 10: `contact` is nothing that modoboa exports: it has to be one of domain, domainalias, relaydomain, \
             account, alias, forward, dlist.",
            "5 aliases mail=joe@example.org destination=joe@example.org enabled=1",
        ],
    );
}

#[test]
fn an_account_of_modoboas_with_an_alias_of_its_own_gets_no_self_alias() {
    let account =
        |name: &str| format!("account;{name}@example.org;;;;yes;SimpleUsers;{name}@example.org;0\n");
    let file = format!(
        "{}{}alias;Ann@example.org;yes;ann@example.org;ann@example.net",
        account("ann"),
        account("joe")
    );
    assert_eq!(
        told("a.csv", file.as_bytes(), into(&aliases::RESOURCE)),
        [
            "3 aliases mail=Ann@example.org destination=ann@example.org,ann@example.net enabled=1",
            "2 aliases mail=joe@example.org destination=joe@example.org enabled=1",
        ]
    );
    let many: String = (0..50_001).map(|n| account(&format!("u{n}"))).collect();
    let rows = told("a.csv", many.as_bytes(), into(&aliases::RESOURCE));
    assert_eq!(rows.len(), 50_001, "those that wait are not forgotten");
}

#[test]
fn cpanels_lists_are_read() {
    holds(
        sample!("cpanel-forwarders.csv"),
        Foreign::CpanelForwarders,
        &["2 aliases mail=sales@example.org destination=joe@example.org"],
    );
    holds(
        sample!("cpanel-accounts.csv"),
        Foreign::CpanelAccounts,
        &[
            "2 users id=joe@example.org password=pass, word quota=262144000S",
            "2 aliases mail=joe@example.org destination=joe@example.org",
            "3 users id=ann@example.org password=12345678 quota=",
            "3 aliases mail=ann@example.org destination=ann@example.org",
        ],
    );
}

#[test]
fn googles_users_are_read() {
    holds(
        sample!("google-users.csv"),
        Foreign::GoogleUsers,
        &[
            "2 users id=joe@example.org name=Joe Döe password=correct horse",
            "2 aliases mail=joe@example.org destination=joe@example.org",
            "3 users id=ann@example.org name=Ann Lee enabled=0",
            "3 aliases mail=ann@example.org destination=ann@example.org enabled=0",
            "4 users id=sha@example.org name=Sha One enabled=1 crypt={SHA1.hex}a94a8fe5ccb19ba61c4c0873d391e987982fbbd3",
            "4 aliases mail=sha@example.org destination=sha@example.org enabled=1",
            "5 users id=cry@example.org name=Cry Pt enabled=1 crypt=$6$salt$hash",
            "5 aliases mail=cry@example.org destination=cry@example.org enabled=1",
        ],
    );
}

#[test]
fn of_another_panel_only_the_table_that_was_asked_for_is_read() {
    let seen = look("a.csv", sample!("cpanel-accounts.csv"), into(&aliases::RESOURCE));
    assert_eq!(seen.rows.len(), 2);
    assert_eq!(
        seen.skipped.rows.into_iter().collect::<Vec<_>>(),
        [("users".to_owned(), 2)]
    );
    let elsewhere = &told("a.csv", sample!("postfixadmin-alias.csv"), into(&users::RESOURCE))[0];
    assert!(
        elsewhere.starts_with("2 users id=joe@example.org goto="),
        "no list of mailboxes: {elsewhere}"
    );
    let as_csv = Reading {
        format: Some(Format::Csv),
        ..into(&users::RESOURCE)
    };
    let row = &told("a.csv", sample!("cpanel-accounts.csv"), as_csv)[0];
    assert_eq!(
        row,
        "2 users id=joe password=pass, word Domain=example.org quota=250"
    );
    let as_google = Reading {
        format: Some(Format::Foreign(Foreign::GoogleUsers)),
        ..Reading::default()
    };
    assert!(
        told("a.csv", sample!("cpanel-accounts.csv"), as_google)[0]
            .contains("column names that this panel writes")
    );
}

#[test]
fn phpmyadmins_csv_is_a_table_like_any_other() {
    assert_eq!(
        told("users.csv", sample!("phpmyadmin.csv"), into(&users::RESOURCE)),
        [
            "2 users id=mary@bloggs.com name=mary \"m\" smith uid=5000 gid=5000 home=/var/spool/mail/virtual maildir=mary/ \
          enabled=1 change_password=1 clear=ChangeMe crypt=$6$salt$hash quota= remark=NULL"
        ]
    );
}
