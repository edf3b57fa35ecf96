//! The built program, as a shell runs it: exit codes, what it prints, and what it leaves behind when it is killed.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod changes;
mod check;
mod check_dns;
mod crash;
mod demo;
mod explain;
mod fail2ban;
mod failed_sign_ins;
mod grants;
mod migrate;
mod postfix_generate;
mod postfix_verify;
mod serve;
mod settings;
mod usage;

use support::program;
