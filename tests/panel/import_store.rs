//! Files into tables, through the store: what every line comes to, and that nothing else is written.

use std::io::Write;

use postwarden::access::{Actor, Grant, Limits, Origin, Role};
use postwarden::exchange::{Material, Reading};
use postwarden::mail::{DomainName, StoredPassword, describe_stored};
use postwarden::progress::Progress;
use postwarden::resource::Resource;
use postwarden::store::{Imported, Importing, Refusal};

use crate::support::Database;

pub(crate) const APPLIED: Importing = Importing {
    applies: true,
    skips_refused: false,
    seen: None,
};
pub(crate) const LOOKED_AT: Importing = Importing {
    applies: false,
    ..APPLIED
};
pub(crate) const SKIPPED: Importing = Importing {
    skips_refused: true,
    ..APPLIED
};

/// The hash of a password, as other programs make it.
const HASH: &str =
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";

async fn try_import(
    database: &Database,
    actor: &Actor,
    table: &str,
    text: &str,
    how: &Importing,
) -> Result<Imported, Refusal> {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    let material = Material {
        file,
        name: "rows".to_owned(),
        size: text.len() as u64,
        reading: Reading {
            into: Resource::by_table(table),
            ..Reading::default()
        },
    };
    let store = database.store().await;
    let imported = store.import(actor, &material, how, &Progress::default()).await;
    store.close().await;
    imported
}

async fn import_as(database: &Database, actor: &Actor, table: &str, text: &str, how: &Importing) -> Imported {
    try_import(database, actor, table, text, how)
        .await
        .expect("an import")
}

pub(crate) async fn import(database: &Database, table: &str, text: &str, how: &Importing) -> Imported {
    import_as(database, &Actor::command_line(), table, text, how).await
}

/// Added, changed, unchanged, refused.
pub(crate) fn counts(imported: &Imported) -> [u64; 4] {
    [
        imported.added,
        imported.changed,
        imported.unchanged,
        imported.refused,
    ]
}

/// What is refused, each with its line and column.
pub(crate) fn refused(imported: &Imported) -> Vec<String> {
    imported.first_refused.iter().map(ToString::to_string).collect()
}

pub(crate) fn expect_refused(imported: &Imported, beginnings: &[&str]) {
    let refused = refused(imported);
    let begins = refused
        .iter()
        .zip(beginnings)
        .all(|(refused, beginning)| refused.starts_with(beginning));
    assert!(refused.len() == beginnings.len() && begins, "{refused:#?}");
}

/// An owner of one domain, with these limits.
fn owner(limits: Limits) -> Actor {
    let domain = DomainName::parse("mine.example").expect("a domain");
    Actor {
        name: "joe".to_owned(),
        role: Role::Owner,
        scope: postwarden::access::Scope::Domains(vec![Grant { domain, limits }]),
        origin: Origin::Web(None),
    }
}

/// Every row of a table as JSON, as it stands there.
async fn as_json(database: &Database, table: &str) -> String {
    let columns = database
        .rows(&format!(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '{table}' \
             AND extra NOT LIKE '%GENERATED%' ORDER BY ordinal_position"
        ))
        .await;
    let names: Vec<String> = columns.into_iter().flatten().flatten().collect();
    let list: Vec<String> = names
        .iter()
        .map(|name| format!("CONVERT({name} USING utf8mb4)"))
        .collect();
    let rows = database
        .rows(&format!("SELECT {} FROM {table}", list.join(", ")))
        .await;
    let objects: Vec<_> = rows
        .into_iter()
        .map(|row| {
            names
                .iter()
                .cloned()
                .zip(row.into_iter().map(serde_json::Value::from))
                .collect()
        })
        .map(serde_json::Value::Object)
        .collect();
    serde_json::Value::Array(objects).to_string()
}

/// Every row of a table, byte for byte.
async fn bytes_of(database: &Database, table: &str) -> Vec<Vec<Option<String>>> {
    database
        .rows(&format!(
            "SELECT *, HEX(CONCAT_WS('/', mail, destination)) FROM {table} ORDER BY 1"
        ))
        .await
}

pub(crate) async fn recorded(database: &Database) -> u64 {
    database.count("SELECT COUNT(*) FROM pw_changes").await
}

#[tokio::test]
async fn a_line_is_a_new_row_a_changed_one_or_one_that_is_there() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO aliases (mail, destination, enabled) VALUES ('a@x.example', 'b@y.example', 0), \
             ('c@x.example', 'b@y.example', 0)",
        )
        .await;
    let text = "mail,destination\nA@x.example,b@y.example\nc@x.example,\"d@y.example, e@y.example\"\nE@x.example,b@y.example\n";
    let looked = import(&database, "aliases", text, &LOOKED_AT).await;
    assert_eq!((counts(&looked), looked.change), ([1, 1, 1, 0], None));
    assert_eq!(recorded(&database).await, 0);
    let imported = import(&database, "aliases", text, &APPLIED).await;
    assert_eq!((counts(&imported), imported.change), ([1, 1, 1, 0], Some(1)));
    assert_eq!(imported.version, looked.version);
    assert_eq!(
        database
            .rows("SELECT mail, destination, enabled FROM aliases ORDER BY mail")
            .await,
        [
            ["a@x.example", "b@y.example", "0"],
            // What the file does not have keeps its value.
            ["c@x.example", "d@y.example,e@y.example", "0"],
            ["e@x.example", "b@y.example", "1"]
        ]
        .map(|row| row.map(|text| Some(text.to_owned())).to_vec())
    );
    let records = "SELECT action, subject, JSON_VALUE(row_before, '$.destination'), JSON_VALUE(row_after, '$.destination'), \
                   row_key FROM pw_changes ORDER BY subject";
    let keys = "SELECT CAST(pkid AS CHAR) FROM aliases WHERE mail <> 'a@x.example' ORDER BY mail";
    let keys: Vec<_> = database.rows(keys).await.into_iter().flatten().collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        database.rows(records).await,
        [
            vec![
                some("update"),
                some("c@x.example"),
                some("b@y.example"),
                some("d@y.example,e@y.example"),
                keys[0].clone()
            ],
            vec![
                some("create"),
                some("e@x.example"),
                None,
                some("b@y.example"),
                keys[1].clone()
            ]
        ]
    );
}

#[tokio::test]
async fn every_line_that_cannot_be_a_row_is_refused_with_its_reason() {
    let database = Database::howto().await;
    database
        .script("INSERT INTO domains (domain) VALUES ('twin.example'), ('twin.example')")
        .await;
    let long = "x".repeat(130);
    let text = format!(
        "mail,destination,enabled\na@x.example,b@y.example,1\nexample.org,b@y.example,1\nc@x.example,,1\n\
         A@X.example,other@y.example,1\nd@x.example,b@y.example,maybe\ne@x.example,{long}@y.example,1\n"
    );
    let imported = import(&database, "aliases", &text, &APPLIED).await;
    assert_eq!(counts(&imported), [1, 0, 0, 5], "{:#?}", refused(&imported));
    expect_refused(
        &imported,
        &[
            "3: mail: ",
            "4: destination: ",
            "5: mail: Line 2 is about `a@x.example` too",
            "6: enabled: `maybe` is neither 1 (on) nor 0 (off)",
            "7: destination: ",
        ],
    );
    assert_eq!((imported.change, recorded(&database).await), (None, 0));
    let text = "mail,destination\na@x.example,b@y.example\nexample.org,b@y.example\n";
    let imported = import(&database, "aliases", text, &SKIPPED).await;
    assert_eq!((counts(&imported), imported.change), ([1, 0, 0, 1], Some(1)));
    assert_eq!(recorded(&database).await, 1);

    // The howto's domains may stand there twice.
    let twins = import(
        &database,
        "domains",
        "domain,transport\ntwin.example,smtp:\n",
        &APPLIED,
    )
    .await;
    expect_refused(
        &twins,
        &["2: domain: There are 2 rows about `twin.example`. Say which one is meant in a column pkid."],
    );
    let same = import(
        &database,
        "domains",
        "domain,transport\ntwin.example,virtual:\n",
        &APPLIED,
    )
    .await;
    assert_eq!(counts(&same), [0, 0, 1, 0]);
    let first = database
        .value("SELECT MIN(pkid) FROM domains WHERE domain = 'twin.example'")
        .await;
    let text = format!(
        "pkid,domain,transport\n{},twin.example,smtp:\n",
        first.expect("a key")
    );
    assert_eq!(
        counts(&import(&database, "domains", &text, &APPLIED).await),
        [0, 1, 0, 0]
    );
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM domains WHERE transport = 'smtp:'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_column_the_table_lacks_is_refused_once_and_one_the_panel_does_not_know_is_kept() {
    let database = Database::howto().await;
    database
        .script(
            "ALTER TABLE aliases ADD note VARCHAR(20) NULL, ADD owner INT NULL, CHANGE destination destination TEXT NOT NULL; \
             INSERT INTO aliases (mail, destination, note) VALUES ('a@x.example', 'b@y.example', 'old')",
        )
        .await;
    let text = "mail,destination,note,owner,colour\na@x.example,b@y.example,new,,red\nc@x.example,b@y.example,,7,red\n";
    let imported = import(&database, "aliases", text, &APPLIED).await;
    expect_refused(&imported, &["1: colour: the table aliases has no column colour"]);
    assert_eq!((counts(&imported), imported.change), ([1, 1, 0, 1], None));
    let json = r#"[{"mail":"a@x.example","destination":"b@y.example","note":null},
                   {"mail":"c@x.example","destination":"b@y.example","note":"kept","owner":7}]"#;
    let imported = import(&database, "aliases", json, &APPLIED).await;
    assert_eq!(counts(&imported), [1, 1, 0, 0], "{:#?}", refused(&imported));
    assert_eq!(
        database
            .rows("SELECT note, owner FROM aliases WHERE mail LIKE '%x.example' ORDER BY mail")
            .await,
        [
            vec![None, None],
            vec![Some("kept".to_owned()), Some("7".to_owned())]
        ]
    );
    assert_eq!(
        counts(&import(&database, "aliases", json, &APPLIED).await),
        [0, 0, 2, 0]
    );
    let long =
        r#"[{"mail":"d@x.example","destination":"b@y.example","note":"longer than twenty characters"}]"#;
    expect_refused(
        &import(&database, "aliases", long, &APPLIED).await,
        &["1: note: This is 29 characters long"],
    );
    let nobody = r#"[{"destination":"b@y.example"},{"destination":"c@y.example"}]"#;
    let imported = import(&database, "aliases", nobody, &APPLIED).await;
    expect_refused(
        &imported,
        &[
            "1: mail: Row 1: The row does not say what it is about.",
            "1: mail: Row 2: The row does not say what it is about.",
        ],
    );
}

#[tokio::test]
async fn odd_rows_that_come_back_as_they_are_stay_as_they_are() {
    let database = Database::odd().await;
    database
        .script("ALTER TABLE aliases ADD note VARCHAR(20) NULL DEFAULT X'E9', ADD other BLOB NULL")
        .await;
    // No file of text has these.
    database
        .script("DELETE FROM domains WHERE domain LIKE '%\\0%'; DELETE FROM aliases WHERE CONCAT(mail, destination) LIKE '%\\0%'")
        .await;
    for table in ["domains", "aliases", "users", "backups", "relays", "relocated"] {
        let rows = database.count(&format!("SELECT COUNT(*) FROM {table}")).await;
        let text = as_json(&database, table).await;
        let imported = import(&database, table, &text, &APPLIED).await;
        assert_eq!(
            counts(&imported),
            [0, 0, rows, 0],
            "{table}: {:#?}",
            refused(&imported)
        );
        assert_eq!((imported.change, recorded(&database).await), (None, 0));
    }
}

#[tokio::test]
async fn a_latin1_table_holds_what_it_can_and_refuses_what_it_cannot() {
    let database = Database::odd().await;
    database
        .script("ALTER TABLE aliases ADD note VARCHAR(20) NULL")
        .await;
    let text = "mail,destination,note\nnew@x.example,b@y.example,café\nworse@x.example,b@y.example,ž₿\n";
    let imported = import(&database, "aliases", text, &APPLIED).await;
    assert_eq!(
        (counts(&imported)[3], imported.change),
        (1, None),
        "{:#?}",
        refused(&imported)
    );
    assert!(
        refused(&imported)[0].starts_with("3: "),
        "{:#?}",
        refused(&imported)
    );
    assert_eq!(recorded(&database).await, 0);
    let imported = import(&database, "aliases", text, &SKIPPED).await;
    assert_eq!(counts(&imported), [1, 0, 0, 1]);
    let note = "SELECT HEX(note) FROM aliases WHERE mail = 'new@x.example'";
    assert_eq!(database.value(note).await.as_deref(), Some("636166E9"));
    let again = import(
        &database,
        "aliases",
        &text[..text.len() - "worse@x.example,b@y.example,ž₿\n".len()],
        &APPLIED,
    )
    .await;
    assert_eq!(counts(&again), [0, 0, 1, 0]);
}

#[tokio::test]
async fn rows_that_were_exported_and_deleted_come_back_with_their_keys() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO aliases (pkid, mail, destination, enabled) SELECT seq * 3, CONCAT('a', seq, '@x.example'), \
             'b@y.example', seq % 2 FROM seq_1_to_1200",
        )
        .await;
    let before = bytes_of(&database, "aliases").await;
    let text = as_json(&database, "aliases").await;
    database.script("DELETE FROM aliases; INSERT INTO aliases (pkid, mail, destination) VALUES (30, 'z@x.example', 'b@y.example')").await;
    let imported = import(&database, "aliases", &text, &APPLIED).await;
    assert_eq!(counts(&imported), [1200, 0, 0, 0], "{:#?}", refused(&imported));
    let after = bytes_of(&database, "aliases").await;
    let kept = before.iter().filter(|row| after.contains(row)).count();
    assert_eq!((kept, after.len()), (1199, 1201), "one key is another row's now");
    let agreeing = "SELECT COUNT(*) FROM aliases JOIN pw_changes ON row_key = pkid AND subject = mail AND action = 'create' \
                    AND JSON_VALUE(row_after, '$.enabled') = enabled AND row_before IS NULL";
    assert_eq!(
        (database.count(agreeing).await, recorded(&database).await),
        (1200, 1200)
    );
    let other = "pkid,mail,destination\n33,new@x.example,b@y.example\nx,other@x.example,b@y.example\n";
    expect_refused(
        &import(&database, "aliases", other, &APPLIED).await,
        &["3: pkid: `x` is no number"],
    );
}

#[tokio::test]
async fn passwords_come_as_hashes_or_are_hashed_and_readable_ones_only_when_they_are_given() {
    let database = Database::howto().await;
    let text = format!(
        "id,crypt,password\na@x.example,{HASH},\nb@x.example,,correct horse\nc@x.example,,\nd@x.example,secret,\n\
         e@x.example,{HASH},correct horse\n"
    );
    let imported = import(&database, "users", &text, &SKIPPED).await;
    expect_refused(
        &imported,
        &[
            "4: crypt: A new mailbox needs a password",
            "5: crypt: This is no hash that is known",
            "6: crypt: The line has a password and a hash",
        ],
    );
    let rows = database
        .rows("SELECT id, crypt, clear, maildir FROM users WHERE id LIKE '%x.example' ORDER BY id")
        .await;
    let text_of = |row: usize, column: usize| rows[row][column].clone().unwrap_or_default();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (
            text_of(0, 1).as_str(),
            text_of(0, 2).as_str(),
            text_of(0, 3).as_str()
        ),
        (HASH, "", "x.example/a/")
    );
    assert_eq!(
        (describe_stored(&text_of(1, 1)), text_of(1, 2)),
        (StoredPassword::Sha512Crypt, String::new())
    );
    assert!(
        imported
            .samples
            .iter()
            .all(|sample| sample.columns.iter().all(|(name, ..)| name != "crypt"))
    );

    // A name that changes leaves the password alone; readable ones come with a word about them.
    let imported = import(&database, "users", "id,name\na@x.example,Ann\n", &APPLIED).await;
    assert_eq!(counts(&imported), [0, 1, 0, 0]);
    let hash = database
        .value("SELECT crypt FROM users WHERE id = 'a@x.example'")
        .await;
    assert_eq!(hash.as_deref(), Some(HASH));
    let text = format!("id,crypt,clear\na@x.example,{HASH},readable\n");
    let imported = import(&database, "users", &text, &APPLIED).await;
    assert!(
        imported.effect.iter().any(|told| told.contains("`clear`")),
        "{:?}",
        imported.effect
    );
    let clear = database
        .value("SELECT clear FROM users WHERE id = 'a@x.example'")
        .await;
    assert_eq!(clear.as_deref(), Some("readable"));
}

#[tokio::test]
async fn each_of_many_mailboxes_on_one_line_gets_its_own_password() {
    let database = Database::howto().await;
    let json = r#"[{"id":"a@x.example","password":"correct horse"},{"id":"b@x.example","password":"battery staple"},{"id":"c@x.example","password":"correct horse"}]"#;
    assert_eq!(
        counts(&import(&database, "users", json, &APPLIED).await),
        [3, 0, 0, 0]
    );
    let hashes = database
        .count("SELECT COUNT(DISTINCT crypt) FROM users WHERE id LIKE '%@x.example'")
        .await;
    assert_eq!(hashes, 3);
}

#[tokio::test]
async fn rows_of_several_tables_and_of_differing_columns_are_one_change() {
    let database = Database::fresh().await;
    let json = r#"{"domains":[{"domain":"x.example"}],
        "aliases":[{"mail":"a@x.example","destination":"b@x.example"},{"mail":"c@x.example","destination":"b@x.example","enabled":0},
                   {"mail":"d@x.example","destination":"b@x.example","colour":"red"},{"mail":"e@x.example","destination":"b@x.example"},
                   {"mail":"f@x.example","destination":"b@x.example","colour":"red"}]}"#;
    let imported = import(&database, "all", json, &SKIPPED).await;
    expect_refused(&imported, &["3: colour: the table aliases has no column colour"]);
    assert_eq!((counts(&imported), imported.change), ([6, 0, 0, 1], Some(1)));
    let rows = database
        .rows("SELECT mail, enabled FROM aliases ORDER BY mail")
        .await;
    let on: Vec<_> = rows
        .iter()
        .map(|row| row[1].as_deref().unwrap_or_default())
        .collect();
    assert_eq!(on, ["1", "0", "1", "1", "1"]);
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM pw_changes WHERE change_id = 1")
            .await,
        6
    );
}

#[tokio::test]
async fn two_mailboxes_never_get_one_directory() {
    let database = Database::fresh().await;
    let ground = format!(
        "INSERT INTO users (id, maildir, crypt) VALUES ('old@x.example', 'x.example/old/', '{HASH}')"
    );
    database.script(&ground).await;
    let text = format!(
        "id,maildir,crypt\na@x.example,x.example/old/,{HASH}\nb@x.example,x.example/b/,{HASH}\nc@x.example,x.example/b/,{HASH}\n\
         d@x.example,x.example/b/cur/,{HASH}\ne@x.example,x.example/b/e/,{HASH}\n"
    );
    let imported = import(&database, "users", &text, &LOOKED_AT).await;
    assert_eq!(counts(&imported), [2, 0, 0, 3]);
    expect_refused(&imported, &["2: maildir: ", "4: maildir: ", "5: maildir: "]);
    // Two that change places: the first frees what the second takes.
    let text = "id,maildir\nold@x.example,x.example/new/\n";
    assert_eq!(
        counts(&import(&database, "users", text, &APPLIED).await),
        [0, 1, 0, 0]
    );
}

#[tokio::test]
async fn an_owner_imports_into_their_domains_and_learns_nothing_of_others() {
    let mut answers = Vec::new();
    for is_there in [false, true] {
        let database = Database::fresh().await;
        if is_there {
            database.script("INSERT INTO aliases (pkid, mail, destination) VALUES (7, 'a@other.example', 'b@y.example')").await;
        }
        let text = "pkid,mail,destination\n7,a@other.example,b@y.example\n7,a@mine.example,b@y.example\n8,b@sub.mine.example,b@y.example\n";
        let imported = import_as(&database, &owner(Limits::default()), "aliases", text, &SKIPPED).await;
        expect_refused(
            &imported,
            &[
                "2: mail: This is not one of your domains.",
                "4: mail: This is not one of your domains.",
            ],
        );
        assert_eq!(counts(&imported), [1, 0, 0, 2]);
        let rows = database
            .rows("SELECT mail, destination FROM aliases WHERE mail NOT LIKE '%@other.example'")
            .await;
        answers.push(format!(
            "{rows:?} {:?} {:?} {:?}",
            refused(&imported),
            imported.effect,
            imported.version
        ));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn an_owner_keeps_to_the_limits_and_to_the_columns_that_are_theirs() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('old@mine.example', 'b@mine.example')")
        .await;
    let limits = Limits {
        aliases: Some(3),
        external: false,
        catch_all: false,
        ..Limits::default()
    };
    let text = "mail,destination\na@mine.example,b@y.example\n@mine.example,b@mine.example\nb@mine.example,c@mine.example\n\
                c@mine.example,d@mine.example\nd@mine.example,e@mine.example\n";
    for how in [LOOKED_AT, SKIPPED] {
        let imported = import_as(&database, &owner(limits.clone()), "aliases", text, &how).await;
        expect_refused(
            &imported,
            &[
                "2: destination: `b@y.example` is not in a domain of yours",
                "3: mail: Only an operator",
                "6: mail: 3 aliases of `mine.example` are there",
            ],
        );
        assert_eq!(counts(&imported), [2, 0, 0, 3]);
    }
    assert_eq!(database.count("SELECT COUNT(*) FROM aliases").await, 3);

    let text = format!("id,crypt,home,uid\na@mine.example,{HASH},/root,1\n");
    let imported = import_as(&database, &owner(Limits::default()), "users", &text, &APPLIED).await;
    assert_eq!(counts(&imported), [1, 0, 0, 0]);
    assert!(
        imported.effect.iter().any(|told| told.contains("column home")),
        "{:?}",
        imported.effect
    );
    assert_eq!(
        database.rows("SELECT home, uid FROM users").await,
        [[
            Some("/var/spool/mail/virtual".to_owned()),
            Some("5000".to_owned())
        ]]
    );
    let rules = "kind,pattern,action\nrecipient,a@mine.example,DISCARD\nsender,b@mine.example,REJECT\nrecipient,c@mine.example,REJECT\n";
    let imported = import_as(
        &database,
        &owner(Limits::default()),
        "access_rules",
        rules,
        &LOOKED_AT,
    )
    .await;
    expect_refused(
        &imported,
        &["2: action: ", "3: pattern: This is not one of your domains."],
    );
    for table in ["domains", "backups"] {
        let text = "domain,transport\nmine.example,virtual:\n";
        let refusal = try_import(&database, &owner(Limits::default()), table, text, &LOOKED_AT).await;
        assert!(
            matches!(
                refusal,
                Err(Refusal::Failed(postwarden::error::Error::Forbidden(_)))
            ),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn an_import_says_what_it_does_to_mail() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO domains (domain) VALUES ('x.example')")
        .await;
    let text = "mail,destination\na@x.example,nobody@x.example\n";
    let imported = import(&database, "aliases", text, &LOOKED_AT).await;
    assert!(
        imported
            .effect
            .iter()
            .any(|told| told.contains("nobody@x.example")),
        "{:#?}",
        imported.effect
    );
    assert_eq!(imported.samples.len(), 1);
}
