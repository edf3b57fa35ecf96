//! `/archive`: when everything was last written into one file, how that is done every night, and doing it now.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::download::{PATIENCE, send};
use super::page::{Page, render};
use super::request::{Fields, Visitor};
use super::routes::Routes;
use super::text;
use crate::access::Role;
use crate::error::Result;
use crate::progress::Progress;
use crate::store::{BackupRun, today};

/// Runs shown.
const SHOWN: u32 = 14;

/// After this long somebody should look why there was no further backup: a week, and a day for a timer that was late.
const OLD: Duration = Duration::days(8);

/// The routes of the archive.
pub fn routes() -> Routes {
    Routes::default()
        .get("/archive", show)
        .post("/archive/download", download)
}

#[derive(Template)]
#[template(path = "archive.html")]
struct Archive {
    page: Page,
    /// How old the last one is, where there is one.
    age: Option<Age>,
    runs: Vec<Run>,
    /// Whether one can be downloaded.
    downloads: bool,
    service: &'static str,
    timer: &'static str,
}

/// How old a backup is.
pub(super) struct Age {
    /// `3 days`
    pub text: String,
    /// Whether that is too old.
    pub is_old: bool,
}

struct Run {
    at: String,
    who: String,
    origin: String,
    file: String,
    size: String,
    rows: String,
    sha256: String,
}

impl Age {
    /// The age of a backup that was over at this moment, UTC.
    fn of(at: PrimitiveDateTime, now: OffsetDateTime) -> Self {
        let age = now - at.assume_utc();
        let (count, unit) = match age.whole_hours() {
            hours @ ..48 => (hours.max(0), "hour"),
            hours => (hours / 24, "day"),
        };
        Self {
            text: format!("{count} {unit}{}", if count == 1 { "" } else { "s" }),
            is_old: age > OLD,
        }
    }

    /// The age of the last backup, for those who see everything; `None` where there never was one.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn of_last(visitor: &Visitor) -> Result<Option<Self>> {
        if visitor.actor.require_everything().is_err() {
            return Ok(None);
        }
        let last = visitor.app.store.backups(&visitor.actor, 1).await?;
        Ok(last
            .first()
            .map(|run| Self::of(run.at, OffsetDateTime::now_utc())))
    }
}

impl Run {
    fn of(run: &BackupRun) -> Self {
        Self {
            at: text::moment(run.at),
            who: run.who.clone(),
            origin: run.origin.clone(),
            file: run.file.clone(),
            size: format!("{} kB", text::number(run.bytes.div_ceil(1024))),
            rows: text::number(run.rows),
            sha256: run.sha256.clone(),
        }
    }
}

/// `/archive`
async fn show(visitor: Visitor) -> Result<Response> {
    let runs = visitor.app.store.backups(&visitor.actor, SHOWN).await?;
    let now = OffsetDateTime::now_utc();
    let template = Archive {
        age: runs.first().map(|run| Age::of(run.at, now)),
        runs: runs.iter().map(Run::of).collect(),
        downloads: visitor.actor.role == Role::Operator,
        service: include_str!("../../packaging/systemd/postwarden-backup.service"),
        timer: include_str!("../../packaging/systemd/postwarden-backup.timer"),
        page: visitor.page("Archive", "archive").await?,
    };
    render(StatusCode::OK, &template)
}

/// Sends an archive of this moment. It has every password: the person proves who they are.
async fn download(visitor: Visitor, fields: Fields) -> Result<Response> {
    let store = &visitor.app.store;
    // Whoever may not is told so before being asked who they are.
    visitor.actor.require_everything()?;
    if visitor.actor.role == Role::Operator {
        visitor.prove(&fields).await?;
    }
    let room = visitor.app.downloads.room(visitor.account)?;
    let name = format!("postwarden-{}.backup", today());
    let progress = Progress::default();
    let recorded = Some(name.clone());
    let backup = store
        .backup(&visitor.actor, recorded, &progress, Some(PATIENCE))
        .await?;
    send(room, backup.outgoing, &name, "application/gzip")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn a_backup_is_old_after_eight_days() {
        let now = datetime!(2026-11-23 12:00 UTC);
        let age = |at| {
            let age = Age::of(at, now);
            (age.text, age.is_old)
        };
        assert_eq!(age(datetime!(2026-11-23 11:00)), ("1 hour".to_owned(), false));
        assert_eq!(age(datetime!(2026-11-21 12:00)), ("2 days".to_owned(), false));
        assert_eq!(age(datetime!(2026-11-15 12:00)), ("8 days".to_owned(), false));
        assert_eq!(age(datetime!(2026-11-15 11:00)), ("8 days".to_owned(), true));
        assert_eq!(age(datetime!(2026-11-24 12:00)), ("0 hours".to_owned(), false));
    }
}
