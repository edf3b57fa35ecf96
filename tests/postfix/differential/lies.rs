//! Models that are wrong in one rule each: the tables they read lie to them.

use postwarden::resource::{Resource, Row};
use postwarden::route::{Lookups, Question, Rows};

/// One wrong rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Rows that are switched off count.
    OffIsOn,
    /// REJECT among the relay recipients has no effect.
    RejectIsIgnored,
    /// A catch-all comes before the address.
    CatchAllFirst,
    /// Overrides in `backups` are not read.
    BackupsWithoutOverrides,
    /// Overrides in `domains` are not read.
    DomainsWithoutOverrides,
    /// Of several rows only the first counts.
    OneRow,
    /// Upper case matters.
    CaseMatters,
    /// A backup MX entry is for the domains below it too.
    SubdomainsOfBackups,
    /// Relocations are not read.
    NobodyMoved,
    /// Access rules for a domain do not hold for those below it.
    RulesWithoutParents,
    /// Networks of clients are not known.
    NoNetworks,
    /// An address with an extension has no row of its own.
    NoRowsWithExtension,
}

impl Lie {
    /// Every one of them.
    pub const ALL: &[Self] = &[
        Self::OffIsOn,
        Self::RejectIsIgnored,
        Self::CatchAllFirst,
        Self::BackupsWithoutOverrides,
        Self::DomainsWithoutOverrides,
        Self::OneRow,
        Self::CaseMatters,
        Self::SubdomainsOfBackups,
        Self::NobodyMoved,
        Self::RulesWithoutParents,
        Self::NoNetworks,
        Self::NoRowsWithExtension,
    ];
}

/// Tables that lie.
pub struct Lying<'t> {
    pub tables: &'t dyn Lookups,
    pub lie: Lie,
}

impl Lying<'_> {
    fn asked(&self, table: &'static str, key: &str) -> Rows {
        self.tables.about(table, key)
    }

    fn without(&self, question: &Question, unwanted: impl Fn(&Row) -> bool) -> Rows {
        let rows = self.tables.rows(question);
        rows.iter().filter(|row| !unwanted(row)).cloned().collect()
    }
}

impl Lookups for Lying<'_> {
    fn rows(&self, question: &Question) -> Rows {
        let honest = || self.tables.rows(question);
        let none = || Rows::from([]);
        match (self.lie, question) {
            (Lie::OffIsOn, _) => honest().iter().map(Row::switched_on).collect(),
            (Lie::RejectIsIgnored, Question::Subject("relays", _)) => {
                self.without(question, |row| row.text("status").eq_ignore_ascii_case("REJECT"))
            }
            (Lie::CatchAllFirst, Question::Subject("aliases", key)) => {
                let domain = key.rsplit_once('@').map(|(_, domain)| format!("@{domain}"));
                let caught = domain.map_or_else(none, |domain| self.asked("aliases", &domain));
                if caught.iter().any(Row::is_enabled) {
                    caught
                } else {
                    honest()
                }
            }
            (Lie::BackupsWithoutOverrides, Question::Subject("backups", key)) if key.contains('@') => none(),
            (Lie::DomainsWithoutOverrides, Question::Subject("domains", key)) if key.contains('@') => none(),
            (Lie::OneRow, _) => honest().iter().take(1).cloned().collect(),
            (Lie::CaseMatters, Question::Subject(table, key)) => {
                let subject = Resource::by_table(table).map_or("", |resource| resource.subject);
                self.without(question, |row| row.text(subject) != key)
            }
            (Lie::SubdomainsOfBackups, Question::Subject("backups", key)) if honest().is_empty() => key
                .split_once('.')
                .map_or_else(none, |(_, parent)| self.asked("backups", parent)),
            (Lie::RulesWithoutParents, Question::Subject("access_rules", key))
                if key.matches('.').count() == 1 =>
            {
                none()
            }
            (Lie::NobodyMoved, Question::Subject("relocated", _))
            | (Lie::NoNetworks, Question::Network(_)) => none(),
            (Lie::NoRowsWithExtension, Question::Subject(_, key)) if key.contains('+') => none(),
            _ => honest(),
        }
    }

    fn count(&self, table: &'static str, domain: &str) -> u64 {
        self.tables.count(table, domain)
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.tables.has(table, column)
    }
}
