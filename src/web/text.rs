//! Texts as people read them.

use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

pub use crate::mail::number;
use crate::mail::{DomainName, visible};
use crate::store::Total;

/// A stored text with everything invisible in it made visible.
pub fn plain(stored: &str) -> String {
    visible(stored).into_owned()
}

/// A message as HTML: escaped, with what stands in backticks as `<code>`. A value that holds a backtick itself is escaped
/// like all else; at worst the code ends early.
pub fn marked(message: &str) -> String {
    linked(message, |_| None)
}

/// The same, with addresses of mail in backticks as links to where `page` says.
pub fn linked(message: &str, page: impl Fn(&str) -> Option<String>) -> String {
    let mut html = String::with_capacity(message.len() + 32);
    for (i, part) in message.split('`').enumerate() {
        if i % 2 == 0 {
            escape(part, &mut html);
            continue;
        }
        let link = Some(part).filter(|part| is_plain_address(part)).and_then(&page);
        if let Some(link) = &link {
            html.push_str("<a href=\"");
            escape(link, &mut html);
            html.push_str("\">");
        }
        html.push_str("<code>");
        // Only quoted values can be odd; the sentences around them have spaces at their ends on purpose.
        escape(&visible(part), &mut html);
        html.push_str("</code>");
        if link.is_some() {
            html.push_str("</a>");
        }
    }
    html
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

/// Whether a quoted text is one address and nothing else: not a reply that names one, a directory or a pattern.
fn is_plain_address(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || ",;:<>\"[]()\\%/".contains(c);
    is_address(text) && !text.contains(is_odd)
}

/// Whether a text may be one whole address, for which mail can be followed.
pub fn is_address(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// The beginning of a long text: what is quoted back in a notice need not be the whole.
pub fn short(text: &str) -> String {
    const MOST: usize = 160;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The first sentence of a message: enough for a summary whose links lead to the whole.
pub fn first_sentence(message: &str) -> &str {
    message.find(". ").map_or(message, |end| &message[..=end])
}

/// The Unicode form of a subject with a punycode domain; `None` where it is the same.
pub fn unicode(subject: &str) -> Option<String> {
    if !subject.contains("xn--") {
        return None;
    }
    let (local, domain) = subject
        .rsplit_once('@')
        .map_or(("", subject), |(local, domain)| (local, domain));
    let domain = DomainName::parse(domain).ok()?.unicode()?;
    Some(if subject.contains('@') {
        format!("{local}@{domain}")
    } else {
        domain
    })
}

/// How many rows there are, with the right noun.
pub fn total(total: Total, one: &str, many: &str) -> String {
    match total {
        Total::Exactly(1) => format!("1 {one}"),
        Total::Exactly(n) => format!("{} {many}", number(n)),
        Total::MoreThan(n) => format!("more than {} {many}", number(n)),
    }
}

/// A moment, UTC, to the second.
pub fn moment(at: PrimitiveDateTime) -> String {
    at.format(format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second]"
    ))
    .unwrap_or_default()
}

/// The same of a moment with its offset.
pub fn instant(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    moment(PrimitiveDateTime::new(at.date(), at.time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_escaped_whatever_stands_in_backticks() {
        assert_eq!(
            marked("`<b>` & `a"),
            "<code>&lt;b&gt;</code> &amp; <code>a</code>"
        );
        assert_eq!(marked("`a ` is b."), "<code>a⟨space⟩</code> is b.");
        assert_eq!(marked("\"x\" 'y'"), "&quot;x&quot; &#39;y&#39;");
    }

    #[test]
    fn an_address_in_backticks_becomes_a_link_and_nothing_else_does() {
        let page = |address: &str| Some(format!("/explain?a=\"{address}\"&b"));
        assert_eq!(
            linked("Mail for `joe@a.test` & `a.test`.", page),
            "Mail for <a href=\"/explain?a=&quot;joe@a.test&quot;&amp;b\"><code>joe@a.test</code></a> &amp; <code>a.test</code>."
        );
        for other in [
            "@a.test",
            "joe@",
            "joe",
            "550 5.1.1 <joe@a.test>",
            "joe@a.test,kim@a.test",
            "a.test/joe@a.test/",
            "smtp:joe@a.test",
        ] {
            let html = linked(&format!("See `{other}`."), page);
            assert!(!html.contains("<a "), "{html}");
            assert_eq!(html, marked(&format!("See `{other}`.")));
        }
    }

    #[test]
    fn a_punycode_domain_is_shown_in_unicode_too() {
        assert_eq!(
            unicode("info@xn--bcher-kva.example").as_deref(),
            Some("info@bücher.example")
        );
        assert_eq!(
            unicode("xn--bcher-kva.example").as_deref(),
            Some("bücher.example")
        );
        assert_eq!(unicode("bucher.example"), None);
    }
}
