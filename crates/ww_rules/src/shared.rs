//! What several rules, or one rule many times, must know of a whole capture: worked out once, when
//! first asked for.

use crate::dns::Habit;
use crate::tcp::{HopLimits, Offers};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_evidence::Endpoint;

/// Facts about a whole capture.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// How DNS servers usually behave.
    pub(crate) dns_habits: OnceCell<BTreeMap<Endpoint, Habit>>,
    /// The hop limits of hosts.
    pub(crate) hop_limits: OnceCell<HopLimits>,
    /// The TCP options that hosts are known to offer.
    pub(crate) offers: OnceCell<Offers>,
    /// Services that sent anything on a connection.
    pub(crate) answering: OnceCell<BTreeSet<Endpoint>>,
    /// Hosts beside which the capture was taken, by their connections as servers.
    pub(crate) taken_at: OnceCell<BTreeSet<IpAddr>>,
}
