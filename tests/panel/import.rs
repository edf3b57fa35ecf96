//! Files of rows, sent with a form or pasted: what is taken, what is refused, and what becomes of it.

use std::time::Duration;

use postwarden::access::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Browser, Database, Panel};

const BOUNDARY: &str = "----postwarden-test";

/// One part of a body: the name of the field, of the file where it is one, and what it holds.
type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// A body as browsers write it.
fn body(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, value) in parts {
        let file = file.map(|file| format!("; filename=\"{file}\"\r\nContent-Type: text/csv"));
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{}\r\n\r\n",
            file.unwrap_or_default()
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

/// Sends any bytes as a form with files.
async fn send(browser: &Browser, path: &str, body: Vec<u8>) -> Answer {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = browser.client.post(browser.url(path));
    Answer::of(request.header("content-type", kind).body(body)).await
}

/// Sends a form with files.
async fn send_parts(browser: &Browser, path: &str, parts: &[Part<'_>]) -> Answer {
    send(browser, path, body(parts)).await
}

/// Sends a file as a browser does from the panel's own form, with every field of it.
async fn upload(browser: &Browser, path: &str, name: &str, file: &[u8]) -> Answer {
    let parts = [
        ("file", Some(name), file),
        ("text", None, &b""[..]),
        ("format", None, &b""[..]),
    ];
    send_parts(browser, path, &parts).await
}

async fn ground() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    panel
        .database
        .script(
            "INSERT INTO domains (domain) VALUES ('x.example'), ('y.example');
             INSERT INTO aliases (mail, destination) VALUES ('old@x.example', 'joe@x.example'),
               ('same@x.example', 'joe@x.example')",
        )
        .await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// Every alias, as `mail destination`.
async fn aliases(panel: &Panel) -> Vec<String> {
    let rows = panel
        .database
        .rows("SELECT mail, destination FROM aliases ORDER BY mail")
        .await;
    let word = |word: &Option<String>| word.clone().unwrap_or_default();
    rows.iter()
        .map(|row| row.iter().map(word).collect::<Vec<_>>().join(" "))
        .collect()
}

const BEFORE: [&str; 2] = ["old@x.example joe@x.example", "same@x.example joe@x.example"];

/// One row of each kind: added, changed, unchanged.
const THREE: &[u8] =
    b"mail,destination\nnew@x.example,joe@x.example\nold@x.example,mary@x.example\nsame@x.example,joe@x.example\n";

const AFTER: [&str; 3] = [
    "new@x.example joe@x.example",
    "old@x.example mary@x.example",
    "same@x.example joe@x.example",
];

fn tally(answer: &Answer) -> Vec<String> {
    answer.texts(".tally li")
}

#[tokio::test]
async fn a_file_is_reviewed_and_then_imported_as_one_change() {
    let (panel, operator) = ground().await;
    let form = operator.get("aliases/import").await;
    assert_eq!(form.attributes("form.panel", "enctype"), ["multipart/form-data"]);
    let review = upload(&operator, "aliases/import", "aliases.csv", THREE).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(
        tally(&review),
        ["added 1", "changed 1", "unchanged 1", "refused 0"],
        "{}",
        review.text("main")
    );
    let rows = review.texts(".diff tbody tr");
    assert!(
        rows.iter()
            .any(|row| row.contains("new@x.example") && row.contains("not there")),
        "{rows:?}"
    );
    assert!(
        rows.iter()
            .any(|row| row.contains("old@x.example") && row.contains("joe@x") && row.contains("mary@x")),
        "{rows:?}"
    );
    assert_eq!(aliases(&panel).await, BEFORE, "a review writes nothing");
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/aliases"),
        "{}",
        done.text("main")
    );
    assert_eq!(aliases(&panel).await, AFTER);
    let list = operator.get("aliases").await;
    let notice = list.text(".notice");
    assert!(
        notice.contains("Imported aliases.csv: 1 added, 1 changed, 1 unchanged."),
        "{notice}"
    );
    let changes = "SELECT COUNT(DISTINCT change_id) FROM pw_changes";
    assert_eq!(panel.database.count(changes).await, 1);
    // The Back button and the button again: nothing is written twice.
    let again = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(again.status, 303, "{}", again.text("main"));
    let notice = operator.get("aliases").await.text(".notice");
    assert!(notice.contains("nothing was changed"), "{notice}");
    assert_eq!(panel.database.count(changes).await, 1);
}

#[tokio::test]
async fn a_script_sends_the_file_and_confirms_in_one_go() {
    let (panel, operator) = ground().await;
    let parts = [("file", Some("aliases.csv"), THREE), ("confirm", None, &b"1"[..])];
    let done = send_parts(&operator, "aliases/import", &parts).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/aliases"),
        "{}",
        done.text("main")
    );
    assert_eq!(aliases(&panel).await, AFTER);
    // All of it is there now.
    let again = send_parts(&operator, "aliases/import", &parts).await;
    assert_eq!(again.status, 303);
    let notice = operator.get("aliases").await.text(".notice");
    assert!(notice.contains("nothing was changed"), "{notice}");
    let fields = [
        ("text", "mail,destination\nlast@x.example,joe@x.example"),
        ("confirm", "1"),
    ];
    let pasted = operator.post("aliases/import", &fields).await;
    assert_eq!(
        pasted.status,
        303,
        "without a file it is a form like any other: {}",
        pasted.text("main")
    );
    assert_eq!(aliases(&panel).await.len(), 4);
}

#[tokio::test]
async fn rows_are_refused_one_by_one_and_left_out_when_asked() {
    let (panel, operator) = ground().await;
    let file = b"mail,destination\nnew@x.example,joe@x.example\nno address,joe@x.example\nbad@x.example,\n";
    let review = upload(&operator, "aliases/import", "aliases.csv", file).await;
    assert_eq!(review.status, 200);
    assert_eq!(
        tally(&review),
        ["added 1", "changed 0", "unchanged 0", "refused 2"]
    );
    let refused = review.texts("table.refused tbody tr");
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(
        refused[0].starts_with("Line 3 mail ") && refused[1].starts_with("Line 4 destination "),
        "{refused:?}"
    );
    assert!(
        review
            .text("button[name=confirm]")
            .contains("without the refused")
    );
    // All or nothing, unless it is asked for.
    let parts = [
        ("file", Some("aliases.csv"), &file[..]),
        ("confirm", None, &b"1"[..]),
    ];
    let answer = send_parts(&operator, "aliases/import", &parts).await;
    assert_eq!(answer.status, 422);
    assert_eq!(aliases(&panel).await, BEFORE);
    let skip = [parts[0], parts[1], ("skip_refused", None, &b"1"[..])];
    let answer = send_parts(&operator, "aliases/import", &skip).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(aliases(&panel).await.len(), 3);
    let notice = operator.get("aliases").await.text(".notice");
    assert!(
        notice.contains("1 added, 0 changed, 0 unchanged, 2 left out."),
        "{notice}"
    );
    // From the review it is one button.
    let another = b"mail,destination\nnewer@x.example,joe@x.example\nno address,joe@x.example\n";
    let review = upload(&operator, "aliases/import", "aliases.csv", another).await;
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!(aliases(&panel).await.len(), 4);
    // What is left is there already.
    assert_eq!(send_parts(&operator, "aliases/import", &skip).await.status, 303);
    let notice = operator.get("aliases").await.text(".notice");
    assert!(notice.contains("nothing was changed, 2 left out"), "{notice}");
    // Nothing good at all.
    let review = upload(
        &operator,
        "aliases/import",
        "a.csv",
        b"mail,destination\nno address,x\n",
    )
    .await;
    assert_eq!(review.status, 422);
    assert!(review.texts("button[name=confirm]").is_empty());
}

#[tokio::test]
async fn what_changed_since_the_review_is_shown_again_and_not_written_over() {
    let (panel, operator) = ground().await;
    let review = upload(&operator, "aliases/import", "aliases.csv", THREE).await;
    panel
        .database
        .script("UPDATE aliases SET destination = 'other@y.example' WHERE mail = 'same@x.example'")
        .await;
    let answer = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(answer.status, 409, "{}", answer.text("main"));
    assert!(answer.text(".notice.warn").contains("changed since you looked"));
    assert_eq!(
        tally(&answer),
        ["added 1", "changed 2", "unchanged 0", "refused 0"]
    );
    assert!(answer.text(".diff").contains("other@y.example"));
    assert_eq!(aliases(&panel).await[1], "same@x.example other@y.example");
    assert_eq!(operator.submit(&answer, &[("confirm", "1")]).await.status, 303);
    assert_eq!(aliases(&panel).await, AFTER);
}

#[tokio::test]
async fn pasted_rows_are_read_as_they_come() {
    let (panel, operator) = ground().await;
    for (text, address) in [
        (
            "mail\tdestination\na@x.example\tjoe@x.example\n",
            "a@x.example joe@x.example",
        ),
        (
            "mail;destination\nb@x.example;joe@x.example\n",
            "b@x.example joe@x.example",
        ),
        ("c@x.example joe@x.example\n", "c@x.example joe@x.example"),
        (
            "d@x.example   joe@x.example, mary@y.example\n\nold@x.example joe@x.example\n",
            "d@x.example joe@x.example,mary@y.example",
        ),
    ] {
        let review = operator.post("aliases/import", &[("text", text)]).await;
        assert_eq!(review.status, 200, "{text}: {}", review.text("main"));
        assert_eq!(tally(&review)[0], "added 1", "{text}: {}", review.text("main"));
        let done = operator.submit(&review, &[("confirm", "1")]).await;
        assert_eq!(done.status, 303, "{text}: {}", done.text("main"));
        assert!(aliases(&panel).await.iter().any(|row| row == address), "{text}");
    }
}

#[tokio::test]
async fn pasted_rows_can_be_changed_after_the_review_and_after_a_mistake() {
    let (_panel, operator) = ground().await;
    let text = "mail,destination\n\"é\"@x.example,<joe>\n";
    let review = operator
        .post("aliases/import", &[("text", text), ("format", "csv")])
        .await;
    let form = operator.submit(&review, &[("edit", "1")]).await;
    assert_eq!(form.status, 200, "{}", form.text("main"));
    assert_eq!(form.field("text").trim_start_matches('\n'), text);
    assert_eq!(form.field("format"), "csv");
    let form = operator
        .post(
            "aliases/import",
            &[("text", text), ("format", "docx"), ("skip_refused", "1")],
        )
        .await;
    assert_eq!(form.status, 422);
    assert_eq!(form.field("text").trim_start_matches('\n'), text);
    assert_eq!(
        form.attributes("input[name=skip_refused][checked]", "value"),
        ["1"]
    );
    // The same with everything else that is wrong with what was sent.
    let parts = [
        ("text", None, text.as_bytes()),
        ("file", Some("empty.csv"), &b""[..]),
    ];
    let form = send_parts(&operator, "aliases/import", &parts).await;
    assert_eq!(form.status, 422);
    assert!(form.text(".summary").contains("empty"));
    assert_eq!(form.field("text").trim_start_matches('\n'), text);
}

#[tokio::test]
async fn a_file_that_does_not_name_its_columns_is_asked_about() {
    let (panel, operator) = ground().await;
    let file = b"joe@x.example;new@x.example;note\nmary@x.example;second@x.example;\n";
    let step = upload(&operator, "aliases/import", "export.csv", file).await;
    assert_eq!(step.status, 200, "{}", step.text("main"));
    let rows = step.texts(".mapping tbody tr");
    assert_eq!(rows.len(), 3);
    assert!(rows[1].contains("new@x.example second@x.example"), "{rows:?}");
    let (_, fields) = step.form();
    let sent = |map: [&'static str; 3]| {
        let mut fields: Vec<(String, String)> = fields.iter().filter(|(n, _)| n != "map").cloned().collect();
        fields.extend(map.map(|column| ("map".to_owned(), column.to_owned())));
        fields
    };
    let post = async |map| {
        let fields = sent(map);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        operator.post("aliases/import", &fields).await
    };
    let wrong = post(["destination", "", ""]).await;
    assert_eq!(wrong.status, 422, "{}", wrong.text("main"));
    assert!(wrong.text(".summary").contains("mail"));
    let twice = post(["mail", "mail", "destination"]).await;
    assert_eq!(twice.status, 422);
    assert!(twice.text(".summary").contains("Two columns"));
    let review = post(["destination", "mail", ""]).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(tally(&review)[0], "added 2", "{}", review.text("main"));
    // The mapping goes along.
    let (action, mut fields) = review.form();
    fields.push(("confirm".to_owned(), "1".to_owned()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let done = operator.post(&action, &fields).await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(aliases(&panel).await.len(), 4);
    assert_eq!(aliases(&panel).await[0], "new@x.example joe@x.example");
    // A script that confirms is not answered as if it were done.
    let parts = [
        ("file", Some("export.csv"), &file[..]),
        ("confirm", None, &b"1"[..]),
    ];
    assert_eq!(send_parts(&operator, "aliases/import", &parts).await.status, 422);
}

#[tokio::test]
async fn lists_and_overrides_are_imported_from_their_own_pages() {
    let (panel, operator) = ground().await;
    let list = b"mail,destination\nall@x.example,\"joe@x.example, mary@x.example\"\n";
    let parts = [
        ("file", Some("lists.csv"), &list[..]),
        ("confirm", None, &b"1"[..]),
    ];
    let done = send_parts(&operator, "lists/import", &parts).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/lists"),
        "{}",
        done.text("main")
    );
    assert!(operator.get("lists").await.body.contains("all@x.example"));
    let override_ = b"mail,transport\njoe@x.example,smtp:[mail.y.example]\n";
    let parts = [
        ("file", Some("o.csv"), &override_[..]),
        ("confirm", None, &b"1"[..]),
    ];
    let done = send_parts(&operator, "overrides/import", &parts).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/overrides"),
        "{}",
        done.text("main")
    );
    assert!(operator.get("overrides").await.body.contains("joe@x.example"));
    let domain = b"mail,transport\nz.example,smtp:[mail.y.example]\n";
    let review = upload(&operator, "overrides/import", "o.csv", domain).await;
    assert_eq!(
        review.status,
        422,
        "a domain is no override: {}",
        review.text("main")
    );
    let owner = panel.signed_in("owner", Role::Owner, &["x.example"]).await;
    assert_eq!(owner.get("overrides/import").await.status, 403);
}

#[tokio::test]
async fn a_file_with_several_tables_is_reviewed_table_by_table() {
    let (panel, operator) = ground().await;
    let json = br#"{"domains": [{"domain": "z.example", "transport": "virtual:"}],
        "aliases": [{"mail": "a@z.example", "destination": "joe@x.example"}]}"#;
    let sql = b"CREATE TABLE aliases (mail varchar(120));\nDROP TABLE users;\n\
        INSERT INTO `aliases` (`mail`, `destination`) VALUES ('b@x.example', 'joe@x.example');\n";
    let review = upload(&operator, "import", "all.json", json).await;
    assert_eq!(review.status, 200, "{}", review.text("main"));
    assert_eq!(tally(&review)[0], "added 2");
    assert_eq!(review.texts(".section-head h2"), ["Domains", "Aliases"]);
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/changes"),
        "{}",
        done.text("main")
    );
    let review = upload(&operator, "import", "dump.sql", sql).await;
    assert_eq!(tally(&review)[0], "added 1", "{}", review.text("main"));
    assert_eq!(operator.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!(aliases(&panel).await.len(), 4);
    let tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'users'";
    assert_eq!(panel.database.count(tables).await, 1, "a dump is data");
    let forwarders = b"source,target\nold@x.example,mary@x.example\n";
    let parts = [
        ("file", Some("f.csv"), &forwarders[..]),
        ("format", None, &b"cpanel-forwarders"[..]),
    ];
    let review = send_parts(&operator, "import", &parts).await;
    assert_eq!(tally(&review)[1], "changed 1", "{}", review.text("main"));
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303, "the format goes along: {}", done.text("main"));
}

#[tokio::test]
async fn owners_import_within_their_domains_and_auditors_not_at_all() {
    let (panel, _) = ground().await;
    let owner = panel.signed_in("owner", Role::Owner, &["x.example"]).await;
    let file = b"mail,destination\nmine@x.example,joe@x.example\ntheirs@y.example,joe@x.example\n";
    let review = upload(&owner, "aliases/import", "a.csv", file).await;
    assert_eq!(
        tally(&review),
        ["added 1", "changed 0", "unchanged 0", "refused 1"],
        "{}",
        review.text("main")
    );
    assert_eq!(owner.submit(&review, &[("confirm", "1")]).await.status, 303);
    assert_eq!(aliases(&panel).await.len(), 3);
    assert_eq!(owner.get("domains/import").await.status, 403);
    assert_eq!(owner.get("import").await.status, 404);
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    for path in ["aliases/import", "import"] {
        assert_eq!(auditor.get(path).await.status, 403);
        assert_eq!(upload(&auditor, path, "a.csv", file).await.status, 403);
    }
    let listed = auditor.get("aliases").await.attributes("main a", "href");
    assert!(!listed.iter().any(|href| href.contains("import")), "{listed:?}");
}

#[tokio::test]
async fn an_upload_is_its_accounts_own_and_not_kept_for_ever() {
    let (panel, operator) = ground().await;
    let review = upload(&operator, "aliases/import", "aliases.csv", THREE).await;
    let (_, fields) = review.form();
    let name = fields
        .iter()
        .find(|(n, _)| n == "upload")
        .expect("a name")
        .1
        .clone();
    panel.account("second", Role::Operator, &[]).await;
    let second = panel.browser();
    let signed_in = [("username", "second"), ("password", crate::support::PASSWORD)];
    assert_eq!(second.post("login", &signed_in).await.status, 303);
    for (browser, name) in [(&second, &*name), (&operator, "0123")] {
        let answer = browser
            .post("aliases/import", &[("upload", name), ("confirm", "1")])
            .await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text(".summary").contains("not kept any more"),
            "{}",
            answer.text("main")
        );
        assert_eq!(answer.attributes("form.panel input[type=file]", "name"), ["file"]);
    }
    for _ in 0..3 {
        upload(&operator, "aliases/import", "aliases.csv", THREE).await;
    }
    let answer = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(answer.status, 422, "three others were sent since");
    assert_eq!(aliases(&panel).await, BEFORE);
}

#[tokio::test]
async fn a_body_that_is_broken_is_explained() {
    let (panel, operator) = ground().await;
    let whole = body(&[("file", Some("aliases.csv"), THREE)]);
    let cut = whole[..whole.len() - 20].to_vec();
    let many: Vec<Part<'_>> = (0..21).map(|_| ("x", None, &b"1"[..])).collect();
    let two = [("file", Some("a.csv"), THREE), ("file", Some("b.csv"), THREE)];
    let endless = format!("--{BOUNDARY}\r\nX: {}", "x".repeat(3_000_000)).into_bytes();
    for (what, sent) in [
        ("nothing", Vec::new()),
        ("cut off", cut),
        ("no parts", b"mail,destination\n".to_vec()),
        ("many parts", body(&many)),
        ("two files", body(&two)),
        ("a head without an end", endless.clone()),
        (
            "random",
            (0..5000_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect(),
        ),
    ] {
        let answer = send(&operator, "aliases/import", sent).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text("main"));
        assert!(
            answer.text("main").contains("cannot be read"),
            "{what}: {}",
            answer.text("main")
        );
    }
    let answer = send(&operator, "aliases/import", endless).await;
    assert!(
        answer.text("main").contains("has no end"),
        "{}",
        answer.text("main")
    );
    for kind in [
        "multipart/form-data",
        "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=",
    ] {
        let request = operator.client.post(operator.url("aliases/import"));
        let answer = Answer::of(request.header("content-type", kind).body(whole.clone())).await;
        assert_eq!(answer.status, 400, "{kind}: {}", answer.text("main"));
    }
    for parts in [
        &[("file", Some(""), &b""[..]), ("text", None, b" \n")][..],
        &[("other", None, b"x")],
        &[],
    ] {
        let answer = send_parts(&operator, "aliases/import", parts).await;
        assert_eq!(answer.status, 422, "{}", answer.text("main"));
        assert!(
            answer.text(".summary").contains("Choose a file"),
            "{}",
            answer.text("main")
        );
    }
    // Elsewhere nothing but forms is taken.
    assert_eq!(send(&operator, "aliases", whole.clone()).await.status, 415);
    assert_eq!(send(&operator, "import/import", whole).await.status, 404);
    assert_eq!(aliases(&panel).await, BEFORE);
}

#[tokio::test]
async fn a_strange_file_is_refused_with_its_reason() {
    let (panel, operator) = ground().await;
    let nul = b"mail,destination\nn\0l@x.example,joe@x.example\n";
    let zip = [&b"PK\x03\x04\x14\0\0\0\x08\0"[..], &[7; 4000]].concat();
    let columns = vec!["mail"; 10_000].join(",").into_bytes();
    let line = "x".repeat(20_000_000).into_bytes();
    for (what, name, file) in [
        ("NUL", "a.csv", &nul[..]),
        ("zip", "a.zip", &zip),
        ("10,000 columns", "a.csv", &columns),
        ("a long line", "a.csv", &line),
        ("empty", "a.csv", b""),
        ("no rows", "a.csv", b"mail,destination\n"),
    ] {
        let answer = upload(&operator, "aliases/import", name, file).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.text("main"));
        assert!(
            !answer.text(".summary").is_empty() || !answer.text(".refused").is_empty(),
            "{what}"
        );
        assert!(answer.body.len() < 100_000, "{what}: {}", answer.body.len());
    }
    assert_eq!(aliases(&panel).await, BEFORE);
}

#[tokio::test]
async fn the_name_of_a_file_is_shown_and_means_nothing() {
    let (_panel, operator) = ground().await;
    for (name, shown) in [
        ("../../etc/<script>alert(1)</script>.csv", "script>.csv"),
        (
            "<img src=x onerror=alert(1)>.csv",
            "<img src=x onerror=alert(1)>.csv",
        ),
        ("C:\\Users\\joe\\a.csv", "a.csv"),
        ("a%22b%0d%0a.csv", "a%22b%0d%0a.csv"),
    ] {
        let review = upload(&operator, "aliases/import", name, THREE).await;
        assert_eq!(review.status, 200, "{name}: {}", review.text("main"));
        assert_eq!(review.text("h1"), shown);
        assert!(
            !review.body.contains("<img src=x") && !review.body.contains("<script>"),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_before_and_while_it_is_read() {
    let panel = Panel::with(Database::fresh().await, |config| config.import.largest = 2).await;
    let operator = panel.operator().await;
    let file = vec![b'x'; 5 << 20];
    let answer = upload(&operator, "aliases/import", "a.csv", &file).await;
    assert_eq!((answer.status, answer.text("h1")), (413, "Too large".to_owned()));
    assert!(answer.text("main").contains("2 MiB") && answer.text("main").contains("import.largest"));
    // Without its length said.
    let mut stream = TcpStream::connect(panel.address)
        .await
        .expect("the panel answers");
    let cookie = session_of(&panel).await;
    let head = format!(
        "POST /aliases/import HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Type: multipart/form-data; \
         boundary={BOUNDARY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let body = body(&[("file", Some("a.csv"), &file[..3 << 20])]);
    stream.write_all(head.as_bytes()).await.expect("sent");
    for piece in body.chunks(100_000) {
        let size = format!("{:x}\r\n", piece.len());
        stream
            .write_all(&[size.as_bytes(), piece, b"\r\n"].concat())
            .await
            .expect("sent");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("sent");
    assert!(answered(&mut stream).await.starts_with("HTTP/1.1 413"));
    // Text that is pasted is a form like any other.
    let text = vec![b'x'; 1_100_000];
    let answer = send_parts(&operator, "aliases/import", &[("text", None, &text)]).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text("main").contains("1024 kB"));
}

#[tokio::test]
async fn a_file_may_come_slowly_and_not_stand_still() {
    let (panel, _) = ground().await;
    let cookie = session_of(&panel).await;
    let rest = b"mail,destination\nnew@x.example,joe@x.example\n";
    let padding = vec![b'\n'; 4 * 70_000];
    let whole = body(&[("file", Some("a.csv"), &[&padding[..], rest].concat())]);
    let head = format!(
        "POST /aliases/import HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Type: multipart/form-data; \
         boundary={BOUNDARY}\r\nContent-Length: {}\r\n\r\n",
        whole.len()
    );
    let begin = async || {
        let mut stream = TcpStream::connect(panel.address)
            .await
            .expect("the panel answers");
        stream.write_all(head.as_bytes()).await.expect("sent");
        stream.write_all(&whole[..70_000]).await.expect("sent");
        stream
    };
    let (mut slow, mut stalled) = (begin().await, begin().await);
    let slow = async {
        for piece in whole[70_000..].chunks(70_000) {
            tokio::time::sleep(Duration::from_secs(9)).await;
            slow.write_all(piece).await.expect("sent");
        }
        answered(&mut slow).await
    };
    let stalled = async {
        let mut bytes = vec![0; 4096];
        let n = stalled.read(&mut bytes).await.expect("an answer");
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    };
    let begun = std::time::Instant::now();
    let both = async { tokio::join!(slow, stalled) };
    let (slow, stalled) = tokio::time::timeout(Duration::from_secs(90), both)
        .await
        .expect("answers");
    assert!(
        begun.elapsed() < Duration::from_secs(50),
        "nobody waits for who stands still"
    );
    assert!(
        begun.elapsed() > Duration::from_secs(33),
        "longer than a form may take"
    );
    assert!(slow.starts_with("HTTP/1.1 200"), "{slow}");
    assert!(stalled.starts_with("HTTP/1.1 408"), "{stalled}");
}

/// The cookie of another operator.
async fn session_of(panel: &Panel) -> String {
    panel.account("other", Role::Operator, &[]).await;
    let fields = [("username", "other"), ("password", crate::support::PASSWORD)];
    panel.browser().post("login", &fields).await.cookie()
}

/// The beginning of an answer.
async fn answered(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut bytes));
    let n = read.await.expect("an answer in time").expect("an answer");
    String::from_utf8_lossy(&bytes[..n]).into_owned()
}

/// Whether this process has a file open that no directory names and that is about as long.
fn is_spooled(length: u64) -> bool {
    let open = std::fs::read_dir("/proc/self/fd").expect("open files").flatten();
    open.filter(|file| {
        std::fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().contains("(deleted)"))
    })
    .filter_map(|file| std::fs::metadata(file.path()).ok())
    .any(|file| (length - 1000..=length).contains(&file.len()))
}

/// Sends the first bytes of a file, and tells whether they are on the disk while the rest is waited for.
async fn reaches_the_disk(panel: &Panel, cookie: &str, length: usize, headers: &str) -> bool {
    let mut stream = TcpStream::connect(panel.address)
        .await
        .expect("the panel answers");
    let head = format!(
        "POST /aliases/import HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Type: multipart/form-data; \
         boundary={BOUNDARY}\r\nContent-Length: 9999999\r\n{headers}\r\n"
    );
    let part =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n");
    let sent = [head.as_bytes(), part.as_bytes(), &vec![b'x'; length]].concat();
    stream.write_all(&sent).await.expect("sent");
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if is_spooled(length as u64) {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn only_who_may_import_writes_to_the_disk() {
    let (panel, _) = ground().await;
    let operator = session_of(&panel).await;
    assert!(
        reaches_the_disk(&panel, &operator, 555_555, "").await,
        "the test sees what it looks for"
    );
    let mut tries = 0..20;
    while is_spooled(555_555) {
        tries.next().expect("nothing is left of what broke off");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!reaches_the_disk(&panel, "", 666_666, "").await);
    assert!(!reaches_the_disk(&panel, &operator, 777_777, "Sec-Fetch-Site: cross-site\r\n").await);
    panel.account("auditor", Role::Auditor, &[]).await;
    let fields = [("username", "auditor"), ("password", crate::support::PASSWORD)];
    let auditor = panel.browser().post("login", &fields).await.cookie();
    assert!(!reaches_the_disk(&panel, &auditor, 888_888, "").await);
}

#[tokio::test]
async fn what_is_refused_unread_is_answered_all_the_same() {
    let (panel, operator) = ground().await;
    let file = vec![b'x'; 5_000_000];
    let stranger = panel.browser();
    let answer = upload(&stranger, "aliases/import", "a.csv", &file).await;
    assert_eq!(answer.status, 401, "{}", answer.text("main"));
    assert!(answer.text("main").contains("signed out"));
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    assert_eq!(
        upload(&auditor, "aliases/import", "a.csv", &file).await.status,
        403
    );
    let request = operator.client.post(operator.url("aliases/import"));
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let small = body(&[("file", Some("a.csv"), THREE)]);
    let request = request
        .header("content-type", kind)
        .header("sec-fetch-site", "cross-site")
        .body(small);
    assert_eq!(Answer::of(request).await.status, 403);
}
