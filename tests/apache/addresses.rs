//! The visitor's address: in the log, in the line of a failed sign-in, in the record of changes, and nobody's to choose.

use std::net::Ipv4Addr;

use crate::site::{PLACES, Place, Site};
use crate::support::program::{Lines, Running};
use crate::support::{Browser, Database};
use crate::visitor::ADDRESS;

/// What a stranger may say to pass for somebody else.
const CLAIMS: &[&[(&str, &str)]] = &[
    &[],
    &[("x-forwarded-for", "198.51.100.1")],
    &[("x-forwarded-for", "127.0.0.1")],
    &[("x-forwarded-for", "198.51.100.1, 127.0.0.1")],
    &[
        ("x-forwarded-for", "198.51.100.1"),
        ("x-forwarded-for", "127.0.0.1"),
    ],
    &[("X-FORWARDED-FOR", "2001:db8::1")],
    &[("x-forwarded-for", "::ffff:198.51.100.1")],
    &[("x-forwarded-for", "nonsense, \"<b>\"")],
    &[("x-forwarded-for", "")],
    &[("x_forwarded_for", "198.51.100.1")],
    &[
        ("forwarded", "for=198.51.100.1"),
        ("x-real-ip", "198.51.100.1"),
        ("client-ip", "198.51.100.1"),
    ],
    &[("connection", "X-Forwarded-For")],
    &[
        ("connection", "close, X-Forwarded-For"),
        ("x-forwarded-for", "198.51.100.1"),
    ],
    &[
        ("connection", "keep-alive"),
        ("connection", "x-forwarded-for, host"),
    ],
];

/// The address in the log's line of a failed sign-in with this name.
fn failed(log: &Lines, name: &str) -> String {
    let line = log.wait_for(&format!("for {name:?}:"));
    let (_, rest) = line.split_once("auth failure from ").expect("the address");
    rest.split(' ').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn nobody_chooses_the_address_that_is_logged() {
    for place in PLACES {
        let site = Site::at(place).await;
        // Somebody at Apache's own machine is no proxy either.
        for (n, from) in [ADDRESS, Ipv4Addr::LOCALHOST].into_iter().enumerate() {
            for (m, claim) in CLAIMS.iter().enumerate() {
                let name = format!("joe-{n}-{m}");
                let fields = [("username", name.as_str()), ("password", "wrong")];
                let answer = site.visitor().from(from).post_with("login", claim, &fields).await;
                assert_eq!(answer.status, 422, "{claim:?}: {}", answer.body);
                assert_eq!(
                    failed(&site.panel().stderr, &name),
                    from.to_string(),
                    "{place:?} {claim:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_log_and_the_record_have_the_visitors_address() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut operator = site.operator().await;
        let (own, claim) = (operator.origin(), "198.51.100.1");
        let headers = [("origin", own.as_str()), ("x-forwarded-for", claim)];
        let fields = [("domain", "shop.example"), ("enabled", "1")];
        let answer = operator.post_with("domains", &headers, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let origin = site.database.value("SELECT origin FROM pw_changes").await;
        assert_eq!(origin, Some(ADDRESS.to_string()));
        let line = site
            .panel()
            .stderr
            .wait_for(&format!("POST {}domains answered 303", place.base()));
        assert!(line.contains(&ADDRESS.to_string()), "{line}");
        assert!(!site.panel().stderr.all().iter().any(|line| line.contains(claim)));
    }
}

#[tokio::test]
async fn past_apache_nobody_chooses_the_address_of_a_panel_that_trusts_no_proxy() {
    let panel = Running::serve_on(&Database::fresh().await);
    for (n, claim) in CLAIMS.iter().enumerate() {
        let name = format!("joe-{n}");
        let Browser { client, base } = panel.browser();
        let fields = [("username", name.as_str()), ("password", "wrong")];
        let request = claim.iter().fold(
            client.post(format!("{base}login")).form(&fields),
            |request, (name, value)| request.header(*name, *value),
        );
        assert_eq!(request.send().await.expect("an answer").status(), 422);
        assert_eq!(failed(&panel.stderr, &name), "127.0.0.1", "{claim:?}");
    }
}

#[tokio::test]
async fn the_panel_is_reached_under_its_own_name_whatever_the_host_header_says() {
    let site = Site::at(Place::Path).await;
    let answer = site
        .visitor()
        .send(
            "GET",
            "aliases",
            &[
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-proto", "http"),
            ],
            "",
        )
        .await;
    assert_eq!(
        (answer.status, answer.location()),
        (303, "/postwarden/login?next=%2Fpostwarden%2Faliases")
    );
}
