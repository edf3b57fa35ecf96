//! What a refusal of the store means for the person whose form it was.

use crate::error::Error;
use crate::resource::{Part, Problem, Resource};
use crate::store::{Refusal, Stored};

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
    let told = refusal.told(mine);
    let (about, other) = match refusal {
        Refusal::Failed(Error::ReadOnly(why)) => return Answer::Reason(why.reason),
        Refusal::Failed(error) => return Answer::Error(error),
        Refusal::Conflict(now) => return Answer::Conflict(now),
        Refusal::Exists {
            resource,
            key,
            subject,
        } => {
            // An override goes by its address.
            let key = match resource.part {
                Part::Overrides => key.map(|_| subject.trim_end().to_lowercase()),
                Part::Whole | Part::Lists => key,
            };
            (resource, key.map(|key| (resource.slug, key)))
        }
        Refusal::TooLong { resource, .. } | Refusal::Limit { resource, .. } => (resource, None),
        Refusal::Shared { key, .. } => (mine, key.map(|key| (mine.slug, key))),
        Refusal::Unstorable(_) | Refusal::OutOfScope | Refusal::KeysUsedUp(_) => (mine, None),
    };
    match told.unwrap_or_default() {
        ("", why) => Answer::Reason(why),
        (column, message) => problem(about, column, message, other),
    }
}
