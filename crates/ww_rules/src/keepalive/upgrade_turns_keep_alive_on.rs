//! `upgrade-turns-keep-alive-on`: a newer version of a proxy keeps connections that an older one closed.

use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Setting, SourceSpan, Span};
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};

rule! {
    name: "upgrade-turns-keep-alive-on",
    family: "keepalive",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "Whether a proxy keeps connections depends on its version, which is not fixed, and the server closes first",
    needs: [Calls],
    explains: [],
    page: "upgrade_turns_keep_alive_on.md",
    check: check,
}

/// How much longer than the caller's the server's idle time has to be.
const MARGIN: Span = Span::from_secs(1);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(SourceSpan, Option<SourceSpan>)> = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| hop.call.protocol.is_http()) {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        if let Some(turn) = judge(hop) {
            let group = hop.target.at;
            if told.insert((group, turn.closes.at)) {
                reports.add(story(hop, (caller, callee), &turn));
            }
        }
    }
}

/// What the versions do, and when both sides close.
struct Turn {
    /// The versions that keep connections.
    from: Known<bool>,
    keeps: Known<Span>,
    closes: Known<Span>,
}

/// Whether some versions keep connections and others do not, and those that do keep them for longer
/// than the server does, whichever value is in force.
fn judge(hop: &Hop<'_>) -> Option<Turn> {
    let Setting::Either(_) = &hop.call.side.reuses else {
        return None;
    };
    let versions = each(&hop.call.side.reuses);
    let from = versions.iter().find(|known| known.value)?.clone();
    if versions.iter().all(|known| known.value) {
        return None;
    }
    let side = &hop.listener?.side;
    let closes_itself = each(&side.keepalive_requests)
        .iter()
        .any(|known| known.value <= 1);
    let keeps = each(&hop.call.side.keepalive_idle);
    let closes = each(&side.keepalive_idle);
    let races = |(keeps, closes): (&Known<Span>, &Known<Span>)| {
        closes.value > Span::ZERO && closes.value < keeps.value + MARGIN
    };
    let mut pairs = keeps
        .iter()
        .flat_map(|keeps| closes.iter().map(move |closes| (keeps, closes)));
    if closes_itself || !pairs.clone().all(races) {
        return None;
    }
    let (keeps, closes) = pairs.next()?;
    Some(Turn {
        from,
        keeps: keeps.clone(),
        closes: closes.clone(),
    })
}

fn story(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>), turn: &Turn) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let (keeps, closes) = (said(turn.keeps.value), said(turn.closes.value));
    let versions = turn.from.versions.clone().unwrap_or_default();
    let image = caller.units.iter().find_map(|unit| unit.image.as_ref());
    let image_at = image.and_then(|image| match image.at {
        ww_base::Locus::Text(span) => Some(span),
        _ => None,
    });
    let place = callee.at().unwrap_or(hop.call.at);
    let wanted = turn.keeps.value + Span::from_secs(5);
    let story = Story::proved(
        format!(
            "Which version {client} is decides whether it keeps connections to {server}: {versions} does, \
             for {keeps}, and {server} closes after {closes}, so that requests meet the close"
        ),
        format!("{client} is known to be a version before that, and stays one"),
    )
    .support(Support::Declared)
    .severity(Severity::Low)
    .show(turn.from.show(hop.target.at, &format!("connections are kept by {versions}")))
    .show(turn.keeps.show(hop.call.at, &format!("for {keeps}")))
    .show(turn.closes.show(place, &format!("{server} closes idle connections after {closes}")));
    let story = match (image, image_at) {
        (Some(image), Some(at)) => story.show(crate::declared::at(
            at,
            format!("`{}` does not say which version this is", image.value),
        )),
        _ => story,
    };
    story
        .advise(format!(
            "Let {server} keep idle connections longer than {keeps}: {}; then both versions do well",
            said(wanted)
        ))
        .advise(format!(
            "Or let {client} close first, whichever version it is: `keepalive_timeout` of the upstream block \
             below {closes}"
        ))
        .advise("And fix the version: a tag with all its numbers")
}
