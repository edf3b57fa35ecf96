//! Pages through Apache: signing in, addresses, redirects, and what comes over the wire.

use std::collections::BTreeSet;

use crate::site::{PLACES, Place, Site};
use crate::support::{Database, PASSWORD};

#[tokio::test]
async fn the_session_cookie_is_as_narrow_as_the_site_allows() {
    for (place, cookie, path) in [
        (Place::Root, "__Host-postwarden=", "Path=/"),
        (Place::Path, "__Secure-postwarden=", "Path=/postwarden"),
    ] {
        let site = Site::at(place).await;
        let answer = site.visitor().sign_in("operator").await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, place.base()),
            "{}",
            answer.body
        );
        assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
        let given: Vec<&str> = answer.header("set-cookie").split("; ").collect();
        assert!(given[0].starts_with(cookie), "{given:?}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", path] {
            assert!(given.contains(&attribute), "{place:?} {attribute}: {given:?}");
        }
        assert!(!given.iter().any(|a| a.starts_with("Domain")), "{given:?}");
        let mut operator = site.operator().await;
        assert_eq!(operator.get("").await.status, 200);
    }
}

#[tokio::test]
async fn every_answer_of_the_panel_tells_browsers_to_stay_with_https() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut operator = site.operator().await;
        for path in ["", "login", "nowhere", "static/postwarden.css", "healthz"] {
            let answer = operator.get(path).await;
            assert_eq!(
                answer.header("strict-transport-security"),
                "max-age=63072000",
                "{path}"
            );
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        }
    }
}

#[tokio::test]
async fn redirects_stay_on_the_public_address() {
    for place in PLACES {
        let site = Site::at(place).await;
        let base = place.base();
        let mut visitor = site.visitor();
        let asked = visitor.get("aliases?q=x").await;
        let next =
            form_urlencoded::byte_serialize(format!("{base}aliases?q=x").as_bytes()).collect::<String>();
        assert_eq!(
            (asked.status, asked.location()),
            (303, &*format!("{base}login?next={next}"))
        );
        let fields = [
            ("username", "operator"),
            ("password", PASSWORD),
            ("next", &format!("{base}aliases?q=x")),
        ];
        let entered = visitor.post("login", &fields).await;
        assert_eq!(
            (entered.status, entered.location()),
            (303, &*format!("{base}aliases?q=x"))
        );
        let saved = visitor
            .post("domains", &[("domain", "shop.example"), ("enabled", "1")])
            .await;
        assert_eq!(
            (saved.status, saved.location()),
            (303, &*format!("{base}domains")),
            "{}",
            saved.body
        );
        let left = visitor.post("logout", &[]).await;
        assert_eq!((left.status, left.location()), (303, &*format!("{base}login")));
        if place == Place::Path {
            let answer = visitor.get("/postwarden").await;
            assert_eq!((answer.status, answer.location()), (308, "/postwarden/"));
        }
    }
}

#[tokio::test]
async fn a_site_keeps_its_own_pages_beside_the_panels_path() {
    let mut site = Site::at(Place::Path).await;
    let mut visitor = site.visitor();
    assert_eq!(visitor.get("login").await.status, 200);
    site.stop_panel();
    for (path, page) in [
        ("/", "<p>the site's own page\n"),
        ("/postwarden.txt", "the site's own file\n"),
    ] {
        let answer = visitor.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, page), "{path}");
        assert_eq!(answer.header("retry-after"), "", "{path}");
    }
    for path in ["/postwardens", "/nowhere"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.body.contains("was not found on this server"),
            "{}",
            answer.body
        );
    }
    for path in ["/postwarden", "/postwarden/", "/postwarden/nowhere"] {
        assert_eq!(visitor.get(path).await.status, 503, "{path}");
    }
}

#[tokio::test]
async fn a_key_with_a_slash_or_a_percent_sign_reaches_its_row() {
    for place in PLACES {
        let site = Site::at(place).await;
        for key in ["a/b", "50%", "a%2Fb", "x?y#z", "a b", "..", "ü", "a//b"] {
            site.database
                .script(&format!(
                    "INSERT INTO users (id, name, maildir) VALUES ('{key}@shop.example', 'n', 'm'), ('{key}', 'n', 'm')"
                ))
                .await;
        }
        let mut operator = site.operator().await;
        let list = operator.get("users?per=100").await;
        let links = list.attributes("main table a[href]", "href");
        let below = format!("{}users/", place.base());
        let pages: BTreeSet<&String> = links
            .iter()
            .filter(|link| {
                link.strip_prefix(&below)
                    .is_some_and(|key| !key.contains(['/', '?']))
            })
            .collect();
        let mut seen = BTreeSet::new();
        for page in &pages {
            let answer = operator.get(page).await;
            assert_eq!(answer.status, 200, "{page}");
            let removal = operator.get(&format!("{page}/delete")).await;
            assert_eq!(removal.status, 200, "{page}");
            seen.insert(answer.text("main h1"));
        }
        assert_eq!(seen.len(), 16, "{pages:#?}");
        assert!(seen.contains("a/b") && seen.contains("a%2Fb"), "{seen:?}");
    }
}

#[tokio::test]
async fn a_page_of_500_rows_comes_compressed_and_whole() {
    for place in PLACES {
        let site = Site::at(place).await;
        site.database
            .script(
                "INSERT INTO aliases (mail, destination) \
                 SELECT CONCAT('n', LPAD(seq, 4, '0'), '@shop.example'), 'joe@elsewhere.example' FROM seq_1_to_600",
            )
            .await;
        let mut operator = site.operator().await;
        let page = operator.get("aliases?per=500").await;
        assert_eq!((page.status, page.header("content-encoding")), (200, "gzip"));
        assert_eq!(page.texts("main tbody tr").len(), 500);
        assert!(page.body.contains("n0001@shop.example") && page.body.contains("n0500@shop.example"));
        assert!(page.body.trim_end().ends_with("</html>"));
        let style = operator.get("static/postwarden.css").await;
        assert_eq!((style.status, style.header("content-encoding")), (200, "gzip"));
    }
}

#[tokio::test]
async fn the_health_checks_answer_through_apache() {
    for place in PLACES {
        let site = Site::at(place).await;
        for path in ["healthz", "readyz"] {
            let answer = site.visitor().get(path).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_panels_own_errors_come_as_the_panel_says_them() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut operator = site.operator().await;
        let missing = operator.get("aliases/99999").await;
        assert_eq!(
            (missing.status, missing.text("main h1")),
            (404, "Nothing here".to_owned())
        );
        let refused = operator
            .post("aliases", &[("mail", "x"), ("destination", "")])
            .await;
        assert_eq!((refused.status, refused.field("mail")), (422, "x".to_owned()));
        take_away(&site.database).await;
        let broken = operator.post("aliases", &[("mail", "typed@shop.example")]).await;
        assert_eq!(broken.status, 503, "{}", broken.body);
        assert_eq!(broken.text("main h1"), "The database does not answer");
        assert_eq!(
            broken.field("mail"),
            "typed@shop.example",
            "nothing typed is lost"
        );
        let again: Vec<_> = broken.headers.get_all("retry-after").iter().collect();
        assert_eq!(again, ["5"]);
    }
}

/// Removes a database and ends its connections; those that want to come back are told that there is none.
async fn take_away(database: &Database) {
    let name = &database.name;
    let ids = format!(
        "SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> CONNECTION_ID()"
    );
    let connections = database.rows(&ids).await;
    let kills = connections
        .iter()
        .filter_map(|row| Some(format!("; KILL {}", row[0].as_deref()?)));
    let statements: String = std::iter::once(format!("DROP DATABASE {name}"))
        .chain(kills)
        .collect();
    database.script(&statements).await;
}
