//! `dns-stale-address`: a connection to an address that the name does not have any more.

mod probed;

use super::common::{NO_ERROR, at, some_of};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::OnceCell;
use std::net::IpAddr;
use ww_base::{Moment, Order, Span};
use ww_evidence::{DnsTransaction, Mark, TcpFlow};
use ww_finding::{Severity, Support};

rule! {
    name: "dns-stale-address",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: High,
    owner: Client,
    summary: "A client connects to an address that the name had earlier, although it was told of a newer one",
    needs: [Dns, Tcp],
    explains: ["connection-refused", "syn-unanswered"],
    page: "dns_stale_address.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// A client may act upon an answer a moment after a newer one has come.
const LEEWAY: Span = Span::from_secs(1);

/// Connections to the old address, and none to the new one, that make it more than a remark.
const UNHEEDED: usize = 3;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let Some(told) = Told::by_all(view) else {
        return;
    };
    let connected = OnceCell::new();
    let connected = || connected.get_or_init(|| pairs(view));
    for (subject, flow) in view.flows() {
        if flow.handshake.syn.is_none() {
            continue;
        }
        let Some((old, new)) = told.outdated(flow.client.addr, flow.server.addr, flow.first.at)
        else {
            continue;
        };
        let (Some(answer), Some(newer)) = (old.answer, new.answer) else {
            continue;
        };
        let failed = flow.handshake.syn_ack.is_none();
        let fate = match failed {
            true => "failed",
            false if uses(connected(), flow.client.addr, new) => "worked",
            false => "unheeded",
        };
        let group = format!("{} {} {fate}", flow.client.addr, old.name);
        sightings.add(
            Sighting::new(subject, group)
                .lost(if failed { flow.duration() } else { Span::ZERO })
                .show(view.at(flow, flow.first, connects(flow, answer, old)))
                .show(at(
                    view,
                    new,
                    newer,
                    format!("the newer answer: {} is at {}", new.name, addresses(new)),
                ))
                .show(at(
                    view,
                    old,
                    answer,
                    format!("the older answer, good for {} s", old.ttl.unwrap_or(0)),
                )),
        );
    }
}

/// Which clients connect to which hosts.
fn pairs(view: &View<'_>) -> FxHashSet<(IpAddr, IpAddr)> {
    let flows = view.flows();
    flows
        .map(|(_, flow)| (flow.client.addr, flow.server.addr))
        .collect()
}

/// The client connects to where the newer answer leads as well.
fn uses(connected: &FxHashSet<(IpAddr, IpAddr)>, client: IpAddr, new: &DnsTransaction) -> bool {
    let to = |&address: &IpAddr| connected.contains(&(client, address));
    new.addresses.iter().any(to)
}

fn connects(flow: &TcpFlow, answer: Mark, old: &DnsTransaction) -> String {
    format!(
        "connects to {}, {} after {} was said to be there",
        flow.server,
        flow.first.at - answer.at,
        old.name
    )
}

fn addresses(answered: &DnsTransaction) -> String {
    let texts: Vec<String> = answered.addresses.iter().map(IpAddr::to_string).collect();
    some_of(texts.iter().map(String::as_str))
}

/// What clients were told, answer by answer.
struct Told<'a> {
    /// Answers with addresses, in order of time, by client, name and type.
    answers: FxHashMap<Question<'a>, Vec<&'a DnsTransaction>>,
    /// Under which names a client was told of an address.
    names: FxHashMap<(IpAddr, IpAddr), Vec<Under<'a>>>,
}

/// Who asks, for which name and type.
type Question<'a> = (IpAddr, &'a str, u16);

/// An address among the answers to one question.
struct Under<'a> {
    question: Question<'a>,
    /// Which of them have it, in order; nothing where all answers are alike.
    places: Vec<usize>,
    /// It comes and goes: a name with many addresses that are told in turn.
    rotates: bool,
}

impl<'a> Told<'a> {
    /// None where no client was told of other addresses later.
    fn by_all(view: &View<'a>) -> Option<Told<'a>> {
        let mut answers: FxHashMap<Question<'a>, Vec<&DnsTransaction>> = FxHashMap::default();
        for asked in &view.capture.dns.transactions {
            if asked.rcode() == Some(NO_ERROR) && !asked.addresses.is_empty() {
                let question = (asked.client.addr, asked.name.as_str(), asked.kind);
                answers.entry(question).or_default().push(asked);
            }
        }
        if !answers.values().any(|answers| change(answers)) {
            return None;
        }
        let mut names: FxHashMap<_, Vec<Under<'_>>> = FxHashMap::default();
        for (&question, answers) in &mut answers {
            answers.put_in_order_by_key(|asked| {
                asked.answer.map(|answer| (answer.at, answer.frame()))
            });
            for (address, places) in places(answers) {
                names.entry((question.0, address)).or_default().push(Under {
                    question,
                    rotates: rotates(&places, answers.len()),
                    places,
                });
            }
        }
        for names in names.values_mut() {
            names.put_in_order_by_key(|under| under.question);
        }
        Some(Told { answers, names })
    }

    /// The answer that gave the address and the one that replaced it, if at that time the client
    /// had no reason left to use the address: under every name that ever led to it, the answer has
    /// expired and a newer one leads elsewhere.
    fn outdated(
        &self,
        client: IpAddr,
        address: IpAddr,
        now: Moment,
    ) -> Option<(&'a DnsTransaction, &'a DnsTransaction)> {
        let mut found = None;
        for under in self.names.get(&(client, address))? {
            let answers = self.answers.get(&under.question)?;
            let is_known =
                |asked: &&DnsTransaction| asked.answer.is_some_and(|answer| answer.at <= now);
            let known = answers.get(..answers.partition_point(is_known))?;
            let earlier = under.places.partition_point(|&place| place < known.len());
            // Where it was told later only, what led there now is not in the capture.
            let place = *under.places.get(earlier.checked_sub(1)?)?;
            let (old, newer) = (*known.get(place)?, *known.get(place + 1)?);
            if !expired(old, now) || now - newer.answer?.at < LEEWAY || under.rotates {
                return None;
            }
            found = Some((old, newer));
        }
        found
    }
}

/// Which of these answers have each address.
fn places(answers: &[&DnsTransaction]) -> FxHashMap<IpAddr, Vec<usize>> {
    let mut all: FxHashMap<IpAddr, Vec<usize>> = FxHashMap::default();
    if !change(answers) {
        let addresses = answers.first().map_or(&[][..], |first| &first.addresses);
        all.extend(addresses.iter().map(|&address| (address, Vec::new())));
        return all;
    }
    for (place, asked) in answers.iter().enumerate() {
        for &address in &asked.addresses {
            let places = all.entry(address).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    all
}

/// Some answer lacks an address that another one has.
fn change(answers: &[&DnsTransaction]) -> bool {
    let Some((first, others)) = answers.split_first() else {
        return false;
    };
    let all_in = |these: &[IpAddr], those: &[IpAddr]| these.iter().all(|one| those.contains(one));
    others.iter().any(|other| {
        !all_in(&first.addresses, &other.addresses) || !all_in(&other.addresses, &first.addresses)
    })
}

fn expired(old: &DnsTransaction, now: Moment) -> bool {
    let (Some(answer), Some(ttl)) = (old.answer, old.ttl) else {
        return false;
    };
    now - answer.at > Span::from_secs(i64::from(ttl)) + LEEWAY
}

/// An address that stands at these places among so many answers comes and goes.
fn rotates(places: &[usize], answers: usize) -> bool {
    let runs = places.chunk_by(|a, b| a + 1 == *b).count();
    let begins_there = usize::from(places.first() == Some(&0));
    let ends_there = usize::from(places.last().is_some_and(|last| last + 1 == answers));
    let changes = (2 * runs).saturating_sub(begins_there + ends_there);
    changes > 2 || (changes == 2 && ends_there == 1)
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let key = group.first().map_or("", |sighting| sighting.group.as_str());
    let mut words = key.split(' ');
    let (client, name, fate) = (
        words.next().unwrap_or(""),
        words.next().unwrap_or(""),
        words.next(),
    );
    let targets: Vec<String> = group
        .iter()
        .flat_map(|sighting| &sighting.subjects)
        .filter_map(|&subject: &Subject| Some(view.flow(subject)?.server.to_string()))
        .collect();
    let target = some_of(targets.iter().map(String::as_str));
    let times = super::common::counted(group.len(), "connection", "connections");
    let end = match fate {
        Some("failed") => "and failed",
        Some("unheeded") => "where it is still served, and none to the newer one",
        _ => "where it is still served",
    };
    let story = Story::observed(
        format!("{client} made {times} to {target}, an address that {name} no longer has, {end}"),
        format!("a configuration in which the client uses {target} by address, or under a name it resolved before the capture began, would rule this out"),
    )
    .advise("Let the program resolve the name again for new connections: Java networkaddress.cache.ttl=30, nginx `resolver … valid=30s` with the upstream in a variable or `server NAME resolve`, HAProxy `resolvers` with server-template")
    .advise("When an address is taken out of a name, keep serving it for at least the old TTL and longer; lower the TTL well before a move");
    match fate {
        Some("failed") => story,
        // Not one program keeping an answer longer than another: nobody uses the newer one.
        Some("unheeded") if group.len() >= UNHEEDED => story.severity(Severity::Low),
        _ => story.severity(Severity::Info).support(Support::Heuristic),
    }
}

#[cfg(test)]
mod tests {
    use super::rotates;

    #[test]
    fn an_address_that_comes_back_rotates() {
        for (places, answers, expected) in [
            (&[0][..], 2, false),
            (&[0, 1, 2], 3, false),
            (&[1], 3, false),
            (&[0, 2], 3, true),
            (&[0, 2], 4, true),
            (&[1, 3], 4, true),
            (&[], 4, false),
        ] {
            assert_eq!(
                rotates(places, answers),
                expected,
                "{places:?} of {answers}"
            );
        }
    }
}
