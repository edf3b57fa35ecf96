//! How Postfix reads a list of addresses (RFC 822, section 6, and what it forgives): from right to left.

/// A part of the text.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// An atom, a quoted string or a domain in brackets, as it is written.
    Word(String),
    /// One of the characters that mean something.
    Mark(char),
    Comment,
}

/// What stands between words. White space alone does not part two addresses where one of these does join them.
const MARKS: &str = "|%!()<>@,;:\\\".[]";

/// The addresses of a list, in its order, as they are written in mail: with quotes, without comments, display names and angle
/// brackets.
pub(super) fn addresses(text: &str) -> Vec<String> {
    let tokens: Vec<Token> = tokens(text)
        .into_iter()
        .filter(|token| *token != Token::Comment)
        .collect();
    let is = |at: usize, marks: &str| matches!(tokens[at], Token::Mark(mark) if marks.contains(mark));
    // Right of `at` and not yet part of an address: tokens up to `end`.
    let mut found: Vec<String> = Vec::new();
    let mut end = tokens.len();
    let mut add = |from: usize, to: usize| found.extend((from < to).then(|| joined(&tokens[from..to])));
    let (mut is_word_due, mut in_group) = (true, false);
    let mut left = tokens.len();
    while left > 0 {
        let at = left - 1;
        match &tokens[at] {
            Token::Mark(';') => {
                add(left, end);
                (end, is_word_due, in_group) = (at, true, true);
            }
            // The name of a group goes as far back as a comma.
            Token::Mark(':') if in_group => {
                add(left, end);
                left = (0..at).rev().find(|&at| is(at, ",")).map_or(0, |at| at + 1);
                end = left;
                continue;
            }
            // Whatever stands before an address in angle brackets is its display name.
            Token::Mark('>') => {
                add(left, end);
                let open = (0..at).rev().find(|&at| is(at, "<"));
                add(open.map_or(0, |open| open + 1), at);
                let before = (0..open.unwrap_or(0)).rev().find(|&at| is(at, ">;,:"));
                left = before.map_or(0, |at| at + 1);
                (end, is_word_due) = (before.unwrap_or(0), true);
                continue;
            }
            Token::Mark(',') => {
                add(left, end);
                (end, is_word_due) = (at, true);
            }
            Token::Word(_) => {
                if !is_word_due {
                    add(left, end);
                    end = left;
                }
                is_word_due = false;
            }
            _ => is_word_due = true,
        }
        left = at;
    }
    add(0, end);
    found.reverse();
    found
}

/// Tokens as text: a space behind commas and before `<`, and nowhere else.
fn joined(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut before: Option<&Token> = None;
    for token in tokens {
        let is_apart = matches!(
            (before, token),
            (Some(Token::Mark(',')), _) | (Some(_), Token::Mark('<'))
        );
        text.extend(is_apart.then_some(' '));
        match token {
            Token::Word(word) => text.push_str(word),
            Token::Mark(mark) => text.push(*mark),
            Token::Comment => {}
        }
        before = Some(token);
    }
    text
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        if c != '\\' && MARKS.contains(c) || c.is_ascii_whitespace() {
            chars.next();
        }
        match c {
            '(' => {
                skip_comment(&mut chars);
                tokens.push(Token::Comment);
            }
            '"' => {
                let content = collected(&mut chars, |c| c != '"');
                chars.next();
                tokens.push(Token::Word(quoted(&content)));
            }
            '[' => {
                let content = collected(&mut chars, |c| c != ']');
                chars.next();
                tokens.push(Token::Word(format!("[{content}]")));
            }
            c if c.is_ascii_whitespace() => {}
            c if c != '\\' && MARKS.contains(c) => tokens.push(Token::Mark(c)),
            _ => {
                let is_plain = |c: char| !c.is_ascii_whitespace() && !MARKS.contains(c);
                let atom = collected(&mut chars, |c| c == '\\' || is_plain(c));
                tokens.push(Token::Word(if atom.chars().all(is_plain) {
                    atom
                } else {
                    quoted(&atom)
                }));
            }
        }
    }
    tokens
}

/// The text as far as it is wanted; what stands after a `\` always is. White space becomes spaces.
fn collected(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    is_wanted: impl Fn(char) -> bool,
) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next_if(|&c| is_wanted(c)) {
        let c = if c == '\\' { chars.next().unwrap_or(c) } else { c };
        text.push(if " \t\r\n".contains(c) { ' ' } else { c });
    }
    text
}

/// Comments stand in one another.
fn skip_comment(chars: &mut impl Iterator<Item = char>) {
    let mut depth = 1;
    while depth > 0 {
        match chars.next() {
            Some('(') => depth += 1,
            Some(')') => depth -= 1,
            Some('\\') => drop(chars.next()),
            Some(_) => {}
            None => return,
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn addresses_are_parted_by_commas_semicolons_and_white_space() {
        assert_eq!(
            addresses("a@x, b@x;c@x\nd@x  e@x,,f@x,"),
            ["a@x", "b@x", "c@x", "d@x", "e@x", "f@x"]
        );
        assert_eq!(addresses(" , ;"), [""; 0]);
        assert_eq!(addresses("# the boss"), ["#", "the", "boss"]);
    }

    #[test]
    fn names_and_comments_are_no_addresses() {
        assert_eq!(addresses("Viv <v@x>, (no) w@x (a (b) c)"), ["v@x", "w@x"]);
        assert_eq!(addresses("\"Viv, the boss\" <v@x>"), ["v@x"]);
        // Everything back to the last comma is a name.
        assert_eq!(addresses("a@x, b@x\nc@x Viv <v@x> w@x"), ["a@x", "v@x", "w@x"]);
        assert_eq!(addresses("friends: a@x, b@x; c@x"), ["a@x", "b@x", "c@x"]);
        assert_eq!(addresses("mailto:a@x Viv <v@x>"), ["mailto", "v@x"]);
        assert_eq!(addresses("mailto:a@x"), ["mailto:a@x"]);
    }

    #[test]
    fn a_mark_joins_what_white_space_parts() {
        assert_eq!(addresses("a@x.\nb@x"), ["a@x.b@x"]);
        assert_eq!(addresses("a @ x . y"), ["a@x.y"]);
        assert_eq!(addresses("| command"), ["|command"]);
    }

    #[test]
    fn what_is_quoted_stays_so() {
        assert_eq!(
            addresses("\"a b\"@x \"c@y\" d\\@e@x"),
            ["\"a b\"@x", "\"c@y\"", "\"d@e\"@x"]
        );
        assert_eq!(addresses("a@[192.0.2.1] \"open"), ["a@[192.0.2.1]", "\"open\""]);
    }
}
