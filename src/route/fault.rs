//! Why Postfix takes what was typed for no address.

use super::address::{domain, is_domain, read};

/// Which part of what was typed is no address, in a sentence.
pub(super) fn fault(typed: &str) -> String {
    let addresses = read(typed);
    let [address] = addresses.as_slice() else {
        return match addresses.len() {
            0 => "There is no address in it.".to_owned(),
            several => format!("It reads as {several} addresses, and `RCPT TO` takes one."),
        };
    };
    let domain = domain(address);
    let name = domain.strip_suffix('.').unwrap_or(domain);
    if domain.is_empty() {
        return "Nothing stands after the `@`: the domain is missing.".to_owned();
    }
    if is_domain(name) {
        return "Postfix does not take it for one.".to_owned();
    }
    if name.starts_with('[') {
        return "What stands in brackets after the `@` is empty, or the bracket is not closed.".to_owned();
    }
    if name.len() > 255 {
        return format!("The domain has {} characters, and 255 is the most.", name.len());
    }
    name.split('.')
        .find_map(label_fault)
        .unwrap_or_else(|| "A domain of digits alone is none.".to_owned())
}

/// What is wrong with a part of a domain.
fn label_fault(label: &str) -> Option<String> {
    let is_odd = |c: &char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_".contains(*c);
    if label.is_empty() {
        Some("The domain has a dot too many: two in a row, or one at an end.".to_owned())
    } else if let Some(odd) = label.chars().find(is_odd) {
        Some(format!("`{odd}` cannot stand in a domain."))
    } else if label.len() > 63 {
        let start: String = label.chars().take(12).collect();
        Some(format!(
            "The part of the domain that begins with `{start}` has {} characters, and 63 is the most.",
            label.len()
        ))
    } else if label.starts_with('-') || label.ends_with('-') {
        Some(format!("`{label}` in the domain begins or ends with a hyphen."))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::fixture::Tables;

    #[test]
    fn what_is_no_address_is_told_by_the_part_that_is_wrong() {
        for (typed, part) in [
            ("", "no address"),
            ("a b@d.test", "2 addresses"),
            ("joe@", "domain is missing"),
            ("joe@d..test", "dot too many"),
            ("joe@-d.test", "`-d`"),
            ("joe@d*d.test", "`*` cannot stand"),
            ("joe@1.2.3.4.5", "digits alone"),
            (
                &format!("joe@{}.test", "x".repeat(64)),
                "has 64 characters, and 63",
            ),
            (
                &format!("joe@{}test", "x.".repeat(130)),
                "264 characters, and 255",
            ),
        ] {
            let verdict = Verdict::of(&Tables::usual().explain(typed));
            assert_eq!(verdict.headline, "Refused: this is not an address", "{typed}");
            assert!(verdict.lines[0].contains(part), "{typed}: {:?}", verdict.lines);
        }
    }
}
