//! Losses of one direction of a connection, as several rules count them.

use crate::roster::{Row, Trait};
use crate::{Sighting, Subject, View};
use ww_base::Span;
use ww_evidence::{Bulk, Side, SideId, SymptomKind, TcpFlow, Vantage};
use ww_finding::Exhibit;

/// Losses of one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Losses {
    /// Lost before the capture point.
    pub(crate) before: u32,
    /// Lost after it.
    pub(crate) after: u32,
    /// Data segments that were sent, repetitions and those lost before the capture point included.
    pub(crate) segments: u64,
    /// Time lost until the repetitions passed.
    pub(crate) lost: Span,
    /// Repaired by a timeout at the tail of a transfer.
    pub(crate) tail_timeouts: u32,
    /// Silence before those.
    pub(crate) tail_lost: Span,
    /// Repaired by another timeout.
    pub(crate) timeouts: u32,
    /// Silence before those.
    pub(crate) timeout_lost: Span,
}

impl Losses {
    /// What was lost of a side's data; repetitions that nobody answered any more are no losses of
    /// the path but its end.
    pub(crate) fn of(flow: &TcpFlow, side: SideId) -> Losses {
        let sent = flow.side(side);
        if flow.symptoms.is_empty() {
            return Losses {
                segments: sent.data_segments,
                ..Losses::default()
            };
        }
        // A FIN that is sent again alone is no loss to begin with.
        let dead_end = sent
            .unacked_end
            .as_deref()
            .filter(|end| end.repeats > 0)
            .filter(|end| end.length > 1 || sent.fin != Some(end.first_sent));
        let dead = dead_end.map_or(0, |end| end.repeats);
        let dead_lost = dead_end.map_or(Span::ZERO, |end| end.last_sent.at - end.first_sent.at);
        let after = flow.count(SymptomKind::LossAfter, side);
        let before = flow.count(SymptomKind::LossBefore, side);
        let lost =
            flow.lost(SymptomKind::LossAfter, side) + flow.lost(SymptomKind::LossBefore, side);
        Losses {
            before,
            after: after.saturating_sub(dead),
            segments: sent.data_segments + u64::from(after) + u64::from(before),
            lost: (lost - dead_lost).or_zero(),
            tail_timeouts: flow
                .count(SymptomKind::TailTimeout, side)
                .saturating_sub(dead),
            tail_lost: (flow.lost(SymptomKind::TailTimeout, side) - dead_lost).or_zero(),
            timeouts: flow.count(SymptomKind::Timeout, side),
            timeout_lost: flow.lost(SymptomKind::Timeout, side),
        }
    }

    /// All of them.
    pub(crate) fn count(&self) -> u32 {
        self.before + self.after
    }

    /// Share of the segments.
    pub(crate) fn share(&self) -> f64 {
        f64::from(self.count()) / self.segments.max(1) as f64
    }

    /// Most of the time went into waiting for timers at the tails of transfers, which no duplicate
    /// ACK could have shortened.
    pub(crate) fn mostly_at_tails(&self) -> bool {
        let others = self.count().saturating_sub(self.tail_timeouts);
        self.tail_timeouts >= 1
            && self.tail_timeouts >= others
            && self.tail_lost.times(2) >= self.lost.max(self.timeout_lost)
    }
}

/// How a capture point lies to the sender of a direction.
pub(crate) fn at_sender(flow: &TcpFlow, side: SideId) -> bool {
    matches!(
        (flow.vantage, side),
        (Vantage::Client, SideId::Client) | (Vantage::Server, SideId::Server)
    )
}

/// Where a side's losses happened, in words.
pub(crate) fn place(losses: &Losses) -> &'static str {
    match (losses.before, losses.after) {
        (0, _) => "after the capture point",
        (_, 0) => "before the capture point",
        _ => "before and after the capture point",
    }
}

/// Round trips below which nothing is said about delay under load.
const SAMPLES_MIN: u32 = 6;

/// How the delay of a bulk direction stands to its emptiest moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    /// Shortest round trip seen.
    pub(crate) base: Span,
    /// Round trip under load: nine in ten samples were shorter.
    pub(crate) loaded: Span,
}

impl Queue {
    /// Of a direction; at the receiver the echo of its timestamps shows the sender's round trip.
    pub(crate) fn of(flow: &TcpFlow, side: SideId) -> Option<Queue> {
        let sender = flow.side(side);
        let receiver = flow.side(side.other());
        let stats = if at_sender(flow, side) {
            &sender.ack_rtt
        } else {
            &receiver.timestamp_rtt
        };
        if stats.count < SAMPLES_MIN {
            return None;
        }
        Some(Queue {
            base: flow.rtt.map_or(stats.min, |rtt| rtt.min(stats.min)),
            loaded: stats.quantile(0.9)?,
        })
    }

    /// Time spent waiting in queues.
    pub(crate) fn added(&self) -> Span {
        (self.loaded - self.base).or_zero()
    }

    /// Three times the base and at least 40 ms more.
    pub(crate) fn swollen(&self) -> bool {
        self.loaded >= self.base.times(3) && self.added() >= Span::from_millis(40)
    }
}

/// The rate of a bulk direction near which it is held, bytes per second: measured where delivery
/// shows best, the arrivals at the receiver, the acknowledgements at the sender.
pub(crate) fn plateau(flow: &TcpFlow, side: SideId, bulk: &Bulk) -> Option<f64> {
    let bins = if at_sender(flow, side) {
        &bulk.acknowledged
    } else {
        &bulk.arrivals
    };
    let steady = bins.variation()? <= 0.3 && bins.count >= 8;
    steady.then(|| bins.mean()).flatten()
}

/// Directions of a flow with their side.
pub(crate) fn directions(flow: &TcpFlow) -> [(SideId, &Side); 2] {
    [
        (SideId::Client, &flow.sent_by_client),
        (SideId::Server, &flow.sent_by_server),
    ]
}

/// The window of the receiver of `side`'s data over the round trip, bytes per second.
pub(crate) fn window_rate(flow: &TcpFlow, side: SideId) -> Option<f64> {
    let window = flow.side(side.other()).window_max;
    let rtt = flow.rtt?;
    (window > 0 && rtt > Span::ZERO).then(|| f64::from(window) / rtt.as_secs())
}

/// Which way the data went, in words.
pub(crate) fn way(side: SideId) -> &'static str {
    match side {
        SideId::Client => "to the server",
        SideId::Server => "to the client",
    }
}

/// Bits per second as an engineer says them.
pub(crate) fn bit_rate(bytes_per_second: f64) -> String {
    let bits = bytes_per_second * 8.0;
    if bits >= 1e9 {
        format!("{:.1} Gbit/s", bits / 1e9)
    } else if bits >= 1e6 {
        format!("{:.1} Mbit/s", bits / 1e6)
    } else {
        format!("{:.0} kbit/s", bits / 1e3)
    }
}

/// Repetitions prove nothing in a capture that holds packets twice.
pub(crate) fn can_judge_repetitions(view: &View<'_>) -> bool {
    !view.trust.duplicated
}

/// The connections to the servers to or from which some direction passes a test that it passes by its symptoms.
pub(crate) fn of_servers_with<'a>(
    view: &View<'a>,
    test: impl Fn(&TcpFlow, SideId) -> bool,
) -> impl Iterator<Item = (Subject, &'a TcpFlow)> {
    let roster = view.roster();
    let mut concerned = vec![false; roster.hosts.listed().len()];
    for (subject, flow) in view.flows_that_are(Trait::Troubled) {
        let passes = [SideId::Client, SideId::Server]
            .iter()
            .any(|&side| test(flow, side));
        let row = roster.connection(subject).filter(|_| passes);
        if let Some(server) = row.and_then(|row| concerned.get_mut(row.server as usize)) {
            *server = true;
        }
    }
    let of_server = move |row: &Row| concerned.get(row.server as usize) == Some(&true);
    let connections = roster.connections().filter(move |(_, row)| of_server(row));
    connections.filter_map(|(subject, _)| Some((subject, view.flow(subject)?)))
}

/// The group key of a direction towards or from a server's host.
pub(crate) fn direction_key(flow: &TcpFlow, side: SideId) -> String {
    format!("{} {}", flow.server.addr, way(side))
}

/// The group key of a direction towards or from all servers of a client's host.
pub(crate) fn client_key(flow: &TcpFlow, side: SideId) -> String {
    format!("servers of {} {}", flow.client.addr, way(side))
}

/// The side whose data a group made by [`direction_key`] or [`client_key`] is about.
pub(crate) fn side_of_key(key: &str) -> SideId {
    if key.ends_with(way(SideId::Client)) {
        SideId::Client
    } else {
        SideId::Server
    }
}

/// The connections of a group made by [`direction_key`] or [`client_key`], with the side concerned.
pub(crate) fn concerned<'v>(
    view: &View<'v>,
    group: &[Sighting],
) -> impl Iterator<Item = (&'v TcpFlow, SideId)> {
    group.iter().filter_map(|sighting| {
        let flow = view.flow(*sighting.subjects.first()?)?;
        Some((flow, side_of_key(&sighting.group)))
    })
}

/// The hosts between which the first connection of a group sends, as [`path`] says them.
pub(crate) fn between(view: &View<'_>, group: &[Sighting]) -> String {
    concerned(view, group)
        .next()
        .map(|(flow, side)| path(flow, side))
        .unwrap_or_default()
}

/// Host names of a direction, sender first: `10.0.0.1 to 10.0.0.5`.
pub(crate) fn path(flow: &TcpFlow, side: SideId) -> String {
    format!(
        "{} to {}",
        flow.endpoint(side).addr,
        flow.endpoint(side.other()).addr
    )
}

impl std::ops::AddAssign for Losses {
    fn add_assign(&mut self, other: Losses) {
        self.before += other.before;
        self.after += other.after;
        self.segments += other.segments;
        self.lost += other.lost;
        self.tail_timeouts += other.tail_timeouts;
        self.tail_lost += other.tail_lost;
        self.timeouts += other.timeouts;
        self.timeout_lost += other.timeout_lost;
    }
}

/// The first frame of a symptom, as an exhibit.
pub(crate) fn show(
    view: &View<'_>,
    flow: &TcpFlow,
    kind: SymptomKind,
    side: SideId,
    says: &str,
) -> Option<Exhibit> {
    let symptom = flow.symptom(kind, side)?;
    let frame = symptom
        .frames
        .first()
        .copied()
        .unwrap_or(symptom.worst_frame);
    Some(view.in_flow(flow, frame, frame, says))
}
