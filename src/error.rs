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
    /// Something has to be done before anything else: choosing a password, setting up a second factor.
    #[error("{0}")]
    Due(Due),
    /// The person has to prove who they are once more.
    #[error("not proved who it is")]
    Unproven {
        /// What is missing.
        lack: Lack,
        /// Whether a code of the second factor is asked for too.
        code: bool,
    },
    /// The page does not take requests of this method.
    #[error("this page does not take {0}")]
    WrongMethod(String),
    /// The request body is larger than the panel takes, in bytes.
    #[error("the request is larger than {0} bytes")]
    TooLarge(usize),
    /// The file is larger than the setting `import.largest`, in MiB.
    #[error("the file is larger than {0} MiB")]
    FileTooLarge(u32),
    /// The request body did not arrive in time.
    #[error("the request took too long to arrive")]
    TooSlow,
    /// The request body is not a form.
    #[error("the request is not a form")]
    NotAForm,
    /// The database does not answer, refuses the sign-in or went away in the middle.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// Another program holds the rows, or too many people sign in at once; trying again is sensible.
    #[error("too much at once")]
    Busy,
    /// A request took longer than anybody waits for.
    #[error("a request took too long")]
    TookTooLong,
    /// The table cannot be written by the panel.
    #[error("{}", .0.reason)]
    ReadOnly(ReadOnly),
    /// The table does not exist in this database.
    #[error("the table {0} does not exist in this database")]
    MissingTable(&'static str),
    /// The panel's database account lacks a privilege; the text is the server's own.
    #[error(
        "the database account lacks a privilege: {0}; `migrate` and `restore` take the account postwarden_migrate of \
         docs/grants.sql, everything else its postwarden, and `schema upgrade --apply` ALTER and DROP besides"
    )]
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

/// What an account has to do before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Choose a new password.
    Password,
    /// Set up a second factor.
    SecondFactor,
}

impl std::fmt::Display for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password => "This account has to choose a new password before anything else.",
            Self::SecondFactor => {
                "Accounts of this role have to set up a second factor before anything else."
            }
        })
    }
}

/// What is wrong with a proof that was asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// None was given yet.
    Missing,
    /// It was wrong.
    Wrong,
    /// There were too many attempts: so many seconds until the next.
    Wait(u64),
}

impl std::fmt::Display for Lack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("Type your own password, so that it is certain that it is you."),
            Self::Wrong => f.write_str("Your own password or code is wrong."),
            Self::Wait(seconds) => write!(f, "Too many attempts. Wait {seconds} s and try again."),
        }
    }
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
