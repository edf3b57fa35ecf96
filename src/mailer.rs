//! Mail that the panel sends: invitations, through the mail server of the settings.

use std::time::Duration;

use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::config::Config;
use crate::error::{Error, Result};

/// How long the mail server may take for all of it; a request that waits for it may take 30 seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A way to send mail.
#[derive(Debug, Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// As the settings say; `None` where they name no mail server.
    ///
    /// # Errors
    /// `smtp.url` is no address of a mail server, or `smtp.from` none of mail.
    pub fn new(config: &Config) -> Result<Option<Self>> {
        if config.smtp.url.is_empty() {
            return Ok(None);
        }
        let refuse = |key: &str, why: &dyn std::fmt::Display| Error::Usage(format!("settings: {key}: {why}"));
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.smtp.url)
            .map_err(|e| refuse("smtp.url", &e))?
            .build();
        let from = if config.smtp.from.is_empty() {
            let public = config.public()?;
            format!(
                "Postwarden <postwarden@{}>",
                public.host_str().unwrap_or_default()
            )
        } else {
            config.smtp.from.clone()
        };
        let from = from.parse().map_err(|e| refuse("smtp.from", &e))?;
        Ok(Some(Self { transport, from }))
    }

    /// The one address that mail is to be sent to, as `joe@bloggs.com`.
    ///
    /// # Errors
    /// It is none, or more than one.
    pub fn recipient(text: &str) -> Result<Mailbox, String> {
        // The parser of whole mailboxes passes over whatever follows the first one.
        let address: Result<Address, _> = text.trim().parse();
        let address = address.ok().filter(|_| !text.trim().contains(char::is_control));
        address.map(|address| Mailbox::new(None, address)).ok_or_else(|| {
            format!(
                "`{}` is no mail address: write one, such as joe@bloggs.com.",
                text.trim()
            )
        })
    }

    /// Sends a plain text, whose lines end in CRLF.
    ///
    /// # Errors
    /// The mail server does not answer or refuses, in its own words.
    pub async fn send(&self, to: Mailbox, subject: &str, text: String) -> Result<(), String> {
        // Left to itself lettre writes lines above 76 characters as quoted-printable, and breaks links with them: whoever
        // sees the source of the mail could not follow it. RFC 5322 2.1.1 allows 998.
        let plain = text.is_ascii() && text.split("\r\n").all(|line| line.len() <= 998);
        let body = if plain {
            Body::dangerous_pre_encoded(text.into_bytes(), ContentTransferEncoding::SevenBit)
        } else {
            Body::new(text)
        };
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|e| e.to_string())?;
        // The transport's own limit is for connecting alone.
        match tokio::time::timeout(PATIENCE, self.transport.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(|e| e.to_string()),
            Err(_) => Err(format!(
                "the mail server did not answer within {} seconds",
                PATIENCE.as_secs()
            )),
        }
    }
}
