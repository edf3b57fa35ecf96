//! The panel over real HTTP and a real MariaDB.

#[path = "../support/mod.rs"]
mod support;

mod forms;
mod lists;
mod odd_rows;
mod samples;
