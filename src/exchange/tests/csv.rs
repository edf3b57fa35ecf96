//! CSV of tables.

use super::super::Reading;
use super::{holds, into, look, material, read, refuses, told};
use crate::resource::aliases;

const TWO: [&str; 2] = [
    "2 aliases mail=joe@example.org destination=mary@example.org enabled=1",
    "3 aliases mail=müller@example.org destination=a@b.example,c@d.example enabled=0",
];

#[test]
fn csv_is_read_in_any_separator_charset_and_line_end() {
    let text = "mail,destination,enabled\njoe@example.org,mary@example.org,1\nmüller@example.org,\"a@b.example,c@d.example\",0\n";
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(bytes)
            .collect()
    };
    let latin1 = |text: &str| {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).expect("latin1"))
            .collect::<Vec<u8>>()
    };
    for end in ["\n", "\r\n", "\r"] {
        let text = text.replace('\n', end);
        holds("a.csv", text.as_bytes(), &TWO);
        holds("a.csv", format!("\u{feff}{text}").as_bytes(), &TWO);
        holds("a.csv", &utf16(&text, u16::to_le_bytes), &TWO);
        holds("a.csv", &utf16(&text, u16::to_be_bytes), &TWO);
        holds("a.csv", &latin1(&text), &TWO);
    }
    for separator in [";", "\t"] {
        let text = text.replace("org,", &format!("org{separator}")).replace(
            "mail,destination,",
            "mail,destination,".replace(',', separator).as_str(),
        );
        let text = text
            .replace("\",0", &format!("\"{separator}0"))
            .replace("org,1", &format!("org{separator}1"));
        holds("a.csv", text.as_bytes(), &TWO);
    }
}

#[test]
fn a_quoted_field_with_line_ends_moves_the_lines_on() {
    holds(
        "a.csv",
        b"mail,destination\na@b.example,\"x@y.example\n\"\"z\"\"\"\n\nc@d.example,e@f.example",
        &[
            "2 aliases mail=a@b.example destination=x@y.example\n\"z\"",
            "5 aliases mail=c@d.example destination=e@f.example",
        ],
    );
}

#[test]
fn columns_are_known_by_other_names_and_unknown_ones_passed_on() {
    holds(
        "a.csv",
        b"E-Mail Address;Forward To;Active;Remark\na@b.example;c@d.example;yes;x",
        &["2 aliases mail=a@b.example destination=c@d.example enabled=1 Remark=x"],
    );
    holds(
        "a.csv",
        b"Mail,address,destination\na@b.example,Street 1,c@d.example",
        &["2 aliases mail=a@b.example address=Street 1 destination=c@d.example"],
    );
    let look = look(
        "a.csv",
        b"E-Mail;Goto;Remark\na@b.example;c@d.example;x",
        into(&aliases::RESOURCE),
    );
    assert!(look.is_certain() && look.has_header);
    assert_eq!(look.unknown, ["Remark"]);
    assert_eq!((look.separator, look.charset), (Some(';'), "UTF-8"));
    assert_eq!(look.header, ["E-Mail", "Goto", "Remark"]);
}

#[test]
fn null_and_guarded_cells_are_what_they_were() {
    holds(
        "a.csv",
        b"mail,destination,enabled,x\n'@b.example,\\N,no,NULL\n\"'+1@b.example\",\"\\N\",maybe,\"NULL\"\n'a,''=b,on,'",
        &[
            "2 aliases mail=@b.example destination=NULL enabled=0 x=NULL",
            "3 aliases mail=+1@b.example destination=\\N enabled=maybe x=NULL",
            "4 aliases mail='a destination='=b enabled=1 x='",
        ],
    );
    let (rows, _) = read(&material(
        "a.csv",
        b"mail,x\na@b,NULL\na@b,\"NULL\"",
        into(&aliases::RESOURCE),
    ));
    let x: Vec<_> = rows
        .into_iter()
        .map(|row| row.expect("a row").row.fields[1].1.clone())
        .collect();
    assert_eq!(x, [None, Some("NULL".to_owned())]);
}

#[test]
fn without_a_header_a_person_says_which_field_is_which() {
    let bytes = b"a@b.example,c@d.example,7\n";
    let guessed = look("a.csv", bytes, into(&aliases::RESOURCE));
    assert!(!guessed.is_certain() && !guessed.has_header && guessed.header.is_empty());
    assert_eq!(
        guessed.mapping,
        ["mail", "destination", "enabled"].map(|n| Some(n.to_owned()))
    );
    assert_eq!(
        guessed.rows,
        [["a@b.example", "c@d.example", "7"].map(|n| Some(n.to_owned()))]
    );
    refuses("a.csv", bytes, 1, "does not name the column `mail`");
    let reading = Reading {
        mapping: Some(vec![Some("destination".into()), Some("mail".into()), None]),
        ..into(&aliases::RESOURCE)
    };
    assert_eq!(
        told("a.csv", bytes, reading.clone()),
        ["1 aliases destination=a@b.example mail=c@d.example"]
    );
    let reading = Reading {
        has_header: Some(true),
        ..reading
    };
    assert_eq!(told("a.csv", bytes, reading), [""; 0]);
}

#[test]
fn a_row_that_does_not_fit_is_refused_alone() {
    holds(
        "a.csv",
        b"mail,destination\na@b.example\nc@d.example,e@f.example,,\nx@y.example,1,2\nx@y.example,\"a\"b\ng@h.example,i@j.example\n",
        &[
            "refused 2: destination: There are 1 fields here and 2 columns. Quote a field that has the separator or a line end in it.",
            "3 aliases mail=c@d.example destination=e@f.example",
            "refused 4: destination: There are 3 fields here and 2 columns. Quote a field that has the separator or a line end in it.",
            "refused 5: A quoted field goes on after its closing quote. Write a quote inside a quoted field twice.",
            "6 aliases mail=g@h.example destination=i@j.example",
        ],
    );
}

#[test]
fn what_is_no_csv_of_rows_is_refused_with_its_line() {
    refuses("a.csv", b"", 0, "nothing in this file");
    refuses("a.csv", b"\xef\xbb\xbf\n\n", 0, "nothing in this file");
    refuses("a.csv", b"mail,destination\n\na@b.example,\"x", 3, "never closed");
    refuses("a.csv", b"mail,destination\na@b.example,x\0", 2, "NUL");
    refuses("a.csv", b"\x7fELF\x02\x01\x01\0\0\0\0", 1, "NUL");
    refuses(
        "a.csv",
        "mail,destination\nü@b.example,x\n"
            .as_bytes()
            .iter()
            .copied()
            .chain(*b"a,\xfc\n")
            .collect::<Vec<_>>()
            .as_slice(),
        3,
        "not UTF-8",
    );
    refuses("a.csv", b"mail,mail\na,b", 1, "Two fields are this column");
    for (magic, word) in [
        (&b"\x1f\x8b\x08"[..], "gunzip"),
        (b"PK\x03\x04", "zip"),
        (b"\xfd7zXZ\0", "unxz"),
        (b"BZh9", "bunzip2"),
    ] {
        refuses("a.csv", magic, 0, word);
    }
    assert_eq!(
        told("a.csv", b"mail,destination\n", into(&aliases::RESOURCE)),
        [""; 0]
    );
    assert!(told("a.csv", b"mail,destination\n", Reading::default())[0].contains("choose the table"));
}

#[test]
fn the_separator_is_what_every_line_has_equally_often() {
    for (text, separator) in [
        (
            "a@b.example;c@d.example,e@f.example\ng@h.example;i@j.example\n",
            ';',
        ),
        (
            "a@b.example,c@d.example;e@f.example\ng@h.example,i@j.example\n",
            ',',
        ),
        ("a@b.example\tc@d.example,e@f.example, g@h.example\nx\ty\n", '\t'),
        ("\"a;b;c\",d\n\"a;b;c\",d\n", ','),
        ("mail\na@b.example", ','),
    ] {
        let look = look("a.csv", text.as_bytes(), into(&aliases::RESOURCE));
        assert_eq!(look.separator, Some(separator), "{text}");
    }
}

#[test]
fn whether_there_is_a_header_can_be_said() {
    let reading = |has_header| Reading {
        has_header: Some(has_header),
        mapping: Some(vec![Some("mail".into()), Some("destination".into())]),
        ..into(&aliases::RESOURCE)
    };
    let row = "1 aliases mail=mail destination=destination";
    assert_eq!(told("a.csv", b"mail,destination", reading(false)), [row]);
    assert_eq!(
        told("a.csv", b"Wer,Wohin\na,b", reading(true)),
        ["2 aliases mail=a destination=b"]
    );
    let tab = b"1\tpostmaster@localhost\troot@localhost\t1\n2\t@b.example\t\\N\t0\n";
    let numbered = Reading {
        mapping: Some(
            ["pkid", "mail", "destination", "enabled"]
                .map(|name| Some(name.to_owned()))
                .to_vec(),
        ),
        ..into(&aliases::RESOURCE)
    };
    assert_eq!(
        told("aliases.txt", tab, numbered),
        [
            "1 aliases pkid=1 mail=postmaster@localhost destination=root@localhost enabled=1",
            "2 aliases pkid=2 mail=@b.example destination=NULL enabled=0",
        ],
        "mysqldump --tab"
    );
}
