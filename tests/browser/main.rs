//! The panel in a real browser: Chromium, driven by chromedriver.

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod appearance;
mod bulk;
mod chromium;
mod imports;
mod journeys;
mod keyboard;
mod lists;
mod mailboxes;
mod markup;
mod mistakes;
mod pages;
mod passkeys;
mod postfix_page;
mod shortcuts;
mod tables;
mod window;
