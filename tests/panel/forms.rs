//! Adding, changing, switching and deleting rows, in every table.

use crate::support::{Database, Panel};

#[tokio::test]
async fn a_saved_alias_is_the_row_postfix_reads() {
    for database in [Database::fresh().await, Database::howto().await] {
        let panel = Panel::on(database).await;
        let operator = panel.operator().await;
        operator
            .post("domains", &[("domain", "shop.example"), ("enabled", "1")])
            .await;
        let answer = operator
            .post(
                "aliases",
                &[
                    ("mail", "Info@Shop.Example"),
                    ("destination", "Joe <joe@x.example>\nann@y.example"),
                    ("enabled", "1"),
                ],
            )
            .await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(
            panel
                .database
                .rows("SELECT mail, destination, enabled FROM aliases WHERE mail LIKE '%shop%'")
                .await,
            [[
                Some("info@shop.example".into()),
                Some("joe@x.example,ann@y.example".into()),
                Some("1".into())
            ]]
        );
    }
}
