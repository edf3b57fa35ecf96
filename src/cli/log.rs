//! The log on standard error: one event, one line, whatever it tells of.

use std::io::{Result, Write};

/// Writes each event as one line: control characters within it are shown escaped, so that nothing anybody typed looks like
/// an event of its own to people, terminals or fail2ban. Escape sequences stay, which colour the log of a terminal.
pub struct OneLine<W: Write>(pub W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> Result<usize> {
        self.0.write_all(&one_line(event)).map(|()| event.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

/// An event, which ends in a line feed, without another one in it.
fn one_line(event: &[u8]) -> Vec<u8> {
    let (text, end) = match event.split_last() {
        Some((b'\n', text)) => (text, &b"\n"[..]),
        _ => (event, &b""[..]),
    };
    let text = String::from_utf8_lossy(text);
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '\u{1b}' => line.push(c),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    [line.as_bytes(), end].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let event = "account joe: passkey `k\r\npostwarden[1]: auth failure from 9.9.9.9\u{85}x` added\n";
        assert_eq!(
            String::from_utf8_lossy(&one_line(event.as_bytes())),
            "account joe: passkey `k\\r\\npostwarden[1]: auth failure from 9.9.9.9\\u{85}x` added\n"
        );
        assert_eq!(one_line(b""), b"");
        assert_eq!(one_line("ü\u{1b}[0m\n".as_bytes()), "ü\u{1b}[0m\n".as_bytes());
    }
}
