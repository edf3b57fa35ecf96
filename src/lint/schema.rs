//! What is wrong with the tables themselves: keys that run out, defaults that harm every row that does not name the
//! column, keys that are not there. None of it breaks mail by itself, so all of it is a notice.

use super::{Rule, Severity, Told};

/// What there is to know about a live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFacts {
    /// Its name.
    pub table: &'static str,
    /// Its columns.
    pub columns: Vec<ColumnFacts>,
    /// The highest number in its key, where that is one and there are rows.
    pub highest_key: Option<u64>,
    /// Its storage engine; `None` for a view.
    pub engine: Option<String>,
}

/// What there is to know about a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// Its type without length, lower case: `varchar`, `smallint`.
    pub data_type: String,
    /// Whether it is a number without a sign.
    pub unsigned: bool,
    /// Most characters it holds, for text.
    pub capacity: Option<u64>,
    /// What a row gets that does not name it.
    pub default: Option<String>,
    /// Whether no two rows have the same in it.
    pub unique: bool,
    /// Whether it is the primary key.
    pub primary: bool,
}

impl TableFacts {
    fn column(&self, name: &str) -> Option<&ColumnFacts> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn default(&self, column: &str) -> Option<&str> {
        self.column(column)?.default.as_deref()
    }
}

/// A rule about a table, which is asked with all of them and says what is wrong.
pub type SchemaRule = Rule<fn(&TableFacts, &[TableFacts]) -> Option<String>>;

/// The tables that have a number for a key.
const NUMBERED: &[&str] = &["domains", "aliases", "backups", "relays", "relocated"];

pub(super) static RULES: &[SchemaRule] = &[
    Rule {
        id: "PW109",
        severity: Severity::Notice,
        tables: NUMBERED,
        title: "Row numbers that run out",
        postfix: "At the end of the type of `pkid` no row can be added any more: Out of range value for column 'pkid'.",
        fix: "Change the column to INT UNSIGNED.",
        judge: numbers_run_out,
    },
    Rule {
        id: "PW110",
        severity: Severity::Notice,
        tables: &["aliases"],
        title: "Aliases shorter than mailboxes",
        postfix: "The alias that a long mailbox name needs to itself does not fit in.",
        fix: "Widen `aliases.mail` to the length of `users.id`.",
        judge: short_aliases,
    },
    Rule {
        id: "PW115",
        severity: Severity::Notice,
        tables: &["domains"],
        title: "No unique key on the domain",
        postfix: "The same domain can be stored twice, and the first row wins by chance.",
        fix: "Merge the rows that are there twice, and add a unique key on `domain`.",
        judge: no_unique_domain,
    },
    Rule {
        id: "PW122",
        severity: Severity::Notice,
        tables: &["backups"],
        title: "Empty brackets by default",
        postfix: "A row that does not name its transport gets `:[]`, and halts all outgoing mail.",
        fix: "Make the default an empty text.",
        judge: brackets_by_default,
    },
    Rule {
        id: "PW153",
        severity: Severity::Notice,
        tables: &["users"],
        title: "A shared directory by default",
        postfix: "All mailboxes that do not name a directory get the same one.",
        fix: "Take the default away.",
        judge: directory_by_default,
    },
    Rule {
        id: "PW154",
        severity: Severity::Notice,
        tables: &["users"],
        title: "A password by default",
        postfix: "A mailbox that does not name a password can be opened with `ChangeMe`.",
        fix: "Take the defaults away.",
        judge: password_by_default,
    },
    Rule {
        id: "PW209",
        severity: Severity::Notice,
        tables: &["domains", "aliases", "users", "backups", "relays", "relocated"],
        title: "A table without transactions",
        postfix: "Postfix reads it as any other; a change that fails halfway stays half written, so the panel only reads it.",
        fix: "Convert the table to InnoDB.",
        judge: no_transactions,
    },
];

/// Judges the live tables.
#[must_use]
pub fn judge_schema(facts: &[TableFacts]) -> Vec<Told> {
    let of_table = |table: &TableFacts| {
        let found = RULES.iter().filter_map(|rule| {
            let message = rule
                .tables
                .contains(&table.table)
                .then(|| (rule.judge)(table, facts))??;
            Some(Told {
                rule: rule.id,
                severity: rule.severity,
                table: table.table,
                key: String::new(),
                message,
                fix: rule.fix.to_owned(),
                subject: String::new(),
                mend: None,
            })
        });
        found.collect::<Vec<_>>()
    };
    facts.iter().flat_map(of_table).collect()
}

/// The highest number of a type.
fn highest(column: &ColumnFacts) -> Option<u64> {
    let bits = match column.data_type.as_str() {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        "bigint" => 64,
        _ => return None,
    };
    Some(u64::MAX >> (64 - bits + u32::from(!column.unsigned)))
}

fn numbers_run_out(table: &TableFacts, _: &[TableFacts]) -> Option<String> {
    let key = table.columns.iter().find(|column| column.primary)?;
    let (used, most) = (table.highest_key?, highest(key)?);
    // From 30,000 of a smallint, and as near to the end of the others.
    let is_near = u128::from(used) * 32_767 >= u128::from(most) * 30_000;
    is_near.then(|| {
        format!(
            "The row numbers of {} have come to {used}, and {} ends at {most}: after that no row can be added.",
            table.table, key.name
        )
    })
}

fn short_aliases(table: &TableFacts, all: &[TableFacts]) -> Option<String> {
    let mail = table.column("mail")?.capacity?;
    let users = all.iter().find(|other| other.table == "users")?;
    let id = users.column("id")?.capacity?;
    (mail < id).then(|| {
        format!(
            "aliases.mail holds {mail} characters and users.id {id}: a mailbox with a longer name gets no alias to itself."
        )
    })
}

fn no_unique_domain(table: &TableFacts, _: &[TableFacts]) -> Option<String> {
    let is_unique = table.column("domain")?.unique;
    (!is_unique).then(|| {
        "domains.domain has no unique key: the same domain can be stored twice, and the first row wins by chance.".to_owned()
    })
}

fn brackets_by_default(table: &TableFacts, _: &[TableFacts]) -> Option<String> {
    let default = table
        .default("transport")
        .filter(|default| default.contains("[]"))?;
    Some(format!(
        "The default of backups.transport is `{default}`: one row with it halts all outgoing mail."
    ))
}

fn directory_by_default(table: &TableFacts, _: &[TableFacts]) -> Option<String> {
    let default = table.default("maildir").filter(|default| !default.is_empty())?;
    Some(format!(
        "The default of users.maildir is `{default}`: mailboxes that do not name a directory share one."
    ))
}

fn password_by_default(table: &TableFacts, _: &[TableFacts]) -> Option<String> {
    let columns: Vec<&str> = [("crypt", "sdtrusfX0Jj66"), ("clear", "ChangeMe")]
        .into_iter()
        .filter(|(column, known)| table.default(column) == Some(known))
        .map(|(column, _)| column)
        .collect();
    if columns.is_empty() {
        return None;
    }
    let columns = columns.join(" and users.");
    Some(format!(
        "Everybody knows the default of users.{columns}: a mailbox without a password of its own is opened by `ChangeMe`."
    ))
}

fn no_transactions(table: &TableFacts, _: &[TableFacts]) -> Option<String> {
    let engine = table
        .engine
        .as_deref()
        .filter(|engine| !engine.eq_ignore_ascii_case("InnoDB"))?;
    Some(format!(
        "{} uses the engine {engine}, which has no transactions: the panel only reads it.",
        table.table
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> ColumnFacts {
        ColumnFacts {
            name: name.to_owned(),
            data_type: "varchar".to_owned(),
            capacity: Some(120),
            ..ColumnFacts::default()
        }
    }

    fn key(data_type: &str, unsigned: bool) -> ColumnFacts {
        ColumnFacts {
            data_type: data_type.to_owned(),
            capacity: None,
            unsigned,
            primary: true,
            unique: true,
            ..column("pkid")
        }
    }

    fn with_default(name: &str, default: &str) -> ColumnFacts {
        ColumnFacts {
            default: Some(default.to_owned()),
            ..column(name)
        }
    }

    fn table(table: &'static str, columns: Vec<ColumnFacts>) -> TableFacts {
        TableFacts {
            table,
            columns,
            highest_key: None,
            engine: Some("InnoDB".to_owned()),
        }
    }

    fn rules(facts: &[TableFacts]) -> Vec<&'static str> {
        let told = judge_schema(facts);
        assert!(
            told.iter()
                .all(|told| told.severity == Severity::Notice && told.key.is_empty())
        );
        told.iter().map(|told| told.rule).collect()
    }

    #[test]
    fn row_numbers_are_found_before_they_run_out() {
        let cases = [
            ("smallint", false, 30_000, true),
            ("smallint", false, 29_999, false),
            ("smallint", true, 59_000, false),
            ("smallint", true, 60_002, true),
            ("int", false, 30_000, false),
            ("int", true, 4_000_000_000, true),
            ("bigint", true, u64::MAX, true),
            ("varchar", false, 30_000, false),
        ];
        for (data_type, unsigned, highest, is_near) in cases {
            let facts = TableFacts {
                highest_key: Some(highest),
                ..table("relocated", vec![key(data_type, unsigned)])
            };
            assert_eq!(rules(&[facts]) == ["PW109"], is_near, "{data_type} {highest}");
        }
        assert_eq!(
            rules(&[table("relocated", vec![key("smallint", false)])]),
            [""; 0]
        );
    }

    #[test]
    fn an_alias_has_to_hold_the_name_of_a_mailbox() {
        let users = |capacity| ColumnFacts {
            capacity: Some(capacity),
            ..column("id")
        };
        for (capacity, expected) in [(128, &["PW110"][..]), (120, &[])] {
            let facts = [
                table("aliases", vec![column("mail")]),
                table("users", vec![users(capacity)]),
            ];
            assert_eq!(rules(&facts), expected);
        }
        assert_eq!(rules(&[table("aliases", vec![column("mail")])]), [""; 0]);
    }

    #[test]
    fn domains_want_a_unique_key() {
        let unique = ColumnFacts {
            unique: true,
            ..column("domain")
        };
        assert_eq!(rules(&[table("domains", vec![column("domain")])]), ["PW115"]);
        assert_eq!(rules(&[table("domains", vec![unique])]), [""; 0]);
    }

    #[test]
    fn the_howtos_harmful_defaults_are_found() {
        let cases: &[(&'static str, &str, &str, &[&str])] = &[
            ("backups", "transport", ":[]", &["PW122"]),
            ("backups", "transport", "", &[]),
            ("users", "maildir", "blah/", &["PW153"]),
            ("users", "maildir", "", &[]),
            ("users", "crypt", "sdtrusfX0Jj66", &["PW154"]),
            ("users", "clear", "ChangeMe", &["PW154"]),
            ("users", "crypt", "", &[]),
        ];
        for (name, column, default, expected) in cases {
            let facts = [table(name, vec![with_default(column, default)])];
            assert_eq!(&rules(&facts), expected, "{name}.{column} {default:?}");
        }
    }

    #[test]
    fn a_table_without_transactions_is_found() {
        for (engine, expected) in [
            (Some("MyISAM"), &["PW209"][..]),
            (Some("innodb"), &[]),
            (None, &[]),
        ] {
            let facts = TableFacts {
                engine: engine.map(str::to_owned),
                ..table("relays", Vec::new())
            };
            assert_eq!(rules(&[facts]), expected);
        }
    }
}
