//! The configuration under test.

use std::fmt::Write as _;

use crate::bed::Site;

const MAIN: &str = "
virtual_alias_domains =
virtual_mailbox_domains = proxy:mysql:/etc/postfix/mysql_domains.cf
virtual_mailbox_maps = proxy:mysql:/etc/postfix/mysql_mailbox.cf
virtual_alias_maps = proxy:mysql:/etc/postfix/mysql_alias.cf
relay_domains = proxy:mysql:/etc/postfix/mysql_backups.cf
relay_recipient_maps = proxy:mysql:/etc/postfix/mysql_relays.cf
transport_maps = proxy:mysql:/etc/postfix/mysql_transport.cf,
    proxy:mysql:/etc/postfix/mysql_transport_backups.cf
relocated_maps = proxy:mysql:/etc/postfix/mysql_relocated.cf
parent_domain_matches_subdomains = smtpd_access_maps
recipient_delimiter = +
propagate_unmatched_extensions = canonical
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
    reject_non_fqdn_recipient,
    check_recipient_access proxy:mysql:/etc/postfix/mysql_moved.cf,
    check_recipient_access proxy:mysql:/etc/postfix/mysql_block_recip.cf,
    permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination,
    check_client_access proxy:mysql:/etc/postfix/mysql_client_access.cf,
    check_sender_access proxy:mysql:/etc/postfix/mysql_sender_access.cf
";

const QUERIES: &[(&str, &str)] = &[
    (
        "domains",
        "SELECT 1 FROM domains WHERE domain='%s' AND enabled=1 LIMIT 1",
    ),
    (
        "mailbox",
        "SELECT CONCAT(TRIM(BOTH '/' FROM TRIM(maildir)),'/') FROM users WHERE id='%s' AND enabled=1 AND TRIM(BOTH '/' FROM \
         TRIM(maildir))<>'' AND maildir NOT LIKE '%%..%%' LIMIT 1",
    ),
    (
        "alias",
        "SELECT destination FROM aliases WHERE mail='%s' AND enabled=1 AND TRIM(destination)<>''",
    ),
    (
        "backups",
        "SELECT 1 FROM backups WHERE domain='%s' AND enabled=1 LIMIT 1",
    ),
    (
        "transport",
        "SELECT TRIM(transport) FROM domains WHERE domain='%s' AND enabled=1 AND TRIM(transport) NOT IN \
         ('','virtual','virtual:') AND domain NOT IN ('*') LIMIT 1",
    ),
    (
        "transport_backups",
        "SELECT TRIM(transport) FROM backups WHERE domain='%s' AND enabled=1 AND TRIM(transport) NOT IN \
         ('',':',':[]','smtp:[]') AND domain NOT IN ('*') LIMIT 1",
    ),
    (
        "relays",
        "SELECT 1 FROM relays r WHERE r.enabled=1 AND r.status='OK' AND r.recipient IN ('%s','@%d') AND '%u'<>'' AND NOT \
         EXISTS (SELECT 1 FROM relays x WHERE x.enabled=1 AND x.status='REJECT' AND x.recipient IN \
         ('%s',CONCAT(SUBSTRING_INDEX('%u','+',1),'@%d'))) LIMIT 1",
    ),
    (
        "relocated",
        "SELECT newadr FROM relocated WHERE oldadr='%s' AND enabled=1 LIMIT 1",
    ),
    (
        "moved",
        "SELECT CONCAT('550 5.1.6 User has moved to ',newadr) FROM relocated WHERE enabled=1 AND '%u'<>'' AND \
         TRIM(newadr)<>'' AND oldadr IN ('%s','@%d') ORDER BY oldadr LIKE '@%%' LIMIT 1",
    ),
    (
        "block_recip",
        "SELECT IF(action='REJECT',CONCAT('550 5.7.1 ',IF(message='','Recipient address \
         blocked',message)),TRIM(CONCAT(action,' ',message))) FROM access_rules WHERE kind='recipient' AND pattern='%s' AND \
         enabled=1 AND action IN ('REJECT','DEFER','DISCARD','HOLD') LIMIT 1",
    ),
    (
        "client_access",
        "SELECT TRIM(CONCAT(action,' ',message)) FROM access_rules WHERE kind='client' AND enabled=1 AND action IN \
         ('OK','REJECT','DEFER','DISCARD','HOLD','DUNNO') AND (pattern='%s' OR (cidr_lo IS NOT NULL AND INET6_ATON('%s') \
         BETWEEN cidr_lo AND cidr_hi AND LENGTH(INET6_ATON('%s'))=LENGTH(cidr_lo))) ORDER BY pattern='%s' DESC, cidr_lo \
         DESC LIMIT 1",
    ),
    (
        "sender_access",
        "SELECT TRIM(CONCAT(action,' ',message)) FROM access_rules WHERE kind='sender' AND pattern='%s' AND enabled=1 AND \
         action IN ('OK','REJECT','DEFER','DISCARD','HOLD','DUNNO') LIMIT 1",
    ),
];

/// Writes the configuration of `docs/postfix.md`, section 2.
pub fn recommended(site: &Site) -> String {
    let mut account = String::new();
    for (name, value) in [
        ("user", &site.user),
        ("password", &site.password),
        ("dbname", &site.database.name),
        ("hosts", &format!("inet:127.0.0.1:{}", site.database_port)),
    ] {
        writeln!(account, "{name} = {value}").expect("a line");
    }
    for (name, query) in QUERIES {
        site.write(
            &format!("mysql_{name}.cf"),
            &format!("{account}query = {query}\n"),
        );
    }
    MAIN.to_owned()
}
