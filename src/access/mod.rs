//! Who acts, and what of the mail database is theirs.
//!
//! Every query of [`crate::store`] takes an [`Actor`]; there is no unscoped variant. An actor's [`Scope`] becomes SQL
//! in one place, `store::sql::push_scope`.

mod failure;
mod grant;
pub mod passkey;
mod password;
mod rights;
pub mod second_factor;
pub mod strength;
mod throttle;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::resource::{OwnerRights, Resource};

pub use failure::{Failure, Reason};
pub use grant::{Grant, Limits};
pub use password::{generate, hash, verify, verify_nobody};
pub use rights::Rights;
pub use second_factor::SharedSecret;
pub use throttle::{Guess, KNOWN_FOR, Key, Limit};

/// What an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees and changes everything.
    Operator,
    /// Sees everything, changes nothing.
    Auditor,
    /// Sees and changes the rows of the domains granted to the account.
    Owner,
}

impl Role {
    /// The word stored in `pw_accounts.role`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Owner => "owner",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Operator, Self::Auditor, Self::Owner]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no role; choose operator, auditor or owner"))
    }
}

/// The part of the mail database an actor may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every row.
    Everything,
    /// Rows of these domains. Granting example.org does not grant sub.example.org.
    Domains(Vec<Grant>),
}

impl Scope {
    /// Whether rows of this domain (lower-case ASCII) are in scope.
    pub fn covers(&self, domain: &str) -> bool {
        *self == Self::Everything || self.grant(domain).is_some()
    }

    /// The domains granted, where not everything is in scope.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        let granted = match self {
            Self::Everything => &[],
            Self::Domains(granted) => granted.as_slice(),
        };
        granted.iter().map(|grant| grant.domain.as_str())
    }

    /// The grant of this domain (lower-case ASCII); `None` where there is none or none is needed.
    pub fn grant(&self, domain: &str) -> Option<&Grant> {
        match self {
            Self::Everything => None,
            Self::Domains(granted) => granted.iter().find(|grant| grant.domain.as_str() == domain),
        }
    }
}

/// Through which door a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A browser at this address, if the address could be told.
    Web(Option<IpAddr>),
    /// The command line.
    Cli,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(Some(address)) => address.fmt(f),
            Self::Web(None) => f.write_str("web"),
            Self::Cli => f.write_str("command line"),
        }
    }
}

/// Somebody who reads or writes the mail database.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Name of the account, or of the system's user for the command line.
    pub name: String,
    /// What the account is for.
    pub role: Role,
    /// What the account may see.
    pub scope: Scope,
    /// Where the request came from.
    pub origin: Origin,
}

impl Actor {
    /// Somebody at the command line: whoever may read the database password is an operator.
    pub fn command_line() -> Self {
        let user = std::env::var("SUDO_USER")
            .or_else(|_| std::env::var("USER"))
            .unwrap_or_default();
        Self {
            name: if user.is_empty() { "root".to_owned() } else { user },
            role: Role::Operator,
            scope: Scope::Everything,
            origin: Origin::Cli,
        }
    }

    /// That the actor sees every row, as operators and auditors do.
    ///
    /// # Errors
    /// [`Error::NotFound`] for domain owners, as for anything that is not theirs.
    pub fn require_everything(&self) -> Result<()> {
        match self.scope {
            Scope::Everything => Ok(()),
            Scope::Domains(_) => Err(Error::NotFound),
        }
    }

    /// From where somebody did something, as the actor may know it: owners are not told where others sit.
    pub fn shown_origin(&self, who: &str, origin: String) -> String {
        if self.role == Role::Owner && self.name != who {
            return String::new();
        }
        origin
    }

    /// That the actor may manage other people's accounts.
    ///
    /// # Errors
    /// [`Error::NotFound`] for owners, to whom there are no other people; [`Error::Forbidden`] for auditors.
    pub fn require_operator(&self) -> Result<()> {
        match self.role {
            Role::Operator => Ok(()),
            Role::Auditor => Err(Error::Forbidden(
                "Accounts are for operators to see and to change.".to_owned(),
            )),
            Role::Owner => Err(Error::NotFound),
        }
    }

    /// That the actor's role may change rows of this table; which ones, the scope and the limits of its grants say.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the role does not allow it.
    pub fn require_write(&self, resource: &Resource) -> Result<()> {
        let may = match self.role {
            Role::Operator => true,
            Role::Auditor => false,
            Role::Owner => resource.owners != OwnerRights::Read,
        };
        if may {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "Accounts with the role {} cannot change {}.",
            self.role, resource.words.many
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_does_not_reach_subdomains() {
        let domain = crate::mail::DomainName::parse("example.org").expect("a domain");
        let scope = Scope::Domains(vec![Grant::whole(domain)]);
        assert!(scope.covers("example.org"));
        assert!(!scope.covers("sub.example.org"));
        assert!(!scope.covers("notexample.org"));
        assert!(!Scope::Domains(Vec::new()).covers("example.org"));
    }
}
