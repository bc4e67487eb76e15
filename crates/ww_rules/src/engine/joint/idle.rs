//! A server that ends idle connections in a capture, held against the timers that files give it.

use super::addresses::{Addresses, Fit};
use crate::keepalive::keep_alive_race;
use crate::operand::{Known, each, said};
use crate::{Declared, IdleEnd};
use std::collections::BTreeSet;
use ww_base::{Gap, Locus, SourceSpan, Span};
use ww_chain::{Hop, Party};
use ww_finding::{Exhibit, Finding, Fix, Support};

/// Whom of the files the server of a capture is.
pub(super) enum Meeting<'d> {
    /// The callee of this hop.
    One(&'d Hop<'d>),
    /// It may be one or another, or somebody else.
    Open(Gap),
    /// Nobody of whom the files say that it closes after such a time.
    None,
}

/// The hop whose callee is the server that ended idle connections: place and time are the same. Where addresses are
/// known, ports alone do not count.
pub(super) fn meeting<'d>(
    declared: &'d Declared<'_>,
    known: &Addresses<'_>,
    end: &IdleEnd,
) -> Meeting<'d> {
    let chains = declared.chains();
    let hops = chains.hops.iter();
    let placed: Vec<(Fit, &Hop<'_>)> = hops
        .filter_map(|hop| Some((known.fit(hop, chains.callee(hop), end.server)?, hop)))
        .collect();
    let best = placed.iter().map(|(fit, _)| *fit).max();
    let fitting: Vec<&Hop<'_>> = placed
        .into_iter()
        .filter(|(fit, hop)| Some(*fit) == best && closes(hop, end).is_some())
        .map(|(_, hop)| hop)
        .collect();
    let pairs: BTreeSet<_> = fitting.iter().map(|hop| (hop.caller, hop.callee)).collect();
    match (fitting.first(), pairs.len()) {
        (Some(hop), _) if best == Some(Fit::Translated) => Meeting::Open(translated(hop, end)),
        (Some(hop), 1) => Meeting::One(hop),
        (Some(_), _) => Meeting::Open(several(declared, &fitting, end)),
        (None, _) => Meeting::None,
    }
}

fn several(declared: &Declared<'_>, fitting: &[&Hop<'_>], end: &IdleEnd) -> Gap {
    let chains = declared.chains();
    let name = |hop: &Hop<'_>| {
        let caller = chains.caller(hop).map_or("?", |party| &party.name);
        let callee = chains.callee(hop).map_or("?", |party| &party.name);
        format!("{caller} to {callee}")
    };
    let names: BTreeSet<String> = fitting.iter().map(|hop| name(hop)).collect();
    let names: Vec<String> = names.into_iter().collect();
    Gap::new(
        format!(
            "which of these calls the capture shows, as {} closes after {} on each: {}",
            end.server,
            end.idle,
            names.join(", ")
        ),
        "a capture with the lookups of names, or the address in [names] of wirewise.toml",
    )
}

fn translated(hop: &Hop<'_>, end: &IdleEnd) -> Gap {
    let name = hop.service.map(|service| &service.name);
    let (namespace, name) = name.map_or(("", ""), |name| (&*name.namespace, &*name.name));
    Gap::new(
        format!(
            "whether {}, which closes after {}, is a pod of Service {namespace}/{name}",
            end.server, end.idle
        ),
        "the EndpointSlice objects of the time of the capture (kubectl get endpointslices -o yaml)",
    )
}

/// Timers of servers are seldom early, by a twentieth at most, and not much later than by a second: event loops are late,
/// and Node.js adds a second (20.20 was measured to close after 6.001 s where 5 s are set).
const EARLY: f64 = 0.95;

/// See [`EARLY`].
const LATE: Span = Span::from_millis(1_250);

/// Whether a server with a timer of this length may close after such a quiet.
pub(super) fn is_about(timer: Span, idle: Span) -> bool {
    idle.as_secs() >= timer.as_secs() * EARLY && idle <= timer + LATE
}

/// When the callee of a hop closes idle connections, where that is about the time that a capture shows.
fn closes(hop: &Hop<'_>, end: &IdleEnd) -> Option<Known<Span>> {
    each(&hop.listener?.side.keepalive_idle)
        .into_iter()
        .find(|known| is_about(known.value, end.idle))
}

/// Shows on the capture's finding the lines of the files, and on that of the files the frames.
pub(super) fn join(
    declared: &Declared<'_>,
    (hop, end): (&Hop<'_>, &IdleEnd),
    seen: &mut Finding,
    written: &mut [Finding],
) {
    let room = declared.limits.exhibits_per_finding as usize;
    let rule = keep_alive_race::RULE.meta.name;
    let lines = keep_alive_race::lines(declared.chains(), hop);
    let partner = lines.as_ref().and_then(|lines| {
        let mut written = written.iter_mut();
        written.find(|finding| finding.rule == rule && finding.exhibits.starts_with(lines))
    });
    let frames: Vec<Exhibit> = seen
        .exhibits
        .iter()
        .filter(|exhibit| matches!(exhibit.at, Locus::Frames(_)))
        .cloned()
        .collect();
    let mut shown = lines.map_or_else(|| closing_line(declared, hop, end), Vec::from);
    if let Some(partner) = partner {
        if let Some(last) = shown.last_mut() {
            last.says = format!("{}: {rule}", last.says);
        }
        let advice = partner.fixes.iter().map(|fix| Fix::advice(&*fix.title));
        seen.fixes.splice(0..0, advice);
        partner.exhibits.extend(frames);
        partner.exhibits.truncate(room);
        partner.support = Support::Corroborated;
    }
    seen.support = Support::Corroborated;
    if let Some(callee) = declared.chains().callee(hop) {
        // The files know what the capture had to guess.
        let headline = seen.headline.strip_suffix(&*end.guess);
        let headline = headline.unwrap_or(&seen.headline);
        seen.headline = format!("{headline}; it is {}", callee.name);
    }
    // Behind the primary exhibit, so that a short report shows them.
    let at = seen.exhibits.len().min(1);
    seen.exhibits.splice(at..at, shown);
    seen.exhibits.truncate(room);
}

/// The line that makes the callee of a hop close, where the caller's side is not known.
fn closing_line(declared: &Declared<'_>, hop: &Hop<'_>, end: &IdleEnd) -> Vec<Exhibit> {
    let callee = declared.chains().callee(hop);
    let place: SourceSpan = callee.and_then(Party::at).unwrap_or(hop.call.at);
    let name = callee.map_or("the server", |party| &party.name);
    let show = |known: Known<Span>| {
        let says = format!("{name} closes idle connections after {}", said(known.value));
        known.show(place, &says)
    };
    closes(hop, end).map(show).into_iter().collect()
}
