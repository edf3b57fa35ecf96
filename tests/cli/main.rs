//! The built program, as a shell runs it: exit codes, what it prints, and what it leaves behind when it is killed.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod adoption;
mod backup;
mod changes;
mod check;
mod check_dns;
mod crash;
mod cut_short;
mod demo;
mod explain;
mod export;
mod fail2ban;
mod failed_sign_ins;
mod grants;
mod import;
mod migrate;
mod postfix_generate;
mod postfix_verify;
mod round_trip;
mod schema;
mod serve;
mod settings;
mod undo;
mod usage;

use support::program;
