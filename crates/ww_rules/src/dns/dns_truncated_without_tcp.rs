//! `dns-truncated-without-tcp`: an answer did not fit a datagram, and nobody fetched the whole.

use super::common::{at, counted, some_of, told_about};
use super::lookup::{Lookup, lookups};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use ww_base::{Gap, Span};
use ww_evidence::{DnsOutcome, DnsTransaction, TcpFlow, Transport};
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "dns-truncated-without-tcp",
    family: "dns",
    layer: Dns,
    class: Connectivity,
    severity: Medium,
    owner: Client,
    summary: "A DNS answer was cut to fit a datagram, and the whole of it could not be fetched over TCP",
    needs: [Dns],
    explains: ["connection-refused", "syn-unanswered"],
    page: "dns_truncated_without_tcp.md",
    detect: detect,
    tell: tell,
}

/// How long a client may take to ask again over TCP.
const PATIENCE: Span = Span::from_secs(5);

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for lookup in lookups(view) {
        // What was answered in full, by whichever server and transport, is no loss.
        if lookup.settled().is_some() {
            continue;
        }
        if let Some((subject, cut)) = first_cut(lookup) {
            judge(view, subject, cut, sightings);
        }
    }
}

/// The first truncated answer of a lookup.
fn first_cut<'a>(lookup: &Lookup<'a>) -> Option<(Subject, &'a DnsTransaction)> {
    lookup.attempts.iter().copied().find(|(_, asked)| {
        asked.transport == Transport::Udp
            && matches!(
                asked.outcome,
                DnsOutcome::Answered {
                    truncated: true,
                    ..
                }
            )
    })
}

/// What became of the attempt over TCP.
enum Fetch {
    Refused,
    Silent,
    Connected,
}

fn judge(view: &View<'_>, subject: Subject, cut: &DnsTransaction, sightings: &mut Sightings) {
    let Some(answer) = cut.answer else { return };
    let mut tried = view.flows().filter(|(_, flow)| {
        let waited = flow.first.at - answer.at;
        flow.client.addr == cut.client.addr
            && flow.server == cut.server
            && waited >= Span::ZERO
            && waited <= PATIENCE
    });
    let sighting = |group: &str| {
        Sighting::new(subject, format!("{} {group}", cut.server)).show(at(
            view,
            cut,
            answer,
            format!(
                "the answer for {} {} is truncated (TC) at {} bytes",
                cut.kind_name(),
                cut.name,
                cut.answer_bytes
            ),
        ))
    };
    match tried.next() {
        Some((flow_subject, flow)) => {
            let (group, says) = match fetched(flow) {
                Fetch::Connected => return,
                Fetch::Refused => ("refused", "the connection for the whole answer was refused"),
                Fetch::Silent => (
                    "silent",
                    "the connection for the whole answer was never accepted",
                ),
            };
            let mut sighting = sighting(group)
                .lost(flow.duration())
                .show(view.at(flow, flow.first, says));
            sighting.subjects.push(flow_subject);
            sightings.add(sighting);
        }
        None if view.capture.last - answer.at < PATIENCE => sightings.gap(Gap::new(
            "whether truncated answers near the end of the capture were fetched over TCP",
            "a capture that goes on for 5 s after the answer",
        )),
        None => sightings.add(sighting("untried")),
    }
}

fn fetched(flow: &TcpFlow) -> Fetch {
    match (flow.handshake.refused, flow.handshake.syn_ack) {
        (Some(_), None) => Fetch::Refused,
        (None, None) if flow.handshake.syn.is_some() => Fetch::Silent,
        _ => Fetch::Connected,
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let told: Vec<&DnsTransaction> = told_about(view, group).into_values().collect();
    let key = group.first().map_or("", |sighting| sighting.group.as_str());
    let (server, fate) = key.split_once(' ').unwrap_or_default();
    let names = some_of(told.iter().map(|asked| asked.name.as_str()));
    let answers = counted(told.len(), "answer", "answers");
    let cut = format!("{server} cut {answers} to fit UDP ({names})");
    let story = match fate {
        "refused" => Story::observed(
            format!("{cut}, and refuses TCP port 53, where the rest would be"),
            "a connection to the server's TCP port 53 from elsewhere that is accepted puts the refusal on a filter between",
        )
        .severity(Severity::High)
        .owner(Owner::Server)
        .advise("Let the server listen on TCP port 53 as well: RFC 7766 requires it"),
        "silent" => Story::observed(
            format!("{cut}, and TCP port 53, where the rest would be, does not answer"),
            "a capture at the server that shows its SYN-ACKs leaving would rule out that it does not listen",
        )
        .severity(Severity::High)
        .owner(Owner::Middlebox)
        .advise("Open TCP port 53 between client and server, in firewalls, security groups and network policies: DNS needs it beside UDP (RFC 7766)"),
        _ if view.capture.tcp.is_empty() => Story::observed(
            format!("{cut}, and the client did not ask again over TCP"),
            "the capture holds no TCP at all: one that was not limited to UDP and shows the connection would rule this out",
        )
        .severity(Severity::Low)
        .support(Support::Heuristic),
        _ => Story::observed(
            format!("{cut}, and the client did not ask again over TCP"),
            "a connection from another address of the client to TCP port 53 would rule this out",
        ),
    };
    let offered = told.iter().filter_map(|asked| asked.edns_size).max();
    let story = match offered {
        None => story.advise("Switch EDNS on in the client, so that answers above 512 bytes fit a datagram: `options edns0` in /etc/resolv.conf"),
        Some(size) if size < 1232 => story.advise(format!("Offer more than {size} bytes in EDNS: 1232 fits every usual path without fragments")),
        Some(_) => story,
    };
    story.advise("Make the answer smaller: fewer records behind one name, shorter TXT records, minimal-responses on the server")
}
