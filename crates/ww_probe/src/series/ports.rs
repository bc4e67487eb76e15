//! Whether trials fail by their source port: ports that failed are used again, and ports that worked too.
//!
//! Routers with several links of equal cost, and balancers before several backends, choose by a hash of addresses and
//! ports. Where what they choose is broken, a port fails every time or never; chance takes no notice of ports.

use super::{Question, SOURCE_PORT};
use crate::dice::Dice;
use crate::tcp;
use crate::tls::together;
use crate::walk::Walker;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use ww_base::Order;
use ww_evidence::transcript::PortTrials;

/// Ports of either kind that are used again.
const EACH: usize = 4;

/// How often each is.
const ROUNDS: usize = 3;

/// Fresh ports that are tried to find such as work.
const FRESH: usize = 12;

/// Attempts of one round begin this far apart.
const APART: Duration = Duration::from_millis(40);

/// An answer that comes at all comes in this time; a SYN is repeated once in it.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// What all of it takes at most: the fresh ports, and the rounds.
const WHOLE: Duration = Duration::from_secs(13);

/// Source ports of earlier trials.
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Where, from which port, and how it failed.
    failed: Vec<(SocketAddr, u16, String)>,
    /// Where others succeeded over connections of their own.
    fine: Vec<SocketAddr>,
}

impl Used {
    /// Notes a trial that had a connection of its own.
    pub(super) fn note(&mut self, to: SocketAddr, failure: &str, keys: &BTreeMap<String, String>) {
        let port = keys.get(SOURCE_PORT).and_then(|port| port.parse().ok());
        match port {
            Some(port) if !failure.is_empty() => self.failed.push((to, port, failure.to_owned())),
            Some(_) => self.fine.push(to),
            None => {}
        }
    }

    /// The time that is left is needed for trials from known ports.
    pub(super) fn is_due(&self, left: Duration) -> bool {
        left < WHOLE + PATIENCE && self.place().is_some()
    }

    /// The address at which some failed and others did not, the one with most failures of those: addresses that differ
    /// would be taken for ports that do.
    fn place(&self) -> Option<SocketAddr> {
        let failures = |at: SocketAddr| self.failed.iter().filter(|(to, ..)| *to == at).count();
        let mixed = self.fine.iter().copied().filter(|&to| failures(to) >= 2);
        mixed.max_by_key(|&to| failures(to))
    }

    /// Uses ports again, those that failed and others, and says what came of each.
    pub(super) async fn again(self, walker: &Walker<'_>, question: &Question) -> Vec<PortTrials> {
        let (Some(to), Some(range)) = (self.place(), tcp::source_ports()) else {
            return Vec::new();
        };
        if walker.left() < PATIENCE {
            return Vec::new();
        }
        let mut dice = Dice::shaken();
        let failed = self.failed.into_iter().filter(|(at, ..)| *at == to);
        let mut failed: Vec<PortTrials> = failed
            .map(|(_, port, failure)| chosen(to, port, failure))
            .take(EACH)
            .collect();
        let fresh = fresh(&mut dice, range, &failed);
        let first = round(walker, question, to, &fresh).await;
        let (works, fails): (Vec<_>, Vec<_>) = fresh
            .into_iter()
            .zip(first)
            .filter_map(|(port, failure)| Some(chosen(to, port, failure?)))
            .partition(|one| one.first.is_empty());
        failed.extend(fails);
        failed.truncate(EACH);
        let mut all: Vec<PortTrials> = failed
            .into_iter()
            .chain(works.into_iter().take(EACH))
            .collect();
        for _ in 0..ROUNDS {
            dice.shuffle(&mut all);
            let ports: Vec<u16> = all.iter().map(|one| one.port).collect();
            let failures = round(walker, question, to, &ports).await;
            if failures.iter().flatten().any(|one| one == super::TOO_MANY) {
                return Vec::new();
            }
            for (one, failure) in all.iter_mut().zip(failures) {
                one.again.extend(failure);
            }
        }
        all.retain(|one| !one.again.is_empty());
        all.put_in_order_by_key(|one| (one.first.is_empty(), one.port));
        all
    }
}

fn chosen(to: SocketAddr, port: u16, first: String) -> PortTrials {
    PortTrials {
        to: Some(to),
        port,
        first,
        again: Vec::new(),
    }
}

/// Ports of this host's range that are none of these.
fn fresh(dice: &mut Dice, (first, last): (u16, u16), used: &[PortTrials]) -> Vec<u16> {
    let mut ports: Vec<u16> = Vec::new();
    let width = usize::from(last.saturating_sub(first)) + 1;
    for _ in 0..FRESH {
        let port = first.saturating_add(dice.below(width) as u16);
        if !ports.contains(&port) && used.iter().all(|one| one.port != port) {
            ports.push(port);
        }
    }
    ports
}

/// One trial from each port, begun one after the other; `None` where the port cannot be had, or the time is up.
async fn round(
    walker: &Walker<'_>,
    question: &Question,
    to: SocketAddr,
    ports: &[u16],
) -> Vec<Option<String>> {
    together(ports.iter().zip(0..).map(|(&port, nth)| async move {
        tokio::time::sleep(walker.at_most(APART * nth)?).await;
        let trial = question.put_from(walker, to, Some(port));
        match tokio::time::timeout(PATIENCE, trial).await {
            Err(_) => Some(super::TOO_LATE.to_owned()),
            Ok(told) => {
                let (failure, keys) = told?;
                keys.contains_key(SOURCE_PORT).then_some(failure)
            }
        }
    }))
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_tried_where_some_failed_and_others_did_not() {
        let at = |last: u8| SocketAddr::from(([192, 0, 2, last], 443));
        let mut used = Used::default();
        let mut note = |last, port: u16, failure: &str| {
            let keys = BTreeMap::from([(SOURCE_PORT.to_owned(), port.to_string())]);
            used.note(at(last), failure, &keys);
            used.note(
                at(last),
                "over a connection that was used before",
                &BTreeMap::new(),
            );
            used.place()
        };
        assert_eq!(note(7, 40_000, "refused"), None);
        assert_eq!(note(7, 40_002, "refused"), None, "all of them");
        assert_eq!(note(8, 40_004, ""), None, "none of them");
        assert_eq!(note(8, 40_006, "refused"), None, "once");
        assert_eq!(note(8, 40_008, "refused"), Some(at(8)));
        assert!(used.is_due(Duration::from_secs(1)) && !used.is_due(Duration::from_mins(1)));
    }

    #[test]
    fn fresh_ports_are_of_the_range_and_new() {
        let mut dice = Dice::seeded(3);
        let used = [chosen(
            SocketAddr::from(([192, 0, 2, 7], 443)),
            40_001,
            String::new(),
        )];
        for _ in 0..50 {
            let ports = fresh(&mut dice, (40_000, 40_003), &used);
            assert!(
                ports
                    .iter()
                    .all(|port| [40_000, 40_002, 40_003].contains(port)),
                "{ports:?}"
            );
            assert!(!ports.is_empty() && ports.len() <= 3);
        }
        assert_eq!(fresh(&mut dice, (32_768, 60_999), &[]).len(), FRESH);
    }
}
