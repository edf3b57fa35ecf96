//! The name server of a bed: it answers by rules for the whole internet, so that rows such as `smtp:[aspmx.l.google.com]`
//! work as they are written.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};

use postwarden::lint;

use crate::support::dns::{A, Answer, MX, PTR, serve};

/// What the world's names lead to.
///
/// - A host that was added has its address and no MX records; so has everything below `google.com`.
/// - A domain whose MX records were added has these; everything below `kept.test` has [`FRIEND`] first and this server second.
/// - `nx.test` and everything below it does not exist, nor does any name of a block list (`4.3.2.1.zen.example.org`).
/// - Addresses with a name: see [`Names::call`].
/// - Every other domain has its mail server at the bed's outside.
#[derive(Debug)]
pub struct Names {
    google: Ipv4Addr,
    outside: Ipv4Addr,
    hosts: Mutex<HashMap<String, Ipv4Addr>>,
    exchangers: Mutex<HashMap<String, Vec<(u16, String)>>>,
    callers: Mutex<HashMap<String, String>>,
}

/// The primary MX of the domains below `kept.test`, and of the howto's friends.
pub const FRIEND: &str = "mail.friend.com";
/// What the bed's Postfix calls itself.
pub const SELF: &str = "mx.self.test";

impl Names {
    /// Serves UDP port 53 of an address for as long as the process lives.
    pub fn serve(address: Ipv4Addr, google: Ipv4Addr, outside: Ipv4Addr) -> io::Result<Arc<Self>> {
        let socket = UdpSocket::bind((address, 53))?;
        let names = Arc::new(Self {
            google,
            outside,
            hosts: Mutex::default(),
            exchangers: Mutex::default(),
            callers: Mutex::default(),
        });
        let rules = Arc::clone(&names);
        serve(socket, move |name, kind| Some(rules.answer(name, kind)));
        Ok(names)
    }

    /// Gives a host its address.
    pub fn host(&self, name: &str, address: Ipv4Addr) {
        let mut hosts = self.hosts.lock().expect("the hosts");
        hosts.insert(name.to_lowercase(), address);
    }

    /// Gives a domain its MX records.
    pub fn mail_servers(&self, domain: &str, servers: &[(u16, &str)]) {
        let servers = servers.iter().map(|(n, host)| (*n, (*host).to_owned()));
        let mut exchangers = self.exchangers.lock().expect("the exchangers");
        exchangers.insert(domain.to_lowercase(), servers.collect());
    }

    /// Gives an address a name that leads back to it, as Postfix wants it of a client's name.
    pub fn call(&self, address: Ipv4Addr, name: &str) {
        let [a, b, c, d] = address.octets();
        let mut callers = self.callers.lock().expect("the callers");
        callers.insert(format!("{d}.{c}.{b}.{a}.in-addr.arpa"), name.to_owned());
        self.host(name, address);
    }

    /// The servers that smtp(8) may hand mail to for a next hop, `[host]`, `host:port` or several with commas: none where it
    /// is this server. Of MX records those count that come before this server's own.
    pub fn servers(&self, next_hop: &str) -> Vec<Ipv4Addr> {
        next_hop.split(',').flat_map(|hop| self.servers_of(hop)).collect()
    }

    fn servers_of(&self, hop: &str) -> Vec<Ipv4Addr> {
        let address = |host: &str| match self.answer(&host.to_lowercase(), A) {
            Answer::Address(address) if host != SELF => vec![address],
            _ => Vec::new(),
        };
        if let Some((host, _)) = hop.trim_start_matches('[').split_once(']') {
            return address(host);
        }
        let domain = hop.split(':').next().unwrap_or_default();
        match self.answer(&domain.to_lowercase(), MX) {
            Answer::Exchangers(mut servers) => {
                servers.sort();
                let before = servers.iter().take_while(|(_, host)| host != SELF);
                before.flat_map(|(_, host)| address(host)).collect()
            }
            _ => address(domain),
        }
    }

    fn answer(&self, name: &str, kind: u16) -> Answer {
        if name.ends_with(".in-addr.arpa") {
            let callers = self.callers.lock().expect("the callers");
            return match callers.get(name) {
                Some(caller) if kind == PTR => Answer::Name(caller.clone()),
                Some(_) => Answer::Nothing,
                None => Answer::NoSuchName,
            };
        }
        let numbers = name.split('.').take(4).filter(|l| l.parse::<u8>().is_ok());
        if name == "nx.test" || name.ends_with(".nx.test") || numbers.count() == 4 {
            return Answer::NoSuchName;
        }
        let host = self.hosts.lock().expect("the hosts").get(name).copied();
        let host = host.or_else(|| name.ends_with(".google.com").then_some(self.google));
        match kind {
            A => Answer::Address(host.unwrap_or(self.outside)),
            MX => self.exchangers_of(name, host.is_some()),
            _ => Answer::Nothing,
        }
    }

    fn exchangers_of(&self, name: &str, is_host: bool) -> Answer {
        if let Some(servers) = self.exchangers.lock().expect("the exchangers").get(name) {
            return Answer::Exchangers(servers.clone());
        }
        if is_host {
            return Answer::Nothing;
        }
        if name.ends_with(".kept.test") {
            return Answer::Exchangers(vec![(10, FRIEND.to_owned()), (20, SELF.to_owned())]);
        }
        Answer::Exchangers(vec![(10, "mx.outside.test".to_owned())])
    }
}

/// The same for the rules that ask DNS. To them all of loopback is this server, so others have addresses elsewhere here.
impl lint::Names for Names {
    fn mx(&self, domain: &str) -> Option<Vec<String>> {
        let mut servers = match self.answer(&domain.to_lowercase(), MX) {
            Answer::Exchangers(servers) => servers,
            _ => Vec::new(),
        };
        let best = servers.iter().map(|(preference, _)| *preference).min();
        servers.retain(|(preference, _)| Some(*preference) == best);
        Some(servers.into_iter().map(|(_, host)| host).collect())
    }

    fn addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
        Some(match self.answer(&host.to_lowercase(), A) {
            Answer::Address(address) => vec![public(address)],
            _ => Vec::new(),
        })
    }
}

fn public(address: Ipv4Addr) -> IpAddr {
    match address.octets() {
        [127, _, _, 1] => address.into(),
        [.., last] => Ipv4Addr::new(203, 0, 113, last).into(),
    }
}
