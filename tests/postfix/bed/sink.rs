//! Recording mail servers: the primary MX of friends, Google, and everybody else.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A mail that a server took.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    pub data: String,
}

/// A mail server on port 25 of an address of its own that takes everything, unless told otherwise.
#[derive(Debug)]
pub struct Sink {
    pub name: String,
    pub address: Ipv4Addr,
    records: Arc<Records>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Records {
    mails: Mutex<Vec<Mail>>,
    refused: Mutex<HashSet<String>>,
    closing: AtomicBool,
}

impl Sink {
    /// A server that listens.
    pub fn open(name: &str, address: Ipv4Addr) -> io::Result<Self> {
        let sink = Self {
            name: name.to_owned(),
            address,
            records: Arc::default(),
            listening: Mutex::default(),
        };
        sink.listen()?;
        Ok(sink)
    }

    /// What it took so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.records.mails.lock().expect("the mails").clone()
    }

    /// Refuses a recipient with 550 from now on.
    pub fn refuse(&self, recipient: &str) {
        let mut refused = self.records.refused.lock().expect("the refused");
        refused.insert(recipient.to_lowercase());
    }

    /// Connections are refused from now on.
    pub fn switch_off(&self) {
        let listening = self.listening.lock().expect("the listener").take();
        if let Some(thread) = listening {
            self.records.closing.store(true, Ordering::SeqCst);
            // Only to wake it.
            drop(TcpStream::connect((self.address, 25)));
            thread.join().expect("the listener ended");
        }
    }

    /// Listens again.
    pub fn switch_on(&self) {
        self.listen().expect("its port");
    }

    fn listen(&self) -> io::Result<()> {
        let mut listening = self.listening.lock().expect("the listener");
        if listening.is_none() {
            let listener = TcpListener::bind((self.address, 25))?;
            self.records.closing.store(false, Ordering::SeqCst);
            let records = Arc::clone(&self.records);
            *listening = Some(std::thread::spawn(move || accept(&listener, &records)));
        }
        Ok(())
    }
}

fn accept(listener: &TcpListener, records: &Arc<Records>) {
    for stream in listener.incoming() {
        if records.closing.load(Ordering::SeqCst) {
            return;
        }
        let records = Arc::clone(records);
        if let Ok(stream) = stream {
            // A client that goes away in the middle has delivered nothing.
            std::thread::spawn(move || drop(converse(&stream, &records)));
        }
    }
}

/// One session (RFC 5321). A mail is recorded before it is confirmed.
fn converse(stream: &TcpStream, records: &Records) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_mins(2)))?;
    let mut writer = stream;
    let mut reader = BufReader::new(stream);
    let mut mail = Mail {
        from: String::new(),
        to: Vec::new(),
        data: String::new(),
    };
    writer.write_all(b"220 sink.test ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let verb: String = line.chars().take(4).collect::<String>().to_uppercase();
        let reply = match verb.as_str() {
            "MAIL" => {
                mail.from = path(&line);
                mail.to.clear();
                "250 2.1.0 Ok"
            }
            "RCPT" => {
                let to = path(&line);
                let refused = records.refused.lock().expect("the refused");
                if refused.contains(&to.to_lowercase()) {
                    "550 5.1.1 No such user here"
                } else {
                    mail.to.push(to);
                    "250 2.1.5 Ok"
                }
            }
            "DATA" => {
                writer.write_all(b"354 Go on\r\n")?;
                mail.data = content(&mut reader)?;
                records.mails.lock().expect("the mails").push(mail.clone());
                "250 2.0.0 Taken"
            }
            "QUIT" => {
                return writer.write_all(b"221 2.0.0 Bye\r\n");
            }
            _ => "250 sink.test",
        };
        writer.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    let start = line.find('<').map_or(0, |at| at + 1);
    let end = line.rfind('>').unwrap_or(line.len());
    line.get(start..end).unwrap_or_default().to_owned()
}

fn content(reader: &mut impl BufRead) -> io::Result<String> {
    let mut data = String::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(data);
        }
        data.push_str(&String::from_utf8_lossy(&line));
    }
}
