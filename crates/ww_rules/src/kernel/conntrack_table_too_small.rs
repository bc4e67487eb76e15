//! `conntrack-table-too-small`: programs may hold more connections than the host tracks.

use super::hosts::{called, hosts, passes};
use crate::load::client_connections;
use crate::mend::set_number;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_chain::{Chains, Party};
use ww_finding::Support;
use ww_model::service::Host;

rule! {
    name: "conntrack-table-too-small",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Programs may hold more connections than connection tracking has entries: new ones are dropped",
    needs: [Hosts, Programs],
    explains: [],
    page: "conntrack_table_too_small.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for (host, under) in hosts(declared) {
        let tracked = each(&under.kernel.tracked).into_iter().next();
        let Some(tracked) = tracked.filter(|known| known.at.is_some()) else {
            continue;
        };
        let held = held(chains, host);
        let total = held
            .iter()
            .fold(0_u64, |all, it| all.saturating_add(it.total()));
        if total > tracked.value {
            reports.add(story(declared, (host, under.at), &tracked, &held, total));
        }
    }
}

/// Connections of a program.
struct Held<'c, 'm> {
    party: &'c Party<'m>,
    connections: Known<u64>,
    /// How many of these it may have: a bound of each worker counts for all of them.
    workers: u64,
    /// Whether each takes a second one to a server.
    is_passed_on: bool,
}

impl Held<'_, '_> {
    fn total(&self) -> u64 {
        let each = self.connections.value.saturating_mul(self.workers);
        if self.is_passed_on {
            each.saturating_mul(2)
        } else {
            each
        }
    }
}

/// What programs whose packets pass the host may hold, as far as somebody wrote it.
fn held<'c, 'm>(chains: &'c Chains<'m>, host: &Host) -> Vec<Held<'c, 'm>> {
    let parties = chains.parties.iter().filter(|party| passes(host, party));
    let of = |party: &'c Party<'m>| {
        let program = party.program?;
        let capacity = &program.capacity;
        let written = |setting| {
            let mut values = each(setting).into_iter();
            values.find(|known: &Known<u64>| known.at.is_some())
        };
        if let Some(connections) = written(&capacity.worker_connections) {
            let workers = each(&capacity.workers).into_iter().map(|known| known.value);
            return Some(Held {
                party,
                connections,
                workers: workers.min().unwrap_or(1).max(1),
                is_passed_on: false,
            });
        }
        let clients = client_connections(program);
        Some(Held {
            party,
            connections: clients.into_iter().find(|known| known.at.is_some())?,
            workers: 1,
            is_passed_on: !program.calls.is_empty(),
        })
    };
    parties.filter_map(of).collect()
}

fn story(
    declared: &Declared<'_>,
    (host, otherwise): (&Host, ww_base::SourceSpan),
    tracked: &Known<u64>,
    held: &[Held<'_, '_>],
    total: u64,
) -> Story {
    let name = called(host);
    let words: Vec<String> = held
        .iter()
        .map(|it| {
            let factors = match (it.workers, it.is_passed_on) {
                (1, false) => String::new(),
                (1, true) => "2 × ".to_owned(),
                (workers, _) => format!("{workers} workers × "),
            };
            format!("{factors}{} of {}", it.connections.value, it.party.name)
        })
        .collect();
    let wanted = total.saturating_mul(3) / 2;
    let story = Story::proved(
        format!(
            "programs on {name} may hold {total} connections ({}), and connection tracking has {} entries: when they \
             are used up, packets of new connections are dropped",
            words.join(" + "),
            tracked.value
        ),
        format!("`sysctl net.netfilter.nf_conntrack_count` of {name} far below {} at the peak", tracked.value),
    )
    .support(Support::Declared)
    .show(tracked.show(otherwise, &format!("{} entries", tracked.value)));
    held.iter()
        .fold(story, |story, it| {
            let says = format!(
                "{} may hold {} connections",
                it.party.name, it.connections.value
            );
            story.show(it.connections.show(otherwise, &says))
        })
        .fix(set_number(
            declared,
            (tracked, otherwise),
            wanted,
            format!("Make room for all of them and those that are closing: {wanted}"),
        ))
        .advise("Or leave connections that need no state out of tracking (`notrack`)")
}
