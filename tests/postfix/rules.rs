//! What the linter's rules say Postfix does, it does; and each of them finds the row that makes it do so, and no other.
//!
//! `ledger.rs` has every rule, and the tests or the reason why there is none.

mod aliases;
mod alone;
mod backups;
mod by_dns;
mod by_howto;
mod domains;
mod keys;
mod ledger;
mod others;
mod overrides;
mod rows;
mod transports;
mod users;

use postwarden::lint::{Case, Dns, Here, Told, judge, judge_with_dns};
use postwarden::resource::{Resource, Rules};
use postwarden::route::Snapshot;

use crate::bed::{Bed, SELF, Sent};
use crate::ground::site;
use crate::howto::howto;
use crate::support::Database;
use rows::{Stored, alias, hosted};

/// What Postfix does.
enum Does {
    /// Answers a stranger's `RCPT TO` with a text that holds this.
    Answers(&'static str, &'static str),
    /// Answers one of the local network.
    AnswersInside(&'static str, &'static str),
    /// Answers a stranger who says to be this sender.
    AnswersFrom(&'static str, &'static str, &'static str),
    /// Takes a stranger's mail and brings it there.
    Brings(&'static str, &'static [&'static str]),
    /// Takes mail of the local network and brings it there.
    BringsInside(&'static str, &'static [&'static str]),
    /// Takes a stranger's mail, brings it there, and its log says this of it.
    Says(&'static str, &'static [&'static str], &'static str),
    /// Takes the recipient of a stranger, and refuses the whole message with this.
    Ends(&'static str, &'static str),
    /// Warns of this in its log.
    Warns(&'static str),
}

/// Rows, what Postfix does with them, and of which the rule tells: table and subject.
struct Oracle {
    rule: &'static str,
    about: &'static [(&'static str, &'static str)],
    rows: &'static [Stored],
    does: &'static [Does],
}

const UNKNOWN: &str = "550 5.1.1";
const DENIED: &str = "554 5.7.1";
const MOVED: &str = "550 5.1.6";
const BLOCKED: &str = "550 5.7.1";
const TAKEN: &str = "250 2.1.5";
const LOOP: &str = "451 4.6.0 Alias expansion error";
/// Of mail that comes back to this server, as the log has it.
const LOOPS: &str = "dsn=5.4.6, status=bounced (mail for ";
const NO_HOST: &str = "dsn=5.4.4, status=bounced (Host or domain name not found";

/// The rows of which a rule tells: table and subject.
fn told(oracle: &Oracle, judge: &impl Fn(&Case<'_>) -> Vec<Told>) -> Vec<(&'static str, String)> {
    let rows = || {
        (1..)
            .zip(oracle.rows)
            .map(|(key, stored)| (stored.table, stored.row(key)))
    };
    let tables = rows().fold(Snapshot::new(), |tables, (table, row)| tables.with(table, row));
    let judged = rows().flat_map(|(table, row)| {
        let resource = Resource::by_table(table).expect(table);
        judge(&Case::new(resource, &row, &tables, &Rules::default()))
    });
    let mut told: Vec<_> = judged
        .filter(|told| told.rule == oracle.rule)
        .map(|told| (told.table, told.subject))
        .collect();
    told.sort();
    told
}

/// What the rules that ask DNS tell of a row, with the bed's own.
fn told_by_dns(bed: &Bed, case: &Case<'_>) -> Vec<Told> {
    let here = Here {
        names: vec![SELF.to_owned()],
        addresses: vec![bed.address(1).into()],
    };
    let dns = Dns {
        names: &*bed.names,
        here: &here,
    };
    let by_row = judge(case);
    let mut told = judge_with_dns(case, &dns);
    told.retain(|told| !by_row.contains(told));
    told
}

/// Where a mail goes of which every recipient is accepted.
async fn goes(bed: &Bed, sent: &Sent, why: &str) -> Vec<String> {
    assert!(
        sent.recipients.iter().all(|reply| reply.starts_with(TAKEN)),
        "{why}: {sent:?}"
    );
    assert!(sent.end.starts_with("250 2.0.0 Ok"), "{why}: {sent:?}");
    bed.outcome(sent).await
}

async fn expect(bed: &Bed, rule: &str, does: &Does) {
    let (stranger, inside) = (bed.stranger(), bed.inside());
    let holds = |reply: &str, to: &str, part: &str| assert!(reply.contains(part), "{rule} {to}: {reply}");
    match does {
        Does::Answers(to, part) => holds(&stranger.recipient(to).await, to, part),
        Does::AnswersInside(to, part) => holds(&inside.recipient(to).await, to, part),
        Does::AnswersFrom(from, to, part) => holds(&stranger.recipient_from(from, to).await, to, part),
        Does::Brings(to, places) => {
            let sent = stranger.send(&[to]).await;
            assert_eq!(goes(bed, &sent, rule).await, *places, "{rule} {to}");
        }
        Does::BringsInside(to, places) => {
            let sent = inside.send(&[to]).await;
            assert_eq!(goes(bed, &sent, rule).await, *places, "{rule} {to}");
        }
        Does::Says(to, places, reason) => {
            let sent = stranger.send(&[to]).await;
            assert_eq!(goes(bed, &sent, rule).await, *places, "{rule} {to}");
            let said = bed.logged(&format!("{}: to=<", sent.id()));
            assert!(
                said.iter().any(|line| line.contains(reason)),
                "{rule} {to}: {said:?}"
            );
        }
        Does::Ends(to, end) => {
            let sent = stranger.send(&[to]).await;
            assert_eq!(sent.recipients, ["250 2.1.5 Ok"], "{rule} {to}");
            assert_eq!(sent.end, *end, "{rule} {to}");
        }
        Does::Warns(of) => {
            bed.wait(of, || bed.logged(of).pop()).await;
        }
    }
}

/// Writes the rows of all, then has each shown by Postfix and found by its rule.
async fn prove_by(bed: &Bed, oracles: &[Oracle], judge: impl Fn(&Case<'_>) -> Vec<Told>) {
    write(&bed.database, oracles).await;
    show(bed, oracles, judge).await;
}

async fn write(database: &Database, oracles: &[Oracle]) {
    let rows = oracles.iter().flat_map(|oracle| oracle.rows).map(Stored::insert);
    database.script(&rows.collect::<String>()).await;
}

async fn show(bed: &Bed, oracles: &[Oracle], judge: impl Fn(&Case<'_>) -> Vec<Told>) {
    for oracle in oracles {
        for does in oracle.does {
            expect(bed, oracle.rule, does).await;
        }
        let about: Vec<_> = oracle
            .about
            .iter()
            .map(|(table, subject)| (*table, (*subject).to_owned()))
            .collect();
        assert_eq!(told(oracle, &judge), about, "{}", oracle.rule);
    }
}

async fn prove(oracles: &[Oracle]) {
    prove_by(site().await.bed, oracles, judge).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_keys_happens() {
    prove(keys::KEYS).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_domains_happens() {
    let names = &site().await.bed.names;
    for domain in ["r117.test", "r117a.test"] {
        names.mail_servers(domain, &[(10, SELF)]);
    }
    prove(domains::DOMAINS).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_overrides_happens() {
    prove(overrides::OVERRIDES).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_backup_domains_happens() {
    site().await.bed.primary.refuse("nobody@r124.test");
    prove(backups::BACKUPS).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_transports_happens() {
    site()
        .await
        .bed
        .names
        .mail_servers("hop.r128.test", &[(10, SELF)]);
    prove(transports::TRANSPORTS).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_aliases_happens() {
    prove(aliases::ALIASES).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_a_list_that_is_too_long_happens() {
    let list = |members: u32| {
        let list: Vec<String> = (1..=members).map(|n| format!("m{n}@far.test")).collect();
        &*list.join(",").leak()
    };
    let rows = [
        hosted("r145.test"),
        alias("all@r145.test", list(1001)),
        alias("most@r145.test", list(1000)),
    ];
    let oracle = Oracle {
        rule: "PW145",
        about: &[("aliases", "all@r145.test")],
        rows: rows.to_vec().leak(),
        does: &[Does::Ends("all@r145.test", LOOP)],
    };
    prove(&[oracle]).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_mailboxes_happens() {
    prove(users::USERS).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_relay_recipients_relocations_and_access_rules_happens() {
    prove(others::OTHERS).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_by_dns_happens() {
    let bed = site().await.bed;
    for domain in ["d117.test", "hop.d128.test"] {
        bed.names.mail_servers(domain, &[(10, SELF)]);
    }
    prove_by(bed, by_dns::BY_DNS, |case| told_by_dns(bed, case)).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_the_howtos_configuration_happens() {
    prove_by(howto().await.bed, by_howto::BY_HOWTO, judge).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_defaults_two_mailboxes_share_a_directory() {
    let site = howto().await;
    let rows = "INSERT INTO domains (domain, transport) VALUES ('defaults.test', 'virtual:'); \
                INSERT INTO users (id) VALUES ('joe@defaults.test'), ('ann@defaults.test')";
    site.bed.database.script(rows).await;
    for to in ["joe@defaults.test", "ann@defaults.test"] {
        assert_eq!(
            site.delivered(site.bed.stranger(), &[to]).await,
            ["mailbox blah/"]
        );
    }
}
