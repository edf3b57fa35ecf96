//! What Postfix is told, and what a live one does: the lookup tables over the mail database, the settings that make it
//! ask them, and how a server that differs is recognised.
//!
//! Everything here is pure. The queries are those of docs/postfix.md section 2; a real Postfix runs on them in
//! `tests/postfix`.

mod account;
mod maps;
mod settings;
mod tables;

pub use account::Account;
pub use maps::{MAPS, Map};
pub use settings::{Configuration, File, MAIN_CF, Setting};
pub use tables::Tables;
