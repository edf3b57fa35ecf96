//! What happens to mail for an address: Postfix's lookups over the tables, followed without Postfix.
//!
//! The model reads rows through [`Lookups`]: the database by index, a [`Snapshot`] of whole tables, or either of them
//! with a change laid over it ([`Overlay`]), which is how the effect of a save is known before it is saved. It is pure
//! and asks synchronously. What is not known yet is answered with nothing and noted; whoever drives it fetches what was
//! asked, all of it at once, and runs it again until nothing is missing (`store/lookups.rs`).
//!
//! That it is right is proved by a real Postfix on random tables, `tests/postfix/differential.rs`.

mod address;
mod backscatter;
mod backwards;
mod deliver;
mod effect;
mod expand;
mod explanation;
mod fault;
#[cfg(test)]
mod fixture;
mod howto;
mod lookups;
mod maps;
mod model;
mod overlay;
mod rfc822;
mod smtpd;
mod snapshot;
mod text;
mod told;
mod touched;
mod trace;
mod verdict;

pub use backscatter::{Unknown, addresses, bounce, unknown};
pub use backwards::{Forwarder, Forwarders, MOST_FORWARDERS, forwarders};
pub use effect::{Harm, Route, Turn};
pub use explanation::{Branch, Delivery, Explanation, Kind, Outcome, Reply, Step};
pub use lookups::{Lookups, MOST_DELIVERING, MOST_IN_DOMAIN, Question, Rows, folded};
pub use model::{Asked, Setup, Site, explain, follow};
pub use overlay::{Change, Changes, Overlay};
pub use snapshot::Snapshot;
pub use text::text;
pub use told::told;
pub use touched::{ABOUT_ADDRESSES, MOST_ADDRESSES, Part, Touched, any_name};
pub use verdict::{Cause, Verdict, because, circle};
