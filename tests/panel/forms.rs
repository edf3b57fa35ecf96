//! Adding, changing, switching and deleting rows, in every table.

use crate::samples::{GROUND, SAMPLES, both, form_of, ground, recorded};
use crate::support::{Database, Panel};

#[tokio::test]
async fn a_saved_alias_is_the_row_postfix_reads() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let typed = [
            ("mail", "Info@Shop.Example"),
            ("destination", "Joe <joe@x.example>\nann@y.example"),
            ("enabled", "1"),
        ];
        let answer = operator.post("aliases", &typed).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let rows = panel
            .database
            .rows("SELECT mail, destination, enabled FROM aliases WHERE mail LIKE '%shop%'")
            .await;
        let expected = ["info@shop.example", "joe@x.example,ann@y.example", "1"];
        assert_eq!(rows, [expected.map(|text| Some(text.to_owned()))]);
    }
}

#[tokio::test]
async fn a_row_is_added_to_every_table() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let blank = operator.get(&format!("{}/new", sample.slug)).await;
            assert_eq!(blank.status, 200, "{}", sample.slug);
            let answer = operator.submit(&blank, sample.row).await;
            assert_eq!(answer.status, 303, "{}: {}", sample.slug, answer.body);
            assert_eq!(answer.location(), format!("/{}", sample.slug));
            for (column, value) in sample.row {
                assert_eq!(
                    sample.stored(&panel.database, column).await.as_deref(),
                    Some(*value)
                );
            }
        }
    }
}

#[tokio::test]
async fn a_row_of_every_table_is_changed() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let page = sample.insert(&panel.database).await;
            let form = operator.get(&form_of(&page)).await;
            for (column, value) in sample.row.iter().filter(|(n, _)| *n != "enabled") {
                // A list of addresses has one on each line.
                assert_eq!(form.field(column).replace('\n', ","), *value);
            }
            let (column, value) = sample.change;
            let answer = operator.submit(&form, &[(column, value)]).await;
            assert_eq!(answer.status, 303, "{}: {}", sample.slug, answer.body);
            assert_eq!(answer.location(), format!("/{}", sample.slug));
            assert_eq!(
                sample.stored(&panel.database, column).await.as_deref(),
                Some(value)
            );
            assert_eq!(sample.page(&panel.database).await, page, "the row keeps its key");
        }
    }
}

#[tokio::test]
async fn deleting_asks_first_in_every_table() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let page = format!("{}/delete", sample.insert(&panel.database).await);
            for asked in [operator.get(&page).await, operator.post(&page, &[]).await] {
                assert_eq!(asked.status, 200, "{}", sample.slug);
                assert_eq!(asked.attributes("button[name=confirm]", "value"), ["1"]);
                assert!(asked.text("main").contains(sample.name()));
            }
            assert!(sample.is_there(&panel.database).await, "asking deletes nothing");
            let answer = operator.post(&page, &[("confirm", "1")]).await;
            assert_eq!(
                (answer.status, answer.location()),
                (303, &*format!("/{}", sample.slug))
            );
            assert!(!sample.is_there(&panel.database).await);
            assert_eq!(operator.post(&page, &[("confirm", "1")]).await.status, 404);
        }
    }
}

#[tokio::test]
async fn enabled_is_set_and_never_toggled() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let page = format!("{}/enabled", sample.insert(&panel.database).await);
            for value in ["0", "0", "1", "1"] {
                let answer = operator.post(&page, &[("value", value)]).await;
                assert_eq!(
                    (answer.status, answer.location()),
                    (303, &*format!("/{}", sample.slug))
                );
                assert_eq!(
                    sample.stored(&panel.database, "enabled").await.as_deref(),
                    Some(value)
                );
            }
            for nonsense in ["", "2", "true"] {
                let answer = operator.post(&page, &[("value", nonsense)]).await;
                assert_eq!(answer.status, 422, "{}: {nonsense}", sample.slug);
            }
            assert_eq!(
                sample.stored(&panel.database, "enabled").await.as_deref(),
                Some("1")
            );
        }
    }
}

#[tokio::test]
async fn switching_a_row_leads_back_to_where_the_list_was() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    let fields = [("value", "0"), ("next", "/aliases?q=shop&per=25")];
    let answer = operator.post(&format!("{page}/enabled"), &fields).await;
    assert_eq!(answer.location(), "/aliases?q=shop&per=25");
    let fields = [("value", "1"), ("next", "https://evil.example/")];
    let answer = operator.post(&format!("{page}/enabled"), &fields).await;
    assert_eq!(answer.location(), "/aliases");
}

#[tokio::test]
async fn save_and_add_another_leads_to_a_new_form() {
    let (_panel, operator) = ground().await;
    for sample in SAMPLES {
        let answer = operator.post(sample.slug, &sample.with("again", "1")).await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, &*format!("/{}/new", sample.slug))
        );
    }
}

#[tokio::test]
async fn a_notice_is_shown_once_on_the_next_page() {
    let (_panel, operator) = ground().await;
    operator.post("domains", SAMPLES[0].row).await;
    let next = operator.get("domains").await;
    let notice = next.text("[role=status]");
    assert!(notice.contains("Saved new.example"), "{notice}");
    assert!(
        notice.contains("100 s") && notice.contains("postfix reload"),
        "{notice}"
    );
    assert_eq!(operator.get("domains").await.texts("[role=status]"), [""; 0]);
}

/// What is refused: table, field, what is typed there, and words of the message.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("domains", "domain", "", "empty"),
    ("domains", "domain", "@shop.example", "Relay access denied"),
    ("domains", "domain", "*", "all outgoing mail"),
    ("domains", "domain", "*.example.org", "rows of their own"),
    (
        "domains",
        "domain",
        ".example",
        "all outgoing mail to the subdomains",
    ),
    ("domains", "domain", "shop..example", "two dots"),
    ("domains", "domain", "192.0.2.1", "IP address"),
    ("domains", "domain", "http://shop.example/", "never matches"),
    ("domains", "domain", "sho\u{200b}p.example", "U+200B"),
    ("domains", "domain", "joe@", "ends at the @"),
    ("domains", "transport", ":[]", "all outgoing mail stops"),
    ("domains", "transport", "smtp:[]", "all outgoing mail stops"),
    (
        "domains",
        "transport",
        "smtp[mail.example.com]",
        "mail transport unavailable",
    ),
    (
        "domains",
        "transport",
        "mail.example.com",
        "mail transport unavailable",
    ),
    ("aliases", "mail", "", "empty"),
    (
        "aliases",
        "mail",
        "shop.example",
        "User unknown in virtual alias table",
    ),
    ("aliases", "mail", "info", "no @"),
    ("aliases", "mail", "@", "never match"),
    ("aliases", "mail", "*", "never match"),
    ("aliases", "mail", "*@shop.example", "wildcard"),
    ("aliases", "mail", "a@b@shop.example", "more than one @"),
    ("aliases", "mail", "josé@shop.example", "folds accents"),
    ("aliases", "destination", "", "user is unknown"),
    ("aliases", "destination", "vivita", "no @"),
    ("aliases", "destination", "somewhere.example", "$myorigin"),
    ("aliases", "destination", "|/usr/bin/vacation", "run no commands"),
    ("aliases", "destination", "/var/mail/joe", "write no files"),
    ("aliases", "destination", ":include:/etc/list", "include"),
    ("aliases", "destination", "joe@x.example\n@y.example", "alone"),
    (
        "aliases",
        "destination",
        "joe@x.example\n# ann@y.example",
        "comment",
    ),
    ("backups", "domain", "@kept.example", "Relay access denied"),
    ("backups", "domain", "*", "all outgoing mail"),
    ("backups", "transport", ":[]", "all outgoing mail stops"),
    ("backups", "transport", "virtual:", "unknown user"),
    ("backups", "transport", "local:", "unknown user"),
    ("relays", "recipient", "away.example", "@away.example"),
    ("relays", "recipient", "joe@away..example", "two dots"),
    ("relays", "status", "YES", "neither OK nor REJECT"),
    ("relays", "status", "", "neither OK nor REJECT"),
    ("relocated", "oldadr", "shop.example", "@shop.example"),
    ("relocated", "newadr", "", "no notice"),
    ("relocated", "newadr", "Zürich", "printable ASCII"),
];

#[tokio::test]
async fn what_postfix_would_choke_on_is_refused_beside_its_field() {
    let (panel, operator) = ground().await;
    for (table, column, typed, words) in REFUSED {
        let what = format!("{table}.{column} = {typed:?}");
        let sample = SAMPLES.iter().find(|s| s.slug == *table).expect(table);
        let answer = operator.post(table, &sample.with(column, typed)).await;
        assert_eq!(answer.status, 422, "{what}");
        let beside = answer.text(&format!("#{column}-error"));
        assert!(beside.contains(words), "{what} lacks {words:?}: {beside}");
        let summary = answer.text(".summary[role=alert]");
        assert!(summary.contains("Nothing was saved"), "{what}: {summary}");
        assert_eq!(
            answer.attributes(".summary li a", "href"),
            [format!("#{column}")],
            "{what}"
        );
        for (name, value) in sample.with(column, typed) {
            assert_eq!(answer.field(name), value, "{what} keeps {name}");
        }
        assert!(!answer.asks(), "{what}: there is no way round");
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

/// docs/postfix.md rules 22, 26 and 27: each of these stops or delays mail.
const BAD_TRANSPORTS: &[&str] = &[
    ":[]",
    "smtp:[]",
    "smtp:[h",
    "smtp:h]",
    "smtp:[h]25",
    "smtp:[h:25]",
    "smtp:[ h ]",
    "smtp:[a b]",
    "smtp::25",
    "smtp:[h]:25:",
    "smtp:[h]:smpt",
    "smtp:[h]:0",
    "smtp:[h]:99999",
    "smtp://h",
    "smtp:http://h",
    "smtp:[-bad.example]",
    "smtp:[256.1.1.1]",
    "smtp:[a..b]",
    "smtp:[h.]",
    "smtp[h]",
    "[h]",
    "h",
    "10.0.0.1",
    "esmtp:",
    "smtps:",
    "hold:",
    "smtp;[h]",
];

#[tokio::test]
async fn transports_that_stop_mail_are_refused_in_both_tables_and_in_edits() {
    let (panel, operator) = ground().await;
    let rows = [
        SAMPLES[0].insert(&panel.database).await,
        SAMPLES[2].insert(&panel.database).await,
    ];
    for page in &rows {
        for transport in BAD_TRANSPORTS {
            let answer = operator
                .post(page, &[("transport", transport), ("enabled", "1")])
                .await;
            assert_eq!(answer.status, 422, "{page}: {transport}");
            assert_eq!(answer.field("transport"), *transport);
        }
    }
    assert_eq!(recorded(&panel.database).await, 0);
}

/// What is stored is the form Postfix asks for: table, field, typed, stored.
const NORMALISED: &[(&str, &str, &str, &str)] = &[
    ("domains", "domain", " Caps.EXAMPLE. ", "caps.example"),
    ("domains", "domain", "Bücher.example", "xn--bcher-kva.example"),
    (
        "domains",
        "transport",
        " SMTP:[Mail.New.EXAMPLE] ",
        "smtp:[mail.new.example]",
    ),
    ("domains", "transport", "virtual", "virtual:"),
    (
        "aliases",
        "mail",
        "mailto:Sales@shop.example?subject=x",
        "sales@shop.example",
    ),
    (
        "aliases",
        "mail",
        "Joe Doe <joe@shop.example>",
        "joe@shop.example",
    ),
    (
        "aliases",
        "destination",
        "\"Doe, Jo\" <Jo@X.example>; ann@y.example",
        "jo@x.example,ann@y.example",
    ),
    (
        "backups",
        "transport",
        "smtp: [mail.kept.example]",
        "smtp:[mail.kept.example]",
    ),
    ("relays", "recipient", "<Joe@AWAY.example>", "joe@away.example"),
    ("relays", "status", "reject", "REJECT"),
    ("relocated", "newadr", "Joe <Joe@New.example>", "joe@new.example"),
];

#[tokio::test]
async fn the_normalised_form_is_stored_and_told() {
    let (panel, operator) = ground().await;
    for (table, column, typed, stored) in NORMALISED {
        let sample = SAMPLES.iter().find(|s| s.slug == *table).expect(table);
        let answer = operator.post(table, &sample.with(column, typed)).await;
        assert_eq!(answer.status, 303, "{typed}: {}", answer.body);
        let last = format!("SELECT {column} FROM {table} ORDER BY pkid DESC LIMIT 1");
        assert_eq!(panel.database.value(&last).await.as_deref(), Some(*stored));
        let notice = operator.get(table).await.text("[role=status]");
        assert!(
            notice.contains(&format!("is stored as {stored}")),
            "{typed}: {notice}"
        );
        panel
            .database
            .script(&format!("DELETE FROM {table} ORDER BY pkid DESC LIMIT 1"))
            .await;
    }
}

#[tokio::test]
async fn an_international_domain_is_shown_in_unicode_beside_its_ascii_form() {
    let (panel, operator) = ground().await;
    operator
        .post("domains", &[("domain", "bücher.example"), ("enabled", "1")])
        .await;
    let list = operator.get("domains").await.text("tbody");
    assert!(list.contains("xn--bcher-kva.example bücher.example"), "{list}");
    let key = panel
        .database
        .value("SELECT pkid FROM domains WHERE domain LIKE 'xn--%'")
        .await
        .expect("a row");
    let hub = operator.get(&format!("domains/{key}")).await;
    assert!(
        hub.text(".facts").contains("bücher.example"),
        "{}",
        hub.text("main")
    );
    let form = operator.get(&format!("domains/{key}/edit")).await;
    assert!(form.text("main form").contains("In Unicode: bücher.example"));
}

#[tokio::test]
async fn a_second_row_of_the_same_name_is_refused_with_a_link_to_the_first() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let page = sample.insert(&panel.database).await;
            let capitals: &'static str = sample.name().to_uppercase().leak();
            for name in [sample.name(), capitals] {
                let answer = operator
                    .post(sample.slug, &sample.with(sample.subject, name))
                    .await;
                assert_eq!(answer.status, 422, "{name}");
                let beside = answer.text(&format!("#{}-error", sample.subject));
                assert!(beside.contains("exists already"), "{beside}");
                assert!(
                    answer
                        .attributes(".summary a", "href")
                        .contains(&format!("/{page}")),
                    "{}",
                    answer.body
                );
            }
        }
        assert_eq!(recorded(&panel.database).await, 0);
    }
}

#[tokio::test]
async fn a_row_cannot_be_renamed_to_one_that_exists() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let page = SAMPLES[0].insert(&panel.database).await;
        let answer = operator
            .post(&page, &[("domain", "shop.example"), ("enabled", "1")])
            .await;
        assert_eq!(answer.status, 422);
        assert!(answer.text("#domain-error").contains("exists already"));
        assert!(SAMPLES[0].is_there(&panel.database).await);
    }
}

#[tokio::test]
async fn a_list_too_long_for_the_howtos_column_is_refused_there_and_saved_on_a_fresh_install() {
    let long: Vec<String> = (0..10).map(|n| format!("member{n}@long.example")).collect();
    let typed: &'static str = long.join("\n").leak();
    let [fresh, howto] = both().await;
    let (fresh, howto) = (Panel::on(fresh).await, Panel::on(howto).await);
    let row = SAMPLES[1].with("destination", typed);
    let answer = fresh.operator().await.post("aliases", &row).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(
        SAMPLES[1].stored(&fresh.database, "destination").await,
        Some(long.join(","))
    );

    let answer = howto.operator().await.post("aliases", &row).await;
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
    assert_eq!(SAMPLES[1].stored(&howto.database, "destination").await, None);
}

#[tokio::test]
async fn a_post_without_version_is_accepted_and_fields_left_out_keep_their_value() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for sample in SAMPLES {
            let page = sample.insert(&panel.database).await;
            let answer = operator.post(&page, &[sample.change, ("enabled", "1")]).await;
            assert_eq!(answer.status, 303, "{}: {}", sample.slug, answer.body);
            let (column, value) = sample.change;
            assert_eq!(
                sample.stored(&panel.database, column).await.as_deref(),
                Some(value)
            );
            assert_eq!(
                sample.page(&panel.database).await,
                page,
                "{} was left out",
                sample.subject
            );
        }
    }
}

#[tokio::test]
async fn a_checkbox_that_is_absent_means_off() {
    let (panel, operator) = ground().await;
    for sample in SAMPLES {
        let off: Vec<_> = sample
            .row
            .iter()
            .filter(|(n, _)| *n != "enabled")
            .copied()
            .collect();
        let answer = operator.post(sample.slug, &off).await;
        assert_eq!(answer.status, 303, "{}: {}", sample.slug, answer.body);
        assert_eq!(
            sample.stored(&panel.database, "enabled").await.as_deref(),
            Some("0")
        );
        let page = sample.page(&panel.database).await;
        assert_eq!(operator.post(&page, &[("enabled", "1")]).await.status, 303);
        assert_eq!(
            sample.stored(&panel.database, "enabled").await.as_deref(),
            Some("1")
        );
        assert_eq!(operator.post(&page, &[sample.row[0]]).await.status, 303);
        assert_eq!(
            sample.stored(&panel.database, "enabled").await.as_deref(),
            Some("0")
        );
        assert_eq!(
            operator.post(&page, &[("enabled", "7")]).await.status,
            422,
            "neither on nor off"
        );
    }
}

/// What is suspicious but may be saved: the rows before, the table, what is typed, words of the warning.
const CONFIRMED: &[(&str, &str, crate::samples::Fields, &str)] = &[
    (
        "INSERT INTO backups (domain, transport) VALUES ('two.example', '')",
        "domains",
        &[
            ("domain", "two.example"),
            ("transport", "virtual:"),
            ("enabled", "1"),
        ],
        "BOTH",
    ),
    (
        "INSERT INTO domains (domain) VALUES ('three.example')",
        "backups",
        &[
            ("domain", "three.example"),
            ("transport", ":[mx.three.example]"),
            ("enabled", "1"),
        ],
        "BOTH",
    ),
    (
        "DO 0",
        "aliases",
        &[
            ("mail", "boss@foreign.example"),
            ("destination", "joe@x.example\nann@y.example"),
            ("enabled", "1"),
        ],
        "not an enabled domain of this server",
    ),
    (
        "DO 0",
        "aliases",
        &[
            ("mail", "@shop.example"),
            ("destination", "@shop.example"),
            ("enabled", "1"),
        ],
        "points to itself",
    ),
    (
        "DO 0",
        "domains",
        &[
            ("domain", "void.example"),
            ("transport", "discard:"),
            ("enabled", "1"),
        ],
        "vanishes",
    ),
    (
        "DO 0",
        "relays",
        &[
            ("recipient", "@away.example"),
            ("status", "REJECT"),
            ("enabled", "1"),
        ],
        "refuses nothing by itself",
    ),
    (
        "INSERT INTO users (id) VALUES ('mary@shop.example')",
        "relocated",
        &[
            ("oldadr", "mary@shop.example"),
            ("newadr", "mary@y.example"),
            ("enabled", "1"),
        ],
        "still has a mailbox",
    ),
];

#[tokio::test]
async fn what_is_suspicious_is_saved_after_a_confirmation() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        for (before, table, row, words) in CONFIRMED {
            panel.database.script(before).await;
            let rows = format!("SELECT COUNT(*) FROM {table} WHERE {} = '{}'", row[0].0, row[0].1);
            let asked = operator.post(table, &[*row, &[("again", "1")]].concat()).await;
            assert_eq!(asked.status, 200, "{row:?}");
            assert!(
                asked.text("[role=alert]").contains(words),
                "{words}: {}",
                asked.text("[role=alert]")
            );
            assert_eq!(asked.attributes("[name=confirm]", "value"), ["1"]);
            for (name, value) in *row {
                assert_eq!(asked.field(name), *value, "{name} is repeated");
            }
            assert_eq!(panel.database.count(&rows).await, 0, "asking saves nothing");
            let saved = operator.submit(&asked, &[("confirm", "1")]).await;
            assert_eq!(
                (saved.status, saved.location()),
                (303, &*format!("/{table}/new")),
                "{}",
                saved.body
            );
            assert_eq!(panel.database.count(&rows).await, 1);
        }
    }
}

#[tokio::test]
async fn confirming_does_not_get_round_a_refusal() {
    let (panel, operator) = ground().await;
    let row = [
        ("domain", "kept.example"),
        ("transport", ":[]"),
        ("enabled", "1"),
        ("confirm", "1"),
    ];
    assert_eq!(operator.post("backups", &row).await.status, 422);
    assert_eq!(recorded(&panel.database).await, 0);
}

#[tokio::test]
async fn a_warning_that_was_there_before_is_not_repeated_at_every_save() {
    let (panel, operator) = ground().await;
    let alias = "INSERT INTO aliases (mail, destination) VALUES ('boss@foreign.example', 'joe@x.example')";
    panel.database.script(alias).await;
    let key = panel
        .database
        .value("SELECT pkid FROM aliases")
        .await
        .expect("a row");
    let fields = [("destination", "ann@y.example"), ("enabled", "1")];
    assert_eq!(
        operator.post(&format!("aliases/{key}"), &fields).await.status,
        303
    );
}

#[tokio::test]
async fn the_name_confirm_occurs_only_where_something_is_asked() {
    let (panel, operator) = ground().await;
    for sample in SAMPLES {
        let page = sample.insert(&panel.database).await;
        for quiet in [
            sample.slug,
            &format!("{}/new", sample.slug),
            &page,
            &form_of(&page),
        ] {
            let answer = operator.get(quiet).await;
            assert_eq!(answer.status, 200);
            assert!(!answer.asks(), "{quiet}");
        }
    }
}

#[tokio::test]
async fn switching_on_a_row_that_stops_all_mail_is_refused() {
    for database in both().await {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        let row = "INSERT INTO backups (domain, transport, enabled) VALUES ('stop.example', ':[]', 0)";
        panel.database.script(row).await;
        let find = "SELECT pkid, enabled FROM backups WHERE domain = 'stop.example'";
        let key = panel.database.value(find).await.expect("a row");
        for confirm in [&[][..], &[("confirm", "1")]] {
            let fields = [&[("value", "1")], confirm].concat();
            let answer = operator.post(&format!("backups/{key}/enabled"), &fields).await;
            assert_eq!(answer.status, 422);
            assert!(
                answer
                    .text("#transport-error")
                    .contains("all outgoing mail stops")
            );
        }
        assert_eq!(panel.database.rows(find).await[0][1].as_deref(), Some("0"));
    }
}

#[tokio::test]
async fn switching_on_asks_where_saving_would_ask() {
    let (panel, operator) = ground().await;
    panel
        .database
        .script("INSERT INTO domains (domain, enabled) VALUES ('away.example', 0)")
        .await;
    let find = "SELECT pkid, enabled FROM domains WHERE domain = 'away.example'";
    let key = panel.database.value(find).await.expect("a row");
    let asked = operator
        .post(&format!("domains/{key}/enabled"), &[("value", "1")])
        .await;
    assert_eq!(asked.status, 200);
    assert!(asked.text("[role=alert]").contains("BOTH"));
    assert_eq!(panel.database.rows(find).await[0][1].as_deref(), Some("0"));
    assert_eq!(operator.submit(&asked, &[("confirm", "1")]).await.status, 303);
    assert_eq!(panel.database.rows(find).await[0][1].as_deref(), Some("1"));
}

#[tokio::test]
async fn deleting_names_what_depends_on_the_row() {
    let (panel, operator) = ground().await;
    SAMPLES[1].insert(&panel.database).await;
    panel
        .database
        .script("INSERT INTO users (id) VALUES ('mary@shop.example')")
        .await;
    let key = panel
        .database
        .value("SELECT pkid FROM domains")
        .await
        .expect("a row");
    let asked = operator.get(&format!("domains/{key}/delete")).await;
    let list = asked.text(".depends");
    for part in [
        "1 alias in shop.example",
        "info@shop.example",
        "1 mailbox in shop.example",
        "mary@shop.example",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
}

#[tokio::test]
async fn a_transport_with_a_name_of_this_servers_master_cf_is_accepted_once_it_is_set() {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    let panel = Panel::with(database, |config| {
        config.mail.transports = vec!["spamd".to_owned()];
    })
    .await;
    let operator = panel.operator().await;
    assert_eq!(
        operator
            .post("domains", &SAMPLES[0].with("transport", "spamd:"))
            .await
            .status,
        303
    );
    assert_eq!(
        operator
            .post("domains", &SAMPLES[0].with("transport", "spamx:"))
            .await
            .status,
        422
    );
}
