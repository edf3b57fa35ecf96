//! What a grant leaves somebody to do to a row, and how that is said.

use super::{Actor, Grant, Limits, Role, Scope};
use crate::mail::domain_of;
use crate::resource::{OwnerRights, Part, Resource, access, aliases, relays, relocated};

/// What somebody may do to a row, within what is checked about every row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Anything.
    All,
    /// Switch it off and delete it.
    Remove,
    /// Look at it.
    Read,
}

impl Limits {
    /// What they leave of a row about this subject, or of a new one.
    pub fn rights(&self, resource: &Resource, subject: &str) -> Rights {
        let open = match resource.table {
            table if table == relays::RESOURCE.table => self.relays,
            table if table == relocated::RESOURCE.table => self.relocations,
            table if table == access::RESOURCE.table => self.blocks,
            _ => true,
        };
        let set_by_others = match resource.part {
            Part::Overrides => self.transports.as_ref().is_some_and(Vec::is_empty),
            Part::Whole | Part::Lists => is_catch_all(resource, subject) && !self.catch_all,
        };
        match (open, set_by_others) {
            (false, _) => Rights::Read,
            (true, true) => Rights::Remove,
            (true, false) => Rights::All,
        }
    }

    /// Whether they say how many rows of this table there may be.
    pub fn most(&self, resource: &Resource) -> Option<u32> {
        match resource.table {
            "aliases" => self.aliases,
            "users" => self.mailboxes,
            _ => None,
        }
    }
}

/// Whether a row takes the mail of every other address of its domain.
fn is_catch_all(resource: &Resource, subject: &str) -> bool {
    resource.table == aliases::RESOURCE.table && subject.trim_start().starts_with('@')
}

impl Actor {
    /// What the actor may do to a row about this subject.
    pub fn rights(&self, resource: &Resource, subject: &str) -> Rights {
        match self.role {
            Role::Operator => Rights::All,
            Role::Auditor => Rights::Read,
            Role::Owner if resource.owners == OwnerRights::Read => Rights::Read,
            Role::Owner => match self.scope.grant(&domain_of(subject)) {
                Some(grant) => grant.limits.rights(resource, subject),
                None => Rights::Read,
            },
        }
    }

    /// Whether there is a row of this table that the actor might change or remove: pages without it are there to be read.
    pub fn may_write(&self, resource: &Resource) -> bool {
        self.any(resource, |rights| rights != Rights::Read)
    }

    /// Whether the actor may add rows to this table, in one of their domains at least.
    pub fn may_add(&self, resource: &Resource) -> bool {
        self.any(resource, |rights| rights == Rights::All)
    }

    fn any(&self, resource: &Resource, enough: impl Fn(Rights) -> bool) -> bool {
        let mut granted = self.granted().iter();
        // Somebody without any domain is told so when a form is sent.
        let none = granted.len() == 0;
        self.require_write(resource).is_ok()
            && (none || granted.any(|grant| enough(grant.limits.rights(resource, grant.domain.as_str()))))
    }

    /// What is granted to an owner; nothing for those who need no grants.
    pub fn granted(&self) -> &[Grant] {
        match &self.scope {
            Scope::Everything => &[],
            Scope::Domains(granted) => granted,
        }
    }

    /// What of a table the operator keeps from an owner, in sentences; of one domain, or of all that are granted.
    pub fn kept(&self, resource: &Resource, domain: Option<&str>) -> Vec<String> {
        let concerned = || {
            let mut granted = self.granted().iter();
            std::iter::from_fn(move || granted.next())
                .filter(|grant| domain.is_none_or(|domain| grant.domain.as_str() == domain))
        };
        let those = |kept: &dyn Fn(&&Grant) -> bool| {
            let names: Vec<&str> = concerned()
                .filter(kept)
                .map(|grant| grant.domain.as_str())
                .collect();
            (!names.is_empty()).then(|| and(&names))
        };
        if resource.owners == OwnerRights::Read {
            return Vec::new();
        }
        let read = those(&|grant| grant.limits.rights(resource, grant.domain.as_str()) == Rights::Read);
        let remove = those(&|grant| grant.limits.rights(resource, grant.domain.as_str()) == Rights::Remove);
        let catch_all = those(&|grant| {
            let subject = format!("@{}", grant.domain);
            is_catch_all(resource, &subject) && grant.limits.rights(resource, &subject) == Rights::Remove
        });
        let mut sentences = Vec::new();
        sentences.extend(read.map(|names| sentence(resource, Rights::Read, &names)));
        sentences.extend(remove.map(|names| sentence(resource, Rights::Remove, &names)));
        sentences.extend(catch_all.map(|names| {
            format!("Only an operator sets up a catch-all of {names}; you can switch it off and delete it.")
        }));
        sentences
    }
}

/// `a`, `a and b`, `a, b and c`
fn and(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

fn sentence(resource: &Resource, rights: Rights, names: &str) -> String {
    let many = resource.words.many;
    let many = many[..1].to_uppercase() + &many[1..];
    match rights {
        Rights::Remove => {
            format!(
                "Only an operator sets up {} of {names}; you can switch them off and delete them.",
                resource.words.many
            )
        }
        Rights::Read | Rights::All => format!("{many} of {names} are kept by the operator."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Origin;
    use crate::mail::DomainName;
    use crate::resource::overrides::IN_DOMAINS;

    fn owner(grants: &[(&str, Limits)]) -> Actor {
        let grants = grants.iter().map(|(domain, limits)| Grant {
            domain: DomainName::parse(domain).expect("a domain"),
            limits: limits.clone(),
        });
        Actor {
            name: "owner".to_owned(),
            role: Role::Owner,
            scope: Scope::Domains(grants.collect()),
            origin: Origin::Cli,
        }
    }

    #[test]
    fn what_one_grant_leaves_is_left_whatever_another_keeps() {
        let kept = Limits {
            relays: false,
            transports: Some(Vec::new()),
            catch_all: false,
            ..Limits::default()
        };
        let owner = owner(&[("a.example", kept), ("b.example", Limits::default())]);
        assert_eq!(owner.rights(&relays::RESOURCE, "x@a.example"), Rights::Read);
        assert_eq!(owner.rights(&relays::RESOURCE, "x@b.example"), Rights::All);
        assert_eq!(owner.rights(&relays::RESOURCE, "x@c.example"), Rights::Read);
        assert_eq!(owner.rights(&IN_DOMAINS, "x@a.example"), Rights::Remove);
        assert_eq!(owner.rights(&aliases::RESOURCE, "@a.example"), Rights::Remove);
        assert_eq!(owner.rights(&aliases::RESOURCE, "x@a.example"), Rights::All);
        assert!(owner.may_write(&relays::RESOURCE) && owner.may_add(&IN_DOMAINS));
        assert_eq!(
            owner.kept(&relays::RESOURCE, None),
            ["Relay recipients of a.example are kept by the operator."]
        );
        assert!(owner.kept(&relays::RESOURCE, Some("b.example")).is_empty());
    }

    #[test]
    fn where_every_grant_keeps_a_table_it_is_there_to_be_read() {
        let kept = Limits {
            relays: false,
            transports: Some(Vec::new()),
            ..Limits::default()
        };
        let owner = owner(&[("a.example", kept.clone()), ("b.example", kept)]);
        assert!(!owner.may_write(&relays::RESOURCE));
        assert!(owner.may_write(&IN_DOMAINS) && !owner.may_add(&IN_DOMAINS));
        assert_eq!(
            owner.kept(&IN_DOMAINS, None),
            [
                "Only an operator sets up overrides of a.example and b.example; you can switch them off and delete them."
            ]
        );
    }
}
