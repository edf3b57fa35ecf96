//! `postwarden explain`: what happens to mail for an address.

use std::net::IpAddr;

use clap::Args;

use super::print;
use crate::access::Actor;
use crate::error::{Error, Result};
use crate::route::{self, Asked, Setup};
use crate::store::Store;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The address mail is sent to
    address: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The envelope sender, `<>` for bounces; without it rules about senders are left out
    #[arg(long, value_name = "SENDER")]
    from: Option<String>,
    /// The address of the client; without it rules about clients are left out
    #[arg(long, value_name = "IP")]
    client: Option<IpAddr>,
    /// As the howto's own configuration reads the tables, not that of `postwarden postfix generate`
    #[arg(long)]
    howto: bool,
}

pub(super) async fn perform(store: &Store, options: Options) -> Result<()> {
    let asked = Asked {
        address: options.address,
        sender: options.from,
        client: options.client,
        setup: if options.howto {
            Setup::Howto
        } else {
            Setup::Postwarden
        },
        ..Asked::default()
    };
    let explanation = store.explain(&Actor::command_line(), &asked).await?;
    if options.json {
        let json = serde_json::to_string_pretty(&explanation);
        return print(&json.map_err(|e| Error::unexpected("writing JSON", e))?);
    }
    print(route::text(&explanation).trim_end())
}
