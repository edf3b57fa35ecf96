//! A file as UTF-8, whatever it was written in, byte by byte and with the line counted.

use std::io::Read;

use encoding_rs::{Decoder, DecoderResult, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::Refused;

/// How much is read at a time, in bytes.
const CHUNK: u64 = 64 * 1024;

/// What stands in the first lines of every dump in UTF-8. There may be other bytes in one, which are no reason to take its
/// text for something else.
const DECLARATION: &[u8] = b"SET NAMES utf8";

/// How files begin that are no text, and what to do with them.
const NOT_TEXT: &[(&[u8], &str)] = &[
    (
        b"\x1f\x8b",
        "This is packed with gzip. Packed files are not read: unpack it first, with `gunzip`.",
    ),
    (
        b"PK\x03\x04",
        "This is a zip archive, or a workbook of Excel or LibreOffice. Those are not read: unpack it first, or save the \
         sheet as CSV.",
    ),
    (
        b"PK\x05\x06",
        "This is an empty zip archive. Give the file itself.",
    ),
    (
        b"\xfd7zXZ\0",
        "This is packed with xz. Packed files are not read: unpack it first, with `unxz`.",
    ),
    (
        b"BZh",
        "This is packed with bzip2. Packed files are not read: unpack it first, with `bunzip2`.",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "This is packed with zstd. Packed files are not read: unpack it first, with `unzstd`.",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "This is a 7z archive. Packed files are not read: unpack it first.",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "This is a workbook of an old Excel. Save the sheet as CSV.",
    ),
];

/// What a file is written in.
enum Charset {
    /// Nothing but ASCII so far: the first other character decides.
    Undecided,
    /// UTF-8.
    Utf8(Decoder),
    /// UTF-16 with a byte order mark.
    Utf16(Decoder),
    /// Windows-1252, of which ISO 8859-1 as people use it is a part.
    Windows1252(Decoder),
}

/// The text of a file.
pub(super) struct Text {
    from: Box<dyn Read + Send>,
    charset: Charset,
    /// Whether it says that it is UTF-8, as dumps do.
    declared: bool,
    /// Read and not decoded.
    raw: Vec<u8>,
    /// Decoded; taken up to `start`.
    ready: Vec<u8>,
    start: usize,
    ended: bool,
    /// Why it cannot be read beyond `ready`.
    fault: Option<String>,
    line: u64,
    at: u64,
}

impl Text {
    /// Begins to read.
    ///
    /// # Errors
    /// It is empty, or no text.
    pub(super) fn begin(from: Box<dyn Read + Send>) -> Result<Self, Refused> {
        let mut text = Self {
            from,
            charset: Charset::Undecided,
            declared: false,
            raw: Vec::new(),
            ready: Vec::new(),
            start: 0,
            ended: false,
            fault: None,
            line: 1,
            at: 0,
        };
        text.read()?;
        if let Some((_, reason)) = NOT_TEXT.iter().find(|(magic, _)| text.raw.starts_with(magic)) {
            return Err(Refused::whole(*reason));
        }
        text.declared = text
            .raw
            .windows(DECLARATION.len())
            .any(|bytes| bytes == DECLARATION);
        let (charset, mark) = match text.raw.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => (Charset::utf8(), 3),
            [0xff, 0xfe, ..] => (Charset::Utf16(UTF_16LE.new_decoder_without_bom_handling()), 2),
            [0xfe, 0xff, ..] => (Charset::Utf16(UTF_16BE.new_decoder_without_bom_handling()), 2),
            _ => (Charset::Undecided, 0),
        };
        text.charset = charset;
        text.raw.drain(..mark);
        text.decode();
        while matches!(text.peek()?, Some(b'\r' | b'\n')) {
            text.next()?;
        }
        match text.peek()? {
            None => Err(Refused::whole("There is nothing in this file.")),
            Some(_) => Ok(text),
        }
    }

    /// What it is written in, as far as it was read.
    pub(super) fn charset(&self) -> &'static str {
        match self.charset {
            Charset::Undecided | Charset::Utf8(_) => "UTF-8",
            Charset::Utf16(_) => "UTF-16",
            Charset::Windows1252(_) => "Windows-1252",
        }
    }

    /// The line of the next byte, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Bytes of the file read so far.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The next byte, which stays.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Refused> {
        if self.start == self.ready.len() && !self.fill()? {
            return match self.fault.take() {
                Some(reason) => Err(Refused::at(self.line, reason)),
                None => Ok(None),
            };
        }
        Ok(Some(self.ready[self.start]))
    }

    /// The next byte.
    pub(super) fn next(&mut self) -> Result<Option<u8>, Refused> {
        let Some(byte) = self.peek()? else {
            return Ok(None);
        };
        if byte == 0 {
            return Err(Refused::at(
                self.line,
                "There is a NUL byte here, which no text has: this is no text file, or it is damaged, or in UTF-16 without a byte \
                 order mark. Save it as UTF-8.",
            ));
        }
        self.start += 1;
        if byte == b'\n' || (byte == b'\r' && self.peek()? != Some(b'\n')) {
            self.line += 1;
        }
        Ok(Some(byte))
    }

    /// Takes the second half of a CR LF.
    pub(super) fn take_line_feed(&mut self) -> Result<(), Refused> {
        if self.peek()? == Some(b'\n') {
            self.next()?;
        }
        Ok(())
    }

    /// Takes these bytes if they are the next ones. They have no line ends.
    pub(super) fn take(&mut self, expected: &[u8]) -> Result<bool, Refused> {
        let comes = self.ahead(expected.len())?.starts_with(expected);
        if comes {
            self.start += expected.len();
        }
        Ok(comes)
    }

    /// What comes: `length` bytes or more, fewer at the end of the file.
    pub(super) fn ahead(&mut self, length: usize) -> Result<&[u8], Refused> {
        while self.ready.len() - self.start < length && self.fill()? {}
        Ok(&self.ready[self.start..])
    }

    /// Reads and decodes some more; whether there is anything more.
    fn fill(&mut self) -> Result<bool, Refused> {
        self.ready.drain(..self.start);
        self.start = 0;
        let before = self.ready.len();
        while self.ready.len() == before {
            if self.fault.is_some() || self.ended {
                return Ok(false);
            }
            self.read()?;
            self.decode();
        }
        Ok(true)
    }

    /// Reads some more.
    fn read(&mut self) -> Result<(), Refused> {
        let read = self.from.by_ref().take(CHUNK).read_to_end(&mut self.raw);
        let read =
            read.map_err(|cause| Refused::at(self.line, format!("The file cannot be read: {cause}.")))?;
        self.at += u64::try_from(read).unwrap_or(u64::MAX);
        self.ended = read == 0;
        Ok(())
    }

    /// Decodes what was read.
    fn decode(&mut self) {
        if matches!(self.charset, Charset::Undecided) {
            let ascii = self.raw.iter().take_while(|byte| byte.is_ascii()).count();
            self.ready.extend(self.raw.drain(..ascii));
            match Charset::of(&self.raw, self.ended) {
                Some(charset) => self.charset = charset,
                None => return,
            }
            if self.declared {
                self.charset = Charset::utf8();
            }
        }
        let decoder = match &mut self.charset {
            Charset::Undecided => return,
            Charset::Utf8(decoder) | Charset::Utf16(decoder) | Charset::Windows1252(decoder) => decoder,
        };
        let room = decoder
            .max_utf8_buffer_length_without_replacement(self.raw.len())
            .unwrap_or(4 * self.raw.len() + 16);
        let start = self.ready.len();
        self.ready.resize(start + room, 0);
        let (result, _, written) =
            decoder.decode_to_utf8_without_replacement(&self.raw, &mut self.ready[start..], self.ended);
        self.ready.truncate(start + written);
        self.raw.clear();
        if let DecoderResult::Malformed(..) = result {
            let name = self.charset();
            self.fault = Some(format!(
                "There are bytes here that are not {name}, while what stands above is. Save the file as UTF-8; of a \
                 database with binary columns make the dump with --hex-blob."
            ));
        }
    }
}

impl Charset {
    fn utf8() -> Self {
        Self::Utf8(encoding_rs::UTF_8.new_decoder_without_bom_handling())
    }

    /// What begins with these bytes, the first of which is not ASCII; `None` while that is open.
    fn of(bytes: &[u8], ended: bool) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => Some(Self::utf8()),
            Err(fault) if fault.valid_up_to() > 0 => Some(Self::utf8()),
            Err(fault) if fault.error_len().is_none() && !ended => None,
            Err(_) => Some(Self::Windows1252(WINDOWS_1252.new_decoder_without_bom_handling())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: Vec<u8>) -> Result<(String, u64, &'static str), Refused> {
        let mut text = Text::begin(Box::new(std::io::Cursor::new(bytes)))?;
        let mut all = Vec::new();
        while let Some(byte) = text.next()? {
            all.push(byte);
        }
        Ok((
            String::from_utf8(all).expect("UTF-8"),
            text.line(),
            text.charset(),
        ))
    }

    #[test]
    fn a_letter_may_stand_where_one_chunk_ends() {
        for before in (1 << 16) - 4..(1 << 16) + 2 {
            let beginning = "x".repeat(before);
            let text = format!("{beginning}€ü\nü");
            let utf16 = |text: &str| {
                text.encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect::<Vec<u8>>()
            };
            assert_eq!(read(text.clone().into_bytes()), Ok((text.clone(), 2, "UTF-8")));
            assert_eq!(
                read([b"\xff\xfe".to_vec(), utf16(&text)].concat()),
                Ok((text, 2, "UTF-16"))
            );
            let latin1 = [beginning.as_bytes(), b"\x80\xfc\n\xfc"].concat();
            assert_eq!(read(latin1), Ok((format!("{beginning}€ü\nü"), 2, "Windows-1252")));
        }
    }

    #[test]
    fn each_kind_of_line_end_is_one() {
        assert_eq!(
            read(b"a\nb\r\nc\rd\r\re".to_vec()),
            Ok(("a\nb\r\nc\rd\r\re".to_owned(), 6, "UTF-8"))
        );
    }

    #[test]
    fn bytes_in_a_dump_do_not_make_its_text_another() {
        let refused = read(b"/*!40101 SET NAMES utf8mb4 */;\n\xc0\xa8 \xc3\xbc".to_vec()).expect_err("bytes");
        assert!(
            refused.line == 2 && refused.reason.contains("--hex-blob"),
            "{refused}"
        );
    }

    #[test]
    fn half_a_letter_at_the_end_is_told_with_its_line() {
        let refused = read("ü\nx\u{20ac}".as_bytes()[..6].to_vec()).expect_err("half a letter");
        assert!(
            refused.line == 2 && refused.reason.contains("not UTF-8"),
            "{refused}"
        );
        assert_eq!(
            read(b"a\xe2\x82".to_vec()),
            Ok(("aâ‚".to_owned(), 1, "Windows-1252"))
        );
    }
}
