//! `postwarden account`: who may sign in to the panel, and what is granted to them.

use std::io::{BufRead, Write};

use clap::{Args, Subcommand};

use super::print;
use crate::access::{self, Actor, Grant, Limits, Role, strength};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::invitation::{self, Invited, Post};
use crate::mail::{DomainName, Transport};
use crate::store::{AccountChange, Ending, NewAccount, Store, check_name, end_of, parse_day};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create an account
    Create {
        /// 1 to 64 of a-z, 0-9 and . _ @ -
        name: String,
        /// operator, auditor or owner
        #[arg(long)]
        role: Role,
        /// A domain an owner may see and change; repeat for more
        #[arg(long = "domain", value_name = "DOMAIN")]
        domains: Vec<String>,
        /// The last day of the account, as 2026-12-31
        #[arg(long, value_name = "DAY")]
        expires: Option<String>,
        #[command(flatten)]
        password: HowPassword,
        /// Make a one-time link with which the person chooses a password
        #[arg(long, conflicts_with = "password_stdin")]
        invite: bool,
        /// Send the link to this address through the mail server of the settings
        #[arg(long, value_name = "ADDRESS", requires = "invite")]
        mail: Option<String>,
    },
    /// List the accounts: name, role, state, last sign-in, domains
    List,
    /// Set a new password and end the account's sessions
    Password {
        /// The account
        name: String,
        #[command(flatten)]
        password: HowPassword,
    },
    /// Make a one-time link with which the person sets a password
    Invite {
        /// The account
        name: String,
        /// Send it to this address through the mail server of the settings
        #[arg(long, value_name = "ADDRESS")]
        mail: Option<String>,
    },
    /// Keep an account from signing in and end its sessions
    Disable {
        /// The account
        name: String,
    },
    /// Let a disabled account sign in again
    Enable {
        /// The account
        name: String,
    },
    /// Change what an account is for; ends its sessions and takes back what was granted to it
    Role {
        /// The account
        name: String,
        /// operator, auditor or owner
        role: Role,
    },
    /// Set the last day of an account
    Expire {
        /// The account
        name: String,
        /// As 2026-12-31, or never
        day: String,
    },
    /// Make the person choose a new password before anything else
    DemandPassword {
        /// The account
        name: String,
    },
    /// Take the second factor from somebody who lost it
    RemoveSecondFactor {
        /// The account
        name: String,
    },
    /// End every session of an account
    SignOut {
        /// The account
        name: String,
    },
    /// Grant a domain to an owner, or change the limits of a grant; without limits, all that owners may have
    Grant {
        /// The account
        name: String,
        /// The domain
        #[arg(long)]
        domain: String,
        #[command(flatten)]
        limits: LimitOptions,
    },
    /// Take a domain back from an owner
    Revoke {
        /// The account
        name: String,
        /// The domain
        #[arg(long)]
        domain: String,
    },
    /// Delete an account; what it changed stays in the record
    Delete {
        /// The account
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct HowPassword {
    /// Read the password from the first line of standard input; otherwise one is made and printed
    #[arg(long)]
    password_stdin: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Args)]
pub struct LimitOptions {
    /// Most aliases
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    aliases: Option<u32>,
    /// Most mailboxes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    mailboxes: Option<u32>,
    /// Most members of a list
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    members: Option<u32>,
    /// No aliases that lead out of the granted domains
    #[arg(long)]
    no_external: bool,
    /// No catch-all
    #[arg(long)]
    no_catch_all: bool,
    /// A transport that overrides may use, instead of those of the settings; repeat for more
    #[arg(long = "transport", value_name = "TRANSPORT", conflicts_with = "no_overrides")]
    transports: Vec<String>,
    /// No overrides
    #[arg(long)]
    no_overrides: bool,
    /// Relay recipients can be read only
    #[arg(long)]
    no_relays: bool,
    /// Relocations can be read only
    #[arg(long)]
    no_relocations: bool,
    /// Rules that block mail can be read only
    #[arg(long)]
    no_blocks: bool,
}

impl LimitOptions {
    fn limits(self, config: &Config) -> Result<Limits> {
        for transport in &self.transports {
            if transport.trim().is_empty() {
                let why =
                    "--transport wants a transport such as smtp:[mx.example.org]; for none, --no-overrides";
                return Err(Error::Usage(why.to_owned()));
            }
            Transport::parse(&transport.replace('*', "x"), &config.mail.transports)
                .map_err(|fault| Error::Usage(format!("`{transport}`: {}", fault.message())))?;
        }
        let transports = match (self.no_overrides, self.transports.is_empty()) {
            (true, _) => Some(Vec::new()),
            (false, true) => None,
            (false, false) => Some(self.transports),
        };
        Ok(Limits {
            aliases: self.aliases,
            mailboxes: self.mailboxes,
            members: self.members,
            external: !self.no_external,
            catch_all: !self.no_catch_all,
            transports,
            relays: !self.no_relays,
            relocations: !self.no_relocations,
            blocks: !self.no_blocks,
        })
    }
}

/// Does one thing to an account, as whoever is at the command line.
pub async fn perform(store: &Store, config: &Config, command: Command) -> Result<()> {
    let actor = Actor::command_line();
    let change = |name: String, change: AccountChange<'static>, done: String| async move {
        store
            .change_account(&Actor::command_line(), &name, change)
            .await?;
        print(&done)
    };
    match command {
        Command::Create {
            name,
            role,
            domains,
            expires,
            password,
            invite,
            mail,
        } => {
            let made = create(store, &name, role, &domains, expires.as_deref());
            if invite {
                let post = Post::to(config, mail.as_deref().unwrap_or_default())?;
                made.with(None).await?;
                return tell(invitation::invite(store, config, &actor, &name, post.as_ref()).await?);
            }
            let password = Password::take(password.password_stdin)?;
            made.with(Some(&password)).await?;
            password.tell(&name)
        }
        Command::List => list(store, &actor).await,
        Command::Password { name, password } => {
            let password = Password::take(password.password_stdin)?;
            let hash = access::hash(password.text.clone()).await?;
            let change = AccountChange::Password {
                hash: &hash,
                must_change: false,
            };
            store.change_account(&actor, &name, change).await?;
            print(&format!("changed the password of {name}"))?;
            password.tell(&name)
        }
        Command::Invite { name, mail } => {
            let post = Post::to(config, mail.as_deref().unwrap_or_default())?;
            tell(invitation::invite(store, config, &actor, &name, post.as_ref()).await?)
        }
        Command::Disable { name } => {
            let done = format!("disabled {name}");
            change(name, AccountChange::Enabled(false), done).await
        }
        Command::Enable { name } => {
            let done = format!("enabled {name}");
            change(name, AccountChange::Enabled(true), done).await
        }
        Command::Role { name, role } => {
            let done = format!("{name} is an {role}");
            change(name, AccountChange::Role(role), done).await
        }
        Command::Expire { name, day } => {
            let at = match day.as_str() {
                "never" => None,
                day => Some(end_of(parse_day(day).map_err(Error::Usage)?)),
            };
            let done = at.map_or_else(
                || format!("{name} does not expire"),
                |_| format!("{name} expires after {day}"),
            );
            change(name, AccountChange::Expiry(at), done).await
        }
        Command::DemandPassword { name } => {
            let done = format!("{name} has to choose a new password");
            change(name, AccountChange::MustChange, done).await
        }
        Command::RemoveSecondFactor { name } => {
            store.remove_second_factor(&actor, &name, "").await?;
            print(&format!("{name} has no second factor any more"))
        }
        Command::SignOut { name } => sign_out(store, &actor, &name).await,
        Command::Grant { name, domain, limits } => {
            let grant = Grant {
                domain: parse_domain(&domain)?,
                limits: limits.limits(config)?,
            };
            store.grant(&actor, &name, &grant).await?;
            let limits = (grant.limits != Limits::default()).then(|| format!(": {}", grant.limits));
            print(&format!(
                "granted {} to {name}{}",
                grant.domain,
                limits.unwrap_or_default()
            ))
        }
        Command::Revoke { name, domain } => {
            let domain = parse_domain(&domain)?;
            store.revoke(&actor, &name, &domain).await?;
            print(&format!("took {domain} back from {name}"))
        }
        Command::Delete { name } => {
            store.delete_account(&actor, &name).await?;
            print(&format!("deleted {name}"))
        }
    }
}

/// An account about to be made.
struct Creation<'a> {
    store: &'a Store,
    name: &'a str,
    role: Role,
    domains: &'a [String],
    expires: Option<&'a str>,
}

fn create<'a>(
    store: &'a Store,
    name: &'a str,
    role: Role,
    domains: &'a [String],
    expires: Option<&'a str>,
) -> Creation<'a> {
    Creation {
        store,
        name,
        role,
        domains,
        expires,
    }
}

impl Creation<'_> {
    /// Makes it, with a password or without.
    async fn with(self, password: Option<&Password>) -> Result<()> {
        let (name, role) = (self.name, self.role);
        check_name(name)?;
        if role != Role::Owner && !self.domains.is_empty() {
            return Err(Error::Usage(format!(
                "an {role} sees every domain: --domain is for owners"
            )));
        }
        let grants = self
            .domains
            .iter()
            .map(|domain| parse_domain(domain).map(Grant::whole))
            .collect::<Result<Vec<_>>>()?;
        let expires_at = self
            .expires
            .map(parse_day)
            .transpose()
            .map_err(Error::Usage)?
            .map(end_of);
        let hash = match password {
            Some(password) => Some(access::hash(password.text.clone()).await?),
            None => None,
        };
        let new = NewAccount {
            name,
            role,
            hash: hash.as_deref(),
            grants: &grants,
            expires_at,
        };
        self.store.create_account(&Actor::command_line(), &new).await?;
        print(&format!("created {role} {name}"))
    }
}

async fn sign_out(store: &Store, actor: &Actor, name: &str) -> Result<()> {
    let account = store.account(actor, name).await.map_err(|error| match error {
        Error::NotFound => Error::Usage(format!("there is no account `{name}`")),
        other => other,
    })?;
    store.end_sessions(actor, &account, Ending::All).await?;
    print(&format!("ended every session of {name}"))
}

async fn list(store: &Store, actor: &Actor) -> Result<()> {
    for account in store.accounts(actor).await? {
        let state = match (account.enabled, account.is_expired()) {
            (false, _) => "disabled",
            (true, true) => "expired",
            (true, false) => "enabled",
        };
        let seen = account
            .last_sign_in
            .map_or_else(|| "never".to_owned(), |at| at.date().to_string());
        let domains: Vec<&str> = account.grants.iter().map(|g| g.domain.as_str()).collect();
        let domains = domains.join(",");
        print(format!("{}\t{}\t{state}\t{seen}\t{domains}", account.name, account.role).trim_end())?;
    }
    Ok(())
}

/// The link, or that it is on its way.
fn tell(invited: Invited) -> Result<()> {
    match invited.mail {
        Some(Ok(())) => print(&format!("sent; good until {}", invited.until)),
        Some(Err(why)) => {
            print(&invited.link)?;
            Err(Error::Usage(format!(
                "the mail could not be sent: {why}; the link above is good until {}",
                invited.until
            )))
        }
        None => print(&invited.link),
    }
}

fn parse_domain(text: &str) -> Result<DomainName> {
    DomainName::parse(text).map_err(|fault| Error::Usage(fault.message().to_owned()))
}

/// A password from standard input, or a new one to be shown once.
struct Password {
    text: String,
    generated: bool,
}

impl Password {
    fn take(from_stdin: bool) -> Result<Self> {
        if !from_stdin {
            return Ok(Self {
                text: access::generate(),
                generated: true,
            });
        }
        Ok(Self {
            text: password_from_stdin()?,
            generated: false,
        })
    }

    /// Shows a password that was made; of one that was given, says what the panel would not have taken. Whoever is at the
    /// command line may do as they like.
    fn tell(self, name: &str) -> Result<()> {
        if self.generated {
            return print(&format!("password: {}", self.text));
        }
        if let Err(why) = strength::check(&self.text, &strength::own_words([name])) {
            // A closed standard error is no reason for an error.
            let _ = writeln!(std::io::stderr(), "postwarden: warning: {why}");
        }
        Ok(())
    }
}

/// The first line of standard input.
pub fn password_from_stdin() -> Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|e| Error::unexpected("reading the password", e))?;
    let text = line.trim_end_matches(['\r', '\n']).to_owned();
    if text.is_empty() {
        return Err(Error::Usage(
            "no password on standard input: its first line is empty".to_owned(),
        ));
    }
    Ok(text)
}
