//! Mailboxes: passwords, directories, self aliases, and keys that people type.

use std::fmt::Write as _;

use postwarden::access::Role;
use postwarden::mail::PasswordScheme;

use crate::password_hashes::{dovecot_accepts, libcrypt_accepts};
use crate::samples::{both, ground, links, names, recorded, walk};
use crate::support::{Answer, Browser, Database, Panel};

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

/// Every value of every table, the panel's own too.
async fn everything(database: &Database) -> String {
    let mut all = String::new();
    for table in database.rows("SHOW TABLES").await {
        let table = table[0].clone().expect("a name");
        let rows = database.rows(&format!("SELECT * FROM `{table}`")).await;
        for value in rows.into_iter().flatten().flatten() {
            let _ = writeln!(all, "{value}");
        }
    }
    all
}

/// Whether the page waits for a confirmation.
fn asks(answer: &Answer) -> bool {
    answer.status == 200 && !answer.attributes("button[name=confirm]", "value").is_empty()
}

/// Joe's fields and some more.
fn joe<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = JOE.iter().filter(|(n, _)| !more.iter().any(|(m, _)| m == n));
    kept.chain(more).copied().collect()
}

#[tokio::test]
async fn a_typed_password_is_kept_as_a_hash_that_libcrypt_verifies() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let answer = operator.post("users", &joe(&[("password", TYPED)])).await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, "/users"),
            "{}",
            answer.body
        );
        let hash = hash_of(&panel, JOE[0].1).await;
        let parts: Vec<&str> = hash.split('$').collect();
        assert_eq!((parts[0], parts[1], parts[2].len()), ("", "6", 16), "{hash}");
        assert_eq!((parts[3].len(), parts.len()), (86, 4), "{hash}");
        assert!(libcrypt_accepts(&hash, TYPED));
        assert!(!libcrypt_accepts(&hash, TYPED.trim()));
        assert_eq!(stored(&panel, JOE[0].1, "clear").await.as_deref(), Some(""));
        let next = operator.get("users").await;
        assert_eq!(next.texts("#secret"), [""; 0], "the person knows it");
        assert!(!next.text("main").contains("battery"));
        assert!(!everything(&panel.database).await.contains("battery"));
        // Nobody has the same salt.
        operator
            .post("users", &joe(&[("id", "ann@shop.example"), ("password", TYPED)]))
            .await;
        assert_ne!(hash_of(&panel, "ann@shop.example").await, hash);
    }
}

#[tokio::test]
async fn a_generated_password_is_shown_once_and_kept_nowhere() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let second = panel.signed_in("second", Role::Operator, &[]).await;
        assert_eq!(operator.post("users", &JOE).await.status, 303);
        let waiting = everything(&panel.database).await;
        assert_eq!(second.get("users").await.texts("#secret"), [""; 0]);
        let shown = operator.get("users").await;
        let password = shown.text("#secret");
        assert_eq!(password.len(), 24, "{password}");
        assert!(shown.text("[role=status]").contains("not be shown again"));
        assert_eq!(shown.header("cache-control"), "no-store");
        assert!(
            !waiting.contains(&password),
            "not even while it waits to be shown"
        );
        let hash = hash_of(&panel, JOE[0].1).await;
        assert!(hash.starts_with("$6$") && libcrypt_accepts(&hash, &password));
        assert_eq!(stored(&panel, JOE[0].1, "clear").await.as_deref(), Some(""));
        for page in ["users", "users", "", "users/joe@shop.example", "changes"] {
            let again = operator.get(page).await;
            assert_eq!(again.status, 200, "{page}");
            assert!(!again.body.contains(&password), "{page}");
        }
        assert!(!everything(&panel.database).await.contains(&password));
        // The next one is another.
        operator.post("users", &joe(&[("id", "ann@shop.example")])).await;
        assert_ne!(operator.get("users").await.text("#secret"), password);
    }
}

#[tokio::test]
async fn generate_sets_a_new_password_of_an_old_mailbox() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO users (id, maildir, clear, crypt) VALUES ('joe@shop.example', 'joe/', 'tell-nobody', 'sdtrusfX0Jj66')")
            .await;
        let form = operator.get("users/joe@shop.example").await;
        let answer = operator.submit(&form, &[("generate", "1")]).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let password = operator.get("users").await.text("#secret");
        assert!(libcrypt_accepts(&hash_of(&panel, JOE[0].1).await, &password));
        assert_eq!(stored(&panel, JOE[0].1, "clear").await.as_deref(), Some(""));
        assert_eq!(recorded(&panel.database).await, 1);
    }
}

#[tokio::test]
async fn leaving_the_password_empty_keeps_what_is_stored() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (n, (crypt, clear)) in [
            ("sdtrusfX0Jj66", "ChangeMe"),
            ("$1$abc$0123456789012345678901", ""),
            ("{PLAIN} x", "y"),
        ]
        .iter()
        .enumerate()
        {
            let id = format!("u{n}@shop.example");
            panel
                .database
                .script(&format!(
                    "INSERT INTO users (id, maildir, crypt, clear) VALUES ('{id}', 'u{n}/', '{crypt}', '{clear}')"
                ))
                .await;
            let form = operator.get(&format!("users/{id}")).await;
            assert_eq!(form.field("password"), "", "the field holds nothing to be kept");
            let answer = operator.submit(&form, &[("name", "New Name")]).await;
            assert_eq!(answer.status, 303, "{}", answer.text("main"));
            assert_eq!(stored(&panel, &id, "name").await.as_deref(), Some("New Name"));
            assert_eq!(stored(&panel, &id, "crypt").await.as_deref(), Some(*crypt));
            assert_eq!(stored(&panel, &id, "clear").await.as_deref(), Some(*clear));
            let form = operator.get(&format!("users/{id}")).await;
            let answer = operator.submit(&form, &[("password", TYPED)]).await;
            assert_eq!(answer.status, 303, "{}", answer.text("main"));
            assert!(libcrypt_accepts(&hash_of(&panel, &id).await, TYPED));
            assert_eq!(stored(&panel, &id, "clear").await.as_deref(), Some(""));
        }
    }
}

#[tokio::test]
async fn a_bad_password_is_refused_and_saves_nothing() {
    let (panel, operator) = ground().await;
    for (password, words) in [
        ("ChangeMe", "howto"),
        ("changeme", "howto"),
        ("tab\there it is", "control character"),
        (&*"x".repeat(257), "257 bytes"),
    ] {
        let answer = operator
            .post("users", &joe(&[("password", password), ("confirm", "1")]))
            .await;
        assert_eq!(answer.status, 422, "{password}");
        let beside = answer.text("#password-error");
        assert!(beside.contains(words), "{password}: {beside}");
        assert_eq!(answer.field("id"), JOE[0].1);
    }
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM users").await, 0);
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn the_scheme_of_new_passwords_is_a_setting() {
    for (scheme, prefix) in [
        (PasswordScheme::Bcrypt, "$2y$10$"),
        (PasswordScheme::Argon2id, "{ARGON2ID}$argon2id$"),
    ] {
        let [_, howto] = both().await;
        let panel = Panel::with(howto, |config| config.mailboxes.password_scheme = scheme).await;
        let operator = panel.operator().await;
        let answer = operator.post("users", &joe(&[("password", TYPED)])).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let hash = hash_of(&panel, JOE[0].1).await;
        assert!(hash.starts_with(prefix), "{hash}");
        assert!(dovecot_accepts(&hash, TYPED) && !dovecot_accepts(&hash, "ChangeMe"));
        let long = "x".repeat(73);
        let answer = operator
            .post("users", &joe(&[("id", "ann@shop.example"), ("password", &long)]))
            .await;
        let cut = scheme == PasswordScheme::Bcrypt;
        assert_eq!(
            answer.status,
            if cut { 422 } else { 303 },
            "bcrypt reads 72 bytes"
        );
    }
}

#[tokio::test]
async fn a_hash_that_its_column_would_cut_is_refused() {
    let [_, howto] = both().await;
    howto
        .script("ALTER TABLE users MODIFY crypt VARCHAR(34) NOT NULL DEFAULT ''")
        .await;
    let panel = Panel::on(howto).await;
    let operator = panel.operator().await;
    let answer = operator.post("users", &joe(&[("password", TYPED)])).await;
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    assert!(
        answer.text("main").contains("users.crypt holds 34"),
        "{}",
        answer.text("main")
    );
    assert_eq!(stored(&panel, JOE[0].1, "id").await, None);
}

#[tokio::test]
async fn no_page_shows_a_hash_or_a_readable_password_nor_finds_one() {
    let (panel, operator) = ground().await;
    let (hash, clear) = ("$6$saltsaltsaltsalt$hashhashhash", "tell-nobody");
    panel
        .database
        .script(&format!(
            "INSERT INTO users (id, name, maildir, crypt, clear) VALUES ('joe@shop.example', 'Joe', 'joe/', '{hash}', '{clear}'), \
             ('ann@shop.example', 'Ann', 'ann/', '{hash}', '{clear}')"
        ))
        .await;
    let page = "users/joe@shop.example";
    let stale = operator.get(page).await;
    operator.submit(&stale, &[("name", "Joseph")]).await;
    operator
        .submit(&operator.get(page).await, &[("password", TYPED)])
        .await;
    operator
        .post("users/ann@shop.example/delete", &[("confirm", "1")])
        .await;
    let new_hash = hash_of(&panel, JOE[0].1).await;
    let conflict = operator.submit(&stale, &[("name", "Jo")]).await;
    assert_eq!(conflict.status, 409);
    let refused = operator
        .post(page, &[("maildir", "../x"), ("enabled", "1")])
        .await;
    assert_eq!(refused.status, 422);
    let review = operator
        .post("users/bulk", &[("key", "joe@shop.example"), ("action", "delete")])
        .await;
    assert_eq!(review.status, 200);
    let mut answers = vec![
        ("conflict".to_owned(), conflict),
        ("refused".to_owned(), refused),
        ("bulk".to_owned(), review),
    ];
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    for path in [
        "",
        "users",
        "users?q=joe",
        page,
        "users/joe@shop.example/delete",
        "users/new?copy=joe@shop.example",
        "search?q=joe",
        "changes",
        "changes?q=joe",
        "domains/1",
    ] {
        for browser in [&operator, &auditor, &owner] {
            answers.push((path.to_owned(), browser.get(path).await));
        }
    }
    for (what, answer) in &answers {
        assert!(
            matches!(answer.status, 200 | 403 | 409 | 422),
            "{what}: {}",
            answer.status
        );
        for secret in [hash, clear, &new_hash, "hashhashhash", "saltsalt"] {
            assert!(!answer.body.contains(secret), "{what}: {secret}");
        }
    }
    let log = operator.get("changes").await;
    assert!(
        log.text(".log").contains("crypt"),
        "that it changed is told: {}",
        log.text(".log")
    );
    // What is not shown cannot be guessed by searching either.
    for path in ["users?q=hashhash", "search?q=hashhash", "users?q=tell-nobody"] {
        assert_eq!(names(&operator.get(path).await), [""; 0], "{path}");
    }
    for q in ["hashhash", "tell-nobody"] {
        let log = operator.get(&format!("changes?q={q}")).await;
        assert_eq!(log.texts(".log summary"), [""; 0], "{q}");
    }
}

#[tokio::test]
async fn a_directory_is_proposed_and_gets_its_slash() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (id, typed, expected) in [
            ("a@shop.example", "", "shop.example/a/"),
            ("B.C@Shop.Example", "", "shop.example/b.c/"),
            ("o'brien+x@shop.example", "", "shop.example/o_brien+x/"),
            ("d@shop.example", "shop.example/dd", "shop.example/dd/"),
            ("e@shop.example", " people//./e ", "people/e/"),
        ] {
            let answer = operator
                .post("users", &[("id", id), ("maildir", typed), ("enabled", "1")])
                .await;
            assert_eq!(answer.status, 303, "{id}: {}", answer.text("main"));
            assert_eq!(
                stored(&panel, &id.to_lowercase(), "maildir").await.as_deref(),
                Some(expected)
            );
            let notice = operator.get("users").await.text("[role=status]");
            assert_eq!(
                notice.contains(&format!("is stored as {expected}")),
                !typed.is_empty(),
                "{notice}"
            );
        }
    }
}

#[tokio::test]
async fn a_directory_that_leaves_the_base_is_refused() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("INSERT INTO users (id, maildir) VALUES ('ann@shop.example', 'shop.example/ann/')")
        .await;
    for maildir in [
        "../evil/",
        "shop.example/../../etc/",
        "shop.example/..",
        "/var/spool/mail/virtual/shop.example/joe/",
        "/shop.example/joe/",
        "/",
        "./",
        ".",
        "//",
        "~root/",
        "shop.example/%u/",
        "shop.example/a b/",
        "shop.example\\joe/",
    ] {
        let fields = joe(&[("maildir", maildir), ("confirm", "1")]);
        for path in ["users", "users/ann@shop.example"] {
            let answer = operator.post(path, &fields).await;
            assert_eq!(answer.status, 422, "{path}: {maildir}");
            assert!(!answer.text("#maildir-error").is_empty(), "{path}: {maildir}");
            assert_eq!(answer.field("maildir"), maildir);
        }
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn two_mailboxes_never_get_one_directory() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script(
                "INSERT INTO users (id, maildir) VALUES ('mary@shop.example', 'shop.example/mary/'), \
                 ('ann@shop.example', 'people/ann'), ('old1@shop.example', 'blah/'), ('old2@shop.example', 'blah/')",
            )
            .await;
        for (maildir, whose) in [
            ("shop.example/mary/", "mary"),
            ("shop.example/mary", "mary"),
            ("shop.example//mary/.", "mary"),
            ("people/ann/", "ann"),
            ("people/ann", "ann"),
        ] {
            let fields = joe(&[("maildir", maildir), ("confirm", "1")]);
            for path in ["users", "users/old1@shop.example"] {
                let answer = operator.post(path, &fields).await;
                assert_eq!(answer.status, 422, "{path}: {maildir}");
                assert!(answer.text("#maildir-error").contains("is not free"));
                let link = format!("/users/{whose}@shop.example");
                assert_eq!(answer.attributes(".summary p a", "href"), [link], "{maildir}");
            }
        }
        // A proposal is no exception.
        panel
            .database
            .script("INSERT INTO users (id, maildir) VALUES ('x@shop.example', 'shop.example/joe/')")
            .await;
        assert_eq!(operator.post("users", &JOE).await.status, 422);
        assert_eq!(recorded(&panel.database).await, 0);
        // A mailbox that shares one already can be mended or kept, and its own is free for itself.
        for (path, maildir) in [
            ("users/old1@shop.example", "blah/"),
            ("users/mary@shop.example", "shop.example/mary"),
            ("users/old1@shop.example", "people/old1"),
        ] {
            let fields = [("name", "Renamed"), ("maildir", maildir), ("enabled", "1")];
            let answer = operator.post(path, &fields).await;
            assert_eq!(answer.status, 303, "{path}: {}", answer.text("main"));
        }
    }
}

/// A panel with an owner of two domains, and a mailbox of somebody else in one of their directories.
async fn owned(database: Database) -> (Panel, Browser) {
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('mine.example'), ('both.example'), ('other.example'); \
             INSERT INTO users (id, maildir, uid, gid, home, quota, change_password) VALUES \
               ('mary@mine.example', 'mine.example/mary/', 600, 601, '/srv/mail', '5M', 0), \
               ('spy@other.example', 'mine.example/secret/', 5000, 5000, '/srv/mail', '', 1)",
        )
        .await;
    let panel = Panel::on(database).await;
    let owner = panel
        .signed_in("owner", Role::Owner, &["mine.example", "both.example"])
        .await;
    (panel, owner)
}

#[tokio::test]
async fn an_owner_keeps_to_the_directories_of_the_mailboxs_domain_and_learns_of_no_other() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        let mut pages = Vec::new();
        for maildir in [
            "other.example/new/",
            "both.example/new/",
            "mine.example.evil/new/",
            "mine/",
            "MINE.example/new/",
            "mine.example/secret/",
            "mine.example/secret",
        ] {
            for path in ["users", "users/mary@mine.example"] {
                let fields = [("id", "new@mine.example"), ("maildir", maildir), ("enabled", "1")];
                let answer = owner.post(path, &fields).await;
                assert_eq!(answer.status, 422, "{path}: {maildir}: {}", answer.text("main"));
                assert!(!answer.text("#maildir-error").is_empty(), "{path}: {maildir}");
                assert!(!answer.body.contains("spy@"), "{path}: {maildir}");
                assert_eq!(answer.attributes(".summary p a", "href"), [""; 0], "{maildir}");
                if path == "users" {
                    pages.push(answer.text(".summary").replace(maildir, "DIRECTORY"));
                }
            }
        }
        pages.dedup();
        assert_eq!(pages.len(), 1, "taken and forbidden read alike: {pages:#?}");
        assert_eq!(recorded(&panel.database).await, 0);
        for (id, maildir, expected) in [
            ("a@mine.example", "", "mine.example/a/"),
            ("b@both.example", "both.example/x/b", "both.example/x/b/"),
        ] {
            let fields = [("id", id), ("maildir", maildir), ("enabled", "1")];
            let answer = owner.post("users", &fields).await;
            assert_eq!(answer.status, 303, "{}", answer.text("main"));
            assert_eq!(stored(&panel, id, "maildir").await.as_deref(), Some(expected));
        }
    }
}

#[tokio::test]
async fn an_owner_sets_neither_user_nor_place_nor_quota() {
    for database in both().await {
        let (panel, owner) = owned(database).await;
        let sent = [
            ("uid", "1"),
            ("gid", "2"),
            ("home", "/etc"),
            ("quota", "999G"),
            ("change_password", "1"),
        ];
        for page in ["users/new", "users/mary@mine.example"] {
            let form = owner.get(page).await;
            for (name, _) in sent {
                assert_eq!(
                    form.attributes(&format!("[name={name}]"), "name"),
                    [""; 0],
                    "{page}"
                );
            }
        }
        let new = [&[("id", "new@mine.example"), ("enabled", "1")], &sent[..]].concat();
        assert_eq!(owner.post("users", &new).await.status, 303);
        let row = async |id: &str| {
            stored(
                &panel,
                id,
                "CONCAT_WS('|', uid, gid, home, quota, change_password)",
            )
            .await
        };
        assert_eq!(
            row("new@mine.example").await.as_deref(),
            Some("5000|5000|/var/spool/mail/virtual||1")
        );
        let change = [&[("name", "Mary"), ("enabled", "1")], &sent[..]].concat();
        assert_eq!(owner.post("users/mary@mine.example", &change).await.status, 303);
        assert_eq!(
            row("mary@mine.example").await.as_deref(),
            Some("600|601|/srv/mail|5M|0")
        );
        assert_eq!(
            stored(&panel, "mary@mine.example", "name").await.as_deref(),
            Some("Mary")
        );
        for (path, status) in [
            ("users", 422),
            ("users/mary@mine.example", 422),
            ("users/spy@other.example", 404),
        ] {
            let fields = [
                ("id", "x@other.example"),
                ("enabled", "1"),
                ("confirm", "1"),
                ("self_alias", "1"),
            ];
            assert_eq!(owner.post(path, &fields).await.status, status, "{path}");
        }
    }
}

/// The one alias of an address: where it delivers to and whether it is on.
async fn alias(panel: &Panel, mail: &str) -> Option<(String, bool)> {
    let query = format!("SELECT destination, enabled FROM aliases WHERE mail = '{mail}'");
    let row = panel.database.rows(&query).await.into_iter().next()?;
    Some((row[0].clone()?, row[1].as_deref() == Some("1")))
}

#[tokio::test]
async fn the_self_alias_is_written_in_the_same_change_and_only_when_asked_for() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        assert_eq!(operator.post("users", &JOE).await.status, 303);
        assert_eq!(alias(&panel, JOE[0].1).await, None);
        assert_eq!(recorded(&panel.database).await, 1);
        let fields = joe(&[("id", "ann@shop.example"), ("self_alias", "1")]);
        assert_eq!(operator.post("users", &fields).await.status, 303);
        assert_eq!(
            alias(&panel, "ann@shop.example").await,
            Some(("ann@shop.example".to_owned(), true))
        );
        let changes = "SELECT change_id, table_name, action FROM pw_changes WHERE subject = 'ann@shop.example' ORDER BY seq";
        let changes = panel.database.rows(changes).await;
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0][0], changes[1][0], "one change");
        assert_eq!(changes[0][1].as_deref(), Some("users"));
        assert_eq!(changes[1][1].as_deref(), Some("aliases"));
        // The new form offers it; a form that is opened again says how it is.
        assert_eq!(
            operator
                .get("users/new")
                .await
                .attributes("[name=self_alias][checked]", "value"),
            ["1"]
        );
        let page = operator.get("users/ann@shop.example").await;
        assert_eq!(page.attributes("[name=self_alias]", "type"), ["hidden"]);
        assert!(page.text("main").contains("It has a self alias"));
        let page = operator.get("users/joe@shop.example").await;
        assert_eq!(page.attributes("[name=self_alias][checked]", "value"), [""; 0]);
        // Added later.
        assert_eq!(operator.submit(&page, &[("self_alias", "1")]).await.status, 303);
        assert_eq!(alias(&panel, JOE[0].1).await, Some((JOE[0].1.to_owned(), true)));
        // Switched on again.
        panel
            .database
            .script("UPDATE aliases SET enabled = 0 WHERE mail = 'joe@shop.example'")
            .await;
        let page = operator.get("users/joe@shop.example").await;
        assert_eq!(operator.submit(&page, &[("self_alias", "1")]).await.status, 303);
        assert_eq!(alias(&panel, JOE[0].1).await, Some((JOE[0].1.to_owned(), true)));
    }
}

#[tokio::test]
async fn a_mailbox_whose_self_alias_cannot_be_written_is_not_written_either() {
    let [_, howto] = both().await;
    howto.script("ALTER TABLE aliases ENGINE=MyISAM").await;
    let panel = Panel::on(howto).await;
    let operator = panel.operator().await;
    let answer = operator.post("users", &joe(&[("self_alias", "1")])).await;
    assert!((400..500).contains(&answer.status), "{}", answer.status);
    assert!(answer.text("main").contains("MyISAM"), "{}", answer.text("main"));
    assert_eq!(answer.field("id"), JOE[0].1, "the input is kept");
    assert_eq!(stored(&panel, JOE[0].1, "id").await, None);
    assert_eq!(alias(&panel, JOE[0].1).await, None);
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn a_catch_all_that_would_take_the_mailboxs_mail_is_asked_about() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO aliases (mail, destination) VALUES ('@shop.example', 'boss@x.example')")
            .await;
        let fields = joe(&[("password", TYPED), ("name", "Joe <Doe>")]);
        let asked = operator.post("users", &fields).await;
        assert!(asks(&asked), "{}", asked.text("main"));
        let alert = asked.text("[role=alert]");
        assert!(
            alert.contains("@shop.example") && alert.contains("boss@x.example"),
            "{alert}"
        );
        for (name, value) in &fields {
            assert_eq!(asked.field(name), *value, "{name} is repeated");
        }
        assert_eq!(stored(&panel, JOE[0].1, "id").await, None);
        let saved = operator.submit(&asked, &[("confirm", "1")]).await;
        assert_eq!(saved.status, 303, "{}", saved.text("main"));
        assert!(libcrypt_accepts(&hash_of(&panel, JOE[0].1).await, TYPED));
        assert_eq!(alias(&panel, JOE[0].1).await, None);
        // With a self alias there is nothing to ask.
        let fields = joe(&[("id", "ann@shop.example"), ("self_alias", "1")]);
        assert_eq!(operator.post("users", &fields).await.status, 303);
        // Nor is it asked again whenever something else of the mailbox is saved.
        let page = operator.get("users/joe@shop.example").await;
        assert_eq!(operator.submit(&page, &[("name", "Joe")]).await.status, 303);
        // It is where a mailbox is switched on again.
        assert_eq!(
            operator
                .post("users/joe@shop.example/enabled", &[("value", "0")])
                .await
                .status,
            303
        );
        let asked = operator
            .post("users/joe@shop.example/enabled", &[("value", "1")])
            .await;
        assert!(asks(&asked), "{}", asked.text("main"));
        assert!(asked.text("[role=alert]").contains("boss@x.example"));
        assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
        assert_eq!(stored(&panel, JOE[0].1, "enabled").await.as_deref(), Some("1"));
        panel
            .database
            .script("UPDATE aliases SET enabled = 0 WHERE mail = '@shop.example'")
            .await;
        assert_eq!(
            operator
                .post("users", &joe(&[("id", "off@shop.example")]))
                .await
                .status,
            303
        );
    }
}

#[tokio::test]
async fn an_alias_that_delivers_elsewhere_is_kept_and_added_to_after_a_question() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        panel
            .database
            .script("INSERT INTO aliases (mail, destination) VALUES ('joe@shop.example', 'joe@x.example')")
            .await;
        let fields = joe(&[("self_alias", "1")]);
        let asked = operator.post("users", &fields).await;
        assert!(asks(&asked), "{}", asked.text("main"));
        assert!(asked.text("[role=alert]").contains("joe@x.example"));
        assert_eq!(asked.attributes("[name=self_alias][checked]", "value"), ["1"]);
        assert_eq!(recorded(&panel.database).await, 0);
        let saved = operator.submit(&asked, &[("confirm", "1")]).await;
        assert_eq!(saved.status, 303, "{}", saved.text("main"));
        let both = "joe@x.example,joe@shop.example".to_owned();
        assert_eq!(alias(&panel, JOE[0].1).await, Some((both, true)));
        let changes = "SELECT COUNT(DISTINCT change_id) FROM pw_changes";
        assert_eq!(panel.database.count(changes).await, 1);
        assert_eq!(recorded(&panel.database).await, 2);
        // Without the box the mailbox is saved, the alias left alone, and the person told.
        panel
            .database
            .script("INSERT INTO aliases (mail, destination) VALUES ('ann@shop.example', 'ann@y.example')")
            .await;
        assert_eq!(
            operator
                .post("users", &joe(&[("id", "ann@shop.example")]))
                .await
                .status,
            303
        );
        let notice = operator.get("users").await.text("[role=status]");
        assert!(notice.contains("nothing reaches this mailbox"), "{notice}");
        assert_eq!(
            alias(&panel, "ann@shop.example").await,
            Some(("ann@y.example".to_owned(), true))
        );
    }
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
            .remove(0);
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
            assert!(asks(&asked), "{id}: {}", asked.text("main"));
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

/// Mailboxes with a self alias: joe with nothing else, ann with an override, bob with a second destination, eve with an
/// override that is off.
async fn with_self_aliases() -> (Panel, Browser) {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(
            "INSERT INTO users (id, maildir) VALUES ('joe@shop.example', 'joe/'), ('ann@shop.example', 'ann/'), \
               ('bob@shop.example', 'bob/'), ('eve@shop.example', 'eve/'); \
             INSERT INTO aliases (mail, destination) VALUES ('joe@shop.example', 'joe@shop.example'), \
               ('ann@shop.example', 'ann@shop.example'), ('bob@shop.example', 'x@y.example,bob@shop.example'), \
               ('eve@shop.example', 'eve@shop.example'); \
             INSERT INTO backups (domain, transport, enabled) VALUES ('ann@shop.example', 'smtp:[aspmx.l.google.com]', 1), \
               ('eve@shop.example', 'smtp:[aspmx.l.google.com]', 0)",
        )
        .await;
    (panel, operator)
}

/// The last change, sorted: action, table, subject.
async fn last_change(panel: &Panel) -> Vec<String> {
    let query = "SELECT CONCAT_WS(' ', action, table_name, subject) AS line FROM pw_changes WHERE change_id = (SELECT \
                 MAX(change_id) FROM pw_changes) ORDER BY line";
    let rows = panel.database.rows(query).await;
    rows.into_iter().filter_map(|row| row[0].clone()).collect()
}

#[tokio::test]
async fn a_deleted_mailbox_takes_its_self_alias_along_unless_an_override_needs_it() {
    let (panel, operator) = with_self_aliases().await;
    for (name, left, change) in [
        ("joe", None, vec!["delete aliases joe", "delete users joe"]),
        ("ann", Some("ann@shop.example"), vec!["delete users ann"]),
        (
            "bob",
            Some("x@y.example"),
            vec!["delete users bob", "update aliases bob"],
        ),
        ("eve", None, vec!["delete aliases eve", "delete users eve"]),
    ] {
        let address = format!("{name}@shop.example");
        let asked = operator.get(&format!("users/{address}/delete")).await;
        let offered = asked.attributes("[name=companions][checked]", "value");
        assert_eq!(
            offered.len(),
            usize::from(name != "ann"),
            "{name}: {}",
            asked.text("main")
        );
        // Whoever sends the field all the same gets no other answer.
        let done = operator
            .submit(&asked, &[("confirm", "1"), ("companions", "1")])
            .await;
        assert_eq!(done.status, 303, "{name}: {}", done.text("main"));
        assert_eq!(stored(&panel, &address, "id").await, None, "{name}");
        let there = alias(&panel, &address).await;
        assert_eq!(there, left.map(|to| (to.to_owned(), true)), "{name}");
        let change: Vec<String> = change.iter().map(|line| format!("{line}@shop.example")).collect();
        assert_eq!(last_change(&panel).await, change);
    }
    // Unticked it stays.
    let (panel, operator) = with_self_aliases().await;
    let done = operator
        .post("users/joe@shop.example/delete", &[("confirm", "1")])
        .await;
    assert_eq!(done.status, 303);
    assert!(alias(&panel, "joe@shop.example").await.is_some());
}

#[tokio::test]
async fn mailboxes_deleted_together_take_their_self_aliases_along_unless_an_override_needs_one() {
    let (panel, operator) = with_self_aliases().await;
    let all = [("all", "1"), ("q", "@shop"), ("action", "delete")];
    let review = operator.post("users/bulk", &all).await;
    assert_eq!(
        review.attributes("[name=companions][checked]", "value"),
        ["1"],
        "{}",
        review.text("main")
    );
    assert!(
        !review.text(".field").contains("ann@"),
        "{}",
        review.text(".field")
    );
    let done = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM users").await, 0);
    assert_eq!(alias(&panel, "joe@shop.example").await, None);
    assert_eq!(alias(&panel, "eve@shop.example").await, None);
    let kept = Some(("ann@shop.example".to_owned(), true));
    assert_eq!(alias(&panel, "ann@shop.example").await, kept);
    let others = Some(("x@y.example".to_owned(), true));
    assert_eq!(alias(&panel, "bob@shop.example").await, others);
    assert_eq!(
        recorded(&panel.database).await,
        7,
        "four mailboxes and three aliases"
    );
    assert_eq!(last_change(&panel).await.len(), 7, "as one change");
    // Where the only one needs its own there is nothing to offer, and the field does nothing.
    let (panel, operator) = with_self_aliases().await;
    let ann = [("key", "ann@shop.example"), ("action", "delete")];
    let review = operator.post("users/bulk", &ann).await;
    assert_eq!(review.attributes("[name=companions]", "value"), [""; 0]);
    let done = operator
        .submit(&review, &[("confirm", "1"), ("companions", "1")])
        .await;
    assert_eq!(done.status, 303, "{}", done.text("main"));
    assert_eq!(alias(&panel, "ann@shop.example").await, kept);
    assert_eq!(last_change(&panel).await, ["delete users ann@shop.example"]);
}

#[tokio::test]
async fn a_renamed_mailbox_takes_its_self_alias_along_in_the_same_change() {
    let (panel, operator) = with_self_aliases().await;
    let to_itself = |name: &str| Some((format!("{name}@shop.example"), true));
    for (old, new, left, change) in [
        (
            "joe",
            "jim",
            None,
            ["create aliases jim", "delete aliases joe", "update users jim"],
        ),
        // Her mail goes elsewhere and needs the old one.
        (
            "ann",
            "amy",
            to_itself("ann"),
            ["create aliases amy", "update users amy", ""],
        ),
        (
            "bob",
            "ben",
            Some(("x@y.example".to_owned(), true)),
            ["create aliases ben", "update aliases bob", "update users ben"],
        ),
    ] {
        let (before, after) = (format!("{old}@shop.example"), format!("{new}@shop.example"));
        let form = operator.get(&format!("users/{before}")).await;
        let done = operator
            .submit(&form, &[("id", &after), ("self_alias", "1")])
            .await;
        assert_eq!(done.status, 303, "{old}: {}", done.text("main"));
        assert_eq!(stored(&panel, &after, "id").await.as_deref(), Some(&*after));
        assert_eq!(alias(&panel, &after).await, to_itself(new), "{old}");
        assert_eq!(alias(&panel, &before).await, left, "{old}");
        let mut change: Vec<String> = change
            .iter()
            .filter(|line| !line.is_empty())
            .map(|line| format!("{line}@shop.example"))
            .collect();
        change.sort();
        assert_eq!(last_change(&panel).await, change, "{old}");
    }
}

#[tokio::test]
async fn no_mailbox_gets_a_directory_among_the_parts_of_another() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script(
            "INSERT INTO users (id, maildir) VALUES ('mary@shop.example', 'shop.example/mary/'), \
             ('sent@shop.example', 'shop.example/deep/.Sent/'), ('cur@shop.example', 'shop.example/flat/cur')",
        )
        .await;
    let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
    for maildir in [
        "shop.example/mary/.Sent/",
        "shop.example/mary/.Sent.2024/x/",
        "shop.example/mary/cur/",
        "shop.example/mary/new",
        "shop.example/mary/tmp/x/",
        // The other way round: what is there would be a part of it.
        "shop.example/deep/",
        "shop.example/flat",
    ] {
        for browser in [&operator, &owner] {
            let answer = browser
                .post("users", &joe(&[("maildir", maildir), ("confirm", "1")]))
                .await;
            assert_eq!(answer.status, 422, "{maildir}: {}", answer.text("main"));
            assert!(answer.text("#maildir-error").contains("is not free"), "{maildir}");
            assert_eq!(answer.field("maildir"), maildir);
        }
    }
    assert_eq!(recorded(&panel.database).await, 0);
    // One below another, but not among its parts, is the operator's affair.
    for (id, maildir) in [
        ("joe@shop.example", "shop.example/mary/sub/"),
        ("ann@shop.example", "shop.example/mary/curious/"),
        ("bob@shop.example", "shop.example/"),
    ] {
        let fields = joe(&[("id", id), ("maildir", maildir)]);
        let answer = owner.post("users", &fields).await;
        assert_eq!(answer.status, 422, "{maildir}: {}", answer.text("main"));
        assert!(answer.text("#maildir-error").contains("is not free"), "{maildir}");
        let answer = operator.post("users", &fields).await;
        assert_eq!(answer.status, 303, "{maildir}: {}", answer.text("main"));
        assert_eq!(stored(&panel, id, "maildir").await.as_deref(), Some(maildir));
    }
}

#[tokio::test]
async fn a_missing_slash_of_ones_own_directory_can_always_be_mended() {
    for database in both().await {
        database
            .script(
                "INSERT INTO users (id, maildir) VALUES ('far@shop.example', 'people/far'), \
                 ('in@shop.example', 'people/far/.In'), ('one@shop.example', 'both'), ('two@shop.example', 'both/')",
            )
            .await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let owner = panel.signed_in("owner", Role::Owner, &["shop.example"]).await;
        for (browser, name, expected) in [
            (&owner, "far", "people/far/"),
            (&owner, "in", "people/far/.In/"),
            (&operator, "one", "both/"),
        ] {
            let id = format!("{name}@shop.example");
            let form = browser.get(&format!("users/{id}")).await;
            assert_eq!(form.field("maildir"), expected.trim_end_matches('/'));
            for again in [expected, expected.trim_end_matches('/')] {
                let form = browser.get(&format!("users/{id}")).await;
                let answer = browser.submit(&form, &[("maildir", again)]).await;
                assert_eq!(answer.status, 303, "{id} {again}: {}", answer.text("main"));
                assert_eq!(stored(&panel, &id, "maildir").await.as_deref(), Some(expected));
            }
        }
        // Another one outside of the domain is not theirs to choose.
        let form = owner.get("users/far@shop.example").await;
        let answer = owner.submit(&form, &[("maildir", "people/free/")]).await;
        assert_eq!(answer.status, 422, "{}", answer.text("main"));
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

#[tokio::test]
async fn two_passwords_generated_before_a_page_is_looked_at_are_both_shown_once() {
    let (panel, operator) = ground().await;
    let ids = ["joe@shop.example", "ann@shop.example"];
    for id in ids {
        assert_eq!(operator.post("users", &joe(&[("id", id)])).await.status, 303);
    }
    // What is done in between is told too and takes nothing away.
    let off = operator
        .post("users/joe@shop.example/enabled", &[("value", "0")])
        .await;
    assert_eq!(off.status, 303);
    let shown = operator.get("users").await;
    let passwords = shown.texts("output[id^=secret]");
    assert_eq!(passwords.len(), 2, "{}", shown.text("main"));
    let notices = shown.texts("[role=status]");
    for id in ids {
        let hash = hash_of(&panel, id).await;
        let own: Vec<&String> = passwords.iter().filter(|p| libcrypt_accepts(&hash, p)).collect();
        assert_eq!(own.len(), 1, "{id}");
        // It stands where its mailbox is named.
        let notice = notices.iter().find(|notice| notice.contains(own[0].as_str()));
        assert!(
            notice.is_some_and(|notice| notice.contains(id)),
            "{id}: {notices:?}"
        );
    }
    for page in ["users", "", "users/joe@shop.example"] {
        let again = operator.get(page).await;
        assert_eq!(again.status, 200);
        assert!(
            passwords
                .iter()
                .all(|password| !again.body.contains(password.as_str())),
            "{page}"
        );
    }
}
