//! `icmp-rejected`: a router or host on the way says that it did not deliver packets.

mod probed;

use super::about::{self, Errors, Fate, Told, flow_words, reason};
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, View};
use ww_evidence::{IcmpError, IcmpMeaning, Quoted};
use ww_finding::{Owner, Severity};

rule! {
    name: "icmp-rejected",
    family: "net",
    layer: Ip,
    class: Connectivity,
    severity: High,
    owner: Network,
    summary: "A router or firewall answered packets with an ICMP error instead of delivering them",
    needs: [Ip],
    explains: ["dns-unanswered", "handshake-retransmitted", "syn-unanswered"],
    page: "icmp_rejected.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let errors = Errors::of(view);
    for (icmp, error, quoted) in errors.quoting() {
        if !rejects(error.meaning, &quoted) || errors.is_traced(&quoted) {
            continue;
        }
        // A packet that left with a usual hop limit and still ran out of it went in circles.
        let expired = error.meaning == IcmpMeaning::TimeExceeded;
        if expired && errors.had_usual_ttl(error, &quoted) == Some(true) {
            continue;
        }
        let mut sighting = Sighting::new(icmp, format!("{} {}", error.from, reason(error.meaning)))
            .count(u64::from(error.count))
            .show(about::show(
                view,
                error,
                format!(
                    "{} says \"{}\" about {}",
                    error.from,
                    reason(error.meaning),
                    flow_words(&quoted)
                ),
            ));
        sighting.subjects = errors.subjects(icmp, error, &quoted);
        sightings.add(sighting);
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let seen = Told::all(view, group);
    let Some(&Told { error, quoted, .. }) = seen.first() else {
        return Story::observed(
            "an ICMP error rejected packets",
            "the same packets delivered elsewhere",
        );
    };
    let fate = seen.iter().map(Told::fate).max();
    let packets: u64 = group.iter().map(|sighting| sighting.count).sum();
    let whom = some(seen.iter().map(|told| told.quoted.dst.addr), "destinations");
    let what = match (packets, seen.as_slice()) {
        (1, _) => flow_words(&quoted),
        (_, [_]) => format!("{packets} packets of {}", flow_words(&quoted)),
        _ => format!("{packets} packets to {whom}"),
    };
    let after = match fate {
        Some(Fate::Worked) => "; the flow worked afterwards",
        Some(Fate::Failed) => "; no answer ever came",
        _ => "",
    };
    let story = Story::observed(
        format!(
            "{} rejected {what}: {}{after}",
            error.from,
            reason(error.meaning)
        ),
        format!(
            "an answer of {whom} after the error, which would show that another path delivered"
        ),
    )
    .severity(severity(fate, &quoted))
    .owner(owner(error, &quoted));
    advise(story, error, &quoted)
}

/// The error says that the packet was not delivered. A UDP port nobody listens on, and a packet too
/// big for the next link, are causes of their own.
fn rejects(meaning: IcmpMeaning, quoted: &Quoted) -> bool {
    match meaning {
        IcmpMeaning::NetUnreachable
        | IcmpMeaning::HostUnreachable
        | IcmpMeaning::ProtocolUnreachable
        | IcmpMeaning::Prohibited
        | IcmpMeaning::TimeExceeded => true,
        IcmpMeaning::PortUnreachable => quoted.protocol != about::UDP,
        _ => false,
    }
}

fn severity(fate: Option<Fate>, quoted: &Quoted) -> Severity {
    match fate {
        Some(Fate::Worked) => Severity::Info,
        Some(Fate::Failed) if quoted.protocol == about::TCP => Severity::High,
        _ => Severity::Medium,
    }
}

fn owner(error: &IcmpError, quoted: &Quoted) -> Owner {
    let by_receiver = error.from == quoted.dst.addr;
    match error.meaning {
        IcmpMeaning::ProtocolUnreachable
        | IcmpMeaning::PortUnreachable
        | IcmpMeaning::Prohibited
            if by_receiver =>
        {
            Owner::Server
        }
        // A filter of its own stops what the sender sends.
        IcmpMeaning::Prohibited | IcmpMeaning::PortUnreachable if error.from == quoted.src.addr => {
            Owner::Client
        }
        IcmpMeaning::Prohibited | IcmpMeaning::PortUnreachable => Owner::Middlebox,
        IcmpMeaning::TimeExceeded => Owner::Client,
        _ => Owner::Network,
    }
}

fn advise(story: Story, error: &IcmpError, quoted: &Quoted) -> Story {
    let (from, dst) = (error.from, quoted.dst.addr);
    match error.meaning {
        IcmpMeaning::NetUnreachable => story.advise(format!(
            "On {from}, look up the route to {dst} (ip route get {dst}) and add the missing one, or the default route"
        )),
        IcmpMeaning::HostUnreachable => story.advise(format!(
            "On the link behind {from}, check that {dst} is up and answers ARP or neighbour discovery (ip neigh show {dst})"
        )),
        IcmpMeaning::Prohibited | IcmpMeaning::PortUnreachable => story.advise(format!(
            "On {from}, find the filter rule that rejects this flow (nft list ruleset, iptables-save) and decide whether it should"
        )),
        IcmpMeaning::ProtocolUnreachable => story.advise(format!(
            "Load or permit IP protocol {} on {dst}, or send the traffic to a host that speaks it",
            quoted.protocol
        )),
        _ => story.advise(format!("Raise the hop limit with which {} sends; its packets expire at {from}", quoted.src.addr)),
    }
}
