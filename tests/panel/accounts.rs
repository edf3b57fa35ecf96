//! `/accounts`: what operators do to the people who sign in, and who else may not.

use postwarden::access::Role;
use postwarden::store::AccountChange;
use postwarden::web;

use crate::support::program::sign_in;
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

async fn panel() -> (Panel, Browser) {
    let panel = Panel::on(Database::fresh().await).await;
    let operator = panel.operator().await;
    (panel, operator)
}

/// The fields of a new account.
fn account<'a>(name: &'a str, role: &'a str, domain: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("name", name),
        ("role", role),
        ("domain", domain),
        ("expires", ""),
    ]
}

/// What is granted to an account.
async fn granted(panel: &Panel, name: &str) -> Vec<String> {
    let query = format!(
        "SELECT domain FROM pw_grants g JOIN pw_accounts a ON a.id = g.account_id WHERE a.name = '{name}' ORDER BY domain"
    );
    let rows = panel.database.rows(&query).await;
    rows.into_iter().filter_map(|row| row[0].clone()).collect()
}

async fn accounts(panel: &Panel) -> u64 {
    panel.database.count("SELECT COUNT(*) FROM pw_accounts").await
}

#[tokio::test]
async fn an_account_of_each_role_is_made_and_its_link_is_shown_once() {
    let (panel, operator) = panel().await;
    for role in ["operator", "auditor", "owner"] {
        let typed = format!(" Joe.{role}@Example.ORG ");
        let name = format!("joe.{role}@example.org");
        let answer = operator.post("accounts", &account(&typed, role, "")).await;
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        assert_eq!(answer.location(), format!("/accounts/{name}"));
        let stored = format!(
            "SELECT CONCAT_WS(' ', role, enabled, COALESCE(password_hash, 'none')) FROM pw_accounts WHERE name = '{name}'"
        );
        assert_eq!(
            panel.database.value(&stored).await,
            Some(format!("{role} 1 none"))
        );
        let page = operator.get(answer.location()).await;
        assert_eq!(page.text("h1"), name);
        let link = page.text(".secret output");
        let token = link.strip_prefix(&format!("{}invitation?token=", panel.base));
        let token = token.unwrap_or_else(|| panic!("{link}"));
        assert!(
            token.len() == 48 && token.bytes().all(|b| b.is_ascii_hexdigit()),
            "{token}"
        );
        let again = operator.get(answer.location()).await;
        assert!(!again.body.contains(token), "shown once");
        assert_eq!(
            sign_in(&panel.browser(), &name, "").await.status,
            422,
            "no password opens it"
        );
        assert!(operator.get("accounts").await.texts("tbody th").contains(&name));
    }
}

#[tokio::test]
async fn domains_are_typed_in_any_way_people_write_lists() {
    let (panel, operator) = panel().await;
    let typed = "One.Example\r\ntwo.example, three.example;four.example\tBücher.example\r\none.example ";
    let answer = operator.post("accounts", &account("joe", "owner", typed)).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let all = [
        "four.example",
        "one.example",
        "three.example",
        "two.example",
        "xn--bcher-kva.example",
    ];
    assert_eq!(granted(&panel, "joe").await, all);
    let line = operator
        .get("accounts")
        .await
        .text("tbody tr:first-child td[data-label=Domains]");
    assert_eq!(line, "four.example, one.example, three.example and 2 more");
}

#[tokio::test]
async fn a_new_account_that_is_refused_keeps_what_was_typed_and_makes_nothing() {
    let (panel, operator) = panel().await;
    panel.account("taken", Role::Owner, &[]).await;
    let long = "x".repeat(65);
    for (field, value, problem) in [
        ("name", "", "is no account name"),
        ("name", "two words", "is no account name"),
        ("name", "a/b", "is no account name"),
        ("name", "jö", "is no account name"),
        ("name", "<b>joe</b>", "is no account name"),
        ("name", "joe\nann", "is no account name"),
        ("name", &long, "is no account name"),
        ("name", "Taken", "exists already"),
        ("role", "", "is no role"),
        ("role", "root", "is no role"),
        ("role", "auditor", "Operators and auditors see every domain"),
        ("role", "operator", "Operators and auditors see every domain"),
        ("domain", "good.example\nnot a domain!", "domain"),
        ("domain", "joe@good.example", "domain"),
        ("expires", "31.12.2030", "is no day"),
        ("expires", "2030-02-30", "is no day"),
        ("expires", "2020-01-01", "has passed"),
        ("mail_to", "joe@example.org", "No mail server is set up"),
        ("mail_to", "no address", "is no mail address"),
    ] {
        let mut fields = vec![
            ("name", "joe"),
            ("role", "owner"),
            ("domain", "mine.example\nyours.example"),
        ];
        fields.extend([("expires", "2099-12-31"), ("mail_to", "")]);
        for it in &mut fields {
            if it.0 == field {
                it.1 = value;
            }
        }
        let answer = operator.post("accounts", &fields).await;
        assert_eq!(answer.status, 422, "{field} {value:?}: {}", answer.text("main"));
        let at = if problem.starts_with("Operators") {
            "domain"
        } else {
            field
        };
        let told = answer.text(&format!("#{at}-error"));
        assert!(told.contains(problem), "{field} {value:?}: {told}");
        assert!(answer.text(".summary").contains(problem), "{field} {value:?}");
        assert!(!answer.body.contains("<b>joe"), "escaped");
        for (name, typed) in fields {
            if name == "role" {
                let chosen = answer.attributes("input[name=role][checked]", "value");
                assert!(
                    chosen.iter().all(|role| role == typed),
                    "{field} {value:?}: {chosen:?}"
                );
            } else if name != "mail_to" || !typed.is_empty() {
                // Browsers take line breaks out of what is one line.
                let kept = answer.field(name).replace(['\n', '\r'], "");
                assert_eq!(kept, typed.replace('\n', ""), "{field} {value:?}");
            }
        }
        assert_eq!(accounts(&panel).await, 2, "{field} {value:?}");
    }
    assert_eq!(
        panel.database.count("SELECT COUNT(*) FROM pw_invitations").await,
        0
    );
}

#[tokio::test]
async fn names_that_are_pages_or_directories_too_have_pages_of_their_own() {
    let (panel, operator) = panel().await;
    for name in ["new", ".", "..", "bulk", "-", "@"] {
        let answer = operator
            .post("accounts", &account(name, "owner", "mine.example"))
            .await;
        assert_eq!(answer.status, 303, "{name}");
        let address = answer.location().to_owned();
        assert_eq!(operator.get(&address).await.text("h1"), name, "{address}");
        assert_eq!(
            operator
                .get(&format!("{address}/grants/mine.example"))
                .await
                .status,
            200,
            "{address}"
        );
        let hrefs = operator.get("accounts").await.attributes("tbody th a", "href");
        assert!(hrefs.contains(&address), "{hrefs:?}");
        let gone = operator
            .post(&format!("{address}/delete"), &[("confirm", "1")])
            .await;
        assert_eq!(gone.status, 303, "{name}");
    }
    assert_eq!(accounts(&panel).await, 1);
    assert_eq!(operator.get("accounts/new").await.text("h1"), "New account");
    for nobody in ["joe", "%FF", "a%2Fb", "%00", "jo%C3%A9", "JOE", "~new"] {
        assert_eq!(
            operator.get(&format!("accounts/{nobody}")).await.status,
            404,
            "{nobody}"
        );
        let grants = operator.get(&format!("accounts/{nobody}/grants/%FF")).await;
        assert_eq!(
            (grants.status, grants.text("h1")),
            (404, "Nothing here".to_owned()),
            "{nobody}"
        );
    }
}

#[tokio::test]
async fn an_account_is_good_until_the_end_of_its_last_day() {
    let (panel, operator) = panel().await;
    let joe = panel.signed_in("joe", Role::Owner, &[]).await;
    let today = time::OffsetDateTime::now_utc().date().to_string();
    let answer = operator
        .post("accounts/joe", &[("role", "owner"), ("expires", &today)])
        .await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    assert_eq!(operator.get("accounts/joe").await.field("expires"), today);
    let left = "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), expires_at) BETWEEN 0 AND 86400 FROM pw_terms WHERE expires_at IS NOT NULL";
    assert_eq!(panel.database.count(left).await, 1);
    assert_eq!(joe.get("aliases").await.status, 200, "today it is good");
    let over = "UPDATE pw_terms SET expires_at = UTC_TIMESTAMP() WHERE expires_at IS NOT NULL";
    panel.database.script(over).await;
    assert_eq!(joe.get("aliases").await.status, 303, "sessions end with it");
    assert_eq!(sign_in(&panel.browser(), "joe", PASSWORD).await.status, 422);
    let line = operator
        .get("accounts")
        .await
        .text("tbody tr:first-child td[data-label=Status]");
    assert_eq!(line, "expired");
    let answer = operator
        .post("accounts/joe", &[("role", "owner"), ("expires", "")])
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(sign_in(&panel.browser(), "joe", PASSWORD).await.status, 303);
    // Refused: both fields as they were typed.
    let answer = operator
        .post("accounts/joe", &[("role", "auditor"), ("expires", "31.12.2030")])
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        (answer.field("role"), answer.field("expires")),
        ("auditor".to_owned(), "31.12.2030".to_owned())
    );
    assert!(answer.text(".summary").contains("is no day"));
    let role = "SELECT role FROM pw_accounts WHERE name = 'joe'";
    assert_eq!(panel.database.value(role).await.as_deref(), Some("owner"));
}

#[tokio::test]
async fn another_role_ends_sessions_and_takes_grants_back() {
    let (panel, operator) = panel().await;
    let joe = panel.signed_in("joe", Role::Owner, &["mine.example"]).await;
    let ann = panel.signed_in("ann", Role::Owner, &["mine.example"]).await;
    // Saved as it is nothing happens.
    let answer = operator
        .post("accounts/joe", &[("role", "owner"), ("expires", "")])
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(joe.get("aliases").await.status, 200);
    assert_eq!(granted(&panel, "joe").await, ["mine.example"]);
    let answer = operator
        .post("accounts/joe", &[("role", "auditor"), ("expires", "")])
        .await;
    assert_eq!(answer.status, 303);
    assert_eq!(joe.get("aliases").await.status, 303, "signed out");
    assert_eq!(granted(&panel, "joe").await, [""; 0]);
    operator
        .post("accounts/joe", &[("role", "owner"), ("expires", "")])
        .await;
    assert_eq!(granted(&panel, "joe").await, [""; 0], "they do not come back");
    assert_eq!(ann.get("aliases").await.status, 200, "nobody else is touched");
    assert_eq!(granted(&panel, "ann").await, ["mine.example"]);
}

#[tokio::test]
async fn a_disabled_account_is_out_at_its_next_request_and_an_enabled_one_stays_in() {
    let (panel, operator) = panel().await;
    let joe = panel.signed_in("joe", Role::Operator, &[]).await;
    let answer = operator.post("accounts/joe/enabled", &[("value", "1")]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(joe.get("aliases").await.status, 200, "it was enabled");
    let answer = operator.post("accounts/joe/enabled", &[("value", "0")]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(joe.get("aliases").await.status, 303);
    let post = joe.post("accounts/operator/enabled", &[("value", "0")]).await;
    assert_eq!(post.status, 401, "nor does a form do anything");
    assert_eq!(sign_in(&panel.browser(), "joe", PASSWORD).await.status, 422);
    operator.post("accounts/joe/enabled", &[("value", "1")]).await;
    assert_eq!(
        joe.get("aliases").await.status,
        303,
        "the session does not come back"
    );
    assert_eq!(sign_in(&joe, "joe", PASSWORD).await.status, 303);
    let events = panel.database.events("joe").await;
    assert_eq!(
        events[2..4],
        ["operator: disabled", "operator: enabled"],
        "{events:?}"
    );
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_but_the_record() {
    let (panel, operator) = panel().await;
    let joe = panel.signed_in("joe", Role::Owner, &["mine.example"]).await;
    joe.set_up_second_factor().await;
    operator.post("accounts/joe/invitation", &[]).await;
    let asked = operator.post("accounts/joe/delete", &[]).await;
    assert_eq!((asked.status, accounts(&panel).await), (200, 2), "asked first");
    assert_eq!(
        operator.get("accounts/joe/delete").await.text("h1"),
        "Delete joe?"
    );
    assert_eq!(accounts(&panel).await, 2);
    let answer = operator.submit(&asked, &[("confirm", "1")]).await;
    assert_eq!((answer.status, answer.location()), (303, "/accounts"));
    assert_eq!(joe.get("").await.location(), "/login?next=%2F");
    for table in [
        "pw_grants",
        "pw_limits",
        "pw_second_factors",
        "pw_recovery_codes",
        "pw_invitations",
    ] {
        assert_eq!(
            panel
                .database
                .count(&format!("SELECT COUNT(*) FROM {table}"))
                .await,
            0,
            "{table}"
        );
    }
    assert_eq!(operator.get("accounts/joe").await.status, 404);
    assert_eq!(
        panel.database.events("joe").await.last().map(String::as_str),
        Some("operator: deleted")
    );
}

#[tokio::test]
async fn nobody_shuts_themselves_out() {
    let (panel, operator) = panel().await;
    panel.account("other", Role::Operator, &[]).await;
    let own = operator.get("accounts/operator").await;
    assert_eq!(own.attributes("#role[disabled]", "id").len(), 1);
    assert!(!own.body.contains("Delete…") && !own.body.contains(">Disable<"));
    for (path, fields) in [
        ("accounts/operator/enabled", vec![("value", "0")]),
        ("accounts/operator", vec![("role", "owner"), ("expires", "")]),
        ("accounts/operator", vec![("role", "auditor")]),
        ("accounts/operator/delete", vec![("confirm", "1")]),
    ] {
        let answer = operator.post(path, &fields).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(
            answer.text("main").contains("your own account"),
            "{}",
            answer.text("main")
        );
    }
    assert_eq!(operator.get("accounts").await.status, 200);
    let ending = operator
        .post("accounts/operator", &[("expires", "2099-12-31")])
        .await;
    assert_eq!(ending.status, 400, "nor from some day on");
    let kept = "SELECT CONCAT(role, enabled) FROM pw_accounts WHERE name = 'operator'";
    assert_eq!(panel.database.value(kept).await.as_deref(), Some("operator1"));
}

#[tokio::test]
async fn of_two_operators_who_throw_each_other_out_at_once_one_is_left() {
    let (panel, ann) = panel().await;
    for (round, (path, fields)) in [
        ("", vec![("role", "owner"), ("expires", "")]),
        ("/enabled", vec![("value", "0")]),
        ("/delete", vec![("confirm", "1")]),
        ("", vec![("role", "auditor"), ("expires", "")]),
    ]
    .into_iter()
    .enumerate()
    {
        let (one, other) = (format!("one{round}"), format!("other{round}"));
        let first = panel.signed_in(&one, Role::Operator, &[]).await;
        let second = panel.signed_in(&other, Role::Operator, &[]).await;
        let (against_other, against_one) =
            (format!("accounts/{other}{path}"), format!("accounts/{one}{path}"));
        let (a, b) = tokio::join!(
            first.post(&against_other, &fields),
            second.post(&against_one, &fields)
        );
        let left = format!(
            "SELECT COUNT(*) FROM pw_accounts WHERE name IN ('{one}', '{other}') AND role = 'operator' AND enabled = 1"
        );
        assert_eq!(
            panel.database.count(&left).await,
            1,
            "{path}: {} and {}",
            a.status,
            b.status
        );
        let refused = [a.status, b.status]
            .into_iter()
            .filter(|status| *status != 303)
            .count();
        assert_eq!(refused, 1, "{path}: {} and {}", a.status, b.status);
    }
    assert_eq!(ann.get("accounts").await.status, 200);
}

#[tokio::test]
async fn auditors_may_not_and_for_owners_there_is_no_such_page() {
    let (panel, operator) = panel().await;
    let auditor = panel.signed_in("auditor", Role::Auditor, &[]).await;
    let owner = panel.signed_in("owner", Role::Owner, &["mine.example"]).await;
    let dump = "SELECT * FROM pw_accounts LEFT JOIN pw_terms ON account_id = id ORDER BY id";
    let before = panel.database.rows(dump).await;
    let mut seen = 0;
    for (method, route) in web::routes() {
        if !route.starts_with("/accounts") {
            continue;
        }
        seen += 1;
        for name in ["operator", "owner", "auditor", "nobody"] {
            let path = route.replace("{name}", name).replace("{domain}", "mine.example");
            for (who, status) in [(&auditor, 403), (&owner, 404)] {
                let answer = if method == "GET" {
                    who.get(&path).await
                } else {
                    let fields = [
                        ("name", "made"),
                        ("role", "operator"),
                        ("domain", ""),
                        ("value", "0"),
                        ("confirm", "1"),
                        ("own_password", PASSWORD),
                    ];
                    who.post(&path, &fields).await
                };
                assert_eq!(answer.status, status, "{method} {path}: {}", answer.text("main"));
            }
            if path == route {
                break;
            }
        }
    }
    assert_eq!(seen, 16);
    assert_eq!(panel.database.rows(dump).await, before);
    assert_eq!(granted(&panel, "owner").await, ["mine.example"]);
    assert!(
        !owner.get("").await.body.contains("/accounts"),
        "nor is it in the menu"
    );
    assert!(!auditor.get("").await.body.contains("\"/accounts\""));
    assert!(operator.get("").await.body.contains("\"/accounts\""));
}

/// The limits of the only grant, as stored.
async fn limits(panel: &Panel) -> String {
    let query = "SELECT CONCAT_WS('|', COALESCE(aliases, '-'), COALESCE(mailboxes, '-'), COALESCE(members, '-'), external, \
                 catch_all, COALESCE(REPLACE(transports, '\n', ' '), '-'), relays, relocations, blocks) FROM pw_limits";
    panel
        .database
        .value(query)
        .await
        .unwrap_or_else(|| "none".to_owned())
}

#[tokio::test]
async fn domains_are_granted_with_limits_and_taken_back() {
    let (panel, operator) = panel().await;
    let joe = panel.signed_in("joe", Role::Owner, &[]).await;
    panel
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('a@mine.example', 'x@y.example')")
        .await;
    assert!(joe.get("aliases").await.texts("tbody th").is_empty());
    let answer = operator
        .post("accounts/joe/grants", &[("domain", "Mine.Example, two.example")])
        .await;
    assert_eq!((answer.status, answer.location()), (303, "/accounts/joe"));
    assert_eq!(granted(&panel, "joe").await, ["mine.example", "two.example"]);
    assert_eq!(
        joe.get("aliases").await.texts("tbody th").len(),
        1,
        "at the next request"
    );
    operator.post("accounts/joe/grants/two.example/delete", &[]).await;
    assert_eq!(granted(&panel, "joe").await, ["mine.example"]);

    let page = "accounts/joe/grants/mine.example";
    let form = operator.get(page).await;
    assert_eq!(operator.submit(&form, &[]).await.status, 303);
    assert_eq!(
        limits(&panel).await,
        "none",
        "saved as it is shown nothing is limited"
    );
    let changes = [
        ("aliases", " 20 "),
        ("mailboxes", "0"),
        ("members", "1000000"),
        ("overrides", "these"),
        (
            "transports",
            "smtp:[aspmx.l.google.com]\r\nsmtp:[*.mail.protection.outlook.com]",
        ),
    ];
    let mut fields = changes.to_vec();
    fields.extend([("external", "1"), ("relays", "1")]);
    let answer = operator.post(page, &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text("main"));
    let stored = "20|0|1000000|1|0|smtp:[aspmx.l.google.com] smtp:[*.mail.protection.outlook.com]|1|0|0";
    assert_eq!(limits(&panel).await, stored);
    let form = operator.get(page).await;
    assert_eq!(
        (form.field("aliases"), form.field("mailboxes")),
        ("20".to_owned(), "0".to_owned())
    );
    assert_eq!(
        form.attributes("input[type=checkbox][checked]", "name"),
        ["external", "relays"]
    );
    assert_eq!(
        form.attributes("input[name=overrides][checked]", "value"),
        ["these"]
    );
    assert_eq!(operator.submit(&form, &[]).await.status, 303);
    assert_eq!(
        limits(&panel).await,
        stored,
        "a form that is sent back changes nothing"
    );
    let told = "20 aliases, 0 mailboxes, 1000000 members a list, no catch-all, overrides smtp:[aspmx.l.google.com] \
                smtp:[*.mail.protection.outlook.com], no relocations, no block rules";
    for (who, page) in [(&operator, "accounts/joe"), (&joe, "account")] {
        let shown = who.get(page).await.text("td[data-label=Limits]");
        assert_eq!(shown, told, "{page}");
    }
    // Granted again it keeps its limits; taken back they go.
    operator
        .post("accounts/joe/grants", &[("domain", "mine.example")])
        .await;
    assert_eq!(limits(&panel).await, stored);
    assert_eq!(operator.post(&format!("{page}/delete"), &[]).await.status, 303);
    assert!(granted(&panel, "joe").await.is_empty() && limits(&panel).await == "none");
    assert!(joe.get("aliases").await.texts("tbody th").is_empty());
    assert_eq!(operator.get(page).await.status, 404);
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_and_kept_in_the_form() {
    let (panel, operator) = panel().await;
    panel.account("joe", Role::Owner, &["mine.example"]).await;
    let page = "accounts/joe/grants/mine.example";
    let many = "smtp:[mail.example.com]\n".repeat(101);
    for (field, value) in [
        ("aliases", "-1"),
        ("aliases", "many"),
        ("mailboxes", "1e3"),
        ("mailboxes", "1000001"),
        ("members", "99999999999999999999"),
        ("members", "1 000"),
        ("members", "١٢"),
        ("aliases", "<i>1</i>"),
        ("transports", ""),
        ("transports", "smtp:[unclosed"),
        ("transports", "nosuchtransport:[mail.example.com]"),
        ("transports", &many),
    ] {
        let mut fields = vec![
            ("aliases", "5"),
            ("mailboxes", "6"),
            ("members", "7"),
            ("blocks", "1"),
        ];
        fields.extend([("overrides", "these"), ("transports", "smtp:[mail.example.com]")]);
        for it in &mut fields {
            if it.0 == field {
                it.1 = value;
            }
        }
        let answer = operator.post(page, &fields).await;
        assert_eq!(answer.status, 422, "{field} {value}");
        assert!(
            !answer.text(&format!("#{field}-error")).is_empty(),
            "{field} {value}"
        );
        for (name, typed) in fields {
            match name {
                "blocks" => assert_eq!(
                    answer.attributes("input[type=checkbox][checked]", "name"),
                    ["blocks"]
                ),
                "overrides" => assert_eq!(
                    answer.attributes("input[name=overrides][checked]", "value"),
                    ["these"]
                ),
                _ => assert_eq!(answer.field(name).trim(), typed.trim(), "{field} {value}"),
            }
        }
        assert!(!answer.body.contains("<i>1"), "escaped");
        assert_eq!(limits(&panel).await, "none", "{field} {value}");
    }
}

#[tokio::test]
async fn grants_are_for_owners_and_a_refused_one_keeps_what_was_typed() {
    let (panel, operator) = panel().await;
    panel.account("joe", Role::Owner, &[]).await;
    panel.account("audit", Role::Auditor, &[]).await;
    for typed in ["", " ", "not a domain!", "joe@mine.example"] {
        let answer = operator.post("accounts/joe/grants", &[("domain", typed)]).await;
        assert_eq!(answer.status, 422, "{typed}");
        assert_eq!(answer.field("domain"), typed);
        assert!(answer.text(".summary").contains("Nothing was saved"), "{typed}");
    }
    let answer = operator
        .post("accounts/audit/grants", &[("domain", "mine.example")])
        .await;
    assert_eq!(answer.status, 422);
    assert!(answer.text(".summary").contains("domains are granted to owners"));
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM pw_grants").await, 0);
}

/// Where a form is sent, its fields, and the event it leaves.
type Step<'a> = (String, Vec<(&'a str, &'a str)>, &'a str);

#[tokio::test]
async fn whatever_is_done_to_an_account_is_an_event_with_who_and_where() {
    let panel = Panel::with(Database::fresh().await, |config| {
        config.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a network")];
    })
    .await;
    let mut operator = panel.operator().await;
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-forwarded-for", "203.0.113.9".parse().expect("a header"));
    operator.client = reqwest::Client::builder()
        .default_headers(headers)
        .cookie_store(true)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client");
    sign_in(&operator, "operator", PASSWORD).await;
    let page = "accounts/joe";
    let steps: [Step<'_>; 12] = [
        (
            "accounts".to_owned(),
            account("joe", "owner", "mine.example"),
            "created as owner of mine.example",
        ),
        (format!("{page}/invitation"), vec![], "invited by a one-time link"),
        (
            format!("{page}/invitation"),
            vec![("withdraw", "1")],
            "invitation withdrawn",
        ),
        (
            format!("{page}/grants"),
            vec![("domain", "two.example")],
            "granted two.example",
        ),
        (
            format!("{page}/grants/two.example"),
            vec![
                ("aliases", "3"),
                ("external", "1"),
                ("catch_all", "1"),
                ("relays", "1"),
                ("relocations", "1"),
                ("blocks", "1"),
            ],
            "changed the limits of two.example: 3 aliases",
        ),
        (
            format!("{page}/grants/two.example/delete"),
            vec![],
            "took two.example back",
        ),
        (
            page.to_owned(),
            vec![("expires", "2099-12-30")],
            "expires after 2099-12-30",
        ),
        (format!("{page}/password"), vec![], "has to choose a new password"),
        (format!("{page}/enabled"), vec![("value", "0")], "disabled"),
        (format!("{page}/enabled"), vec![("value", "1")], "enabled"),
        (page.to_owned(), vec![("role", "auditor")], "owner became auditor"),
        (format!("{page}/delete"), vec![("confirm", "1")], "deleted"),
    ];
    for (path, fields, _) in &steps {
        let answer = operator.post(path, fields).await;
        assert_eq!(answer.status, 303, "{path}: {}", answer.text("main"));
        // Once more changes nothing, where that makes sense, and is not recorded.
        if matches!(
            fields.first(),
            Some(&("withdraw" | "expires" | "value" | "role", _))
        ) {
            assert_eq!(operator.post(path, fields).await.status, 303, "{path}");
        }
        let nobodys = operator
            .post("accounts/joe/sessions", &[("session", "nonsense")])
            .await;
        assert!(matches!(nobodys.status, 303 | 404), "{}", nobodys.status);
    }
    let rows = panel
        .database
        .rows("SELECT event, who, origin FROM pw_account_events WHERE account = 'joe' ORDER BY id")
        .await;
    let mut events: Vec<&str> = rows.iter().filter_map(|row| row[0].as_deref()).collect();
    assert_eq!(events.remove(1), "invited by a one-time link", "with the account");
    let expected: Vec<&str> = steps.iter().map(|(_, _, event)| *event).collect();
    assert_eq!(events, expected);
    assert!(
        rows.iter()
            .all(|row| row[1].as_deref() == Some("operator") && row[2].as_deref() == Some("203.0.113.9"))
    );
    panel.account("joe", Role::Owner, &[]).await;
    let table = operator.get(page).await;
    assert_eq!(
        table.texts("tr th[scope=row]")[..2],
        ["created as owner", "deleted"],
        "newest first"
    );
    assert!(
        table
            .texts("td[data-label=From]")
            .contains(&"203.0.113.9".to_owned())
    );
}

#[tokio::test]
async fn a_person_can_be_made_to_choose_a_new_password() {
    let (panel, operator) = panel().await;
    let joe = panel.signed_in("joe", Role::Owner, &[]).await;
    assert_eq!(joe.get("aliases").await.status, 200);
    operator.post("accounts/joe/password", &[]).await;
    assert_eq!(joe.get("aliases").await.location(), "/account/password");
    let page: Answer = operator.get("accounts/joe").await;
    assert!(
        page.text("main")
            .contains("Has to be changed before anything else.")
    );
    panel.change_account("joe", AccountChange::Enabled(false)).await;
    assert_eq!(joe.get("aliases").await.location(), "/login?next=%2Faliases");
}

#[tokio::test]
async fn an_operator_ends_sessions_of_that_account_alone() {
    let (panel, operator) = panel().await;
    let joe = panel.signed_in("joe", Role::Owner, &[]).await;
    let phone = panel.browser();
    sign_in(&phone, "joe", PASSWORD).await;
    let ann = panel.signed_in("ann", Role::Owner, &[]).await;
    let names = operator
        .get("accounts/joe")
        .await
        .attributes("input[name=session]", "value");
    assert_eq!(names.len(), 2);
    let anns = operator
        .get("accounts/ann")
        .await
        .attributes("input[name=session]", "value");
    for nobodys in [&anns[0], "", "zz", "00"] {
        let answer = operator
            .post("accounts/joe/sessions", &[("session", nobodys)])
            .await;
        assert_eq!(answer.status, 303);
        assert!(
            operator
                .get("accounts/joe")
                .await
                .text(".notice")
                .contains("no such session")
        );
    }
    assert_eq!(ann.get("aliases").await.status, 200);
    operator
        .post("accounts/joe/sessions", &[("session", &names[0])])
        .await;
    let left = [joe.get("aliases").await.status, phone.get("aliases").await.status];
    assert_eq!(
        left.iter().filter(|status| **status == 200).count(),
        1,
        "{left:?}"
    );
    operator.post("accounts/joe/sessions", &[]).await;
    assert_eq!(
        [joe.get("aliases").await.status, phone.get("aliases").await.status],
        [303, 303]
    );
    assert_eq!(ann.get("aliases").await.status, 200);
}
