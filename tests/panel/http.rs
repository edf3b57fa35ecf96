//! What every answer has to be, whatever the page.

use postwarden::access::Role;
use scraper::{Html, Selector};

use crate::samples::{GROUND, SAMPLES, ground, recorded};
use crate::support::{Answer, Browser, Database, PASSWORD, Panel};

/// Every kind of page there is, for a database with one of each [`SAMPLES`].
async fn every_page(panel: &Panel) -> Vec<String> {
    let mut pages: Vec<String> = [
        "",
        "changes",
        "changes?q=nothing",
        "search",
        "search?q=shop",
        "search?q=nothing",
        "postfix",
        "logout",
        "nowhere",
        "aliases/99999",
    ]
    .map(str::to_owned)
    .to_vec();
    for sample in SAMPLES {
        let row = sample.page(&panel.database).await;
        let table = sample.slug;
        pages.extend([
            table.to_owned(),
            format!("{table}?q=nothing"),
            format!("{table}?per=1"),
            format!("{table}?sort=-{}&enabled=1", sample.subject),
            format!("{table}/new"),
            row.clone(),
            format!("{row}/edit"),
            format!("{row}/delete"),
        ]);
    }
    pages
}

async fn filled(change: impl FnOnce(&mut postwarden::config::Config)) -> (Panel, Browser) {
    let database = Database::fresh().await;
    database.script(GROUND).await;
    for sample in SAMPLES {
        sample.insert(&database).await;
    }
    let panel = Panel::with(database, change).await;
    let operator = panel.operator().await;
    operator.post("aliases/1/enabled", &[("value", "0")]).await;
    (panel, operator)
}

/// A request with headers of one's own.
async fn send(browser: &Browser, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = browser
        .client
        .request(method, browser.url(path))
        .body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request).await
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn an_address_without_a_page_offers_a_search() {
    let (_panel, operator) = ground().await;
    for path in [
        "nowhere",
        "aliases/99999",
        "aliases/abc",
        "aliases/1/nothing",
        "static/nothing.js",
        "domains/%FF",
        "aliases/1%20",
        "aliases/01",
    ] {
        let answer = operator.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.attributes("main form[role=search]", "action"),
            ["/search"],
            "{path}"
        );
        assert_eq!(
            answer.attributes("main input[type=search]", "name"),
            ["q"],
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_method_a_page_does_not_take_is_refused_with_those_it_takes() {
    let (panel, operator) = ground().await;
    let page = SAMPLES[1].insert(&panel.database).await;
    for (method, path, allow) in [
        ("DELETE", page.as_str(), "GET,HEAD,POST"),
        ("PUT", "aliases", "GET,HEAD,POST"),
        ("GET", &format!("{page}/enabled"), "POST"),
        ("POST", "changes", "GET,HEAD"),
        ("POST", "healthz", "GET,HEAD"),
        ("POST", "static/postwarden.css", "GET,HEAD"),
        ("TRACE", "login", "GET,HEAD,POST"),
        ("OPTIONS", "aliases", "GET,HEAD,POST"),
    ] {
        let answer = send(&operator, method, path, &[], "").await;
        assert_eq!(answer.status, 405, "{method} {path}");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
    assert!(SAMPLES[1].is_there(&panel.database).await);
}

#[tokio::test]
async fn a_form_that_is_too_large_or_none_is_refused() {
    let (panel, operator) = ground().await;
    let large = format!("mail=info@shop.example&destination={}", "a".repeat(1024 * 1024));
    assert_eq!(
        send(&operator, "POST", "aliases", &[FORM], &large).await.status,
        413
    );
    let json = ("content-type", "application/json");
    let answer = send(
        &operator,
        "POST",
        "aliases",
        &[json],
        r#"{"mail":"info@shop.example"}"#,
    )
    .await;
    assert_eq!(answer.status, 415);
    assert!(answer.text("main").contains("application/x-www-form-urlencoded"));
    assert_eq!(recorded(&panel.database).await, 0);
    let fits = format!(
        "mail=info@shop.example&destination=joe@x.example&note={}",
        "a".repeat(1_000_000)
    );
    assert_eq!(
        send(&operator, "POST", "aliases", &[FORM], &fits).await.status,
        303
    );
}

#[tokio::test]
async fn head_answers_as_get_without_the_page() {
    let (panel, operator) = filled(|_| ()).await;
    for path in every_page(&panel).await.iter().map(String::as_str).chain([
        "healthz",
        "readyz",
        "static/postwarden.css",
    ]) {
        let (get, head) = (
            operator.get(path).await,
            send(&operator, "HEAD", path, &[], "").await,
        );
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let (panel, operator) = filled(|_| ()).await;
    let mut answers = Vec::new();
    for path in every_page(&panel).await.iter().map(String::as_str).chain([
        "healthz",
        "readyz",
        "static/postwarden.css",
        "static/postwarden.js",
        "static/favicon.svg",
    ]) {
        answers.push((path.to_owned(), operator.get(path).await));
    }
    answers.push(("login".to_owned(), panel.browser().get("login").await));
    answers.push(("signed out".to_owned(), panel.browser().get("aliases").await));
    answers.push((
        "401".to_owned(),
        panel.browser().post("aliases", SAMPLES[1].row).await,
    ));
    answers.push(("405".to_owned(), send(&operator, "PUT", "aliases", &[], "").await));
    answers.push((
        "415".to_owned(),
        send(
            &operator,
            "POST",
            "aliases",
            &[("content-type", "text/plain")],
            "x",
        )
        .await,
    ));
    answers.push(("422".to_owned(), operator.post("aliases", &[]).await));
    answers.push((
        "403".to_owned(),
        send(
            &operator,
            "POST",
            "aliases",
            &[("sec-fetch-site", "cross-site")],
            "",
        )
        .await,
    ));
    for (what, answer) in &answers {
        let csp = answer.header("content-security-policy");
        assert!(
            csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"),
            "{what}: {csp}"
        );
        // Scripts from the panel itself and from nowhere else; none in a page.
        let scripts: Vec<&str> = csp
            .split(';')
            .map(str::trim)
            .filter(|d| d.starts_with("script-src"))
            .collect();
        assert_eq!(scripts, ["script-src 'self'"], "{what}: {csp}");
        assert!(!csp.contains("unsafe") && !csp.contains('*'), "{what}: {csp}");
        assert!(csp.contains("base-uri 'none'"), "{what}: {csp}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{what}");
        let kind = answer.header("content-type");
        assert!(
            kind.ends_with("; charset=utf-8") || answer.body.is_empty(),
            "{what}: {kind}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
        if !what.starts_with("static") {
            assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        }
    }
}

/// Answers of every kind, from outside the base path too.
async fn every_kind_of_answer(panel: &Panel) -> Vec<(String, Answer)> {
    let root = Browser {
        base: format!("http://{}/", panel.address),
        ..panel.browser()
    };
    let large = "x".repeat(1024 * 1024 + 1);
    let mut answers = Vec::new();
    for (method, path, headers, body, status) in [
        ("GET", "postwarden/login", &[][..], "", 200),
        ("GET", "postwarden/aliases", &[], "", 303),
        ("GET", "postwarden", &[], "", 308),
        ("GET", "elsewhere", &[], "", 404),
        ("GET", "postwarden/nowhere", &[], "", 404),
        ("GET", "postwarden/static/nothing.css", &[], "", 404),
        ("POST", "postwarden/static/postwarden.css", &[], "", 405),
        ("GET", "postwarden/healthz", &[], "", 200),
        ("HEAD", "postwarden/login", &[], "", 200),
        ("POST", "postwarden/login", &[FORM], "username=joe", 422),
        (
            "POST",
            "postwarden/login",
            &[("sec-fetch-site", "cross-site")],
            "",
            403,
        ),
        ("POST", "postwarden/login", &[FORM], large.as_str(), 413),
        (
            "POST",
            "postwarden/login",
            &[("content-type", "text/plain")],
            "x",
            415,
        ),
        ("POST", "postwarden/aliases", &[FORM], "mail=x", 401),
    ] {
        let answer = send(&root, method, path, headers, body).await;
        let what = format!("{method} {path} {headers:?}");
        assert_eq!(answer.status, status, "{what}");
        answers.push((what, answer));
    }
    answers
}

#[tokio::test]
async fn no_answer_is_kept_by_caches_or_framed_whatever_it_says() {
    let (panel, _) = filled(|c| "http://panel.example/postwarden/".clone_into(&mut c.public_url)).await;
    for (what, answer) in every_kind_of_answer(&panel).await {
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
        let csp = answer.header("content-security-policy");
        assert!(csp.starts_with("default-src 'none'; "), "{what}: {csp}");
        assert!(csp.contains("frame-ancestors 'none'"), "{what}: {csp}");
    }
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_https_where_people_use_it() {
    for (public, told) in [
        ("https://panel.example/postwarden/", "max-age=63072000"),
        ("http://panel.example/postwarden/", ""),
    ] {
        let panel = Panel::with(Database::fresh().await, |c| public.clone_into(&mut c.public_url)).await;
        for (what, answer) in every_kind_of_answer(&panel).await {
            assert_eq!(
                answer.header("strict-transport-security"),
                told,
                "{public}: {what}"
            );
        }
    }
}

#[tokio::test]
async fn head_leaves_a_notice_for_who_will_see_it() {
    let (_panel, operator) = ground().await;
    let fields = [
        ("id", "joe@shop.example"),
        ("name", "Joe"),
        ("generate", "1"),
        ("enabled", "1"),
    ];
    let saved = operator.post_confirmed("users", &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.text("main"));
    for path in ["users", ""] {
        send(&operator, "HEAD", path, &[], "").await;
    }
    let page = operator.get("users").await;
    assert_eq!(page.texts("#secret").len(), 1, "the password, once");
    assert!(operator.get("users").await.texts(".notice").is_empty());
}

#[tokio::test]
async fn no_page_has_inline_scripts_or_styles_or_anything_from_elsewhere() {
    let (panel, operator) = filled(|_| ()).await;
    for path in every_page(&panel).await {
        let page = operator.get(&path).await;
        assert_eq!(
            page.texts("style, iframe, object, embed, base"),
            [""; 0],
            "{path}"
        );
        assert_eq!(
            page.texts("script"),
            [""],
            "{path}: one script, empty in the page"
        );
        let source = page.attributes("script", "src");
        assert!(
            source.len() == 1 && source[0].starts_with("/static/postwarden.js"),
            "{path}: {source:?}"
        );
        assert_eq!(page.attributes("[style]", "style"), [""; 0], "{path}");
        let html = Html::parse_document(&page.body);
        for element in html.select(&Selector::parse("*").expect("a selector")) {
            for (name, value) in element.value().attrs() {
                assert!(!name.starts_with("on"), "{path}: {name}");
                let address = ["href", "src", "action"].contains(&name);
                assert!(
                    !address || value.starts_with(['/', '#']) && !value.starts_with("//"),
                    "{path}: {value}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_page_of_somebody_signed_in_offers_to_sign_out() {
    let (panel, operator) = filled(|_| ()).await;
    for path in every_page(&panel).await.iter().map(String::as_str).chain([
        "account",
        "account/password",
        "account/second-factor",
        "accounts",
        "accounts/operator",
        "accounts/new",
    ]) {
        let page = operator.get(path).await;
        let forms = page.attributes("form[method=post][action='/logout']", "action");
        assert!(!forms.is_empty(), "{path}: {}", page.status);
    }
}

#[tokio::test]
async fn a_form_from_another_site_is_refused_and_writes_nothing() {
    let (panel, operator) = ground().await;
    let own = panel.base.trim_end_matches('/').to_owned();
    let referrer = format!("{own}/aliases/new");
    let body = "mail=info@shop.example&destination=joe@x.example&enabled=1";
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("referer", "https://evil.example/page?x=1")],
        &[("referer", "http://127.0.0.1:1/")],
        &[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ],
    ] {
        for path in ["aliases", "login", "logout"] {
            let answer = send(&operator, "POST", path, &[headers, &[FORM]].concat(), body).await;
            assert_eq!(answer.status, 403, "{path} {headers:?}");
            assert!(answer.text("main").contains("another site"), "{headers:?}");
            assert!(
                !answer.body.contains("info@shop.example"),
                "a foreign form is not repeated"
            );
        }
    }
    assert_eq!(panel.database.count("SELECT COUNT(*) FROM aliases").await, 0);
    assert_eq!(operator.get("aliases").await.status, 200, "nobody was signed out");
    for (n, headers) in [
        &[("sec-fetch-site", "same-origin"), ("origin", &*own)][..],
        &[("sec-fetch-site", "none")],
        &[("origin", &own)],
        &[("referer", &referrer)],
        &[
            ("sec-fetch-site", "same-origin"),
            ("referer", "https://evil.example/"),
        ],
        &[],
    ]
    .iter()
    .enumerate()
    {
        let body = body.replace("info", &format!("info{n}"));
        let answer = send(
            &operator,
            "POST",
            "aliases",
            &[headers, &[FORM][..]].concat(),
            &body,
        )
        .await;
        assert_eq!(answer.status, 303, "{headers:?}: {}", answer.text("main"));
    }
    assert_eq!(
        send(
            &operator,
            "GET",
            "aliases",
            &[("sec-fetch-site", "cross-site")],
            ""
        )
        .await
        .status,
        200,
        "a link may lead here"
    );
}

#[tokio::test]
async fn behind_a_proxy_the_public_address_is_the_panels_own_origin() {
    let panel = Panel::with(Database::fresh().await, |c| {
        "https://mail.example.com/".clone_into(&mut c.public_url);
    })
    .await;
    panel.account("operator", Role::Operator, &[]).await;
    let body = format!("username=operator&password={}", PASSWORD.replace(' ', "+"));
    let browser = panel.browser();
    let answer = send(
        &browser,
        "POST",
        "login",
        &[FORM, ("origin", "https://mail.example.com")],
        &body,
    )
    .await;
    assert_eq!(answer.status, 303);
    let answer = send(
        &browser,
        "POST",
        "login",
        &[FORM, ("origin", "https://evil.example")],
        &body,
    )
    .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_https_where_the_panel_has_it() {
    for (public_url, told) in [
        ("https://mail.example.com/", "max-age=63072000"),
        ("https://mail.example.com/postwarden/", "max-age=63072000"),
        ("http://mail.example.com/", ""),
    ] {
        let panel = Panel::with(Database::fresh().await, |c| {
            public_url.clone_into(&mut c.public_url);
        })
        .await;
        for path in ["login", "aliases", "nowhere", "static/postwarden.css", "healthz"] {
            let answer = panel.browser().get(path).await;
            assert_eq!(
                answer.header("strict-transport-security"),
                told,
                "{public_url} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_form_names_the_proxy_only_where_the_host_is_not_the_panels() {
    let panel = Panel::with(Database::fresh().await, |c| {
        "https://mail.example.com/".clone_into(&mut c.public_url);
    })
    .await;
    for (host, named) in [
        ("mail.example.com", false),
        ("MAIL.example.com:443", false),
        ("mail.example.com:8443", true),
        ("127.0.0.1:8025", true),
        ("<b>x", true),
    ] {
        let headers = [("host", host), ("origin", "https://evil.example")];
        let answer = send(&panel.browser(), "POST", "login", &headers, "").await;
        assert_eq!(answer.status, 403, "{host}");
        let text = answer.text("main");
        assert!(text.contains("open https://mail.example.com"), "{text}");
        assert_eq!(text.contains("ProxyPreserveHost On"), named, "{host}: {text}");
        assert_eq!(
            text.contains(&format!("the host {host},")),
            named,
            "{host}: {text}"
        );
    }
}

#[tokio::test]
async fn below_a_base_path_every_link_and_redirect_stays_there() {
    let (panel, operator) =
        filled(|c| "http://panel.example/postwarden/".clone_into(&mut c.public_url)).await;
    for path in every_page(&panel).await {
        let page = operator.get(&path).await;
        let missing = path == "nowhere" || path == "aliases/99999";
        assert_eq!(page.status, if missing { 404 } else { 200 }, "{path}");
        for name in ["href", "src", "action"] {
            for address in page.attributes(&format!("[{name}]"), name) {
                assert!(
                    address.starts_with("/postwarden/") || address.starts_with('#'),
                    "{path}: {address}"
                );
            }
        }
        for next in page.attributes("input[name=next]", "value") {
            assert!(next.starts_with("/postwarden/"), "{path}: {next}");
        }
    }
    let page = SAMPLES[1].page(&panel.database).await;
    for (path, fields, location) in [
        (
            page.clone(),
            vec![SAMPLES[1].change, ("enabled", "1")],
            "/postwarden/aliases",
        ),
        (
            "aliases".to_owned(),
            vec![
                ("mail", "b@shop.example"),
                ("destination", "joe@x.example"),
                ("again", "1"),
            ],
            "/postwarden/aliases/new",
        ),
        (
            format!("{page}/enabled"),
            vec![("value", "0")],
            "/postwarden/aliases",
        ),
        (
            format!("{page}/enabled"),
            vec![("value", "1"), ("next", "/wiki")],
            "/postwarden/aliases",
        ),
        (
            format!("{page}/delete"),
            vec![("confirm", "1")],
            "/postwarden/aliases",
        ),
        ("logout".to_owned(), vec![], "/postwarden/login"),
        (
            "login".to_owned(),
            vec![("username", "operator"), ("password", PASSWORD)],
            "/postwarden/",
        ),
    ] {
        let answer = operator.post(&path, &fields).await;
        assert_eq!(
            (answer.status, answer.location()),
            (303, location),
            "{path}: {}",
            answer.text("main")
        );
    }
    let answer = panel.browser().get("aliases?q=x").await;
    assert_eq!(
        answer.location(),
        "/postwarden/login?next=%2Fpostwarden%2Faliases%3Fq%3Dx"
    );

    let root = Browser {
        base: format!("http://{}/", panel.address),
        ..panel.browser()
    };
    let answer = root.get("postwarden").await;
    assert!(matches!(answer.status, 301 | 302 | 303 | 307 | 308) && answer.location() == "/postwarden/");
    for path in ["healthz", "postwarden/healthz", "readyz", "postwarden/readyz"] {
        assert_eq!(root.get(path).await.status, 200, "{path}");
    }
    for path in [
        "",
        "aliases",
        "login",
        "postwardens/",
        "postwardenaliases",
        "static/postwarden.css",
    ] {
        assert_eq!(root.get(path).await.status, 404, "{path}");
    }
    assert_eq!(
        root.post("login", &[("username", "operator"), ("password", PASSWORD)])
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn health_needs_no_session() {
    let (panel, _) = ground().await;
    for path in ["healthz", "readyz"] {
        let answer = panel.browser().get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{path}");
        assert_eq!(answer.header("set-cookie"), "");
    }
}

/// A page as it comes over the wire: the bytes of headers and body.
async fn weigh(panel: &Panel, address: &str) -> (usize, reqwest::header::HeaderMap) {
    let client = reqwest::Client::builder()
        .no_gzip()
        .no_brotli()
        .build()
        .expect("a client");
    let root = format!("http://{}{address}", panel.address);
    let response = client
        .get(root)
        .header("accept-encoding", "gzip")
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200, "{address}");
    let headers = response.headers().clone();
    let weight: usize = headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
    (weight + response.bytes().await.expect("a body").len(), headers)
}

#[tokio::test]
async fn a_first_visit_weighs_less_than_30_kb() {
    let (panel, _) = ground().await;
    let page = panel.browser().get("login").await;
    let mut assets = page.attributes("link[href], img[src]", "href");
    assets.extend(page.attributes("img[src]", "src"));
    assets.sort();
    assets.dedup();
    assert_eq!(assets.len(), 2, "a style sheet and an icon: {assets:?}");
    let (mut sum, headers) = weigh(&panel, "/login").await;
    assert_eq!(headers["content-encoding"], "gzip");
    for asset in &assets {
        let (weight, headers) = weigh(&panel, asset).await;
        sum += weight;
        let cache = headers["cache-control"].to_str().expect("text");
        assert!(
            cache.contains("immutable") && cache.contains("max-age=31536000"),
            "{asset}: {cache}"
        );
        if asset.contains(".css") {
            assert_eq!(headers["content-encoding"], "gzip");
        }
        assert!(asset.contains("?v="), "{asset}");
    }
    assert!(sum < 30_000, "{sum} bytes");
}

#[tokio::test]
async fn the_recorded_address_is_the_proxys_word_only_where_the_proxy_is_trusted() {
    for (trusted, forwarded, recorded) in [
        (vec![], "203.0.113.9", "127.0.0.1"),
        (vec!["127.0.0.1/32"], "203.0.113.9", "203.0.113.9"),
        (vec!["127.0.0.1/32"], "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (vec!["10.0.0.0/8"], "203.0.113.9", "127.0.0.1"),
        (vec!["127.0.0.1/32"], "203.0.113.9:4711", "203.0.113.9"),
        (vec!["127.0.0.1/32"], "\"[2001:db8::1]:443\"", "2001:db8::1"),
        (vec!["127.0.0.1/32"], "203.0.113.9, unknown", "127.0.0.1"),
    ] {
        let database = Database::fresh().await;
        database.script(GROUND).await;
        let panel = Panel::with(database, |config| {
            config.trusted_proxies = trusted
                .iter()
                .map(|net| net.parse().expect("a network"))
                .collect();
        })
        .await;
        let operator = panel.operator().await;
        let body = "mail=info@shop.example&destination=joe@x.example&enabled=1";
        let answer = send(
            &operator,
            "POST",
            "aliases",
            &[FORM, ("x-forwarded-for", forwarded)],
            body,
        )
        .await;
        assert_eq!(answer.status, 303);
        let origin = panel.database.value("SELECT origin FROM pw_changes").await;
        assert_eq!(origin.as_deref(), Some(recorded), "{trusted:?} {forwarded}");
    }
}
