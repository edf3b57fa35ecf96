//! The transport of a domain or a backup: how Postfix passes its mail on (transport(5)).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

mod reading;

pub use reading::Reading;

use super::text::{is_printable_ascii, quote};
use super::{Caution, DomainName, Fault, clean};

/// The services of Postfix's own master.cf that take mail, without the SMTP clients.
const OTHER_NAMES: [&str; 12] = [
    "virtual",
    "local",
    "error",
    "retry",
    "discard",
    "maildrop",
    "dovecot",
    "mailman",
    "uucp",
    "ifmail",
    "bsmtp",
    "scalemail-backend",
];
/// The services that are smtp(8) or lmtp(8): a malformed next hop kills them (docs/postfix.md rule 26).
const CLIENT_NAMES: [&str; 3] = ["smtp", "relay", "lmtp"];
/// Names that are no service of Postfix, typed by people who mean smtp.
const MEANT_AS_SMTP: [&str; 8] = [
    "esmtp",
    "smtps",
    "smpt",
    "stmp",
    "submission",
    "submissions",
    "http",
    "https",
];
/// The ports that are often typed by name.
const SERVICES: [(&str, u16); 5] = [
    ("smtp", 25),
    ("submission", 587),
    ("smtps", 465),
    ("submissions", 465),
    ("lmtp", 24),
];
/// Domains whose mail exchangers listen on port 25 only (docs/postfix.md rule 34).
const PORT_25_ONLY: [&str; 3] = ["google.com", "googlemail.com", "outlook.com"];

/// A transport value that Postfix can act on: empty, or `transport:nexthop` with either side optional.
///
/// For smtp, relay, lmtp and no name the next hop is one or more of `[host]`, `[1.2.3.4]`,
/// `[IPv6:2001:db8::1]` and `host`, each with an optional numeric port, separated by commas (transport(5),
/// smtp(8), lmtp(8)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transport(String);

impl Transport {
    /// Parses and normalises what was typed: trims, lower-cases names and hosts, adds the colon to a bare
    /// `virtual`, `local` or `discard`, writes IPv6 addresses as Postfix wants them. `extra_names` are the
    /// server's own services.
    ///
    /// # Errors
    /// Values that kill the SMTP client, and with it all outgoing mail, or that name no transport
    /// (docs/postfix.md rules 22, 26, 27). The message says what to write instead.
    pub fn parse(input: &str, extra_names: &[String]) -> Result<Self, Fault> {
        let text = clean(input)?;
        if text.is_empty() {
            return Ok(Self(text));
        }
        let Some((typed_name, rest)) = text.split_once(':') else {
            return without_colon(&text, extra_names).map(Self);
        };
        let rest = rest.trim();
        let Some(name) = known_name(typed_name.trim_end(), extra_names) else {
            return Err(unknown(&text, extra_names));
        };
        let nexthop = match name.as_str() {
            "" | "smtp" | "relay" | "lmtp" => {
                nexthops(&name, rest).map_err(|problem| problem.refuse(&name, rest))?
            }
            "error" | "retry" | "discard" => reply_text(&text, rest)?,
            _ => other_nexthop(&name, rest)?,
        };
        Ok(Self(format!("{name}:{nexthop}")))
    }

    /// The normalised value, as stored; empty when the MX records are to be followed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first colon, such as `smtp`; empty if none is named.
    #[must_use]
    pub fn transport_name(&self) -> &str {
        self.0.split_once(':').map_or("", |(name, _)| name)
    }

    /// Whether mail stays on this server: virtual(8) or local(8).
    #[must_use]
    pub fn is_local_delivery(&self) -> bool {
        matches!(self.transport_name(), "virtual" | "local")
    }

    /// What is accepted but may surprise, in the order of the next hops.
    #[must_use]
    pub fn cautions(&self) -> Vec<Caution> {
        self.surprises().into_iter().map(|(_, caution)| caution).collect()
    }

    /// The same, each with what kind of surprise it is.
    #[must_use]
    pub fn surprises(&self) -> Vec<(Surprise, Caution)> {
        let name = self.transport_name();
        if name == "discard" {
            let caution = Caution::ask(
                "Mail for this domain vanishes: Postfix answers 250 and throws it away, and nobody is told. \
                 To refuse it with a reason write `error:5.1.1 No such domain here`.",
            );
            return vec![(Surprise::Vanishes, caution)];
        }
        self.hops().iter().flat_map(|hop| hop.surprises(name)).collect()
    }

    /// The hosts that smtp(8) goes to; none where it follows the MX records of the domain, or another program takes the
    /// mail.
    #[must_use]
    pub fn hosts(&self) -> Vec<Host<'_>> {
        if self.transport_name() == "lmtp" {
            return Vec::new();
        }
        let hops = self.hops().into_iter();
        hops.map(|hop| Host {
            name: hop.host,
            in_brackets: hop.place.starts_with('['),
            port: hop.port,
        })
        .collect()
    }

    /// The next hops of an SMTP or LMTP client that go over the network.
    fn hops(&self) -> Vec<Hop<'_>> {
        let name = self.transport_name();
        if !is_client(name) {
            return Vec::new();
        }
        let list = self.0.split_once(':').map_or("", |(_, list)| list);
        list.split(',')
            .filter(|item| !(item.is_empty() || item.starts_with("unix:")))
            .map(Hop::read)
            .collect()
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A way in which an accepted value may surprise, with the rule of docs/postfix.md section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surprise {
    /// A host whose MX records are followed first (rule 28).
    NoBrackets,
    /// This server (rule 29).
    ThisServer,
    /// All mail is thrown away (rule 32).
    Vanishes,
    /// A port that no other server's mail is taken on (rule 34).
    ClosedPort,
    /// An underscore, which no host name has (rule 35).
    Underscore,
}

/// A host of a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'t> {
    /// Its name, or its address as stored; without brackets and port.
    pub name: &'t str,
    /// Whether it is asked directly. Otherwise its MX records are followed first.
    pub in_brackets: bool,
    /// The port, where it is not 25.
    pub port: Option<&'t str>,
}

/// One next hop of a parsed value.
struct Hop<'t> {
    /// The host as stored, in brackets if it has them, without the port.
    place: &'t str,
    host: &'t str,
    port: Option<&'t str>,
}

impl<'t> Hop<'t> {
    fn read(item: &'t str) -> Self {
        let item = item.strip_prefix("inet:").unwrap_or(item);
        let host_end = item
            .find(']')
            .map_or_else(|| item.find(':').unwrap_or(item.len()), |bracket| bracket + 1);
        let (place, port) = item.split_at(host_end);
        Self {
            place,
            host: place.trim_matches(['[', ']']),
            port: port.strip_prefix(':'),
        }
    }

    fn surprises(&self, name: &str) -> Vec<(Surprise, Caution)> {
        let Self { place, host, port } = *self;
        let mut found = Vec::new();
        // lmtp(8) looks for no MX records and goes to port 24, so two of the surprises are smtp's alone.
        let is_smtp = name != "lmtp";
        if is_smtp && !place.starts_with('[') {
            let caution = Caution::remark(format!(
                "`{host}` has no brackets, so Postfix looks for its MX records first, and mail loops if they \
                 point to this server. Write `[{host}]` to go straight to that host."
            ));
            found.push((Surprise::NoBrackets, caution));
        }
        if is_smtp && is_this_server(host) && port.is_none_or(|port| port == "25") {
            let caution = Caution::ask(format!(
                "`{place}` is this server itself. Postfix bounces the mail with `5.4.6 loops back to \
                 myself`. Name another host, or another port such as `{place}:10025` if a filter listens \
                 there."
            ));
            found.push((Surprise::ThisServer, caution));
        }
        let listens_on_25_only = PORT_25_ONLY.iter().any(|domain| is_within(host, domain));
        if let Some(port) = port.filter(|port| listens_on_25_only && ["465", "587"].contains(port)) {
            let caution = Caution::ask(format!(
                "`{host}` takes mail from other servers on port 25 only. On port {port} Postfix gets no \
                 connection and the mail waits for days. Remove the port: write `{name}:{place}`."
            ));
            found.push((Surprise::ClosedPort, caution));
        }
        if host.contains('_') {
            let caution = Caution::remark(format!(
                "`{host}` has an underscore. Postfix accepts that, but no host name has one (RFC 1123 2.1). \
                 Check whether a hyphen is meant."
            ));
            found.push((Surprise::Underscore, caution));
        }
        found
    }
}

/// Whether a host is this one, whatever server reads it: all of 127.0.0.0/8, the address that stands for any, and the
/// names every machine has for itself.
fn is_this_server(host: &str) -> bool {
    let address = host.parse::<Ipv4Addr>();
    address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
        || ["localhost", "localhost.localdomain", "IPv6:::1", "IPv6:::"].contains(&host)
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

fn is_client(name: &str) -> bool {
    name.is_empty() || CLIENT_NAMES.contains(&name)
}

/// The name as master.cf has it: Postfix compares it exactly, so one of the server's own keeps its capitals.
fn known_name(typed: &str, extra_names: &[String]) -> Option<String> {
    let lower = typed.to_ascii_lowercase();
    if extra_names.iter().any(|name| name == typed) {
        Some(typed.to_owned())
    } else if is_client(&lower) || OTHER_NAMES.contains(&lower.as_str()) {
        Some(lower)
    } else {
        extra_names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(typed))
            .cloned()
    }
}

/// A value without a colon is a transport name to Postfix, never a host.
fn without_colon(text: &str, extra_names: &[String]) -> Result<String, Fault> {
    let Some(name) = known_name(text, extra_names) else {
        return Err(unknown(text, extra_names));
    };
    let write = match name.as_str() {
        "virtual" | "local" | "discard" => return Ok(format!("{name}:")),
        "error" => "`error:5.1.1 No such domain here`, with the text of the refusal".to_owned(),
        "retry" => "`retry:4.2.1 Try again later`, with the text of the answer".to_owned(),
        client if is_client(client) => {
            format!("`{name}:[mail.example.com]`, or `{name}:` to follow the MX records")
        }
        _ => format!("`{name}:`"),
    };
    Err(Fault::new(format!(
        "{} has no colon, so it does not say where the mail goes: Postfix goes by \
         the name of each domain. Write {write}.",
        quote(text)
    )))
}

fn unknown(text: &str, extra_names: &[String]) -> Fault {
    let name = text.split_once(':').map_or(text, |(name, _)| name);
    let known = CLIENT_NAMES.iter().chain(&OTHER_NAMES).copied();
    let known: Vec<&str> = known.chain(extra_names.iter().map(String::as_str)).collect();
    let write = meant(text).map_or_else(
        || "`smtp:[mail.example.com]`, for example".to_owned(),
        |guess| quote(&guess),
    );
    // Of `[h]:25` the part before the colon is no name worth telling.
    let subject = if name.starts_with('[') {
        format!(
            "{} names no transport, and Postfix takes `[` for the start of one",
            quote(text)
        )
    } else {
        format!("Postfix has no transport named {}", quote(name))
    };
    Fault::new(format!(
        "{subject}: it would hold the mail for days (`mail transport unavailable`) and then return it. Write \
         {write}. Known transports are {}; others of this server's master.cf are added with the setting \
         `mail.transports`.",
        known.join(", ")
    ))
}

/// What somebody may have meant who named no known transport; always a value that would be accepted.
fn meant(text: &str) -> Option<String> {
    let name_end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .unwrap_or(text.len());
    let (lead, tail) = text.split_at(name_end);
    let lead = lead.to_ascii_lowercase();
    let (name, hop) = if CLIENT_NAMES.contains(&lead.as_str()) && tail.starts_with(['[', ';', ' ']) {
        (lead.as_str(), tail.trim_start_matches([';', ' ', ':']))
    } else if MEANT_AS_SMTP.contains(&lead.as_str()) {
        // Port 465 wants TLS from the first byte, which smtp(8) does not speak unless it is set up for that.
        ("smtp", tail.trim_start_matches(':').trim_end_matches(":465"))
    } else if names_a_host(text, &lead, tail) {
        ("", text)
    } else {
        return None;
    };
    if hop.is_empty() {
        return Some(format!("{name}:"));
    }
    let as_typed = hop.starts_with('[').then(|| nexthop(name, hop).ok()).flatten();
    let hop = as_typed.or_else(|| nexthop(name, &meant_hop(hop, true)?).ok())?;
    Some(format!("{name}:{hop}"))
}

/// Whether a value with an unknown name looks like a host without the colon in front.
fn names_a_host(text: &str, lead: &str, tail: &str) -> bool {
    let port = tail
        .strip_prefix(':')
        .is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    tail.is_empty() || port || text.starts_with('[') || lead.contains('.') || text.parse::<Ipv6Addr>().is_ok()
}

/// Text of a reply: error(8) and discard(8) send or log it.
fn reply_text(text: &str, reply: &str) -> Result<String, Fault> {
    if is_printable_ascii(reply) {
        return Ok(reply.to_owned());
    }
    Err(Fault::new(format!(
        "{} has a letter outside ASCII. Postfix sends this text in an SMTP reply, which may hold printable \
         ASCII only (RFC 5321 4.2). Write it in unaccented letters.",
        quote(text)
    )))
}

/// The next hop of virtual, local, a pipe or one of the server's own services. Only SMTP clients know
/// brackets, so a value with brackets is held to their rules: the service may be a copy of smtp(8).
fn other_nexthop(name: &str, rest: &str) -> Result<String, Fault> {
    if rest.contains(['[', ']']) {
        return nexthops(name, rest).map_err(|problem| problem.refuse(name, rest));
    }
    if is_printable_ascii(rest) && !rest.contains(' ') {
        return Ok(rest.to_owned());
    }
    Err(Fault::new(format!(
        "{} has a space or a letter outside ASCII after the colon. Postfix hands that part to the program as \
         one argument, which would not be what was meant. Write `{name}:`, or one word of plain letters \
         after it.",
        quote(&format!("{name}:{rest}"))
    )))
}

/// What is wrong with a next hop.
struct Problem {
    /// Completes "`smtp:[h` ...".
    what: &'static str,
    /// What Postfix does with it.
    effect: Effect,
}

#[derive(Clone, Copy, PartialEq)]
enum Effect {
    /// The client dies, and no host is named that a better value could be made of.
    DiesWithoutHost,
    Dies,
    LooksUpService,
    Skips,
}

const fn dies(what: &'static str) -> Problem {
    Problem {
        what,
        effect: Effect::Dies,
    }
}

impl Problem {
    fn refuse(&self, name: &str, rest: &str) -> Fault {
        let client = if name == "lmtp" { "lmtp" } else { "smtp" };
        let effect = match self.effect {
            Effect::Dies | Effect::DiesWithoutHost => {
                let mail = match name {
                    "lmtp" => "all mail for LMTP".to_owned(),
                    _ if is_client(name) => "all outgoing mail".to_owned(),
                    _ => format!("all mail of `{name}`"),
                };
                format!("Postfix's {client} client dies on it and {mail} stops for a minute after each try.")
            }
            Effect::Skips => "Postfix skips the gap in silence, and a host may be missing.".to_owned(),
            Effect::LooksUpService => {
                "Postfix looks it up in /etc/services, and where it is missing the client dies and all \
                 outgoing mail stops; a number always works."
                    .to_owned()
            }
        };
        let mended = mended(name, rest).map(|value| quote(&value));
        let example = format!("`{name}:[mail.example.com]`");
        let write = match (self.effect, mended) {
            (Effect::DiesWithoutHost, None) if is_client(name) => {
                format!("Leave the field empty to follow the MX records, or write {example}.")
            }
            (_, Some(value)) => format!("Write {value}."),
            (_, None) => format!("Write a host, as in {example}."),
        };
        Fault::new(format!(
            "{} {}. {effect} {write}",
            quote(&format!("{name}:{rest}")),
            self.what
        ))
    }
}

/// The value with every next hop mended that is wrong, if all can be.
fn mended(name: &str, rest: &str) -> Option<String> {
    let items = rest.split(',').map(str::trim).filter(|item| !item.is_empty());
    let hops: Option<Vec<String>> = items
        .map(|item| {
            nexthop(name, item)
                .ok()
                .or_else(|| nexthop(name, &meant_hop(item, false)?).ok())
        })
        .collect();
    hops.filter(|hops| !hops.is_empty())
        .map(|hops| format!("{name}:{}", hops.join(",")))
}

/// A guess at the next hop that was meant, which the caller checks. Brackets are kept, or added where the
/// text can only mean one host; adding them elsewhere would change what the value does.
fn meant_hop(item: &str, with_brackets: bool) -> Option<String> {
    if item
        .get(..5)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("unix:"))
    {
        return None;
    }
    let place = item.rsplit_once("//").map_or(item, |(_, place)| place);
    let place = place.split('/').next().unwrap_or_default();
    let address = place.trim_matches(['[', ']', ' ']);
    if let Ok(address) = address.parse::<Ipv6Addr>() {
        return Some(format!("[{address}]"));
    }
    let has_colon = place.contains(':');
    let plain = place.replace(['[', ']', ':'], " ");
    let words: Vec<&str> = plain.split_whitespace().collect();
    let (host, port) = match words[..] {
        [host] => (host, None),
        [host, port] => {
            let number = service_port(port).or_else(|| port.parse().ok().filter(|&number| number > 0));
            // Two words without a colon or a port are two names, and either may be the one.
            if number.is_none() && !has_colon {
                return None;
            }
            (host, number)
        }
        _ => return None,
    };
    let host = host.trim_matches('.').replace("..", ".");
    let brackets = with_brackets || item.contains(['[', ']', '/']) || host.parse::<Ipv4Addr>().is_ok();
    let host = if brackets { format!("[{host}]") } else { host };
    Some(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

fn service_port(word: &str) -> Option<u16> {
    SERVICES
        .iter()
        .find(|(service, _)| service.eq_ignore_ascii_case(word))
        .map(|&(_, port)| port)
}

/// Parses a list of next hops; none at all means the MX records of each domain.
fn nexthops(name: &str, list: &str) -> Result<String, Problem> {
    if list.is_empty() {
        return Ok(String::new());
    }
    if list.chars().all(|c| c == ',' || c == ' ') {
        return Err(Problem {
            what: "names no host",
            effect: Effect::DiesWithoutHost,
        });
    }
    let hops: Result<Vec<String>, Problem> = list.split(',').map(|item| nexthop(name, item.trim())).collect();
    Ok(hops?.join(","))
}

fn nexthop(name: &str, item: &str) -> Result<String, Problem> {
    match item.split_once(':') {
        Some((kind, path)) if kind.eq_ignore_ascii_case("unix") => unix_socket(name, path),
        Some((kind, place)) if name == "lmtp" && kind.eq_ignore_ascii_case("inet") => {
            network_hop(place).map(|place| format!("inet:{place}"))
        }
        _ => network_hop(item),
    }
}

fn unix_socket(name: &str, path: &str) -> Result<String, Problem> {
    if name != "lmtp" {
        Err(dies(
            "names a socket, and only lmtp can use one, as in `lmtp:unix:private/dovecot-lmtp`",
        ))
    } else if path.is_empty() || path.contains([' ', '[', ']']) || !is_printable_ascii(path) {
        Err(dies(
            "has no usable path of a socket, such as `unix:private/dovecot-lmtp`",
        ))
    } else {
        Ok(format!("unix:{path}"))
    }
}

/// `[host]`, `[address]` or `host`, with an optional `:port`.
fn network_hop(item: &str) -> Result<String, Problem> {
    if item.is_empty() {
        return Err(Problem {
            what: "has nothing beside a comma, where a host belongs",
            effect: Effect::Skips,
        });
    }
    if item.contains('/') {
        return Err(dies("looks like a web address"));
    }
    if item.contains(char::is_whitespace) {
        return Err(dies("has a space inside"));
    }
    let (host, rest) = if let Some(inside) = item.strip_prefix('[') {
        let (inside, rest) = inside.split_once(']').ok_or(dies("lacks the closing bracket"))?;
        (format!("[{}]", bracketed(inside)?), rest)
    } else if item.contains(['[', ']']) {
        return Err(dies("has a bracket in the wrong place"));
    } else if item.parse::<Ipv6Addr>().is_ok() {
        return Err(dies("has an IPv6 address without brackets"));
    } else {
        let (host, rest) = item.split_at(item.find(':').unwrap_or(item.len()));
        (unbracketed(host)?, rest)
    };
    match rest.strip_prefix(':') {
        Some(port) => Ok(format!("{host}:{}", port_number(port)?)),
        None if rest.is_empty() => Ok(host),
        None => Err(dies("goes on after the closing bracket without a colon")),
    }
}

fn bracketed(inside: &str) -> Result<String, Problem> {
    let tagged = inside
        .get(..5)
        .filter(|tag| tag.eq_ignore_ascii_case("ipv6:"))
        .map(|tag| &inside[tag.len()..]);
    if let Ok(address) = tagged.unwrap_or(inside).parse::<Ipv6Addr>() {
        return Ok(format!("IPv6:{address}"));
    }
    match inside {
        "" => Err(Problem {
            what: "names no host",
            effect: Effect::DiesWithoutHost,
        }),
        _ if tagged.is_some() || inside.matches(':').count() > 1 => Err(dies("has a malformed IPv6 address")),
        _ if inside.contains(':') => Err(dies("has the port inside the brackets")),
        host => host_name(host),
    }
}

fn unbracketed(host: &str) -> Result<String, Problem> {
    if host.is_empty() {
        return Err(Problem {
            what: "names a port but no host",
            effect: Effect::DiesWithoutHost,
        });
    }
    host_name(host)
}

/// A host name as Postfix's `valid_hostname()` takes it, underscores included, or an IPv4 address.
fn host_name(host: &str) -> Result<String, Problem> {
    if !host.is_ascii() {
        return match DomainName::parse(host) {
            Ok(name) => Ok(name.as_str().to_owned()),
            Err(_) => Err(dies(
                "has an international host name that cannot be written in ASCII",
            )),
        };
    }
    let host = host.to_ascii_lowercase();
    let labels = || host.split('.');
    let what = if host.ends_with('.') {
        "has a host that ends in a dot"
    } else if labels().any(str::is_empty) {
        "has a host with a dot too many"
    } else if !host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        "has a character that no host name has"
    } else if labels().any(|label| label.starts_with('-') || label.ends_with('-')) {
        "has a host with a hyphen at the start or end of a part"
    } else if labels().any(|label| label.len() > 63) || host.len() > 253 {
        "has a host name that is too long for DNS (63 characters between dots, 253 in all)"
    } else if labels()
        .next_back()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
        && host.parse::<Ipv4Addr>().is_err()
    {
        "has a number where a host name or a whole IPv4 address belongs"
    } else {
        return Ok(host);
    };
    Err(dies(what))
}

fn port_number(port: &str) -> Result<u16, Problem> {
    let is_digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number) if is_digits && number > 0 => Ok(number),
        _ if is_digits => Err(dies("has a port that is not between 1 and 65535")),
        _ if port.is_empty() => Err(dies("ends in a colon without a port")),
        _ if service_port(port).is_some() => Err(Problem {
            what: "names the port by a word",
            effect: Effect::LooksUpService,
        }),
        _ => Err(dies("has a port that is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(input: &str) -> Result<Transport, Fault> {
        Transport::parse(input, &["slow".to_owned(), "Archive".to_owned()])
    }

    #[test]
    fn what_postfix_understands_is_stored_in_one_form() {
        let cases = [
            ("", ""),
            (" \n", ""),
            (":", ":"),
            (": ", ":"),
            ("smtp:", "smtp:"),
            ("virtual:", "virtual:"),
            ("Virtual", "virtual:"),
            ("local", "local:"),
            ("discard", "discard:"),
            (":[mail.friend.example]", ":[mail.friend.example]"),
            (" smtp:[h]", "smtp:[h]"),
            ("SMTP:[H]\n", "smtp:[h]"),
            ("smtp: [h]", "smtp:[h]"),
            ("smtp :[h]", "smtp:[h]"),
            ("smtp:Mail.Friend.Example", "smtp:mail.friend.example"),
            ("relay:[h]:0587", "relay:[h]:587"),
            ("smtp:h:2525", "smtp:h:2525"),
            ("smtp:[a] , [b]:26,c", "smtp:[a],[b]:26,c"),
            (":[10.0.0.1]:25", ":[10.0.0.1]:25"),
            (":[2001:DB8:0:0::1]", ":[IPv6:2001:db8::1]"),
            (":[ipv6:2001:db8::1]:26", ":[IPv6:2001:db8::1]:26"),
            (":[mail_friend.example]", ":[mail_friend.example]"),
            (":[Bücher.example]:25", ":[xn--bcher-kva.example]:25"),
            ("lmtp:UNIX:private/Dovecot-lmtp", "lmtp:unix:private/Dovecot-lmtp"),
            ("lmtp:inet:Host:24", "lmtp:inet:host:24"),
            ("lmtp:inet:127.0.0.1:24", "lmtp:inet:127.0.0.1:24"),
            ("lmtp:inet:[::1]:24", "lmtp:inet:[IPv6:::1]:24"),
            ("lmtp:[127.0.0.1]:24", "lmtp:[127.0.0.1]:24"),
            (
                "Error: 5.1.1 No such User, sorry",
                "error:5.1.1 No such User, sorry",
            ),
            ("retry:4.2.1 Later", "retry:4.2.1 Later"),
            ("discard:silently", "discard:silently"),
            ("dovecot:", "dovecot:"),
            ("maildrop:${User}@x", "maildrop:${User}@x"),
            ("slow:[H]:26", "slow:[h]:26"),
            ("Slow:", "slow:"),
            ("archive:X", "Archive:X"),
            ("Archive:", "Archive:"),
        ];
        for (input, stored) in cases {
            let transport = parse(input).unwrap_or_else(|fault| panic!("{input:?}: {fault}"));
            assert_eq!(transport.as_str(), stored, "{input:?}");
            assert_eq!(transport.to_string(), stored);
            assert_eq!(parse(stored), Ok(transport), "{stored:?} again");
        }
    }

    #[test]
    fn the_howto_default_is_refused_word_for_word() {
        let fault = parse(":[]").expect_err("stops outgoing mail");
        assert_eq!(
            fault.message(),
            "`:[]` names no host. Postfix's smtp client dies on it and all outgoing mail stops for a minute \
             after each try. Leave the field empty to follow the MX records, or write \
             `:[mail.example.com]`."
        );
    }

    /// The part of the message that says what to write; a value in it must itself be accepted.
    fn advice(input: &str, fact: &str) -> String {
        let fault = parse(input).map(|value| value.to_string()).expect_err(input);
        assert!(
            fault.message().contains(fact),
            "{input:?} lacks {fact:?}: {fault}"
        );
        let (_, advice) = fault
            .message()
            .split_once(" write `")
            .or(fault.message().split_once(" Write `"))
            .unwrap_or(("", ""));
        let value = advice.split('`').next().unwrap_or_default();
        assert!(
            parse(value).is_ok(),
            "{input:?} advises {value:?}, which is refused: {fault}"
        );
        value.to_owned()
    }

    #[test]
    fn what_kills_the_smtp_client_is_refused_with_a_value_that_works() {
        let cases = [
            ("smtp:[]", "smtp:[mail.example.com]"),
            ("relay:[ ]", ""),
            ("smtp:[h", "smtp:[h]"),
            ("smtp:h]", "smtp:[h]"),
            ("smtp:[h]25", "smtp:[h]:25"),
            ("smtp:[h:25]", "smtp:[h]:25"),
            ("smtp:[ h ]", "smtp:[h]"),
            ("smtp:[a b]", ""),
            ("smtp::25", "smtp:[mail.example.com]"),
            ("::25", ":[mail.example.com]"),
            ("smtp:[h]:25:", "smtp:[h]:25"),
            ("smtp:[h]:", "smtp:[h]"),
            ("smtp:[h]:smpt", "smtp:[h]"),
            ("smtp:[h]:+25", "smtp:[h]:25"),
            ("smtp:[h]:0", "smtp:[h]"),
            ("smtp:[h]:99999", "smtp:[h]"),
            ("smtp://h", "smtp:[h]"),
            ("smtp:http://h", "smtp:[h]"),
            ("smtp:http://h:26/x", "smtp:[h]:26"),
            ("smtp:[-bad.com]", ""),
            ("smtp:[256.1.1.1]", ""),
            ("smtp:[1.2.3]", ""),
            ("smtp:[a..b]", "smtp:[a.b]"),
            ("smtp:[h.]", "smtp:[h]"),
            ("smtp:h.", "smtp:h"),
            ("smtp:[a*b]", ""),
            ("smtp:[2001:db8::zz]", ""),
            ("smtp:[IPv6:h]", ""),
            ("smtp:2001:db8::1", "smtp:[IPv6:2001:db8::1]"),
            ("smtp:,", "smtp:[mail.example.com]"),
            ("smtp:[a],[b]25,c", "smtp:[a],[b]:25,c"),
            (":[xn--é.example]", ""),
            ("smtp:unix:private/x", ""),
        ];
        for (input, write) in cases {
            let write_found = advice(
                input,
                "Postfix's smtp client dies on it and all outgoing mail stops",
            );
            if !write.is_empty() {
                assert_eq!(write_found, write, "{input:?}");
            }
        }
        assert_eq!(advice("lmtp:unix:", "Postfix's lmtp client dies"), "");
        assert_eq!(advice("slow:[h", "all mail of `slow` stops"), "slow:[h]");
        advice("slow:[]", "names no host");
        let label = format!("smtp:[{}.example]", "a".repeat(64));
        advice(&label, "too long for DNS");
    }

    #[test]
    fn what_names_no_transport_is_refused_with_a_value_that_works() {
        let cases = [
            ("smtp[h]", "smtp:[h]"),
            ("smtp[h]:26", "smtp:[h]:26"),
            ("smtp;[h]", "smtp:[h]"),
            ("smtp [h]", "smtp:[h]"),
            ("[h]", ":[h]"),
            ("[h]25", ":[h]:25"),
            ("[h]:25", ":[h]:25"),
            ("h", ":[h]"),
            ("mail.friend.example:26", ":[mail.friend.example]:26"),
            ("10.0.0.1", ":[10.0.0.1]"),
            ("2001:db8::1", ":[IPv6:2001:db8::1]"),
            ("[2001:db8::1]:25", ":[IPv6:2001:db8::1]:25"),
            ("smtp[::1]:26", "smtp:[IPv6:::1]:26"),
            ("esmtp:", "smtp:"),
            ("smtps:", "smtp:"),
            ("smtps:[h]:465", "smtp:[h]"),
            ("http://h", "smtp:[h]"),
            ("hold:", "smtp:[mail.example.com]"),
            ("[]", "smtp:[mail.example.com]"),
        ];
        for (input, write) in cases {
            assert_eq!(advice(input, "mail transport unavailable"), write, "{input:?}");
        }
        for part in [
            "`esmtp`",
            "smtp, relay, lmtp, virtual",
            "slow, Archive",
            "mail.transports",
            "days",
        ] {
            advice("esmtp:[h]", part);
        }
        assert!(
            Transport::parse("slow:", &[]).is_err(),
            "known only through the setting"
        );
    }

    #[test]
    fn a_bare_name_that_needs_more_is_refused_with_what_it_needs() {
        let cases = [
            ("smtp", "smtp:[mail.example.com]"),
            ("error", "error:5.1.1 No such domain here"),
            ("retry", "retry:4.2.1 Try again later"),
            ("dovecot", "dovecot:"),
            ("archive", "Archive:"),
        ];
        for (input, write) in cases {
            assert_eq!(advice(input, "has no colon"), write, "{input:?}");
        }
    }

    #[test]
    fn stricter_rules_than_postfix_say_so() {
        let cases = [
            ("smtp:[h]:smtp", "/etc/services", "smtp:[h]:25"),
            ("smtp:h:submission", "/etc/services", "smtp:h:587"),
            ("smtp:[h]:SMTPS", "/etc/services", "smtp:[h]:465"),
            (":[h]:submissions", "/etc/services", ":[h]:465"),
            ("lmtp:[h]:lmtp", "/etc/services", "lmtp:[h]:24"),
            ("smtp:[a],", "skips the gap", "smtp:[a]"),
            ("dovecot:a b", "one argument", "dovecot:"),
            ("smtp:a\u{200b}b", "U+200B", ""),
            ("error:5.1.1 fermé", "printable ASCII", ""),
        ];
        for (input, fact, write) in cases {
            assert_eq!(advice(input, fact), write, "{input:?}");
        }
    }

    #[test]
    fn the_transport_name_says_who_delivers() {
        for (input, name, local) in [
            ("", "", false),
            (":[h]", "", false),
            ("virtual", "virtual", true),
            ("local:", "local", true),
            ("smtp:", "smtp", false),
        ] {
            let transport = parse(input).expect(input);
            assert_eq!(
                (transport.transport_name(), transport.is_local_delivery()),
                (name, local),
                "{input:?}"
            );
        }
    }

    #[test]
    fn what_may_surprise_is_cautioned() {
        let cases: &[(&str, &[(bool, &str)])] = &[
            ("", &[]),
            ("smtp:", &[]),
            (":[h]", &[]),
            (
                "smtp:mail.friend.example:26",
                &[(false, "Write `[mail.friend.example]`")],
            ),
            ("smtp:10.0.0.1", &[(false, "Write `[10.0.0.1]`")]),
            ("lmtp:h:24", &[]),
            ("lmtp:[127.0.0.1]", &[]),
            ("lmtp:unix:a_b", &[]),
            ("lmtp:inet:a_b:24", &[(false, "underscore")]),
            (":[127.0.0.1]", &[(true, "5.4.6")]),
            (":[localhost]:25", &[(true, "5.4.6")]),
            ("relay:[::1]", &[(true, "5.4.6")]),
            (":[127.0.0.1]:10025", &[]),
            (":[127.0.0.2]", &[(true, "5.4.6")]),
            (":[0.0.0.0]:25", &[(true, "5.4.6")]),
            (":[128.0.0.1]", &[]),
            ("discard", &[(true, "vanishes")]),
            ("discard:x", &[(true, "vanishes")]),
            (
                "smtp:[aspmx.l.google.com]:587",
                &[(true, "Remove the port: write `smtp:[aspmx.l.google.com]`.")],
            ),
            (
                ":[x.mail.protection.outlook.com]:465",
                &[(true, "Remove the port")],
            ),
            ("smtp:[googlemail.com]:587", &[(true, "Remove the port")]),
            ("smtp:[aspmx.l.google.com]", &[]),
            ("smtp:[aspmx.l.google.com]:25", &[]),
            ("smtp:[notgoogle.com]:587", &[]),
            (":[mail_friend.example]", &[(false, "underscore")]),
            ("smtp:[a],b,[127.0.0.1]", &[(false, "`[b]`"), (true, "5.4.6")]),
            ("dovecot:a_b", &[]),
        ];
        for (input, expected) in cases {
            let cautions = parse(input).expect(input).cautions();
            assert_eq!(cautions.len(), expected.len(), "{input:?}: {cautions:?}");
            for (caution, (confirm, part)) in cautions.iter().zip(*expected) {
                assert_eq!(caution.confirm, *confirm, "{input:?}");
                assert!(
                    caution.message.contains(part),
                    "{input:?} lacks {part:?}: {}",
                    caution.message
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_typed_makes_a_transport_panic(input in any::<String>()) {
            if let Ok(transport) = parse(&input) {
                prop_assert_eq!(parse(transport.as_str()), Ok(transport));
            }
        }

        #[test]
        fn a_stored_transport_parses_to_itself(
            input in concat!("(smtp|SMTP|relay|lmtp|error|Slow|archive|virtual|h)?[: ]{0,2}(unix:|inet:)?",
                "(\\[?(IPv6:)?[a-zA-Z0-9é:._-]{0,6}\\]?(:[0-9]{0,3})?[, ]{0,2}){1,2}")
        ) {
            if let Ok(transport) = parse(&input) {
                let _ = transport.cautions();
                prop_assert_eq!(parse(transport.as_str()), Ok(transport));
            }
        }
    }
}
