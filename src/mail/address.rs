//! Addresses: one mailbox, a whole domain (`@domain`), a list of destinations, and the status of a relay
//! recipient.

use std::collections::HashSet;
use std::fmt;

use super::text::quote;
use super::{DomainName, Fault, undecorate};

/// The longest local part in octets (RFC 5321 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// The longest address in octets: a path of 256 less its angle brackets (RFC 5321 4.5.3.1.3).
const LONGEST_ADDRESS: usize = 254;

/// One address in the form Postfix looks up: lower-case, the domain in ASCII.
///
/// The local part is a dot-atom (RFC 5321 4.1.2) of at most 64 octets. It is lower-cased too, since Postfix
/// folds the keys it asks for (docs/postfix.md rule 2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailAddress {
    text: String,
    domain: DomainName,
}

impl MailAddress {
    /// Parses what was typed, in any of the decorations that [`undecorate`] takes off.
    ///
    /// # Errors
    /// Whatever Postfix would never match, would take for something else, or would refuse to deliver.
    pub fn parse(input: &str) -> Result<Self, Fault> {
        Self::parse_for(input, Use::Key)
    }

    /// The same of an address that mail is sent on to.
    ///
    /// # Errors
    /// Those of [`MailAddress::parse`].
    pub fn parse_destination(input: &str) -> Result<Self, Fault> {
        Self::parse_for(input, Use::Destination)
    }

    fn parse_for(input: &str, used: Use) -> Result<Self, Fault> {
        let text = undecorate(input)?;
        if let Some(fault) = another_thing(&text, used) {
            return Err(fault);
        }
        let Some((local, domain)) = text.rsplit_once('@') else {
            return Err(no_at_sign(&text, used));
        };
        if let Some(fault) = broken_parts(&text, local, domain) {
            return Err(fault);
        }
        let domain = domain_of(&text, domain)?;
        let text = format!("{}@{domain}", local.to_ascii_lowercase());
        if text.len() > LONGEST_ADDRESS {
            return Err(Fault::new(format!(
                "{} is {} characters long; SMTP allows {LONGEST_ADDRESS} (RFC 5321 4.5.3.1.3), so no server \
                 would send to it. Shorten it.",
                quote(&text),
                text.len()
            )));
        }
        Ok(Self { text, domain })
    }

    /// The part before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.text[..self.text.len() - self.domain.as_str().len() - 1]
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The whole address, as stored and looked up.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address with its domain in the form for people; None when that is the same.
    #[must_use]
    pub fn unicode(&self) -> Option<String> {
        self.domain
            .unicode()
            .map(|domain| format!("{}@{domain}", self.local()))
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a lookup key or a destination may be: one address, or `@domain` for every address of a domain.
///
/// This is the wildcard of aliases, relays and relocated (docs/postfix.md rule 8).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressPattern {
    text: String,
    domain: DomainName,
    address: Option<MailAddress>,
}

impl AddressPattern {
    /// Parses an address or `@domain`.
    ///
    /// # Errors
    /// Those of [`MailAddress::parse`], and a bare domain, which as an alias key makes every mailbox
    /// user of that domain unknown (docs/postfix.md rule 36).
    pub fn parse(input: &str) -> Result<Self, Fault> {
        Self::parse_for(input, Use::Key)
    }

    fn parse_for(input: &str, used: Use) -> Result<Self, Fault> {
        let text = undecorate(input)?;
        if let Some(domain) = text.strip_prefix('@').filter(|domain| !domain.contains('@')) {
            return Self::domain_wide(&text, domain);
        }
        if let Some(domain) = bare_domain(&text) {
            let why = match used {
                Use::Key => {
                    "Postfix never matches a bare domain here; among aliases it refuses every mailbox user of the domain \
                     for it (`User unknown in virtual alias table`)."
                }
                Use::Destination => "Postfix makes a bare domain a user at $myorigin, which bounces.",
            };
            return Err(Fault::new(format!(
                "{} is a domain without a user. For all addresses of the domain write {}. {why}",
                quote(&text),
                quote(&format!("@{domain}")),
            )));
        }
        let address = MailAddress::parse_for(&text, used)?;
        Ok(Self {
            text: address.text.clone(),
            domain: address.domain.clone(),
            address: Some(address),
        })
    }

    fn domain_wide(typed: &str, domain: &str) -> Result<Self, Fault> {
        if domain.is_empty() {
            return Err(Fault::new(
                "`@` names no domain, so Postfix would never match it. Write `@shop.example` for every \
                 address of that domain.",
            ));
        }
        let domain = domain_of(typed, domain)?;
        Ok(Self {
            text: format!("@{domain}"),
            domain,
            address: None,
        })
    }

    /// The address, or `@domain`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The domain of either.
    #[must_use]
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// Whether it is `@domain`.
    #[must_use]
    pub fn is_domain_wide(&self) -> bool {
        self.address.is_none()
    }

    /// The address, unless it is `@domain`.
    #[must_use]
    pub fn address(&self) -> Option<&MailAddress> {
        self.address.as_ref()
    }

    /// The text with its domain in the form for people; None when that is the same.
    #[must_use]
    pub fn unicode(&self) -> Option<String> {
        let local = self.address.as_ref().map_or("", MailAddress::local);
        self.domain.unicode().map(|domain| format!("{local}@{domain}"))
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What an alias delivers to: one or more addresses in the order typed, each once.
///
/// `@other.domain` keeps the user's name only where it is the only one (docs/postfix.md rule 43).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destinations(Vec<AddressPattern>);

/// Most addresses of one list that are looked at: ten times what Postfix delivers to.
const MOST_DESTINATIONS: usize = 10_000;

/// Most of them that are told to be wrong at a time.
const MOST_FAULTS: usize = 20;

impl Destinations {
    /// Parses a text area: addresses separated by line ends, commas, semicolons or white space, with display
    /// names, quotes and comments in parentheses as mail programs paste them.
    ///
    /// # Errors
    /// One fault for each item that is refused, naming it in backticks, or one for an empty list.
    pub fn parse(input: &str) -> Result<Self, Vec<Fault>> {
        let typed = split_list(input);
        if typed.len() > MOST_DESTINATIONS {
            return Err(vec![Fault::new(format!(
                "These are {} addresses. Postfix defers mail to a list that expands to more than 1000 \
                 (`virtual_alias_expansion_limit`); {MOST_DESTINATIONS} is the most that is looked at here. Make lists of \
                 lists, or use a list manager.",
                typed.len()
            ))]);
        }
        let mut items: Vec<AddressPattern> = Vec::new();
        let mut seen = HashSet::new();
        let mut faults = Vec::new();
        for typed in &typed {
            match AddressPattern::parse_for(typed, Use::Destination) {
                Ok(item) if seen.contains(&item) => {}
                Ok(item) => {
                    seen.insert(item.clone());
                    items.push(item);
                }
                Err(fault) if faults.len() < MOST_FAULTS => faults.push(naming(typed, fault)),
                Err(_) => {}
            }
        }
        if items.len() + faults.len() > 1 {
            let wide = items.iter().filter(|item| item.is_domain_wide());
            faults.extend(wide.map(domain_wide_among_others));
        }
        if !faults.is_empty() {
            Err(faults)
        } else if items.is_empty() {
            Err(vec![Fault::new(
                "The list is empty. Postfix ignores such a row and answers that the user is unknown. Write \
                 at least one address, such as `joe@shop.example`.",
            )])
        } else {
            Ok(Self(items))
        }
    }

    /// The addresses joined with commas and no spaces, as stored in `aliases.destination`.
    #[must_use]
    pub fn joined(&self) -> String {
        self.0
            .iter()
            .map(AddressPattern::as_str)
            .collect::<Vec<_>>()
            .join(",")
    }

    /// The same addresses in alphabetical order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.0.sort_by_cached_key(ToString::to_string);
        self
    }

    /// The addresses; there is always at least one.
    #[must_use]
    pub fn items(&self) -> &[AddressPattern] {
        &self.0
    }

    /// How many addresses there are: never 0, so there is no `is_empty`.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a list without addresses cannot be made"
    )]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The addresses of a stored list as Postfix reads them, lower case: nothing is refused, duplicates stay.
#[must_use]
pub fn items_of(stored: &str) -> Vec<String> {
    split_list(stored)
        .into_iter()
        .map(|item| without_brackets(&item).to_lowercase())
        .collect()
}

/// An item of a list without the angle brackets around it, which Postfix takes off.
fn without_brackets(item: &str) -> &str {
    let inner = item.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    inner.map_or(item, str::trim)
}

/// The status of a relay recipient: whether mail for it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelayStatus {
    /// Accepted and passed on.
    Ok,
    /// Refused, even under an `@domain` row that accepts the rest.
    Reject,
}

impl RelayStatus {
    /// Parses `OK` or `REJECT` in any case.
    ///
    /// # Errors
    /// Any other word, which means one thing or its opposite depending on the configuration
    /// (docs/postfix.md rule 57).
    pub fn parse(input: &str) -> Result<Self, Fault> {
        let word = input.trim();
        let status = [Self::Ok, Self::Reject]
            .into_iter()
            .find(|status| word.eq_ignore_ascii_case(status.as_str()));
        status.ok_or_else(|| {
            Fault::new(format!(
                "The status {} is neither OK nor REJECT. Postfix accepts the address with the howto's own \
                 configuration, where any word means that it exists, and refuses it with the corrected one. \
                 Write `OK` or `REJECT`.",
                quote(word)
            ))
        })
    }

    /// `OK` or `REJECT`, as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Reject => "REJECT",
        }
    }
}

impl fmt::Display for RelayStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an address is for, and so what a wrong one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Postfix looks it up.
    Key,
    /// Mail is sent on to it.
    Destination,
}

/// What was typed is no address at all, wherever its `@` may be.
fn another_thing(text: &str, used: Use) -> Option<Fault> {
    let shown = quote(text);
    let message = if text.is_empty() {
        let why = match used {
            Use::Key => " Postfix never matches an empty key.",
            Use::Destination => "",
        };
        format!("The address is empty.{why} Write an address such as `joe@shop.example`.")
    } else if text.starts_with('#') {
        format!(
            "{shown} looks like a comment. Postfix knows none here: each word of it becomes a recipient that \
             does not exist. Leave it out."
        )
    } else if starts_a_command(text) {
        format!(
            "{shown} is a command, file or include. Virtual aliases run no commands and write no files: it \
             becomes an address at $myorigin and bounces. Write an address, or deliver to a local user with \
             an entry in /etc/aliases."
        )
    } else if text.contains('"') {
        format!(
            "{shown} has a quoted user name. RFC 5321 allows that, but Postfix may look it up \
             without the quotes, so that it does not match. \
             Write a name of letters, digits, dots and hyphens."
        )
    } else if text.contains(char::is_whitespace) {
        let joined: String = text.split_whitespace().collect();
        let why = match used {
            Use::Key => "Postfix would never match it.",
            Use::Destination => "Postfix would take it for two addresses.",
        };
        format!(
            "{shown} has a space inside. {why} Write one address, such as {}.",
            example(&joined)
        )
    } else if text.matches('@').count() > 1 {
        let why = match used {
            Use::Key => "Postfix would never match it.",
            Use::Destination => "Postfix bounces mail to it.",
        };
        format!("{shown} has more than one @. {why} Write one address, such as `joe@shop.example`.")
    } else {
        return None;
    };
    Some(Fault::new(message))
}

fn starts_a_command(text: &str) -> bool {
    let include = text
        .get(..9)
        .is_some_and(|start| start.eq_ignore_ascii_case(":include:"));
    include || text.starts_with(['|', '/'])
}

/// A user name that can be told to be wrong, or one of the two sides missing.
fn broken_parts(text: &str, local: &str, domain: &str) -> Option<Fault> {
    let shown = quote(text);
    let wide = format!("@{domain}");
    let message = if domain.is_empty() {
        format!(
            "{shown} ends at the @. Postfix would never match it. \
             Write the domain too, as in {}.",
            example(&format!("{local}@shop.example"))
        )
    } else if local.is_empty() {
        format!(
            "{shown} means a whole domain, and one address is wanted here. As the name of a mailbox it would \
             catch everybody's mail. Write an address, such as {}.",
            quote(&format!("joe{wide}"))
        )
    } else if local == "*" || local == "%" {
        format!(
            "{shown} uses `{local}` as a wildcard. Postfix would never match it. For all addresses of the \
             domain it is {} where this is allowed.",
            quote(&wide)
        )
    } else if !local.is_ascii() {
        format!(
            "{shown} has a letter outside ASCII before the @. The database folds accents, so `jose@` would \
             get the mail of `josé@`, and most servers cannot send to it (SMTPUTF8, RFC 6531). Write the \
             name in plain letters."
        )
    } else if local.starts_with('-') {
        format!(
            "{shown} begins with a hyphen. Postfix refuses such recipients (`allow_min_user = no`), since \
             programs would take them for options. Write a name that begins with a letter or digit."
        )
    } else if local.split('.').any(str::is_empty) {
        let mended = local
            .split('.')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(".");
        format!(
            "{shown} has a dot at the start or end of the user name, or two in a row, which RFC 5321 4.1.2 \
             does not allow. Many servers refuse to send to it. Write {}.",
            example(&format!("{mended}{wide}"))
        )
    } else if let Some(c) = local.chars().find(|&c| !is_atom_character(c)) {
        format!(
            "{shown} has a `{c}` before the @, which RFC 5321 4.1.2 does not allow there. Postfix would \
             never match it. Write an address such as {}.",
            example(&format!("{}{wide}", local.replace(|c| !is_atom_character(c), "")))
        )
    } else if local.len() > LONGEST_LOCAL {
        format!(
            "{shown} has {} characters before the @; SMTP allows {LONGEST_LOCAL} (RFC 5321 4.5.3.1.1), and \
             other servers refuse to send to it. Shorten it.",
            local.len()
        )
    } else {
        return None;
    };
    Some(Fault::new(message))
}

/// A letter, digit or other atext of RFC 5322 3.2.3, or the dot between atoms.
fn is_atom_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

fn no_at_sign(text: &str, used: Use) -> Fault {
    let why = match used {
        Use::Key => "Postfix never matches it.",
        Use::Destination => "Postfix appends $myorigin, and the mail bounces.",
    };
    let whole = bare_domain(text).map_or_else(
        || format!("{text}@shop.example"),
        |domain| format!("joe@{domain}"),
    );
    Fault::new(format!(
        "{} has no @. {why} Write the whole address, such as {}.",
        quote(text),
        example(&whole)
    ))
}

/// The domain, if the text is one without a user: a single word is more likely a user without a domain.
fn bare_domain(text: &str) -> Option<DomainName> {
    DomainName::parse(text)
        .ok()
        .filter(|domain| !domain.is_single_label())
}

/// The quoted guess if it would be accepted, otherwise an example that always is.
fn example(guess: &str) -> String {
    MailAddress::parse(guess).map_or_else(
        |_| "`joe@shop.example`".to_owned(),
        |address| quote(address.as_str()),
    )
}

/// Parses the domain of an address; a fault names the whole address as well.
fn domain_of(whole: &str, domain: &str) -> Result<DomainName, Fault> {
    DomainName::parse(domain).map_err(|fault| naming(whole, fault))
}

/// The fault, made to name the item in backticks if it does not yet.
fn naming(item: &str, fault: Fault) -> Fault {
    let shown = quote(item);
    if fault.message().contains(&shown) {
        fault
    } else {
        Fault::new(format!("In {shown}: {fault}"))
    }
}

fn domain_wide_among_others(item: &AddressPattern) -> Fault {
    Fault::new(format!(
        "{} keeps the user name only where it is alone. With others behind it Postfix takes all of them for one \
         address, and behind others it sends to `\"\"{item}`: both bounce. Write it alone, or whole addresses.",
        quote(item.as_str())
    ))
}

/// The items of a list: words, with a display name and its `<address>` reduced to the address.
///
/// A name is dropped only when it cannot be an address itself; whatever is in doubt becomes an item and is
/// judged.
fn split_list(input: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut name: Vec<String> = Vec::new();
    for piece in pieces(input) {
        match piece {
            Piece::Word(word) => name.push(word),
            Piece::Angle(address) => {
                items.extend(name.drain(..).filter(|word| !is_name(word)));
                items.push(address);
            }
            Piece::End => items.append(&mut name),
        }
    }
    items.append(&mut name);
    items
}

fn is_name(word: &str) -> bool {
    word.starts_with('"') || !(word.contains('@') || word.starts_with('#'))
}

enum Piece {
    Word(String),
    Angle(String),
    End,
}

/// Cuts a list into words, `<addresses>` and the ends between items. Quotes, angle brackets and comments must
/// close on their own line; otherwise the mark is part of the word, so that no address is swallowed.
fn pieces(input: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut rest = input;
    while let Some(c) = rest.chars().next() {
        let enclosed = enclosed_length(rest, c);
        let (taken, after) = rest.split_at(enclosed.unwrap_or(c.len_utf8()));
        rest = after;
        let is_angle = c == '<' && enclosed.is_some();
        let is_comment = c == '(' && enclosed.is_some();
        let is_end = matches!(c, '\n' | '\r' | ',' | ';');
        if !(is_angle || is_comment || is_end || c.is_whitespace()) {
            word.push_str(taken);
            continue;
        }
        if !word.is_empty() {
            found.push(Piece::Word(std::mem::take(&mut word)));
        }
        if is_angle {
            found.push(Piece::Angle(taken.to_owned()));
        } else if is_end {
            found.push(Piece::End);
        }
    }
    if !word.is_empty() {
        found.push(Piece::Word(word));
    }
    found
}

/// The length of what the mark at the start of the text encloses, with both marks.
fn enclosed_length(text: &str, mark: char) -> Option<usize> {
    let closing = match mark {
        '"' => '"',
        '<' => '>',
        '(' => ')',
        _ => return None,
    };
    let mut escaped = false;
    let end = text.char_indices().skip(1).find(|&(_, c)| {
        let stop = !escaped && (c == closing || c == '\n' || c == '\r');
        escaped = mark == '"' && c == '\\' && !escaped;
        stop
    });
    end.filter(|&(_, c)| c == closing).map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_undecorated_and_lower_cased() {
        for input in [
            "Joe@Shop.Example",
            " joe@shop.example. ",
            "Joe Doe <JOE@shop.example>",
            "mailto:joe@shop.example",
        ] {
            let address = MailAddress::parse(input).expect(input);
            assert_eq!(address.as_str(), "joe@shop.example");
            assert_eq!(address.local(), "joe");
            assert_eq!(address.domain().as_str(), "shop.example");
            assert_eq!(address.to_string(), "joe@shop.example");
            assert_eq!(address.unicode(), None);
        }
    }

    #[test]
    fn every_dot_atom_is_a_user_name() {
        for local in ["a", "joe+tag", "a.b-c_d", "!#$%&'*+-/=?^_`{|}~", &"x".repeat(64)] {
            let text = format!("{local}@localhost");
            assert_eq!(MailAddress::parse(&text).expect(&text).local(), local);
        }
    }

    #[test]
    fn an_international_domain_has_a_form_for_people() {
        let address = MailAddress::parse("Joe@Bücher.example").expect("valid");
        assert_eq!(address.as_str(), "joe@xn--bcher-kva.example");
        assert_eq!(address.unicode().as_deref(), Some("joe@bücher.example"));
        let whole = AddressPattern::parse("@bücher.example").expect("valid");
        assert_eq!(whole.as_str(), "@xn--bcher-kva.example");
        assert_eq!(whole.unicode().as_deref(), Some("@bücher.example"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason_and_the_mend() {
        let long_local = format!("{}@b.example", "x".repeat(65));
        let long_whole = format!("{}@{}example", "x".repeat(64), "abcdefg.".repeat(23));
        let cases: &[(&str, &[&str])] = &[
            (" ", &["empty"]),
            ("<>", &["empty"]),
            (
                "vivita",
                &["`vivita` has no @", "never matches", "`vivita@shop.example`"],
            ),
            ("shop.example", &["has no @", "`joe@shop.example`"]),
            ("a@@b.example", &["more than one @"]),
            ("a@b@c.example", &["more than one @", "never match"]),
            ("josé@shop.example", &["`josé@`", "SMTPUTF8"]),
            ("joe@", &["ends at the @", "`joe@shop.example`"]),
            ("joe @shop.example", &["space", "`joe@shop.example`"]),
            ("a@b.example c@d.example", &["space", "one address"]),
            ("@shop.example", &["whole domain", "`joe@shop.example`"]),
            ("*@shop.example", &["wildcard", "`@shop.example`"]),
            ("%@shop.example", &["wildcard", "`@shop.example`"]),
            ("-joe@shop.example", &["allow_min_user"]),
            ("|/bin/vacation", &["run no commands", "$myorigin"]),
            ("\"|/bin/vacation joe\"", &["run no commands"]),
            ("/var/mail/joe", &["write no files"]),
            ("/joe@shop.example", &["write no files"]),
            (":Include:/etc/list", &["include"]),
            ("# the boss", &["comment", "recipient"]),
            ("\"joe doe\"@shop.example", &["quoted"]),
            (".joe@shop.example", &["dot", "`joe@shop.example`"]),
            ("joe.@shop.example", &["dot", "`joe@shop.example`"]),
            ("j..oe@shop.example", &["dot", "`j.oe@shop.example`"]),
            ("<joe@shop.example", &["`<`", "`joe@shop.example`"]),
            (
                "joe@http://b.example",
                &["In `joe@http://b.example`", "Write `b.example`"],
            ),
            ("joe@192.0.2.1", &["In `joe@192.0.2.1`", "IP address"]),
            ("joe@[192.0.2.1]", &["IP address"]),
            ("joe@sh_op.example", &["underscore"]),
            ("jo\u{200b}e@shop.example", &["U+200B"]),
            (&long_local, &["65 characters", "64"]),
            (&long_whole, &["256 characters", "254"]),
        ];
        for (input, parts) in cases {
            let fault = MailAddress::parse(input).expect_err(input);
            for part in *parts {
                assert!(
                    fault.message().contains(part),
                    "{input:?} lacks {part:?}: {fault}"
                );
            }
        }
    }

    #[test]
    fn a_pattern_is_an_address_or_a_whole_domain() {
        let one = AddressPattern::parse("Joe <Joe@shop.example>").expect("valid");
        assert_eq!((one.as_str(), one.is_domain_wide()), ("joe@shop.example", false));
        assert_eq!(one.address().map(MailAddress::local), Some("joe"));
        let whole = AddressPattern::parse("@Shop.Example.").expect("valid");
        assert_eq!((whole.as_str(), whole.is_domain_wide()), ("@shop.example", true));
        assert_eq!(whole.address(), None);
        for pattern in [one, whole] {
            assert_eq!(pattern.domain().as_str(), "shop.example");
            assert_eq!(pattern.to_string(), pattern.as_str());
        }
    }

    #[test]
    fn a_pattern_refuses_bare_domains_and_foreign_wildcards() {
        let cases: &[(&str, &[&str])] = &[
            (
                "shop.example",
                &[
                    "without a user",
                    "User unknown in virtual alias table",
                    "write `@shop.example`",
                ],
            ),
            ("*@shop.example", &["wildcard", "`@shop.example`"]),
            ("%@shop.example", &["wildcard", "`@shop.example`"]),
            ("@", &["names no domain"]),
            ("@@shop.example", &["more than one @"]),
            ("@*.shop.example", &["In `@*.shop.example`", "wildcard"]),
            ("@.shop.example", &["begins with a dot"]),
            ("*", &["no @"]),
            ("vivita", &["no @", "never matches"]),
        ];
        for (input, parts) in cases {
            let fault = AddressPattern::parse(input).expect_err(input);
            for part in *parts {
                assert!(
                    fault.message().contains(part),
                    "{input:?} lacks {part:?}: {fault}"
                );
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_of_the_use_the_field_has() {
        for input in ["vivita", "shop.example", "a@b@shop.example", "a b@shop.example"] {
            let key = AddressPattern::parse(input).expect_err(input);
            assert!(key.message().contains("never match"), "{key}");
            for other in ["$myorigin", "bounces", "two addresses"] {
                assert!(!key.message().contains(other), "{other}: {key}");
            }
        }
        for input in ["vivita", "shop.example", "a@b@shop.example"] {
            let faults = Destinations::parse(input).expect_err(input);
            assert!(faults[0].message().contains("bounces"), "{faults:?}");
            assert!(!faults[0].message().contains("never match"), "{faults:?}");
        }
        let colleague = MailAddress::parse_destination("vivita").expect_err("no @");
        assert!(colleague.message().contains("$myorigin"), "{colleague}");
    }

    #[test]
    fn a_list_is_separated_and_undecorated_as_people_paste_it() {
        let cases = [
            ("a@b.example", "a@b.example"),
            ("a@b.example\r\nc@d.example\n", "a@b.example,c@d.example"),
            (
                "a@b.example, c@d.example;e@f.example g@h.example",
                "a@b.example,c@d.example,e@f.example,g@h.example",
            ),
            (
                "a@b.example\u{a0}c@d.example\tA@B.example,,;",
                "a@b.example,c@d.example",
            ),
            (
                "Viv Smith <v@x.example>; Joe<joe@x.example>",
                "v@x.example,joe@x.example",
            ),
            (
                "\"Doe, Joe; Sr\" <j@x.example>, 'Viv' <v@x.example>",
                "j@x.example,v@x.example",
            ),
            ("\"Doe \\\", Joe\" <j@x.example>", "j@x.example"),
            ("\"x@y.example\" <a@b.example>", "a@b.example"),
            ("<a@b.example><c@d.example>", "a@b.example,c@d.example"),
            (
                "a@b.example (the boss, of all) c@d.example(x)",
                "a@b.example,c@d.example",
            ),
            ("a@b.example Joe <c@d.example>", "a@b.example,c@d.example"),
            ("c@d.example <c@d.example>", "c@d.example"),
            ("mailto:a@b.example?subject=x", "a@b.example"),
            ("@b.example, @B.example", "@b.example"),
            (
                "c@d.example, a@b.example, c@d.example.",
                "c@d.example,a@b.example",
            ),
        ];
        for (input, expected) in cases {
            let list = Destinations::parse(input).expect(input);
            assert_eq!(list.joined(), expected, "{input:?}");
            assert_eq!(list.len(), expected.split(',').count(), "{input:?}");
            assert_eq!(list.items().len(), list.len());
        }
    }

    #[test]
    fn every_wrong_item_of_a_list_is_named_with_its_reason() {
        let cases: &[(&str, &[&[&str]])] = &[
            ("", &[&["list is empty", "ignores"]]),
            (" ,;\n (only a comment)", &[&["list is empty"]]),
            (
                "vivita, a@b.example, somewhere.tld",
                &[&["`vivita`", "$myorigin"], &["`somewhere.tld`", "$myorigin"]],
            ),
            (
                "a@b.example, @c.example",
                &[&["`@c.example`", "`\"\"@c.example`", "alone"]],
            ),
            (
                "@c.example, a@b.example",
                &[&["`@c.example`", "one address", "alone"]],
            ),
            ("vivita @c.example", &[&["`vivita`"], &["`@c.example`", "alone"]]),
            ("# the boss", &[&["`#`", "comment"], &["`the`"], &["`boss`"]]),
            ("# Joe <a@b.example>", &[&["`#`", "comment"]]),
            ("a@b@c.example", &[&["`a@b@c.example`", "more than one @"]]),
            ("<a@b@c.example>", &[&["`<a@b@c.example>`", "more than one @"]]),
            ("<a@b.example\nc@d.example", &[&["`<a@b.example`"]]),
            ("(a@b.example\nc@d.example", &[&["`(a@b.example`"]]),
            (
                "\"a@b.example\nc@d.example\"",
                &[&["`\"a@b.example`"], &["`c@d.example\"`"]],
            ),
            ("*@b.example", &[&["`*@b.example`", "wildcard"]]),
            (
                "|vacation /file",
                &[&["`|vacation`", "no commands"], &["`/file`", "no files"]],
            ),
            ("joe@192.0.2.1", &[&["`joe@192.0.2.1`", "IP address"]]),
            ("Doe Joe, <>", &[&["`Doe`"], &["`Joe`"], &["`<>`", "empty"]]),
            ("a\u{200b}@b.example", &[&["`a⟨U+200B⟩@b.example`"]]),
        ];
        for (input, expected) in cases {
            let faults = Destinations::parse(input).expect_err(input);
            assert_eq!(faults.len(), expected.len(), "{input:?}: {faults:?}");
            for (fault, parts) in faults.iter().zip(*expected) {
                for part in *parts {
                    assert!(
                        fault.message().contains(part),
                        "{input:?} lacks {part:?}: {fault}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_relay_status_is_ok_or_reject_in_any_case() {
        for (input, status, stored) in [
            (" ok ", RelayStatus::Ok, "OK"),
            ("Reject", RelayStatus::Reject, "REJECT"),
        ] {
            assert_eq!(RelayStatus::parse(input), Ok(status));
            assert_eq!(status.as_str(), stored);
            assert_eq!(status.to_string(), stored);
        }
        for input in ["", "YES", "BLOCKED", "REJECTED", "OK\u{200b}"] {
            let fault = RelayStatus::parse(input).expect_err(input);
            assert!(fault.message().contains("neither OK nor REJECT"), "{fault}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_typed_makes_an_address_panic(input in any::<String>()) {
            let _ = (MailAddress::parse(&input), AddressPattern::parse(&input), RelayStatus::parse(&input));
            if let Err(faults) = Destinations::parse(&input) {
                prop_assert!(!faults.is_empty());
            }
        }

        #[test]
        fn a_stored_address_parses_to_itself(input in concat!("[<'\"]?[ -~é]{0,8}@",
            "[a-zA-Z0-9äß-]{1,6}(\\.[a-zA-Z]{1,4}){0,2}[.>,;'\"]?")) {
            if let Ok(address) = MailAddress::parse(&input) {
                prop_assert_eq!(MailAddress::parse(address.as_str()), Ok(address.clone()));
                prop_assert_eq!(format!("{}@{}", address.local(), address.domain()), address.as_str());
            }
            if let Ok(pattern) = AddressPattern::parse(&input) {
                prop_assert_eq!(AddressPattern::parse(pattern.as_str()), Ok(pattern));
            }
        }

        #[test]
        fn a_stored_list_parses_to_itself(input in concat!(
            "([a-cA-C!'`]{0,2}@[a-c]\\.[a-c]|[A-C]{1,3} <a@b>|\\(a\\)|[,; \n<>\"])",
            "( |,|\n)?([a-c]@[ab]\\.c[,; ]){0,4}"
        )) {
            if let Ok(list) = Destinations::parse(&input) {
                prop_assert_eq!(Destinations::parse(&list.joined()), Ok(list));
            }
        }
    }

    #[test]
    fn of_very_many_destinations_no_more_than_a_few_faults_are_told_and_it_is_quick() {
        let started = std::time::Instant::now();
        let list = |end: &str| {
            (0..MOST_DESTINATIONS)
                .map(|n| n.to_string() + end)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let good = list("@a.example");
        assert!(Destinations::parse(&good).is_ok());
        let faults = Destinations::parse(&format!("{good}\none@more.example")).expect_err("too many");
        assert!(
            faults.len() == 1 && faults[0].message().contains("10001 addresses"),
            "{faults:?}"
        );
        let bad = list("@@");
        assert_eq!(Destinations::parse(&bad).expect_err("bad").len(), MOST_FAULTS);
        assert!(
            started.elapsed().as_secs() < 20,
            "not quadratic, even in a debug build"
        );
    }
}
