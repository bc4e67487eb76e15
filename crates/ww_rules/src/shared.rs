//! What several rules, or one rule many times, must know of a whole capture: worked out once, when
//! first asked for.

use crate::Subject;
use crate::dns::{Habit, Heard, Lookup};
use crate::net::Cut;
use crate::tcp::{HopLimits, Offers};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::OnceLock;
use ww_evidence::Endpoint;

/// Something added up per host, service or path over all connections.
#[derive(Debug)]
pub(crate) struct Tally<K, T>(FxHashMap<K, T>);

impl<K: Copy + Eq + Hash + Ord, T: Default> Tally<K, T> {
    /// Nothing yet.
    pub(crate) fn new() -> Tally<K, T> {
        Tally(FxHashMap::default())
    }

    /// The sum of `key`.
    pub(crate) fn of(&mut self, key: K) -> &mut T {
        self.0.entry(key).or_default()
    }

    /// The sums that pass a test, in order of their keys.
    pub(crate) fn into_sorted(self, wanted: impl Fn(&T) -> bool) -> Vec<(K, T)> {
        let mut all: Vec<(K, T)> = self.0.into_iter().filter(|(_, sum)| wanted(sum)).collect();
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

/// Facts about a whole capture.
#[derive(Debug, Default)]
pub(crate) struct Shared<'a> {
    /// How DNS servers usually behave.
    pub(crate) dns_habits: OnceLock<BTreeMap<Endpoint, Habit>>,
    /// The DNS transactions of every server.
    pub(crate) dns_servers: OnceLock<FxHashMap<Endpoint, Vec<Subject>>>,
    /// What clients wanted to know.
    pub(crate) lookups: OnceLock<Vec<Lookup<'a>>>,
    /// The hop limits of hosts.
    pub(crate) hop_limits: OnceLock<HopLimits>,
    /// The TCP options that hosts are known to offer.
    pub(crate) offers: OnceLock<Offers>,
    /// Hosts that sent something, and those that something was sent to.
    pub(crate) heard: OnceLock<Heard>,
    /// Hosts that nothing reaches any more.
    pub(crate) cuts: OnceLock<Vec<Cut>>,
    /// Services that sent anything on a connection.
    pub(crate) answering: OnceLock<FxHashSet<Endpoint>>,
    /// The connections to every service.
    pub(crate) services: OnceLock<FxHashMap<Endpoint, Vec<Subject>>>,
    /// Hosts beside which the capture was taken, by their connections as servers.
    pub(crate) taken_at: OnceLock<BTreeSet<IpAddr>>,
}
