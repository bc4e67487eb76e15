//! What many trials tell together.

use super::source_ports::{self, Ports};
use crate::Walk;
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Order, Span, chance};
use ww_evidence::transcript::{
    ConnectOutcome, GreetingOutcome, HttpOutcome, PeerReply, Seen, Step, TlsOutcome, Trial, Trials,
    address_of,
};

/// The chance, over all that was compared, below which failures have something in common.
pub(super) const CERTAIN: f64 = 0.01;

/// What does not name a backend.
const NOT_BACKENDS: [&str; 3] = ["connection", "family", "source-port"];

/// Fields by which whoever answers signs, be it the backend or a proxy before it.
const SIGNATURES: [&str; 2] = ["server", "via"];

/// What says most comes first where two keys set the same trials apart.
const TELLING: [&str; 4] = ["address", "x-served-by", "server", "certificate"];

/// The trials of a step, without those at addresses that fail always: what fails always does not come and go, and
/// is another rule's.
#[derive(Debug)]
pub(super) struct Series<'t> {
    pub(super) what: &'t str,
    pub(super) cleared: bool,
    pub(super) trials: Vec<&'t Trial>,
    /// What it tells that source ports were used again.
    pub(super) ports: Option<Ports<'t>>,
}

/// What failures have in common.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Common {
    /// By what it can be told (`address`), and its value.
    pub(super) key: String,
    pub(super) value: String,
    /// Failures and trials with that value.
    pub(super) failed: u64,
    pub(super) trials: u64,
    /// Failures and trials with another one.
    pub(super) others_failed: u64,
    pub(super) others: u64,
    /// The chance of it, times the number of comparisons.
    pub(super) chance: f64,
}

/// A run of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Burst {
    pub(super) count: usize,
    /// When the first began and the last ended, after the first trial.
    pub(super) from: Span,
    pub(super) to: Span,
}

impl Common {
    /// It names one backend, and failures come from there alone.
    pub(super) fn is_outlier(&self) -> bool {
        self.others_failed == 0 && !NOT_BACKENDS.contains(&self.key.as_str())
    }
}

/// Every series of a walk that failed now and then.
pub(super) fn intermittent<'w>(walk: &'w Walk<'w>) -> impl Iterator<Item = (&'w Step, Series<'w>)> {
    walk.transcript.series().filter_map(|(step, trials)| {
        let series = Series::of(walk, trials);
        let failed = series.failed();
        (failed > 0 && failed < series.trials.len() as u64).then_some((step, series))
    })
}

impl<'t> Series<'t> {
    pub(super) fn of(walk: &Walk<'t>, trials: &'t Trials) -> Series<'t> {
        let dead: BTreeSet<&str> = dead_addresses(walk, &trials.trials);
        Series {
            what: if trials.what.is_empty() {
                "trial"
            } else {
                &trials.what
            },
            cleared: trials.stopped == "cleared",
            ports: source_ports::judge(&trials.ports),
            trials: trials
                .trials
                .iter()
                .filter(|trial| {
                    trial
                        .keys
                        .get("address")
                        .is_none_or(|address| !dead.contains(address.as_str()))
                })
                .collect(),
        }
    }

    pub(super) fn failed(&self) -> u64 {
        self.trials
            .iter()
            .filter(|trial| !trial.failure.is_empty())
            .count() as u64
    }

    /// The ways to fail, the most frequent first: `reset 3 times`.
    pub(super) fn failures(&self) -> String {
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for trial in &self.trials {
            if !trial.failure.is_empty() {
                *kinds.entry(trial.failure.as_str()).or_default() += 1;
            }
        }
        let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
        kinds.put_in_order_by_key(|&(_, count)| std::cmp::Reverse(count));
        let mut said: Vec<String> = kinds
            .iter()
            .take(4)
            .map(|(kind, count)| match count {
                1 => format!("once: {kind}"),
                _ => format!("{count} times: {kind}"),
            })
            .collect();
        if kinds.len() > 4 {
            said.push("and others".to_owned());
        }
        said.join("; ")
    }

    /// What sets failures apart with certainty, the clearest first.
    pub(super) fn in_common(&self) -> Vec<Common> {
        let mut compared = Vec::new();
        let mut counts: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
        let mut whole: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for trial in &self.trials {
            let failed = u64::from(!trial.failure.is_empty());
            for (key, value) in &trial.keys {
                for counts in [
                    counts.entry((key, value)).or_default(),
                    whole.entry(key).or_default(),
                ] {
                    counts.0 += failed;
                    counts.1 += 1;
                }
            }
        }
        for ((key, value), (failed, trials)) in counts {
            let (all_failed, all) = whole.get(key).copied().unwrap_or_default();
            // One trial alone, or all but one, are no group; and a field that only failures have is part of the
            // failure: a proxy signs its own errors.
            let is_signature = SIGNATURES.contains(&key) && failed == trials;
            if trials >= 2 && all - trials >= 2 && !is_signature {
                compared.push(Common {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    failed,
                    trials,
                    others_failed: all_failed - failed,
                    others: all - trials,
                    chance: chance::fisher(failed, trials, all_failed - failed, all - trials),
                });
            }
        }
        let comparisons = compared.len() as f64;
        for one in &mut compared {
            one.chance *= comparisons;
        }
        compared.retain(|one| one.chance < CERTAIN);
        let place = |key: &str| {
            TELLING
                .iter()
                .position(|known| *known == key)
                .unwrap_or(TELLING.len())
        };
        compared.put_in_order_by(|a, b| {
            a.chance
                .total_cmp(&b.chance)
                .then_with(|| place(&a.key).cmp(&place(&b.key)))
        });
        compared
    }

    /// The longest run of failures, where they come in bursts and not one here and one there.
    pub(super) fn burst(&self) -> Option<Burst> {
        let outcomes: Vec<bool> = self
            .trials
            .iter()
            .map(|trial| !trial.failure.is_empty())
            .collect();
        if chance::few_runs(&outcomes) >= CERTAIN {
            return None;
        }
        self.trials
            .chunk_by(|a, b| a.failure.is_empty() == b.failure.is_empty())
            .filter_map(|run| {
                let (first, last) = (run.first()?, run.last()?);
                (!first.failure.is_empty()).then(|| Burst {
                    count: run.len(),
                    from: first.at,
                    to: Span(last.at.0.saturating_add(last.took.0)),
                })
            })
            .max_by_key(|burst| burst.count)
    }
}

/// Addresses at which every trial failed, and another step of the walk too.
fn dead_addresses<'t>(walk: &Walk<'_>, trials: &'t [Trial]) -> BTreeSet<&'t str> {
    let mut alive: BTreeMap<&str, bool> = BTreeMap::new();
    for trial in trials {
        if let Some(address) = trial.keys.get("address") {
            *alive.entry(address).or_default() |= trial.failure.is_empty();
        }
    }
    alive
        .into_iter()
        .filter(|(address, alive)| {
            !alive
                && walk.transcript.steps.iter().any(|step| {
                    fails(&step.seen)
                        && address_of(&step.seen).is_some_and(|to| to.ip().to_string() == *address)
                })
        })
        .map(|(address, _)| address)
        .collect()
}

fn fails(seen: &Seen) -> bool {
    match seen {
        Seen::Connect(connect) => !connect.control && connect.outcome != ConnectOutcome::Open,
        Seen::Handshake(handshake) => handshake.outcome != TlsOutcome::Done,
        Seen::Http(exchange) => match &exchange.outcome {
            HttpOutcome::Replied(reply) => reply.status >= 500,
            _ => true,
        },
        Seen::Grpc(call) => call.reply != PeerReply::Fine,
        Seen::Stun(binding) => binding.reply != PeerReply::Fine,
        Seen::Greeting(greeting) => greeting.outcome != GreetingOutcome::Fine,
        _ => false,
    }
}
