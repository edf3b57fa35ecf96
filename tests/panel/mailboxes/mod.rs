//! Mailboxes: what a form keeps, and keys that people type.

mod directories;
mod passwords;
mod self_aliases;

use postwarden::access::Role;

use crate::password_hashes::libcrypt_accepts;
use crate::samples::{both, links, recorded, walk};
use crate::support::{Database, Panel};

const JOE: [(&str, &str); 3] = [("id", "joe@shop.example"), ("name", "Joe Doe"), ("enabled", "1")];
/// With a space at its end, which is part of it.
const TYPED: &str = "Correct \"horse\" & 50% 'battery' ";

/// What a mailbox has in a column.
async fn stored(panel: &Panel, id: &str, column: &str) -> Option<String> {
    let query = format!(
        "SELECT {column} FROM users WHERE id = '{}'",
        id.replace('\'', "''")
    );
    panel.database.value(&query).await
}

async fn hash_of(panel: &Panel, id: &str) -> String {
    stored(panel, id, "crypt").await.expect("a mailbox")
}

/// Joe's fields and some more.
fn joe<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = JOE.iter().filter(|(n, _)| !more.iter().any(|(m, _)| m == n));
    kept.chain(more).copied().collect()
}

/// The one alias of an address: where it delivers to and whether it is on.
async fn alias(panel: &Panel, mail: &str) -> Option<(String, bool)> {
    let query = format!("SELECT destination, enabled FROM aliases WHERE mail = '{mail}'");
    let row = panel.database.rows(&query).await.into_iter().next()?;
    Some((row[0].clone()?, row[1].as_deref() == Some("1")))
}

#[tokio::test]
async fn fields_under_more_keep_their_value_or_get_their_default() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let row = async |id: &str| {
            stored(
                &panel,
                id,
                "CONCAT_WS('|', uid, gid, home, quota, change_password)",
            )
            .await
        };
        assert_eq!(operator.post("users", &JOE).await.status, 303);
        assert_eq!(
            row(JOE[0].1).await.as_deref(),
            Some("5000|5000|/var/spool/mail/virtual||1")
        );
        let rare = [
            ("uid", "6001"),
            ("gid", "6002"),
            ("home", "/srv/mail"),
            ("quota", "10485760S"),
            ("change_password", "0"),
        ];
        let page = "users/joe@shop.example";
        let answer = operator.post(page, &[&JOE[..], &rare[..]].concat()).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let changed = "6001|6002|/srv/mail|10485760S|0";
        assert_eq!(row(JOE[0].1).await.as_deref(), Some(changed));
        assert_eq!(operator.post(page, &joe(&[("name", "Joseph")])).await.status, 303);
        assert_eq!(row(JOE[0].1).await.as_deref(), Some(changed), "left out is kept");
        assert_eq!(stored(&panel, JOE[0].1, "name").await.as_deref(), Some("Joseph"));
        let form = operator.get(page).await;
        for (name, value) in rare {
            assert_eq!(form.field(name), value);
        }
        for (name, value) in [
            ("uid", "0"),
            ("gid", "-1"),
            ("uid", "x"),
            ("home", "mail"),
            ("home", "/a/../b"),
        ] {
            let answer = operator.post(page, &joe(&[(name, value)])).await;
            assert_eq!(answer.status, 422, "{name}={value}");
            assert!(
                !answer.text(&format!("#{name}-error")).is_empty(),
                "{name}={value}"
            );
        }
    }
}

#[tokio::test]
async fn a_new_mailbox_gets_the_defaults_of_the_live_table() {
    for database in both().await {
        database
            .script("ALTER TABLE users ALTER uid SET DEFAULT 6000, ALTER gid SET DEFAULT 6001, ALTER home SET DEFAULT '/srv/mail', \
                     ALTER quota SET DEFAULT '1G', ALTER change_password SET DEFAULT 0")
            .await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
        assert_eq!(operator.post("users", &JOE).await.status, 303);
        assert_eq!(
            owner
                .post("users", &joe(&[("id", "ann@shop.example")]))
                .await
                .status,
            303
        );
        let form = operator.get("users/new").await;
        assert_eq!(
            (form.field("uid"), form.field("home")),
            ("6000".to_owned(), "/srv/mail".to_owned())
        );
        for id in ["joe@shop.example", "ann@shop.example"] {
            let row = stored(
                &panel,
                id,
                "CONCAT_WS('|', uid, gid, home, quota, change_password)",
            )
            .await;
            assert_eq!(row.as_deref(), Some("6000|6001|/srv/mail|1G|0"), "{id}");
        }
    }
}

#[tokio::test]
async fn a_renamed_mailbox_is_found_under_its_new_name() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        operator.post("users", &joe(&[("password", TYPED)])).await;
        operator.get("users").await;
        let hash = hash_of(&panel, JOE[0].1).await;
        let form = operator.get("users/joe@shop.example").await;
        let answer = operator.submit(&form, &[("id", "O'Brien+x@shop.example")]).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let id = "o'brien+x@shop.example";
        assert_eq!(hash_of(&panel, id).await, hash);
        assert_eq!(
            stored(&panel, id, "maildir").await.as_deref(),
            Some("shop.example/joe/"),
            "the mail stays"
        );
        let again = operator
            .get("users")
            .await
            .attributes("[role=status] a", "href")
            .pop()
            .expect("a link to edit it again");
        let page = operator.get(&again).await;
        assert_eq!((page.status, page.field("id")), (200, id.to_owned()), "{again}");
        assert_eq!(operator.get("users/joe@shop.example").await.status, 404);
        let record = "SELECT row_key, old_subject, subject, JSON_VALUE(row_before, '$.id'), JSON_VALUE(row_after, '$.id') \
                      FROM pw_changes ORDER BY change_id DESC LIMIT 1";
        let record = panel.database.rows(record).await.remove(0);
        let record: Vec<&str> = record.iter().filter_map(|v| v.as_deref()).collect();
        assert_eq!(record, [id, "joe@shop.example", id, "joe@shop.example", id]);
        // From there back, with the version the page has.
        assert_eq!(
            operator.submit(&page, &[("id", "joe@shop.example")]).await.status,
            303
        );
        assert_eq!(hash_of(&panel, "joe@shop.example").await, hash);
    }
}

#[tokio::test]
async fn an_address_that_has_a_mailbox_gets_no_second_one() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO users (id, maildir) VALUES ('joe@shop.example', 'shop.example/joe/'), ('ann@shop.example', 'ann/')")
            .await;
        for id in ["joe@shop.example", "Joe@Shop.Example", " joe@shop.example "] {
            for (path, maildir) in [
                ("users", ""),
                ("users", "elsewhere/"),
                ("users/ann@shop.example", "ann/"),
            ] {
                let answer = operator
                    .post(path, &joe(&[("id", id), ("maildir", maildir)]))
                    .await;
                assert_eq!(answer.status, 422, "{path}: {id}");
                assert!(
                    answer.text("#id-error").contains("exists already"),
                    "{path}: {maildir}: {}",
                    answer.text(".summary")
                );
                assert_eq!(
                    answer.attributes(".summary p a", "href"),
                    ["/users/joe@shop.example"]
                );
            }
        }
        assert_eq!(recorded(&panel.database).await, 0);
    }
}

#[tokio::test]
async fn a_mailbox_changed_meanwhile_is_not_overwritten_and_the_typed_password_is_not_lost() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let second = panel.signed_in("second", Role::Operator, &[]).await;
        operator.post("users", &JOE).await;
        operator.get("users").await;
        let page = "users/joe@shop.example";
        let seen = operator.get(page).await;
        assert_eq!(
            second
                .submit(&second.get(page).await, &[("name", "Their Name")])
                .await
                .status,
            303
        );
        let before = hash_of(&panel, JOE[0].1).await;
        let mine = [("name", "My Name"), ("password", TYPED), ("self_alias", "1")];
        let conflict = operator.submit(&seen, &mine).await;
        assert_eq!(conflict.status, 409);
        let diff = conflict.text("table.diff");
        assert!(diff.contains("Their Name") && diff.contains("My Name"), "{diff}");
        assert!(!diff.contains("battery"), "{diff}");
        assert_eq!(hash_of(&panel, JOE[0].1).await, before);
        assert_eq!(alias(&panel, JOE[0].1).await, None);
        let saved = operator.submit(&conflict, &[]).await;
        assert_eq!(saved.status, 303, "{}", saved.text("main"));
        assert_eq!(stored(&panel, JOE[0].1, "name").await.as_deref(), Some("My Name"));
        assert!(libcrypt_accepts(&hash_of(&panel, JOE[0].1).await, TYPED));
        assert!(alias(&panel, JOE[0].1).await.is_some());
        // A password somebody else has set counts as a change too, and a generated one is not lost either.
        let seen = operator.get(page).await;
        second.submit(&second.get(page).await, &[("generate", "1")]).await;
        let theirs = hash_of(&panel, JOE[0].1).await;
        let conflict = operator.submit(&seen, &[("generate", "1")]).await;
        assert_eq!(conflict.status, 409);
        assert_eq!(hash_of(&panel, JOE[0].1).await, theirs);
        assert_eq!(operator.submit(&conflict, &[]).await.status, 303);
        let password = operator.get("users").await.text("#secret");
        assert!(libcrypt_accepts(&hash_of(&panel, JOE[0].1).await, &password));
    }
}

#[tokio::test]
async fn a_mailbox_is_reached_whatever_its_key_holds() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let keys = [
            "o'brien+x@shop.example",
            "sales/north@shop.example",
            "50%41@shop.example",
            "a?b=c&d#e@shop.example",
            "\"quoted part\"@shop.example",
            "~tilde@shop.example",
            "../up@shop.example",
            "new",
            "bulk",
            "~",
            ".",
            "..",
            "",
        ];
        for (n, key) in keys.iter().enumerate() {
            let key = key.replace('\'', "''");
            panel
                .database
                .script(&format!(
                    "INSERT INTO users (id, maildir) VALUES ('{key}', 'k{n}/')"
                ))
                .await;
        }
        let rows = walk(&operator, "users?per=5").await;
        let count = panel.database.count("SELECT COUNT(*) FROM users").await;
        assert_eq!(rows.len() as u64, count);
        let mut seen = Vec::new();
        for row in &rows {
            let page = operator.get(row).await;
            assert_eq!(page.status, 200, "{row}");
            assert_eq!(page.form().0, *row);
            seen.push(page.field("id"));
            assert_eq!(
                operator
                    .post(&format!("{row}/enabled"), &[("value", "0")])
                    .await
                    .status,
                303,
                "{row}"
            );
        }
        for key in keys {
            assert!(seen.iter().any(|s| s == key), "{key}: {seen:?}");
        }
        let on = "SELECT COUNT(*) FROM users WHERE enabled <> 0";
        assert_eq!(panel.database.count(on).await, 0);
        // Those that Postfix can look up can be saved; every one can be deleted.
        for row in rows.iter().filter(|row| {
            ["brien", "north", "50", "d%23e", "tilde"]
                .iter()
                .any(|part| row.contains(part))
        }) {
            let answer = operator
                .submit(&operator.get(row).await, &[("name", "Kept")])
                .await;
            assert_eq!(answer.status, 303, "{row}: {}", answer.text("main"));
        }
        for row in rows {
            let asked = operator.get(&format!("{row}/delete")).await;
            assert_eq!(asked.status, 200, "{row}");
            let answer = operator.submit(&asked, &[("confirm", "1")]).await;
            assert_eq!(answer.status, 303, "{row}: {}", answer.text("main"));
        }
        assert_eq!(panel.database.count("SELECT COUNT(*) FROM users").await, 0);
    }
}

#[tokio::test]
async fn mailboxes_are_switched_off_together_in_one_change() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script(
                "INSERT INTO users (id, maildir, enabled) VALUES ('a''b@shop.example', 'a/', 1), ('c/d@shop.example', 'c/', 1), \
                 ('off@shop.example', 'o/', 0), ('stays@shop.example', 's/', 1)",
            )
            .await;
        let chosen = [
            ("key", "a'b@shop.example"),
            ("key", "c/d@shop.example"),
            ("key", "off@shop.example"),
            ("action", "disable"),
        ];
        let review = operator.post("users/bulk", &chosen).await;
        assert_eq!(review.status, 200);
        assert!(
            review.text("main").contains("2 mailboxes"),
            "{}",
            review.text("main")
        );
        assert!(
            review.text("main").contains("1 is disabled already"),
            "{}",
            review.text("main")
        );
        assert_eq!(recorded(&panel.database).await, 0, "asking changes nothing");
        let done = operator.submit(&review, &[("confirm", "1")]).await;
        assert_eq!(done.status, 303, "{}", done.text("main"));
        let on = "SELECT id FROM users WHERE enabled = 1 AND id LIKE '%@shop.example'";
        assert_eq!(
            panel.database.rows(on).await,
            [[Some("stays@shop.example".to_owned())]]
        );
        assert_eq!(recorded(&panel.database).await, 2);
        assert_eq!(
            panel
                .database
                .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
                .await,
            1
        );
    }
}

#[tokio::test]
async fn a_mailbox_of_a_domain_that_is_not_hosted_is_asked_about() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (id, words) in [
            ("joe@foreign.example", "not an enabled domain of this server"),
            ("joe@away.example", "backup MX"),
        ] {
            let asked = operator.post("users", &joe(&[("id", id)])).await;
            assert!(asked.asks(), "{id}: {}", asked.text("main"));
            assert!(
                asked.text("[role=alert]").contains(words),
                "{}",
                asked.text("[role=alert]")
            );
            assert_eq!(stored(&panel, id, "id").await, None);
            assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
        }
        // One that is off does nothing, and is not asked about.
        let off = [("id", "off@foreign.example")];
        assert_eq!(operator.post("users", &off).await.status, 303);
        for id in [
            "",
            "joe",
            "@shop.example",
            "joe@",
            "a@b@shop.example",
            "josé@shop.example",
        ] {
            let answer = operator
                .post("users", &joe(&[("id", id), ("confirm", "1")]))
                .await;
            assert_eq!(answer.status, 422, "{id}");
            assert!(!answer.text("#id-error").is_empty(), "{id}");
        }
    }
}

#[tokio::test]
async fn mailboxes_of_the_oldest_databases_work() {
    let panel = Panel::on(Database::odd().await).await;
    let operator = panel.operator().await;
    panel
        .database
        .script("INSERT INTO users (id, name, maildir) VALUES (X'6A6F73E940626C6F626265722E6F7267', X'4A6F73E9', 'jose/')")
        .await;
    let rows = walk(&operator, "users").await;
    for row in &rows {
        assert_eq!(operator.get(row).await.status, 200, "{row}");
    }
    let list = operator.get("users").await;
    assert!(
        list.text("tbody").contains("josé@blobber.org"),
        "{}",
        list.text("tbody")
    );
    // The howto's maildir without its slash is mended by saving.
    let form = operator.get("users/mary@bloggs.com").await;
    assert_eq!(form.field("maildir"), "bloggs.com/mary");
    let hash = hash_of(&panel, "mary@bloggs.com").await;
    let answer = operator.submit(&form, &[("name", "Zoë")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(
        stored(&panel, "mary@bloggs.com", "CONCAT_WS('|', maildir, HEX(name))")
            .await
            .as_deref(),
        Some("bloggs.com/mary/|5A6FEB")
    );
    assert_eq!(hash_of(&panel, "mary@bloggs.com").await, hash);
    let new = [
        ("id", "new@blobber.org"),
        ("password", "pässwörd 日本 €"),
        ("enabled", "1"),
        ("self_alias", "1"),
    ];
    let answer = operator.post_confirmed("users", &new).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert!(libcrypt_accepts(
        &hash_of(&panel, "new@blobber.org").await,
        new[1].1
    ));
    assert_eq!(
        links(&operator.get("users?q=new@blobber").await),
        ["/users/new@blobber.org"]
    );
    // What latin1 cannot hold is refused, not turned into question marks.
    let answer = operator
        .post("users/new@blobber.org", &[("name", "日本"), ("enabled", "1")])
        .await;
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    assert_eq!(answer.field("name"), "日本");
}

#[tokio::test]
async fn a_mailbox_can_do_without_any_column_but_its_address() {
    for column in [
        "name",
        "maildir",
        "uid",
        "gid",
        "home",
        "quota",
        "change_password",
        "clear",
        "crypt",
        "enabled",
    ] {
        let [_, howto] = both().await;
        howto
            .script(&format!("ALTER TABLE users DROP COLUMN {column}"))
            .await;
        let panel = Panel::on(howto).await;
        let operator = panel.operator().await;
        for page in ["", "users", "users/new", "search?q=mary", "users/mary@bloggs.com"] {
            assert_eq!(operator.get(page).await.status, 200, "without {column}: {page}");
        }
        let mut answer = operator.submit(&operator.get("users/new").await, &JOE).await;
        if column == "maildir" {
            // Nothing is delivered into mailboxes then.
            assert!(
                answer.text("main").contains("which bounces"),
                "{}",
                answer.text("main")
            );
            answer = operator.submit(&answer, &[("confirm", "1")]).await;
        }
        assert_eq!(answer.status, 303, "without {column}: {}", answer.text("main"));
        let shown = operator.get("users").await.texts("#secret").len();
        assert_eq!(
            shown,
            usize::from(column != "crypt"),
            "what is shown is kept: {column}"
        );
        let page = "users/joe@shop.example";
        let answer = operator
            .submit(&operator.get(page).await, &[("id", "joey@shop.example")])
            .await;
        let answer = match column {
            "maildir" => operator.submit(&answer, &[("confirm", "1")]).await,
            _ => answer,
        };
        assert_eq!(answer.status, 303, "without {column}: {}", answer.text("main"));
        let answer = operator
            .post("users/joey@shop.example/delete", &[("confirm", "1")])
            .await;
        assert_eq!(answer.status, 303, "without {column}: {}", answer.text("main"));
    }
}

#[tokio::test]
async fn saving_a_mailbox_that_others_wrote_in_capitals_stores_what_postfix_asks_for() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO users (id, maildir, crypt) VALUES ('Joe@Shop.Example', 'joe/', 'abc')")
            .await;
        assert_eq!(
            operator.get("users/joe@shop.example").await.status,
            404,
            "a key is meant to the letter"
        );
        let form = operator.get("users/Joe@Shop.Example").await;
        let answer = operator.submit(&form, &[("self_alias", "1")]).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        assert_eq!(
            stored(&panel, JOE[0].1, "CAST(id AS BINARY)").await.as_deref(),
            Some(JOE[0].1)
        );
        assert_eq!(hash_of(&panel, JOE[0].1).await, "abc");
        assert_eq!(alias(&panel, JOE[0].1).await, Some((JOE[0].1.to_owned(), true)));
        assert_eq!(operator.get("users/joe@shop.example").await.status, 200);
    }
}

#[tokio::test]
async fn keys_that_look_like_pages_open_and_delete_their_own_row_alone() {
    for database in both().await {
        let keys = [
            "new",
            "~new",
            "~~new",
            "new@shop.example",
            "~new@shop.example",
            ".",
            "~.",
            "..",
            "~",
            "bulk",
            "~bulk",
            "",
        ];
        for (n, key) in keys.iter().enumerate() {
            database
                .script(&format!(
                    "INSERT INTO users (id, maildir) VALUES ('{key}', 'k{n}/')"
                ))
                .await;
        }
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let mut left: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        for key in keys {
            let list = operator.get("users?per=500").await;
            let pages = links(&list);
            let mut page = None;
            for link in pages {
                let form = operator.get(&link).await;
                assert_eq!(form.status, 200, "{key}: {link}");
                if form.field("id") == key {
                    assert_eq!(page.replace(link), None, "{key} has one page");
                }
            }
            let page = page.unwrap_or_else(|| panic!("`{key}` has no page"));
            // The list leads there as well: to edit, and to delete.
            let edit = list.attributes("td.actions > a", "href");
            assert!(edit.contains(&page), "{page}: {edit:?}");
            let deletes = list.attributes("td.actions .danger", "href");
            let delete = format!("{page}/delete");
            assert!(deletes.contains(&delete), "{delete}: {deletes:?}");
            let asked = operator.get(&delete).await;
            let done = operator.submit(&asked, &[("confirm", "1")]).await;
            assert_eq!(done.status, 303, "{key}: {}", done.text("main"));
            left.retain(|other| other != key);
            let rows = panel
                .database
                .rows("SELECT id FROM users WHERE maildir LIKE 'k%'")
                .await;
            let mut there: Vec<String> = rows.into_iter().filter_map(|row| row[0].clone()).collect();
            there.sort();
            left.sort();
            assert_eq!(there, left, "after `{key}`");
        }
    }
}
