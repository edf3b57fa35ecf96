//! `postwarden demo`: a private MariaDB, sample data, and the panel, all in one folder that is kept between runs.

use std::path::{Path, PathBuf};

use crate::access::{self, Actor, Role};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mariadb::{Durability, PrivateMariaDb};
use crate::store::{AccountChange, NewAccount, Store};
use crate::web::{self, App};

/// The account of the demo.
const OPERATOR: &str = "operator";

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
    offer(&store, &hash).await?;

    println!("Postwarden demo, data in {}; Ctrl-C ends it.\n", dir.display());
    println!("  address   {}", config.public()?);
    println!("  account   {OPERATOR}");
    println!("  password  {password}   (for this run)\n");

    let served = App::new(store, config)?.serve(listener, web::stopped()).await;
    let stopped = tokio::task::spawn_blocking(move || server.stop())
        .await
        .map_err(|e| Error::unexpected("stopping MariaDB", e))?;
    served?;
    stopped.map_err(|e| Error::unexpected("stopping MariaDB", e))
}

/// Makes the demo's account, or gives the one there is this run's password.
async fn offer(store: &Store, hash: &str) -> Result<()> {
    let actor = Actor::command_line();
    if store.sign_in(OPERATOR).await?.is_none() {
        let new = NewAccount {
            name: OPERATOR,
            role: Role::Operator,
            hash: Some(hash),
            grants: &[],
            expires_at: None,
        };
        return store.create_account(&actor, &new).await;
    }
    let password = AccountChange::Password {
        hash,
        must_change: false,
    };
    store.change_account(&actor, OPERATOR, password).await?;
    store
        .change_account(&actor, OPERATOR, AccountChange::Enabled(true))
        .await
}
