//! The only SQL of the program.
//!
//! The connection pool is private to this module; every read takes an [`Actor`](crate::access::Actor) and every write is
//! a set of [`Operation`]s applied as one [transaction](Store::apply) that also records what it did.

#![expect(clippy::disallowed_methods, reason = "this is the module that SQL lives in")]

mod account_events;
mod accounts;
mod answers;
mod attention;
mod backup;
mod change_set;
mod changes;
mod check;
mod companions;
mod connect;
mod departures;
mod doctor;
mod edits;
mod effect;
mod examples;
mod expansion;
mod export;
mod foreign;
mod gauges;
mod grants;
mod import;
mod invitations;
mod limits;
mod list;
mod lookups;
mod migrate;
mod neighbours;
mod outgoing;
mod overrides;
mod passkeys;
mod postfix;
mod reports;
mod restore;
mod route;
mod row;
mod sample;
mod schema;
mod second_factors;
mod selection;
mod sessions;
mod silences;
mod sql;
mod throttle;
mod undo;
mod unit;
mod upgrade;
mod whole;
mod whole_domain;
mod written;

use std::sync::Arc;

use sqlx::MySqlPool;

use crate::error::Result;
pub use crate::resource::Row;
use crate::resource::{Resource, Rules};

pub use account_events::AccountEvent;
pub use accounts::{
    Account, AccountChange, NewAccount, Person, SignIn, check_name, end_of, last_day, parse_day, today,
};
pub use attention::{Finding, matter};
pub use backup::{Backup, BackupRun, Sum};
pub use change_set::{ChangeSet, Unfit};
pub use changes::{Action, Change, ChangeLine, ChangeQuery, ChangedColumn, ChangedRow, written_moment};
pub use check::{Checked, News};
pub use companions::Plan;
pub use departures::{Left, Then, Traces};
pub use edits::{Allowed, Edit, Edited};
pub use effect::Effect;
pub use expansion::Aliases;
pub use export::Exporting;
pub use foreign::{Foreign, Panel, read_foreign};
pub use import::{Imported, Importing, Sample};
pub use invitations::{GOOD_FOR, Invitation};
pub use limits::{Usage, Used, expect_removable, expect_switchable};
pub use list::{ListQuery, Page, Sort, Total};
pub use lookups::Known;
pub use neighbours::{Dependents, Neighbour, Warning};
pub use outgoing::{Outgoing, Patience};
pub use overrides::{Override, Overrides};
pub use passkeys::Passkey;
pub use postfix::Recorded;
pub use reports::{Backscatter, Bouncing, Departures, MOST_ALIASES, Score, Sifted};
pub use restore::{Difference, Fate, Restored, RestoredTable, Restoring};
pub use row::{Image, Stored};
pub use schema::{Schema, Table};
pub use second_factors::{Proof, SecondFactor};
pub use selection::{Enabling, MOST, Selection};
pub use sessions::{
    CHALLENGE, Ending, HALFWAY, Halfway, SessionEntry, Sessions, USED, USED_UNIT, VISIT, Visit, session_name,
};
pub use silences::Silence;
pub use throttle::{Admission, Ticket};
pub use undo::{Otherwise, UndoRefusal, Undoable, Versions, Which};
pub use unit::{Applied, Note, Operation, Refusal};
pub use whole_domain::{DomainRows, Renaming};
pub use written::Written;

/// The mail database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: MySqlPool,
    schema: Arc<schema::Cache>,
    rules: Arc<Rules>,
}

impl Store {
    /// What checking a row depends on besides the row.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1")
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(connect::classify)
    }

    /// The tables and columns there are now; at most a second old.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn schema(&self) -> Result<Arc<Schema>> {
        self.schema.recent(&self.pool).await
    }

    /// The live table of a resource; `None` where the database has none.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn table(&self, resource: &Resource) -> Result<Option<Table>> {
        if let Some(table) = self.schema().await?.table(resource.table) {
            return Ok(Some(table.clone()));
        }
        // It may have been created within the last second.
        Ok(self
            .schema
            .fresh(&self.pool)
            .await?
            .table(resource.table)
            .cloned())
    }

    /// Closes every connection; for the end of the process and of tests.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
