//! Forms through Apache, by their size and kind.

use crate::site::{PLACES, Site};

/// Members with long addresses that fill about so many bytes of a form.
fn members(bytes: usize) -> String {
    let host = "very-long-name-of-a-department.".repeat(6);
    let one = |n: usize| format!("member-{n:04}@{host}example");
    (0..bytes / (one(0).len() + 7))
        .map(one)
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn a_list_with_very_many_members_goes_through() {
    for place in PLACES {
        let site = Site::at(place).await;
        site.database
            .script("ALTER TABLE aliases MODIFY destination MEDIUMTEXT NOT NULL; INSERT INTO domains (domain) VALUES ('shop.example')")
            .await;
        let mut operator = site.operator().await;
        let members = members(880_000);
        let mut fields = vec![
            ("mail", "all@shop.example"),
            ("destination", members.as_str()),
            ("enabled", "1"),
        ];
        let mut answer = operator.post("aliases", &fields).await;
        if answer.status == 200 {
            fields.push(("confirm", "1"));
            answer = operator.post("aliases", &fields).await;
        }
        assert_eq!(answer.status, 303, "{}", answer.text("main"));
        let stored = site
            .database
            .value("SELECT destination FROM aliases")
            .await
            .expect("a row");
        assert_eq!(stored.split(',').count(), members.lines().count());
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_explained() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut operator = site.operator().await;
        for bytes in [1_048_600, 1_200_000, 2_000_000, 4_000_000] {
            for _ in 0..5 {
                let answer = operator
                    .post(
                        "aliases",
                        &[("mail", "a@shop.example"), ("destination", &"a".repeat(bytes))],
                    )
                    .await;
                assert_eq!(answer.status, 413, "{bytes}: {}", answer.body);
                assert_eq!(answer.text("main h1"), "Too large", "{bytes}: the panel's page");
                assert!(answer.text("main").contains("1024 kB"), "{}", answer.body);
            }
        }
        assert_eq!(site.database.count("SELECT COUNT(*) FROM pw_changes").await, 0);
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused_with_the_reason() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut operator = site.operator().await;
        let origin = operator.origin();
        let body =
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\nx\r\n--b--\r\n";
        let headers = [
            ("origin", &*origin),
            ("content-type", "multipart/form-data; boundary=b"),
        ];
        let answer = operator.send("POST", "aliases", &headers, body).await;
        assert_eq!(
            (answer.status, answer.text("main h1")),
            (415, "Not a form".to_owned())
        );
    }
}
