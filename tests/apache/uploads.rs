//! Files through Apache, by their size and by who sends them.

use crate::site::{PLACES, Site};
use crate::support::Answer;
use crate::visitor::Visitor;

/// Sends a file to be imported into the aliases, as today's browsers do.
async fn upload(visitor: &mut Visitor, file: &str) -> Answer {
    let origin = visitor.origin();
    let headers = [
        ("origin", &*origin),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "multipart/form-data; boundary=b"),
    ];
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{file}\r\n--b--\r\n"
    );
    visitor.send("POST", "aliases/import", &headers, &body).await
}

/// Most memory a process has had, in kB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("a number")
}

#[tokio::test]
async fn a_file_goes_through_to_the_review_and_the_import() {
    for place in PLACES {
        let site = Site::at(place).await;
        site.database
            .script("INSERT INTO domains (domain) VALUES ('shop.example')")
            .await;
        let mut operator = site.operator().await;
        let file = "mail,destination\ninfo@shop.example,joe@shop.example\n";
        let review = upload(&mut operator, file).await;
        assert_eq!(review.status, 200, "{}", review.text("main"));
        let (action, mut fields) = review.form();
        fields.push(("confirm".to_owned(), "1".to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let done = operator.post(&action, &fields).await;
        assert_eq!(done.status, 303, "{}", done.text("main"));
        assert_eq!(site.database.count("SELECT COUNT(*) FROM aliases").await, 1);
    }
}

#[tokio::test]
async fn the_largest_file_goes_through_and_a_larger_one_is_explained() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut operator = site.operator().await;
        upload(&mut operator, "mail,destination\n").await;
        let before = peak(site.panel().pid());
        // One line of it is longer than any row: that is what the panel says of it, so it has come.
        let large = "x".repeat(63 << 20);
        let answer = upload(&mut operator, &large).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_eq!(
            answer.text(".summary h2"),
            "Nothing was imported",
            "{}",
            answer.text("main")
        );
        let larger = "x".repeat(70 << 20);
        let answer = upload(&mut operator, &larger).await;
        assert_eq!(answer.status, 413, "{}", answer.body);
        assert_eq!(answer.text("main h1"), "Too large");
        assert!(answer.text("main").contains("64 MiB"), "{}", answer.text("main"));
        let grown = peak(site.panel().pid()) - before;
        assert!(grown < 24 << 10, "memory grew by {grown} kB with the files");
    }
}

#[tokio::test]
async fn who_may_not_import_is_told_so_however_much_they_send() {
    for place in PLACES {
        let site = Site::at(place).await;
        let mut stranger = site.visitor();
        let answer = upload(&mut stranger, &"x".repeat(20 << 20)).await;
        assert_eq!(
            (answer.status, answer.text("main h1")),
            (401, "You are signed out".to_owned())
        );
    }
}
