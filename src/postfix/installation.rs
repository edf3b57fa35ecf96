//! What is wrong with an installation apart from the answers of its queries (docs/postfix.md rules 70 to 75, section 1).

use super::live::{Live, Source};
use super::verdict::{Finding, Severity, Verdict};
use super::{Tables, syntax};

/// Adds everything there is to say.
pub fn inspect(live: &Live, tables: &Tables, database: &str, verdict: &mut Verdict) {
    rights(live, verdict);
    for source in &live.sources {
        file(source, database, verdict);
    }
    for source in live.sources_in(live.value("virtual_alias_maps")) {
        if let Some(domains) = source.query.parameter("domain") {
            verdict.add(Finding {
                table: "aliases".to_owned(),
                column: "mail".to_owned(),
                message: format!(
                    "`domain = {domains}` in {}: Postfix asks it for full addresses of those domains alone. Catch-alls die, 550 \
                     User unknown.",
                    source.name()
                ),
                fix: format!("Take the line `domain =` out of {}.", source.name()),
                ..about("PW173", Severity::Error, "virtual_alias_maps", source.name())
            });
        }
    }
    settings(live, tables, verdict);
    restrictions(live, verdict);
}

fn about(rule: &str, severity: Severity, parameter: &str, file: &str) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        parameter: parameter.to_owned(),
        file: file.to_owned(),
        ..Finding::default()
    }
}

/// Files that Postfix cannot read, or everybody can.
fn rights(live: &Live, verdict: &mut Verdict) {
    let mut add = |rule, severity, which: fn(&&Source) -> bool, message: &str| {
        let found: Vec<&Source> = live.sources.iter().filter(which).collect();
        let joined = |part: fn(&Source) -> &str, between| {
            found.iter().map(|s| part(s)).collect::<Vec<_>>().join(between)
        };
        let paths = joined(|s| &s.path, " ");
        if !found.is_empty() {
            verdict.add(Finding {
                message: format!("{message} {}.", joined(|s| &s.path, ", ")),
                fix: format!("`chown root:postfix {paths}` and `chmod 640 {paths}`"),
                ..about(rule, severity, "", &joined(Source::name, ", "))
            });
        }
    };
    add(
        "PW170",
        Severity::Error,
        |source| !source.readable,
        "Postfix, whose processes do not run as root, cannot read these files. Mail is deferred, or answered with 451:",
    );
    add(
        "PW260",
        Severity::Notice,
        |source| source.exposed,
        "Everybody on the machine can read the database password in",
    );
}

fn file(source: &Source, database: &str, verdict: &mut Verdict) {
    let name = source.name();
    let mut add = |rule, severity, message: String, fix: String| {
        verdict.add(Finding {
            message,
            fix,
            ..about(rule, severity, "", name)
        });
    };
    if source.query.is_quoted() {
        add(
            "PW174",
            Severity::Error,
            format!(
                "The query in {name} has quotes around it. MySQL calls that a syntax error, Postfix answers 451 to all mail."
            ),
            format!("Take the quotes out of {name}."),
        );
    } else if !source.query.is_select() {
        add(
            "PW257",
            Severity::Notice,
            format!("The query in {name} is no plain SELECT, so it was not tried out."),
            String::new(),
        );
    }
    let old_parts = ["table", "select_field", "where_field"];
    if source.query.is_whole && old_parts.iter().any(|p| source.query.parameter(p).is_some()) {
        add(
            "PW174",
            Severity::Warning,
            format!(
                "{name} has a query and the old table, select_field or where_field too. Postfix goes by the query alone."
            ),
            format!("Take the old lines out of {name}."),
        );
    }
    if let Some(limit) = source.query.parameter("expansion_limit").filter(|l| *l != "0") {
        add(
            "PW175",
            Severity::Warning,
            format!(
                "`expansion_limit = {limit}` in {name}: a key with more rows or addresses than that gets 451."
            ),
            format!("Take the line out of {name}."),
        );
    }
    match source.query.parameter("dbname") {
        Some(other) if other != database => add(
            "PW256",
            Severity::Warning,
            format!("{name} reads the database `{other}`; the panel edits `{database}`."),
            format!("Set dbname = {database} in {name}, or give the panel the database that Postfix reads."),
        ),
        _ => {}
    }
}

fn settings(live: &Live, tables: &Tables, verdict: &mut Verdict) {
    if !live.backslashes.is_empty() {
        let lines: Vec<String> = live.backslashes.iter().map(ToString::to_string).collect();
        verdict.add(Finding {
            message: format!(
                "Lines that end in `\\` in main.cf: {}. Postfix knows no such continuation and takes the `\\` for a word: in a \
                 list of restrictions every stranger gets 451 4.3.5 Server configuration error.",
                lines.join(", ")
            ),
            fix: "Take the `\\` out; a line that begins with white space continues the one before.".to_owned(),
            ..about("PW171", Severity::Error, "", "main.cf")
        });
    }
    let is_unset = |name: &str| !live.set.contains_key(name);
    if tables.has("aliases") && !live.value("virtual_alias_domains").is_empty() {
        let what = if is_unset("virtual_alias_domains") {
            "`virtual_alias_domains` is not set, so Postfix takes `virtual_alias_maps` for it"
        } else {
            "`virtual_alias_domains` is not empty"
        };
        verdict.add(Finding {
            message: format!(
                "{what}: an alias row that is a bare domain makes every mailbox of that domain 550 User unknown in virtual alias \
                 table."
            ),
            fix: "`postconf -e 'virtual_alias_domains ='`".to_owned(),
            ..about("PW136", Severity::Warning, "virtual_alias_domains", "main.cf")
        });
    }
    let denies = denies_relaying(live.value("smtpd_relay_restrictions"));
    if !denies || is_unset("smtpd_relay_restrictions") {
        verdict.add(Finding {
            message: if denies {
                "`smtpd_relay_restrictions` is not set. Its default keeps strangers from relaying only while compatibility_level is \
                 1 or more."
            } else {
                "`smtpd_relay_restrictions` turns nobody away: whether strangers can relay through this server hangs on the order of \
                 `smtpd_recipient_restrictions`, and one OK there opens it."
            }
            .to_owned(),
            fix: "`postconf -e 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, \
                  reject_unauth_destination'`"
                .to_owned(),
            ..about("PW172", Severity::Warning, "smtpd_relay_restrictions", "main.cf")
        });
    }
    let parents = syntax::words(live.value("parent_domain_matches_subdomains"));
    if tables.has("backups") && parents.contains(&"relay_domains") {
        verdict.add(Finding {
            table: "backups".to_owned(),
            column: "domain".to_owned(),
            message: "`parent_domain_matches_subdomains` has `relay_domains` in it, as it has by default: mail for every subdomain of a \
                      backup MX entry is accepted too."
                .to_owned(),
            fix: "`postconf -e 'parent_domain_matches_subdomains = smtpd_access_maps'`".to_owned(),
            ..about("PW125", Severity::Warning, "parent_domain_matches_subdomains", "main.cf")
        });
    }
    for (name, good, message) in [
        (
            "recipient_delimiter",
            "+",
            "mail to mary+shop@ does not reach mary@, or a rule for mary@ does not hold for it",
        ),
        (
            "propagate_unmatched_extensions",
            "canonical",
            "mail to list+x@ goes to member+x@ of every member",
        ),
    ] {
        if live.value(name) != good {
            let is = match live.value(name) {
                "" => "empty".to_owned(),
                other => format!("`{other}`"),
            };
            verdict.add(Finding {
                message: format!("`{name}` is {is}: {message}."),
                fix: format!("`postconf -e '{name} = {good}'`"),
                ..about("PW261", Severity::Notice, name, "main.cf")
            });
        }
    }
}

/// Whether a list of restrictions refuses to relay for strangers.
fn denies_relaying(list: &str) -> bool {
    syntax::words(list)
        .iter()
        .any(|word| ["reject_unauth_destination", "defer_unauth_destination", "reject"].contains(word))
}

fn restrictions(live: &Live, verdict: &mut Verdict) {
    for name in ["smtpd_recipient_restrictions", "smtpd_relay_restrictions"] {
        let words = syntax::words(live.value(name));
        if words.contains(&"check_relay_domains") {
            verdict.add(Finding {
                message: format!("`{name}` has `check_relay_domains`, which Postfix is giving up."),
                fix: "Use `reject_unauth_destination` in its place.".to_owned(),
                ..about("PW263", Severity::Warning, name, "main.cf")
            });
        }
        let permit = words
            .iter()
            .position(|w| ["permit_mynetworks", "permit_sasl_authenticated", "permit"].contains(w));
        for (_, word) in live.checks("check_recipient_access") {
            let place = words.iter().position(|w| *w == word);
            let ours = live
                .sources_in(word)
                .iter()
                .any(|s| s.query.tables().iter().any(|t| t == "access_rules"));
            if ours && place.zip(permit).is_some_and(|(at, permit)| permit < at) {
                verdict.add(Finding {
                    table: "access_rules".to_owned(),
                    column: "pattern".to_owned(),
                    message: format!(
                        "In `{name}` blocked addresses come after a permit: senders inside and people who are signed in still \
                         reach them."
                    ),
                    fix: format!("Put `check_recipient_access {word}` first; it never says OK."),
                    ..about("PW254", Severity::Warning, name, "main.cf")
                });
            }
        }
    }
}
