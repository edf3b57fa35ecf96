//! What a refusal of the store means for the person whose form it was.

use crate::error::Error;
use crate::resource::{Kind, Part, Problem, Resource};
use crate::store::{Refusal, Stored};
use crate::web::text;

/// How a refused form is answered.
pub(in crate::web) enum Answer {
    /// With an error page.
    Error(Error),
    /// With both versions of the row.
    Conflict(Box<Stored>),
    /// With the form, a message beside a field, and the row that is in the way: its page's slug and key.
    Problem(Problem, Option<(&'static str, String)>),
    /// With the form and a reason that belongs to no field.
    Reason(String),
}

/// What is beyond the limits of a grant, as a problem of a form of `mine` and as a page without one says it.
pub(in crate::web) fn beyond(result: Result<(), Refusal>, mine: &'static Resource) -> Result<(), Problem> {
    match result.map_err(|refusal| refused(refusal, mine)) {
        Err(Answer::Problem(problem, _)) => Err(problem),
        _ => Ok(()),
    }
}

/// The answer to a form of `mine`; what it writes beside its own row may have been refused too.
pub(in crate::web) fn refused(refusal: Refusal, mine: &'static Resource) -> Answer {
    // A column of another table is no field of this form; what is wrong with it is said beside the subject.
    let problem = |resource: &Resource, column, message, other| {
        let own = resource.table == mine.table;
        let column = if own { column } else { mine.subject };
        Answer::Problem(Problem { column, message }, other)
    };
    match refusal {
        Refusal::Failed(Error::ReadOnly(why)) => Answer::Reason(why.reason),
        Refusal::Unstorable(why) => Answer::Reason(why),
        Refusal::Failed(error) => Answer::Error(error),
        Refusal::Conflict(now) => Answer::Conflict(now),
        Refusal::OutOfScope => problem(
            mine,
            mine.subject,
            "This is not one of your domains.".to_owned(),
            None,
        ),
        Refusal::Exists {
            resource,
            key,
            subject,
        } => {
            let message = format!(
                "`{}` exists already: a second row could not be told apart by Postfix. Change the row there is.",
                text::plain(&subject)
            );
            // An override goes by its address.
            let key = match resource.part {
                Part::Overrides => key.map(|_| subject.trim_end().to_lowercase()),
                Part::Whole | Part::Lists => key,
            };
            let other = key.map(|key| (resource.slug, key));
            problem(resource, resource.subject, message, other)
        }
        Refusal::TooLong {
            resource,
            column,
            capacity,
            length,
        } => {
            let table = resource.table;
            // A column with a key on it cannot be a TEXT; nor does a list fit into less.
            let is_list = resource.column(column).is_some_and(|c| c.kind == Kind::Addresses);
            let wider = match capacity {
                _ if !is_list && length <= 255 => "VARCHAR(255)",
                0..65_535 => "TEXT",
                _ => "MEDIUMTEXT",
            };
            let message = format!(
                "This is {length} characters long and the column {table}.{column} holds {capacity}. MySQL would refuse \
                 it, or cut it without a word where it is not strict, and mail would go to the cut-off address. \
                 Shorten it, or widen the column: ALTER TABLE {table} MODIFY {column} {wider} NOT NULL."
            );
            problem(resource, column, message, None)
        }
        Refusal::Limit {
            resource,
            column,
            why,
        } => problem(resource, column, why, None),
        Refusal::Shared { column, key } => {
            let message = "The directory is not free: two mailboxes in one directory read each other's mail. Leave the \
                           field empty to have one of its own.";
            problem(mine, column, message.to_owned(), key.map(|key| (mine.slug, key)))
        }
        Refusal::KeysUsedUp(resource) => Answer::Reason(format!(
            "The numbering of {} has reached the end of its type (a smallint ends at 32767), so the database takes no \
             more rows. Widen it: ALTER TABLE {} MODIFY {} INT UNSIGNED NOT NULL AUTO_INCREMENT.",
            resource.table, resource.table, resource.key
        )),
    }
}
