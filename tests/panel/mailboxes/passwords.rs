//! Passwords of mailboxes: kept as hashes, generated ones shown once, none shown again.

use std::fmt::Write as _;

use postwarden::access::Role;
use postwarden::mail::PasswordScheme;

use super::{JOE, TYPED, hash_of, joe, stored};
use crate::password_hashes::{dovecot_accepts, libcrypt_accepts};
use crate::samples::{both, ground, names, recorded};
use crate::support::{Database, Panel};

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
