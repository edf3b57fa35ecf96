//! `/metrics`, on an address of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use postwarden::access::Role;

use crate::support::program::free_address;
use crate::support::{Answer, Database, PASSWORD, Panel};

async fn watched() -> (Panel, SocketAddr) {
    let address = free_address();
    let panel = Panel::with(Database::howto().await, |config| {
        config.metrics.listen = Some(address);
    })
    .await;
    // Whoever is answered by the panel finds them.
    assert_eq!(panel.browser().get("healthz").await.status, 200);
    (panel, address)
}

async fn metrics(panel: &Panel, address: SocketAddr) -> String {
    let answer = Answer::of(panel.browser().client.get(format!("http://{address}/metrics"))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(answer.header("set-cookie"), "");
    answer.body
}

/// The value of a line that begins with this name and these labels.
fn value(text: &str, name: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("no {name} in {text}"));
    line.parse().expect("a number")
}

#[tokio::test]
async fn every_metric_has_its_help_and_type_before_its_values() {
    let (panel, address) = watched().await;
    let text = metrics(&panel, address).await;
    assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text}");
    let (mut help, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    for line in text.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("#"), Some("HELP")) => assert!(help.insert(words.next().expect("a name")), "{line}"),
            (Some("#"), Some("TYPE")) => assert!(kinds.insert(words.next().expect("a name")), "{line}"),
            (Some(series), Some(number)) => {
                number.parse::<f64>().expect("a number");
                let name = series.split('{').next().expect("a name");
                let metric = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|part| name.strip_suffix(part))
                    .unwrap_or(name);
                assert!(help.contains(metric) && kinds.contains(metric), "{line}");
            }
            _ => panic!("{line:?} is no line of the format"),
        }
    }
    let version = format!(
        "postwarden_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert!((value(&text, &version) - 1.0).abs() < f64::EPSILON);
    assert!(value(&text, "process_start_time_seconds") > 1_700_000_000.0);
    assert!(value(&text, "postwarden_uptime_seconds") >= 0.0);
    for table in [
        "aliases",
        "domains",
        "users",
        "backups",
        "relays",
        "relocated",
        "access_rules",
    ] {
        assert!(value(&text, &format!("postwarden_table_rows{{table=\"{table}\"}}")) >= 0.0);
    }
    assert!(!text.contains("pw_accounts"), "{text}");
}

#[tokio::test]
async fn what_people_do_is_counted_and_nothing_they_typed_is_told() {
    let (panel, address) = watched().await;
    let before = metrics(&panel, address).await;
    assert!(!before.contains("postwarden_findings"), "no check was made yet");
    let joe = panel.signed_in("joe", Role::Operator, &[]).await;
    let wrong = [("username", "evil\"} 1\n# x"), ("password", "wrong guess")];
    assert_ne!(panel.browser().post("login", &wrong).await.status, 303);
    assert_eq!(joe.get("nowhere/hostile").await.status, 404);
    let fields = [
        ("mail", "shop@blobber.org"),
        ("destination", "x@y.example"),
        ("enabled", "1"),
    ];
    assert_eq!(joe.post_confirmed("aliases", &fields).await.status, 303);
    assert_eq!(joe.get("check").await.status, 200);
    let after = metrics(&panel, address).await;
    let grew = |name: &str| value(&after, name) - value(&before, name);
    let is = |name: &str, by: f64| assert!((grew(name) - by).abs() < 0.1, "{name} grew by {}", grew(name));
    is("postwarden_sign_in_failures_total", 1.0);
    is("postwarden_changes_total", 1.0);
    is(
        "postwarden_http_requests_total{method=\"GET\",status=\"4xx\"}",
        1.0,
    );
    assert!(grew("postwarden_http_requests_total{method=\"POST\",status=\"3xx\"}") >= 2.0);
    let took = "postwarden_http_request_duration_seconds";
    assert!(grew(&format!("{took}_count")) >= 5.0);
    assert!(grew(&format!("{took}_sum")) > 0.0);
    let all = value(&after, &format!("{took}_bucket{{le=\"+Inf\"}}"));
    assert!((all - value(&after, &format!("{took}_count"))).abs() < 0.1);
    assert!(value(&after, &format!("{took}_bucket{{le=\"0.005\"}}")) <= all);
    let found: f64 = ["error", "warning", "notice"]
        .iter()
        .map(|severity| value(&after, &format!("postwarden_findings{{severity=\"{severity}\"}}")))
        .sum();
    assert!(found > 0.0, "the howto's rows have findings");
    for typed in ["evil", "hostile", "shop@", "joe", PASSWORD] {
        assert!(!after.contains(typed), "{typed} in {after}");
    }
}

#[tokio::test]
async fn there_is_nothing_else_on_that_address_and_no_metrics_on_the_panel_s() {
    let (panel, address) = watched().await;
    let client = panel.browser().client;
    for path in ["", "login", "healthz", "metrics/", "static/postwarden.css"] {
        let answer = Answer::of(client.get(format!("http://{address}/{path}"))).await;
        assert_eq!(answer.status, 404, "/{path}");
        assert_eq!(answer.header("set-cookie"), "");
    }
    let posted = Answer::of(client.post(format!("http://{address}/metrics"))).await;
    assert_eq!(posted.status, 404);
    assert_eq!(panel.operator().await.get("metrics").await.status, 404);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_a_number_too() {
    let (panel, address) = watched().await;
    assert!(
        metrics(&panel, address)
            .await
            .contains("\npostwarden_database_up 1\n")
    );
    panel.store.close().await;
    let text = metrics(&panel, address).await;
    assert!(text.contains("\npostwarden_database_up 0\n"), "{text}");
    assert!(!text.contains("postwarden_changes_total"), "{text}");
}
