//! Lists: pages, sorting, search, filters, totals.

use std::fmt::Write as _;

use crate::samples::{ground, links, names, walk};
use crate::support::{Browser, Database, Panel};

/// A panel with `count` aliases, `a001@shop.example` and so on; every third is off, every fourth of another domain.
async fn aliases(count: u32) -> (Panel, Browser) {
    let (panel, operator) = ground().await;
    let statement = format!(
        "INSERT INTO aliases (mail, destination, enabled) SELECT CONCAT('a', LPAD(seq, 5, '0'), \
         IF(seq % 4, '@shop.example', '@sub.shop.example')), 'joe@x.example', seq % 3 <> 0 FROM seq_1_to_{count}"
    );
    panel.database.script(&statement).await;
    (panel, operator)
}

/// The rows of a query as page addresses.
async fn pages(database: &Database, table: &str, order: &str) -> Vec<String> {
    let rows = database.rows(&format!("SELECT pkid FROM {table} {order}")).await;
    rows.into_iter()
        .map(|row| format!("/{table}/{}", row[0].as_deref().expect("a key")))
        .collect()
}

#[tokio::test]
async fn pages_hold_every_row_once_and_in_order() {
    let (panel, operator) = aliases(40).await;
    for (sort, order) in [
        ("mail", "ORDER BY mail"),
        ("-mail", "ORDER BY mail DESC"),
        ("", "ORDER BY mail"),
    ] {
        let expected = pages(&panel.database, "aliases", order).await;
        assert_eq!(
            walk(&operator, &format!("aliases?per=7&sort={sort}")).await,
            expected,
            "{sort}"
        );
    }
    let page = operator.get("aliases?per=7").await;
    assert_eq!(links(&page).len(), 7);
    assert!(page.text(".pager").contains("40 aliases"));
    // A last page that is exactly full has no Next.
    assert_eq!(walk(&operator, "aliases?per=8").await.len(), 40);
    assert_eq!(
        operator
            .get("aliases?per=40")
            .await
            .attributes("a[rel=next]", "href"),
        [""; 0]
    );
}

#[tokio::test]
async fn rows_that_sort_alike_are_neither_lost_nor_repeated_between_pages() {
    let panel = Panel::on(Database::howto().await).await;
    let operator = panel.operator().await;
    let mut statement = "INSERT INTO domains (domain) VALUES ('a.example')".to_owned();
    for n in 0..25 {
        let _ = write!(statement, ", ('{}.example')", if n % 5 == 0 { "A" } else { "b" });
    }
    panel.database.script(&statement).await;
    for (sort, order) in [
        ("domain", "ORDER BY domain, pkid"),
        ("-domain", "ORDER BY domain DESC, pkid DESC"),
    ] {
        let expected = pages(&panel.database, "domains", order).await;
        assert_eq!(
            walk(&operator, &format!("domains?per=7&sort={sort}")).await,
            expected,
            "{sort}"
        );
    }
}

#[tokio::test]
async fn rows_added_and_deleted_meanwhile_do_not_shift_the_next_page() {
    let (panel, operator) = aliases(21).await;
    let first = operator.get("aliases?per=7").await;
    let next = first.attributes("a[rel=next]", "href").remove(0);
    let expected = names(&operator.get(&next).await);
    panel
        .database
        .script("INSERT INTO aliases (mail, destination) VALUES ('a00000@shop.example', 'x@x.example')")
        .await;
    panel
        .database
        .script("DELETE FROM aliases WHERE mail IN ('a00003@shop.example', 'a00007@shop.example')")
        .await;
    assert_eq!(names(&operator.get(&next).await), expected);
}

#[tokio::test]
async fn what_is_searched_for_is_taken_literally() {
    let (panel, operator) = ground().await;
    let rows = "INSERT INTO aliases (mail, destination) VALUES ('a_b@shop.example', 'joe@x.example'), \
                ('axb@shop.example', 'joe@x.example'), ('50%off@shop.example', 'joe@x.example'), \
                ('500off@shop.example', 'joe@x.example'), ('wow!@shop.example', 'ann@y.example')";
    panel.database.script(rows).await;
    for (q, found) in [
        ("a_b", &["a_b@shop.example"][..]),
        ("50%25off", &["50%off@shop.example"]),
        ("!", &["wow!@shop.example"]),
        ("A_B@SHOP", &["a_b@shop.example"]),
        ("ann@y", &["wow!@shop.example"]),
        ("%27", &[]),
        ("%5C", &[]),
    ] {
        assert_eq!(
            names(&operator.get(&format!("aliases?q={q}")).await),
            found,
            "{q}"
        );
    }
}

#[tokio::test]
async fn filters_narrow_the_list_its_total_and_its_further_pages() {
    let (panel, operator) = aliases(40).await;
    for (filter, condition) in [
        ("domain=shop.example", "mail LIKE '%@shop.example'"),
        ("domain=SHOP.example", "mail LIKE '%@shop.example'"),
        ("domain=example", "FALSE"),
        ("enabled=0", "enabled = 0"),
        ("enabled=1", "enabled = 1"),
        ("enabled=7", "TRUE"),
        (
            "domain=sub.shop.example&enabled=1&q=a0000",
            "mail LIKE 'a0000%@sub.shop.example' AND enabled = 1",
        ),
    ] {
        let expected = pages(
            &panel.database,
            "aliases",
            &format!("WHERE {condition} ORDER BY mail"),
        )
        .await;
        assert_eq!(
            walk(&operator, &format!("aliases?per=7&{filter}")).await,
            expected,
            "{filter}"
        );
        if !expected.is_empty() {
            let pager = operator
                .get(&format!("aliases?per=1&{filter}"))
                .await
                .text(".pager p");
            assert_eq!(
                pager.split(' ').next(),
                Some(&*expected.len().to_string()),
                "{filter}: {pager}"
            );
        }
    }
}

#[tokio::test]
async fn an_international_domain_is_found_by_the_name_people_type() {
    let (panel, operator) = ground().await;
    let row = "INSERT INTO aliases (mail, destination) VALUES ('a@xn--bcher-kva.example', 'joe@x.example')";
    panel.database.script(row).await;
    assert_eq!(
        names(&operator.get("aliases?domain=b%C3%BCcher.example").await),
        ["a@xn--bcher-kva.example"]
    );
}

#[tokio::test]
async fn the_total_is_exact_up_to_ten_thousand_and_said_to_be_more_beyond() {
    let (panel, operator) = aliases(10_000).await;
    let total = async |list: &str| operator.get(list).await.text(".pager p");
    assert_eq!(total("aliases").await, "10,000 aliases");
    panel.database.script("INSERT INTO aliases (mail, destination) SELECT CONCAT('b', seq, '@shop.example'), 'x@x.example' FROM seq_1_to_50").await;
    assert_eq!(total("aliases").await, "more than 10,000 aliases");
    assert_eq!(total("aliases?q=b1").await, "11 aliases");
}

#[tokio::test]
async fn nonsense_in_the_address_of_a_list_is_harmless() {
    let (_panel, operator) = aliases(10).await;
    for query in [
        "sort=destination",
        "sort=nonsense",
        "sort=-",
        "sort=pkid%3BDROP",
        "per=0",
        "per=-1",
        "per=x",
        "per=1000000",
        "after=zz",
        "after=00",
        "after=5b5d",
        "after=%27",
        "after=5b226122",
        "unknown=1",
        "enabled=%00",
        "q=%00",
        "domain=%40",
        "domain=%25",
        "q=%F0%9F%98%80",
        "q=%FF",
    ] {
        let answer = operator.get(&format!("aliases?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
    }
    assert_eq!(links(&operator.get("aliases?per=0").await).len(), 1);
    assert_eq!(links(&operator.get("aliases?per=1000000").await).len(), 10);
    assert_eq!(
        names(&operator.get("aliases?sort=nonsense&after=zz").await).len(),
        10
    );
    for query in ["q=a&q=b", "per=7&per=8"] {
        let answer = operator.get(&format!("aliases?{query}")).await;
        assert!(
            answer.status == 200 || answer.status == 400,
            "{query}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn an_empty_table_says_how_to_start_and_a_search_without_hits_how_to_go_on() {
    let (_panel, operator) = ground().await;
    let empty = operator.get("aliases").await;
    assert!(empty.text(".empty").contains("No aliases yet"));
    assert!(
        empty
            .attributes(".empty a", "href")
            .contains(&"/aliases/new".to_owned())
    );
    let nothing = operator.get("domains?q=nowhere").await;
    assert!(nothing.text(".empty").contains("No domain matches"));
    let ways = nothing.attributes(".empty a", "href");
    assert_eq!(ways, ["/domains", "/search?q=nowhere"]);
}

#[tokio::test]
async fn the_state_of_a_list_stays_in_its_links() {
    let (_panel, operator) = aliases(40).await;
    let page = operator
        .get("aliases?q=a0&domain=shop.example&enabled=1&per=7&sort=-mail")
        .await;
    let next = page.attributes("a[rel=next]", "href").remove(0);
    for part in [
        "q=a0",
        "domain=shop.example",
        "enabled=1",
        "per=7",
        "sort=-mail",
        "after=",
    ] {
        assert!(next.contains(part), "{part}: {next}");
    }
    assert_eq!(page.field("q"), "a0");
    assert_eq!(page.field("domain"), "shop.example");
    assert_eq!(page.field("enabled"), "1");
    let flipped = page.attributes("thead a", "href").remove(0);
    assert!(
        flipped.contains("sort=mail") && !flipped.contains("after="),
        "{flipped}"
    );
}

#[tokio::test]
async fn search_finds_a_fragment_in_every_table() {
    let (panel, operator) = ground().await;
    for sample in crate::samples::SAMPLES {
        sample.insert(&panel.database).await;
    }
    let found = operator.get("search?q=shop.example").await;
    assert_eq!(
        names(&found),
        [
            "shop.example",
            "friends@shop.example",
            "info@shop.example",
            "mary@shop.example",
            "gone@shop.example",
            "spam@shop.example"
        ]
    );
    assert!(
        operator
            .get("search?q=nowhere")
            .await
            .text(".empty")
            .contains("Nothing contains")
    );
    assert_eq!(operator.get("search").await.status, 200);
}
