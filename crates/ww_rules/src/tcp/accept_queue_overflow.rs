//! `accept-queue-overflow`: a service takes some connections and lets others wait.

mod probed;

use super::hosts::{self, count};
use crate::rule::rule;
use crate::shared::Tally;
use crate::{Sighting, Sightings, Story, Subject, View};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use ww_base::Span;
use ww_evidence::{Endpoint, SideId, SymptomKind, TcpFlow, Vantage};
use ww_finding::{Exhibit, Severity};

rule! {
    name: "accept-queue-overflow",
    family: "tcp",
    layer: Tcp,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "A service accepts some connections and ignores others: its queue of new connections is full",
    needs: [TcpHandshake],
    explains: ["handshake-retransmitted", "packet-loss", "path-mtu-black-hole", "request-unanswered", "retransmission-timeout-stall", "slow-application", "spurious-retransmission", "syn-unanswered"],
    page: "accept_queue_overflow.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// How a service treated one attempt to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treated {
    /// Opened at the first SYN; the service's kernel or program took what came.
    Taken,
    /// Taken, but the program never answered the request.
    Unserved,
    /// Opened, but only after two SYNs or more.
    Late,
    /// Three SYNs or more and no answer.
    Ignored,
    /// The client saw its SYN answered, but its data is never acknowledged: the server dropped the
    /// ACK that completes the handshake.
    Forgotten,
    /// The server repeats its SYN-ACK although it has the client's ACK.
    AckIgnored,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let delayed = |flow: &TcpFlow| {
        let at_once = [None, Some(Treated::Taken), Some(Treated::Unserved)];
        !at_once.contains(&treated(flow))
    };
    let flows = || {
        view.flows()
            .map(|(subject, flow)| (subject, flow, flow.server))
    };
    let concerned: FxHashSet<Endpoint> = flows()
        .filter_map(|(_, flow, server)| delayed(flow).then_some(server))
        .collect();
    let mut services: Tally<Endpoint, Vec<(Subject, &TcpFlow, Treated)>> = Tally::new();
    for (subject, flow, server) in flows().filter(|(.., server)| concerned.contains(server)) {
        if let Some(treated) = treated(flow) {
            services.of(server).push((subject, flow, treated));
        }
    }
    for (server, attempts) in services.into_sorted(|attempts| overflows(attempts)) {
        sightings.add(sighting(view, server, &attempts));
    }
}

fn treated(flow: &TcpFlow) -> Option<Treated> {
    let handshake = &flow.handshake;
    let syns = handshake.syn?.count;
    if handshake.refused.is_some() || handshake.foreign_ack.is_some() {
        return None;
    }
    let Some(syn_ack) = handshake.syn_ack else {
        return (syns >= 3 && flow.sent_by_server.frames == 0).then_some(Treated::Ignored);
    };
    handshake.ack?;
    let data_repeated = flow
        .sent_by_client
        .unacked_end
        .as_deref()
        .is_some_and(|end| end.repeats >= 2 && end.length < 1200);
    let said_nothing_else = flow.sent_by_server.frames <= u64::from(syn_ack.count);
    if data_repeated && said_nothing_else {
        return Some(Treated::Forgotten);
    }
    if handshake.syn_acks_after_ack > 0 && flow.vantage == Vantage::Server {
        return Some(Treated::AckIgnored);
    }
    if syns >= 2 {
        return Some(Treated::Late);
    }
    let unserved = flow.exchanges.answered == 0
        && flow
            .exchanges
            .unanswered
            .as_ref()
            .is_some_and(|open| open.acknowledged.is_some());
    Some(if unserved {
        Treated::Unserved
    } else {
        Treated::Taken
    })
}

/// Some get in and others do not, and it is not the path that loses packets.
fn overflows(attempts: &[(Subject, &TcpFlow, Treated)]) -> bool {
    let number = |wanted: &[Treated]| {
        attempts
            .iter()
            .filter(|(_, _, treated)| wanted.contains(treated))
            .count()
    };
    let taken = number(&[Treated::Taken, Treated::Unserved]);
    let shut_out = number(&[Treated::Ignored, Treated::Forgotten, Treated::AckIgnored]);
    let late = number(&[Treated::Late]);
    let many_late = late >= 3 && (late + shut_out) * 5 >= attempts.len() && much_repeated(attempts);
    taken > 0 && (shut_out >= 2 || shut_out == 1 && late >= 2 || many_late) && !lossy(attempts)
}

/// Several connections needed three SYNs or more: chance loss does not do that.
fn much_repeated(attempts: &[(Subject, &TcpFlow, Treated)]) -> bool {
    attempts
        .iter()
        .filter(|(_, flow, _)| flow.handshake.syn.is_some_and(|syn| syn.count >= 3))
        .count()
        >= 2
}

/// Connections that were taken lose more than a twentieth of their segments as well.
fn lossy(attempts: &[(Subject, &TcpFlow, Treated)]) -> bool {
    let (mut lost, mut sent) = (0u64, 0u64);
    for (_, flow, treated) in attempts {
        if matches!(treated, Treated::Ignored | Treated::Forgotten) {
            continue;
        }
        for side in [SideId::Client, SideId::Server] {
            sent += flow.side(side).data_segments;
            for kind in [SymptomKind::LossBefore, SymptomKind::LossAfter] {
                lost += u64::from(flow.count(kind, side));
            }
        }
    }
    lost >= 2 && lost * 20 > sent
}

fn sighting(
    view: &View<'_>,
    server: Endpoint,
    attempts: &[(Subject, &TcpFlow, Treated)],
) -> Sighting {
    let mut order: Vec<_> = attempts
        .iter()
        .filter(|(_, _, treated)| *treated != Treated::Taken)
        .collect();
    order.sort_by_key(|(_, flow, treated)| (rank(*treated), flow.first.frame()));
    let harmed = order
        .iter()
        .filter(|(_, _, treated)| *treated != Treated::Unserved)
        .count();
    let mut sighting = Sighting::new(Subject::Capture, server.to_string())
        .count(harmed as u64)
        .lost(
            order
                .iter()
                .map(|(_, flow, treated)| waited(flow, *treated))
                .sum(),
        );
    sighting.subjects = order.iter().map(|(subject, _, _)| *subject).collect();
    sighting.exhibits = order
        .iter()
        .filter_map(|(_, flow, treated)| exhibit(view, flow, *treated))
        .collect();
    sighting
}

fn rank(treated: Treated) -> u8 {
    match treated {
        Treated::Forgotten => 0,
        Treated::AckIgnored => 1,
        Treated::Ignored => 2,
        Treated::Late => 3,
        Treated::Unserved | Treated::Taken => 4,
    }
}

/// How long the client waited in vain.
fn waited(flow: &TcpFlow, treated: Treated) -> Span {
    let handshake = &flow.handshake;
    let (syn, unacked) = (handshake.syn, flow.sent_by_client.unacked_end.as_deref());
    match treated {
        Treated::Ignored => syn.map(|syn| syn.last.at - syn.first.at),
        Treated::Forgotten => unacked.map(|end| end.last_sent.at - end.first_sent.at),
        Treated::Late | Treated::AckIgnored => syn
            .zip(handshake.syn_ack)
            .map(|(syn, syn_ack)| syn_ack.last.at - syn.first.at),
        Treated::Unserved | Treated::Taken => None,
    }
    .unwrap_or(Span::ZERO)
}

fn exhibit(view: &View<'_>, flow: &TcpFlow, treated: Treated) -> Option<Exhibit> {
    let (syn, syn_ack) = (flow.handshake.syn?, flow.handshake.syn_ack);
    Some(match treated {
        Treated::Forgotten => {
            let end = flow.sent_by_client.unacked_end.as_deref()?;
            let says = format!(
                "the request is repeated {} times within {}; the server, for which the connection never opened, acknowledges nothing",
                end.repeats,
                end.last_sent.at - end.first_sent.at
            );
            view.in_flow(flow, end.first_sent.frame(), end.last_sent.frame(), says)
        }
        Treated::Ignored | Treated::Late => view.in_flow(
            flow,
            syn.first.frame(),
            syn.last.frame(),
            format!(
                "{} SYNs within {}{}",
                syn.count,
                syn.last.at - syn.first.at,
                if syn_ack.is_some() {
                    ", then an answer"
                } else {
                    ", no answer"
                }
            ),
        ),
        Treated::AckIgnored => {
            let syn_ack = syn_ack?;
            view.in_flow(
                flow,
                syn_ack.first.frame(),
                syn_ack.last.frame(),
                "the SYN-ACK is repeated although the client's ACK has arrived",
            )
        }
        Treated::Unserved => {
            let request = flow.exchanges.unanswered.as_ref()?.request;
            view.at(
                flow,
                request,
                "accepted by the kernel, but the program never answers",
            )
        }
        Treated::Taken => return None,
    })
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let server = sightings
        .first()
        .map(|sighting| sighting.group.clone())
        .unwrap_or_default();
    let mut numbers: BTreeMap<u8, usize> = BTreeMap::new();
    let (mut all, mut in_time) = (0, 0);
    let attempted = hosts::seen(view, sightings).first().map(|flow| flow.server);
    for flow in attempted
        .into_iter()
        .flat_map(|server| hosts::to(view, server))
    {
        let Some(treated) = treated(flow) else {
            continue;
        };
        all += 1;
        in_time += usize::from(matches!(treated, Treated::Taken | Treated::Unserved));
        *numbers.entry(rank(treated)).or_default() += 1;
    }
    let number = |treated| numbers.get(&rank(treated)).copied().unwrap_or(0);
    let shut_out =
        number(Treated::Forgotten) + number(Treated::Ignored) + number(Treated::AckIgnored);
    let story = Story::observed(
        format!(
            "{server} took {in_time} of {}, left {shut_out} waiting in vain and {} late: its accept queue is full",
            count(all, "connection"),
            number(Treated::Late)
        ),
        "nstat -az on the server: TcpExtListenOverflows and TcpExtListenDrops that do not grow; or a load balancer with one dead server behind this address",
    );
    let story = if shut_out == 0 {
        story.severity(Severity::Medium)
    } else {
        story
    };
    story
        .advise("See the queue on the server: ss -ltn shows Recv-Q (waiting) against Send-Q (the limit); nstat -az TcpExtListenOverflows counts what was dropped")
        .advise("Find out why the program does not call accept(): blocked or overloaded workers, too few of them, a stopped process")
        .advise("For short bursts raise the limit: net.core.somaxconn together with the program's backlog (nginx: listen … backlog=4096; Apache: ListenBacklog; Node.js: server.listen({backlog}))")
}
