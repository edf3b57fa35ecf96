//! SMTP as a stranger or a colleague speaks it, line by line.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// Who mail comes from unless something else is said. Its bounces go to the outside.
pub const WRITER: &str = "writer@far.test";

/// Somebody at an address who speaks to the bed's Postfix.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub server: SocketAddrV4,
    pub source: Ipv4Addr,
}

/// A session after its greeting.
#[derive(Debug)]
pub struct Session {
    stream: BufReader<TcpStream>,
}

/// What became of an attempt to send a mail.
#[derive(Debug)]
pub struct Sent {
    /// A word that stands in the mail's body and in no other.
    pub token: String,
    /// The reply to each recipient, in their order.
    pub recipients: Vec<String>,
    /// The reply to the mail itself, or to DATA where it came no further.
    pub end: String,
}

impl Sent {
    /// The queue id Postfix gave it.
    pub fn id(&self) -> &str {
        let (_, id) = self.end.split_once("queued as ").expect(&self.end);
        id
    }
}

impl Client {
    /// The reply to one recipient.
    pub async fn recipient(&self, to: &str) -> String {
        self.recipient_from(WRITER, to).await
    }

    /// The reply to one recipient of mail from somebody: empty for the sender of bounces.
    pub async fn recipient_from(&self, from: &str, to: &str) -> String {
        let mut session = self.session().await;
        let reply = session.command(&format!("MAIL FROM:<{from}>")).await;
        assert_eq!(reply, "250 2.1.0 Ok", "{from}");
        let reply = session.command(&format!("RCPT TO:<{to}>")).await;
        session.command("QUIT").await;
        reply
    }

    /// Sends a mail to some, in one session; those who are refused do not get it.
    pub async fn send(&self, to: &[&str]) -> Sent {
        self.send_from(WRITER, to).await
    }

    /// Sends a mail from somebody.
    pub async fn send_from(&self, from: &str, to: &[&str]) -> Sent {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let token = format!("token-{}-", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut session = self.session().await;
        session.command(&format!("MAIL FROM:<{from}>")).await;
        let mut recipients = Vec::new();
        for to in to {
            recipients.push(session.command(&format!("RCPT TO:<{to}>")).await);
        }
        let mut end = session.command("DATA").await;
        if end.starts_with("354") {
            let mail = format!("From: <{from}>\r\nSubject: a test\r\n\r\n{token}\r\n.");
            end = session.command(&mail).await;
        }
        session.command("QUIT").await;
        Sent {
            token,
            recipients,
            end,
        }
    }

    /// A session that has said EHLO.
    pub async fn session(&self) -> Session {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((self.source, 0).into()).expect("a source address");
        let stream = socket.connect(self.server.into()).await.expect("Postfix listens");
        let mut session = Session {
            stream: BufReader::new(stream),
        };
        let greeting = session.reply().await;
        assert!(greeting.starts_with("220 "), "{greeting}");
        let hello = session.command("EHLO client.test").await;
        assert!(hello.starts_with("250-"), "{hello}");
        session
    }
}

impl Session {
    /// Sends a line, or several, and waits for the reply to it.
    pub async fn command(&mut self, line: &str) -> String {
        let line = format!("{line}\r\n");
        self.stream.write_all(line.as_bytes()).await.expect("sent");
        self.reply().await
    }

    /// A reply without its line ends; lines of one with several are joined by line feeds.
    async fn reply(&mut self) -> String {
        let mut reply = Vec::new();
        loop {
            let mut line = String::new();
            let reading = self.stream.read_line(&mut line);
            let read = tokio::time::timeout(Duration::from_mins(1), reading).await;
            read.expect("a reply within a minute").expect("a reply");
            let done = line.as_bytes().get(3) != Some(&b'-');
            reply.push(line.trim_end().to_owned());
            if done {
                return reply.join("\n");
            }
        }
    }
}
