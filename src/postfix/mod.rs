//! What Postfix is told, and what a live one does: the lookup tables over the mail database, the settings that make it
//! ask them, and how a server that differs is recognised.
//!
//! Everything but [`live`] is pure. The queries are those of docs/postfix.md section 2; a real Postfix runs on them in
//! `tests/postfix`.

mod account;
mod grants;
mod installation;
pub mod live;
mod maps;
mod probes;
mod query;
mod settings;
mod syntax;
mod tables;
mod verdict;

pub use account::Account;
pub use grants::grants;
pub use maps::{MAPS, Map, Place};
pub use query::{Query, quoted};
pub use settings::{Configuration, File, MAIN_CF, Setting};
pub use tables::Tables;
pub use verdict::{
    Answer, Examination, Finding, Honoured, Model, Question, Severity, UNREAD, Verdict, is_looked_up,
};
