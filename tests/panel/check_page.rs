//! `/check`: what the linter finds, and what is done about it. And the same in lists.

use postwarden::access::Role;

use crate::support::{Answer, Browser, Database, Panel};

/// Three mistakes in one domain and one in another: a status with a space before it, an alias to nobody, and an address in
/// capitals.
const ROWS: &str = "
    INSERT INTO domains (pkid, domain) VALUES (1, 'here.example'), (2, 'theirs.example');
    INSERT INTO backups (pkid, domain, transport) VALUES (1, 'kept.example', 'smtp:[mx.out.example]');
    INSERT INTO aliases (pkid, mail, destination) VALUES
      (10, '@here.example', 'a@out.example'), (20, '@theirs.example', 'a@out.example'),
      (11, 'gone@here.example', 'nobody@here2.example'), (12, 'BIG@here.example', 'x@out.example'),
      (21, 'BIG@theirs.example', 'x@out.example');
    INSERT INTO relays (pkid, recipient, status) VALUES (1, 'late@kept.example', ' OK')";

async fn ground() -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(ROWS).await;
    let panel = Panel::on(database).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// What a browser would send with the button of a finding.
fn form_of(page: &Answer, action: &str, rule: &str, key: &str) -> Option<Vec<(String, String)>> {
    use scraper::{Html, Selector};
    let html = Html::parse_document(&page.body);
    let forms = Selector::parse(&format!("main form[action='{action}']")).expect("a selector");
    let inputs = Selector::parse("input[name]").expect("a selector");
    html.select(&forms).find_map(|form| {
        let fields: Vec<(String, String)> = form
            .select(&inputs)
            .map(|input| {
                let value = |name| input.value().attr(name).unwrap_or_default().to_owned();
                (value("name"), value("value"))
            })
            .collect();
        let has = |name: &str, value: &str| fields.iter().any(|(n, v)| n == name && v == value);
        (has("rule", rule) && has("key", key)).then_some(fields)
    })
}

async fn press(browser: &Browser, action: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    browser.post(action, &fields).await
}

async fn status(panel: &Panel) -> String {
    let query = "SELECT CONCAT('[', status, ']') FROM relays WHERE pkid = 1";
    panel.database.value(query).await.expect("a status")
}

#[tokio::test]
async fn a_finding_names_its_row_and_one_click_mends_it_as_a_change_that_is_recorded() {
    let (panel, operator) = ground().await;
    let page = operator.get("check").await;
    let group = page.text("#PW157");
    assert!(
        group.contains("error") && group.contains("1 finding"),
        "{}",
        page.text("main")
    );
    assert!(
        page.attributes("#PW157 .told a", "href")
            .contains(&"/relays/1".to_owned())
    );
    let form = form_of(&page, "/check/mend", "PW157", "1").expect("a button");
    let done = press(&operator, "check/mend", &form).await;
    assert_eq!((done.status, done.location()), (303, "/check"));
    assert_eq!(status(&panel).await, "[OK]");
    let after = operator.get("check").await;
    assert!(
        after.text(".notice.ok").contains("Fixed late@kept.example"),
        "{}",
        after.text("main")
    );
    assert!(after.texts("#PW157").is_empty());
    let changes = operator.get("changes").await;
    assert!(
        changes.text(".log").contains("late@kept.example"),
        "{}",
        changes.text("main")
    );
}

#[tokio::test]
async fn a_click_on_what_is_no_longer_so_changes_nothing_and_says_why() {
    let (panel, operator) = ground().await;
    let page = operator.get("check").await;
    let form = form_of(&page, "/check/mend", "PW157", "1").expect("a button");
    panel
        .database
        .script("UPDATE relays SET status = ' REJECT' WHERE pkid = 1")
        .await;
    assert_eq!(press(&operator, "check/mend", &form).await.status, 303);
    assert_eq!(status(&panel).await, "[ REJECT]", "nobody has agreed to that");
    assert!(
        operator
            .get("check")
            .await
            .text(".notice.warn")
            .contains("is not what it was")
    );
    panel
        .database
        .script("UPDATE relays SET status = 'REJECT' WHERE pkid = 1")
        .await;
    assert_eq!(press(&operator, "check/mend", &form).await.status, 303);
    assert!(
        operator
            .get("check")
            .await
            .text(".notice")
            .contains("Nothing is wrong with late@kept.example")
    );
    assert_eq!(status(&panel).await, "[REJECT]");
    panel.database.script("DELETE FROM relays").await;
    assert_eq!(press(&operator, "check/mend", &form).await.status, 404);
}

#[tokio::test]
async fn a_silenced_finding_is_told_no_more_until_it_is_told_again() {
    let (_panel, operator) = ground().await;
    let page = operator.get("check?table=relays").await;
    let mut form = form_of(&page, "/check/silence", "PW157", "1").expect("a form");
    form.retain(|(name, _)| name != "reason");
    form.push(("reason".to_owned(), "the <primary> wants it".to_owned()));
    let done = press(&operator, "check/silence", &form).await;
    assert_eq!(
        (done.status, done.location()),
        (303, "/check?table=relays"),
        "back to the same state"
    );
    let page = operator.get("check").await;
    assert!(page.texts("#PW157").is_empty(), "{}", page.text("main"));
    let silenced = page.text(".silenced");
    assert!(
        silenced.contains("late@kept.example") && silenced.contains("the <primary> wants it"),
        "{silenced}"
    );
    assert!(silenced.contains("operator"), "{silenced}");
    assert!(!operator.get("relays").await.text("tbody").contains("white space"));
    let again = form_of(&page, "/check/tell", "PW157", "1").expect("a button");
    assert_eq!(press(&operator, "check/tell", &again).await.status, 303);
    let page = operator.get("check").await;
    assert_eq!(
        (page.texts("#PW157").len(), page.texts(".silenced").len()),
        (1, 0)
    );
}

#[tokio::test]
async fn owners_see_and_mend_what_is_theirs_and_auditors_only_look() {
    let (panel, operator) = ground().await;
    let all = operator.get("check").await;
    assert!(all.body.contains("theirs.example"));
    let owner = panel.signed_in("owner", Role::Owner, &["here.example"]).await;
    let page = owner.get("check").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("BIG@here.example"), "{}", page.text("main"));
    assert!(
        !page.body.contains("theirs.example") && !page.body.contains("kept.example"),
        "{}",
        page.text("main")
    );
    let foreign = form_of(&all, "/check/mend", "PW157", "1").expect("a button");
    for action in ["mend", "silence", "tell"] {
        let path = format!("check/{action}");
        assert_eq!(press(&owner, &path, &foreign).await.status, 404, "{action}");
    }
    assert_eq!(status(&panel).await, "[ OK]");
    let own = form_of(&page, "/check/mend", "PW102", "12").expect("a button of their own");
    assert_eq!(press(&owner, "check/mend", &own).await.status, 303);
    let query = "SELECT mail FROM aliases WHERE pkid = 12";
    assert_eq!(
        panel.database.value(query).await.as_deref(),
        Some("big@here.example")
    );

    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    let page = auditor.get("check").await;
    assert!(page.body.contains("theirs.example"));
    assert!(
        page.attributes("main form[method=post]", "action").is_empty(),
        "nothing to press"
    );
    for action in ["mend", "silence", "tell"] {
        let path = format!("check/{action}");
        assert_eq!(press(&auditor, &path, &foreign).await.status, 403, "{action}");
    }
    assert_eq!(status(&panel).await, "[ OK]");
}

#[tokio::test]
async fn filters_leave_what_they_name() {
    let (_panel, operator) = ground().await;
    let page = operator.get("check?rule=PW102&domain=here.example").await;
    assert_eq!(page.texts(".rule").len(), 1);
    assert_eq!(page.texts(".told > li").len(), 1, "{}", page.text("main"));
    assert_eq!(
        (&*page.field("rule"), &*page.field("domain")),
        ("PW102", "here.example")
    );
    assert_eq!(
        operator.get("check?rule=PW102").await.texts(".told > li").len(),
        2
    );
    let errors = operator.get("check?severity=error&table=relays").await;
    assert_eq!(errors.attributes(".rule", "id"), ["PW157"]);
    assert!(
        errors
            .texts("#severity option")
            .iter()
            .any(|option| option.starts_with("Errors ("))
    );
    for nothing in [
        "check?rule=PW999",
        "check?domain=nowhere.example",
        "check?domain=not+one",
        "check?severity=x",
    ] {
        let page = operator.get(nothing).await;
        assert_eq!(page.status, 200, "{nothing}");
        assert_eq!(
            page.text(".empty h2"),
            "Nothing of that kind was found",
            "{nothing}"
        );
    }
}

#[tokio::test]
async fn the_number_says_how_many_of_the_domains_findings_are_shown() {
    let (panel, operator) = ground().await;
    let row =
        "INSERT INTO aliases (pkid, mail, destination) VALUES (13, ' odd@here.example', 'x@out.example')";
    panel.database.script(row).await;
    let total = |page: &Answer| page.text(".bar + p");
    let all = operator.get("check?domain=here.example").await;
    let number = all.texts(".told > li").len();
    assert_eq!(total(&all), format!("{number} findings in here.example."));
    let some = operator.get("check?domain=here.example&rule=PW102").await;
    assert_eq!(
        total(&some),
        format!("1 of {number} findings in here.example."),
        "as many as are shown"
    );
}

#[tokio::test]
async fn what_stops_the_mail_of_others_comes_before_all_other_errors() {
    let (panel, operator) = ground().await;
    let row = "INSERT INTO domains (domain, transport) VALUES ('*', 'smtp:[mx.out.example]')";
    panel.database.script(row).await;
    let page = operator.get("check").await;
    let severities = page.texts(".rule-head .tag");
    assert_eq!(page.attributes(".rule", "id")[0], "PW114");
    let mut sorted = severities.clone();
    sorted.sort_by_key(|severity| ["error", "warning", "notice"].iter().position(|s| s == severity));
    assert_eq!(severities, sorted);
}

#[tokio::test]
async fn where_nothing_is_found_the_page_says_so() {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    let page = operator.get("check").await;
    // What concerns the tables themselves may be told of an empty database too; of rows there is nothing.
    assert!(
        page.texts(".tag.error, .tag.warn").is_empty(),
        "{}",
        page.text("main")
    );
    let page = operator.get("check?severity=error").await;
    assert_eq!(page.text(".empty h2"), "Nothing of that kind was found");
}

#[tokio::test]
async fn lists_show_what_the_linter_finds_once() {
    let (panel, operator) = ground().await;
    let row = "INSERT INTO aliases (mail, destination) VALUES ('ring@here.example', 'ring2@here.example'), \
               ('ring2@here.example', 'ring@here.example')";
    panel.database.script(row).await;
    let list = operator.get("aliases?q=ring@").await;
    assert_eq!(
        list.texts("tbody .tag.error"),
        ["error", "error"],
        "each of the two names the other: {}",
        list.text("tbody")
    );
    assert_eq!(list.texts("tbody .reason").len(), 2, "{}", list.text("tbody"));
    assert!(
        list.text("tbody .reason").contains("Alias expansion error"),
        "{}",
        list.text("tbody")
    );
    // The form would refuse it, and the linter has a rule for it: told once.
    let relays = operator.get("relays").await;
    assert_eq!(relays.texts("tbody .reason").len(), 1, "{}", relays.text("tbody"));
    assert_eq!(relays.texts("tbody th .tag").len(), 1, "{}", relays.text("tbody"));
}

#[tokio::test]
async fn a_large_database_is_checked_behind_the_page() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("INSERT INTO relays (recipient) SELECT CONCAT('r', seq, '@kept.example') FROM seq_1_to_20100")
        .await;
    let page = operator.get("check").await;
    assert_eq!(
        (page.status, page.header("refresh")),
        (200, "3"),
        "{}",
        page.text("main")
    );
    assert!(
        page.text(".notice").contains("Checking…"),
        "{}",
        page.text("main")
    );
    assert_eq!(
        operator.post("check/again", &[]).await.status,
        303,
        "one at a time, and no error"
    );
    let domain = operator.get("check?domain=here.example").await;
    assert!(
        domain.body.contains("BIG@here.example"),
        "{}",
        domain.text("main")
    );
    assert_eq!(domain.header("refresh"), "", "one domain is checked at once");
    let owner = panel.signed_in("owner", Role::Owner, &["here.example"]).await;
    assert!(
        owner.get("check").await.body.contains("BIG@here.example"),
        "owners wait for nobody"
    );
    assert_eq!(owner.post("check/again", &[]).await.status, 404);
}
