//! Forms from other sites, through Apache, and honest ones through an Apache that is not set up right.

use crate::site::{PLACES, Place, Site};
use crate::support::PASSWORD;

const FORM: [(&str, &str); 2] = [("username", "operator"), ("password", PASSWORD)];

/// The panel's configuration without the line that passes the Host header on.
fn without_host(file: &str) -> String {
    assert!(file.contains("ProxyPreserveHost On"));
    file.replace("ProxyPreserveHost On", "ProxyPreserveHost Off")
}

#[tokio::test]
async fn a_form_from_another_site_is_refused_and_an_honest_one_passes() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut visitor = site.visitor();
        let own = visitor.origin();
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://evil.example"),
            ],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", &own.replace("https", "ftp"))],
        ] {
            let answer = visitor.post_with("login", headers, &FORM).await;
            assert_eq!(answer.status, 403, "{headers:?}");
            let text = answer.text("main");
            assert!(text.contains("another site") && text.contains(&own), "{text}");
            assert!(!text.contains("ProxyPreserveHost"), "the set-up is right: {text}");
        }
        for headers in [
            &[("origin", &*own)][..],
            &[("sec-fetch-site", "same-origin")],
            &[],
        ] {
            let answer = visitor.post_with("login", headers, &FORM).await;
            assert_eq!(answer.status, 303, "{headers:?}");
        }
    }
}

#[tokio::test]
async fn an_apache_that_hides_the_host_refuses_no_honest_form() {
    for place in PLACES {
        let site = Site::with(place, without_host, &[]).await;
        let mut visitor = site.visitor();
        let own = visitor.origin();
        for headers in [
            &[("origin", &*own), ("sec-fetch-site", "same-origin")][..],
            &[("origin", &own)],
            &[("sec-fetch-site", "same-origin")],
            &[],
        ] {
            let answer = visitor.post_with("login", headers, &FORM).await;
            assert_eq!(
                (answer.status, answer.location()),
                (303, place.base()),
                "{headers:?}"
            );
        }
        let answer = visitor
            .post_with("login", &[("origin", "https://evil.example")], &FORM)
            .await;
        assert_eq!(answer.status, 403);
        let text = answer.text("main");
        assert!(
            text.contains("ProxyPreserveHost On") && text.contains("public_url"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_form_refused_for_a_wrong_public_url_is_told_what_is_missing() {
    let site = Site::with(
        Place::Root,
        without_host,
        &[("POSTWARDEN_PUBLIC_URL", "https://panel.example/")],
    )
    .await;
    let mut visitor = site.visitor();
    let own = visitor.origin();
    let answer = visitor.post_with("login", &[("origin", &own)], &FORM).await;
    assert_eq!(answer.status, 403);
    let text = answer.text("main");
    for part in [
        &site.panel().address.to_string(),
        "https://panel.example",
        "public_url",
        "ProxyPreserveHost On",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let answer = visitor
        .post_with(
            "login",
            &[("origin", &own), ("sec-fetch-site", "same-origin")],
            &FORM,
        )
        .await;
    assert_eq!(
        answer.status, 303,
        "today's browsers say themselves that a form is the site's own"
    );
}
