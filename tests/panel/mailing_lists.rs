//! Mailing lists: the aliases that deliver to several, and the editor of their members.

use std::fmt::Write as _;

use crate::samples::{both, ground, links, names, recorded};
use crate::support::{Answer, Database, Panel};

const ALL: (&str, &str) = ("mail", "all@shop.example");
const ON: (&str, &str) = ("enabled", "1");

/// The stored destinations of an alias.
async fn members(database: &Database, mail: &str) -> Vec<String> {
    let query = format!("SELECT destination FROM aliases WHERE mail = '{mail}'");
    let stored = database.value(&query).await.unwrap_or_default();
    stored.split(',').map(str::to_owned).collect()
}

/// Adds an alias as another program would and answers with the page of its members.
async fn list(database: &Database, mail: &str, destination: &str) -> String {
    database
        .script(&format!(
            "INSERT INTO aliases (mail, destination) VALUES ('{mail}', '{destination}')"
        ))
        .await;
    let query = format!("SELECT pkid FROM aliases WHERE mail = '{mail}'");
    format!("lists/{}", database.value(&query).await.expect("a key"))
}

#[tokio::test]
async fn only_aliases_with_two_destinations_or_more_are_lists() {
    for database in both().await {
        // The howto has a list of its own.
        database.script("DELETE FROM aliases").await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (mail, destination) in [
            ("one@shop.example", "a@x.example"),
            ("self@shop.example", "self@shop.example"),
            ("decorated@shop.example", "\"Doe, Jo\" <jo@x.example>"),
            ("trailing@shop.example", "a@x.example, "),
            ("empty@shop.example", ""),
            ("comma@shop.example", "a@x.example,b@y.example"),
            ("spaced@shop.example", "a@x.example, b@y.example"),
            ("semi@shop.example", "a@x.example;b@y.example"),
            ("line@shop.example", "a@x.example\nb@y.example"),
            ("@shop.example", "@x.example,b@y.example"),
        ] {
            list(&panel.database, mail, destination).await;
        }
        let mut expected = vec![
            "@shop.example",
            "comma@shop.example",
            "line@shop.example",
            "semi@shop.example",
            "spaced@shop.example",
        ];
        let page = operator.get("lists").await;
        assert_eq!(names(&page), expected);
        assert!(
            page.text(".pager p").starts_with("5 mailing lists"),
            "{}",
            page.text(".pager")
        );
        assert!(links(&page).iter().all(|link| link.starts_with("/lists/")));
        assert_eq!(
            names(&operator.get("lists?q=comma").await),
            ["comma@shop.example"]
        );
        assert_eq!(
            names(&operator.get("aliases").await).len(),
            10,
            "they are aliases too"
        );
        panel
            .database
            .script("UPDATE aliases SET destination = 'a@x.example' WHERE mail = 'comma@shop.example'")
            .await;
        expected.retain(|mail| !mail.starts_with("comma"));
        assert_eq!(names(&operator.get("lists").await), expected);
    }
}

#[tokio::test]
async fn a_list_is_added_and_saved_with_plain_fields() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let fields = [ALL, ("destination", "b@y.example\na@x.example"), ON];
        let blank = operator.get("lists/new").await;
        assert_eq!(blank.status, 200);
        let answer = operator.submit(&blank, &fields).await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, "/lists"),
            "{}",
            answer.text("main")
        );
        assert_eq!(
            members(&panel.database, ALL.1).await,
            ["a@x.example", "b@y.example"]
        );
        let page = links(&operator.get("lists?q=all@").await).remove(0);
        let fields = [ALL, ("destination", "c@z.example, a@x.example"), ON];
        assert_eq!(operator.post(&page, &fields).await.status, 303);
        assert_eq!(
            members(&panel.database, ALL.1).await,
            ["a@x.example", "c@z.example"]
        );
        assert_eq!(
            operator.post(&page, &[ALL]).await.status,
            303,
            "off, with the members it has"
        );
        let row = "SELECT CONCAT(destination, ' ', enabled) FROM aliases WHERE mail = 'all@shop.example'";
        assert_eq!(
            panel.database.value(row).await.as_deref(),
            Some("a@x.example,c@z.example 0")
        );
        let log = "SELECT COUNT(*) FROM pw_changes WHERE table_name = 'aliases'";
        assert_eq!(panel.database.count(log).await, 3);
    }
}

#[tokio::test]
async fn members_are_added_and_taken_out() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let page = list(&panel.database, ALL.1, "Ann@x.example,bob@x.example,cy@x.example").await;
        let form = operator.get(&page).await;
        assert_eq!(form.attributes("input[name=remove]", "value").len(), 3);
        let changes = [
            ("add", "Dee <DEE@x.example>; eve@x.example"),
            ("remove", "bob@x.example"),
        ];
        let answer = operator.submit(&form, &changes).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let expected = ["ann@x.example", "cy@x.example", "dee@x.example", "eve@x.example"];
        assert_eq!(members(&panel.database, ALL.1).await, expected);
        // The button to remove is a plain field as well; what is removed and added stays; who is not there is no matter.
        let changes = [
            ALL,
            ON,
            ("remove", "ann@x.example"),
            ("remove", "nobody@x.example"),
            ("remove", "CY@x.example"),
            ("add", "ann@x.example"),
        ];
        assert_eq!(operator.post(&page, &changes).await.status, 303);
        let expected = ["ann@x.example", "dee@x.example", "eve@x.example"];
        assert_eq!(members(&panel.database, ALL.1).await, expected);
        // One that cannot be an address is refused, and what was typed is kept.
        let form = operator.get(&page).await;
        let answer = operator
            .submit(&form, &[("add", "nobody"), ("remove", "ann@x.example")])
            .await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text("#destination-error").contains("nobody"),
            "{}",
            answer.text("main")
        );
        assert!(
            answer.field("destination").contains("nobody") || answer.field("add").contains("nobody"),
            "{}",
            answer.body
        );
        assert_eq!(members(&panel.database, ALL.1).await, expected);
        // Sent again as it stands and mended, it does what was meant.
        let mended = answer.field("add").replace("nobody", "fay@x.example");
        let answer = operator.submit(&answer, &[("add", &mended)]).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let expected = ["dee@x.example", "eve@x.example", "fay@x.example"];
        assert_eq!(members(&panel.database, ALL.1).await, expected);
    }
}

#[tokio::test]
async fn members_are_kept_once_and_in_order() {
    let (panel, operator) = ground().await;
    for (typed, stored) in [
        (
            "b@x.example\nA@x.example\na@X.Example\nb@x.example",
            "a@x.example,b@x.example",
        ),
        ("z@x.example, @other.example", ""),
        ("@other.example\nz@x.example", ""),
    ] {
        let fields = [("mail", "@shop.example"), ("destination", typed), ON];
        let answer = operator.post_confirmed("lists", &fields).await;
        if stored.is_empty() {
            assert_eq!(answer.status, 422, "{typed}");
            assert!(answer.text("#destination-error").contains("is alone"), "{typed}");
            continue;
        }
        assert_eq!(answer.status, 303, "{typed}: {}", answer.text("main"));
        assert_eq!(members(&panel.database, "@shop.example").await.join(","), stored);
        panel.database.script("DELETE FROM aliases").await;
    }
    // Nor is a member added to such a list of another program.
    let page = list(&panel.database, "@shop.example", "@other.example,z@x.example").await;
    let form = operator.get(&page).await;
    let answer = operator.submit(&form, &[("add", "a@x.example")]).await;
    assert_eq!(answer.status, 422, "{}", answer.text("main"));
    let expected = ["@other.example", "z@x.example"];
    assert_eq!(members(&panel.database, "@shop.example").await, expected);
}

#[tokio::test]
async fn a_thousand_pasted_members_are_saved_and_shown() {
    let (panel, operator) = ground().await;
    let mut pasted = String::new();
    for n in 0..1000 {
        let _ = match n % 4 {
            0 => write!(pasted, "\"Person, {n}\" <P{n:04}@There.Example>, "),
            1 => write!(pasted, "p{n:04}@there.example;"),
            2 => write!(pasted, "Person {n} <p{n:04}@there.example>\r\n"),
            _ => write!(pasted, "  p{n:04}@there.example \n\n"),
        };
    }
    let answer = operator.post("lists", &[ALL, ("destination", &pasted), ON]).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let expected: Vec<String> = (0..1000).map(|n| format!("p{n:04}@there.example")).collect();
    assert_eq!(members(&panel.database, ALL.1).await, expected);
    let overview = operator.get("lists").await;
    assert_eq!(names(&overview), [ALL.1]);
    assert!(
        overview.body.len() < 30_000,
        "a line of the list is no page: {}",
        overview.body.len()
    );
    let page = operator.get(&links(&overview)[0]).await;
    assert_eq!(page.texts("#members tbody th"), expected);
    assert!(
        page.text("aside .gauge").contains("1000 of at most 1000"),
        "{}",
        page.text("aside")
    );
    assert_eq!(page.texts("aside .error-text"), [""; 0]);
    // The form as it stands is no change.
    let answer = operator.submit(&page, &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(recorded(&panel.database).await, 1);
}

#[tokio::test]
async fn one_recipient_more_than_postfix_takes_is_asked_about() {
    let (panel, operator) = ground().await;
    let members: Vec<String> = (0..600).map(|n| format!("p{n:04}@there.example")).collect();
    list(&panel.database, "half@shop.example", &members.join(",")).await;
    let others: Vec<String> = (0..401).map(|n| format!("q{n:04}@there.example")).collect();
    // 600 of the nested list and these.
    for (count, asked) in [(400, false), (401, true)] {
        let typed = format!("half@shop.example\n{}", others[..count].join("\n"));
        let mail = format!("all{count}@shop.example");
        let fields = [("mail", mail.as_str()), ("destination", &typed), ON];
        let answer = operator.post("lists", &fields).await;
        assert_eq!(answer.asks(), asked, "{count}: {}", answer.text("[role=alert]"));
        let find = format!("SELECT COUNT(*) FROM aliases WHERE mail = '{mail}'");
        assert_eq!(panel.database.count(&find).await, u64::from(!asked));
        if asked {
            let alert = answer.text("[role=alert]");
            assert!(
                alert.contains("1,000 recipients") && alert.contains("451"),
                "{alert}"
            );
            assert_eq!(answer.field("destination"), typed);
            assert_eq!(operator.submit(&answer, &[("confirm", "1")]).await.status, 303);
            assert_eq!(panel.database.count(&find).await, 1);
        }
    }
    // Its page says so, and it is not asked again for something else.
    let page = links(&operator.get("lists?q=all401").await).remove(0);
    let form = operator.get(&page).await;
    assert!(
        form.text("aside .gauge").contains("1001 of at most 1000"),
        "{}",
        form.text("aside")
    );
    let answer = operator
        .submit(
            &form,
            &[("remove", "q0000@there.example"), ("add", "r@there.example")],
        )
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    // An alias of the other page is judged alike.
    let many: Vec<String> = (0..1001).map(|n| format!("s{n:04}@there.example")).collect();
    let fields = [
        ("mail", "flat@shop.example"),
        ("destination", &*many.join(",")),
        ON,
    ];
    assert!(operator.post("aliases", &fields).await.asks());
}

#[tokio::test]
async fn a_list_that_the_howtos_column_cannot_hold_is_refused_and_kept_in_the_form() {
    let [_, howto] = both().await;
    let panel = Panel::on(howto).await;
    let operator = panel.operator().await;
    let typed: Vec<String> = (0..10).map(|n| format!("member{n}@long.example")).collect();
    let typed = typed.join("\n");
    let answer = operator.post("lists", &[ALL, ("destination", &typed), ON]).await;
    assert_eq!(answer.status, 422);
    let beside = answer.text("#destination-error");
    assert!(
        beside.contains("209 characters") && beside.contains("120"),
        "{beside}"
    );
    assert!(
        beside.contains("ALTER TABLE aliases MODIFY destination"),
        "{beside}"
    );
    assert_eq!(answer.field("destination"), typed);
    // And where members are added to one there is.
    let page = list(&panel.database, ALL.1, "a@x.example,b@x.example").await;
    let form = operator.get(&page).await;
    assert!(
        form.text(".gauge").contains("23 of 120") || form.text("main").contains("23 of 120"),
        "{}",
        form.text("main")
    );
    let answer = operator
        .submit(&form, &[("add", &typed), ("remove", "b@x.example")])
        .await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text("#destination-error").contains("221 characters"),
        "{}",
        answer.text("#destination-error")
    );
    for n in 0..10 {
        let kept = format!("member{n}@long.example");
        assert!(
            answer.field("destination").contains(&kept) || answer.field("add").contains(&kept),
            "{kept}"
        );
    }
    assert_eq!(
        members(&panel.database, ALL.1).await,
        ["a@x.example", "b@x.example"]
    );
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn nested_lists_are_opened_and_counted_as_postfix_counts() {
    for database in both().await {
        database
            .script("INSERT INTO users (id, maildir) VALUES ('mary@shop.example', 'mary/')")
            .await;
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (mail, destination) in [
            ("mary@shop.example", "mary@shop.example"),
            (
                "staff@shop.example",
                "ann@x.example,mary@shop.example,bob@x.example",
            ),
            ("boss@shop.example", "ann@x.example"),
            ("off@shop.example", "p@x.example,q@x.example"),
        ] {
            list(&panel.database, mail, destination).await;
        }
        panel
            .database
            .script("UPDATE aliases SET enabled = 0 WHERE mail = 'off@shop.example'")
            .await;
        let everybody = "staff@shop.example,mary@shop.example,boss@shop.example,none@shop.example,out@x.example,off@shop.example";
        let page = list(&panel.database, ALL.1, everybody).await;
        let form = operator.get(&page).await;
        let rows = form.texts("#members tbody tr");
        let row = |address: &str| {
            let row = rows.iter().find(|row| row.starts_with(address));
            row.unwrap_or_else(|| panic!("{address}: {rows:?}")).clone()
        };
        assert_eq!(rows.len(), 6);
        assert!(
            row("staff@").contains("list of 3") && row("staff@").contains("bob@x.example"),
            "{rows:?}"
        );
        assert!(row("mary@").contains("mailbox here"), "{rows:?}");
        assert!(
            row("boss@").contains("alias") && row("boss@").contains("→ ann@x.example"),
            "{rows:?}"
        );
        assert!(row("none@").contains("bounces"), "{rows:?}");
        assert!(
            row("off@").contains("bounces"),
            "a list that is off is none: {rows:?}"
        );
        assert!(row("out@").contains("outside"), "{rows:?}");
        // ann, mary and bob by staff; mary; ann by boss; none; out; off: whoever is reached twice counts twice.
        assert!(
            form.text("aside .gauge").contains("Expands to 8 of"),
            "{}",
            form.text("aside")
        );
        let staff = "SELECT CONCAT('/lists/', pkid) FROM aliases WHERE mail = 'staff@shop.example'";
        let staff = panel.database.value(staff).await.expect("a row");
        assert!(
            form.attributes("#members th a", "href").contains(&staff),
            "a nested list is a link"
        );
        let inner = operator.get(&staff).await;
        assert!(inner.text("aside").contains(ALL.1), "{}", inner.text("aside"));
    }
}

#[tokio::test]
async fn a_circle_of_aliases_is_refused_by_name() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        list(&panel.database, "a@shop.example", "b@shop.example").await;
        for (path, destination) in [
            ("lists", "a@shop.example\nout@x.example"),
            ("aliases", "a@shop.example"),
        ] {
            let fields = [("mail", "b@shop.example"), ("destination", destination), ON];
            let refused = operator.post(path, &fields).await;
            assert_eq!(refused.status, 422, "{path}: {}", refused.text("main"));
            let why = refused.text("#destination-error");
            assert!(why.contains("circle") && why.contains("451"), "{why}");
            assert!(
                why.contains("a@shop.example") && why.contains("b@shop.example"),
                "{why}"
            );
            assert!(
                !why.contains("out@x.example"),
                "who is not in it is not named: {why}"
            );
            assert_eq!(refused.field("destination"), destination);
            assert_eq!(recorded(&panel.database).await, 0);
        }
        // None: to itself, among others or alone; and one whose way back is off.
        for destination in ["b@shop.example\nout@x.example", "b@shop.example"] {
            let fields = [("mail", "b@shop.example"), ("destination", destination), ON];
            let answer = operator.post("aliases", &fields).await;
            assert!(
                !answer.text("[role=alert]").contains("circle"),
                "{}",
                answer.text("[role=alert]")
            );
            panel
                .database
                .script("DELETE FROM aliases WHERE mail = 'b@shop.example'")
                .await;
        }
        // Other programs can still make one.
        let page = list(&panel.database, "b@shop.example", "a@shop.example,out@x.example").await;
        let form = operator.get(&page).await;
        assert!(
            form.text("aside .error-text").contains("circle"),
            "{}",
            form.text("aside")
        );
        // What was so before is neither refused nor asked about again, but breaking it is noticed.
        let answer = operator.submit(&form, &[("add", "more@x.example")]).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        panel
            .database
            .script("UPDATE aliases SET enabled = 0 WHERE mail = 'a@shop.example'")
            .await;
        assert_eq!(operator.get(&page).await.texts("aside .error-text"), [""; 0]);
    }
}

#[tokio::test]
async fn a_circle_that_is_closed_by_switching_a_row_on_is_refused_too() {
    let (panel, operator) = ground().await;
    list(&panel.database, "a@shop.example", "b@shop.example").await;
    let page = list(&panel.database, "b@shop.example", "a@shop.example,out@x.example").await;
    panel
        .database
        .script("UPDATE aliases SET enabled = 0 WHERE mail = 'b@shop.example'")
        .await;
    let refused = operator.post(&format!("{page}/enabled"), &[("value", "1")]).await;
    assert_eq!(refused.status, 422, "{}", refused.text("main"));
    let why = refused.text("#destination-error");
    assert!(why.contains("circle"), "{why}");
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn a_list_may_go_down_to_one_member_but_not_to_none() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let page = list(&panel.database, ALL.1, "a@x.example,b@x.example").await;
        let answer = operator
            .submit(&operator.get(&page).await, &[("remove", "b@x.example")])
            .await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        assert_eq!(members(&panel.database, ALL.1).await, ["a@x.example"]);
        assert!(
            !names(&operator.get("lists").await).contains(&ALL.1.to_owned()),
            "an alias like others"
        );
        let form = operator.get(&page).await;
        assert_eq!(form.status, 200, "its page is still there");
        let answer = operator.submit(&form, &[("remove", "a@x.example")]).await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text("#destination-error").contains("user is unknown"),
            "{}",
            answer.text("#destination-error")
        );
        let answer = operator.submit(&form, &[("add", "c@x.example")]).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        assert!(names(&operator.get("lists").await).contains(&ALL.1.to_owned()));
    }
}

#[tokio::test]
async fn members_changed_meanwhile_are_not_overwritten() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let page = list(&panel.database, ALL.1, "a@x.example,b@x.example").await;
        let seen = operator.get(&page).await;
        panel
            .database
            .script("UPDATE aliases SET destination = 'a@x.example,b@x.example,theirs@x.example' WHERE mail = 'all@shop.example'")
            .await;
        let changes = [("add", "mine@x.example"), ("remove", "b@x.example")];
        let conflict = operator.submit(&seen, &changes).await;
        assert_eq!(conflict.status, 409);
        let diff = conflict.text("table.diff");
        assert!(
            diff.contains("theirs@x.example") && diff.contains("mine@x.example"),
            "{diff}"
        );
        let stored = ["a@x.example", "b@x.example", "theirs@x.example"];
        assert_eq!(members(&panel.database, ALL.1).await, stored);
        assert_eq!(recorded(&panel.database).await, 0);
        assert_eq!(operator.submit(&conflict, &[]).await.status, 303);
        assert_eq!(
            members(&panel.database, ALL.1).await,
            ["a@x.example", "mine@x.example"],
            "my version, once"
        );
    }
}

#[tokio::test]
async fn a_circle_that_a_new_catch_all_closes_is_refused() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        list(&panel.database, "x@shop.example", "y@shop.example").await;
        // y has no row of its own until the catch-all takes its mail, to x and so to y again.
        let fields = [("mail", "@shop.example"), ("destination", "x@shop.example"), ON];
        for confirm in ["0", "1"] {
            let fields = [&fields[..], &[("confirm", confirm)]].concat();
            let refused = operator.post("aliases", &fields).await;
            assert_eq!(refused.status, 422, "{}", refused.text("main"));
            let why = refused.text("#destination-error");
            assert!(
                why.contains("x@shop.example → y@shop.example → x@shop.example"),
                "{why}"
            );
            assert!(
                why.ends_with("Take x@shop.example out of the destinations of @shop.example."),
                "{why}"
            );
        }
        assert_eq!(recorded(&panel.database).await, 0);
        // With a row that ends at y there is no circle.
        list(&panel.database, "y@shop.example", "y@shop.example").await;
        assert_eq!(operator.post("aliases", &fields).await.status, 303);
    }
}

#[tokio::test]
async fn switching_on_many_tells_of_the_circle_that_one_of_them_closes() {
    let (panel, operator) = ground().await;
    list(&panel.database, "x@shop.example", "y@shop.example").await;
    list(&panel.database, "y@shop.example", "x@shop.example").await;
    let off = "UPDATE aliases SET enabled = 0 WHERE mail = 'y@shop.example'";
    panel.database.script(off).await;
    let fields = [("all", "1"), ("enabled", "0"), ("action", "enable")];
    let review = operator.post("aliases/bulk", &fields).await;
    assert_eq!(review.status, 200);
    let said = review.text("main");
    assert!(said.contains("goes round in a circle"), "{said}");
}

#[tokio::test]
async fn a_list_that_grows_is_asked_about_for_the_lists_it_is_a_member_of() {
    let (panel, operator) = ground().await;
    let database = &panel.database;
    let others: Vec<String> = (0..997).map(|n| format!("p{n:04}@there.example")).collect();
    let outer = format!("inner@shop.example,{}", others.join(","));
    list(database, "outer@shop.example", &outer).await;
    list(database, "top@shop.example", "outer@shop.example").await;
    let page = list(database, "inner@shop.example", "a@x.example,b@x.example").await;
    let key = page.trim_start_matches("lists/").to_owned();
    // 999 of 1,000 so far: one more is no matter, a second one is.
    let form = operator.get(&page).await;
    let answer = operator.submit(&form, &[("add", "c@x.example")]).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let form = operator.get(&page).await;
    let asked = operator.submit(&form, &[("add", "d@x.example")]).await;
    assert!(asked.asks(), "{} {}", asked.status, asked.text("main"));
    let alert = asked.text("[role=alert]");
    for parent in ["outer@shop.example", "top@shop.example"] {
        assert!(
            alert.contains(parent) && alert.contains("1,000"),
            "{parent}: {alert}"
        );
    }
    let before = ["a@x.example", "b@x.example", "c@x.example"];
    assert_eq!(members(database, "inner@shop.example").await, before);
    // The page of aliases judges alike, and another member in the place of one is not asked about.
    let four = "a@x.example,b@x.example,c@x.example,d@x.example";
    for (destination, grows) in [(four, true), ("a@x.example,b@x.example,d@x.example", false)] {
        let fields = [("mail", "inner@shop.example"), ("destination", destination), ON];
        let answer = operator.post(&format!("aliases/{key}"), &fields).await;
        assert_eq!(answer.asks(), grows, "{destination}: {}", answer.text("main"));
    }
    let form = operator.get(&page).await;
    let asked = operator.submit(&form, &[("add", "e@x.example")]).await;
    assert!(asked.asks(), "{}", asked.text("main"));
    assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
    assert_eq!(members(database, "inner@shop.example").await.len(), 4);
}

#[tokio::test]
async fn a_refused_save_of_a_list_keeps_boxes_text_and_added_members_as_they_were_sent() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let page = list(
            &panel.database,
            ALL.1,
            "a@x.example,b@x.example,c@x.example,d@x.example",
        )
        .await;
        let form = operator.get(&page).await;
        let text = "a@x.example\nb@x.example\nc@x.example\nnew@x.example";
        let sent = [
            ("destination", text),
            ("add", "nobody at all\nEve <eve@x.example>"),
            ("remove", "b@x.example"),
            ("remove", "c@x.example"),
        ];
        let refused = operator.submit(&form, &sent).await;
        assert_eq!(refused.status, 422, "{}", refused.text("main"));
        let ticked = |answer: &Answer| answer.attributes("input[name=remove][checked]", "value");
        assert_eq!(ticked(&refused), ["b@x.example", "c@x.example"]);
        assert_eq!(refused.field("destination"), text);
        assert_eq!(refused.field("add"), sent[1].1);
        // All of it once more: it does not wear off.
        let refused = operator.submit(&refused, &[]).await;
        assert_eq!(refused.status, 422, "{}", refused.text("main"));
        assert_eq!(ticked(&refused), ["b@x.example", "c@x.example"]);
        assert_eq!(refused.field("destination"), text);
        assert_eq!(refused.field("add"), sent[1].1);
        assert_eq!(recorded(&panel.database).await, 0);
        // c's box is unticked, the added text mended.
        let changes = [("remove", "b@x.example"), ("add", "eve@x.example")];
        let saved = operator.submit(&refused, &changes).await;
        assert_eq!(saved.status, 303, "{}", saved.text("main"));
        assert_eq!(
            members(&panel.database, ALL.1).await,
            ["a@x.example", "c@x.example", "eve@x.example", "new@x.example"]
        );
    }
}

#[tokio::test]
async fn a_list_in_a_domain_with_a_large_catch_all_has_a_small_page() {
    let (panel, operator) = ground().await;
    let many: Vec<String> = (0..1000).map(|n| format!("p{n:04}@there.example")).collect();
    list(&panel.database, "@shop.example", &many.join(",")).await;
    let members: Vec<String> = (0..1000).map(|n| format!("m{n:04}@shop.example")).collect();
    let page = list(&panel.database, "all@out.example", &members.join(",")).await;
    let shown = operator.get(&page).await;
    assert_eq!(shown.status, 200);
    assert!(shown.body.len() < 3_000_000, "{}", shown.body.len());
    assert_eq!(shown.texts("#members tbody th"), members);
    assert!(
        shown.text("#members tbody tr").contains("list of 1000"),
        "{}",
        shown.text("#members tbody tr")
    );
}
