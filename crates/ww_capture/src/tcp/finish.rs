//! A connection that was read to evidence.

use super::flights::judge_flights;
use super::flow::Flow;
use super::side::SideState;
use super::space::Space;
use ww_base::Moment;
use ww_evidence::{Side, SideId, SymptomKind, TcpFlow, UnackedEnd, UnfilledHole};

/// What the capture shows of a connection; `end` is the capture's last moment.
pub(crate) fn evidence(flow: &mut Flow, end: Moment) -> TcpFlow {
    let rtt = flow.round_trip();
    let vantage = flow.vantage();
    let given_up = flow.given_up();
    let silent_break = flow.silent_break();
    let last = flow.last;
    let [client_end, server_end] = flow.ends();
    let [client, server] = &mut flow.sides;
    for (whose, side) in [(SideId::Client, &*client), (SideId::Server, &*server)] {
        judge_flights(side, whose, rtt, &mut flow.symptoms);
        if let Some(since) = side.zero_since
            && side.zero_probed
        {
            flow.symptoms.add(
                SymptomKind::ZeroWindow,
                whose,
                super::symptoms::Case {
                    frame: since.frame(),
                    bytes: 0,
                    lost: last.at - since.at,
                },
            );
        }
    }
    let way = flow.client_way;
    let unacked = [
        unacked_end(&flow.labels, way, client, server),
        unacked_end(&flow.labels, 1 - way, server, client),
    ];
    let holes = [
        unfilled_hole(&client.space, server),
        unfilled_hole(&server.space, client),
    ];
    let [client_unacked, server_unacked] = unacked;
    let [client_hole, server_hole] = holes;
    let largest = |way: usize| {
        let side = flow.labels.sides.get(way);
        side.map_or(0, |side| side.largest_acknowledged)
    };
    TcpFlow {
        stream: flow.stream,
        client: client_end,
        server: server_end,
        orientation: flow.orientation,
        first: flow.first,
        last,
        handshake: flow.handshake.clone(),
        sent_by_client: side(client, largest(way), client_unacked, client_hole),
        sent_by_server: side(server, largest(1 - way), server_unacked, server_hole),
        vantage,
        rtt,
        symptoms: std::mem::take(&mut flow.symptoms).finish(),
        exchanges: flow.talk.finish(end, given_up),
        close: flow.close,
        idle_break: flow.idle_break.take().or(silent_break),
        longest_idle: flow.longest_idle,
        reuse: flow.reuse.take(),
        tls_alert: flow.tls_alert.take(),
    }
}

fn side(
    state: &mut SideState,
    largest_acknowledged: u32,
    unacked_end: Option<UnackedEnd>,
    unfilled_hole: Option<UnfilledHole>,
) -> Side {
    let loss_episodes = state.trouble().map_or(0, |trouble| trouble.loss_episodes);
    let standstills = state
        .known_trouble()
        .map(|trouble| std::mem::take(&mut trouble.standstills));
    let [from, to] = state.silence;
    Side {
        frames: state.frames,
        data_segments: state.data_segments,
        bytes: state.bytes,
        largest_segment: state.largest_segment,
        largest_acknowledged,
        options: state.options,
        ttl: state.ttl,
        first_data: state.first_data,
        last_data: state.last_data,
        heard: state.heard,
        fin: state.fin,
        reset: state.reset.take(),
        ack_rtt: std::mem::take(&mut state.ack_rtt),
        timestamp_rtt: std::mem::take(&mut state.timestamp_rtt),
        window_min: state.window_min,
        window_max: state.window_max,
        window_zero_at_end: state.zero_since.is_some(),
        ack_advances: state.ack_advances,
        unacked_end: unacked_end.map(Box::new),
        standstills: standstills.unwrap_or_default(),
        longest_silence: (from < to).then_some([from, to]),
        unfilled_hole: unfilled_hole.map(Box::new),
        flights: state.flights,
        bulk: state
            .bulk
            .take()
            .map(|bulk| Box::new(bulk.finish(loss_episodes))),
    }
}

/// Data of `own` that `peer` never acknowledged.
fn unacked_end(
    labels: &super::labels::LabelState,
    way: usize,
    own: &SideState,
    peer: &SideState,
) -> Option<UnackedEnd> {
    let bytes = own.outstanding(peer);
    let last_sent = own.last_sent?;
    if bytes == 0 {
        return None;
    }
    let oldest = labels.sides.get(way)?.unacked.front()?;
    let repeats = match (peer.acked, own.trouble()) {
        (Some(acked), Some(trouble)) if acked == trouble.oldest_seq => trouble.oldest_repeats,
        _ => 0,
    };
    Some(UnackedEnd {
        bytes,
        first_sent: ww_evidence::Mark::new(oldest.frame, oldest.at),
        repeats,
        last_sent,
        length: oldest.end.wrapping_sub(oldest.start),
        peer_heard_after: peer.heard.is_some_and(|mark| mark.at > oldest.at),
    })
}

/// The oldest hole that stayed open.
fn unfilled_hole(space: &Space, peer: &SideState) -> Option<UnfilledHole> {
    let hole = space.holes().first()?;
    Some(UnfilledHole {
        bytes: hole.end.wrapping_sub(hole.start),
        revealed: hole.opened,
        by_empty_frame: hole.by_empty,
        unacknowledged: peer
            .acked
            .is_none_or(|acked| super::seq::at_or_before(acked, hole.start)),
    })
}
