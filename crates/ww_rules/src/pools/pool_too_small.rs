//! `pool-too-small`: pools have fewer connections than the load that the team states needs.

use super::opened::{self, Bound, Opened};
use crate::load::{Busy, busy, plain};
use crate::mend::set_number;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::Gap;
use ww_chain::{Chains, Party, PartyId};
use ww_finding::{Severity, Support};

rule! {
    name: "pool-too-small",
    family: "pools",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Pools have fewer connections than the stated load keeps busy: requests wait for one",
    needs: [Calls],
    explains: [],
    page: "pool_too_small.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for index in 0..chains.parties.len() {
        match judge(chains, PartyId(index), Bound::Pool) {
            Ok(Some(short)) => reports.add(story(declared, &short)),
            Ok(None) => {}
            Err(gap) => reports.gap(gap),
        }
    }
}

/// Fewer connections than a load keeps busy.
pub(crate) struct Short<'a, 'm> {
    callee: &'a Party<'m>,
    opened: Vec<Opened<'a, 'm>>,
    busy: Busy,
    total: u64,
}

/// Whether all connections to a callee together are too few for its load.
pub(crate) fn judge<'a, 'm>(
    chains: &'a Chains<'m>,
    id: PartyId,
    bound: Bound,
) -> Result<Option<Short<'a, 'm>>, Gap> {
    let (mut opened, gaps) = opened::to(chains, id, bound);
    // Too few threads are another cause.
    for it in &mut opened {
        it.threads = None;
    }
    let (Some(callee), false) = (chains.parties.get(id.0), opened.is_empty()) else {
        return Ok(None);
    };
    if opened.iter().any(|it| is_breaker(it)) {
        return Ok(None);
    }
    let busy = busy(callee)?;
    let total = opened
        .iter()
        .fold(0_u64, |all, it| all.saturating_add(it.total()));
    if total as f64 >= busy.comfortable() {
        return Ok(None);
    }
    if let Some(gap) = gaps.into_iter().next() {
        return Err(gap);
    }
    if !opened::is_all(chains, id, &opened) {
        return Err(Gap::new(
            format!("how many connections there are to {} in all", callee.name),
            "the files that say how many instances and processes call it",
        ));
    }
    Ok(Some(Short {
        callee,
        opened,
        busy,
        total,
    }))
}

fn story(declared: &Declared<'_>, short: &Short<'_, '_>) -> Story {
    let story = told(short);
    let wanted = short.busy.comfortable().ceil() as u64;
    match (short.opened.as_slice(), short.opened.first()) {
        ([one], Some(first)) if first.pools.len() == 1 => {
            let copies = one.copies().max(1);
            let each = wanted.div_ceil(copies);
            let client = &one.caller.name;
            let fixes = one.pools.iter().map(|pool| {
                let title =
                    format!("Give each pool of {client} {each} connections: {wanted} in all");
                set_number(declared, (pool, one.hop.call.at), each, title)
            });
            fixes.fold(story, Story::fix)
        }
        _ => story.advise(format!("Give the pools {wanted} connections in all")),
    }
}

/// Whether the bound is that of a breaker, which refuses what does not fit and lets nothing wait.
fn is_breaker(opened: &Opened<'_, '_>) -> bool {
    let breaker = &opened.hop.call.side.breaker;
    let bound = breaker.connections.span().filter(|_| breaker.at.is_some());
    bound.is_some() && opened.pools.iter().any(|pool| pool.at == bound)
}

/// What is known of it, in words that both rules on numbers of connections share.
pub(crate) fn told(short: &Short<'_, '_>) -> Story {
    let name = &short.callee.name;
    let words: Vec<String> = short.opened.iter().map(Opened::words).collect();
    let callers = opened::names(&short.opened);
    let (busy, total) = (&short.busy, short.total);
    let is_full = total as f64 <= busy.at_once;
    let consequence = if is_full {
        "the queue for them grows as long as the peak lasts"
    } else {
        "they are all taken now and then, and requests wait for one"
    };
    let arithmetic = match words.as_slice() {
        [one] if *one == total.to_string() => String::new(),
        words => format!(" ({})", words.join(" + ")),
    };
    let story = Story::proved(
        format!(
            "at most {total} connections go from {callers} to {name}{arithmetic}, while its load keeps {} busy \
             ({}): {consequence}",
            plain(busy.at_once),
            busy.words()
        ),
        format!("a time in the queue for connections of {callers} that is zero at the peak"),
    )
    .support(Support::Declared)
    .severity(if is_full {
        Severity::High
    } else {
        Severity::Medium
    });
    let shown = short.opened.iter().flat_map(Opened::show);
    shown
        .chain(busy.show(short.callee))
        .fold(story, Story::show)
}
