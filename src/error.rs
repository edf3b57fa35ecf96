//! The one error type of the program: what can go wrong outside the rules of a form.
//!
//! What a person typed and got wrong is not an error but an answer, see [`crate::resource::Problem`] and
//! [`crate::store::Refusal`].

use std::fmt::Display;

/// Why a request or a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such page or row, or it is not the actor's to see: the two are never told apart.
    #[error("there is no such page or row")]
    NotFound,
    /// The actor sees the row but may not change it; the text says who may.
    #[error("{0}")]
    Forbidden(String),
    /// The request needs somebody who is signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// The page does not take requests of this method.
    #[error("this page does not take {0}")]
    WrongMethod(String),
    /// The request body is larger than the panel takes, in bytes.
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    /// The request body is not a form.
    #[error("the request is not a form")]
    NotAForm,
    /// The database does not answer, refuses the sign-in or went away in the middle.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// Another program holds the rows, or too many people sign in at once; trying again is sensible.
    #[error("too much at once")]
    Busy,
    /// The table cannot be written by the panel.
    #[error("{}", .0.reason)]
    ReadOnly(ReadOnly),
    /// The table does not exist in this database.
    #[error("the table {0} does not exist in this database")]
    MissingTable(&'static str),
    /// The panel's database account lacks a privilege; the text is the server's own.
    #[error("the database account lacks a privilege: {0}")]
    Privilege(String),
    /// `postwarden migrate` has not been run on this database.
    #[error("this database has no Postwarden tables yet: run `postwarden migrate` first")]
    NotMigrated,
    /// The command line or the configuration asks for something impossible.
    #[error("{0}")]
    Usage(String),
    /// Anything else. Logged with its cause, shown as one sentence and a request id.
    #[error("{0}")]
    Unexpected(String),
}

/// Why a table can only be read.
#[derive(Debug, Clone)]
pub struct ReadOnly {
    /// A sentence or two.
    pub reason: String,
    /// The statement that ends it, where one does.
    pub statement: Option<String>,
}

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An unexpected error with the step that failed in front of its cause.
    pub fn unexpected(step: &str, cause: impl Display) -> Self {
        Self::Unexpected(format!("{step}: {cause}"))
    }
}
