//! What every column is to mean to Postfix, as model rows, a key, and the answer there should be.

use super::maps::Place;
use super::verdict::{Model, Severity, UNREAD, is_refusal};

/// The answer there should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Any.
    Something,
    /// This.
    Text(&'static str),
    /// One that ends in this.
    End(&'static str),
    /// One that refuses for good, access(5).
    Refusal,
    /// One that begins with this word.
    Word(&'static str),
    /// None.
    Nothing,
    /// None; or a refusal from a `check_recipient_access`, which comes first.
    NothingOrRefusal,
}

impl Expect {
    /// Whether the answers are as expected. Of several lookup tables Postfix takes the first answer.
    pub fn holds(self, found: &[String]) -> bool {
        let first = found.first().map(String::as_str);
        match self {
            Self::Something => first.is_some(),
            Self::Text(text) => first == Some(text),
            Self::End(end) => first.is_some_and(|f| f.ends_with(end)),
            Self::Refusal => first.is_some_and(is_refusal),
            Self::Word(word) => first.is_some_and(|f| f.split_whitespace().next() == Some(word)),
            Self::Nothing | Self::NothingOrRefusal => first.is_none(),
        }
    }
}

/// One thing a configuration has to get right.
#[derive(Debug)]
pub struct Probe {
    /// The table it is about.
    pub table: &'static str,
    /// The column it is about.
    pub column: &'static str,
    /// Where Postfix looks.
    pub place: Place,
    /// All the rows there are.
    pub rows: &'static [Model],
    /// What Postfix asks for, in this order.
    pub keys: &'static [&'static str],
    /// What it should be told.
    pub expect: Expect,
    /// Whether it is the plain case, without which the table is not looked up at all.
    pub is_plain: bool,
    /// Whether it is about an override of one address.
    pub is_override: bool,
    /// The rule that is broken otherwise.
    pub rule: &'static str,
    /// How bad that is.
    pub severity: Severity,
    /// What Postfix does then; `{file}` and `{answer}` are filled in.
    pub message: &'static str,
}

/// What most probes have in common.
const PROBE: Probe = Probe {
    table: "",
    column: "",
    place: Place::Parameter(""),
    rows: &[],
    keys: &[KEY],
    expect: Expect::Something,
    is_plain: false,
    is_override: false,
    rule: SWITCH,
    severity: Severity::Error,
    message: "",
};

/// That the switch of a row is ignored.
const SWITCH: &str = "PW253";

/// An address and its domain that exist nowhere else.
const KEY: &str = "probe@postwarden.invalid";
const OTHER: &str = "other@postwarden.invalid";
const DOMAIN: &str = "postwarden.invalid";
const WILD: &str = "@postwarden.invalid";
const SERVER: &str = "smtp:[mail.postwarden.invalid]";

macro_rules! rows {
    ($($table:literal { $($column:ident: $value:expr),* })*) => {
        &[$(Model { table: $table, values: &[$((stringify!($column), $value)),*] }),*]
    };
}

const DOMAINS: Place = Place::Parameter("virtual_mailbox_domains");
const MAILBOXES: Place = Place::Parameter("virtual_mailbox_maps");
const ALIASES: Place = Place::Parameter("virtual_alias_maps");
const BACKUPS: Place = Place::Parameter("relay_domains");
const RELAYS: Place = Place::Parameter("relay_recipient_maps");
const TRANSPORTS: Place = Place::Parameter("transport_maps");
const RELOCATED: Place = Place::Parameter("relocated_maps");
const RECIPIENTS: Place = Place::Check("check_recipient_access");
const SENDERS: Place = Place::Check("check_sender_access");
const CLIENTS: Place = Place::Check("check_client_access");

const HOSTED: &[Model] = rows!("domains" { domain: DOMAIN, transport: "virtual:", enabled: "1" });
const RELAYED: &[Model] = rows!("backups" { domain: DOMAIN, transport: "", enabled: "1" });

impl Probe {
    /// The domain its rows belong to: a query that joins it is right too. No key is that domain alone.
    pub fn around(&self) -> &'static [Model] {
        match self.table {
            "users" | "aliases" | "relocated" => HOSTED,
            "relays" => RELAYED,
            _ => &[],
        }
    }
}

/// Everything, the plain case of a place before the others.
pub static PROBES: &[Probe] = &[
    // domains
    Probe {
        table: "domains",
        column: "domain",
        place: DOMAINS,
        rows: rows!("domains" { domain: DOMAIN, enabled: "1" }),
        keys: &[DOMAIN],
        is_plain: true,
        rule: UNREAD,
        message: "Mail for the domains of the panel is not delivered here: strangers get 554 Relay access denied.",
        ..PROBE
    },
    Probe {
        table: "domains",
        column: "enabled",
        place: DOMAINS,
        rows: rows!("domains" { domain: DOMAIN, enabled: "0" }),
        keys: &[DOMAIN],
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a domain that is switched off still takes mail.",
        ..PROBE
    },
    Probe {
        table: "domains",
        column: "transport",
        place: TRANSPORTS,
        rows: rows!("domains" { domain: KEY, transport: SERVER, enabled: "1" }),
        expect: Expect::Text(SERVER),
        is_plain: true,
        is_override: true,
        rule: UNREAD,
        message: "An override there, such as one person's mail to Google, is never looked up: the mail stays here, and \
                  bounces where there is no mailbox.",
        ..PROBE
    },
    Probe {
        table: "domains",
        column: "enabled",
        place: TRANSPORTS,
        rows: rows!("domains" { domain: KEY, transport: SERVER, enabled: "0" }),
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: an override that is switched off still sends mail away.",
        ..PROBE
    },
    Probe {
        table: "domains",
        column: "transport",
        place: TRANSPORTS,
        rows: rows!("domains" { domain: "*", transport: SERVER, enabled: "1" }),
        keys: &["*"],
        expect: Expect::Nothing,
        rule: "PW114",
        severity: Severity::Warning,
        message: "{file} answers for a row `*`, which would take all outgoing mail.",
        ..PROBE
    },
    Probe {
        table: "domains",
        column: "domain",
        place: DOMAINS,
        rows: rows!("domains" { domain: DOMAIN, enabled: "1" }),
        keys: &["invalid"],
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} answers for domains that no row has: this server takes their mail.",
        ..PROBE
    },
    // users
    Probe {
        table: "users",
        column: "id",
        place: MAILBOXES,
        rows: rows!("users" { id: KEY, maildir: "probe/box/", enabled: "1" }),
        is_plain: true,
        rule: UNREAD,
        message: "Mailboxes of the panel are unknown: 550 User unknown in virtual mailbox table.",
        ..PROBE
    },
    Probe {
        table: "users",
        column: "maildir",
        place: MAILBOXES,
        rows: rows!("users" { id: KEY, maildir: "probe/box/", enabled: "1" }),
        expect: Expect::Text("probe/box/"),
        rule: "PW150",
        message: "{file} answers `{answer}` for a mailbox whose directory is `probe/box/`: its mail is written somewhere \
                  else.",
        ..PROBE
    },
    Probe {
        table: "users",
        column: "maildir",
        place: MAILBOXES,
        rows: rows!("users" { id: KEY, maildir: "probe/box", enabled: "1" }),
        expect: Expect::End("/"),
        rule: "PW150",
        severity: Severity::Warning,
        message: "{file} passes on a directory without its final slash as it is: Postfix writes an mbox file, or defers the \
                  mail for ever.",
        ..PROBE
    },
    Probe {
        table: "users",
        column: "enabled",
        place: MAILBOXES,
        rows: rows!("users" { id: KEY, maildir: "probe/box/", enabled: "0" }),
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a mailbox that is switched off still gets mail.",
        ..PROBE
    },
    Probe {
        table: "users",
        column: "id",
        place: MAILBOXES,
        rows: rows!("users" { id: KEY, maildir: "probe/box/", enabled: "1" }),
        keys: &[OTHER],
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} answers for mailboxes that no row has.",
        ..PROBE
    },
    // aliases
    Probe {
        table: "aliases",
        column: "mail",
        place: ALIASES,
        rows: rows!("aliases" { mail: KEY, destination: "elsewhere@postwarden.invalid", enabled: "1" }),
        is_plain: true,
        rule: UNREAD,
        message: "Aliases, mailing lists and catch-alls of the panel do nothing.",
        ..PROBE
    },
    Probe {
        table: "aliases",
        column: "destination",
        place: ALIASES,
        rows: rows!("aliases" { mail: KEY, destination: "a@postwarden.invalid,b@postwarden.invalid", enabled: "1" }),
        expect: Expect::Text("a@postwarden.invalid,b@postwarden.invalid"),
        rule: "PW252",
        message: "{file} answers `{answer}` for an alias to `a@postwarden.invalid,b@postwarden.invalid`.",
        ..PROBE
    },
    Probe {
        table: "aliases",
        column: "enabled",
        place: ALIASES,
        rows: rows!("aliases" { mail: KEY, destination: "elsewhere@postwarden.invalid", enabled: "0" }),
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: an alias that is switched off still takes mail.",
        ..PROBE
    },
    Probe {
        table: "aliases",
        column: "mail",
        place: ALIASES,
        rows: rows!("aliases" { mail: WILD, destination: "elsewhere@postwarden.invalid", enabled: "1" }),
        keys: &[WILD],
        rule: "PW173",
        message: "{file} is not asked for `@domain` keys, or does not answer: catch-alls are dead, 550 User unknown.",
        ..PROBE
    },
    Probe {
        table: "aliases",
        column: "mail",
        place: ALIASES,
        rows: rows!("aliases" { mail: KEY, destination: "elsewhere@postwarden.invalid", enabled: "1" }),
        keys: &[OTHER],
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} answers for aliases that no row has.",
        ..PROBE
    },
    // backups
    Probe {
        table: "backups",
        column: "domain",
        place: BACKUPS,
        rows: rows!("backups" { domain: DOMAIN, enabled: "1" }),
        keys: &[DOMAIN],
        is_plain: true,
        rule: UNREAD,
        message: "This server is backup MX for none of the panel's entries: strangers get 554 Relay access denied.",
        ..PROBE
    },
    Probe {
        table: "backups",
        column: "enabled",
        place: BACKUPS,
        rows: rows!("backups" { domain: DOMAIN, enabled: "0" }),
        keys: &[DOMAIN],
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a backup MX entry that is switched off still takes mail.",
        ..PROBE
    },
    Probe {
        table: "backups",
        column: "transport",
        place: TRANSPORTS,
        rows: rows!("backups" { domain: DOMAIN, transport: ":[mail.postwarden.invalid]", enabled: "1" }),
        keys: &[DOMAIN],
        expect: Expect::Text(":[mail.postwarden.invalid]"),
        is_plain: true,
        rule: UNREAD,
        message: "The primary server of a backup MX entry is not looked up: Postfix follows the MX records instead.",
        ..PROBE
    },
    Probe {
        table: "backups",
        column: "transport",
        place: TRANSPORTS,
        rows: rows!("backups" { domain: KEY, transport: SERVER, enabled: "1" }),
        expect: Expect::Text(SERVER),
        is_override: true,
        rule: "PW252",
        severity: Severity::Warning,
        message: "{file} does not answer for the override of one address.",
        ..PROBE
    },
    Probe {
        table: "backups",
        column: "enabled",
        place: TRANSPORTS,
        rows: rows!("backups" { domain: DOMAIN, transport: SERVER, enabled: "0" }),
        keys: &[DOMAIN],
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: the transport of an entry that is switched off is still used.",
        ..PROBE
    },
    Probe {
        table: "backups",
        column: "transport",
        place: TRANSPORTS,
        rows: rows!("backups" { domain: DOMAIN, transport: ":[]", enabled: "1" }),
        keys: &[DOMAIN],
        expect: Expect::Nothing,
        rule: "PW122",
        message: "{file} passes on `:[]`, the howto's own default: one mail to such a row kills smtp(8), and all outgoing mail \
                  waits a minute.",
        ..PROBE
    },
    Probe {
        table: "backups",
        column: "domain",
        place: BACKUPS,
        rows: rows!("backups" { domain: DOMAIN, enabled: "1" }),
        keys: &["invalid"],
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} answers for domains that no row has: this server takes their mail.",
        ..PROBE
    },
    // relays
    Probe {
        table: "relays",
        column: "recipient",
        place: RELAYS,
        rows: rows!("relays" { recipient: KEY, enabled: "1", status: "OK" }),
        keys: &[KEY, WILD],
        is_plain: true,
        rule: UNREAD,
        message: "Backup MX domains take mail for any name, and bounce what the primary server then refuses.",
        ..PROBE
    },
    Probe {
        table: "relays",
        column: "recipient",
        place: RELAYS,
        rows: rows!("relays" { recipient: WILD, enabled: "1", status: "OK" }),
        keys: &[KEY, WILD],
        rule: "PW252",
        message: "{file} does not answer for `@domain` rows: every address needs a row of its own.",
        ..PROBE
    },
    Probe {
        table: "relays",
        column: "enabled",
        place: RELAYS,
        rows: rows!("relays" { recipient: KEY, enabled: "0", status: "OK" }),
        keys: &[KEY, WILD],
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a relay recipient that is switched off still gets mail.",
        ..PROBE
    },
    Probe {
        table: "relays",
        column: "status",
        place: RELAYS,
        rows: rows!("relays" { recipient: KEY, enabled: "1", status: "REJECT" }),
        keys: &[KEY, WILD],
        expect: Expect::NothingOrRefusal,
        rule: "PW158",
        message: "{file} ignores `status`: a REJECT row accepts the mail, since any answer means that the address exists.",
        ..PROBE
    },
    Probe {
        table: "relays",
        column: "status",
        place: RELAYS,
        rows: rows!(
            "relays" { recipient: KEY, enabled: "1", status: "REJECT" }
            "relays" { recipient: WILD, enabled: "1", status: "OK" }
        ),
        keys: &[KEY, WILD],
        expect: Expect::NothingOrRefusal,
        rule: "PW158",
        message: "{file} lets an `@domain` row answer for an address whose own row says REJECT: the mail is accepted.",
        ..PROBE
    },
    Probe {
        table: "relays",
        column: "recipient",
        place: RELAYS,
        rows: rows!("relays" { recipient: KEY, enabled: "1", status: "OK" }),
        keys: &[OTHER, WILD],
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} answers for relay recipients that no row has: every address is accepted.",
        ..PROBE
    },
    // relocated
    Probe {
        table: "relocated",
        column: "oldadr",
        place: RELOCATED,
        rows: rows!("relocated" { oldadr: KEY, newadr: "new@postwarden.invalid", enabled: "1" }),
        is_plain: true,
        rule: UNREAD,
        message: "Nobody is told that an address has moved.",
        ..PROBE
    },
    Probe {
        table: "relocated",
        column: "newadr",
        place: RELOCATED,
        rows: rows!("relocated" { oldadr: KEY, newadr: "new@postwarden.invalid", enabled: "1" }),
        expect: Expect::Text("new@postwarden.invalid"),
        rule: "PW252",
        message: "{file} answers `{answer}` for somebody who moved to `new@postwarden.invalid`.",
        ..PROBE
    },
    Probe {
        table: "relocated",
        column: "enabled",
        place: RELOCATED,
        rows: rows!("relocated" { oldadr: KEY, newadr: "new@postwarden.invalid", enabled: "0" }),
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a relocation that is switched off still answers 550 User has moved.",
        ..PROBE
    },
    Probe {
        table: "relocated",
        column: "oldadr",
        place: RECIPIENTS,
        rows: rows!("relocated" { oldadr: KEY, newadr: "new@postwarden.invalid", enabled: "1" }),
        expect: Expect::Refusal,
        is_plain: true,
        rule: "PW161",
        severity: Severity::Warning,
        message: "Under a catch-all or an alias, mail for somebody who moved is accepted and nobody is told.",
        ..PROBE
    },
    Probe {
        table: "relocated",
        column: "enabled",
        place: RECIPIENTS,
        rows: rows!("relocated" { oldadr: KEY, newadr: "new@postwarden.invalid", enabled: "0" }),
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a relocation that is switched off still refuses mail.",
        ..PROBE
    },
    Probe {
        table: "relocated",
        column: "oldadr",
        place: RECIPIENTS,
        rows: rows!("relocated" { oldadr: WILD, newadr: "new@postwarden.invalid", enabled: "1" }),
        expect: Expect::Refusal,
        rule: "PW161",
        severity: Severity::Warning,
        message: "{file} does not answer for `@domain` rows: under a catch-all nobody is told that a whole domain has moved.",
        ..PROBE
    },
    // access_rules
    Probe {
        table: "access_rules",
        column: "pattern",
        place: RECIPIENTS,
        rows: rows!("access_rules" { kind: "recipient", pattern: KEY, action: "REJECT", message: "", enabled: "1" }),
        expect: Expect::Refusal,
        is_plain: true,
        rule: UNREAD,
        message: "Blocked addresses still get mail.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "action",
        place: RECIPIENTS,
        rows: rows!("access_rules" { kind: "recipient", pattern: KEY, action: "HOLD", message: "", enabled: "1" }),
        expect: Expect::Word("HOLD"),
        rule: "PW252",
        message: "{file} ignores `action`: it answers `{answer}` for a rule that holds mail.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "action",
        place: RECIPIENTS,
        rows: rows!("access_rules" { kind: "recipient", pattern: KEY, action: "OK", message: "", enabled: "1" }),
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} passes on `OK` for a recipient, which ends the checks before Postfix asks whether it may relay.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "message",
        place: RECIPIENTS,
        rows: rows!("access_rules" { kind: "recipient", pattern: KEY, action: "REJECT", message: "Gone away", enabled: "1" }),
        expect: Expect::End("Gone away"),
        rule: "PW252",
        severity: Severity::Warning,
        message: "{file} ignores `message`: it answers `{answer}` for a rule that says `Gone away`.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "enabled",
        place: RECIPIENTS,
        rows: rows!("access_rules" { kind: "recipient", pattern: KEY, action: "REJECT", message: "", enabled: "0" }),
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a rule that is switched off still blocks.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "kind",
        place: RECIPIENTS,
        rows: rows!("access_rules" { kind: "sender", pattern: KEY, action: "REJECT", message: "", enabled: "1" }),
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} ignores `kind`: an address that may not send gets no mail either.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "pattern",
        place: SENDERS,
        rows: rows!("access_rules" { kind: "sender", pattern: KEY, action: "REJECT", message: "", enabled: "1" }),
        expect: Expect::Refusal,
        is_plain: true,
        rule: UNREAD,
        message: "Rules for senders do nothing.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "kind",
        place: SENDERS,
        rows: rows!("access_rules" { kind: "recipient", pattern: KEY, action: "REJECT", message: "", enabled: "1" }),
        expect: Expect::Nothing,
        rule: "PW252",
        message: "{file} ignores `kind`: an address that is blocked as recipient may not send either.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "enabled",
        place: SENDERS,
        rows: rows!("access_rules" { kind: "sender", pattern: KEY, action: "REJECT", message: "", enabled: "0" }),
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a rule that is switched off still turns senders away.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "action",
        place: SENDERS,
        rows: rows!("access_rules" { kind: "sender", pattern: KEY, action: "HOLD", message: "", enabled: "1" }),
        expect: Expect::Word("HOLD"),
        rule: "PW252",
        message: "{file} ignores `action`: it answers `{answer}` for a rule that holds mail.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "pattern",
        place: CLIENTS,
        rows: rows!("access_rules" { kind: "client", pattern: "192.0.2.25", action: "REJECT", message: "", enabled: "1" }),
        keys: &["192.0.2.25"],
        expect: Expect::Refusal,
        is_plain: true,
        rule: UNREAD,
        message: "Rules for clients do nothing.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "pattern",
        place: CLIENTS,
        rows: rows!(
            "access_rules" {
                kind: "client", pattern: "192.0.2.0/27", cidr_lo: "c0000200", cidr_hi: "c000021f", action: "REJECT",
                message: "", enabled: "1"
            }
        ),
        keys: &["192.0.2.25"],
        expect: Expect::Refusal,
        rule: "PW252",
        message: "{file} does not work out networks: a rule such as `192.0.2.0/27` matches nobody.",
        ..PROBE
    },
    Probe {
        table: "access_rules",
        column: "enabled",
        place: CLIENTS,
        rows: rows!("access_rules" { kind: "client", pattern: "192.0.2.25", action: "REJECT", message: "", enabled: "0" }),
        keys: &["192.0.2.25"],
        expect: Expect::Nothing,
        message: "{file} ignores `enabled`: a rule that is switched off still turns clients away.",
        ..PROBE
    },
];
