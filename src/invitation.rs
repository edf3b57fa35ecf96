//! Inviting somebody: a one-time link, and the mail it may go with.

use lettre::message::Mailbox;

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

/// A mail to be sent, whose server and recipient are known to be possible before anything is done.
#[derive(Debug)]
pub struct Post {
    mailer: Mailer,
    to: Mailbox,
}

impl Post {
    /// To this address; `None` where nothing stands there.
    ///
    /// # Errors
    /// It is no address, or no mail server is set up to send with.
    pub fn to(config: &Config, to: &str) -> Result<Option<Self>> {
        if to.trim().is_empty() {
            return Ok(None);
        }
        let to = Mailer::recipient(to).map_err(Error::Usage)?;
        let mailer = Mailer::new(config)?.ok_or_else(|| {
            Error::Usage("No mail server is set up: set `smtp.url`, or hand the link on yourself.".to_owned())
        })?;
        Ok(Some(Self { mailer, to }))
    }

    /// The address.
    pub fn address(&self) -> &str {
        self.to.email.as_ref()
    }
}

/// Makes a one-time link for an account and sends it, if there is a mail to send. One that could not be sent is told and
/// leaves the link good.
///
/// # Errors
/// There is no such account, or the actor is no operator.
pub async fn invite(
    store: &Store,
    config: &Config,
    actor: &Actor,
    name: &str,
    post: Option<&Post>,
) -> Result<Invited> {
    let invitation = store.invite(actor, name).await?;
    let mut link = config.public()?;
    link.set_path(&format!("{}invitation", link.path()));
    link.query_pairs_mut().append_pair("token", &invitation.token);
    let until = invitation.expires_at.date();
    let mail = match post {
        None => None,
        Some(Post { mailer, to }) => {
            let text = text(name, &actor.name, link.as_str(), until);
            let subject = "Your account for the mail panel";
            let sent = mailer.send(to.clone(), subject, text).await;
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
