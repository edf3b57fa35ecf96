//! How often somebody may guess: the limits, and what they are counted by.
//!
//! Attempts are counted by when the last of them is forgotten, one moment for each key, and are forgotten one by one at a
//! constant rate (the generic cell rate algorithm of ITU-T I.371). An attempt that is refused adds nothing, so
//! nobody is ever kept out for good.
//!
//! | Key | Attempts at once | then one each |
//! |---|---|---|
//! | name and network | 5 | 30 s |
//! | network | 30 | 10 s |
//! | name, from places that are not known | 20 | 60 s |
//! | second factor of an account; of each known place | 5 | 60 s |
//!
//! A network is an IPv4 address or the 64 bits of IPv6 that one customer has. A place is known to an account that signed
//! in from there within [`KNOWN_FOR`]: strangers can use up what a name allows and still not keep its owner out.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// How long a place stays known after a sign-in.
pub const KNOWN_FOR: Duration = Duration::from_hours(90 * 24);

/// How many attempts there may be at once, and how long each takes to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    burst: u32,
    interval: Duration,
}

const PAIR: Limit = Limit::new(5, 30);
const NETWORK: Limit = Limit::new(30, 10);
const NAME: Limit = Limit::new(20, 60);
const CODE: Limit = Limit::new(5, 60);

impl Limit {
    const fn new(burst: u32, seconds: u64) -> Self {
        Self {
            burst,
            interval: Duration::from_secs(seconds),
        }
    }

    /// One more attempt, where those before are forgotten at `forgotten`: when all are forgotten then.
    ///
    /// # Errors
    /// How long to wait until there is room for one.
    pub fn add(self, forgotten: OffsetDateTime, now: OffsetDateTime) -> Result<OffsetDateTime, Duration> {
        // No later than a full burst: a clock that was put back keeps nobody out for longer.
        let forgotten = forgotten.clamp(now, now + self.interval * self.burst);
        let room_at = forgotten - self.interval * (self.burst - 1);
        if room_at > now {
            return Err((room_at - now).unsigned_abs());
        }
        Ok(forgotten + self.interval)
    }
}

/// What somebody is about to try. Names are lower-case, and may be no account's.
#[derive(Debug, Clone, Copy)]
pub enum Guess<'a> {
    /// A password.
    Password {
        /// The name as typed.
        name: &'a str,
        /// The visitor's address; visitors without one count as one.
        from: Option<IpAddr>,
    },
    /// A code of the second factor, by somebody who knew the password.
    Code {
        /// The account's name.
        name: &'a str,
        /// The visitor's address.
        from: Option<IpAddr>,
    },
}

/// Something that attempts are counted by.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// SHA-256 of what it is about.
    pub id: [u8; 32],
    /// How many attempts it allows.
    pub limit: Limit,
    /// By how much earlier its attempts are forgotten when this one turns out right.
    pub returned: Duration,
}

impl Key {
    fn new(id: [u8; 32], limit: Limit, right_attempts_returned: u32) -> Self {
        Self {
            id,
            limit,
            returned: limit.interval * right_attempts_returned,
        }
    }
}

impl Guess<'_> {
    const fn parts(&self) -> (&str, Option<IpAddr>) {
        match self {
            Self::Password { name, from } | Self::Code { name, from } => (name, *from),
        }
    }

    /// What the attempt is counted by, at a place that is known to the account or not. The order is always the same, the
    /// key most attempts have in common first.
    pub fn keys(&self, place_is_known: bool) -> Vec<Key> {
        let (name, from) = self.parts();
        let network = network(from);
        match self {
            Self::Password { .. } => {
                let mut keys = vec![Key::new(id("network", "", &network), NETWORK, 1)];
                if !place_is_known {
                    keys.push(Key::new(id("name", name, ""), NAME, 1));
                }
                keys.push(Key::new(id("pair", name, &network), PAIR, PAIR.burst));
                keys
            }
            // Known places have a count of their own each, instead of none: codes are short.
            Self::Code { .. } => {
                let place = if place_is_known { network.as_str() } else { "" };
                vec![Key::new(id("code", name, place), CODE, CODE.burst)]
            }
        }
    }

    /// The place it comes from, as one of this name: SHA-256.
    pub fn place(&self) -> [u8; 32] {
        let (name, from) = self.parts();
        id("place", name, &network(from))
    }
}

/// SHA-256 of what a row is about. Kinds and networks have no NUL, so no name makes one key look like another.
fn id(kind: &str, name: &str, network: &str) -> [u8; 32] {
    Sha256::digest(format!("{kind}\0{name}\0{network}")).into()
}

/// The network an address counts as.
fn network(from: Option<IpAddr>) -> String {
    match from.map(|address| address.to_canonical()) {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let customer = Ipv6Addr::from_bits(address.to_bits() >> 64 << 64);
            format!("{customer}/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-22 07:40:01.123 UTC);

    fn at(seconds: u64) -> OffsetDateTime {
        NOW + Duration::from_secs(seconds)
    }

    /// When attempts are forgotten after as many as go at once.
    fn after_burst(limit: Limit) -> OffsetDateTime {
        (0..limit.burst).fold(NOW, |forgotten, n| {
            limit
                .add(forgotten, NOW)
                .unwrap_or_else(|_| panic!("attempt {n}"))
        })
    }

    #[test]
    fn as_many_as_the_burst_go_at_once_and_then_one_each_interval() {
        for limit in [PAIR, NETWORK, NAME, CODE] {
            let forgotten = after_burst(limit);
            let interval = limit.interval.as_secs();
            assert_eq!(limit.add(forgotten, NOW), Err(limit.interval));
            assert_eq!(
                limit.add(forgotten, at(interval - 1)),
                Err(Duration::from_secs(1)),
                "{limit:?}"
            );
            let next = limit.add(forgotten, at(interval)).expect("one more");
            assert_eq!(limit.add(next, at(interval)), Err(limit.interval), "{limit:?}");
        }
    }

    #[test]
    fn whoever_goes_on_trying_waits_no_longer_for_it() {
        let forgotten = after_burst(PAIR);
        for second in 0..30 {
            let left = Duration::from_secs(30 - second);
            assert_eq!(PAIR.add(forgotten, at(second)), Err(left));
        }
        assert!(PAIR.add(forgotten, at(30)).is_ok());
    }

    #[test]
    fn after_a_quiet_time_the_whole_burst_is_there_again_and_no_more() {
        let forgotten = after_burst(PAIR);
        let later = at(100_000);
        let again = (0..5).fold(forgotten, |f, _| PAIR.add(f, later).expect("room"));
        assert_eq!(PAIR.add(again, later), Err(PAIR.interval));
    }

    #[test]
    fn a_clock_that_was_put_back_keeps_nobody_out_for_longer_than_an_interval() {
        assert_eq!(PAIR.add(at(1_000_000), NOW), Err(PAIR.interval));
    }

    fn ids(name: &str, from: &str) -> Vec<[u8; 32]> {
        let from = from.parse().ok();
        let guess = Guess::Password { name, from };
        guess.keys(false).iter().map(|key| key.id).collect()
    }

    #[test]
    fn one_customers_addresses_are_one_network() {
        assert_eq!(ids("joe", "2001:db8:1:2::1"), ids("joe", "2001:db8:1:2:ffff::9"));
        assert_ne!(ids("joe", "2001:db8:1:2::1")[0], ids("joe", "2001:db8:1:3::1")[0]);
        assert_ne!(ids("joe", "203.0.113.9")[0], ids("joe", "203.0.113.8")[0]);
        assert_eq!(ids("joe", "::ffff:203.0.113.9"), ids("joe", "203.0.113.9"));
        assert_eq!(ids("joe", "none"), ids("joe", "not known"));
    }

    #[test]
    fn no_name_is_counted_as_another_key() {
        let [network, name, pair] = ids("joe", "203.0.113.9")[..] else {
            panic!("three keys");
        };
        for odd in ["joe\x00203.0.113.9", "joe\0", "\0joe", "", "203.0.113.9"] {
            let others = ids(odd, "203.0.113.9");
            assert_eq!(others[0], network);
            assert!(
                !others[1..].iter().any(|id| [name, pair, network].contains(id)),
                "{odd:?}"
            );
        }
    }

    #[test]
    fn a_known_place_is_not_counted_by_name_and_has_codes_of_its_own() {
        let from = Some(IpAddr::from([203, 0, 113, 9]));
        let password = Guess::Password { name: "joe", from };
        let strange: Vec<_> = password.keys(false).iter().map(|key| key.limit).collect();
        let known: Vec<_> = password.keys(true).iter().map(|key| key.limit).collect();
        assert_eq!((strange, known), (vec![NETWORK, NAME, PAIR], vec![NETWORK, PAIR]));
        let code = Guess::Code { name: "joe", from };
        assert_ne!(code.keys(false)[0].id, code.keys(true)[0].id);
        assert_eq!(code.keys(true)[0].limit, CODE);
        assert_eq!(code.place(), password.place());
    }
}
