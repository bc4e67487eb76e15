//! `udp-port-unreachable`: datagrams went to a port on which nobody listens.

use super::about::{self, Errors, Told, flow_words, is_answer};
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, View};
use ww_evidence::IcmpMeaning;
use ww_finding::{Owner, Severity};

rule! {
    name: "udp-port-unreachable",
    family: "net",
    layer: Udp,
    class: Connectivity,
    severity: Medium,
    owner: Server,
    summary: "Datagrams went to a port on which nobody listens; the host said so by ICMP",
    needs: [Ip],
    explains: ["dns-unanswered"],
    page: "udp_port_unreachable.md",
    detect: detect,
    tell: tell,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let errors = Errors::of(view);
    for (icmp, error, quoted) in errors.quoting() {
        let closed = error.meaning == IcmpMeaning::PortUnreachable && quoted.protocol == about::UDP;
        if !closed || errors.is_traced(&quoted) {
            continue;
        }
        let late = errors
            .udp(&quoted)
            .is_some_and(|(_, flow)| is_answer(flow, &quoted));
        let group = if late {
            format!("late {}", quoted.src)
        } else {
            quoted.dst.to_string()
        };
        let mut sighting = Sighting::new(icmp, group)
            .count(u64::from(error.count))
            .show(about::show(
                view,
                error,
                format!(
                    "{} says \"port unreachable\" about {}",
                    error.from,
                    flow_words(&quoted)
                ),
            ));
        sighting.subjects = errors.subjects(icmp, error, &quoted);
        sightings.add(sighting);
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let seen = Told::all(view, group);
    let Some(&first) = seen.first() else {
        return Story::observed(
            "datagrams went to a closed port",
            "an answer from that port",
        );
    };
    let Told { error, quoted, .. } = first;
    let count: u64 = group.iter().map(|sighting| sighting.count).sum();
    let packets = if count == 1 {
        "1 datagram".to_owned()
    } else {
        format!("{count} datagrams")
    };
    if first.is_late_answer() {
        let askers = some(seen.iter().map(|told| told.quoted.dst.addr), "clients");
        return Story::observed(
            format!("{askers} had closed the socket when {packets} from {} came: late or repeated answers", quoted.src),
            format!("a program that should have been listening on {}", quoted.dst),
        )
        .severity(Severity::Info)
        .owner(Owner::Client)
        .advise("Nothing to mend where a client asks several servers and takes the first answer; otherwise raise its timeout");
    }
    let by_host = error.from == quoted.dst.addr;
    let askers = some(seen.iter().map(|told| told.quoted.src.addr), "clients");
    let story = Story::observed(
        format!(
            "nobody listens on UDP {}: {packets} from {askers} answered with \"port unreachable\"",
            quoted.dst
        ),
        format!("a datagram sent from {} in the same minute", quoted.dst),
    );
    if by_host {
        story
            .advise(format!(
                "On {}, start the service or bind it to this address (ss -lunp sport = :{})",
                quoted.dst.addr, quoted.dst.port
            ))
            .advise("Or point the clients to where the service listens")
    } else {
        story.owner(Owner::Middlebox).advise(format!(
            "{} answers in place of {}: look there for a REJECT rule or a port forwarding to a closed port",
            error.from, quoted.dst.addr
        ))
    }
}
