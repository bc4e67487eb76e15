//! What several rules, or one rule many times, must know of a whole capture: worked out once, when
//! first asked for.

use crate::Subject;
use crate::dns::{Habit, Heard, Lookup};
use crate::net::Cuts;
use crate::roster::Roster;
use crate::tcp::{Offers, Proxied, Services};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::OnceLock;
use ww_evidence::Endpoint;

/// An address as a number, which is quicker to compare and to hash: IPv4 as the IPv4-mapped address (RFC 4291 section
/// 2.5.5.2), which no packet carries.
#[inline]
pub(crate) fn host(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(addr) => addr.to_ipv6_mapped().to_bits(),
        IpAddr::V6(addr) => addr.to_bits(),
    }
}

/// Addresses that the world routes.
pub(crate) fn is_public(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => {
            let [first, second, ..] = addr.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(addr.is_private() || addr.is_loopback() || addr.is_link_local() || is_shared)
        }
        IpAddr::V6(addr) => {
            !(addr.is_unique_local() || addr.is_unicast_link_local() || addr.is_loopback())
        }
    }
}

/// Something added up per host, service or path over all connections.
#[derive(Debug)]
pub(crate) struct Tally<K, T> {
    /// Places in the list: a table that grows moves these, not the sums.
    places: FxHashMap<K, u32>,
    sums: Vec<(K, T)>,
}

impl<K: Copy + Eq + Hash + Ord, T: Default> Tally<K, T> {
    /// Nothing yet.
    pub(crate) fn new() -> Tally<K, T> {
        Tally {
            places: FxHashMap::default(),
            sums: Vec::new(),
        }
    }

    /// The sum of `key`.
    pub(crate) fn of(&mut self, key: K) -> &mut T {
        self.placed(key).1
    }

    /// The place of `key` in order of appearance, and its sum.
    pub(crate) fn placed(&mut self, key: K) -> (u32, &mut T) {
        let next = self.sums.len() as u32;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.sums.push((key, T::default()));
        }
        #[expect(
            clippy::indexing_slicing,
            reason = "the place is that of an element, put there a line above if not before"
        )]
        let (_, sum) = &mut self.sums[place as usize];
        (place, sum)
    }

    /// The place of a key that is there, and its sum.
    pub(crate) fn find(&self, key: K) -> Option<(u32, &T)> {
        let place = *self.places.get(&key)?;
        let (_, sum) = self.sums.get(place as usize)?;
        Some((place, sum))
    }

    /// Every key with its sum, by their places.
    pub(crate) fn listed(&self) -> &[(K, T)] {
        &self.sums
    }

    /// The sums that pass a test, in order of their keys.
    pub(crate) fn into_sorted(self, wanted: impl Fn(&T) -> bool) -> Vec<(K, T)> {
        let sums = self.sums.into_iter();
        let mut all: Vec<(K, T)> = sums.filter(|(_, sum)| wanted(sum)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

/// The keys that come at least so often.
pub(crate) fn frequent<K: Copy + Eq + Hash + Ord>(
    keys: impl Iterator<Item = K>,
    least: usize,
) -> FxHashSet<K> {
    let mut counts: Tally<K, usize> = Tally::new();
    for key in keys {
        *counts.of(key) += 1;
    }
    let often = counts.sums.into_iter().filter(|&(_, count)| count >= least);
    often.map(|(key, _)| key).collect()
}

/// Facts about a whole capture.
#[derive(Debug, Default)]
pub(crate) struct Shared<'a> {
    /// How DNS servers usually behave.
    pub(crate) dns_habits: OnceLock<FxHashMap<Endpoint, Habit>>,
    /// The DNS transactions of every server.
    pub(crate) dns_servers: OnceLock<FxHashMap<Endpoint, Vec<Subject>>>,
    /// What clients wanted to know.
    pub(crate) lookups: OnceLock<Vec<Lookup<'a>>>,
    /// Who takes part in the connections.
    pub(crate) roster: OnceLock<Roster>,
    /// The TCP options that hosts are known to offer.
    pub(crate) offers: OnceLock<Offers>,
    /// Hosts that sent something, and those that something was sent to.
    pub(crate) heard: OnceLock<Heard>,
    /// Hosts that nothing reaches any more.
    pub(crate) cuts: OnceLock<Cuts>,
    /// Clients beside which a proxy answers for servers.
    pub(crate) proxied: OnceLock<Proxied>,
    /// The connections to every service.
    pub(crate) services: OnceLock<Services>,
}

/// `10.0.0.1`, or `3 destinations`.
pub(crate) fn some<T: Ord + std::fmt::Display>(
    items: impl Iterator<Item = T>,
    plural: &str,
) -> String {
    let items: BTreeSet<T> = items.collect();
    match (items.first(), items.len()) {
        (Some(only), 1) => only.to_string(),
        (_, many) => format!("{many} {plural}"),
    }
}
