//! One TCP connection from its SYN to its end, simulated event by event as the capture sees it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::path::Path;
use super::receiver::Receiver;
use super::rng::Rng;
use super::script::{Connection, Ending};
use super::sender::{Expiry, Piece, Sender};
use super::types::{Body, Micros, Packet, Pair, Segment, Side, flag};

const ETHERNET_IP_TCP_BYTES: i64 = 66;
const SYN_RETRY: Micros = 1_000_000;
const SYN_TRIES: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Turn,
    Close(Side),
    Arrival(Side, usize),
    SenderTimer(Side),
    AckTimer(Side),
    Reader(Side),
    KeepAlive,
    SynTimer(Side),
}

#[derive(Debug)]
struct End {
    sender: Sender,
    receiver: Receiver,
    isn: u32,
    ip_id: u16,
    clock: u32,
    echo: u32,
    scale: u8,
    open: bool,
    syn_tries: u32,
    gone: bool,
    fin_at: Option<u32>,
    timers: (bool, bool),
}

struct Run<'a> {
    connection: &'a Connection,
    rng: &'a mut Rng,
    path: Path,
    ends: Pair<End>,
    queue: BinaryHeap<Reverse<(Micros, u32, What)>>,
    order: u32,
    now: Micros,
    flying: Vec<Segment>,
    free: Vec<usize>,
    packets: Vec<Packet>,
    turn: usize,
    said: Pair<u32>,
    busy: Micros,
}

/// The packets of a connection as they pass the capture point, in order of time.
pub(super) fn simulate(connection: &Connection, rng: &mut Rng) -> Vec<Packet> {
    let mut run = Run::new(connection, rng);
    run.send_syn(Side::Client);
    while let Some(Reverse((at, _, what))) = run.queue.pop() {
        if at > connection.horizon {
            break;
        }
        run.now = at;
        run.happen(what);
    }
    run.packets.sort_by_key(|packet| packet.at);
    run.packets
}

impl<'a> Run<'a> {
    fn new(connection: &'a Connection, rng: &'a mut Rng) -> Self {
        let ends = Pair {
            client: End::new(connection, Side::Client, rng),
            server: End::new(connection, Side::Server, rng),
        };
        Self {
            connection,
            rng,
            path: Path::new(connection.way),
            ends,
            queue: BinaryHeap::new(),
            order: 0,
            now: connection.start,
            flying: Vec::new(),
            free: Vec::new(),
            packets: Vec::new(),
            turn: 0,
            said: Pair::default(),
            busy: connection.start,
        }
    }

    fn after(&mut self, at: Micros, what: What) {
        self.order += 1;
        self.queue
            .push(Reverse((at.max(self.now), self.order, what)));
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Turn => self.speak(),
            What::Close(side) => self.close(side),
            What::Arrival(side, index) => self.arrive(side, index),
            What::SenderTimer(side) => self.sender_timer(side),
            What::AckTimer(side) => self.ack_timer(side),
            What::Reader(side) => self.read_on(side),
            What::KeepAlive => self.keep_alive(),
            What::SynTimer(side) => self.syn_timer(side),
        }
    }

    // The conversation.

    fn speak(&mut self) {
        let Some(turn) = self.connection.turns.get(self.turn).copied() else {
            return;
        };
        *self.said.of_mut(turn.from) += turn.len;
        self.ends.of_mut(turn.from).sender.write(self.now, turn.len);
        self.pump(turn.from);
    }

    /// Go on with the conversation when what was said has arrived at `listener`.
    fn listen(&mut self, listener: Side) {
        let Some(turn) = self.connection.turns.get(self.turn) else {
            return;
        };
        let heard = self.ends.of(listener).receiver.next;
        if turn.from == listener || heard < *self.said.of(turn.from) {
            return;
        }
        self.turn += 1;
        self.schedule_turn(listener);
    }

    fn schedule_turn(&mut self, knows: Side) {
        let news = self.path.round_trip() / 2;
        let reaches = |side: Side| if side == knows { 0 } else { news };
        if let Some(next) = self.connection.turns.get(self.turn) {
            let at = self.now + reaches(next.from) + next.think;
            self.after(at, What::Turn);
        } else if let Ending::Close(side) | Ending::Reset(side) = self.connection.ending {
            let at = self.now + reaches(side) + self.connection.linger;
            self.after(at, What::Close(side));
        }
    }

    fn close(&mut self, side: Side) {
        if self.ends.of(side).gone {
            return;
        }
        if self.connection.ending == Ending::Reset(side) {
            self.ends.of_mut(side).gone = true;
            let piece = Piece {
                offset: self.ends.of(side).sender.next,
                len: 0,
                fin: false,
                push: false,
            };
            self.emit(side, piece, flag::RST | flag::ACK, 0);
        } else {
            self.ends.of_mut(side).sender.close();
            self.pump(side);
        }
    }

    // The handshake.

    fn send_syn(&mut self, side: Side) {
        let end = self.ends.of_mut(side);
        end.syn_tries += 1;
        let wait = SYN_RETRY << (end.syn_tries - 1);
        let flags = if side == Side::Client {
            flag::SYN
        } else {
            flag::SYN | flag::ACK
        };
        self.emit(
            side,
            Piece {
                offset: 0,
                len: 0,
                fin: false,
                push: false,
            },
            flags,
            0,
        );
        self.after(self.now + wait, What::SynTimer(side));
    }

    fn syn_timer(&mut self, side: Side) {
        let end = self.ends.of(side);
        if !end.open && !end.gone && end.syn_tries <= SYN_TRIES {
            self.send_syn(side);
        }
    }

    fn arrive_syn(&mut self, side: Side, segment: &Segment) {
        let rtt = self.path.round_trip();
        let end = self.ends.of_mut(side);
        end.sender.open_window(u32::from(segment.window));
        end.echo = segment.stamps.0;
        match side {
            Side::Server if end.open => self.send_ack(Side::Server),
            Side::Server if end.syn_tries > 0 => {
                self.emit(
                    side,
                    Piece {
                        offset: 0,
                        len: 0,
                        fin: false,
                        push: false,
                    },
                    flag::SYN | flag::ACK,
                    0,
                );
            }
            Side::Server => self.send_syn(Side::Server),
            Side::Client => {
                let first = !end.open;
                end.open = true;
                self.send_ack(Side::Client);
                if first {
                    self.ends.client.sender.first_sample(rtt);
                    if let Some((_, interval)) = self.connection.keep_alive {
                        self.after(self.now + interval, What::KeepAlive);
                    }
                    self.schedule_turn(Side::Client);
                }
            }
        }
    }

    // Arrivals.

    fn arrive(&mut self, side: Side, index: usize) {
        let Some(segment) = self.flying.get(index).copied() else {
            return;
        };
        self.free.push(index);
        if segment.flags & flag::RST != 0 {
            self.ends.of_mut(side).gone = true;
        } else if self.ends.of(side).gone {
            self.refuse(side, &segment);
        } else if segment.flags & flag::SYN != 0 {
            self.arrive_syn(side, &segment);
        } else if side == Side::Server || self.ends.of(side).open {
            self.arrive_segment(side, &segment);
        }
    }

    fn arrive_segment(&mut self, side: Side, segment: &Segment) {
        self.busy = self.now;
        let round_trip = self.path.round_trip();
        let peer_isn = self.ends.of(side.peer()).isn;
        let shift = self.ends.of(side.peer()).scale;
        let end = self.ends.of_mut(side);
        if !end.open {
            end.open = true;
            end.sender.first_sample(round_trip);
        }
        let start = segment.seq.wrapping_sub(peer_isn).wrapping_sub(1);
        let len = u32::from(segment.len) + u32::from(segment.flags & flag::FIN != 0);
        if start.wrapping_sub(end.receiver.next) as i32 <= 0 {
            end.echo = segment.stamps.0;
        }
        let isn = end.isn;
        let offset = |seq: u32| seq.wrapping_sub(isn).wrapping_sub(1);
        let blocks = segment
            .sack
            .map(|(left, right)| (offset(left), offset(right)));
        let used = blocks
            .get(..usize::from(segment.sack_count))
            .unwrap_or_default();
        let window = u32::from(segment.window) << shift;
        end.sender
            .acknowledge(self.now, offset(segment.ack), window, used, len == 0);
        if len > 0 {
            self.arrive_data(side, start, len, segment.flags & flag::FIN != 0);
        } else if start.wrapping_add(1) == self.ends.of(side).receiver.next {
            self.send_ack(side);
        }
        self.pump(side);
    }

    fn arrive_data(&mut self, side: Side, start: u32, len: u32, fin: bool) {
        let receiver = &mut self.ends.of_mut(side).receiver;
        let before = receiver.next;
        let was_stalled = receiver.stalled_until.is_some();
        let at_once = receiver.take(self.now, start, start + len);
        let advanced = receiver.next > before;
        let stalled_until = receiver.stalled_until.filter(|_| !was_stalled);
        if let Some(until) = stalled_until {
            self.after(until, What::Reader(side));
        }
        if advanced {
            self.listen(side);
        }
        let end = self.ends.of_mut(side);
        if fin {
            end.fin_at = Some(start + len);
        }
        if advanced && end.fin_at == Some(end.receiver.next) {
            let wait = self.rng.micros(60, 700);
            self.after(self.now + wait, What::Close(side));
        }
        if at_once {
            self.send_ack(side);
        }
        self.watch_ack_timer(side);
    }

    // Sending.

    fn pump(&mut self, side: Side) {
        if self.ends.of(side).gone || !self.ends.of(side).open {
            return;
        }
        while let Some(piece) = self.ends.of_mut(side).sender.next_piece(self.now) {
            let fin = if piece.fin { flag::FIN } else { 0 };
            let push = if piece.push { flag::PSH } else { 0 };
            self.emit(side, piece, flag::ACK | fin | push, 0);
        }
        let now = self.now;
        let sender = &mut self.ends.of_mut(side).sender;
        if sender.timer.is_none() {
            sender.arm(now);
        }
        self.watch_sender_timer(side);
    }

    fn send_ack(&mut self, side: Side) {
        let offset = self.ends.of(side).sender.next;
        self.emit(
            side,
            Piece {
                offset,
                len: 0,
                fin: false,
                push: false,
            },
            flag::ACK,
            0,
        );
    }

    /// Answer what arrives for a connection that is no more (RFC 9293 section 3.10.7.1).
    fn refuse(&mut self, side: Side, segment: &Segment) {
        let reset = Segment {
            seq: segment.ack,
            flags: flag::RST,
            ..Segment::default()
        };
        self.put(side, reset);
    }

    /// Send a piece with these flags, its sequence number moved `back`.
    fn emit(&mut self, side: Side, piece: Piece, flags: u8, back: u32) {
        let options = self.connection.options;
        let room = if options.timestamps { 2 } else { 3 };
        let peer_isn = self.ends.of(side.peer()).isn;
        let stamp = self.stamp(side);
        let end = self.ends.of_mut(side);
        let is_syn = flags & flag::SYN != 0;
        let (window, blocks) = end
            .receiver
            .acknowledge(if options.sack { room } else { 0 });
        let base = if is_syn {
            end.isn
        } else {
            end.isn.wrapping_add(1)
        };
        let mut segment = Segment {
            seq: base.wrapping_add(piece.offset).wrapping_sub(back),
            flags,
            window: if is_syn { window.min(64_240) } else { window },
            stamps: (stamp, 0),
            offset: piece.offset,
            len: piece.len as u16,
            ..Segment::default()
        };
        if flags & flag::ACK != 0 {
            let next = if is_syn { 0 } else { end.receiver.next };
            segment.ack = peer_isn.wrapping_add(1).wrapping_add(next);
            segment.stamps.1 = end.echo;
        }
        for (to, (left, right)) in segment.sack.iter_mut().zip(blocks) {
            let seq = |offset: u32| peer_isn.wrapping_add(1).wrapping_add(offset);
            *to = (seq(left), seq(right));
            segment.sack_count += 1;
        }
        self.put(side, segment);
    }

    fn stamp(&self, side: Side) -> u32 {
        let ticks = (self.now - self.connection.start) / 1000;
        self.ends.of(side).clock.wrapping_add(ticks as u32)
    }

    /// Put a segment on the way.
    fn put(&mut self, side: Side, segment: Segment) {
        let end = self.ends.of_mut(side);
        end.ip_id = end.ip_id.wrapping_add(1);
        let ip_id = end.ip_id;
        let bytes = ETHERNET_IP_TCP_BYTES + i64::from(segment.len);
        let trip = self.path.carry(self.rng, side, self.now, bytes);
        for at in trip.seen.into_iter().flatten() {
            self.packets.push(Packet {
                at,
                from: side,
                ip_id,
                body: Body::Tcp(segment),
            });
        }
        for at in trip.arrived.into_iter().flatten() {
            let index = self.park(segment);
            self.after(at, What::Arrival(side.peer(), index));
        }
    }

    fn park(&mut self, segment: Segment) -> usize {
        if let Some(index) = self.free.pop()
            && let Some(place) = self.flying.get_mut(index)
        {
            *place = segment;
            return index;
        }
        self.flying.push(segment);
        self.flying.len() - 1
    }

    // Timers. Each has at most one event under way; an early one looks again.

    fn watch_sender_timer(&mut self, side: Side) {
        let end = self.ends.of_mut(side);
        if let (Some(due), false) = (end.sender.timer, end.timers.0) {
            end.timers.0 = true;
            self.after(due, What::SenderTimer(side));
        }
    }

    fn sender_timer(&mut self, side: Side) {
        self.ends.of_mut(side).timers.0 = false;
        if self.ends.of(side).gone {
            return;
        }
        match self.ends.of_mut(side).sender.expire(self.now) {
            Expiry::Nothing => self.watch_sender_timer(side),
            Expiry::Retransmit => self.pump(side),
            Expiry::GiveUp => self.ends.of_mut(side).gone = true,
            Expiry::Probe => {
                self.probe(side);
                self.watch_sender_timer(side);
            }
        }
    }

    fn watch_ack_timer(&mut self, side: Side) {
        let end = self.ends.of_mut(side);
        if let (Some(due), false) = (end.receiver.ack_due, end.timers.1) {
            end.timers.1 = true;
            self.after(due, What::AckTimer(side));
        }
    }

    fn ack_timer(&mut self, side: Side) {
        let end = self.ends.of_mut(side);
        end.timers.1 = false;
        if end.gone {
            return;
        }
        if end.receiver.ack_due.is_some_and(|due| due <= self.now) {
            self.send_ack(side);
        }
        self.watch_ack_timer(side);
    }

    fn read_on(&mut self, side: Side) {
        if self.ends.of_mut(side).receiver.resume() && !self.ends.of(side).gone {
            self.send_ack(side);
        }
    }

    /// One byte back and empty, as Linux probes both an idle peer and a closed window.
    fn probe(&mut self, side: Side) {
        let offset = self.ends.of(side).sender.next;
        self.emit(
            side,
            Piece {
                offset,
                len: 0,
                fin: false,
                push: false,
            },
            flag::ACK,
            1,
        );
    }

    fn keep_alive(&mut self) {
        let Some((side, interval)) = self.connection.keep_alive else {
            return;
        };
        let closing = self.turn >= self.connection.turns.len()
            && self.connection.ending != Ending::Open
            && self.now - self.busy > self.connection.linger;
        if self.ends.of(side).gone || self.ends.of(side.peer()).gone || closing {
            return;
        }
        let sender = &self.ends.of(side).sender;
        if self.now - self.busy >= interval && sender.una == sender.next {
            self.probe(side);
            self.after(self.now + interval, What::KeepAlive);
        } else {
            self.after(
                (self.busy + interval).max(self.now + interval / 4),
                What::KeepAlive,
            );
        }
    }
}

impl End {
    fn new(connection: &Connection, side: Side, rng: &mut Rng) -> Self {
        let options = connection.options;
        let mss = u32::from(options.mss) - if options.timestamps { 12 } else { 0 };
        let scale = options.scale.map_or(0, |scale| *scale.of(side));
        let stall = connection
            .stall
            .filter(|(who, _)| *who == side)
            .map(|(_, stall)| stall);
        let buffer = *connection.buffers.of(side);
        Self {
            sender: Sender::new(mss, options.sack, connection.send_buffer),
            receiver: Receiver::new(buffer, scale, mss, stall, connection.eager_acks),
            isn: *connection.isns.of(side),
            ip_id: rng.next() as u16,
            clock: rng.next() as u32,
            echo: 0,
            scale,
            open: false,
            syn_tries: 0,
            gone: false,
            fin_at: None,
            timers: (false, false),
        }
    }
}
