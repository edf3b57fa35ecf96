//! What is read of files as other programs write them, and how the rest is refused.

mod bounds;
mod csv;
mod dumps;
mod json;
mod panels;
mod random;

use std::io::Write;

use super::{Incoming, Look, Material, Reading, Refused, Stumble};
use crate::resource::{Resource, aliases};

/// A file with these bytes.
pub(super) fn material(name: &str, bytes: &[u8], reading: Reading) -> Material {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("written");
    Material {
        file,
        name: name.to_owned(),
        size: bytes.len() as u64,
        reading,
    }
}

/// How rows for one table are read.
pub(super) fn into(resource: &'static Resource) -> Reading {
    Reading {
        into: Some(resource),
        ..Reading::default()
    }
}

/// Everything a file has: rows and refused rows in their order, and what ended it.
pub(super) fn read(material: &Material) -> (Vec<Result<Incoming, Refused>>, Option<Refused>) {
    let mut source = match material.open() {
        Ok(source) => source,
        Err(refused) => return (Vec::new(), Some(refused)),
    };
    let mut rows = Vec::new();
    loop {
        match source.next() {
            Ok(Some(incoming)) => rows.push(Ok(incoming)),
            Ok(None) => return (rows, None),
            Err(Stumble::Row(refused)) => rows.push(Err(refused)),
            Err(Stumble::File(refused)) => return (rows, Some(refused)),
        }
    }
}

/// What a file has, a line for each row: `2 aliases mail=a@b destination=NULL`, or what is wrong.
pub(super) fn told(name: &str, bytes: &[u8], reading: Reading) -> Vec<String> {
    let (rows, end) = read(&material(name, bytes, reading));
    let tell = |row: Result<Incoming, Refused>| match row {
        Ok(incoming) => {
            let fields = incoming.row.fields.into_iter();
            let fields =
                fields.map(|(name, value)| format!(" {name}={}", value.as_deref().unwrap_or("NULL")));
            format!(
                "{} {}{}",
                incoming.row.line,
                incoming.resource.table,
                fields.collect::<String>()
            )
        }
        Err(refused) => format!("refused {refused}"),
    };
    let end = end.map(|refused| format!("ended {refused}"));
    rows.into_iter().map(tell).chain(end).collect()
}

/// Holds a file of aliases to its rows.
pub(super) fn holds(name: &str, bytes: &[u8], rows: &[&str]) {
    assert_eq!(
        told(name, bytes, into(&aliases::RESOURCE)),
        rows,
        "{:?}",
        String::from_utf8_lossy(bytes)
    );
}

/// Holds a file of aliases to a refusal that says this, of this line.
pub(super) fn refuses(name: &str, bytes: &[u8], line: u64, words: &str) {
    let told = told(name, bytes, into(&aliases::RESOURCE));
    let last = told.last().expect("a refusal");
    let says = last.starts_with("ended") || last.starts_with("refused");
    assert!(
        says && last.contains(&format!(" {line}: ")) && last.contains(words),
        "{words}: {told:#?}"
    );
}

/// What a file seems to be.
pub(super) fn look(name: &str, bytes: &[u8], reading: Reading) -> Look {
    material(name, bytes, reading).look().expect("a look")
}
