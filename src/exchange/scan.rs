//! The words of a dump. Statements are never held whole: an INSERT may have megabytes, so that it is cut into the tuples
//! of its rows here, and only those are parsed.

use super::text::Text;
use super::{LONGEST, Refused};

/// How much of a word is kept, in bytes: no name of MySQL's is longer than 64 characters.
const LONGEST_NAME: usize = 256;

/// The longest DELIMITER, in bytes.
const LONGEST_DELIMITER: usize = 16;

/// A word of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword, a name or a number.
    Word(String),
    /// A name in backticks.
    Name(String),
    /// A string in quotes; what it says does not matter.
    String,
    /// Any other character.
    Other(u8),
    /// The end of a statement.
    End,
    /// The end of the file.
    Eof,
}

impl Token {
    /// Whether it is this keyword.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// The name it is.
    pub(super) fn into_name(self) -> Option<String> {
        match self {
            Self::Word(name) | Self::Name(name) => Some(name),
            Self::String | Self::Other(_) | Self::End | Self::Eof => None,
        }
    }
}

/// The statements of a dump, word by word.
pub(super) struct Scanner {
    text: Text,
    delimiter: Vec<u8>,
    /// Where the last word began.
    line: u64,
}

impl Scanner {
    /// Begins with the first statement.
    pub(super) fn new(text: Text) -> Self {
        Self {
            text,
            delimiter: b";".to_vec(),
            line: 1,
        }
    }

    /// The file.
    pub(super) fn text(&self) -> &Text {
        &self.text
    }

    /// The line of the last word.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The next word; spaces and comments are none. What MySQL runs of a comment (`/*!40101 ... */`) is never a row.
    pub(super) fn token(&mut self) -> Result<Token, Refused> {
        self.skip_space()?;
        self.line = self.text.line();
        if self.text.take(&self.delimiter)? {
            return Ok(Token::End);
        }
        let line = self.line;
        let Some(byte) = self.text.next()? else {
            return Ok(Token::Eof);
        };
        Ok(match byte {
            b'\'' | b'"' => {
                self.quoted(byte, line, None)?;
                Token::String
            }
            b'`' => Token::Name(self.name(line)?),
            byte if is_word(byte) => {
                let (mut word, mut length) = (vec![byte], 1);
                while self.text.peek()?.is_some_and(is_word)
                    && !self.text.ahead(LONGEST_DELIMITER)?.starts_with(&self.delimiter)
                {
                    let byte = self.text.next()?;
                    length += 1;
                    if length > LONGEST {
                        return Err(too_long(line));
                    }
                    word.extend(byte.filter(|_| length <= LONGEST_NAME));
                }
                Token::Word(text(&word))
            }
            byte => Token::Other(byte),
        })
    }

    /// Goes behind the end of the statement.
    pub(super) fn skip_statement(&mut self) -> Result<(), Refused> {
        loop {
            if let Token::End | Token::Eof = self.token()? {
                return Ok(());
            }
        }
    }

    /// Takes the rest of a DELIMITER line.
    pub(super) fn delimiter(&mut self) -> Result<(), Refused> {
        let line = self.text.line();
        let mut delimiter = Vec::new();
        while self.text.line() == line {
            match self.text.next()? {
                Some(byte) if !byte.is_ascii_whitespace() && delimiter.len() < LONGEST_DELIMITER => {
                    delimiter.push(byte);
                }
                Some(_) => {}
                None => break,
            }
        }
        if delimiter.is_empty() {
            return Err(Refused::at(
                line,
                "DELIMITER says nothing here: the dump is damaged.",
            ));
        }
        self.delimiter = delimiter;
        Ok(())
    }

    /// Takes what stands in parentheses, of which the first is taken already, without comments.
    pub(super) fn tuple(&mut self) -> Result<String, Refused> {
        let mut bytes = b"(".to_vec();
        self.parentheses(Some(&mut bytes))?;
        Ok(text(&bytes))
    }

    /// Passes over what stands in parentheses, of which the first is taken already.
    pub(super) fn skip_tuple(&mut self) -> Result<(), Refused> {
        self.parentheses(None)
    }

    fn parentheses(&mut self, mut bytes: Option<&mut Vec<u8>>) -> Result<(), Refused> {
        let line = self.line;
        let mut depth = 1_usize;
        while depth > 0 {
            if self.comment()? {
                keep(&mut bytes, Some(b' '), line)?;
                continue;
            }
            let byte = self.text.next()?;
            keep(&mut bytes, byte, line)?;
            match byte {
                None => {
                    return Err(Refused::at(
                        line,
                        "The row that begins here is never closed: the dump is cut off.",
                    ));
                }
                Some(quote @ (b'\'' | b'"' | b'`')) => self.quoted(quote, line, bytes.as_deref_mut())?,
                Some(b'(') => depth += 1,
                Some(b')') => depth -= 1,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Takes a string or a name up to its closing quote, escapes as they are.
    fn quoted(&mut self, quote: u8, line: u64, mut bytes: Option<&mut Vec<u8>>) -> Result<(), Refused> {
        loop {
            let byte = self.text.next()?;
            keep(&mut bytes, byte, line)?;
            match byte {
                None => {
                    return Err(Refused::at(
                        line,
                        "A quote is opened here and never closed: the dump is cut off.",
                    ));
                }
                Some(b'\\') if quote != b'`' => {
                    let escaped = self.text.next()?;
                    keep(&mut bytes, escaped, line)?;
                }
                Some(byte) if byte == quote => {
                    if !self.text.take(&[quote])? {
                        return Ok(());
                    }
                    keep(&mut bytes, Some(quote), line)?;
                }
                Some(_) => {}
            }
        }
    }

    /// Takes a name whose first backtick is taken already.
    fn name(&mut self, line: u64) -> Result<String, Refused> {
        let mut bytes = Vec::new();
        self.quoted(b'`', line, Some(&mut bytes))?;
        bytes.pop();
        if bytes.len() > LONGEST_NAME {
            return Err(Refused::at(
                line,
                "A name is opened here with a backtick and is longer than any that MySQL has: the dump is damaged.",
            ));
        }
        Ok(text(&bytes).replace("``", "`"))
    }

    fn skip_space(&mut self) -> Result<(), Refused> {
        loop {
            while self.text.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
                self.text.next()?;
            }
            if !self.comment()? {
                return Ok(());
            }
        }
    }

    /// Passes over a comment, if one comes.
    fn comment(&mut self) -> Result<bool, Refused> {
        let line = self.text.line();
        match self.text.peek()? {
            Some(b'/') if self.text.take(b"/*")? => {
                while !self.text.take(b"*/")? {
                    if self.text.next()?.is_none() {
                        return Err(Refused::at(
                            line,
                            "The comment that begins here is never closed: the dump is cut off.",
                        ));
                    }
                }
                return Ok(true);
            }
            Some(b'#') => {}
            // MySQL wants a space behind it: `5--1` is no comment.
            Some(b'-') if matches!(self.text.ahead(3)?, [b'-', b'-'] | [b'-', b'-', 0..=b' ', ..]) => {}
            _ => return Ok(false),
        }
        while self.text.line() == line && self.text.next()?.is_some() {}
        Ok(true)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b"_$@".contains(&byte)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn keep(bytes: &mut Option<&mut Vec<u8>>, byte: Option<u8>, line: u64) -> Result<(), Refused> {
    match bytes {
        Some(bytes) => push(bytes, byte, line),
        None => Ok(()),
    }
}

fn push(bytes: &mut Vec<u8>, byte: Option<u8>, line: u64) -> Result<(), Refused> {
    if bytes.len() >= LONGEST {
        return Err(too_long(line));
    }
    bytes.extend(byte);
    Ok(())
}

fn too_long(line: u64) -> Refused {
    Refused::at(
        line,
        "What begins here is longer than 1 MiB, which no row of these tables is. Perhaps a quote is missing.",
    )
}
