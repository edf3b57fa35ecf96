//! Postwarden: a web panel for Postfix lookup tables in MySQL or MariaDB.
//!
//! Modules depend on one another in one direction only:
//! `cli → web → store → lint → route → resource → mail`, with [`access`] (who may do what), [`postfix`] (what Postfix is told) and
//! [`config`] used from above and
//! [`mariadb`] (a private server for the demo and the tests) used by the outermost layer alone.

pub mod access;
pub mod adoption;
pub mod cli;
pub mod config;
pub mod demo;
pub mod dns;
pub mod error;
pub mod exchange;
pub mod invitation;
pub mod lint;
pub mod mail;
pub mod mailer;
pub mod mariadb;
pub mod postfix;
pub mod progress;
pub mod resource;
pub mod route;
pub mod store;
pub mod verification;
pub mod web;
