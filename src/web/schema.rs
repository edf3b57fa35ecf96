//! `/schema`: what the database is, what is wrong with its tables, and the statements that mend it. Nothing is run here.

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Page, render};
use super::request::Visitor;
use super::text;
use crate::adoption::{Diagnosis, Finding};
use crate::error::Result;
use crate::resource::Resource;

/// How long the page looks at the rows before it leaves that to the command line.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Template)]
#[template(path = "schema.html")]
struct Schema {
    page: Page,
    /// `None` where there are too many rows to look at them while somebody waits.
    diagnosis: Option<Diagnosis>,
    lines: Vec<Line>,
    script: String,
}

/// A finding, and where its rows are.
struct Line {
    finding: Finding,
    /// The first rows: address and subject.
    rows: Vec<(String, String)>,
    more: Option<String>,
}

/// What is wrong with passwords by rules that judge every mailbox too, so that the findings name the mailboxes.
const PASSWORDS: [&str; 2] = ["PW154", "PW226"];

impl Line {
    fn is_of_mailboxes(&self) -> bool {
        PASSWORDS.contains(&self.finding.rule)
    }
}

/// `/schema`
pub async fn show(visitor: Visitor) -> Result<Response> {
    let diagnosing = visitor.app.store.diagnose(&visitor.actor);
    let diagnosis = tokio::time::timeout(PATIENCE, diagnosing)
        .await
        .ok()
        .transpose()?;
    let findings = diagnosis.iter().flat_map(|diagnosis| &diagnosis.findings);
    let lines = findings.map(|finding| line(&visitor, finding)).collect();
    let script = diagnosis
        .as_ref()
        .filter(|diagnosis| !diagnosis.plan.is_empty())
        .map(Diagnosis::script)
        .unwrap_or_default();
    let template = Schema {
        page: visitor.page("Schema", "postfix").await?,
        diagnosis,
        lines,
        script,
    };
    render(StatusCode::OK, &template)
}

fn line(visitor: &Visitor, finding: &Finding) -> Line {
    let slug = Resource::by_table(&finding.table).map_or("", |resource| resource.slug);
    let more = finding.rows.count - finding.rows.first.len() as u64;
    Line {
        rows: finding
            .rows
            .first
            .iter()
            .map(|(key, subject)| (visitor.app.urls.row(slug, key), subject.clone()))
            .collect(),
        more: (more > 0).then(|| text::number(more)),
        finding: finding.clone(),
    }
}
