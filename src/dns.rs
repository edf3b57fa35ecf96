//! DNS, asked for `postwarden check --dns` and for nothing else: the panel and its saves go by the tables alone.
//!
//! Asked by a library, since the system's own functions do not do it: they have no MX records, and do not tell a name that
//! does not exist from a name server that does not answer. The rules are silent about the latter.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::lint::{Dns, Here, Names};
use crate::postfix::live;

/// How long one question may take, with what is asked again where a packet is lost.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_WITH_A_PACKET: Duration = Duration::from_secs(2);

/// Questions under way at a time.
const AT_ONCE: usize = 20;

/// What DNS is asked: a name in lower case without the last dot, and the kind of records.
type Question = (String, RecordType);

/// DNS as the rules ask it: what is known, and finding out what is not.
///
/// The rules run without waiting, on what is known. What they asked besides is [taken](Resolver::take_asked),
/// [looked up](Resolver::learn), and they run again.
#[derive(Debug)]
pub struct Resolver {
    client: TokioResolver,
    here: Here,
    /// Records by question; `None` where no answer could be had.
    answers: HashMap<Question, Option<Vec<RData>>>,
    asked: Mutex<HashSet<Question>>,
}

impl Resolver {
    /// One that asks the name server of the settings, else those of `/etc/resolv.conf`, and knows which server it runs on:
    /// the one that Postfix says it is, or the name of the machine where Postfix is not.
    ///
    /// # Errors
    /// There is no name server, or none that answers for this server's own name.
    pub async fn new(config: &Config) -> Result<Self> {
        let (name, addresses) = match live::identity(&config.postfix.config_dir).await {
            Ok(identity) => identity,
            Err(_) => (name_of_machine()?, Vec::new()),
        };
        let name = plain(&name);
        let mut resolver = Self {
            client: client(&config.dns.server)?,
            here: Here::default(),
            answers: HashMap::new(),
            asked: Mutex::default(),
        };
        resolver
            .learn([(name.clone(), RecordType::A), (name.clone(), RecordType::AAAA)].into())
            .await;
        let Some(resolved) = resolver.addresses(&name) else {
            return Err(Error::Usage(format!(
                "DNS does not answer for {name}, this server's own name: try again when it does, or set dns.server"
            )));
        };
        resolver.here = Here {
            addresses: [addresses, resolved].concat(),
            names: vec![name],
        };
        Ok(resolver)
    }

    /// What the rules ask.
    pub fn dns(&self) -> Dns<'_> {
        Dns {
            names: self,
            here: &self.here,
        }
    }

    /// What was asked and is not known since this was called last.
    pub fn take_asked(&self) -> HashSet<Question> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks questions up, some at a time.
    pub async fn learn(&mut self, questions: HashSet<Question>) {
        // Whatever becomes of the look-ups, nothing is asked twice.
        self.answers
            .extend(questions.iter().map(|question| (question.clone(), None)));
        let mut waiting = questions.into_iter();
        let mut running = JoinSet::new();
        loop {
            for question in waiting.by_ref().take(AT_ONCE - running.len()) {
                let client = self.client.clone();
                running.spawn(async move {
                    let answer = look_up(&client, &question).await;
                    (question, answer)
                });
            }
            match running.join_next().await {
                Some(done) => self.answers.extend(done),
                None => return,
            }
        }
    }

    /// The names DNS gave no answer for, neither records nor that there are none, in their order.
    pub fn unanswered(&self) -> Vec<&str> {
        let failed = self.answers.iter().filter(|(_, answer)| answer.is_none());
        let mut names: Vec<&str> = failed.map(|((name, _), _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn records(&self, name: &str, kind: RecordType) -> Option<&[RData]> {
        let question = (plain(name), kind);
        let known = self.answers.get(&question);
        if known.is_none() {
            self.asked
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(question);
        }
        known?.as_deref()
    }
}

impl Names for Resolver {
    fn mx(&self, domain: &str) -> Option<Vec<String>> {
        let exchangers = self.records(domain, RecordType::MX)?.iter();
        let exchangers = exchangers.filter_map(|record| match record {
            RData::MX(mx) => Some((mx.preference, plain(&mx.exchange.to_ascii()))),
            _ => None,
        });
        let best = exchangers.clone().map(|(preference, _)| preference).min();
        Some(
            exchangers
                .filter(|(preference, _)| Some(*preference) == best)
                .map(|(_, host)| host)
                .collect(),
        )
    }

    fn addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
        let answers = [RecordType::A, RecordType::AAAA].map(|kind| self.records(host, kind));
        let records = answers.iter().flatten().copied().flatten();
        let found: Vec<IpAddr> = records.filter_map(RData::ip_addr).collect();
        // One kind is enough to know that a host exists; that it does not takes both.
        (!found.is_empty() || answers.iter().all(Option::is_some)).then_some(found)
    }
}

/// Records of a name; none where DNS says that there are none, `None` where it says nothing.
async fn look_up(client: &TokioResolver, (name, kind): &Question) -> Option<Vec<RData>> {
    let mut name = Name::from_str_relaxed(name).ok()?;
    // Postfix adds no domain of its own to a name.
    name.set_fqdn(true);
    match tokio::time::timeout(PATIENCE, client.lookup(name, *kind))
        .await
        .ok()?
    {
        Ok(found) => Some(found.answers().iter().map(|record| record.data.clone()).collect()),
        Err(error) => error.is_no_records_found().then(Vec::new),
    }
}

fn client(server: &str) -> Result<TokioResolver> {
    let mut builder = if server.is_empty() {
        TokioResolver::builder_tokio()
            .map_err(|e| Error::Usage(format!("cannot read the name servers in /etc/resolv.conf: {e}")))?
    } else {
        let server: SocketAddr = server.parse().map_err(|_| {
            Error::Usage(format!(
                "settings: dns.server `{server}` is no address and port such as 127.0.0.1:53"
            ))
        })?;
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = server.port();
            connection
        });
        let server = NameServerConfig::new(server.ip(), true, connections.into());
        TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(vec![server]),
            TokioRuntimeProvider::default(),
        )
    };
    let options = builder.options_mut();
    options.timeout = PATIENCE_WITH_A_PACKET;
    options.attempts = 1;
    // smtp(8) does not look there either (`smtp_host_lookup`).
    options.use_hosts_file = ResolveHosts::Never;
    builder.build().map_err(|e| Error::unexpected("asking DNS", e))
}

fn name_of_machine() -> Result<String> {
    let file = Path::new("/proc/sys/kernel/hostname");
    std::fs::read_to_string(file)
        .map(|name| name.trim().to_owned())
        .map_err(|e| Error::unexpected("reading the name of this machine", e))
}

fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_lowercase()
}
