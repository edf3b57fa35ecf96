//! Files that want more memory than there is, and how they are refused.

use std::io::{self, Read};

use super::super::open::begin_reading;
use super::super::{Reading, Refused, Stumble};
use super::{into, material, refuses};
use crate::resource::aliases;

/// A gigabyte that begins with some text and goes on with one byte; how much of it was read is kept.
struct Gigabyte {
    beginning: &'static [u8],
    then: u8,
    read: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

const GIGABYTE: usize = 1 << 30;

impl Read for Gigabyte {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read.load(std::sync::atomic::Ordering::Relaxed);
        let length = buffer.len().min(GIGABYTE - read);
        for (at, byte) in buffer[..length].iter_mut().enumerate() {
            *byte = self.beginning.get(read + at).copied().unwrap_or(self.then);
        }
        self.read.fetch_add(length, std::sync::atomic::Ordering::Relaxed);
        Ok(length)
    }
}

/// What a gigabyte is refused for, and how much of it was read before that.
fn refusal(name: &str, beginning: &'static [u8], then: u8) -> (Refused, usize) {
    let read = std::sync::Arc::default();
    let file = Gigabyte {
        beginning,
        then,
        read: std::sync::Arc::clone(&read),
    };
    let refused = match begin_reading(Box::new(file), name, &into(&aliases::RESOURCE)) {
        Err(refused) => refused,
        Ok(mut source) => loop {
            match source.next() {
                Ok(Some(_)) | Err(Stumble::Row(_)) => {}
                Ok(None) => panic!("{name}: {beginning:?} is read to its end"),
                Err(Stumble::File(refused)) => break refused,
            }
        },
    };
    (refused, read.load(std::sync::atomic::Ordering::Relaxed))
}

#[test]
fn a_line_of_a_gigabyte_is_refused_after_its_first_megabyte() {
    for (name, beginning, then, line, words) in [
        (
            "a.csv",
            &b"mail,destination\na@b.example,"[..],
            b'x',
            2,
            "longer than 1 MiB",
        ),
        (
            "a.csv",
            b"mail,destination\na@b.example,\"",
            b'x',
            2,
            "longer than 1 MiB",
        ),
        (
            "a.csv",
            b"mail,destination\na@b.example,\"",
            b'\n',
            2,
            "longer than 1 MiB",
        ),
        ("a.csv", b"", b'x', 1, "longer than 1 MiB"),
        ("a.csv", b"mail", b',', 1, "more than 200 fields"),
        ("a.csv", b"mail\n", b'\0', 2, "NUL"),
        (
            "modoboa.csv",
            b"domain;example.org;",
            b';',
            1,
            "more than 200 fields",
        ),
        ("a.json", b"[{\"mail\":\"", b'x', 1, "longer than 1 MiB"),
        ("a.json", b"[\n", b'[', 2, "longer than 1 MiB"),
        ("a.json", b"{\"", b'x', 1, "longer than 1 MiB"),
        ("a.json", b"[\n1", b'1', 2, "longer than 1 MiB"),
        (
            "a.sql",
            b"INSERT INTO aliases VALUES\n(",
            b'x',
            2,
            "longer than 1 MiB",
        ),
        (
            "a.sql",
            b"INSERT INTO aliases VALUES\n(",
            b'(',
            2,
            "longer than 1 MiB",
        ),
        (
            "a.sql",
            b"INSERT INTO aliases VALUES\n('",
            b'\'',
            2,
            "longer than 1 MiB",
        ),
        ("a.sql", b"INSERT INTO `", b'x', 1, "longer than 1 MiB"),
        ("a.sql", b"x", b'x', 1, "longer than 1 MiB"),
    ] {
        let (refused, read) = refusal(name, beginning, then);
        let case = String::from_utf8_lossy(beginning);
        assert!(
            refused.line == line && refused.reason.contains(words),
            "{case}: {refused}"
        );
        assert!(read < 3 << 20, "{case}: {read} bytes were read");
    }
}

#[test]
fn thousands_of_columns_are_refused() {
    let names: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
    refuses("a.csv", names.join(",").as_bytes(), 1, "more than 200 fields");
    let object: Vec<String> = names.iter().map(|name| format!("\"{name}\":1")).collect();
    refuses(
        "a.json",
        format!("[{{{}}}]", object.join(",")).as_bytes(),
        1,
        "more than 200 fields",
    );
    let insert = format!("INSERT INTO aliases ({}) VALUES (1)", names.join(","));
    refuses("a.sql", insert.as_bytes(), 1, "only lists of values");
}

#[test]
fn packed_files_are_refused_whatever_they_are_called() {
    for name in ["a.csv", "a.json", "a.sql", "a"] {
        refuses(
            name,
            b"\x1f\x8b\x08\0\0\0\0\0",
            0,
            "unpack it first, with `gunzip`",
        );
        refuses(name, b"PK\x03\x04\x14\0", 0, "save the sheet as CSV");
    }
    let unread = begin_reading(Box::new(io::empty()), "a.csv", &Reading::default());
    assert!(unread.is_err_and(|refused| refused.reason.contains("nothing in this file")));
}

#[test]
fn a_file_is_read_as_its_rows_are_taken() {
    let many = |begin: &str, row: &str, end: &str| format!("{begin}{}{end}", row.repeat(50_000));
    for (name, text) in [
        (
            "a.csv",
            many("mail,destination\n", "a@b.example,c@d.example\n", ""),
        ),
        ("a.json", many("[{}", ",{\"mail\":\"a@b.example\"}\n", "]")),
        (
            "a.json",
            many("{\"aliases\":[{}", ",{\"mail\":\"a@b.example\"}\n", "]}"),
        ),
        (
            "a.sql",
            many(
                "INSERT INTO aliases VALUES (1,'a','b',1)",
                ",(1,'a@b.example','b',1)",
                ";",
            ),
        ),
        ("a.csv", many("email,password\n", "a@b.example,x\n", "")),
    ] {
        let file = material(name, text.as_bytes(), into(&aliases::RESOURCE));
        let mut source = file.open().expect("a source");
        assert!(source.next().is_ok_and(|row| row.is_some()), "{name}");
        assert!(
            source.at() < 200_000,
            "{name}: {} bytes were read for the first row",
            source.at()
        );
        let mut rows = 1;
        while source.next().expect("readable").is_some() {
            rows += 1;
        }
        assert!(rows >= 50_000 && source.at() == file.size, "{name}: {rows}");
    }
}
