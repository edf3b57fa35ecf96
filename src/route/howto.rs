//! The two configurations the model knows, as data: that of `postwarden postfix generate`, and the howto's own where it
//! differs.

use super::Setup;
use super::maps::Map;

/// One of the smtpd restrictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restriction {
    /// `permit_mynetworks`, `permit_sasl_authenticated`
    PermitInside,
    /// `reject_unauth_destination`
    UnauthDestination,
    /// `reject_non_fqdn_recipient`
    NonFqdnRecipient,
    /// A check of a lookup table.
    Check(Map),
}

/// What of a configuration the model goes by.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting that is one way or the other"
)]
#[derive(Debug)]
pub(super) struct Configuration {
    /// The lists of restrictions, each ended by the first permit: those about relaying, then those about recipients.
    pub restrictions: &'static [&'static [Restriction]],
    /// `recipient_delimiter`
    pub delimiter: Option<char>,
    /// `append_dot_mydomain`
    pub appends_own_domain: bool,
    /// Whether `relay_domains` takes the subdomains of its domains too.
    pub relays_subdomains: bool,
    /// Whether `virtual_alias_domains` are the keys of the alias map.
    pub has_alias_domains: bool,
    /// The lookup tables of `transport_maps`.
    pub transports: &'static [Map],
    /// Whether the queries are the howto's: columns as they are, all rows joined, the relocations whether they are on or
    /// off, the relay recipients whatever their status.
    pub plain_queries: bool,
}

use Restriction::{Check, NonFqdnRecipient, PermitInside, UnauthDestination};

static POSTWARDEN: Configuration = Configuration {
    restrictions: &[
        &[PermitInside, UnauthDestination],
        &[
            NonFqdnRecipient,
            Check(Map::Moved),
            Check(Map::BlockRecip),
            PermitInside,
            UnauthDestination,
            Check(Map::ClientAccess),
            Check(Map::SenderAccess),
        ],
    ],
    delimiter: Some('+'),
    appends_own_domain: false,
    relays_subdomains: false,
    has_alias_domains: false,
    transports: &[Map::Transport, Map::TransportBackups],
    plain_queries: false,
};

static HOWTO: Configuration = Configuration {
    restrictions: &[&[PermitInside, NonFqdnRecipient, UnauthDestination]],
    delimiter: None,
    appends_own_domain: true,
    relays_subdomains: true,
    has_alias_domains: true,
    transports: &[Map::TransportBackups],
    plain_queries: true,
};

impl Setup {
    /// The configuration.
    pub(super) fn configuration(self) -> &'static Configuration {
        match self {
            Self::Postwarden => &POSTWARDEN,
            Self::Howto => &HOWTO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tables;

    const OK: &str = "250 2.1.5 Ok";

    #[test]
    fn the_howto_takes_every_relay_row_for_yes() {
        let tables = || Tables::usual().howto();
        for status in ["REJECT", "", "NO"] {
            let listed = tables().row("relays", &["joe@friend.test", status]);
            assert_eq!(listed.rcpt("joe@friend.test"), OK);
        }
        let off = tables().off("relays", &["joe@friend.test", "OK"]);
        assert!(off.rcpt("joe@friend.test").starts_with("550 5.1.1 "));
    }

    #[test]
    fn the_howto_forgets_the_switch_of_relocations_and_lets_aliases_hide_them() {
        let moved = Tables::usual().howto().off("relocated", &["mary@d.test", "new"]);
        assert!(moved.rcpt("mary@d.test").starts_with("550 5.1.6 "));
        let hidden = moved.row("aliases", &["@d.test", "x@x.test"]);
        assert_eq!(hidden.rcpt("mary@d.test"), OK);
        assert_eq!(hidden.ends("mary@d.test"), ["x@x.test: smtp x.test"]);
    }

    #[test]
    fn the_howto_reads_no_override_among_the_domains() {
        let tables = Tables::usual()
            .howto()
            .row("domains", &["joe@d.test", "smtp:[google]"])
            .row("aliases", &["joe@d.test", "joe@d.test"]);
        assert_eq!(
            tables.ends("joe@d.test"),
            ["joe@d.test: bounce 5.1.1 unknown user: \"joe@d.test\""]
        );
    }

    #[test]
    fn the_howto_hands_empty_brackets_to_the_client() {
        let tables = Tables::usual()
            .howto()
            .row("backups", &["b.test", ":[]"])
            .row("relays", &["@b.test", "OK"]);
        assert_eq!(
            tables.ends("a@b.test"),
            ["a@b.test: defer 4.3.0 unknown mail transport error"]
        );
    }

    #[test]
    fn the_howto_takes_directories_to_the_letter() {
        let tables = Tables::usual()
            .howto()
            .row("users", &["file@d.test", "file"])
            .row("users", &["deep@d.test", "deep/file"]);
        assert_eq!(tables.ends("mary@d.test"), ["mary@d.test: mailbox d.test/mary/"]);
        assert_eq!(tables.ends("file@d.test"), ["file@d.test: mailbox file"]);
        assert!(tables.ends("deep@d.test")[0].starts_with("deep@d.test: defer 4.2.0 delivery failed"));
    }

    #[test]
    fn the_howto_relays_subdomains_without_their_transport() {
        let tables = Tables::usual().howto().row("relays", &["@sub.friend.test", "OK"]);
        assert_eq!(
            tables.ends("joe@sub.friend.test"),
            ["joe@sub.friend.test: smtp sub.friend.test"]
        );
    }

    #[test]
    fn with_the_howto_a_bare_domain_among_the_aliases_hides_its_mailboxes() {
        let tables = Tables::usual().row("aliases", &["d.test", "joe@far.test"]);
        assert_eq!(tables.rcpt("mary@d.test"), OK);
        assert_eq!(
            tables.howto().rcpt("mary@d.test"),
            "550 5.1.1 <mary@d.test>: Recipient address rejected: User unknown in virtual alias table"
        );
    }

    #[test]
    fn the_howto_has_no_extensions_and_no_rules() {
        let tables = Tables::usual()
            .howto()
            .row("access_rules", &["recipient", "mary@d.test", "REJECT", ""]);
        assert!(tables.rcpt("mary+x@d.test").starts_with("550 5.1.1 "));
        assert_eq!(tables.rcpt("mary@d.test"), OK);
    }

    #[test]
    fn with_the_howto_mail_for_localhost_leaves() {
        let tables = Tables::usual()
            .howto()
            .row("aliases", &["abuse@d.test", "root@localhost"]);
        assert_eq!(
            tables.ends("abuse@d.test"),
            ["root@localhost.self.test: smtp localhost.self.test"]
        );
    }
}
