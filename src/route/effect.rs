//! What a change to the tables does to mail: where addresses lead before and after. The sentences are in `told.rs`.

use super::{Asked, Delivery, Explanation, Kind, Lookups, Outcome, Part, Reply, Site, follow};
use crate::mail::domain_of;

/// Where mail for an address leads: what of an explanation matters to its sender and its readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What becomes of it.
    pub outcome: Outcome,
    /// What its sender's server is told.
    pub rcpt: Reply,
    /// Where it ends, in the order of the addresses.
    pub ends: Vec<Delivery>,
}

impl From<Explanation> for Route {
    fn from(explanation: Explanation) -> Self {
        let mut ends = explanation.deliveries;
        ends.sort_by(|one, two| one.address.cmp(&two.address));
        Self {
            outcome: explanation.outcome,
            rcpt: explanation.rcpt,
            ends,
        }
    }
}

impl Route {
    /// The route of an address by these tables.
    #[must_use]
    pub fn of(tables: &dyn Lookups, address: &str) -> Self {
        let asked = Asked {
            address: address.to_owned(),
            ..Asked::default()
        };
        follow(tables, &Site::default(), &asked).into()
    }

    pub(super) fn is_accepted(&self) -> bool {
        (200..300).contains(&self.rcpt.code)
    }

    /// Whether somebody gets it.
    pub(super) fn arrives(&self) -> bool {
        self.ends.iter().any(is_good)
    }

    fn is_own_mailbox(&self, address: &str) -> bool {
        matches!(&self.ends[..], [end] if is_own_mailbox(end, address))
    }

    /// Its ends at an address.
    fn ends_at<'r>(&'r self, address: &'r str) -> impl Iterator<Item = &'r Delivery> {
        let first = self.ends.partition_point(|end| end.address.as_str() < address);
        self.ends[first..]
            .iter()
            .take_while(move |end| end.address == address)
    }

    /// Whether somebody at an address gets it.
    pub(super) fn reaches(&self, address: &str) -> bool {
        self.ends_at(address).any(is_good)
    }

    /// Those of its ends that another route does not have.
    fn ends_unlike<'r>(&'r self, other: &Self, is_meant: impl Fn(&Delivery) -> bool) -> Vec<&'r Delivery> {
        let is_in = |end: &Delivery| {
            // Why something fails is worded by its address.
            let same = |known: &Delivery| {
                if is_good(end) {
                    known == end
                } else {
                    known.kind == end.kind
                }
            };
            other.ends_at(&end.address).any(same)
        };
        self.ends
            .iter()
            .filter(|end| is_meant(end) && !is_in(end))
            .collect()
    }
}

/// Whether a mailbox or another server gets the mail.
pub(super) fn is_good(end: &Delivery) -> bool {
    matches!(end.kind, Kind::Mailbox | Kind::Smtp)
}

/// Whether the mail comes back, or waits.
pub(super) fn is_bad(end: &Delivery) -> bool {
    matches!(end.kind, Kind::Bounce | Kind::Defer)
}

/// Whether mail for an address ends in its own mailbox.
pub(super) fn is_own_mailbox(end: &Delivery, address: &str) -> bool {
    end.kind == Kind::Mailbox && end.address.eq_ignore_ascii_case(address)
}

/// An address whose mail takes another route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The address.
    pub address: String,
    /// What it has to do with the change.
    pub part: Part,
    /// Its route as it is.
    pub before: Route,
    /// Its route as it will be.
    pub after: Route,
}

/// How a route turns, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Course {
    /// It is accepted and comes back.
    Bounced,
    /// It is refused at the door.
    Rejected,
    /// Its sender, or the queue, tries again later.
    Deferred,
    /// It is accepted and nobody gets it.
    Discarded,
    /// Some who got it do not any more.
    Partly,
    /// What was delivered here goes where the MX records of its domain lead.
    Leaves,
    /// Others take it in place of the mailbox of that name.
    Taken,
    /// It goes elsewhere.
    Moved,
    /// It arrives, and did not.
    Arrives,
    /// It did not arrive before either.
    Still,
}

/// What a change does to mail that took another route before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// It arrives, or did not arrive before either.
    None,
    /// It arrives elsewhere.
    Moved,
    /// It does not arrive.
    Lost,
}

/// What of a route is new, and what is no more.
pub(super) struct Difference<'t> {
    pub gained: Vec<&'t Delivery>,
    pub lost: Vec<&'t Delivery>,
    /// Where it fails, and did not.
    pub failing: Vec<&'t Delivery>,
    /// Where it failed, and does no more.
    pub mended: Vec<&'t Delivery>,
}

impl Turn {
    pub(super) fn difference(&self) -> Difference<'_> {
        let (before, after) = (&self.before, &self.after);
        Difference {
            gained: after.ends_unlike(before, is_good),
            lost: before.ends_unlike(after, is_good),
            failing: after.ends_unlike(before, is_bad),
            mended: before.ends_unlike(after, is_bad),
        }
    }

    /// How the route turns; `None` where nobody would notice: what was refused is refused, what came back comes back.
    pub(super) fn course(&self) -> Option<Course> {
        let (before, after) = (&self.before, &self.after);
        let difference = self.difference();
        if !after.arrives() {
            let is_same = before.outcome == after.outcome
                && before.is_accepted() == after.is_accepted()
                && !before.arrives();
            return match after.outcome {
                _ if is_same => None,
                // Backscatter that was none is harm, also where nothing arrived before.
                Outcome::Bounced => Some(Course::Bounced),
                _ if !before.arrives() && before.outcome != Outcome::Delivered => {
                    before.is_accepted().then_some(Course::Still)
                }
                Outcome::Rejected => Some(Course::Rejected),
                Outcome::Deferred => Some(Course::Deferred),
                Outcome::Delivered => Some(Course::Discarded),
            };
        }
        if !before.arrives() {
            return Some(Course::Arrives);
        }
        if !difference.failing.is_empty() {
            return Some(Course::Partly);
        }
        if difference.gained.is_empty() && difference.lost.is_empty() {
            return (!difference.mended.is_empty()).then_some(Course::Arrives);
        }
        if self.leaves(&difference) {
            return Some(Course::Leaves);
        }
        let is_taken = before.is_own_mailbox(&self.address)
            && difference
                .gained
                .iter()
                .all(|end| !has_name_of(end, &self.address));
        Some(if is_taken && !difference.lost.is_empty() {
            Course::Taken
        } else {
            Course::Moved
        })
    }

    /// Whether mail that was delivered here follows the MX records of its domain instead.
    fn leaves(&self, difference: &Difference<'_>) -> bool {
        let was_here = |address: &str| {
            let mut ends = self.before.ends_at(address);
            ends.any(|end| end.kind == Kind::Mailbox)
        };
        !difference.gained.is_empty()
            && difference.gained.iter().all(|end| {
                let follows_mx = end.nexthop.as_deref() == Some(&domain_of(&end.address));
                end.kind == Kind::Smtp && follows_mx && was_here(&end.address)
            })
    }

    /// What the turn does to whoever writes to the address and whoever reads it.
    #[must_use]
    pub fn harm(&self) -> Harm {
        let difference = self.difference();
        match self.course() {
            None | Some(Course::Arrives | Course::Still) => Harm::None,
            Some(Course::Partly) => {
                let mut failing = difference.failing.iter();
                if failing.any(|end| self.before.reaches(&end.address)) {
                    Harm::Lost
                } else {
                    Harm::None
                }
            }
            Some(Course::Taken | Course::Moved) => {
                if difference.lost.is_empty() || self.after.is_own_mailbox(&self.address) {
                    Harm::None
                } else {
                    Harm::Moved
                }
            }
            Some(_) => Harm::Lost,
        }
    }

    /// Whether a mailbox here gets none of it any more.
    #[must_use]
    pub fn empties_a_mailbox(&self) -> bool {
        let lost = self.difference().lost;
        lost.iter().any(|end| is_own_mailbox(end, &self.address))
    }
}

/// Whether an end has the name of an address, in whatever domain.
pub(super) fn has_name_of(end: &Delivery, address: &str) -> bool {
    let name = |address: &str| address.rsplit_once('@').map(|(name, _)| name.to_lowercase());
    name(&end.address) == name(address)
}
