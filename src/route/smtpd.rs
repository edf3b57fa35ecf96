//! What smtpd(8) answers to `RCPT TO`.

use std::net::IpAddr;

use super::Reply;
use super::address::{domain, is_domain, typed};
use super::deliver::{Class, split_code};
use super::howto::Restriction;
use super::maps::Map;
use super::trace::{Answers, Trace, joined};

/// How a dialogue ends.
#[derive(Debug)]
pub(super) struct Dialogue {
    /// The reply to `RCPT TO`.
    pub reply: Reply,
    /// What a rule does to the whole message.
    pub fate: Option<Fate>,
}

/// What a rule does to a message that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Thrown away.
    Discard,
    /// Kept in the queue until somebody releases it.
    Hold,
}

/// What smtpd(8) is at when it refuses: it stands in its replies, and in how it reads enhanced codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Recipient,
    Sender,
    Client,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Recipient => "Recipient address",
            Self::Sender => "Sender address",
            Self::Client => "Client host",
        }
    }

    /// The last number of an enhanced code about addresses, as it fits the subject.
    fn detail(self, detail: &str) -> &'static str {
        match (self, detail) {
            (Self::Recipient, "1") => "1.1",
            (Self::Recipient, "2" | "8") => "1.2",
            (Self::Recipient, "3" | "7") => "1.3",
            (Self::Recipient, "4") => "1.4",
            (Self::Recipient, "5") => "1.5",
            (Self::Recipient, "6") => "1.6",
            (Self::Sender, "2" | "8") => "1.8",
            (Self::Sender, "3" | "7") => "1.7",
            (Self::Recipient | Self::Sender, _) => "1.0",
            (Self::Client, _) => "0.0",
        }
    }
}

/// What a rule says.
enum Verdict {
    /// The next restriction is asked.
    Next,
    /// No more of this list are asked.
    Permit,
    Refuse(Reply),
}

pub(super) fn reply(code: u16, text: impl Into<String>) -> Reply {
    Reply {
        code,
        text: text.into(),
    }
}

/// The reply of a refusal, `550 5.1.1 <joe@d>: Recipient address rejected: ...`, with the enhanced code at the start of the
/// text or else this one.
fn refuse(code: u16, subject: Subject, name: &str, default: &str, text: &str) -> Reply {
    let (enhanced, said) = split_code(default, text);
    let (class, rest) = (code / 100, enhanced.get(2..).unwrap_or_default());
    let rest = rest
        .strip_prefix("1.")
        .map_or(rest, |detail| subject.detail(detail));
    // A code alone is a text: nothing is put in place of what does not follow it.
    let said = if text.is_empty() { "Access denied" } else { said };
    reply(
        code,
        format!("{class}.{rest} <{name}>: {} rejected: {said}", subject.name()),
    )
}

impl Trace<'_> {
    /// The dialogue about a recipient.
    pub fn dialogue(&self, recipient: &str) -> Dialogue {
        let mut fate = None;
        let refused = self.restrictions(recipient, &mut fate);
        // Whether somebody is known is not asked about mail that is thrown away.
        let is_asked = refused.is_none() && fate != Some(Fate::Discard);
        let refused = if is_asked {
            self.unlisted(recipient)
        } else {
            refused
        };
        match refused {
            Some(reply) => Dialogue { reply, fate: None },
            None => Dialogue {
                reply: reply(250, "2.1.5 Ok"),
                fate,
            },
        }
    }

    /// Why the restrictions refuse a recipient.
    fn restrictions(&self, recipient: &str, fate: &mut Option<Fate>) -> Option<Reply> {
        let route = self.resolve(recipient);
        if route.is_malformed {
            return Some(reply(501, "5.1.3 Bad recipient address syntax"));
        }
        // RFC 5321 4.5.1: it needs no domain.
        if recipient.eq_ignore_ascii_case("postmaster") {
            return None;
        }
        let is_ours = !route.is_routed && route.class != Class::Internet;
        for list in self.configuration.restrictions {
            for restriction in *list {
                let verdict = match restriction {
                    Restriction::PermitInside if self.asked.inside => Verdict::Permit,
                    Restriction::UnauthDestination if !is_ours => {
                        Verdict::Refuse(reply(554, format!("5.7.1 <{recipient}>: Relay access denied")))
                    }
                    Restriction::NonFqdnRecipient if !is_qualified(recipient) => Verdict::Refuse(reply(
                        504,
                        format!(
                            "5.5.2 <{recipient}>: Recipient address rejected: need fully-qualified address"
                        ),
                    )),
                    Restriction::Check(map) => self.check(*map, recipient, &route.address, fate),
                    _ => Verdict::Next,
                };
                match verdict {
                    Verdict::Next => {}
                    Verdict::Permit => break,
                    Verdict::Refuse(reply) => return Some(reply),
                }
            }
        }
        None
    }

    /// Asks a table of rules.
    fn check(&self, map: Map, recipient: &str, resolved: &str, fate: &mut Option<Fate>) -> Verdict {
        let found = match map {
            Map::ClientAccess => {
                let Some(address) = self.asked.client else {
                    return Verdict::Next;
                };
                let name = self.asked.client_name.as_deref().unwrap_or("unknown");
                let shown = format!("{name}[{address}]");
                return self.find_client(name, address).map_or(Verdict::Next, |found| {
                    judge(&found, Subject::Client, &shown, fate)
                });
            }
            Map::SenderAccess => {
                let Some(sender) = self.asked.sender.as_deref() else {
                    return Verdict::Next;
                };
                let sender = typed(sender).unwrap_or_default();
                let found = if sender.is_empty() {
                    self.ask(map, "<>")
                } else {
                    self.find_rule(map, &self.resolved(&sender))
                };
                return found.map_or(Verdict::Next, |found| {
                    judge(&found, Subject::Sender, &sender, fate)
                });
            }
            _ => self.find_rule(map, resolved),
        };
        found.map_or(Verdict::Next, |found| {
            judge(&found, Subject::Recipient, recipient, fate)
        })
    }

    /// Looks for a client: its name and the domains above, its address and what it begins with.
    fn find_client(&self, name: &str, address: IpAddr) -> Option<Answers> {
        let map = Map::ClientAccess;
        let names = std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above));
        names
            .filter(|name| !name.is_empty())
            .find_map(|name| self.ask(map, name))
            .or_else(|| {
                let text = address.to_string();
                let separator = if address.is_ipv4() { '.' } else { ':' };
                std::iter::successors(Some(text.as_str()), |key| {
                    key.rfind(separator).map(|at| &key[..at])
                })
                .filter(|key| !key.is_empty())
                .find_map(|key| self.ask(map, key))
            })
    }

    /// Why a recipient that no restriction refuses is unknown (`smtpd_reject_unlisted_recipient`).
    fn unlisted(&self, recipient: &str) -> Option<Reply> {
        let route = self.resolve(recipient);
        if self.find(Map::Alias, &route.address).is_some() {
            return None;
        }
        let unknown = |text: &str| Some(refuse(550, Subject::Recipient, recipient, "5.1.1", text));
        match route.transport.as_str() {
            "error" => return unknown(&route.nexthop),
            "retry" => {
                return Some(refuse(
                    450,
                    Subject::Recipient,
                    recipient,
                    "4.1.1",
                    &route.nexthop,
                ));
            }
            _ => {}
        }
        let (map, text) = match route.class {
            Class::Mailbox => (Map::Mailbox, "User unknown in virtual mailbox table"),
            Class::Relay => (Map::Relays, "User unknown in relay recipient table"),
            Class::Local if !self.is_system_user(&route.address) => {
                return unknown("User unknown in local recipient table");
            }
            Class::Local | Class::Alias | Class::Internet => return None,
        };
        if !self.has(map) || self.find(map, &route.address).is_some() {
            return None;
        }
        unknown(text)
    }
}

/// Whether an address has a domain with a dot, or in brackets.
fn is_qualified(address: &str) -> bool {
    let domain = domain(address);
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    domain.starts_with(['[', '#']) || (domain.contains('.') && is_domain(domain))
}

/// Reads an answer as access(5) does, as far as the queries give any.
fn judge(found: &Answers, subject: Subject, name: &str, fate: &mut Option<Fate>) -> Verdict {
    let answer = joined(found);
    let (word, text) = answer.split_once(' ').unwrap_or((&answer, ""));
    let text = text.trim_start();
    match &*word.to_ascii_uppercase() {
        "OK" => Verdict::Permit,
        "REJECT" => Verdict::Refuse(refuse(554, subject, name, "5.7.1", text)),
        "DEFER" => Verdict::Refuse(refuse(450, subject, name, "4.7.1", text)),
        "DISCARD" => {
            *fate = Some(Fate::Discard);
            Verdict::Permit
        }
        "HOLD" => {
            fate.get_or_insert(Fate::Hold);
            Verdict::Next
        }
        "550" => Verdict::Refuse(refuse(550, subject, name, "5.7.1", text)),
        _ => Verdict::Next,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Tables;

    const OK: &str = "250 2.1.5 Ok";

    fn unknown(address: &str, table: &str) -> String {
        format!("550 5.1.1 <{address}>: Recipient address rejected: User unknown in {table} table")
    }

    fn rule(kind: &str, pattern: &str, action: &str, message: &str) -> Tables {
        Tables::usual().row("access_rules", &[kind, pattern, action, message])
    }

    #[test]
    fn a_mailbox_is_known_and_another_name_of_its_domain_is_not() {
        let tables = Tables::usual();
        assert_eq!(tables.rcpt("mary@d.test"), OK);
        assert_eq!(tables.rcpt("Mary+shop@D.test"), OK);
        assert_eq!(
            tables.rcpt("nosuch@d.test"),
            unknown("nosuch@d.test", "virtual mailbox")
        );
    }

    #[test]
    fn mail_for_others_is_relayed_from_inside_alone() {
        let denied = |address: &str| format!("554 5.7.1 <{address}>: Relay access denied");
        assert_eq!(Tables::usual().rcpt("joe@far.test"), denied("joe@far.test"));
        assert_eq!(Tables::usual().rcpt("joe@sub.d.test"), denied("joe@sub.d.test"));
        assert_eq!(Tables::usual().inside().rcpt("joe@far.test"), OK);
        let off = Tables::new().off("domains", &["d.test", "virtual:"]);
        assert_eq!(off.rcpt("mary@d.test"), denied("mary@d.test"));
    }

    #[test]
    fn a_second_host_in_the_name_is_no_way_to_relay() {
        for address in [
            "joe%far.test@d.test",
            "far.test!joe@d.test",
            "joe@far.test@d.test",
        ] {
            let tables = Tables::usual().row("aliases", &["@d.test", "mary@d.test"]);
            assert_eq!(
                tables.rcpt(address),
                format!("554 5.7.1 <{address}>: Relay access denied")
            );
        }
    }

    #[test]
    fn an_address_without_a_whole_domain_is_refused_inside_too() {
        let needs = |address: &str| {
            format!("504 5.5.2 <{address}>: Recipient address rejected: need fully-qualified address")
        };
        for address in ["joe", "joe@host"] {
            assert_eq!(Tables::usual().inside().rcpt(address), needs(address));
            // The howto's restrictions ask for that before they ask whose the domain is.
            assert_eq!(Tables::usual().howto().rcpt(address), needs(address));
        }
        assert_eq!(
            Tables::usual().rcpt("joe"),
            "554 5.7.1 <joe>: Relay access denied"
        );
        assert_eq!(Tables::usual().rcpt("postmaster"), OK);
        assert_eq!(Tables::usual().inside().rcpt("joe@far.test."), OK);
    }

    #[test]
    fn what_is_no_address_is_refused_before_anything_else() {
        for address in ["", "<>", "a b@d.test", "joe@d..test", "joe@-d.test"] {
            assert_eq!(
                Tables::usual().rcpt(address),
                "501 5.1.3 Bad recipient address syntax",
                "{address}"
            );
        }
        assert_eq!(Tables::usual().rcpt(" <mary@d.test> "), OK);
    }

    #[test]
    fn relay_recipients_answer_as_in_the_table_of_the_corrected_configuration() {
        let wild = || Tables::usual().row("relays", &["@friend.test", "OK"]);
        let refused = |address: &str| unknown(address, "relay recipient");
        let (support, more) = ("support@friend.test", "support+x@friend.test");
        let listed = Tables::usual().row("relays", &[support, "OK"]);
        assert_eq!((listed.rcpt(support), listed.rcpt(more)), (OK.into(), OK.into()));
        assert_eq!(listed.rcpt("joe@friend.test"), refused("joe@friend.test"));
        let rejected = wild().row("relays", &[support, "REJECT"]);
        assert_eq!(
            (rejected.rcpt(support), rejected.rcpt(more)),
            (refused(support), refused(more))
        );
        assert_eq!(rejected.rcpt("joe@friend.test"), OK);
        assert_eq!(wild().off("relays", &[support, "REJECT"]).rcpt(support), OK);
        assert_eq!(
            Tables::usual().off("relays", &[support, "OK"]).rcpt(support),
            refused(support)
        );
        assert_eq!(
            Tables::usual().row("relays", &[support, "YES"]).rcpt(support),
            refused(support)
        );
        // Rule 23: nobody is listed at all.
        assert_eq!(Tables::usual().rcpt(support), refused(support));
        assert_eq!(Tables::usual().lacking("relays", "").rcpt(support), OK);
    }

    #[test]
    fn who_has_moved_is_told_before_a_catch_all_or_a_mailbox_takes_the_mail() {
        let moved = |old: &str| {
            Tables::usual()
                .row("relocated", &[old, "a new place"])
                .row("aliases", &["@d.test", "mary@d.test"])
        };
        let said = "550 5.1.6 <mary@d.test>: Recipient address rejected: User has moved to a new place";
        assert_eq!(moved("mary@d.test").rcpt("mary@d.test"), said);
        assert_eq!(moved("@d.test").rcpt("mary@d.test"), said);
        for nothing in ["mary", "d.test", "test", "mary@"] {
            assert_eq!(moved(nothing).rcpt("mary@d.test"), OK, "{nothing}");
        }
        let empty = Tables::usual().row("relocated", &["mary@d.test", " "]);
        assert_eq!(empty.rcpt("mary@d.test"), OK);
        let foreign = Tables::usual().row("relocated", &["x@far.test", "y"]).inside();
        assert!(foreign.rcpt("x@far.test").starts_with("550 5.1.6 "));
    }

    #[test]
    fn a_blocked_address_is_refused_by_every_key_of_access() {
        for pattern in [
            "mary+x@d.test",
            "mary@d.test",
            "d.test",
            "test",
            "mary+x@",
            "mary@",
        ] {
            assert_eq!(
                rule("recipient", pattern, "REJECT", "")
                    .inside()
                    .rcpt("Mary+x@d.test"),
                "550 5.7.1 <Mary+x@d.test>: Recipient address rejected: Recipient address blocked",
                "{pattern}"
            );
        }
        for pattern in ["@d.test", ".test", "mary", " mary@d.test"] {
            assert_eq!(
                rule("recipient", pattern, "REJECT", "").rcpt("mary@d.test"),
                OK,
                "{pattern}"
            );
        }
        assert_eq!(
            rule("sender", "mary@d.test", "REJECT", "").rcpt("mary@d.test"),
            OK
        );
    }

    #[test]
    fn the_text_of_a_rule_may_bring_its_own_code() {
        let said = |action, message| rule("recipient", "mary@d.test", action, message).rcpt("mary@d.test");
        let rejected =
            |code: &str, text: &str| format!("{code} <mary@d.test>: Recipient address rejected: {text}");
        assert_eq!(said("REJECT", "no spam"), rejected("550 5.7.1", "no spam"));
        assert_eq!(said("reject", "5.1.1 gone"), rejected("550 5.1.1", "gone"));
        assert_eq!(said("REJECT", "5.1.8 gone"), rejected("550 5.1.2", "gone"));
        assert_eq!(said("DEFER", "later"), rejected("450 4.7.1", "later"));
        assert_eq!(said("DEFER", ""), rejected("450 4.7.1", "Access denied"));
        assert_eq!(said("OK", ""), OK);
        assert_eq!(said("deny", ""), OK);
    }

    #[test]
    fn rules_about_senders_hold_for_senders_that_are_given() {
        let from = |pattern: &str, sender: &str| {
            rule("sender", pattern, "REJECT", "")
                .from(sender)
                .rcpt("mary@d.test")
        };
        for pattern in [
            "bob+news@mail.spam.test",
            "bob@mail.spam.test",
            "spam.test",
            "bob@",
        ] {
            assert_eq!(
                from(pattern, "bob+news@mail.spam.test"),
                "554 5.7.1 <bob+news@mail.spam.test>: Sender address rejected: Access denied"
            );
        }
        assert!(from("<>", "<>").starts_with("554 5.7.1 <>: Sender address rejected"));
        assert_eq!(from("<>", "bob@spam.test"), OK);
        assert_eq!(rule("sender", "spam.test", "REJECT", "").rcpt("mary@d.test"), OK);
        // The more special rule comes first, and ends the list.
        let exception = rule("sender", "spam.test", "REJECT", "")
            .row("access_rules", &["sender", "bob@spam.test", "OK", ""])
            .from("bob@spam.test");
        assert_eq!(exception.rcpt("mary@d.test"), OK);
    }

    #[test]
    fn rules_about_clients_go_by_name_address_and_the_smallest_network() {
        let by = |pattern: &str, name| {
            rule("client", pattern, "REJECT", "")
                .by("203.0.113.77", name)
                .rcpt("mary@d.test")
        };
        for pattern in ["203.0.113.77", "203.0.113", "203", "203.0.113.64/26", "unknown"] {
            assert_eq!(
                by(pattern, None),
                "554 5.7.1 <unknown[203.0.113.77]>: Client host rejected: Access denied",
                "{pattern}"
            );
        }
        assert!(by("spam.test", Some("host-7.dsl.spam.test")).starts_with("554 "));
        assert_eq!(by("203.0.113.0/26", None), OK);
        let exception = rule("client", "203.0.113.0/24", "REJECT", "")
            .row("access_rules", &["client", "203.0.113.64/26", "DUNNO", ""])
            .by("203.0.113.77", None);
        assert_eq!(exception.rcpt("mary@d.test"), OK);
        let exception = exception.by("203.0.113.7", None);
        assert!(exception.rcpt("mary@d.test").starts_with("554 "));
        let v6 = rule("client", "2001:db8:0:1", "REJECT", "").by("2001:db8:0:1::25", None);
        assert!(v6.rcpt("mary@d.test").starts_with("554 "));
    }

    #[test]
    fn an_error_transport_speaks_at_the_door_and_an_alias_comes_before_it() {
        let said = |transport: &str| {
            Tables::usual()
                .row("domains", &["closed.test", transport])
                .rcpt("a@closed.test")
        };
        let rejected =
            |code: &str, text: &str| format!("{code} <a@closed.test>: Recipient address rejected: {text}");
        assert_eq!(
            said("error:5.1.1 closed for good"),
            rejected("550 5.1.1", "closed for good")
        );
        assert_eq!(said("error:no"), rejected("550 5.1.1", "no"));
        assert_eq!(said("error:"), rejected("550 5.1.1", "Address is undeliverable"));
        assert_eq!(said("retry:4.2.1 later"), rejected("450 4.2.1", "later"));
        let aliased = Tables::usual()
            .row("domains", &["closed.test", "error:no"])
            .row("aliases", &["a@closed.test", "mary@d.test"]);
        assert_eq!(aliased.rcpt("a@closed.test"), OK);
    }
}
