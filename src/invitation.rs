//! Inviting somebody: a one-time link, and the mail it may go with.

use crate::access::Actor;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::mailer::Mailer;
use crate::store::Store;

/// An invitation that was made.
#[derive(Debug)]
pub struct Invited {
    /// The whole address of the page that takes it.
    pub link: String,
    /// The day after which it is worth nothing, UTC.
    pub until: time::Date,
    /// What became of the mail; `None` where none was asked for.
    pub mail: Option<Result<(), String>>,
}

/// Makes a one-time link for an account and sends it, if an address is given. A mail that could not be sent is told and
/// leaves the link good.
///
/// # Errors
/// There is no such account, the actor is no operator, or no mail server is set up to send with.
pub async fn invite(
    store: &Store,
    config: &Config,
    actor: &Actor,
    name: &str,
    to: Option<&str>,
) -> Result<Invited> {
    // Everything that can be wrong with the mail is found before the link is made.
    let ready = match to {
        None => None,
        Some(to) => {
            let mailer = Mailer::new(config)?.ok_or_else(|| {
                Error::Usage(
                    "no mail server is set up: set smtp.url, or hand the link on yourself".to_owned(),
                )
            })?;
            Some((mailer, Mailer::recipient(to).map_err(Error::Usage)?))
        }
    };
    let invitation = store.invite(actor, name).await?;
    let mut link = config.public()?;
    link.set_path(&format!("{}invitation", link.path()));
    link.query_pairs_mut().append_pair("token", &invitation.token);
    let until = invitation.expires_at.date();
    let mail = match ready {
        None => None,
        Some((mailer, to)) => {
            let text = text(name, &actor.name, link.as_str(), until);
            let sent = mailer.send(to, "Your account for the mail panel", text).await;
            if let Err(why) = &sent {
                tracing::warn!(account = name, "could not send an invitation: {why}");
            }
            Some(sent)
        }
    };
    Ok(Invited {
        link: link.into(),
        until,
        mail,
    })
}

/// The mail. Lines end as they do in mail.
fn text(name: &str, by: &str, link: &str, until: time::Date) -> String {
    [
        "Hello,",
        "",
        &format!("{by} has made an account for you on the panel of the mail server: {name}"),
        "",
        "Choose a password here:",
        "",
        link,
        "",
        &format!("The link works once, until {until} (UTC). If you did not expect this mail, ignore it."),
        "",
    ]
    .join("\r\n")
}
