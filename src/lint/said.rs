//! Where else a rule's finding is said, so that nobody is told the same twice, and when it is better told later.

/// About one value by itself: where the row would be refused as it stands, the refusal has said it.
const BY_THE_REFUSAL: &[&str] = &[
    "PW101", "PW102", "PW103", "PW104", "PW105", "PW106", "PW107", "PW108", "PW111", "PW114", "PW122",
    "PW126", "PW127", "PW131", "PW133", "PW136", "PW141", "PW142", "PW149", "PW150", "PW151", "PW152",
    "PW157", "PW164", "PW166", "PW167",
];

/// About a row by itself, or about mailboxes and lists with what is planned beside them: whoever saves is told by the form,
/// as a refusal, a caution or a question.
const BY_THE_FORM: &[&str] = &[
    "PW101", "PW102", "PW103", "PW104", "PW106", "PW107", "PW108", "PW113", "PW114", "PW115", "PW122",
    "PW126", "PW127", "PW128", "PW129", "PW131", "PW132", "PW133", "PW134", "PW135", "PW136", "PW137",
    "PW139", "PW141", "PW142", "PW143", "PW145", "PW147", "PW150", "PW151", "PW152", "PW157", "PW164",
    "PW165", "PW166", "PW167", "PW168", "PW202", "PW203", "PW204", "PW205", "PW207", "PW208", "PW223",
    "PW225", "PW226", "PW228", "PW229", "PW230", "PW231", "PW232", "PW233", "PW234",
];

/// About a row beside the one that is saved, which the form of a mailbox speaks of.
const BY_THE_FORM_OF_ANOTHER: &[&str] = &["PW140"];

/// About a step that is still to come, such as the relay recipients of a backup MX entry, about what may be meant so, or about
/// a row that has no effect: told after a save rather than asked about before it.
const STILL_TO_COME: &[&str] = &[
    "PW116", "PW118", "PW121", "PW123", "PW155", "PW159", "PW160", "PW206",
];

/// Whether the refusal of such a row says what this rule finds.
#[must_use]
pub fn is_said_by_the_refusal(rule: &str) -> bool {
    BY_THE_REFUSAL.contains(&rule)
}

/// Whether the form says what this rule finds in the row that is saved, or in one beside it.
#[must_use]
pub fn is_said_by_the_form(rule: &str, is_own: bool) -> bool {
    BY_THE_FORM.contains(&rule) || (!is_own && BY_THE_FORM_OF_ANOTHER.contains(&rule))
}

/// Whether what this rule finds may be mended by the next step.
#[must_use]
pub fn is_still_to_come(rule: &str) -> bool {
    STILL_TO_COME.contains(&rule)
}

#[cfg(test)]
mod tests {
    use super::super::rule;
    use super::*;

    #[test]
    fn the_rules_that_are_named_exist_and_stand_in_order() {
        for list in [BY_THE_REFUSAL, BY_THE_FORM, BY_THE_FORM_OF_ANOTHER, STILL_TO_COME] {
            assert!(list.is_sorted());
            for id in list {
                assert!(rule(id).is_some(), "{id}");
            }
        }
    }

    #[test]
    fn no_rule_is_both_said_by_the_form_and_told_later() {
        assert!(!STILL_TO_COME.iter().any(|rule| is_said_by_the_form(rule, false)));
    }
}
