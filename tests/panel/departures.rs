//! Somebody left, somebody moved: every row about one address, changed together after it was shown.

use postwarden::access::{Actor, Grant, Limits, Role};
use postwarden::mail::DomainName;

use crate::samples::{both, ground, recorded};
use crate::support::{Answer, Browser, Database, Panel};

const JOE: &str = "joe@shop.example";
const GOOGLE: &str = "smtp:[aspmx.l.google.com]";

/// Joe with a mailbox, his own alias and an override.
const ROWS: &str = "
    INSERT INTO users (id, maildir) VALUES ('joe@shop.example', 'shop.example/joe/'), ('ann@shop.example', 'shop.example/ann/');
    INSERT INTO aliases (mail, destination) VALUES ('joe@shop.example', 'joe@shop.example'),
      ('ann@shop.example', 'ann@shop.example');
    INSERT INTO domains (domain, transport) VALUES ('joe@shop.example', 'smtp:[aspmx.l.google.com]');";

const LISTS: &str = "
    INSERT INTO aliases (mail, destination, enabled) VALUES ('team@shop.example', 'ann@shop.example, Joe@shop.example', 1),
      ('info@shop.example', 'joe@shop.example', 1), ('old@shop.example', 'joe@shop.example', 0);";

const CATCH_ALL: &str =
    "INSERT INTO aliases (mail, destination) VALUES ('@shop.example', 'ann@shop.example');";

async fn lines(database: &Database, query: &str) -> Vec<String> {
    let rows = database.rows(query).await;
    rows.into_iter()
        .map(|mut row| row.remove(0).expect("a line"))
        .collect()
}

/// Every row about an address or a list of it, as `table subject value enabled`.
async fn rows(database: &Database, address: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (table, subject, value) in [
        ("users", "id", "maildir"),
        ("aliases", "mail", "destination"),
        ("domains", "domain", "transport"),
        ("backups", "domain", "transport"),
        ("relays", "recipient", "status"),
        ("relocated", "oldadr", "newadr"),
        ("access_rules", "pattern", "CONCAT(kind, ' ', action)"),
    ] {
        let there = format!(
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '{table}'"
        );
        if database.count(&there).await == 1 {
            let query = format!(
                "SELECT CONCAT_WS(' ', '{table}', {value}, enabled) FROM {table} WHERE {subject} = '{address}'"
            );
            found.extend(lines(database, &query).await);
        }
    }
    found
}

async fn destinations(database: &Database, mail: &str) -> String {
    let query = format!("SELECT CONCAT_WS(' ', destination, enabled) FROM aliases WHERE mail = '{mail}'");
    database.value(&query).await.expect("an alias")
}

async fn changes(database: &Database) -> u64 {
    database
        .count("SELECT COUNT(DISTINCT change_id) FROM pw_changes")
        .await
}

fn left<'a>(address: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("address", address)], more].concat()
}

/// Asks, sees the review, and confirms it, as a person without JavaScript does.
async fn confirmed(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let review = browser.post(path, fields).await;
    assert_eq!(review.status, 200, "{path} {fields:?}: {}", review.text("main"));
    let done = browser.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303, "{path} {fields:?}: {}", done.text("main"));
    let address = fields[0].1.replace('@', "%40");
    assert_eq!(done.location(), format!("/explain?address={address}"));
    review
}

/// The rows a review shows: what, now, afterwards.
fn shown(review: &Answer) -> Vec<String> {
    review.texts("table.diff tbody tr")
}

fn warned(review: &Answer, what: &str) {
    let text = review.text(".notice.warn");
    assert!(text.contains(what), "{what:?} is not in {text:?}");
}

async fn with(script: &str) -> (Panel, Browser) {
    let (panel, operator) = ground().await;
    panel.database.script(script).await;
    (panel, operator)
}

#[tokio::test]
async fn whoever_left_is_switched_off_everywhere_as_one_change_that_was_shown_first() {
    for database in both().await {
        database.script(ROWS).await;
        let panel = Panel::on(database).await;
        let (operator, database) = (panel.operator().await, &panel.database);
        let before = rows(database, JOE).await;
        let fields = left("Joe@SHOP.example", &[("then", "refuse"), ("lists", "1")]);
        let review = operator.post("left", &fields).await;
        assert_eq!(review.status, 200, "{}", review.text("main"));
        assert_eq!(
            shown(&review),
            [
                "Mailbox joe@shop.example shop.example/joe/ Enabled shop.example/joe/ Disabled",
                &format!("Alias {JOE} {JOE} Enabled {JOE} Disabled"),
                &format!("Override {JOE} {GOOGLE} Enabled {GOOGLE} Disabled"),
            ]
        );
        assert_eq!(rows(database, JOE).await, before, "a review writes nothing");
        assert_eq!(recorded(database).await, 0);

        confirmed(&operator, "left", &left(JOE, &fields[1..])).await;
        assert_eq!(
            rows(database, JOE).await,
            [
                "users shop.example/joe/ 0".to_owned(),
                format!("aliases {JOE} 0"),
                format!("domains {GOOGLE} 0")
            ]
        );
        assert_eq!((changes(database).await, recorded(database).await), (1, 3));
        let notice = operator.get("users").await.text(".notice.ok");
        assert!(
            notice.contains(
                "Done as asked: mail for joe@shop.example is refused from now on. 3 rows were written"
            ),
            "{notice}"
        );
        assert!(notice.contains("stays on disk"), "{notice}");
    }
}

#[tokio::test]
async fn under_a_catch_all_a_rule_refuses_whoever_left() {
    for catch_all in [
        CATCH_ALL,
        "INSERT INTO users (id, maildir) VALUES ('@shop.example', 'shop.example/all/');",
    ] {
        let (panel, operator) = with(&(ROWS.to_owned() + catch_all)).await;
        let fields = left(JOE, &[("then", "refuse")]);
        let review = confirmed(&operator, "left", &fields).await;
        assert!(
            review
                .text("main")
                .contains("The catch-all @shop.example would take the mail")
        );
        let found = rows(&panel.database, JOE).await;
        assert_eq!(found.last().expect("a rule"), "access_rules recipient REJECT 1");
        assert_eq!(changes(&panel.database).await, 1);
    }
}

#[tokio::test]
async fn a_rule_there_is_already_is_made_to_refuse_and_keeps_its_words() {
    let rule = "INSERT INTO access_rules (kind, pattern, action, message, enabled) VALUES
        ('recipient', 'joe@shop.example', 'REJECT', 'Joe is at sea', 0), ('sender', 'joe@shop.example', 'REJECT', '', 0);";
    let (panel, operator) = with(&[ROWS, CATCH_ALL, rule].concat()).await;
    confirmed(&operator, "left", &left(JOE, &[("then", "refuse")])).await;
    let query = "SELECT CONCAT_WS(' ', kind, message, enabled) FROM access_rules ORDER BY kind";
    assert_eq!(
        lines(&panel.database, query).await,
        ["recipient Joe is at sea 1", "sender  0"]
    );
    // Anything but a refusal becomes one.
    panel
        .database
        .script("UPDATE access_rules SET action = 'DISCARD' WHERE kind = 'recipient'")
        .await;
    confirmed(&operator, "left", &left(JOE, &[("then", "refuse")])).await;
    let query = "SELECT CONCAT_WS(' ', action, enabled) FROM access_rules WHERE kind = 'recipient'";
    assert_eq!(lines(&panel.database, query).await, ["REJECT 1"]);
}

#[tokio::test]
async fn without_access_rules_it_is_said_that_the_catch_all_takes_the_mail() {
    let database = Database::fresh().await;
    database
        .script(&(crate::samples::GROUND.to_owned() + ROWS + CATCH_ALL + "DROP TABLE access_rules"))
        .await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    let review = confirmed(&operator, "left", &left(JOE, &[("then", "refuse")])).await;
    warned(
        &review,
        "The catch-all @shop.example takes all mail for joe@shop.example from now on",
    );
}

#[tokio::test]
async fn the_primary_servers_people_are_refused_by_the_list_of_recipients() {
    for (there, after) in [
        ("('@away.example', 'OK', 1)", vec!["relays REJECT 1"]),
        (
            "('@away.example', 'OK', 1), ('bob@away.example', 'OK', 1)",
            vec!["relays REJECT 1"],
        ),
        (
            "('@away.example', 'OK', 1), ('bob@away.example', 'REJECT', 0)",
            vec!["relays REJECT 1"],
        ),
        (
            "('@away.example', 'OK', 0), ('bob@away.example', 'OK', 1)",
            vec!["relays OK 0"],
        ),
        (
            "('eve@away.example', 'OK', 1), ('bob@away.example', 'OK', 1)",
            vec!["relays OK 0"],
        ),
    ] {
        let script = format!("INSERT INTO relays (recipient, status, enabled) VALUES {there}");
        let (panel, operator) = with(&script).await;
        confirmed(
            &operator,
            "left",
            &left("bob@away.example", &[("then", "refuse")]),
        )
        .await;
        assert_eq!(rows(&panel.database, "bob@away.example").await, after, "{there}");
        assert_eq!(changes(&panel.database).await, 1);
    }
}

#[tokio::test]
async fn whoever_left_is_taken_out_of_lists_and_what_they_had_alone_goes_off_or_to_the_colleague() {
    let (panel, operator) = with(&[ROWS, LISTS].concat()).await;
    let database = &panel.database;
    let fields = left(JOE, &[("then", "refuse"), ("lists", "1")]);
    let review = confirmed(&operator, "left", &fields).await;
    warned(
        &review,
        "info@shop.example delivered to joe@shop.example alone and is switched off",
    );
    assert_eq!(
        destinations(database, "team@shop.example").await,
        "ann@shop.example 1"
    );
    assert_eq!(
        destinations(database, "info@shop.example").await,
        "joe@shop.example 0"
    );
    assert_eq!(
        destinations(database, "old@shop.example").await,
        "joe@shop.example 0"
    );
    assert_eq!((changes(database).await, recorded(database).await), (1, 5));

    let (panel, operator) = with(&[ROWS, LISTS].concat()).await;
    let database = &panel.database;
    let to_ann = [
        ("then", "forward"),
        ("destination", "ann@shop.example"),
        ("lists", "1"),
    ];
    confirmed(&operator, "left", &left(JOE, &to_ann)).await;
    assert_eq!(
        destinations(database, "team@shop.example").await,
        "ann@shop.example 1"
    );
    assert_eq!(
        destinations(database, "info@shop.example").await,
        "ann@shop.example 1"
    );
    assert_eq!(destinations(database, JOE).await, "ann@shop.example 1");
    assert_eq!(changes(database).await, 1);
}

#[tokio::test]
async fn lists_that_are_kept_are_named_with_what_becomes_of_their_mail() {
    let (panel, operator) = with(&[ROWS, LISTS].concat()).await;
    let review = confirmed(&operator, "left", &left(JOE, &[("then", "refuse")])).await;
    warned(
        &review,
        "info@shop.example, team@shop.example go on delivering to joe@shop.example: whoever writes there gets a bounce",
    );
    assert_eq!(
        destinations(&panel.database, "team@shop.example").await,
        "ann@shop.example, Joe@shop.example 1"
    );
    // A colleague who delivers to the one who left would send the mail round in a circle.
    panel
        .database
        .script("UPDATE aliases SET destination = 'joe@shop.example' WHERE mail = 'ann@shop.example'")
        .await;
    let to_ann = [("then", "forward"), ("destination", "ann@shop.example")];
    warned(
        &operator.post("left", &left(JOE, &to_ann)).await,
        "round in a circle",
    );
}

#[tokio::test]
async fn a_catch_all_that_went_to_the_one_who_left_alone_is_no_catch_all_any_more() {
    let catch_all = "INSERT INTO aliases (mail, destination) VALUES ('@shop.example', 'joe@shop.example');";
    let (panel, operator) = with(&[ROWS, catch_all].concat()).await;
    let fields = left(JOE, &[("then", "refuse"), ("lists", "1")]);
    confirmed(&operator, "left", &fields).await;
    assert_eq!(
        destinations(&panel.database, "@shop.example").await,
        "joe@shop.example 0"
    );
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM access_rules").await, 0);
}

#[tokio::test]
async fn senders_are_told_where_the_person_is() {
    for there in [
        "",
        "INSERT INTO relocated (oldadr, newadr, enabled) VALUES ('joe@shop.example', 'old news', 0);",
        "INSERT INTO relocated (oldadr, newadr, enabled) VALUES ('joe@shop.example', 'old news', 1);",
    ] {
        let (panel, operator) = with(&[ROWS, CATCH_ALL, there].concat()).await;
        let fields = left(JOE, &[("then", "tell"), ("newadr", " Joe@New.example ")]);
        confirmed(&operator, "left", &fields).await;
        let found = rows(&panel.database, JOE).await;
        assert_eq!(found[0], "users shop.example/joe/ 0");
        assert_eq!(found.last().expect("a relocation"), "relocated joe@new.example 1");
        assert_eq!(panel.database.count("SELECT COUNT(*) FROM access_rules").await, 0);
        assert_eq!(changes(&panel.database).await, 1);
    }
}

#[tokio::test]
async fn a_colleague_gets_the_mail_and_nothing_refuses_it_at_the_door() {
    let door = "
        INSERT INTO relocated (oldadr, newadr) VALUES ('joe@shop.example', 'old news');
        INSERT INTO access_rules (kind, pattern) VALUES ('recipient', 'joe@shop.example');
        DELETE FROM aliases WHERE mail = 'joe@shop.example';";
    let (panel, operator) = with(&[ROWS, door].concat()).await;
    let fields = left(JOE, &[("then", "forward"), ("destination", "ann@shop.example")]);
    let review = confirmed(&operator, "left", &fields).await;
    assert!(
        shown(&review).contains(&format!("Alias {JOE} not there ann@shop.example Enabled")),
        "{:?}",
        shown(&review)
    );
    assert_eq!(
        rows(&panel.database, JOE).await,
        [
            "users shop.example/joe/ 0",
            "aliases ann@shop.example 1",
            "domains smtp:[aspmx.l.google.com] 0",
            "relocated old news 0",
            "access_rules recipient REJECT 0"
        ]
    );
    assert_eq!(changes(&panel.database).await, 1);
    // Somebody nobody knows.
    let to_nobody = left(
        JOE,
        &[("then", "forward"), ("destination", "nobody@shop.example")],
    );
    warned(
        &operator.post("left", &to_nobody).await,
        "neither a mailbox nor an alias",
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_nothing_that_was_typed_is_lost() {
    let (panel, operator) = with(ROWS).await;
    for (fields, field, what) in [
        (
            vec![
                ("then", "tell"),
                ("newadr", ""),
                ("destination", "kept@y.example"),
            ],
            "newadr",
            "empty",
        ),
        (
            vec![("then", "forward"), ("newadr", "kept"), ("destination", "ann")],
            "destination",
            "@",
        ),
        (
            vec![("then", "forward"), ("newadr", "kept"), ("destination", JOE)],
            "destination",
            "who left",
        ),
        (
            vec![("then", "dance"), ("newadr", "kept"), ("destination", "")],
            "then",
            "Choose what becomes",
        ),
    ] {
        let confirm = [&fields[..], &[("confirm", "1")]].concat();
        let answer = operator.post("left", &left(JOE, &confirm)).await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text(&format!("#{field}-error")).contains(what),
            "{}",
            answer.text("main")
        );
        for (name, value) in fields.iter().filter(|(name, _)| *name != "then") {
            assert_eq!(answer.field(name), *value);
        }
    }
    let answer = operator.post("left", &left("joe", &[("then", "refuse")])).await;
    assert_eq!((answer.status, answer.field("address")), (422, "joe".to_owned()));
    let both = [
        ("preset", GOOGLE),
        ("transport", "smtp:[other.example]"),
        ("mailbox", "1"),
    ];
    let answer = operator.post("moved", &left(JOE, &both)).await;
    assert_eq!(
        (answer.status, answer.field("transport")),
        (422, "smtp:[other.example]".to_owned())
    );
    let answer = operator
        .post("moved", &left(JOE, &[("transport", "smtp:[TENANT.example]")]))
        .await;
    assert!(
        answer.text("#transport-error").contains("TENANT"),
        "{}",
        answer.text("main")
    );
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn a_review_can_be_left_for_the_form_with_everything_in_it() {
    let (_panel, operator) = with(ROWS).await;
    let fields = left(JOE, &[("then", "tell"), ("newadr", "at sea"), ("lists", "1")]);
    let review = operator.post("left", &fields).await;
    let form = operator.submit(&review, &[("edit", "1")]).await;
    assert_eq!(form.status, 200);
    let mut sent = form.form().1;
    sent.retain(|(name, value)| !(name == "destination" && value.is_empty()));
    let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(sent, fields);
    let fields = left(JOE, &[("preset", "smtp:[smtp.google.com]")]);
    let review = operator.post("moved", &fields).await;
    let form = operator.submit(&review, &[("edit", "1")]).await;
    let sent = form.form().1;
    assert!(
        sent.contains(&("preset".to_owned(), "smtp:[smtp.google.com]".to_owned())),
        "{sent:?}"
    );
    assert!(
        sent.contains(&("transport".to_owned(), String::new())),
        "{sent:?}"
    );
    assert!(!sent.iter().any(|(name, _)| name == "mailbox"), "{sent:?}");
}

const UNMOVED: &str = "
    DELETE FROM domains WHERE domain = 'joe@shop.example';
    DELETE FROM aliases WHERE mail = 'joe@shop.example';
    INSERT INTO relocated (oldadr, newadr) VALUES ('joe@shop.example', 'old news');
    INSERT INTO access_rules (kind, pattern) VALUES ('recipient', 'joe@shop.example');";

#[tokio::test]
async fn whoever_moved_to_google_has_an_override_and_a_self_alias_and_nothing_in_the_way() {
    for (keep, mailbox) in [("1", "1"), ("0", "0")] {
        let (panel, operator) = with(&[ROWS, UNMOVED].concat()).await;
        let page = operator.get(&format!("moved?address={JOE}")).await;
        assert_eq!(
            page.attributes("input[name=preset][checked]", "value"),
            [GOOGLE],
            "Google is offered first"
        );
        let fields = left(JOE, &[("transport", GOOGLE), ("mailbox", keep)]);
        confirmed(&operator, "moved", &fields).await;
        assert_eq!(
            rows(&panel.database, JOE).await,
            [
                format!("users shop.example/joe/ {mailbox}"),
                format!("aliases {JOE} 1"),
                format!("domains {GOOGLE} 1"),
                "relocated old news 0".to_owned(),
                "access_rules recipient REJECT 0".to_owned()
            ]
        );
        assert_eq!(changes(&panel.database).await, 1);
    }
}

#[tokio::test]
async fn the_name_at_microsoft_is_derived_from_the_domain() {
    let (panel, operator) = with(ROWS).await;
    let page = operator.get(&format!("moved?address={JOE}")).await;
    let microsoft = "smtp:[shop-example.mail.protection.outlook.com]";
    assert!(
        page.attributes("input[name=preset]", "value")
            .contains(&microsoft.to_owned())
    );
    confirmed(
        &operator,
        "moved",
        &left(JOE, &[("preset", microsoft), ("mailbox", "1")]),
    )
    .await;
    assert!(
        rows(&panel.database, JOE)
            .await
            .contains(&format!("domains {microsoft} 1"))
    );
    assert_eq!(
        recorded(&panel.database).await,
        1,
        "the self alias and the mailbox are as they were"
    );
}

#[tokio::test]
async fn where_the_whole_domain_is_relayed_the_one_who_moved_becomes_a_recipient() {
    let (panel, operator) =
        with("INSERT INTO relays (recipient, status) VALUES ('bob@away.example', 'REJECT')").await;
    let fields = left("bob@away.example", &[("transport", GOOGLE)]);
    let review = confirmed(&operator, "moved", &fields).await;
    warned(&review, "set to OK and enabled");
    assert_eq!(
        rows(&panel.database, "bob@away.example").await,
        [
            "aliases bob@away.example 1".to_owned(),
            format!("domains {GOOGLE} 1"),
            "relays OK 1".to_owned()
        ]
    );
    assert_eq!(changes(&panel.database).await, 1);
}

#[tokio::test]
async fn what_was_changed_since_the_review_is_shown_anew_and_not_written() {
    let (panel, operator) = with(ROWS).await;
    let database = &panel.database;
    let review = operator.post("left", &left(JOE, &[("then", "refuse")])).await;
    database
        .script("UPDATE aliases SET destination = 'boss@shop.example' WHERE mail = 'joe@shop.example'")
        .await;
    let again = operator.submit(&review, &[("confirm", "1")]).await;
    assert_eq!(again.status, 409);
    warned(&again, "Rows were changed since you looked");
    assert!(shown(&again).contains(&format!(
        "Alias {JOE} boss@shop.example Enabled boss@shop.example Disabled"
    )));
    assert_eq!(recorded(database).await, 0);
    let done = operator.submit(&again, &[("confirm", "1")]).await;
    assert_eq!(done.status, 303);
    assert_eq!(changes(database).await, 1);
}

#[tokio::test]
async fn where_everything_is_as_it_should_be_there_is_nothing_to_confirm() {
    let (panel, operator) = ground().await;
    let review = operator
        .post("left", &left("nobody@shop.example", &[("then", "refuse")]))
        .await;
    assert_eq!(review.status, 200);
    assert!(review.text("main").contains("there is nothing to write"));
    assert!(review.texts("button[name=confirm]").is_empty());
    let page = operator.get("left?address=nobody@shop.example").await;
    assert!(
        page.text("aside")
            .contains("No row here is about nobody@shop.example")
    );
    let page = operator.get("moved?address=nobody@far.example").await;
    assert!(
        page.text("aside")
            .contains("not an enabled domain of this server")
    );
    assert_eq!(recorded(&panel.database).await, 0);
}

/// An owner of shop.example and away.example within limits, and a domain that is not theirs.
async fn owned(change: impl FnOnce(&mut Limits)) -> (Panel, Browser) {
    let others = "INSERT INTO domains (domain) VALUES ('theirs.example');
        INSERT INTO users (id, maildir) VALUES ('eve@theirs.example', 'theirs.example/eve/');
        INSERT INTO aliases (mail, destination) VALUES ('zzteam@theirs.example', 'joe@shop.example');";
    let (panel, _) = with(&[ROWS, LISTS, CATCH_ALL, others].concat()).await;
    let owner = panel.signed_in("owner", Role::Owner, &["away.example"]).await;
    let mut grant = Grant::whole(DomainName::parse("shop.example").expect("a domain"));
    change(&mut grant.limits);
    let by = Actor::command_line();
    panel.store.grant(&by, "owner", &grant).await.expect("granted");
    (panel, owner)
}

#[tokio::test]
async fn owners_act_on_their_own_people_and_see_no_lists_of_others() {
    let (panel, owner) = owned(|_| ()).await;
    for path in ["left", "moved"] {
        let page = owner.get(&format!("{path}?address=eve@theirs.example")).await;
        assert_eq!(page.status, 404);
        let fields = left(
            "eve@theirs.example",
            &[("then", "refuse"), ("transport", GOOGLE), ("confirm", "1")],
        );
        assert_eq!(owner.post(path, &fields).await.status, 404);
    }
    let page = owner.get(&format!("left?address={JOE}")).await;
    assert!(page.body.contains("team@shop.example") && !page.body.contains("zzteam"));
    let review = confirmed(&owner, "left", &left(JOE, &[("then", "refuse"), ("lists", "1")])).await;
    assert!(!review.body.contains("zzteam"));
    assert!(
        review
            .text("main")
            .contains("Aliases of domains that are not yours are not seen here")
    );
    assert_eq!(
        destinations(&panel.database, "zzteam@theirs.example").await,
        "joe@shop.example 1"
    );
    assert_eq!(
        destinations(&panel.database, "team@shop.example").await,
        "ann@shop.example 1"
    );
}

#[tokio::test]
async fn limits_of_a_grant_hold_and_are_said() {
    // Without rules of their own the catch-all goes on taking the mail.
    let (panel, owner) = owned(|limits| limits.blocks = false).await;
    let review = confirmed(&owner, "left", &left(JOE, &[("then", "refuse")])).await;
    warned(&review, "Access rules are kept by the operator");
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM access_rules").await, 0);

    let (panel, owner) = owned(|limits| {
        limits.relocations = false;
        limits.external = false;
        limits.transports = Some(vec!["smtp:[smtp.google.com]".to_owned()]);
    })
    .await;
    for (path, fields) in [
        ("left", vec![("then", "tell"), ("newadr", "at sea")]),
        (
            "left",
            vec![("then", "forward"), ("destination", "joe@far.example")],
        ),
        ("moved", vec![("transport", "smtp:[elsewhere.example]")]),
    ] {
        for confirm in ["0", "1"] {
            let fields = [&fields[..], &[("confirm", confirm)]].concat();
            let answer = owner.post(path, &left(JOE, &fields)).await;
            assert_eq!(answer.status, 422, "{path} {fields:?}: {}", answer.text("main"));
        }
    }
    let page = owner.get(&format!("moved?address={JOE}")).await;
    assert_eq!(
        page.attributes("input[name=preset]", "value"),
        ["smtp:[smtp.google.com]", ""]
    );
    assert_eq!(recorded(&panel.database).await, 0);

    let (_panel, owner) = owned(|limits| limits.transports = Some(Vec::new())).await;
    assert_eq!(owner.get(&format!("moved?address={JOE}")).await.status, 403);
}

#[tokio::test]
async fn an_owner_who_may_only_remove_a_catch_all_cannot_turn_it_to_a_colleague() {
    let (panel, owner) = owned(|limits| limits.catch_all = false).await;
    panel
        .database
        .script("UPDATE aliases SET destination = 'joe@shop.example' WHERE mail = '@shop.example'")
        .await;
    let to_ann = [
        ("then", "forward"),
        ("destination", "ann@shop.example"),
        ("lists", "1"),
    ];
    let review = confirmed(&owner, "left", &left(JOE, &to_ann)).await;
    warned(
        &review,
        "@shop.example goes on delivering to joe@shop.example: it is kept by the operator",
    );
    assert_eq!(
        destinations(&panel.database, "@shop.example").await,
        "joe@shop.example 1"
    );
}

#[tokio::test]
async fn forms_about_one_person_lead_to_both_pages() {
    let (panel, operator) = with(&[ROWS, CATCH_ALL].concat()).await;
    let alias = panel
        .database
        .value("SELECT pkid FROM aliases WHERE mail = 'joe@shop.example'")
        .await
        .expect("an alias");
    let to = |page: &Answer| {
        let mut links = page.attributes("main a[href*='?address=']", "href");
        links.sort();
        links
    };
    let both = [
        "/explain?address=joe%40shop.example",
        "/left?address=joe%40shop.example",
        "/moved?address=joe%40shop.example",
    ];
    for path in [
        format!("users/{JOE}"),
        format!("aliases/{alias}"),
        format!("overrides/{JOE}"),
    ] {
        assert_eq!(to(&operator.get(&path).await), both, "{path}");
    }
    let catch_all = panel
        .database
        .value("SELECT pkid FROM aliases WHERE mail = '@shop.example'")
        .await
        .expect("an alias");
    assert!(to(&operator.get(&format!("aliases/{catch_all}")).await).is_empty());
    let hub = panel
        .database
        .value("SELECT pkid FROM domains WHERE domain = 'shop.example'")
        .await
        .expect("a domain");
    let links = to(&operator.get(&format!("domains/{hub}")).await);
    assert_eq!(
        links,
        ["/left?address=%40shop.example", "/moved?address=%40shop.example"]
    );
    let ask = operator.get(&links[0][1..]).await;
    assert_eq!(
        (ask.status, ask.field("address")),
        (200, "@shop.example".to_owned())
    );
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    assert_eq!(to(&auditor.get(&format!("users/{JOE}")).await), both[..1]);
}
