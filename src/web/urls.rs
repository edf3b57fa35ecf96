//! Addresses within the panel. Everything that writes a link goes through [`Urls`], which knows the base path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::access::passkey::RelyingParty;

/// What stays as it is in a path segment (RFC 3986, `unreserved`, and `@`).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@');

/// Keys that would collide with pages of the same name.
const RESERVED: &[&str] = &[
    "",
    "new",
    "bulk",
    "import",
    "export.csv",
    "export.json",
    "export.sql",
];

/// Longest path a person is sent back to, in bytes; encoded it may be three times that. Apache takes headers of 8190 bytes.
const LONGEST: usize = 2500;

/// The panel's own addresses.
#[derive(Debug, Clone)]
pub struct Urls {
    base: String,
    public: Url,
}

impl Urls {
    /// Addresses below the panel's public address, whose path ends in `/`.
    pub fn new(public: Url) -> Self {
        Self {
            base: public.path().trim_end_matches('/').to_owned(),
            public,
        }
    }

    /// The base path without its final slash: empty at the root of a host.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A page, given as `/aliases?q=x`.
    pub fn page(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The page of a row.
    pub fn row(&self, slug: &str, key: &str) -> String {
        format!("{}/{slug}/{}", self.base, segment(key))
    }

    /// The origin browsers name when they post to the panel.
    pub fn origin(&self) -> String {
        self.public.origin().ascii_serialization()
    }

    /// The host people know the panel by, with its port where that is not the usual one.
    pub fn host(&self) -> String {
        let host = self.public.host_str().unwrap_or_default();
        let port = self.public.port().map(|port| format!(":{port}"));
        host.to_owned() + &port.unwrap_or_default()
    }

    /// The panel as authenticators know it; `None` where browsers have no passkeys.
    pub fn relying_party(&self) -> Option<RelyingParty> {
        RelyingParty::of(&self.public)
    }

    /// Whether a Host header names the panel's public host and port.
    pub fn is_host(&self, host: &str) -> bool {
        Url::parse(&format!("{}://{host}/", self.public.scheme()))
            .is_ok_and(|named| named.origin() == self.public.origin())
    }

    /// Whether the panel is reached over https.
    pub fn is_https(&self) -> bool {
        self.public.scheme() == "https"
    }

    /// The path a person may be sent back to: one of the panel's own, as a browser would read it, and no longer than
    /// proxies take.
    pub fn own(&self, target: &str) -> Option<String> {
        let plain =
            target.starts_with('/') && target.len() <= LONGEST && !target.contains(['\\', '\n', '\r', '\t']);
        let joined = self.public.join(target).ok().filter(|_| plain)?;
        let below = joined.path() == self.base || joined.path().starts_with(&format!("{}/", self.base));
        // `/.//evil.example` joins to a path that a browser would take for another host.
        if joined.origin() != self.public.origin() || !below || joined.path().starts_with("//") {
            return None;
        }
        Some(joined.query().map_or_else(
            || joined.path().to_owned(),
            |query| format!("{}?{query}", joined.path()),
        ))
    }
}

/// Whether a segment would be taken for a page or a directory, or is read as such a key with a `~` in front.
fn is_taken(segment: &str) -> bool {
    let bare = segment.trim_start_matches('~');
    // Browsers take `.` and `..` for directories, percent-encoded too (URL Standard, "single-dot path segment").
    RESERVED.contains(&bare) || matches!(bare, "." | "..")
}

/// A key as a path segment: percent-encoded, with a `~` in front where it would be taken for something else.
pub fn segment(key: &str) -> String {
    let tilde = if is_taken(key) { "~" } else { "" };
    format!("{tilde}{}", utf8_percent_encode(key, SEGMENT))
}

/// The key of a decoded path segment.
pub fn key(segment: &str) -> &str {
    let bare = segment.strip_prefix('~');
    bare.filter(|bare| is_taken(bare)).unwrap_or(segment)
}

/// A query string from names and values; empty values are left out.
pub fn query(pairs: &[(&str, &str)]) -> String {
    let mut out = form_urlencoded::Serializer::new(String::new());
    let mut any = false;
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        out.append_pair(name, value);
        any = true;
    }
    if any {
        format!("?{}", out.finish())
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(public: &str) -> Urls {
        Urls::new(Url::parse(public).expect("an address"))
    }

    #[test]
    fn people_are_only_sent_back_to_the_panel_itself() {
        let root = at("https://panel.example/");
        assert_eq!(root.own("/aliases?q=x").as_deref(), Some("/aliases?q=x"));
        for elsewhere in [
            "//evil.example/",
            "https://evil.example/",
            "/\\evil.example",
            "/.//evil.example/x",
            "/x/..//evil.example",
            "/%2e//evil.example",
            "/\t/evil.example",
            "/\t//evil.example",
            "///evil.example",
            "////evil.example",
            "//evil.example%2f..",
            "//evil.example/..",
            "//user@evil.example",
            "//panel.example:444/",
            "/\\/evil.example",
            "/%2e%2e//evil.example",
            "//\u{3002}evil.example",
            "//panel.example@evil.example",
            " //evil.example",
            "\0//evil.example",
            "javascript:alert(1)",
            "?q=x",
            "",
            "aliases",
            &format!("/{}", "x".repeat(2500)),
        ] {
            assert_eq!(root.own(elsewhere), None, "{elsewhere}");
        }
        // These look as if they led elsewhere.
        for (typed, here) in [
            ("/%5cevil.example", "/%5cevil.example"),
            ("/%2f/evil.example", "/%2f/evil.example"),
            ("/@evil.example", "/@evil.example"),
            ("/:80/evil.example", "/:80/evil.example"),
            ("/\u{ff0f}evil.example", "/%EF%BC%8Fevil.example"),
            ("/\u{2044}/evil.example", "/%E2%81%84/evil.example"),
            ("/\u{b}/evil.example", "/%0B/evil.example"),
            ("/\0/evil.example", "/%00/evil.example"),
            ("/ //evil.example", "/%20//evil.example"),
            ("/x?next=//evil.example", "/x?next=//evil.example"),
            ("/x#//evil.example", "/x"),
            ("//panel.example/aliases", "/aliases"),
        ] {
            assert_eq!(root.own(typed).as_deref(), Some(here), "{typed:?}");
        }
        let below = at("https://panel.example/postwarden/");
        assert_eq!(
            below.own("/postwarden/aliases").as_deref(),
            Some("/postwarden/aliases")
        );
        assert_eq!(below.own("/wiki"), None);
        assert_eq!(below.own("/postwarden/../wiki"), None);
        assert_eq!(below.own("/postwarden/%2e%2e/wiki"), None);
        assert_eq!(below.own("/postwarden//../../wiki"), None);
        assert_eq!(below.own("/postwardens"), None);
    }

    #[test]
    fn every_key_survives_the_way_through_an_address() {
        for name in [
            "12",
            "a/b",
            "a?b#c%",
            "",
            "new",
            "~new",
            "~~new",
            "~new@x.example",
            "~",
            "~~",
            ".",
            "..",
            "ü",
            "bulk",
            "export.sql",
            "joe@x.example",
        ] {
            let encoded = segment(name);
            assert!(!encoded.contains('/') && !encoded.is_empty(), "{encoded}");
            let page = Url::parse(&format!("https://panel.example/users/{encoded}")).expect("an address");
            assert_eq!(
                page.path(),
                format!("/users/{encoded}"),
                "no directory to a browser"
            );
            let decoded = percent_encoding::percent_decode_str(&encoded)
                .decode_utf8()
                .expect("UTF-8");
            assert_eq!(key(&decoded), name);
        }
    }
}
