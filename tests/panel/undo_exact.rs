//! Undoing to the byte: whatever types and character sets tables have, and in whatever order things were done.

use postwarden::access::Actor;
use postwarden::progress::Progress;
use postwarden::resource::{Resource, aliases, domains, relays, relocated, users};
use postwarden::store::{Operation, Store, Which};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::support::{Database, Panel};
use crate::undo::{dump, latest, undo};

#[tokio::test]
async fn columns_of_every_kind_are_put_back_as_they_were() {
    let database = Database::fresh().await;
    database
        .script(
            "ALTER TABLE aliases ADD f FLOAT NULL, ADD d DOUBLE NULL, ADD n DECIMAL(12,5) NULL, ADD b BIT(12) NULL, \
             ADD e ENUM('one', 'two', '3') NULL, ADD s SET('x', 'y') NULL, ADD z DATETIME NULL, ADD y YEAR NULL, \
             ADD t TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), \
             ADD raw BLOB NULL, ADD old VARCHAR(40) CHARACTER SET latin1 NULL, ADD wide VARCHAR(40) CHARACTER SET utf16 \
             NULL, ADD filled INT(8) UNSIGNED ZEROFILL NULL, ADD made INT AS (filled + 1) VIRTUAL, ADD j JSON NULL; \
             INSERT INTO domains (domain) VALUES ('shop.example'); \
             INSERT INTO aliases (mail, destination, f, d, n, b, e, s, z, y, raw, old, wide, filled, j) VALUES \
             ('a@shop.example', 'x@y.example', 0.1, 1e300 / 3, 1.5, b'101000000001', '3', 'x,y', '0000-00-00 00:00:00', 0, \
              X'00FF27', X'E4F6FC80', 'ä€', 7, '{\"a\": [1, \"ü\"]}'), \
             ('b@shop.example', 'x@y.example', 16777217, -0.0, -0.00001, 0, 'two', '', '2024-02-31 00:00:00', 2155, \
              '', '', '', 4294967295, '[]'), \
             ('c@shop.example', 'x@y.example', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        )
        .await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let before = dump(&panel.database).await;
    let all = |action| [("action", action), ("all", "1"), ("confirm", "1")];
    for action in ["delete", "disable"] {
        let answer = operator.post("aliases/bulk", &all(action)).await;
        assert_eq!(answer.status, 303, "{action}: {}", answer.text("main"));
        assert_ne!(dump(&panel.database).await, before);
        let answer = undo(&operator, latest(&panel.database).await).await;
        assert_eq!(answer.status, 303, "{action}: {}", answer.text("main"));
        assert_eq!(dump(&panel.database).await, before, "{action}");
    }
    // Different values in one statement.
    let change = latest(&panel.database).await;
    panel
        .database
        .script("UPDATE aliases SET t = t, f = NULL, b = NULL, z = NULL, raw = NULL, old = NULL")
        .await;
    let left = "SELECT 1 FROM aliases WHERE f IS NOT NULL";
    assert!(panel.database.rows(left).await.is_empty());
    let answer = undo(&operator, change).await;
    assert_eq!(answer.status, 409, "what was written since is not lost");
}

#[tokio::test]
async fn a_key_of_zero_comes_back_as_zero() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('shop.example'); SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; \
             INSERT INTO relocated (pkid, oldadr, newadr) VALUES (0, 'a@shop.example', 'b@x.example')",
        )
        .await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let before = dump(&panel.database).await;
    assert_eq!(
        operator
            .post("relocated/0/delete", &[("confirm", "1")])
            .await
            .status,
        303
    );
    assert_eq!(undo(&operator, 1).await.status, 303);
    assert_eq!(dump(&panel.database).await, before);
}

#[tokio::test]
async fn every_odd_row_of_an_old_database_comes_back() {
    let panel = Panel::on(Database::odd().await).await;
    let operator = panel.operator().await;
    for slug in ["aliases", "domains", "users", "relays", "relocated", "backups"] {
        let before = dump(&panel.database).await;
        for action in ["disable", "delete"] {
            let fields = [("action", action), ("all", "1"), ("confirm", "1")];
            let answer = operator.post(&format!("{slug}/bulk"), &fields).await;
            assert_eq!(answer.status, 303, "{slug} {action}: {}", answer.text("main"));
            let answer = undo(&operator, latest(&panel.database).await).await;
            assert_eq!(answer.status, 303, "{slug} {action}: {}", answer.text("main"));
            assert_eq!(dump(&panel.database).await, before, "{slug} {action}");
        }
    }
}

#[tokio::test]
async fn what_one_change_did_to_a_row_twice_is_undone_twice() {
    let database = Database::fresh().await;
    database
        .script("INSERT INTO domains (domain) VALUES ('shop.example')")
        .await;
    let store = database.store().await;
    let before = dump(&database).await;
    let actor = Actor::command_line();
    let draft = |mail: &str, to: &str| {
        let fields = vec![
            ("mail", mail.to_owned()),
            ("destination", to.to_owned()),
            ("enabled", "1".to_owned()),
        ];
        aliases::RESOURCE.check(store.rules(), fields).expect("a draft")
    };
    let create = Operation::Create {
        resource: &aliases::RESOURCE,
        draft: draft("a@shop.example", "x@y.example"),
    };
    let switch = Operation::SetEnabled {
        resource: &aliases::RESOURCE,
        keys: vec!["1".to_owned()],
        enabled: false,
    };
    let update = Operation::Update {
        resource: &aliases::RESOURCE,
        key: "1".to_owned(),
        version: None,
        draft: draft("b@shop.example", "y@y.example"),
    };
    let applied = store
        .apply(&actor, &[create, switch, update])
        .await
        .expect("applied");
    assert_eq!(applied.rows, 3);
    let change = applied.change.expect("a change");
    let progress = Progress::default();
    let undoable = store
        .undoable(&actor, change, Which::Whole, &progress)
        .await
        .expect("undoable");
    assert_eq!(undoable.written.len(), 1, "one row, whatever was done to it");
    assert!(undoable.written[0].after.is_none());
    store
        .undo(&actor, change, Which::Whole, &progress)
        .await
        .expect("undone");
    assert_eq!(dump(&database).await, before);
    // And the way back, in which it is created, switched and renamed again.
    store
        .undo(&actor, change + 1, Which::Whole, &progress)
        .await
        .expect("done again");
    let row = database.rows("SELECT pkid, mail, enabled FROM aliases").await;
    assert_eq!(
        row[0].iter().filter_map(Option::as_deref).collect::<Vec<_>>(),
        ["1", "b@shop.example", "1"]
    );
}

const TABLES: [&Resource; 5] = [
    &aliases::RESOURCE,
    &domains::RESOURCE,
    &relays::RESOURCE,
    &relocated::RESOURCE,
    &users::RESOURCE,
];

/// What is done: an action, a table, a row and a value, all taken modulo what there is.
type Deed = (u8, u8, u8, u8);

async fn keys(database: &Database, resource: &Resource) -> Vec<String> {
    let query = format!(
        "SELECT CAST({0} AS CHAR) FROM {1} ORDER BY {0}",
        resource.key, resource.table
    );
    let rows = database.rows(&query).await;
    rows.into_iter()
        .filter_map(|row| row.into_iter().next().flatten())
        .collect()
}

async fn operation(
    database: &Database,
    store: &Store,
    (action, table, row, value): Deed,
) -> Option<Operation> {
    let resource = TABLES[usize::from(table) % TABLES.len()];
    let keys = keys(database, resource).await;
    let key = keys.get(usize::from(row) % keys.len().max(1)).cloned();
    let some = || {
        keys.iter()
            .skip(usize::from(row) % 3)
            .step_by(1 + usize::from(value) % 4)
            .cloned()
            .collect()
    };
    let draft = || {
        let name = format!("n{}", value % 12);
        let fields = resource.columns.iter().map(|column| {
            let text = match column.name {
                name_of if name_of == resource.subject && resource.table == "domains" => {
                    format!("{name}.example")
                }
                name_of if name_of == resource.subject => format!("{name}@shop.example"),
                "destination" => format!("x{value}@y.example,z@y.example"),
                "newadr" => format!("x{value}@y.example"),
                "maildir" => format!("shop.example/{name}/"),
                "name" => format!("Jos\u{e9} {value}"),
                _ => column.default.to_owned(),
            };
            (column.name, text)
        });
        resource.check(store.rules(), fields.collect()).ok()
    };
    Some(match action % 6 {
        0 | 1 => Operation::Create {
            resource,
            draft: draft()?,
        },
        2 | 3 => Operation::Update {
            resource,
            key: key?,
            version: None,
            draft: draft()?,
        },
        4 => Operation::SetEnabled {
            resource,
            keys: some(),
            enabled: value % 2 == 0,
        },
        _ => Operation::Delete {
            resource,
            keys: some(),
            version: None,
        },
    })
}

async fn done_and_undone(
    database: &Database,
    store: &Store,
    deeds: &[Vec<Deed>],
) -> Result<(), TestCaseError> {
    let actor = Actor::command_line();
    let progress = Progress::default();
    let mut states = vec![dump(database).await];
    let mut changes = Vec::new();
    for set in deeds {
        let mut operations = Vec::new();
        for deed in set {
            operations.extend(operation(database, store, *deed).await);
        }
        // What is refused changes nothing.
        if let Ok(applied) = store.apply(&actor, &operations).await
            && let Some(change) = applied.change
        {
            changes.push(change);
            states.push(dump(database).await);
        }
    }
    let mut undone = Vec::new();
    for change in changes.iter().rev() {
        states.pop();
        let applied = store.undo(&actor, *change, Which::Whole, &progress).await;
        let applied = applied.map_err(|refusal| TestCaseError::fail(format!("{change}: {refusal:?}")))?;
        undone.extend(applied.change);
        prop_assert_eq!(Some(&dump(database).await), states.last());
    }
    // All of it is done again, and undone once more.
    for change in undone.iter().rev() {
        let again = store.undo(&actor, *change, Which::Whole, &progress).await;
        let again = again.map_err(|refusal| TestCaseError::fail(format!("redo {change}: {refusal:?}")))?;
        changes.extend(again.change);
    }
    for change in changes.split_off(undone.len()).iter().rev() {
        let last = store.undo(&actor, *change, Which::Whole, &progress).await;
        last.map_err(|refusal| TestCaseError::fail(format!("again {change}: {refusal:?}")))?;
    }
    prop_assert_eq!(Some(&dump(database).await), states.first());
    Ok(())
}

#[test]
fn any_sequence_of_changes_undone_in_reverse_gives_byte_identical_tables() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for odd in [false, true] {
        let (database, store) = runtime.block_on(async {
            let database = if odd {
                Database::odd().await
            } else {
                Database::fresh().await
            };
            database
                .script("INSERT INTO domains (domain) VALUES ('shop.example')")
                .await;
            let store = database.store().await;
            (database, store)
        });
        let mut runner = TestRunner::new(Config {
            cases: 24,
            failure_persistence: None,
            max_shrink_iters: 60,
            ..Config::default()
        });
        let deed = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
        let deeds = prop::collection::vec(prop::collection::vec(deed, 1..4), 1..10);
        let ran = runner.run(&deeds, |deeds| {
            runtime.block_on(done_and_undone(&database, &store, &deeds))
        });
        if let Err(error) = ran {
            panic!("odd: {odd}: {error}");
        }
        let changes = runtime.block_on(database.count("SELECT COUNT(DISTINCT change_id) FROM pw_changes"));
        assert!(changes > 100, "most of it was no refusal: {changes}");
    }
}

/// Measures: `cargo test --test panel a_set_of_100_000_rows -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes a minute"]
async fn a_set_of_100_000_rows_is_undone_as_one() {
    let database = Database::fresh().await;
    database
        .script(
            "INSERT INTO domains (domain) VALUES ('shop.example'); \
             INSERT INTO aliases (mail, destination) SELECT CONCAT('a', seq, '@shop.example'), CONCAT('b', seq, \
             '@x.example') FROM seq_1_to_100000",
        )
        .await;
    let store = database.store().await;
    let (actor, progress) = (Actor::command_line(), Progress::default());
    let before = dump(&database).await;
    let keys = keys(&database, &aliases::RESOURCE).await;
    let resource = &aliases::RESOURCE;
    let renamed = keys.iter().take(5000).map(|key| {
        let fields = vec![
            ("mail", format!("a{key}@shop.example")),
            ("destination", format!("c{key}@x.example")),
            ("enabled", "1".to_owned()),
        ];
        Operation::Update {
            resource,
            key: key.clone(),
            version: None,
            draft: resource.check(store.rules(), fields).expect("a draft"),
        }
    });
    let sets = [
        (
            "switched off",
            vec![Operation::SetEnabled {
                resource,
                keys: keys.clone(),
                enabled: false,
            }],
        ),
        (
            "deleted",
            vec![Operation::Delete {
                resource,
                keys: keys.clone(),
                version: None,
            }],
        ),
        ("changed to a value each", renamed.collect()),
    ];
    for (what, operations) in sets {
        let start = std::time::Instant::now();
        let applied = store.apply(&actor, &operations).await.expect("applied");
        let (rows, taken) = (applied.rows, start.elapsed());
        let change = applied.change.expect("a change");
        let start = std::time::Instant::now();
        let undoable = store.undoable(&actor, change, Which::Whole, &progress).await;
        let (undoable, reviewed) = (undoable.expect("undoable"), start.elapsed());
        let start = std::time::Instant::now();
        store
            .undo(&actor, change, Which::Whole, &progress)
            .await
            .expect("undone");
        let undone = start.elapsed();
        println!(
            "{rows} rows {what} in {taken:.1?}, tried in {reviewed:.1?} ({} shown), undone in {undone:.1?}",
            undoable.written.len()
        );
        assert!(dump(&database).await == before, "{what}");
    }
}
