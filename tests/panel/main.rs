//! The panel over real HTTP and a real MariaDB.

#[path = "../support/mod.rs"]
mod support;

mod forms;
mod samples;
