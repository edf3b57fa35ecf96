//! What is granted to an owner: domains, and the limits of each.

use askama::Template;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;

use super::{account_page, back_to, find, new};
use crate::access::{Grant, Limits, Role};
use crate::error::{Error, Result};
use crate::mail::{DomainName, Transport};
use crate::store::Account;
use crate::web::page::{Notice, Page, render};
use crate::web::request::{Fields, KeySegment, Visitor};

/// Name and domain in an address; those that are not UTF-8 are nobody's.
type Keys = Result<Path<(String, String)>, PathRejection>;

/// Most of anything that can be allowed; an empty field allows any number.
const MOST: u32 = 1_000_000;

/// Most transports that can be named for a grant.
const MOST_TRANSPORTS: usize = 100;

#[derive(Template)]
#[template(path = "accounts/grant.html")]
struct GrantPage {
    page: Page,
    name: String,
    domain: String,
    /// Field, label, what is typed, what it means.
    counts: Vec<(&'static str, &'static str, String, &'static str)>,
    /// Field, label, whether it is ticked.
    rights: Vec<(&'static str, &'static str, bool)>,
    /// `settings`, `none` or `these`.
    overrides: String,
    transports: String,
    /// Field and what is wrong with it.
    problems: Vec<(&'static str, String)>,
}

impl GrantPage {
    fn problem(&self, field: &str) -> Option<&str> {
        let of_field = self.problems.iter().find(|(name, _)| *name == field);
        of_field.map(|(_, problem)| problem.as_str())
    }
}

/// Grants domains to an owner, all that owners may have; limits are set on the page of each.
pub async fn add(visitor: Visitor, name: KeySegment, fields: Fields) -> Result<Response> {
    let account = find(&visitor, &name).await?;
    if account.role != Role::Owner {
        let problem = format!(
            "{} is an {}: domains are granted to owners.",
            account.name, account.role
        );
        return account_page(&visitor, account, &fields, Some(problem)).await;
    }
    let domains = match new::domains(&fields) {
        Ok(domains) if domains.is_empty() => Err("Name a domain to grant.".to_owned()),
        other => other,
    };
    let domains = match domains {
        Ok(domains) => domains,
        Err(problem) => return account_page(&visitor, account, &fields, Some(problem)).await,
    };
    visitor.prove(&fields).await?;
    let mut lines = Vec::new();
    for domain in domains {
        if account.grants.iter().any(|grant| grant.domain == domain) {
            lines.push(format!("`{domain}` was granted already; its limits stay."));
            continue;
        }
        lines.push(format!("Granted `{domain}` to `{}`.", account.name));
        let grant = Grant::whole(domain);
        visitor
            .app
            .store
            .grant(&visitor.actor, &account.name, &grant)
            .await?;
    }
    visitor.notify(Notice::ok(lines)).await?;
    Ok(back_to(&visitor, &account.name))
}

/// The account and the grant in the address.
async fn granted(visitor: &Visitor, keys: Keys) -> Result<(Account, Grant)> {
    let (name, domain) = keys.map(|Path(keys)| keys).map_err(|_| Error::NotFound)?;
    let account = find(visitor, &KeySegment(name)).await?;
    let found = account
        .grants
        .iter()
        .find(|grant| grant.domain.as_str() == domain);
    let grant = found.cloned().ok_or(Error::NotFound)?;
    Ok((account, grant))
}

/// `/accounts/{name}/grants/{domain}`
pub async fn show(visitor: Visitor, keys: Keys) -> Result<Response> {
    let (account, grant) = granted(&visitor, keys).await?;
    let domain = grant.domain.as_str();
    let limits = grant.limits;
    let count = |limit: Option<u32>| limit.map_or(String::new(), |most| most.to_string());
    let overrides = match limits.transports.as_deref() {
        None => "settings",
        Some([]) => "none",
        Some(_) => "these",
    };
    let typed = Typed {
        aliases: count(limits.aliases),
        mailboxes: count(limits.mailboxes),
        members: count(limits.members),
        rights: [
            limits.external,
            limits.catch_all,
            limits.relays,
            limits.relocations,
            limits.blocks,
        ],
        overrides: overrides.to_owned(),
        transports: limits.transports.unwrap_or_default().join("\n"),
    };
    form(&visitor, &account.name, domain, typed, Vec::new()).await
}

/// What stands in the form.
struct Typed {
    aliases: String,
    mailboxes: String,
    members: String,
    rights: [bool; 5],
    overrides: String,
    transports: String,
}

impl Typed {
    fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.text(name).trim().to_owned();
        Self {
            aliases: text("aliases"),
            mailboxes: text("mailboxes"),
            members: text("members"),
            rights: RIGHTS.map(|(name, _)| fields.is_set(name)),
            overrides: text("overrides"),
            transports: text("transports"),
        }
    }
}

/// What may be allowed or not, by field.
const RIGHTS: [(&str, &str); 5] = [
    (
        "external",
        "Aliases may lead to addresses outside the granted domains (by a domain that may, those of the others get out too)",
    ),
    ("catch_all", "A catch-all may be set up"),
    ("relays", "Relay recipients may be changed"),
    ("relocations", "Relocations may be changed"),
    ("blocks", "Rules that block mail to an address may be changed"),
];

async fn form(
    visitor: &Visitor,
    name: &str,
    domain: &str,
    typed: Typed,
    problems: Vec<(&'static str, String)>,
) -> Result<Response> {
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let template = GrantPage {
        page: visitor.page(domain, "accounts").await?,
        name: name.to_owned(),
        domain: domain.to_owned(),
        counts: vec![
            (
                "aliases",
                "Aliases",
                typed.aliases,
                "Lists and disabled ones count; a mailbox’s alias to itself does not.",
            ),
            ("mailboxes", "Mailboxes", typed.mailboxes, "Disabled ones count."),
            (
                "members",
                "Members of a list",
                typed.members,
                "Destinations of one alias.",
            ),
        ],
        rights: RIGHTS
            .iter()
            .zip(typed.rights)
            .map(|((name, label), ticked)| (*name, *label, ticked))
            .collect(),
        overrides: typed.overrides,
        transports: typed.transports,
        problems,
    };
    render(status, &template)
}

/// Saves the limits of a grant.
pub async fn save(visitor: Visitor, keys: Keys, fields: Fields) -> Result<Response> {
    let (account, grant) = granted(&visitor, keys).await?;
    let domain = grant.domain.clone();
    let limits = match limits(&fields, &visitor.app.config.mail.transports) {
        Ok(limits) => limits,
        Err(problems) => {
            return form(
                &visitor,
                &account.name,
                domain.as_str(),
                Typed::of(&fields),
                problems,
            )
            .await;
        }
    };
    visitor.prove(&fields).await?;
    let grant = Grant {
        domain: grant.domain,
        limits,
    };
    let store = &visitor.app.store;
    store.grant(&visitor.actor, &account.name, &grant).await?;
    let line = format!("Limits of `{domain}` for `{}`: {}.", account.name, grant.limits);
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(back_to(&visitor, &account.name))
}

/// The limits in a form; `known` are transports of this server's master.cf.
fn limits(fields: &Fields, known: &[String]) -> Result<Limits, Vec<(&'static str, String)>> {
    let mut problems = Vec::new();
    let mut count = |name: &'static str| {
        let text = fields.text(name).trim();
        let number = text.parse::<u32>().ok().filter(|number| *number <= MOST);
        if !text.is_empty() && number.is_none() {
            let problem = format!("`{text}` is no number up to {MOST}. Leave it empty for no limit.");
            problems.push((name, problem));
        }
        number
    };
    let (aliases, mailboxes, members) = (count("aliases"), count("mailboxes"), count("members"));
    let lines = || fields.text("transports").split_whitespace().map(str::to_owned);
    let transports = match fields.text("overrides") {
        "none" => Some(Vec::new()),
        "these" => {
            for line in lines() {
                // `*` stands for one label of a host name, as in overrides.allow.
                if let Err(fault) = Transport::parse(&line.replace('*', "x"), known) {
                    problems.push(("transports", format!("`{line}`: {}", fault.message())));
                }
            }
            if lines().count() > MOST_TRANSPORTS {
                let problem = format!("Name at most {MOST_TRANSPORTS} transports.");
                problems.push(("transports", problem));
            }
            if lines().next().is_none() {
                problems.push((
                    "transports",
                    "Name a transport, or allow no overrides.".to_owned(),
                ));
            }
            Some(lines().collect())
        }
        _ => None,
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Limits {
        aliases,
        mailboxes,
        members,
        external: fields.is_set("external"),
        catch_all: fields.is_set("catch_all"),
        transports,
        relays: fields.is_set("relays"),
        relocations: fields.is_set("relocations"),
        blocks: fields.is_set("blocks"),
    })
}

/// Takes a domain back.
pub async fn delete(visitor: Visitor, keys: Keys, fields: Fields) -> Result<Response> {
    let (name, domain) = keys.map(|Path(keys)| keys).map_err(|_| Error::NotFound)?;
    let account = find(&visitor, &KeySegment(name)).await?;
    let domain = DomainName::parse(&domain).map_err(|_| Error::NotFound)?;
    visitor.prove(&fields).await?;
    let store = &visitor.app.store;
    store.revoke(&visitor.actor, &account.name, &domain).await?;
    let line = format!("Took `{domain}` back from `{}`.", account.name);
    visitor.notify(Notice::ok(vec![line])).await?;
    Ok(back_to(&visitor, &account.name))
}
