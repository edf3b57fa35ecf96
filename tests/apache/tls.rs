//! TLS and the port without it.

use std::process::{Command, Stdio};

use crate::site::{Place, Site};

/// Whether the site takes a client that speaks one version of TLS only.
fn takes(site: &Site, version: &str) -> bool {
    let said = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{}", site.port)])
        .args([
            "-servername",
            site.place.name(),
            version,
            "-cipher",
            "ALL:@SECLEVEL=0",
        ])
        .stdin(Stdio::null())
        .output()
        .expect("openssl");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("CONNECTED"), "{said}");
    !said.contains("Cipher is (NONE)")
}

#[tokio::test]
async fn only_versions_of_tls_that_are_safe_are_spoken() {
    let site = Site::at(Place::Root).await;
    let versions = ["-tls1_1", "-tls1_2", "-tls1_3"];
    assert_eq!(versions.map(|version| takes(&site, version)), [false, true, true]);
    // The server around the site would take it.
    let line = "SSLProtocol -all +TLSv1.2 +TLSv1.3";
    let change = |file: &str| {
        assert!(file.contains(line));
        file.replace(line, "")
    };
    let site = Site::with(Place::Root, change, &[]).await;
    assert!(takes(&site, "-tls1_1"));
}

#[tokio::test]
async fn without_tls_there_is_nothing_but_the_way_to_it() {
    let site = Site::at(Place::Root).await;
    let mut visitor = site.visitor().in_the_clear(site.clear_port);
    let https = site.visitor().url("");
    for (path, target) in [
        ("/", ""),
        ("/aliases?q=a%40b", "aliases?q=a%40b"),
        ("/users/joe@shop.example", "users/joe@shop.example"),
        ("/users/50%25", "users/50%25"),
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(
            (answer.status, answer.location()),
            (301, &*format!("{https}{target}"))
        );
    }
    let answer = visitor.sign_in("operator").await;
    assert_eq!((answer.status, answer.header("set-cookie")), (301, ""));
    assert!(!site.panel().stderr.all().iter().any(|line| line.contains("POST")));
}
