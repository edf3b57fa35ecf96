//! `postwarden changes`.

use crate::program::{Running, create_account, on};
use crate::support::{Database, PASSWORD};

#[tokio::test]
async fn changes_are_one_line_each_newest_first_with_their_id_first() {
    let database = Database::howto().await;
    database
        .script("INSERT INTO aliases (mail, destination) VALUES ('odd\\n1\\t2@blobber.org', 'x@blobber.org')")
        .await;
    create_account(&database, "joe", "operator", &[]);
    assert_eq!(on(&database, &["changes"]).done(), "");

    let panel = Running::serve_on(&database);
    let joe = panel.signed_in("joe", PASSWORD).await;
    for name in ["one", "two", "three"] {
        let mail = format!("{name}@blobber.org");
        let fields = [
            ("mail", mail.as_str()),
            ("destination", "x@y.example"),
            ("enabled", "1"),
        ];
        assert_eq!(joe.post("aliases", &fields).await.status, 303);
    }
    let key = database
        .value("SELECT pkid FROM aliases WHERE mail LIKE 'odd%'")
        .await;
    let answer = joe
        .post(
            &format!("aliases/{}/delete", key.expect("a row")),
            &[("confirm", "1")],
        )
        .await;
    assert_eq!(answer.status, 303, "{}", answer.body);

    let printed = on(&database, &["changes", "--limit", "3"]).done();
    let lines: Vec<Vec<&str>> = printed.lines().map(|l| l.split('\t').collect()).collect();
    let ids: Vec<u64> = lines.iter().map(|l| l[0].parse().expect("an id")).collect();
    assert_eq!(ids, [4, 3, 2], "{printed}");
    assert!(
        lines
            .iter()
            .all(|l| l.len() == 5 && l[2] == "joe" && l[3] == "127.0.0.1"),
        "{printed}"
    );
    assert!(lines[0][4].starts_with("delete aliases odd"), "{printed}");
    assert_eq!(lines[1][4], "create aliases three@blobber.org");
    assert_eq!(lines[2][4], "create aliases two@blobber.org");

    assert_eq!(on(&database, &["changes"]).done().lines().count(), 4);
    assert_eq!(on(&database, &["changes", "--limit", "0"]).done(), "");
    let all = on(&database, &["changes", "--limit", "18446744073709551615"]).done();
    assert_eq!(all.lines().count(), 4);
}
