//! Outages that passed: for a while nothing from anyone reached a host, whatever it sent; then all were heard again.

use super::{DUE, PEERS, REPEATS, advised};
use crate::many::listed;
use crate::roster::Trait;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_base::{Moment, Span};
use ww_evidence::{Mark, SideId, TcpFlow};

/// How long at least all stand still together: what chance loses on several connections does not last, and a silence as
/// long is measured on every connection.
const WHILE: Span = Span::from_secs(1);

/// Outages looked for on one host.
const OUTAGES: usize = 32;

/// What would have brought so many frames in the time of an outage, going by its average, was probably heard then, unless
/// it is known to have been silent.
const EXPECTED: i128 = 1;

/// Something that a host sent again and again until it was answered.
#[derive(Clone, Copy, Debug)]
struct Stalled {
    subject: Subject,
    peer: IpAddr,
    /// The first frame and the last that were sent in vain.
    sent: [Mark; 2],
    /// Nothing came since this frame.
    since: Mark,
    /// The first frame that did.
    ended: Mark,
}

/// A while in which a host was cut off.
#[derive(Debug)]
pub(crate) struct Outage {
    host: IpAddr,
    /// The first of the frames that it sent in vain meanwhile, and the last.
    vain: [Mark; 2],
    /// From here on nobody of these was heard.
    from: Mark,
    /// The first frame that reached it again.
    to: Mark,
    stalled: Vec<Stalled>,
    /// What these are.
    subjects: FxHashSet<Subject>,
}

/// The outages of all hosts, in order of time.
pub(super) fn outages(view: &View<'_>) -> Vec<Outage> {
    let mut hosts = stalled(view);
    hosts.retain(|_, stalled| peers(stalled).len() >= PEERS);
    if hosts.is_empty() {
        return Vec::new();
    }
    let arrivals = arrivals(view, &hosts);
    let mut outages: Vec<Outage> = hosts
        .into_iter()
        .flat_map(|(host, stalled)| {
            let arrived = arrivals.get(&host).map_or(&[][..], Vec::as_slice);
            common(host, stalled, arrived)
        })
        .collect();
    outages.sort_unstable_by_key(|outage| outage.from.frame());
    outages
}

pub(super) fn detect(view: &View<'_>, outages: &[Outage], sightings: &mut Sightings) {
    for outage in outages {
        let ip = if outage.host.is_ipv4() { "ip" } else { "ipv6" };
        let [first, last] = outage.vain;
        let lost = outage.stalled.iter().map(|one| one.ended.at - one.since.at);
        let mut sighting = Sighting::new(Subject::Capture, outage.group())
            .lost(lost.sum())
            .show(view.frames(
                first.frame(),
                last.frame(),
                format!(
                    "{ip}.src == {} && frame.number >= {} && frame.number < {}",
                    outage.host,
                    outage.from.frame(),
                    outage.to.frame()
                ),
                "the host goes on sending; no packet comes back",
            ))
            .show(view.frames(
                outage.to.frame(),
                outage.to.frame(),
                format!("frame.number == {}", outage.to.frame()),
                format!(
                    "the first packet that reaches it again, after {}",
                    outage.length()
                ),
            ));
        let stood_still = outage.stalled.iter().map(|one| one.subject);
        sighting.subjects = stood_still.chain(struck(view, outage)).collect();
        sightings.add(sighting);
    }
}

pub(super) fn tell(view: &View<'_>, outages: &[&Outage]) -> Option<Story> {
    let host = outages.first()?.host;
    let silent = outages.iter().flat_map(|outage| peers(&outage.stalled));
    let began = outages
        .iter()
        .map(|outage| (outage.from.at - view.capture.first).to_string());
    let began: Vec<String> = began.collect();
    let when = listed(began.iter().map(String::as_str));
    let length: Span = outages.iter().map(|outage| outage.length()).sum();
    let (often, long) = match outages.len() {
        1 => (String::new(), format!("for {length}")),
        2 => ("twice, ".to_owned(), format!("for {length} in all")),
        many => (format!("{many} times, "), format!("for {length} in all")),
    };
    let story = Story::observed(
        format!(
            "{host} was cut off {often}{when} into the capture: {long} it went on sending to {} and nothing from anyone reached it, until all were heard again",
            some(silent, "hosts"),
        ),
        format!(
            "a capture at one of these hosts that shows its answers leaving for {host} meanwhile: then the capture itself, or the way back, lost one direction"
        ),
    );
    let others_go_on = view.flows().any(|(_, flow)| {
        let is_other = flow.client.addr != host && flow.server.addr != host;
        is_other && outages.iter().any(|outage| is_heard(flow, outage))
    });
    Some(advised(story, host, others_go_on))
}

/// What was begun during an outage and had to be repeated or came to nothing.
fn struck<'v>(view: &'v View<'_>, outage: &'v Outage) -> impl Iterator<Item = Subject> + 'v {
    // What was sent a moment before was not answered any more.
    let during = |mark: Mark| outage.from.at - mark.at <= DUE && mark.at < outage.to.at;
    let flows = view.flows().filter(move |(_, flow)| {
        let opening = flow.handshake.syn.filter(|syn| {
            let is_hosts = flow.client.addr == outage.host;
            is_hosts && (syn.count > 1 || flow.handshake.syn_ack.is_none())
        });
        let opening = opening.map(|syn| syn.first);
        let unanswered = [SideId::Client, SideId::Server]
            .into_iter()
            .filter(|&from| flow.endpoint(from).addr == outage.host)
            .filter_map(|from| flow.side(from).unacked_end.as_deref())
            .map(|end| end.first_sent);
        opening.into_iter().chain(unanswered).any(during)
    });
    let asked = view.capture.dns.transactions.iter().enumerate();
    let asked = asked.filter(move |(_, asked)| {
        let in_vain = asked.answer.is_none_or(|answer| answer.at >= outage.to.at);
        asked.client.addr == outage.host && in_vain && during(asked.query)
    });
    flows
        .map(|(subject, _)| subject)
        .chain(asked.map(|(index, _)| Subject::Dns(index as u32)))
}

/// Both sides of a connection are seen to be heard during an outage.
fn is_heard(flow: &TcpFlow, outage: &Outage) -> bool {
    [SideId::Client, SideId::Server]
        .into_iter()
        .all(|from| known(flow, from).any(|mark| outage.contains(mark.at)))
}

impl Outage {
    /// The group of a host's outages.
    pub(super) fn group(&self) -> String {
        format!("{} for a while", self.host)
    }

    fn length(&self) -> Span {
        self.to.at - self.from.at
    }

    /// A moment is within it: neither its first nor its last.
    fn contains(&self, at: Moment) -> bool {
        self.from.at < at && at < self.to.at
    }
}

fn peers(stalled: &[Stalled]) -> BTreeSet<IpAddr> {
    stalled.iter().map(|one| one.peer).collect()
}

/// What hosts repeated until it was answered, by host.
fn stalled(view: &View<'_>) -> FxHashMap<IpAddr, Vec<Stalled>> {
    let mut hosts: FxHashMap<IpAddr, Vec<Stalled>> = FxHashMap::default();
    for (subject, flow) in view.flows_that_are(Trait::StoodStill) {
        for from in [SideId::Client, SideId::Server] {
            let host = flow.endpoint(from).addr;
            let peer = flow.endpoint(from.other()).addr;
            for one in &flow.side(from).standstills {
                hosts.entry(host).or_default().push(Stalled {
                    subject,
                    peer,
                    sent: [one.first_sent, one.last_sent],
                    since: one.since(),
                    ended: one.ended,
                });
            }
        }
        if let (Some(syn), Some(answer)) = (flow.handshake.syn, flow.handshake.syn_ack)
            && syn.count > REPEATS
        {
            hosts.entry(flow.client.addr).or_default().push(Stalled {
                subject,
                peer: flow.server.addr,
                sent: [syn.first, syn.last],
                since: syn.first,
                ended: answer.first,
            });
        }
    }
    hosts
}

/// The times in which most of a host's peers stood still together, one after the other.
fn common(host: IpAddr, mut stalled: Vec<Stalled>, arrived: &[Arrivals]) -> Vec<Outage> {
    let mut outages = Vec::new();
    stalled.retain(|one| one.ended.at - one.since.at >= WHILE);
    for _ in 0..OUTAGES {
        let Some(at) = crowded(&stalled) else { break };
        let (together, others): (Vec<Stalled>, Vec<Stalled>) = stalled
            .into_iter()
            .partition(|one| one.since.at <= at && one.ended.at - at >= WHILE);
        stalled = others;
        outages.extend(outage(host, together, arrived));
    }
    outages
}

/// The moment from which on the most peers, and enough of them, stand still for a while.
fn crowded(stalled: &[Stalled]) -> Option<Moment> {
    // At one moment, starts come before ends.
    let mut events: Vec<(Moment, bool, IpAddr)> = stalled
        .iter()
        .flat_map(|one| {
            let last = Moment(one.ended.at.0 - WHILE.0);
            [(one.since.at, false, one.peer), (last, true, one.peer)]
        })
        .collect();
    events.sort_unstable();
    let mut standing: FxHashMap<IpAddr, u32> = FxHashMap::default();
    let mut most: Option<(usize, Moment)> = None;
    for (at, ends, peer) in events {
        if !ends {
            *standing.entry(peer).or_default() += 1;
            if most.is_none_or(|(known, _)| standing.len() > known) {
                most = Some((standing.len(), at));
            }
        } else if let Some(count) = standing.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                standing.remove(&peer);
            }
        }
    }
    most.filter(|(peers, _)| *peers >= PEERS).map(|(_, at)| at)
}

/// What stood still together as one outage, unless something came meanwhile. It begins when enough peers are silent, or
/// with the last packet of another that came later, and ends with the first packet of anyone.
fn outage(host: IpAddr, mut stalled: Vec<Stalled>, arrived: &[Arrivals]) -> Option<Outage> {
    stalled.sort_unstable_by_key(|one| one.since);
    let mut silent = BTreeSet::new();
    let enough = |one: &&Stalled| silent.insert(one.peer) && silent.len() == PEERS;
    let begun = stalled.iter().find(enough)?.since;
    let all_silent = stalled.last()?.since;
    let heard = || arrived.iter().flat_map(|flow| &flow.known).copied();
    let from = heard()
        .filter(|mark| mark.at <= all_silent.at)
        .chain([begun])
        .max_by_key(|mark| mark.at)?;
    // Connections that are tried anew may be heard before those that stood still.
    let to = heard()
        .filter(|mark| mark.at > all_silent.at)
        .chain(stalled.iter().map(|one| one.ended))
        .min_by_key(|mark| mark.at)?;
    if to.at - from.at < WHILE {
        return None;
    }
    let sent = || {
        let sent = stalled.iter().flat_map(|one| one.sent);
        sent.filter(|mark| (from.frame()..to.frame()).contains(&mark.frame()))
    };
    let first = sent().min_by_key(|mark| mark.frame())?;
    let last = sent().max_by_key(|mark| mark.frame())?;
    let outage = Outage {
        host,
        vain: [first, last],
        from,
        to,
        subjects: stalled.iter().map(|one| one.subject).collect(),
        stalled,
    };
    let is_refuted = arrived.iter().any(|flow| flow.contradicts(&outage));
    (!is_refuted).then_some(outage)
}

/// What reached a host from one peer over one connection or datagram flow.
struct Arrivals {
    subject: Subject,
    /// Frames that are known.
    known: Vec<Mark>,
    /// The first and the last frame, of how many.
    span: [Moment; 2],
    frames: u64,
    silence: Silence,
}

impl Arrivals {
    /// Something of it is known to have come during an outage, or must have.
    fn contradicts(&self, outage: &Outage) -> bool {
        if self.known.iter().any(|mark| outage.contains(mark.at)) {
            return true;
        }
        let (from, to) = (outage.from.at, outage.to.at);
        let [first, last] = self.span;
        // All that came of it came meanwhile.
        if self.frames > 0 && outage.contains(first) && outage.contains(last) {
            return true;
        }
        if first > from || last < to || outage.subjects.contains(&self.subject) {
            return false;
        }
        match self.silence {
            Silence::Longest(since, until) if since <= from && to <= until => false,
            Silence::Longest(since, until) if until - since < to - from => true,
            Silence::None => true,
            Silence::Longest(..) | Silence::Unknown => {
                let (length, life) = (i128::from((to - from).0), i128::from((last - first).0));
                i128::from(self.frames) * length >= EXPECTED * life
            }
        }
    }
}

/// The longest time in which nothing came of what else did.
#[derive(Clone, Copy)]
enum Silence {
    /// From and to.
    Longest(Moment, Moment),
    /// Shorter than any outage.
    None,
    /// It was not measured.
    Unknown,
}

/// What reached these hosts.
fn arrivals(
    view: &View<'_>,
    hosts: &FxHashMap<IpAddr, Vec<Stalled>>,
) -> FxHashMap<IpAddr, Vec<Arrivals>> {
    let mut all: FxHashMap<IpAddr, Vec<Arrivals>> = FxHashMap::default();
    let mut add = |host: IpAddr, arrivals: Arrivals| {
        if hosts.contains_key(&host) {
            all.entry(host).or_default().push(arrivals);
        }
    };
    for (subject, flow) in view.flows_of(hosts.keys().copied().collect()) {
        for from in [SideId::Client, SideId::Server] {
            let (side, host) = (flow.side(from), flow.endpoint(from.other()).addr);
            let Some(heard) = side.heard.filter(|_| hosts.contains_key(&host)) else {
                continue;
            };
            let known: Vec<Mark> = known(flow, from).collect();
            let first = known.iter().map(|mark| mark.at).min();
            add(
                host,
                Arrivals {
                    subject,
                    known,
                    span: [first.unwrap_or(heard.at), heard.at],
                    frames: side.frames,
                    silence: side
                        .longest_silence
                        .map_or(Silence::None, |[since, until]| {
                            Silence::Longest(since, until)
                        }),
                },
            );
        }
    }
    for flow in &view.capture.udp {
        let [by_client, by_server] = flow.datagrams;
        for (host, frames) in [(flow.client.addr, by_server), (flow.server.addr, by_client)] {
            let span = [flow.first.at, flow.last.at];
            add(host, datagrams(Vec::new(), span, frames));
        }
    }
    for asked in &view.capture.dns.transactions {
        if let Some(answer) = asked.answer {
            add(
                asked.client.addr,
                datagrams(vec![answer], [answer.at; 2], 1),
            );
        }
    }
    for error in &view.capture.icmp {
        let known = vec![error.first, error.last];
        add(
            error.to,
            datagrams(known, [error.first.at, error.last.at], error.count.into()),
        );
    }
    all
}

/// Arrivals that belong to no connection.
fn datagrams(known: Vec<Mark>, span: [Moment; 2], frames: u64) -> Arrivals {
    Arrivals {
        subject: Subject::Capture,
        known,
        span,
        frames,
        silence: Silence::Unknown,
    }
}

/// Frames of a side of which the time is known.
fn known(flow: &TcpFlow, from: SideId) -> impl Iterator<Item = Mark> + '_ {
    let side = flow.side(from);
    let of_handshake = match from {
        SideId::Client => [flow.handshake.syn.map(|syn| syn.last), flow.handshake.ack],
        SideId::Server => {
            let answer = flow.handshake.syn_ack;
            [
                answer.map(|answer| answer.first),
                answer.map(|answer| answer.last),
            ]
        }
    };
    let of_data = [side.first_data, side.last_data, side.heard, side.fin];
    let around = flow.side(from.other()).standstills.iter();
    let around = around.flat_map(|one| [one.heard, Some(one.ended)]);
    let all = of_handshake.into_iter().chain(of_data).chain(around);
    all.flatten()
}
