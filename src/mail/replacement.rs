//! Plain text that is found in stored values, and what stands in its place.

use super::{Fault, items_of};

/// What to find, and what to put in its place. Nothing in it is a pattern: `.` is a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    find: String,
    with: String,
    ignore_case: bool,
    whole: bool,
}

impl Replacement {
    /// Text to find and its replacement, which may be empty. With `whole` nothing is found inside of a longer address or
    /// word: `joe@a.example` is not in `xjoe@a.example`, and `@a.example` is in `joe@a.example` but not in
    /// `joe@a.example.org`.
    ///
    /// # Errors
    /// There is nothing to find.
    pub fn new(find: &str, with: &str, ignore_case: bool, whole: bool) -> Result<Self, Fault> {
        let find = find.trim();
        if find.is_empty() {
            return Err(Fault::new(
                "Write what to find: an address, `@old.example` for a domain in addresses, or any other text.",
            ));
        }
        Ok(Self {
            find: find.to_owned(),
            with: with.trim().to_owned(),
            ignore_case,
            whole,
        })
    }

    /// Everything that leads to one domain, led to another: `@old.example` by `@new.example`.
    #[must_use]
    pub fn of_domain(old: &str, new: &str) -> Self {
        Self {
            find: format!("@{old}"),
            with: format!("@{new}"),
            ignore_case: true,
            whole: true,
        }
    }

    /// What is found.
    #[must_use]
    pub fn find(&self) -> &str {
        &self.find
    }

    /// What stands in its place.
    #[must_use]
    pub fn with(&self) -> &str {
        &self.with
    }

    /// A text with everything found replaced; `None` where nothing is found.
    #[must_use]
    pub fn in_text(&self, text: &str) -> Option<String> {
        let mut replaced = String::with_capacity(text.len());
        let (mut rest, mut before, mut found) = (text, None, false);
        while let Some(first) = rest.chars().next() {
            if let Some(length) = self.at(rest, before) {
                found = true;
                replaced.push_str(&self.with);
                before = rest[..length].chars().next_back();
                rest = &rest[length..];
            } else {
                replaced.push(first);
                before = Some(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        found.then_some(replaced)
    }

    /// The same in each address of a stored list, in the case Postfix reads them in; those of which nothing is left are
    /// left out. `None` where nothing is found.
    #[must_use]
    pub fn in_list(&self, stored: &str) -> Option<String> {
        let mut found = false;
        let items: Vec<String> = items_of(stored)
            .into_iter()
            .map(|item| match self.in_text(&item) {
                Some(replaced) => {
                    found = true;
                    replaced
                }
                None => item,
            })
            .filter(|item| !item.is_empty())
            .collect();
        found.then(|| items.join(","))
    }

    /// How many bytes of a text, which stands behind `before`, are what is to be found.
    fn at(&self, text: &str, before: Option<char>) -> Option<usize> {
        let mut rest = text.chars();
        for wanted in self.find.chars() {
            let there = rest.next()?;
            let same =
                there == wanted || (self.ignore_case && there.to_lowercase().eq(wanted.to_lowercase()));
            if !same {
                return None;
            }
        }
        let goes_on = |edge: Option<char>, beside: Option<char>| {
            edge.is_some_and(is_of_a_word) && beside.is_some_and(is_of_a_word)
        };
        let inside = goes_on(self.find.chars().next(), before)
            || goes_on(self.find.chars().next_back(), rest.clone().next());
        (!self.whole || !inside).then(|| text.len() - rest.as_str().len())
    }
}

/// Whether a character goes on with a word, which in addresses also holds dots and every sign that may stand before the @.
fn is_of_a_word(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '@' | ',' | ';' | ':' | '<' | '>' | '[' | ']' | '(' | ')' | '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replacement(find: &str, with: &str, whole: bool) -> Replacement {
        Replacement::new(find, with, false, whole).expect("something to find")
    }

    #[test]
    fn whole_addresses_are_not_found_inside_of_longer_ones() {
        let loose = replacement("joe@a.example", "ann@a.example", false);
        assert_eq!(loose.in_list("xjoe@a.example").as_deref(), Some("xann@a.example"));
        let whole = replacement("joe@a.example", "ann@a.example", true);
        assert_eq!(
            whole.in_list("xjoe@a.example,joe@a.example.org,big.joe@a.example"),
            None
        );
        assert_eq!(
            whole.in_list("xjoe@a.example, Joe@A.example").as_deref(),
            Some("xjoe@a.example,ann@a.example")
        );
    }

    #[test]
    fn a_domain_is_found_in_addresses_and_not_in_longer_domains() {
        let domain = replacement("@a.example", "@b.example", true);
        assert_eq!(
            domain
                .in_list("joe@a.example,joe@a.example.org,@a.example")
                .as_deref(),
            Some("joe@b.example,joe@a.example.org,@b.example")
        );
        assert_eq!(
            replacement("a.example", "b.example", true).in_list("joe@sub.a.example"),
            None
        );
    }

    #[test]
    fn an_address_that_is_replaced_by_nothing_leaves_its_list() {
        let gone = replacement("joe@a.example", "", true);
        assert_eq!(
            gone.in_list("ann@a.example,joe@a.example").as_deref(),
            Some("ann@a.example")
        );
        assert_eq!(gone.in_list("joe@a.example").as_deref(), Some(""));
    }

    #[test]
    fn nothing_is_a_pattern_and_case_counts_unless_told_otherwise() {
        let dot = replacement("a.b", "c", false);
        assert_eq!(dot.in_text("axb a.b A.B").as_deref(), Some("axb c A.B"));
        let folded = Replacement::new("straße", "x", true, false).expect("something to find");
        assert_eq!(folded.in_text("STRAßE").as_deref(), Some("x"));
        assert_eq!(dot.in_text("nothing"), None);
        assert!(Replacement::new("  ", "x", false, false).is_err());
        let growing = replacement("a", "aa", false);
        assert_eq!(
            growing.in_text("aba").as_deref(),
            Some("aabaa"),
            "what was put in is not searched again"
        );
    }

    #[test]
    fn transports_are_searched_by_host() {
        let host = replacement("mail.old.example", "mail.new.example", true);
        assert_eq!(
            host.in_text("smtp:[mail.old.example]:25").as_deref(),
            Some("smtp:[mail.new.example]:25")
        );
        assert_eq!(host.in_text("smtp:[xmail.old.example]"), None);
    }
}
