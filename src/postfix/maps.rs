//! The lookup tables: one file of `mysql_table(5)` each, under the howto's names, with the query that makes a row mean
//! what its page says.

use super::verdict::is_refusal;
use super::{Query, Tables};

/// Where Postfix looks something up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the lookup tables a parameter names.
    Parameter(&'static str),
    /// In those behind such a check among the smtpd restrictions.
    Check(&'static str),
}

impl Place {
    /// The parameter, or the check.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameter(name) | Self::Check(name) => name,
        }
    }
}

/// One lookup table.
#[derive(Debug)]
pub struct Map {
    /// Name of its file, and how docs/postfix.md calls it: `mysql_NAME.cf`.
    pub name: &'static str,
    /// The table it reads.
    pub table: &'static str,
    /// First part of that page's address, with the filter that shows the rows it serves.
    pub list: &'static str,
    /// The parameter of main.cf that names it.
    pub parameter: &'static str,
    /// Which rows it serves, as a phrase.
    pub serves: &'static str,
    /// What its answer does, and why the query is as it is: the comment in its file.
    pub reason: &'static str,
    /// Columns without which it cannot be asked.
    pub needs: &'static [&'static str],
    /// Its query over the columns there are.
    query: fn(&Tables) -> String,
}

impl Map {
    /// The name of its file.
    pub fn file(&self) -> String {
        format!("mysql_{}.cf", self.name)
    }

    /// How main.cf names it: through proxymap(8), which shares its connections and runs outside the chroot.
    pub fn reference(&self) -> String {
        format!("proxy:mysql:/etc/postfix/{}", self.file())
    }

    /// The query, where the database has what it asks for.
    pub fn query(&self, tables: &Tables) -> Option<String> {
        self.lacks(tables).is_none().then(|| (self.query)(tables))
    }

    /// The columns its query reads.
    pub fn columns(&self, tables: &Tables) -> Vec<&'static str> {
        let switch = tables.has_column(self.table, "enabled").then_some("enabled");
        self.needs.iter().copied().chain(switch).collect()
    }

    /// What the database lacks for it, to go on after "the database lacks"; `None` where it can be asked.
    pub fn lacks(&self, tables: &Tables) -> Option<String> {
        let table = self.table;
        if !tables.has(table) {
            return Some(format!("the table `{table}`"));
        }
        let missing: Vec<String> = self
            .needs
            .iter()
            .filter(|column| !tables.has_column(table, column))
            .map(|column| format!("`{column}`"))
            .collect();
        match missing.len() {
            0 => None,
            1 => Some(format!("the column {} of the table `{table}`", missing[0])),
            _ => Some(format!(
                "the columns {} of the table `{table}`",
                missing.join(", ")
            )),
        }
    }

    /// The same as Postfix reads it from the file.
    pub fn as_query(&self, tables: &Tables) -> Option<Query> {
        Query::parse(&format!("query = {}", self.query(tables)?))
    }

    /// Where Postfix asks it.
    pub fn place(&self) -> Place {
        match self.name {
            "moved" | "block_recip" => Place::Check("check_recipient_access"),
            "client_access" => Place::Check("check_client_access"),
            "sender_access" => Place::Check("check_sender_access"),
            _ => Place::Parameter(self.parameter),
        }
    }

    /// Whether both are asked for the same in turn, so that either may have the answer.
    pub fn shares_place_with(&self, other: &Self) -> bool {
        match (self.place(), other.place()) {
            (Place::Parameter(one), Place::Parameter(two)) => one == two,
            _ => self.name == other.name,
        }
    }

    /// The keys Postfix asks for in turn when it looks for one.
    pub fn keys(&self, key: &str) -> Vec<String> {
        match key.rsplit_once('@') {
            Some((local, domain)) if self.name == "relays" && !local.is_empty() => {
                vec![key.to_owned(), format!("@{domain}")]
            }
            _ => vec![key.to_owned()],
        }
    }

    /// A key Postfix would ask it for because of a row with this subject: some address where the row is about all of a domain
    /// and the query is not run for the domain alone.
    pub fn example(&self, subject: &str) -> String {
        match subject.strip_prefix('@') {
            Some(domain) if ["relays", "moved"].contains(&self.name) => format!("postwarden-probe@{domain}"),
            _ => subject.to_owned(),
        }
    }

    /// Whether two answers of it mean the same to Postfix.
    pub fn same(&self, one: Option<&str>, two: Option<&str>) -> bool {
        match self.name {
            // Any answer means yes.
            "domains" | "backups" | "relays" => one.is_some() == two.is_some(),
            "moved" | "block_recip" | "client_access" | "sender_access" => {
                one.is_some_and(is_refusal) == two.is_some_and(is_refusal)
            }
            _ => one == two,
        }
    }

    /// The lookup table of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        MAPS.iter().find(|map| map.name == name)
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Transports that stop other people's mail or mean "as if there were no row": `:[]` is the howto's own default and kills
/// smtp(8) (docs/postfix.md 1.1, rule 22).
const NO_TRANSPORT: &str = "TRIM(transport) NOT IN ('',':') AND transport NOT LIKE '%%[]%%'";

/// Every lookup table, in the order Postfix comes to ask them.
pub static MAPS: &[Map] = &[
    Map {
        name: "domains",
        table: "domains",
        list: "/domains?enabled=1",
        parameter: "virtual_mailbox_domains",
        serves: "enabled domains",
        reason: "Whether a domain is hosted here.",
        needs: &["domain"],
        query: |tables| {
            format!(
                "SELECT 1 FROM domains WHERE domain='%s'{} LIMIT 1",
                enabled(tables, "domains")
            )
        },
    },
    Map {
        name: "mailbox",
        table: "users",
        list: "/users?enabled=1",
        parameter: "virtual_mailbox_maps",
        serves: "enabled mailboxes with a directory",
        reason: "Whether a mailbox exists, and its directory below virtual_mailbox_base. The final slash makes it a maildir \
                 whatever is stored, and a path cannot leave the base.",
        needs: &["id", "maildir"],
        query: |tables| {
            format!(
                "SELECT CONCAT(TRIM(BOTH '/' FROM TRIM(maildir)),'/') FROM users WHERE id='%s'{} \
                 AND TRIM(BOTH '/' FROM TRIM(maildir)) NOT IN ('','.') \
                 AND CONCAT('/',TRIM(maildir),'/') NOT LIKE '%%/../%%' LIMIT 1",
                enabled(tables, "users")
            )
        },
    },
    Map {
        name: "alias",
        table: "aliases",
        list: "/aliases?enabled=1",
        parameter: "virtual_alias_maps",
        serves: "enabled aliases, mailing lists and catch-alls",
        reason: "Where an address delivers to. Several rows of one address add up.",
        needs: &["mail", "destination"],
        query: |tables| {
            format!(
                "SELECT destination FROM aliases WHERE mail='%s'{} AND TRIM(destination)<>''",
                enabled(tables, "aliases")
            )
        },
    },
    Map {
        name: "backups",
        table: "backups",
        list: "/backups?enabled=1",
        parameter: "relay_domains",
        serves: "enabled backup MX entries",
        reason: "Whether this server is backup MX for a domain.",
        needs: &["domain"],
        query: |tables| {
            format!(
                "SELECT 1 FROM backups WHERE domain='%s'{} LIMIT 1",
                enabled(tables, "backups")
            )
        },
    },
    Map {
        name: "relays",
        table: "relays",
        list: "/relays?enabled=1",
        parameter: "relay_recipient_maps",
        serves: "enabled relay recipients",
        reason: "Whether an address of a backup MX domain exists. Any answer means yes, so a REJECT row has to take the answer \
                 of its @domain row away. A query with %u is not run for the bare @domain key: this one statement decides.",
        needs: &["recipient"],
        query: relay_recipients,
    },
    Map {
        name: "transport",
        table: "domains",
        list: "/domains?enabled=1",
        parameter: "transport_maps",
        serves: "enabled domains and overrides that are not delivered here",
        reason: "Where mail for a domain or one address goes. A row `virtual:` is left to virtual_transport, a row `*` would take \
                 all outgoing mail.",
        needs: &["domain", "transport"],
        query: |tables| {
            format!(
                "SELECT TRIM(transport) FROM domains WHERE domain='%s'{} AND domain<>'*' AND {NO_TRANSPORT} \
                 AND TRIM(transport) NOT IN ('virtual','virtual:') LIMIT 1",
                enabled(tables, "domains")
            )
        },
    },
    Map {
        name: "transport_backups",
        table: "backups",
        list: "/backups?enabled=1",
        parameter: "transport_maps",
        serves: "enabled backup MX entries and overrides with a server",
        reason: "The primary server of a backup MX domain, and overrides that are kept beside them. Without a server the MX \
                 records are followed.",
        needs: &["domain", "transport"],
        query: |tables| {
            format!(
                "SELECT TRIM(transport) FROM backups WHERE domain='%s'{} AND domain<>'*' AND {NO_TRANSPORT} LIMIT 1",
                enabled(tables, "backups")
            )
        },
    },
    Map {
        name: "relocated",
        table: "relocated",
        list: "/relocated?enabled=1",
        parameter: "relocated_maps",
        serves: "enabled relocations, where an alias leads to them",
        reason: "The new address of somebody who has moved. The howto's own query forgets the switch.",
        needs: &["oldadr", "newadr"],
        query: |tables| {
            format!(
                "SELECT newadr FROM relocated WHERE oldadr='%s'{} AND TRIM(newadr)<>'' LIMIT 1",
                enabled(tables, "relocated")
            )
        },
    },
    Map {
        name: "moved",
        table: "relocated",
        list: "/relocated?enabled=1",
        parameter: "smtpd_recipient_restrictions",
        serves: "enabled relocations",
        reason: "The same at the door, before a catch-all or an alias can take the mail and nobody is told. The row of the \
                 address comes first, then that without its extension, then that of its domain.",
        needs: &["oldadr", "newadr"],
        query: |tables| {
            format!(
                "SELECT CONCAT('550 5.1.6 User has moved to ',newadr) FROM relocated WHERE '%u'<>'' \
                 AND oldadr IN ('%s',CONCAT(SUBSTRING_INDEX('%u','+',1),'@%d'),'@%d'){} AND TRIM(newadr)<>'' \
                 ORDER BY oldadr LIKE '@%%', oldadr<>'%s' LIMIT 1",
                enabled(tables, "relocated")
            )
        },
    },
    Map {
        name: "block_recip",
        table: "access_rules",
        list: "/access?enabled=1",
        parameter: "smtpd_recipient_restrictions",
        serves: "enabled access rules for recipients",
        reason: "Blocked addresses. It refuses or passes on and never says OK, so it can stand first and holds for senders inside \
                 too.",
        needs: &["kind", "pattern", "action", "message"],
        query: |tables| {
            format!(
                "SELECT IF(action='REJECT',CONCAT('550 ',IF(message REGEXP '^5[.][0-9]+[.][0-9]+ ',message,\
                 CONCAT('5.7.1 ',IF(message='','Recipient address blocked',message)))),TRIM(CONCAT(action,' ',message))) \
                 FROM access_rules WHERE kind='recipient' AND pattern='%s'{} \
                 AND action IN ('REJECT','DEFER','DISCARD','HOLD') LIMIT 1",
                enabled(tables, "access_rules")
            )
        },
    },
    Map {
        name: "client_access",
        table: "access_rules",
        list: "/access?enabled=1",
        parameter: "smtpd_recipient_restrictions",
        serves: "enabled access rules for clients",
        reason: "Hosts turned away or let in, by name, address or network. The pattern itself comes first, then the smallest \
                 network around the address.",
        needs: &["kind", "pattern", "action", "message", "cidr_lo", "cidr_hi"],
        query: |tables| {
            format!(
                "SELECT {ANSWER} FROM access_rules WHERE kind='client'{}{ACTIONS} AND (pattern='%s' \
                 OR (cidr_lo IS NOT NULL AND INET6_ATON('%s') BETWEEN cidr_lo AND cidr_hi \
                 AND LENGTH(INET6_ATON('%s'))=LENGTH(cidr_lo))) \
                 ORDER BY pattern='%s' DESC, cidr_lo DESC, cidr_hi LIMIT 1",
                enabled(tables, "access_rules")
            )
        },
    },
    Map {
        name: "sender_access",
        table: "access_rules",
        list: "/access?enabled=1",
        parameter: "smtpd_recipient_restrictions",
        serves: "enabled access rules for senders",
        reason: "Senders turned away or let in. Anybody can claim to be any sender, so an OK stands after \
                 reject_unauth_destination.",
        needs: &["kind", "pattern", "action", "message"],
        query: |tables| {
            format!(
                "SELECT {ANSWER} FROM access_rules WHERE kind='sender' AND pattern='%s'{}{ACTIONS} LIMIT 1",
                enabled(tables, "access_rules")
            )
        },
    },
];

/// What access(5) is answered for a sender or a client: a word Postfix does not know would be 451 for everybody.
const ANSWER: &str = "IF(action IN ('OK','DUNNO'),action,TRIM(CONCAT(action,' ',message)))";
const ACTIONS: &str = " AND action IN ('OK','REJECT','DEFER','DISCARD','HOLD','DUNNO')";

/// The condition that a row is switched on, where the table has the switch.
fn enabled(tables: &Tables, table: &str) -> &'static str {
    if tables.has_column(table, "enabled") {
        " AND enabled=1"
    } else {
        ""
    }
}

fn relay_recipients(tables: &Tables) -> String {
    let switched = |alias: &str| {
        if tables.has_column("relays", "enabled") {
            format!(" AND {alias}.enabled=1")
        } else {
            String::new()
        }
    };
    let status = if tables.has_column("relays", "status") {
        format!(
            " AND r.status='OK' AND NOT EXISTS (SELECT 1 FROM relays x WHERE x.status='REJECT'{} \
             AND x.recipient IN ('%s',CONCAT(SUBSTRING_INDEX('%u','+',1),'@%d')))",
            switched("x")
        )
    } else {
        String::new()
    };
    format!(
        "SELECT 1 FROM relays r WHERE '%u'<>'' AND r.recipient IN ('%s','@%d'){}{status} LIMIT 1",
        switched("r")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, tables: &Tables) -> Option<String> {
        Map::named(name).and_then(|map| map.query(tables))
    }

    #[test]
    fn every_query_is_one_line_that_postfix_can_read() {
        for map in MAPS {
            let text = map.query(&Tables::all()).expect(map.name);
            assert!(!text.contains('\n') && !text.contains("  "), "{text}");
            assert!(text.starts_with("SELECT ") && !text.contains('"'), "{text}");
            // mysql_table(5) knows %s %u %d and %%; anything else is fatal.
            let mut rest = text.as_str();
            while let Some((_, after)) = rest.split_once('%') {
                assert!(after.starts_with(['s', 'u', 'd', '%']), "{}: {after}", map.name);
                rest = &after[1..];
            }
            assert!(
                !map.reason.contains('\n') && !map.reason.contains("  "),
                "{}",
                map.reason
            );
        }
    }

    #[test]
    fn every_query_honours_the_switch_where_there_is_one() {
        for map in MAPS {
            let with = map.query(&Tables::all()).expect(map.name);
            assert!(with.contains("enabled=1"), "{with}");
            let tables = Tables::all().without(map.table, Some("enabled"));
            let without = map.query(&tables).expect(map.name);
            assert!(!without.contains("enabled"), "{without}");
        }
    }

    #[test]
    fn a_table_or_column_that_is_missing_is_not_asked_for() {
        assert_eq!(query("relays", &Tables::all().without("relays", None)), None);
        assert_eq!(
            query(
                "client_access",
                &Tables::all().without("access_rules", Some("cidr_lo"))
            ),
            None
        );
        let plain = query("relays", &Tables::all().without("relays", Some("status"))).expect("a query");
        assert!(!plain.contains("status"), "{plain}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let lacks = |tables: &Tables| Map::named("client_access").and_then(|map| map.lacks(tables));
        let mut tables = Tables::all();
        assert_eq!(lacks(&tables), None);
        tables = tables.without("access_rules", Some("cidr_lo"));
        assert_eq!(
            lacks(&tables).as_deref(),
            Some("the column `cidr_lo` of the table `access_rules`")
        );
        tables = tables.without("access_rules", Some("cidr_hi"));
        assert_eq!(
            lacks(&tables).as_deref(),
            Some("the columns `cidr_lo`, `cidr_hi` of the table `access_rules`")
        );
        tables = tables.without("access_rules", None);
        assert_eq!(lacks(&tables).as_deref(), Some("the table `access_rules`"));
    }
}
