//! JSON.

use super::super::Reading;
use super::{holds, into, look, refuses, told};
use crate::resource::aliases;

#[test]
fn json_is_read_in_all_its_forms() {
    let row = r#"{"mail":"a@b.example","destination":"c@d.example","enabled":true,"n":7,"x":null}"#;
    let told_of =
        |line| format!("{line} aliases mail=a@b.example destination=c@d.example enabled=1 n=7 x=NULL");
    holds(
        "a.json",
        format!("[\n{row},\n {row}\n]\n").as_bytes(),
        &[&told_of(2), &told_of(3)],
    );
    holds(
        "a.jsonl",
        format!("{row}\n{row}\n").as_bytes(),
        &[&told_of(1), &told_of(2)],
    );
    holds("a", format!("\u{feff}\n{row}").as_bytes(), &[&told_of(2)]);
    holds("a.json", b"[]", &[]);
    let tables = format!(
        "{{\"domains\":[{{\"domain\":\"b.example\"}}], \"aliases\" : [{row}],\"none\":[],\"what\":[{{}}]}}"
    );
    assert_eq!(
        told("a.json", tables.as_bytes(), Reading::default()),
        ["1 domains domain=b.example".to_owned(), told_of(1)]
    );
    let look = look("a.json", tables.as_bytes(), into(&aliases::RESOURCE));
    assert_eq!(look.rows.len(), 1, "only the table that was asked for");
    assert_eq!(
        look.skipped.rows.into_iter().collect::<Vec<_>>(),
        [("domains".into(), 1), ("what".into(), 1)]
    );
    let exported = format!(
        "[\n{{\"type\":\"header\",\"version\":\"5.2.1\"}},\n{{\"type\":\"database\",\"name\":\"maildb\"}},\n\
         {{\"type\":\"table\",\"name\":\"aliases\",\"database\":\"maildb\",\"data\":\n[\n{row},\n{row}\n]\n}}\n,\
         {{\"type\":\"table\",\"name\":\"other\",\"database\":\"maildb\",\"data\":\n[\n{{}}\n]\n}}\n]\n"
    );
    assert_eq!(
        told("maildb.json", exported.as_bytes(), Reading::default()),
        [told_of(6), told_of(7)]
    );
}

#[test]
fn a_value_that_no_column_can_have_refuses_its_row_alone() {
    holds(
        "a.json",
        br#"[{"mail":"a@b.example","destination":["c@d.example"]},
7, "x", [1], {"a" 1},
{"mail":"a@b.example"}]"#,
        &[
            "refused 1: destination: There is a list or an object here: a value is a string, a number, true, false or null.",
            "refused 2: Row 2: This is no object: a row is `{\"column\": \"value\", ...}`.",
            "refused 2: Row 3: This is no object: a row is `{\"column\": \"value\", ...}`.",
            "refused 2: Row 4: This is no object: a row is `{\"column\": \"value\", ...}`.",
            "refused 2: Row 5: This is not JSON as it should be: expected `:`.",
            "3 aliases mail=a@b.example",
        ],
    );
}

#[test]
fn json_that_is_broken_is_refused_with_its_line() {
    refuses("a.json", b"mail", 1, "neither `[` nor `{`");
    refuses("a.json", b"[\n{\"mail\":\"a\"}\n{}]", 3, "`,` has to be");
    refuses("a.json", b"[{}] x", 1, "the end of the file");
    refuses("a.json", b"[\n{\"mail\":\"a", 2, "never closed");
    refuses("a.json", b"[\n{\"mail\":", 2, "never closed");
    refuses("a.json", b"[{}", 1, "the file ends");
    let nested = [b"[".repeat(2000), b"]".repeat(2000)].concat();
    refuses(
        "a.json",
        &[b"[{\"mail\":", nested.as_slice(), b"}]"].concat(),
        1,
        "recursion limit",
    );
    refuses("a.json", &b"[".repeat(3_000_000), 1, "longer than 1 MiB");
    refuses("a.json", &b"{\"a\":".repeat(300_000), 1, "longer than 1 MiB");
    let empty = "\"x\":[],".repeat(300_000);
    assert_eq!(
        told(
            "a.json",
            format!("{{{empty}\"aliases\":[]}}").as_bytes(),
            Reading::default()
        ),
        [""; 0]
    );
}
