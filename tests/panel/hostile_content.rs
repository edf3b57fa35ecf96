//! Text that means something to a browser, a terminal or a spreadsheet, in every column of every table: it is shown as the
//! text it is. A page is read as a browser reads it, by a parser of HTML.

use scraper::{ElementRef, Html};

use crate::samples::links;
use crate::support::{Answer, Browser, Database, Panel};

/// What another program may have written, as SQL. Each has `zz` in it, by which it is searched for.
const TEXTS: &[&str] = &[
    "'<script>zz</script>'",
    "'<zz-tag onclick=zz>'",
    "'<img src=x onerror=zz>'",
    "'\" autofocus onfocus=\"zz'",
    "''' zz=''x'",
    "'</textarea><script>zz</script>'",
    "'</title><zz-tag>'",
    "'--><zz-tag><!--'",
    "'<svg/onload=zz>'",
    "'javascript:zz'",
    "'data:text/html,<zz-tag>'",
    "'//zz.example/'",
    "'&lt;zz-tag&gt;&#60;zz-tag&#62;'",
    "'`<zz-tag>`'",
    "'{{ zz }}{% zz %}${zz}'",
    "'=zz(1)'",
    "'+zz'",
    "'-zz'",
    "'@zz'",
    "REPEAT('zz', 55)",
    "CONCAT('zz', CHAR(0), 'zz')",
    "CONCAT('zz', CHAR(27), '[31m', CHAR(7), CHAR(8), 'zz')",
    "CONCAT('zz', CHAR(13, 10), 'Set-Cookie: zz=1')",
    "CONVERT(X'7A7AE280AE676E702EE280AC7A7A' USING utf8mb4)",
    "CONVERT(X'7A7AE2808BE281A6C285E280A97A7A' USING utf8mb4)",
];

/// Tables, their text columns, and what makes the subject one of an address. The first column is the subject.
const TABLES: &[(&str, &str, &[&str])] = &[
    ("domains", "domains", &["domain", "transport"]),
    ("backups", "backups", &["domain", "transport"]),
    ("aliases", "aliases", &["mail", "destination"]),
    (
        "users",
        "users",
        &["id", "name", "home", "maildir", "quota", "clear", "crypt"],
    ),
    ("relays", "relays", &["recipient", "status"]),
    ("relocated", "relocated", &["oldadr", "newadr"]),
    ("access", "access_rules", &["pattern", "message", "action"]),
];

/// Characters that are not seen, or that change what is.
fn is_hidden(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(u32::from(c), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x2069 | 0xfeff)
}

/// What of a page comes from what rows hold and is more than text.
fn lively(page: &Answer) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let mut found = Vec::new();
    let mut scripts = 0;
    for element in html.root_element().descendants().filter_map(ElementRef::wrap) {
        let name = element.value().name();
        let is_own_script = name == "script" && element.inner_html().is_empty();
        scripts += u32::from(is_own_script);
        let foreign =
            name.starts_with("zz") || matches!(name, "script" | "iframe" | "object" | "embed" | "base");
        if foreign && !is_own_script {
            found.push(format!("<{name}>"));
        }
        for (attribute, value) in element.value().attrs() {
            let leads = matches!(attribute, "href" | "src" | "action" | "formaction");
            let own = value.is_empty()
                || value.starts_with('#')
                || (value.starts_with('/') && !value.starts_with("//"));
            let read = leads || matches!(attribute, "title" | "aria-label" | "alt" | "placeholder");
            let hides = read && value.contains(is_hidden);
            if attribute.starts_with("on") || attribute.starts_with("zz") || (leads && !own) || hides {
                found.push(format!("<{name} {attribute}={value:?}>"));
            }
        }
        // What stands in a field is what is stored, to be sent again; elsewhere it is for reading.
        let is_field = matches!(name, "textarea" | "option");
        let texts = element.children().filter_map(|child| child.value().as_text());
        let hiding = texts.filter(|text| !is_field && text.contains(is_hidden));
        found.extend(hiding.map(|text| format!("<{name}> {:?}", &**text)));
    }
    if scripts != 1 {
        found.push(format!("{scripts} scripts of its own"));
    }
    found
}

/// Pages that were looked at, and what is wrong with them.
#[derive(Default)]
struct Looked {
    pages: u32,
    wrong: Vec<String>,
}

impl Looked {
    fn at(&mut self, page: &Answer, what: &str) {
        if page.status == 303 {
            return;
        }
        self.pages += 1;
        let found = lively(page).into_iter();
        self.wrong
            .extend(found.map(|found| format!("{what} ({}): {found}", page.status)));
    }
}

async fn hostile(options: &str) -> (Panel, Browser) {
    let database = Database::empty(options).await;
    database.store().await.migrate().await.expect("migrated");
    for (_, table, columns) in TABLES {
        for (n, text) in TEXTS.iter().enumerate() {
            // By itself, and before or after the @.
            let address = if n % 2 == 0 {
                format!("CONCAT({text}, '@h{n}.example')")
            } else {
                format!("CONCAT('h{n}@', {text})")
            };
            for (i, subject) in [(*text).to_owned(), address].iter().enumerate() {
                // The rest of the row is another text each time.
                let others: Vec<&str> = (1..columns.len())
                    .map(|c| TEXTS[(n + c * (i + 1)) % TEXTS.len()])
                    .collect();
                database
                    .script(&format!(
                        "INSERT IGNORE INTO {table} ({}) VALUES ({subject}, {})",
                        columns.join(", "),
                        others.join(", ")
                    ))
                    .await;
            }
        }
    }
    database
        .script("INSERT IGNORE INTO aliases (mail, destination) SELECT CONCAT('list-', mail), CONCAT('a@x.example,b@x.example,', mail) FROM aliases")
        .await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

#[tokio::test]
async fn every_page_shows_what_rows_hold_as_text() {
    let (_panel, operator) = hostile("CHARACTER SET utf8mb4").await;
    let mut looked = Looked::default();
    for slug in TABLES
        .iter()
        .map(|(slug, ..)| *slug)
        .chain(["lists", "overrides"])
    {
        let list = operator.get(&format!("{slug}?per=500")).await;
        looked.at(&list, slug);
        let rows = links(&list);
        assert!(rows.len() >= 20, "{slug}: {} rows", rows.len());
        // Changed, they are in the record.
        for (i, row) in rows.iter().enumerate() {
            for rest in ["", "/edit", "/delete"] {
                let page = operator.get(&format!("{row}{rest}")).await;
                if page.status == 303 {
                    continue;
                }
                assert_eq!(page.status, 200, "{row}{rest}");
                looked.at(&page, &format!("{row}{rest}"));
            }
            if i % 3 == 0 {
                let form = operator.get(&format!("{row}/edit")).await;
                let refused = operator.submit(&form, &[]).await;
                looked.at(&refused, &format!("{row} saved as it is: {}", refused.status));
                let late = operator
                    .submit(&form, &[("version", "0"), ("confirm", "1")])
                    .await;
                looked.at(&late, &format!("{row} saved late: {}", late.status));
                let key = row.rsplit('/').next().unwrap_or_default();
                let copy = operator.get(&format!("{slug}/new?copy={key}")).await;
                looked.at(&copy, &format!("{row} copied"));
            }
        }
        for action in ["disable", "enable", "delete"] {
            let review = operator
                .post(&format!("{slug}/bulk"), &[("action", action), ("all", "1")])
                .await;
            looked.at(&review, &format!("{slug}: {action} all"));
        }
        let done = operator
            .post(
                &format!("{slug}/bulk"),
                &[("action", "disable"), ("all", "1"), ("confirm", "1")],
            )
            .await;
        looked.at(&operator.get(done.location()).await, &format!("{slug}: told"));
    }
    for text in [
        "zz",
        "<script>zz",
        "\" autofocus onfocus=\"zz",
        "</title><zz-tag>",
        "javascript:zz",
        "\u{202e}",
    ] {
        let q = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        for path in [
            format!("search?q={q}"),
            format!("changes?q={q}&who={q}&domain={q}"),
            format!("aliases?q={q}&domain={q}&sort={q}&after={q}&needs={q}"),
            format!("aliases/new?mail={q}&destination={q}&next={q}"),
            format!("aliases/{q}"),
            format!("login?next={q}"),
        ] {
            let page = operator.get(&path).await;
            if page.status != 303 {
                looked.at(&page, &path);
            }
        }
    }
    for path in ["", "changes", "postfix"] {
        looked.at(&operator.get(path).await, path);
    }
    println!("{} pages with hostile rows", looked.pages);
    assert!(looked.wrong.is_empty(), "{}", looked.wrong.join("\n"));
}

#[tokio::test]
async fn what_a_form_shows_is_what_is_stored() {
    let (panel, operator) = hostile("CHARACTER SET utf8mb4").await;
    for (slug, table, columns) in TABLES {
        let key = if *table == "users" { "id" } else { "pkid" };
        for row in links(&operator.get(&format!("{slug}?per=500")).await) {
            let form = operator.get(&format!("{row}/edit")).await;
            let encoded = row
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .trim_start_matches("%7E");
            let name = percent_encoding::percent_decode_str(encoded).decode_utf8_lossy();
            let stored = format!(
                "SELECT {} FROM {table} WHERE BINARY CAST({key} AS CHAR) = '{}'",
                columns.join(", "),
                name.replace('\\', "\\\\").replace('\'', "''")
            );
            let [stored] = &panel.database.rows(&stored).await[..] else {
                continue;
            };
            for (column, value) in columns.iter().zip(stored) {
                let value = value.clone().unwrap_or_default();
                // Passwords are in no form, NUL is in no HTML, and lists have an item a line.
                let is_shown = !matches!(*column, "crypt" | "clear" | "destination" | "action" | "quota");
                if is_shown && !value.contains(['\0', '\r', '\n']) {
                    let shown = form.form().1.into_iter().find(|(name, _)| name == column);
                    assert_eq!(
                        shown.map(|(_, v)| v).as_deref(),
                        Some(value.as_str()),
                        "{row} {column}"
                    );
                }
            }
        }
    }
}
