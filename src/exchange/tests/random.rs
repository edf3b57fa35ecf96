//! Random rows come back as they were written, and random bytes do no harm.

use proptest::prelude::*;

use super::super::{Foreign, Format, Reading};
use super::{into, material, read};
use crate::resource::{ALL, aliases};

/// How a text is stored.
#[derive(Debug, Clone, Copy)]
enum Stored {
    Utf8,
    Utf8WithMark,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl Stored {
    fn bytes(self, text: &str) -> Vec<u8> {
        let marked = || "\u{feff}".encode_utf16().chain(text.encode_utf16());
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8WithMark => format!("\u{feff}{text}").into_bytes(),
            Self::Utf16Le => marked().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => marked().flat_map(u16::to_be_bytes).collect(),
            Self::Windows1252 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
        }
    }
}

/// A value that means itself: no NULL and no formula, and letters that Windows-1252 has and does not write as UTF-8.
fn value() -> impl Strategy<Value = String> {
    "[ -~äöüéß\\n\\r\\t]{0,12}".prop_filter("means itself", |text| {
        let bytes = encoding_rs::WINDOWS_1252.encode(text).0;
        let guarded = text.strip_prefix('\'').is_some_and(|rest| {
            rest.trim_start_matches('\'')
                .starts_with(['=', '+', '-', '@', '\t', '\r'])
        });
        !guarded
            && text != "NULL"
            && text != "\\N"
            && (text.is_ascii() || std::str::from_utf8(&bytes).is_err())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_rows_written_as_csv_come_back(
        rows in prop::collection::vec((value(), value(), value()), 0..12),
        separator in prop::sample::select(vec![b',', b';', b'\t']),
        crlf in any::<bool>(),
        stored in prop::sample::select(vec![
            Stored::Utf8, Stored::Utf8WithMark, Stored::Utf16Le, Stored::Utf16Be, Stored::Windows1252,
        ]),
    ) {
        let mut writer = csv::WriterBuilder::new();
        writer.delimiter(separator);
        if crlf {
            writer.terminator(csv::Terminator::CRLF);
        }
        let mut writer = writer.from_writer(Vec::new());
        writer.write_record(["mail", "destination", "remark"]).expect("a header");
        for (mail, destination, remark) in &rows {
            writer.write_record([mail, destination, remark]).expect("a row");
        }
        let text = String::from_utf8(writer.into_inner().expect("flushed")).expect("UTF-8");
        let reading = Reading {
            format: Some(Format::Csv),
            ..into(&aliases::RESOURCE)
        };
        let (read, end) = read(&material("x", &stored.bytes(&text), reading));
        prop_assert_eq!(end, None);
        let values = read.into_iter().map(|row| {
            let mut fields = row.expect("a row").row.fields.into_iter().map(|(_, value)| value.expect("no NULL"));
            (fields.next().expect("mail"), fields.next().expect("destination"), fields.next().expect("remark"))
        });
        prop_assert_eq!(values.collect::<Vec<_>>(), rows);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(
        pieces in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..20),
            prop::sample::select(vec![
                "mail,destination\n", "INSERT INTO aliases VALUES (", "1,'a'),(", "'", "\"", "`", "/*", "*/", "-- ",
                "DELIMITER ;;\n", "CREATE TABLE aliases (", ");", "[", "{", "\"mail\":", "\"x\"", "}", "]", ",", ";", "\t",
                "\r\n", "\r", "\\", "{\"type\":\"table\",\"name\":\"aliases\",\"data\":[", "account;a@b;x;y;z;1;G;", "domain;a.b;1\n",
                "\u{feff}", "NULL", "\\N", "'=1", "address,goto,active\n", "email,password\n", "NOW()", "0xff", "_binary",
            ]).prop_map(|text| text.as_bytes().to_vec()),
        ], 0..30),
        format in prop::sample::select(vec![
            None, Some(Format::Csv), Some(Format::Json), Some(Format::Sql), Some(Format::Foreign(Foreign::Modoboa)),
            Some(Format::Foreign(Foreign::GoogleUsers)),
        ]),
        table in prop::sample::select(ALL.iter().map(|table| Some(*table)).chain([None]).collect::<Vec<_>>()),
        mark in prop::sample::select(vec![&b""[..], b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"]),
    ) {
        let bytes = [mark, &pieces.concat()].concat();
        let reading = Reading { into: table, format, ..Reading::default() };
        let file = material("x", &bytes, reading);
        let (rows, _) = read(&file);
        prop_assert!(rows.len() <= bytes.len() + 5);
        let _ = file.look();
    }
}
