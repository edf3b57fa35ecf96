//! The panel behind Debian's Apache, which runs the shipped configurations of `packaging/apache`: what browsers get
//! through it, what strangers cannot do past it, and what people see while the panel is away. Apache and the certificate
//! are private to each test; the machine's own Apache is left alone.

#[path = "../support/mod.rs"]
mod support;

mod httpd;
mod site;
mod visitor;

mod addresses;
mod forms;
mod outage;
mod pages;
mod refusals;
mod tls;
mod uploads;
