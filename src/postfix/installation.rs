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
    relaying(live, verdict);
    let parents = live.words("parent_domain_matches_subdomains");
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

/// What keeps strangers from sending mail through this server.
fn relaying(live: &Live, verdict: &mut Verdict) {
    let name = "smtpd_relay_restrictions";
    let is_set = live.set.contains_key(name);
    let first = Relaying::of(live, name);
    let second = Relaying::of(live, "smtpd_recipient_restrictions");
    let fix = "`postconf -e 'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, \
               reject_unauth_destination'`";
    let message = match (first.is_refused, second.is_refused) {
        (true, _) if is_set => None,
        (true, _) => Some((
            Severity::Warning,
            "`smtpd_relay_restrictions` is not set. Its default keeps strangers from relaying only while compatibility_level is 1 or \
             more.",
        )),
        (false, true) => Some((
            Severity::Warning,
            "`smtpd_relay_restrictions` turns nobody away: whether strangers can relay through this server hangs on the order of \
             `smtpd_recipient_restrictions`, and one OK there opens it.",
        )),
        (false, false) => Some((
            Severity::Error,
            "Neither `smtpd_relay_restrictions` nor `smtpd_recipient_restrictions` turns strangers away before it lets them in: \
             this server is an open relay, or smtpd(8) refuses to run.",
        )),
    };
    if let Some((severity, message)) = message {
        verdict.add(Finding {
            message: message.to_owned(),
            fix: fix.to_owned(),
            ..about("PW172", severity, name, "main.cf")
        });
    }
    if let (Some(check), true) = (first.opened_by, first.is_refused)
        && (second.opened_by.is_some() || !second.is_refused)
    {
        verdict.add(Finding {
            table: "access_rules".to_owned(),
            column: "action".to_owned(),
            message: format!(
                "In `{name}` a `{check}` comes before reject_unauth_destination: a rule that says OK, for a sender that anybody can \
                 claim to be, lets strangers relay through this server."
            ),
            fix: fix.to_owned(),
            ..about("PW264", Severity::Error, name, "main.cf")
        });
    }
    if live
        .words("mynetworks")
        .iter()
        .any(|word| ["0.0.0.0/0", "[::]/0", "::/0"].contains(word))
    {
        verdict.add(Finding {
            message: "`mynetworks` is the whole Internet: everybody may relay through this server."
                .to_owned(),
            fix: "Set `mynetworks` to the networks of your own machines.".to_owned(),
            ..about("PW265", Severity::Error, "mynetworks", "main.cf")
        });
    }
}

/// What a list of restrictions does with strangers who want to relay.
struct Relaying {
    /// Whether it refuses them.
    is_refused: bool,
    /// A check of the panel's rules before that, which may say OK.
    opened_by: Option<String>,
}

impl Relaying {
    fn of(live: &Live, parameter: &str) -> Self {
        let words = live.restrictions(parameter);
        let mut opened_by = None;
        let mut i = 0;
        while let Some(&word) = words.get(i) {
            i += 1;
            match word {
                // What it stands before is only logged.
                "warn_if_reject" => i += 1,
                "permit" => break,
                "reject_unauth_destination" | "defer_unauth_destination" | "reject" | "defer" => {
                    return Self {
                        is_refused: true,
                        opened_by,
                    };
                }
                "check_sender_access" | "check_client_access" | "check_helo_access" => {
                    let asked = words.get(i).copied().unwrap_or_default();
                    if reads_rules(live, asked) && opened_by.is_none() {
                        opened_by = Some(word.to_owned());
                    }
                }
                _ => {}
            }
        }
        Self {
            is_refused: false,
            opened_by,
        }
    }
}

/// Whether a word names a lookup table that reads the panel's access rules.
fn reads_rules(live: &Live, word: &str) -> bool {
    live.sources_in(word)
        .iter()
        .any(|s| s.query.reads("access_rules"))
}

/// Where checks of the panel's tables stand, and what else keeps them from being asked.
fn restrictions(live: &Live, verdict: &mut Verdict) {
    const EVERYBODY: &[&str] = &["permit", "permit_auth_destination", "permit_mx_backup"];
    const INSIDERS: &[&str] = &["permit_mynetworks", "permit_sasl_authenticated"];
    for name in ["smtpd_recipient_restrictions", "smtpd_relay_restrictions"] {
        if live.words(name).contains(&"check_relay_domains") {
            verdict.add(Finding {
                message: format!("`{name}` has `check_relay_domains`, which Postfix is giving up."),
                fix: "Use `reject_unauth_destination` in its place.".to_owned(),
                ..about("PW263", Severity::Warning, name, "main.cf")
            });
        }
    }
    for check in [
        "check_recipient_access",
        "check_sender_access",
        "check_client_access",
    ] {
        for (name, at, word) in live.checks(check) {
            let words = live.restrictions(name);
            let before = |permits: &[&str]| words[..at].iter().any(|w| permits.contains(w));
            let is_recipient = check == "check_recipient_access";
            let late = if before(EVERYBODY) {
                "comes after a permit for everybody and is hardly ever asked"
            } else if is_recipient && reads_rules(live, word) && before(INSIDERS) {
                "comes after a permit: senders inside and people who are signed in still reach blocked addresses"
            } else {
                continue;
            };
            let Some(source) = live.sources_in(word).first().copied() else {
                continue;
            };
            let (table, column) = if reads_rules(live, word) {
                ("access_rules", "pattern")
            } else {
                ("relocated", "oldadr")
            };
            verdict.add(Finding {
                table: table.to_owned(),
                column: column.to_owned(),
                message: format!("In `{name}` the `{check}` of {} {late}.", source.name()),
                fix: if is_recipient {
                    "Put it first; it never says OK.".to_owned()
                } else {
                    "Put it between `reject_unauth_destination` and the permit.".to_owned()
                },
                ..about("PW254", Severity::Warning, name, "main.cf")
            });
        }
    }
    switches(live, verdict);
}

/// Settings elsewhere that keep lookup tables from being asked.
fn switches(live: &Live, verdict: &mut Verdict) {
    if live.value("smtpd_reject_unlisted_recipient") == "no" {
        verdict.add(Finding {
            message: "`smtpd_reject_unlisted_recipient` is `no`: unknown addresses, and relay recipients that say REJECT, are accepted \
                      and bounced later."
                .to_owned(),
            fix: "`postconf -e 'smtpd_reject_unlisted_recipient = yes'`".to_owned(),
            ..about("PW266", Severity::Warning, "smtpd_reject_unlisted_recipient", "main.cf")
        });
    }
    if live
        .words("receive_override_options")
        .contains(&"no_address_mappings")
    {
        verdict.add(Finding {
            table: "aliases".to_owned(),
            message: "`receive_override_options` has no_address_mappings in it: aliases do nothing, unless a content filter hands mail \
                      back to a service without it."
                .to_owned(),
            fix: "Have it only in master.cf, for the service in front of a content filter.".to_owned(),
            ..about("PW267", Severity::Warning, "receive_override_options", "main.cf")
        });
    }
    for setting in &live.services {
        let Some((service, name)) = setting.rsplit_once('/') else {
            continue;
        };
        let is_judged = name.starts_with("smtpd_") && name.ends_with("_restrictions")
            || name == "receive_override_options";
        if is_judged {
            // Port 25 is what strangers use.
            let severity = if service == "smtp/inet" {
                Severity::Warning
            } else {
                Severity::Notice
            };
            verdict.add(Finding {
                message: format!(
                    "master.cf gives the service {service} a `{name}` of its own, which takes the place of the one in main.cf and was \
                     not judged."
                ),
                fix: "See that it asks the lookup tables too, where it should.".to_owned(),
                ..about("PW268", severity, name, "master.cf")
            });
        }
    }
    for &(name, _) in super::settings::LOOKUPS {
        let words = live.words(name);
        let is_other = |word: &&&str| word.contains(':') && syntax::mysql_file(word).is_none();
        let others: Vec<&str> = words.iter().filter(is_other).copied().collect();
        if !others.is_empty() && !live.sources_at(super::Place::Parameter(name)).is_empty() {
            verdict.add(Finding {
                message: format!(
                    "`{name}` also asks {}, which was not judged: the first that answers counts.",
                    others.join(", ")
                ),
                ..about("PW269", Severity::Notice, name, "main.cf")
            });
        }
    }
}
