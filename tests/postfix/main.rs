//! What rows written through the panel's forms do to mail. The judge is a real Postfix, private to this suite, that runs on
//! the configuration the program generates. It needs root, so these tests are ignored unless asked for; `make test` asks.

#[path = "../support/mod.rs"]
mod support;

mod bed;
mod configuration;
mod differential;
mod ground;
mod howto;

mod access_rules;
mod backups;
mod control;
mod departures;
mod files;
mod leaving;
mod lists;
mod mailboxes;
mod overrides;
mod relocated;
mod rules;
mod transports;
mod verification;
mod whole_domain;
