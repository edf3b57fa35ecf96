//! What owners may undo: what is theirs, and what they could write.

use postwarden::access::{Actor, Grant, Limits, Role};
use postwarden::mail::DomainName;

use crate::support::{Answer, Browser, Database, Panel};
use crate::undo::{dump, latest, undo};

const ROWS: &str = "
    INSERT INTO domains (domain, transport) VALUES ('mine.example', 'virtual:'), ('theirs.example', 'virtual:');
    INSERT INTO aliases (pkid, mail, destination) VALUES (1, 'a@mine.example', 'x@mine.example'),
      (2, 'b@theirs.example', 'x@theirs.example'), (3, 'c@mine.example', 'x@out.example'),
      (4, '@mine.example', 'x@mine.example');
    INSERT INTO users (id, maildir, home) VALUES ('mary@mine.example', 'elsewhere/mary/', '/srv/special');";

/// A panel, an operator, and an owner of mine.example within these limits.
async fn ground(change: impl FnOnce(&mut Limits)) -> (Panel, Browser, Browser) {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    let mut grant = Grant::whole(DomainName::parse("mine.example").expect("a domain"));
    change(&mut grant.limits);
    panel
        .store
        .grant(&Actor::command_line(), "owner", &grant)
        .await
        .expect("granted");
    (panel, operator, owner)
}

async fn done(browser: &Browser, path: &str, fields: &[(&str, &str)]) {
    let answer = browser.post_confirmed(path, fields).await;
    assert_eq!(answer.status, 303, "{path}: {}", answer.text("main"));
}

/// The page without what names the change itself.
fn bare(answer: &Answer) -> (u16, String) {
    let digits = |c: char| c.is_ascii_hexdigit();
    (answer.status, answer.text("main").replace(digits, ""))
}

#[tokio::test]
async fn a_change_of_anothers_domain_is_not_there_whether_it_is_or_not() {
    let (panel, operator, owner) = ground(|_| ()).await;
    done(&operator, "aliases/2/enabled", &[("value", "0")]).await;
    let before = dump(&panel.database).await;
    for (path, fields) in [
        ("", None),
        ("/undo", Some(vec![])),
        ("/undo", Some(vec![("confirm", "1")])),
        ("/undo", Some(vec![("row", "0"), ("confirm", "1")])),
    ] {
        let ask = async |change: u64| {
            let path = format!("changes/{change}{path}");
            match &fields {
                None => owner.get(&path).await,
                Some(fields) => owner.post(&path, fields).await,
            }
        };
        let (there, not_there) = (ask(1).await, ask(99).await);
        assert_eq!(there.status, 404, "{path}");
        assert_eq!(bare(&there), bare(&not_there), "{path}");
    }
    assert_eq!(dump(&panel.database).await, before);
}

#[tokio::test]
async fn of_a_set_that_reaches_into_other_domains_owners_undo_their_own_rows_alone() {
    let (panel, operator, owner) = ground(|_| ()).await;
    let disabling = [("action", "disable"), ("key", "1"), ("confirm", "1")];
    let both = [&disabling[..], &[("key", "2")]].concat();
    done(&operator, "aliases/bulk", &both).await;
    let page = owner.get("changes/1").await;
    assert_eq!(page.texts(".row-of-change").len(), 1);
    assert!(!page.body.contains("theirs.example"));
    let answer = undo(&owner, 1).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("other domains than yours"),
        "{}",
        answer.text("main")
    );
    assert!(!answer.body.contains("theirs.example"));
    let own = panel
        .database
        .value("SELECT seq FROM pw_changes WHERE row_key = 1")
        .await
        .expect("a row");
    let other = panel
        .database
        .value("SELECT seq FROM pw_changes WHERE row_key = 2")
        .await
        .expect("a row");
    assert_eq!(
        owner
            .post("changes/1/undo", &[("row", &other), ("confirm", "1")])
            .await
            .status,
        404
    );
    assert_eq!(
        owner
            .post("changes/1/undo", &[("row", &own), ("confirm", "1")])
            .await
            .status,
        303
    );
    let on = panel
        .database
        .rows("SELECT mail FROM aliases WHERE enabled = 1 AND pkid < 3")
        .await;
    assert_eq!(on, [[Some("a@mine.example".to_owned())]]);
}

#[tokio::test]
async fn a_row_that_went_to_another_domain_does_not_come_back_by_its_owner() {
    let (panel, operator, owner) = ground(|_| ()).await;
    // From mine to theirs, and the other way.
    done(
        &operator,
        "aliases/1",
        &[
            ("mail", "a@theirs.example"),
            ("destination", "x@mine.example"),
            ("enabled", "1"),
        ],
    )
    .await;
    done(
        &operator,
        "aliases/2",
        &[
            ("mail", "b@mine.example"),
            ("destination", "x@theirs.example"),
            ("enabled", "1"),
        ],
    )
    .await;
    for change in [1, 2] {
        assert_eq!(undo(&owner, change).await.status, 404, "{change}");
    }
    assert_eq!(latest(&panel.database).await, 2);
}

#[tokio::test]
async fn tables_that_owners_only_read_are_not_written_by_undo() {
    let (panel, operator, owner) = ground(|_| ()).await;
    done(&operator, "domains/1/enabled", &[("value", "0")]).await;
    assert_eq!(
        owner
            .get("changes/1")
            .await
            .attributes("main form", "action")
            .len(),
        0
    );
    assert_eq!(undo(&owner, 1).await.status, 403);
    assert_eq!(
        panel
            .database
            .count("SELECT enabled FROM domains WHERE pkid = 1")
            .await,
        0
    );
}

#[tokio::test]
async fn what_the_grant_does_not_leave_is_not_got_back_by_undo() {
    // More aliases than granted: the operator has added one meanwhile.
    let (panel, operator, owner) = ground(|limits| limits.aliases = Some(3)).await;
    done(&owner, "aliases/1/delete", &[]).await;
    let deletion = latest(&panel.database).await;
    done(
        &operator,
        "aliases",
        &[
            ("mail", "new@mine.example"),
            ("destination", "x@mine.example"),
            ("enabled", "1"),
        ],
    )
    .await;
    let answer = undo(&owner, deletion).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text(".summary").contains("3 is the most"),
        "{}",
        answer.text(".summary")
    );
    done(&operator, "aliases/3/delete", &[]).await;
    assert_eq!(undo(&owner, deletion).await.status, 303, "there is room again");

    // Destinations outside, and a catch-all.
    let (panel, operator, owner) = ground(|limits| {
        limits.external = false;
        limits.catch_all = false;
    })
    .await;
    for key in [3, 4] {
        done(&operator, &format!("aliases/{key}/enabled"), &[("value", "0")]).await;
        let answer = undo(&owner, latest(&panel.database).await).await;
        assert_eq!(answer.status, 422, "{key}: {}", answer.text("main"));
        done(&operator, &format!("aliases/{key}/delete"), &[]).await;
        let answer = undo(&owner, latest(&panel.database).await).await;
        assert_eq!(answer.status, 422, "{key}: {}", answer.text("main"));
        assert_eq!(undo(&operator, latest(&panel.database).await).await.status, 303);
    }
    // Tables the operator keeps.
    let (panel, operator, owner) = ground(|limits| limits.relocations = false).await;
    done(
        &operator,
        "relocated",
        &[
            ("oldadr", "old@mine.example"),
            ("newadr", "x@out.example"),
            ("enabled", "1"),
        ],
    )
    .await;
    assert_eq!(undo(&owner, latest(&panel.database).await).await.status, 422);
}

#[tokio::test]
async fn owners_get_back_what_they_did_themselves_but_not_what_an_operator_took_from_them() {
    let (panel, operator, owner) = ground(|_| ()).await;
    let before = dump(&panel.database).await;
    done(&owner, "users/mary@mine.example/delete", &[]).await;
    assert_eq!(
        undo(&owner, 1).await.status,
        303,
        "with its directory and home, as it was"
    );
    assert_eq!(dump(&panel.database).await, before);

    done(&operator, "users/mary@mine.example/delete", &[]).await;
    let deletion = latest(&panel.database).await;
    let answer = undo(&owner, deletion).await;
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    assert_eq!(undo(&operator, deletion).await.status, 303);
    let fields = [
        ("id", "mary@mine.example"),
        ("maildir", "elsewhere/mary/"),
        ("home", "/srv/usual"),
        ("enabled", "1"),
    ];
    done(&operator, "users/mary@mine.example", &fields).await;
    let answer = undo(&owner, latest(&panel.database).await).await;
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    assert!(
        answer.text(".summary").contains("home"),
        "{}",
        answer.text(".summary")
    );
}

#[tokio::test]
async fn a_transport_that_owners_may_not_set_does_not_come_back_by_them() {
    let (panel, operator, owner) = ground(|_| ()).await;
    let set = async |transport: &str| {
        let fields = [("mail", "joe@mine.example"), ("transport", transport)];
        let path = if latest(&panel.database).await == 0 {
            "overrides"
        } else {
            "overrides/joe@mine.example"
        };
        done(&operator, path, &fields).await;
    };
    panel
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('joe@mine.example', 'joe@mine.example')")
        .await;
    let fields = [
        ("mail", "joe@mine.example"),
        ("transport", "smtp:[secret.partner.example]"),
    ];
    done(&operator, "overrides", &fields).await;
    set("smtp:[aspmx.l.google.com]").await;
    let change = latest(&panel.database).await;
    for fields in [&[][..], &[("confirm", "1")]] {
        let answer = owner.post(&format!("changes/{change}/undo"), fields).await;
        assert_eq!(answer.status, 422, "{}", answer.text("main"));
        assert!(
            answer.text(".summary").contains("to these only"),
            "{}",
            answer.text(".summary")
        );
    }
    assert_eq!(latest(&panel.database).await, change);
    // The other way round is theirs to do.
    assert_eq!(undo(&operator, change).await.status, 303);
    assert_eq!(undo(&owner, change + 1).await.status, 303);
}
