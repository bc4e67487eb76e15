//! `retransmits-outlast-timeouts`: only the kernel notices that the other side is gone, and late.

use super::hosts::{Under, under};
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::{SourceSpan, Span};
use ww_chain::Hop;
use ww_finding::Support;
use ww_model::service::ClientSide;

rule! {
    name: "retransmits-outlast-timeouts",
    family: "kernel",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A call has no timeout, and the kernel sends again for many minutes before it gives a lost peer up",
    needs: [Hosts, Calls],
    explains: [],
    page: "retransmits_outlast_timeouts.md",
    check: check,
}

/// What RFC 1122, section 4.2.3.5, wants at least is 100 s; beyond two minutes nobody waits.
const LONG: Span = Span::from_secs(120);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut waiting: BTreeMap<SourceSpan, (Under<'_>, Known<u64>, Vec<&Hop<'_>>)> = BTreeMap::new();
    for hop in chains
        .hops
        .iter()
        .filter(|hop| is_unbounded(&hop.call.side))
    {
        let Some(caller) = chains.caller(hop).filter(|party| party.units.is_empty()) else {
            continue;
        };
        let Some(under) = under(declared, caller) else {
            continue;
        };
        let Some(times) = each(&under.kernel.retransmissions).into_iter().next() else {
            continue;
        };
        if given_up_after(times.value) > LONG {
            let (.., hops) = waiting
                .entry(under.at)
                .or_insert_with(|| (under, times, Vec::new()));
            if hops.iter().all(|known| known.call.at != hop.call.at) {
                hops.push(hop);
            }
        }
    }
    for (under, times, hops) in waiting.into_values() {
        let callers: Vec<&str> = hops
            .iter()
            .filter_map(|hop| Some(chains.caller(hop)?.name.as_str()))
            .collect();
        reports.add_all(hops.len() as u64, story(under, &times, &hops, &callers));
    }
}

/// Whether nothing but the kernel ends a wait for an answer.
fn is_unbounded(side: &ClientSide) -> bool {
    let timers = [
        &side.retry.per_try,
        &side.first_byte,
        &side.stream_idle,
        &side.total,
    ];
    let answers = [&side.first_byte, &side.stream_idle, &side.total];
    timers
        .iter()
        .all(|timer| timer.is_off() || timer.is_unknown())
        && answers.iter().any(|timer| timer.is_off())
        && !side.stream_idle.is_unknown()
        && side.unacknowledged.value().is_none()
}

/// The time after which unacknowledged data makes the kernel give a connection up: each wait is
/// twice the one before it, from 200 ms up to 120 s (ip-sysctl, `tcp_retries2`).
fn given_up_after(times: u64) -> Span {
    let mut all = Span::ZERO;
    let mut wait = Span::from_millis(200);
    for _ in 0..=times.min(255) {
        all += wait;
        wait = wait.times(2).min(Span::from_secs(120));
    }
    all
}

fn story(under: Under<'_>, times: &Known<u64>, hops: &[&Hop<'_>], callers: &[&str]) -> Story {
    let host = under.name;
    let after = given_up_after(times.value);
    let (first, call) = (callers.first().copied().unwrap_or(host), hops.first());
    let target = call.map_or("", |hop| hop.call.name.as_str());
    let others = match hops.len() {
        0 | 1 => String::new(),
        many => format!(" (and {} other calls)", many - 1),
    };
    let story = Story::proved(
        format!(
            "{first} waits for {target}{others} without a bound: when {target} vanishes without a word, the kernel \
             sends the request {} times again, and {first} hears of it after {} at the earliest",
            times.value,
            said(after)
        ),
        format!("a test in which packets from {target} are dropped, and {first} gives up sooner"),
    )
    .support(Support::Declared);
    let story = hops.iter().fold(story, |story, hop| {
        let says = format!("no timeout bounds the wait for {}", hop.call.name);
        story.show(crate::declared::at(hop.call.at, says))
    });
    story
        .show(times.show(
            under.at,
            &format!("{} retransmissions, {} in all", times.value, said(after)),
        ))
        .advise(format!("Give {first} a timeout for the answer of {target}"))
        .advise("Or bound how long sent data may stay unacknowledged: TCP_USER_TIMEOUT on the socket")
        .advise("Or lower net.ipv4.tcp_retries2 for the whole host: 8 gives up after 100 s, which RFC 1122 wants at least")
}

#[cfg(test)]
mod tests {
    use super::given_up_after;
    use ww_base::Span;

    #[test]
    fn the_default_of_fifteen_is_what_the_kernel_documents() {
        assert_eq!(given_up_after(15), Span::from_millis(924_600));
        assert_eq!(given_up_after(8), Span::from_millis(102_200));
        assert_eq!(given_up_after(3), Span::from_millis(3_000));
    }
}
