//! The panel over real HTTP and a real MariaDB.

#[path = "../support/mod.rs"]
mod support;

mod access_rules;
mod accounts;
mod bulk;
mod bulk_faults;
mod changes;
mod check;
mod check_page;
mod departures;
mod effect;
mod explain_page;
mod faults;
mod forms;
mod hostile_content;
mod http;
mod hub;
mod invitations;
mod limits;
mod lists;
mod live_postfix;
mod locking;
mod lookups;
mod mailboxes;
mod mailing_lists;
mod matrix;
mod odd_rows;
mod overrides;
mod own_account;
mod passkeys;
mod password_hashes;
mod postfix_page;
mod reports;
mod samples;
mod schema;
mod scope;
mod scope_attacks;
mod second_factor;
mod sign_in;
mod step_up;
mod strange_tables;
mod throttle;
