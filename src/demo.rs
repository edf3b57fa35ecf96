//! `postwarden demo`: a private MariaDB, sample data, and the panel, all in one folder that is kept between runs.

use std::path::{Path, PathBuf};

use crate::access::{self, Actor, Grant, Limits, Role};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mail::DomainName;
use crate::mariadb::{Durability, PrivateMariaDb};
use crate::store::{AccountChange, NewAccount, Store};
use crate::web::{self, App};

/// Who may do everything in the demo.
const OPERATOR: &str = "operator";

/// Who has two of its domains.
const OWNER: &str = "owner";

/// Runs the demo until it is interrupted.
///
/// # Errors
/// MariaDB is not installed or does not start, or the panel's address is taken.
pub async fn run(mut config: Config, dir: &Path) -> Result<()> {
    // First of all: a taken port should not cost the wait for a database.
    let listener = web::listen(&config).await?;
    let folder = dir.to_path_buf();
    let server = tokio::task::spawn_blocking(move || PrivateMariaDb::start(&folder, Durability::Full))
        .await
        .map_err(|e| Error::unexpected("starting MariaDB", e))?
        .map_err(|e| Error::Usage(e.to_string()))?;

    // The machine's own Postfix has nothing to do with it.
    config.postfix.config_dir = PathBuf::new();
    config.database.url = server.url("mysql");
    let fresh = Store::connect(&config).await?.create_database("maildb").await?;
    config.database.url = server.url("maildb");
    let store = Store::connect(&config).await?;
    store.migrate().await?;
    if fresh {
        store.load_demo().await?;
    }
    let password = access::generate();
    let hash = access::hash(password.clone()).await?;
    offer(&store, OPERATOR, Role::Operator, &[], &hash).await?;
    offer(&store, OWNER, Role::Owner, &granted()?, &hash).await?;

    let stop = web::stopped()?;
    println!("Postwarden demo, data in {}; Ctrl-C ends it.\n", dir.display());
    println!("  address   {}", config.public()?);
    println!("  account   {OPERATOR}, or {OWNER} with two of the domains");
    println!("  password  {password}   (for this run)\n");

    let served = App::new(store, config)?.serve(listener, stop).await;
    let stopped = tokio::task::spawn_blocking(move || server.stop())
        .await
        .map_err(|e| Error::unexpected("stopping MariaDB", e))?;
    served?;
    stopped.map_err(|e| Error::unexpected("stopping MariaDB", e))
}

/// Makes one of the demo's accounts, or gives the one there is this run's password.
async fn offer(store: &Store, name: &str, role: Role, grants: &[Grant], hash: &str) -> Result<()> {
    let actor = Actor::command_line();
    if store.sign_in(name).await?.is_none() {
        let new = NewAccount {
            name,
            role,
            hash: Some(hash),
            grants,
            expires_at: None,
        };
        return store.create_account(&actor, &new).await;
    }
    let password = AccountChange::Password {
        hash,
        must_change: false,
    };
    store.change_account(&actor, name, password).await?;
    store
        .change_account(&actor, name, AccountChange::Enabled(true))
        .await
}

/// What the demo's owner has: one of the howto's domains whole, and one of the made-up ones with limits.
fn granted() -> Result<Vec<Grant>> {
    let domain =
        |name| DomainName::parse(name).map_err(|fault| Error::Unexpected(fault.message().to_owned()));
    let limits = Limits {
        aliases: Some(40),
        mailboxes: Some(25),
        catch_all: false,
        ..Limits::default()
    };
    Ok(vec![
        Grant::whole(domain("blobber.org")?),
        Grant {
            domain: domain("harbour-cafe.example")?,
            limits,
        },
    ])
}
