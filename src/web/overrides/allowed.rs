//! Which transports owners may send a person's mail to: those of the grant, else those of the settings, else the presets.

use crate::access::{Grant, Scope};
use crate::mail::domain_of;
use crate::resource::Problem;
use crate::resource::overrides::PRESETS;
use crate::web::request::Visitor;

/// What overrides of an address may be set to, or of any address that is the visitor's where none is given yet; `None`
/// for those who may set anything.
pub(in crate::web) fn patterns(visitor: &Visitor, address: Option<&str>) -> Option<Vec<String>> {
    if visitor.actor.scope == Scope::Everything {
        return None;
    }
    let configured = &visitor.app.config.overrides.allow;
    let usual = || {
        if configured.is_empty() {
            PRESETS
                .iter()
                .map(|(_, transport)| (*transport).to_owned())
                .collect()
        } else {
            configured.clone()
        }
    };
    let of = |grant: &Grant| grant.limits.transports.clone().unwrap_or_else(usual);
    let grants: Vec<&Grant> = match address {
        Some(address) => visitor
            .actor
            .scope
            .grant(&domain_of(address))
            .into_iter()
            .collect(),
        None => visitor.actor.granted().iter().collect(),
    };
    let mut patterns: Vec<String> = Vec::new();
    for pattern in grants.into_iter().flat_map(of) {
        if !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    Some(patterns)
}

/// Why a visitor may not send the mail of this address there.
pub(in crate::web) fn not_allowed(visitor: &Visitor, address: &str, transport: &str) -> Option<Problem> {
    let allowed = patterns(visitor, Some(address))?;
    // No override at all, or none of that domain, is more than a matter of the transport: the store says so.
    if allowed.is_empty() || allowed.iter().any(|pattern| allows(pattern, transport)) {
        return None;
    }
    let list: Vec<String> = allowed.iter().map(|pattern| format!("`{pattern}`")).collect();
    Some(Problem {
        column: "transport",
        message: format!(
            "Your account may send mail to these only: {}. Ask the operator for another.",
            list.join(", ")
        ),
    })
}

/// Name and transport of what the form offers: the presets, for owners those that are theirs, and what else is.
pub(in crate::web) fn offered(patterns: Option<Vec<String>>) -> Vec<(String, String)> {
    let presets = PRESETS
        .iter()
        .map(|(name, transport)| ((*name).to_owned(), (*transport).to_owned()));
    let Some(patterns) = patterns else {
        return presets.collect();
    };
    let mut offered: Vec<(String, String)> = presets
        .filter(|(_, transport)| patterns.iter().any(|pattern| allows(pattern, transport)))
        .collect();
    for pattern in patterns {
        let known = |(_, transport): &(String, String)| allows(&pattern, transport);
        if !offered.iter().any(known) {
            offered.push(("Also allowed".to_owned(), pattern.replace('*', "TENANT")));
        }
    }
    offered
}

/// Whether a pattern allows a transport; `*` and `TENANT` stand for one label of a host name.
pub(super) fn allows(pattern: &str, transport: &str) -> bool {
    let pattern = pattern.replace("TENANT", "*");
    let Some((before, after)) = pattern.split_once('*') else {
        return pattern.eq_ignore_ascii_case(transport);
    };
    let label = transport
        .strip_prefix(&before.to_lowercase())
        .and_then(|rest| rest.strip_suffix(&after.to_lowercase()));
    label.is_some_and(|l| !l.is_empty() && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_one_label_and_nothing_else() {
        let pattern = PRESETS[3].1;
        assert!(allows(pattern, "smtp:[acme-example.mail.protection.outlook.com]"));
        assert!(!allows(
            pattern,
            "smtp:[evil.example].mail.protection.outlook.com]"
        ));
        assert!(!allows(pattern, "smtp:[a.b.mail.protection.outlook.com]"));
        assert!(!allows(pattern, "smtp:[.mail.protection.outlook.com]"));
        assert!(allows("smtp:[aspmx.l.google.com]", "smtp:[aspmx.l.google.com]"));
        assert!(!allows(
            "smtp:[aspmx.l.google.com]",
            "smtp:[aspmx.l.google.com]:587"
        ));
    }

    #[test]
    fn owners_are_offered_what_they_may_set() {
        let offered = |patterns: &[&str]| {
            let patterns = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let offered = super::offered(Some(patterns));
            offered
                .into_iter()
                .map(|(_, transport)| transport)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            offered(&[
                "smtp:[smtp.google.com]",
                "smtp:[*.mail.protection.outlook.com]",
                "smtp:[*.relay.example]"
            ]),
            [
                "smtp:[smtp.google.com]",
                "smtp:[TENANT.mail.protection.outlook.com]",
                "smtp:[TENANT.relay.example]"
            ]
        );
        assert!(offered(&[]).is_empty());
    }
}
