//! The record as a file.

use serde_json::Value as Json;

use super::list::ChangeLine;
use super::{ChangeQuery, ChangedColumn, Result, Store, written_moment};
use crate::access::Actor;
use crate::exchange::{Cell, Writer, Writing};
use crate::store::outgoing::PIECE;
use crate::store::{Outgoing, Patience};

/// Rows read with one statement.
const ROWS_AT_ONCE: usize = 500;

/// The columns of the file. The row before and after are JSON objects of their columns; passwords are not in them.
const COLUMNS: &[&str] = &[
    "change", "seq", "at", "who", "origin", "what", "action", "table", "key", "subject", "before", "after",
];

impl Store {
    /// The rows of the record that the actor may see and that meet a query, newest change first, piece by piece.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn export_changes(
        &self,
        actor: &Actor,
        query: ChangeQuery,
        how: Writing,
        patience: Option<Patience>,
    ) -> Result<Outgoing> {
        let (store, actor) = (self.clone(), actor.clone());
        Outgoing::start(patience, move |feed| async move {
            let mut writer = Writer::new(how, false);
            writer.begin("");
            writer.table("changes", COLUMNS.iter().map(|name| (*name).to_owned()).collect());
            let mut after = None;
            loop {
                let lines = store.change_lines(&actor, &query, after, ROWS_AT_ONCE).await?;
                let Some(last) = lines.last() else { break };
                after = Some((last.change, last.row.seq));
                for line in &lines {
                    writer.row(&cells(line));
                    if writer.waiting() >= PIECE {
                        feed.send(writer.take()).await?;
                    }
                }
            }
            writer.end();
            feed.send(writer.take()).await
        })
        .await
    }
}

fn cells(line: &ChangeLine) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = &line.row;
    vec![
        Cell::Number(line.change.to_string()),
        Cell::Number(row.seq.to_string()),
        Cell::Text(written_moment(line.at)),
        text(&line.who),
        text(&line.origin),
        text(&line.what),
        text(row.action.as_str()),
        text(&row.table),
        text(&row.key),
        text(&row.subject),
        image(&row.columns, row.before_exists(), |column| &column.before),
        image(&row.columns, row.after_exists(), |column| &column.after),
    ]
}

fn image(columns: &[ChangedColumn], exists: bool, side: impl Fn(&ChangedColumn) -> &Option<String>) -> Cell {
    if !exists {
        return Cell::Null;
    }
    let object: serde_json::Map<String, Json> = columns
        .iter()
        .map(|column| {
            (
                column.name.clone(),
                side(column).clone().map_or(Json::Null, Json::from),
            )
        })
        .collect();
    Cell::Text(Json::Object(object).to_string())
}
