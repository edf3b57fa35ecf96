//! The refusals and cautions of checked values, as findings.

use super::Finding;
use crate::mail::{Caution, Fault};

/// The words a sentence begins with that says what to do.
const VERBS: [&str; 10] = [
    "Write",
    "Leave",
    "Name",
    "Remove",
    "Check",
    "Take",
    "Shorten",
    "Delete",
    "Give",
    "To refuse",
];

impl From<&Fault> for Finding {
    fn from(fault: &Fault) -> Self {
        split(fault.message())
    }
}

impl From<&Caution> for Finding {
    fn from(caution: &Caution) -> Self {
        split(&caution.message)
    }
}

/// Parts what is wrong from what to do, which such texts say last.
fn split(text: &str) -> Finding {
    let advice = VERBS
        .iter()
        .filter_map(|verb| text.find(&format!(". {verb} ")))
        .min();
    match advice {
        Some(end) => Finding::new(&text[..=end], &text[end + 2..]),
        None => Finding::new(text, "Save the row again: the form says what to write."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{AddressPattern, DomainName, MailAddress, Transport};

    #[test]
    fn what_a_checked_value_says_is_parted_into_what_is_wrong_and_what_to_do() {
        let fault = Transport::parse(":[]", &[]).expect_err("stops outgoing mail");
        let finding = Finding::from(&fault);
        assert_eq!(
            finding.message,
            "`:[]` names no host. Postfix's smtp client dies on it and all outgoing mail stops for a minute after \
             each try."
        );
        assert_eq!(
            finding.fix,
            "Leave the field empty to follow the MX records, or write `:[mail.example.com]`."
        );
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let addresses = [
            "a b@c.example",
            "joe@",
            "\"a\"@b.example",
            "-a@b.example",
            "a..b@c.example",
            "#x",
            "|x",
        ];
        let domains = ["", "a..b", "-a.example", "a_b.example", "1.2.3.4", "xn--é", "a[b"];
        let transports = [
            "hold:",
            "smtp",
            "smtp:[h",
            "smtp:,",
            "smtp:[h]:smtp",
            "error:é",
            "dovecot:a b",
        ];
        let faults = (addresses.iter().map(|text| MailAddress::parse(text).err()))
            .chain(addresses.iter().map(|text| AddressPattern::parse(text).err()))
            .chain(domains.iter().map(|text| DomainName::parse(text).err()))
            .chain(transports.iter().map(|text| Transport::parse(text, &[]).err()));
        for fault in faults {
            let fault = fault.expect("refused");
            let finding = Finding::from(&fault);
            assert!(!finding.fix.starts_with("Save the row"), "{fault}");
            assert_eq!(format!("{} {}", finding.message, finding.fix), fault.message());
        }
        for value in ["discard:", "smtp:h_x", ":[127.0.0.1]", "smtp:[x.google.com]:587"] {
            for caution in Transport::parse(value, &[]).expect(value).cautions() {
                assert!(
                    !Finding::from(&caution).fix.starts_with("Save the row"),
                    "{value}"
                );
            }
        }
    }
}
