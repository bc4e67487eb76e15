//! One consultation over captures and files: where both tell of the same connections, each finding shows what the
//! other one stands on.

use super::declared::review_declared;
use super::walks::{add_all, observe_walks};
use super::{observe, order, outcomes};
use crate::keepalive::keep_alive_race;
use crate::operand::{Known, each, said};
use crate::{Declared, IdleEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use ww_base::{Gap, Limits, Locus, SourceSpan, Span};
use ww_chain::{Hop, Party};
use ww_evidence::Capture;
use ww_evidence::transcript::Transcript;
use ww_finding::{Exhibit, Finding, Fix, Outcome, Support};
use ww_model::Model;
use ww_model::kube::Service;

/// What the rules say about captures and files together.
#[derive(Debug)]
pub struct Joint {
    /// Findings in order of importance.
    pub findings: Vec<Finding>,
    /// The outcome of every rule, in the order of the catalogue.
    pub outcomes: Vec<(&'static str, Outcome)>,
    /// What could not be joined without guessing.
    pub gaps: Vec<Gap>,
}

/// Runs all rules over captures, over walks and over what files declare, and joins what they find. The texts are
/// those that the model was read from; their sources are behind those of captures and walks.
pub fn consult_jointly(
    captures: &[Capture],
    walks: &[Transcript],
    model: &Model,
    limits: &Limits,
    texts: &[&str],
) -> Joint {
    let (mut seen, mut rule_gaps) = observe(captures, limits);
    let (probed, more_gaps) = observe_walks(walks, limits);
    seen.extend(probed);
    add_all(&mut rule_gaps, more_gaps);
    let declared = Declared::new(model, limits, texts);
    let (mut written, more_gaps) = review_declared(&declared);
    add_all(&mut rule_gaps, more_gaps);
    let mut gaps = Vec::new();
    let mut findings = Vec::new();
    for mut told in seen {
        if let Some(end) = &told.idle_end {
            match meeting(&declared, captures, end) {
                Meeting::One(hop) => {
                    join(&declared, (hop, end), &mut told.finding, &mut written);
                }
                Meeting::Open(gap) => gaps.push(gap),
                Meeting::None => {}
            }
        }
        findings.push(told.finding);
    }
    findings.append(&mut written);
    findings.sort_by(order::by_importance);
    let outcomes = outcomes(&findings, rule_gaps, |rule| {
        !walks.is_empty() || !matches!(rule.work, crate::Work::Probed)
    });
    Joint {
        findings,
        outcomes,
        gaps,
    }
}

/// Whom of the files the server of a capture is.
enum Meeting<'d> {
    /// The callee of this hop.
    One(&'d Hop<'d>),
    /// It may be one or another, or somebody else.
    Open(Gap),
    /// Nobody of whom the files say that it closes after such a time.
    None,
}

/// How well a hop's target and the server of a capture fit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The port is the same, and the name has an address of its own: the capture may show one behind it, and nothing
    /// tells these.
    Translated,
    /// The port is the same, and nothing tells the address of the target's name.
    Port,
    /// Address and port are the same.
    Address,
}

/// The hop whose callee is the server that ended idle connections: place and time are the same. Where addresses are
/// known, ports alone do not count.
fn meeting<'d>(declared: &'d Declared<'_>, captures: &[Capture], end: &IdleEnd) -> Meeting<'d> {
    let chains = declared.chains();
    let known = Addresses::of(declared.model, captures);
    let hops = chains.hops.iter();
    let placed: Vec<(Fit, &Hop<'_>)> = hops
        .filter_map(|hop| Some((known.fit(hop, chains.callee(hop), end)?, hop)))
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

/// Timers of servers are seldom early, by a twentieth at most, and not later than by a second: event loops are late, and
/// Node.js adds a second from 22.22 on.
const EARLY: f64 = 0.95;

/// See [`EARLY`].
const LATE: Span = Span::from_secs(1);

/// When the callee of a hop closes idle connections, where that is about the time that a capture shows.
fn closes(hop: &Hop<'_>, end: &IdleEnd) -> Option<Known<Span>> {
    let about = |known: &Known<Span>| {
        let least = known.value.as_secs() * EARLY;
        end.idle.as_secs() >= least && end.idle <= known.value + LATE
    };
    each(&hop.listener?.side.keepalive_idle)
        .into_iter()
        .find(about)
}

/// What is known of the addresses that names stand for.
struct Addresses<'a> {
    by_name: BTreeMap<&'a str, BTreeSet<IpAddr>>,
    /// By a Service's namespace and name: those behind it.
    behind: BTreeMap<(&'a str, &'a str), BTreeSet<IpAddr>>,
}

impl<'a> Addresses<'a> {
    /// From the lookups in captures, and from what the team states.
    fn of(model: &'a Model, captures: &'a [Capture]) -> Addresses<'a> {
        let mut by_name: BTreeMap<&str, BTreeSet<IpAddr>> = BTreeMap::new();
        let lookups = captures
            .iter()
            .flat_map(|capture| &capture.dns.transactions);
        for lookup in lookups.filter(|lookup| !lookup.addresses.is_empty()) {
            by_name
                .entry(&lookup.name)
                .or_default()
                .extend(&lookup.addresses);
        }
        for (alias, name) in &model.services.facts.names {
            if let Ok(address) = alias.value.parse() {
                by_name.entry(&name.value).or_default().insert(address);
            }
        }
        let mut behind: BTreeMap<(&str, &str), BTreeSet<IpAddr>> = BTreeMap::new();
        for slice in &model.cluster.endpoint_slices {
            if let Some(service) = &slice.service {
                let key = (&*slice.name.namespace, &**service);
                behind.entry(key).or_default().extend(&slice.addresses);
            }
        }
        Addresses { by_name, behind }
    }

    /// How well the target of a hop fits to the server of a capture; none when it is another one.
    fn fit(&self, hop: &Hop<'_>, callee: Option<&Party<'_>>, end: &IdleEnd) -> Option<Fit> {
        let server = end.server;
        let ports = [hop.target.port, hop.listener.and_then(|one| one.port)];
        if !ports.contains(&Some(server.port)) {
            return None;
        }
        let host = hop
            .target
            .host
            .trim_end_matches('.')
            .trim_matches(['[', ']']);
        if let Ok(address) = host.parse::<IpAddr>() {
            return (address == server.addr).then_some(Fit::Address);
        }
        if host == "localhost" {
            return server.addr.is_loopback().then_some(Fit::Address);
        }
        // A search list makes a longer name of the one that is written.
        let longer = format!("{host}.");
        let is_it = |name: &str| name == host || name.starts_with(&longer);
        let mut addresses: BTreeSet<IpAddr> = self
            .by_name
            .iter()
            .filter(|(name, _)| is_it(name))
            .flat_map(|(_, addresses)| addresses)
            .copied()
            .collect();
        let units = callee.into_iter().flat_map(|party| &party.units);
        addresses.extend(units.flat_map(|unit| &unit.addresses));
        if addresses.contains(&server.addr) {
            return Some(Fit::Address);
        }
        match hop.service {
            Some(service) => self.fit_behind(service, addresses.is_empty(), end),
            None => addresses.is_empty().then_some(Fit::Port),
        }
    }

    /// How well a Service fits to the server of a capture, of which lookups say nothing: a capture shows the Service's
    /// own address on one side of the translation, and those behind it on the other.
    fn fit_behind(&self, service: &Service, is_not_looked_up: bool, end: &IdleEnd) -> Option<Fit> {
        let name = &service.name;
        let behind = self.behind.get(&(&*name.namespace, &*name.name));
        let behind = behind.filter(|behind| !behind.is_empty());
        if service.addresses.contains(&end.server.addr) {
            return Some(Fit::Address);
        }
        match behind {
            Some(behind) => behind.contains(&end.server.addr).then_some(Fit::Address),
            None if is_not_looked_up => Some(Fit::Port),
            None => service.headless_at.is_none().then_some(Fit::Translated),
        }
    }
}

/// Shows on the capture's finding the lines of the files, and on that of the files the frames.
fn join(
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
