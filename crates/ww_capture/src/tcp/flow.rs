//! One connection while it is read.

use super::labels::{LabelState, Labelled};
use super::repair::TIMEOUT_MIN;
use super::segment::{ACK, FIN, RST, SYN, Segment};
use super::side::SideState;
use super::symptoms::{Case, Symptoms};
use super::table::Key;
use super::talk::Talk;
use ww_base::{Limits, Span};
use ww_evidence::{
    Close, Endpoint, Handshake, IdleBreak, Mark, Orientation, PortReuse, Repeated, SideId,
    SymptomKind, TlsAlert, Vantage,
};

/// One connection while it is read. Arrays are indexed by side: 0 the client, 1 the server.
#[derive(Debug)]
pub(crate) struct Flow {
    pub(crate) key: Key,
    pub(crate) stream: u32,
    /// The direction of the key (0 or 1) that the client sends in.
    pub(crate) client_way: usize,
    pub(crate) orientation: Orientation,
    pub(crate) first: Mark,
    pub(crate) last: Mark,
    pub(crate) labels: LabelState,
    pub(crate) sides: [SideState; 2],
    pub(crate) handshake: Handshake,
    pub(crate) symptoms: Symptoms,
    pub(crate) talk: Talk,
    pub(crate) close: Option<Close>,
    pub(crate) quiet: Option<Box<Quiet>>,
    pub(crate) idle_break: Option<Box<IdleBreak>>,
    pub(crate) longest_idle: Span,
    pub(crate) last_data: Option<Mark>,
    pub(crate) reuse: Option<Box<PortReuse>>,
    pub(crate) tls_alert: Option<Box<TlsAlert>>,
}

/// A capture has tens of thousands: two to a page of memory.
const _: () = assert!(size_of::<Flow>() <= 2048);

/// A quiet on the whole connection, and who broke it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quiet {
    pub(crate) idle: Span,
    pub(crate) before: Mark,
    pub(crate) by: SideId,
    pub(crate) resumed: Mark,
    /// Where its data begins.
    pub(crate) seq: u32,
    /// The other side has sent something since.
    pub(crate) answered: bool,
    /// The other side has acknowledged some of it.
    pub(crate) acknowledged: bool,
    /// What resumed was data, not a bare ACK.
    pub(crate) with_data: bool,
    /// How often data was repeated since.
    pub(crate) repeats: u32,
}

/// What the frame means for the capture as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noted {
    /// A copy of an earlier frame: delay, and whether the hop limit changed.
    pub(crate) copy: Option<(Span, bool)>,
    /// Longer than the connection's maximum segment size.
    pub(crate) offloaded: bool,
}

impl Flow {
    /// A connection that begins with `segment`, sent in direction `way` of `key`.
    pub(crate) fn new(key: Key, way: usize, stream: u32, mark: Mark, flags: u16) -> Flow {
        let [low, high] = key.ends();
        let (src, dst) = if way == 0 { (low, high) } else { (high, low) };
        let (orientation, src_is_client) = match flags & (SYN | ACK) {
            SYN => (Orientation::BySyn, true),
            both if both == SYN | ACK => (Orientation::BySynAck, false),
            _ => (
                Orientation::Guessed,
                (src.port, src.addr) > (dst.port, dst.addr),
            ),
        };
        Flow {
            key,
            stream,
            client_way: if src_is_client { way } else { 1 - way },
            orientation,
            first: mark,
            last: mark,
            labels: LabelState::default(),
            sides: [SideState::default(), SideState::default()],
            handshake: Handshake::default(),
            symptoms: Symptoms::default(),
            talk: Talk::default(),
            close: None,
            quiet: None,
            idle_break: None,
            longest_idle: Span::ZERO,
            last_data: None,
            reuse: None,
            tls_alert: None,
        }
    }

    /// The client and the server.
    pub(crate) fn ends(&self) -> [Endpoint; 2] {
        let [low, high] = self.key.ends();
        if self.client_way == 0 {
            [low, high]
        } else {
            [high, low]
        }
    }

    /// Which side sends in direction `way` of the key.
    pub(crate) fn side_of(&self, way: usize) -> SideId {
        if way == self.client_way {
            SideId::Client
        } else {
            SideId::Server
        }
    }

    /// A segment of it was captured; others are only quoted by ICMP errors.
    pub(crate) fn was_seen(&self) -> bool {
        self.sides.iter().any(|side| side.frames > 0)
    }

    /// Takes in one labelled segment.
    pub(crate) fn take(
        &mut self,
        from: SideId,
        segment: &Segment<'_>,
        labelled: &Labelled,
        limits: &Limits,
    ) -> Noted {
        self.note_quiet(from, segment);
        let [client, server] = &mut self.sides;
        let side = match from {
            SideId::Client => client,
            SideId::Server => server,
        };
        side.frames += 1;
        if let Some(copy) = side.recent.add(segment) {
            let case = Case {
                frame: segment.mark.frame(),
                bytes: segment.len,
                lost: Span::ZERO,
            };
            self.symptoms.add(SymptomKind::Copy, from, case);
            self.last = segment.mark;
            return Noted {
                copy: Some(copy),
                offloaded: false,
            };
        }
        if segment.has(RST) {
            side.heard = Some(segment.mark);
            self.take_reset(from, segment);
        } else {
            self.take_regular(from, segment, labelled, limits);
        }
        self.last = segment.mark;
        Noted {
            copy: None,
            offloaded: self.is_offloaded(from, segment),
        }
    }

    fn take_regular(
        &mut self,
        from: SideId,
        segment: &Segment<'_>,
        labelled: &Labelled,
        limits: &Limits,
    ) {
        self.note_life_after_reset(from, segment);
        if segment.has(SYN) {
            self.take_syn(from, segment);
        } else if self.handshake.syn.is_some() && self.handshake.ack.is_none() {
            self.note_handshake_ack(from, segment);
        }
        let mut step = self.step(from, segment, limits);
        let after_silence = step
            .f
            .heard
            .is_none_or(|mark| segment.at() - mark.at >= TIMEOUT_MIN);
        if after_silence {
            step.end_silence();
        }
        step.f.heard = Some(segment.mark);
        step.f.count_ttl(segment.ttl);
        let id_step = match segment.ip_id {
            Some(id) if !segment.has(SYN) => Some(step.f.ids.add(id, after_silence)),
            _ => None,
        };
        if segment.has(ACK) {
            step.acknowledge(labelled);
        }
        step.timestamps();
        step.window();
        if segment.has(SYN) {
            step.f.space.start(segment.end());
        } else if segment.len > 0 || segment.has(FIN) {
            step.data(labelled, id_step);
        } else {
            step.empty(labelled);
        }
        if segment.has(FIN) {
            self.take_fin(from, segment);
        }
        if segment.len > 0 {
            self.note_alert(from, segment);
        }
    }

    fn take_syn(&mut self, from: SideId, segment: &Segment<'_>) {
        let index = from as usize;
        if let Some(side) = self.sides.get_mut(index) {
            side.note_options(&segment.options().unwrap_or_default(), segment);
        }
        let seen = if segment.has(ACK) {
            if self.handshake.ack.is_some() {
                self.handshake.syn_acks_after_ack += 1;
            }
            &mut self.handshake.syn_ack
        } else {
            &mut self.handshake.syn
        };
        match seen {
            Some(repeated) => {
                repeated.last = segment.mark;
                repeated.count += 1;
            }
            None => {
                *seen = Some(Repeated {
                    first: segment.mark,
                    last: segment.mark,
                    count: 1,
                });
            }
        }
    }

    /// The client's ACK of the SYN-ACK, or a foreign ACK in answer to the SYN.
    fn note_handshake_ack(&mut self, from: SideId, segment: &Segment<'_>) {
        if !segment.has(ACK) {
            return;
        }
        match from {
            SideId::Client if self.handshake.syn_ack.is_some() => {
                self.handshake.ack = Some(segment.mark);
            }
            SideId::Server if self.handshake.syn_ack.is_none() => {
                self.handshake.foreign_ack.get_or_insert(segment.mark);
            }
            _ => {}
        }
    }

    /// A fatal TLS alert in clear: record type 21, two bytes, level 2 (RFC 5246 section 7.2).
    fn note_alert(&mut self, from: SideId, segment: &Segment<'_>) {
        if let [21, 3, _, 0, 2, 2, number, ..] = *segment.payload {
            self.tls_alert.get_or_insert_with(|| {
                Box::new(TlsAlert {
                    by: from,
                    number,
                    mark: segment.mark,
                })
            });
        }
    }

    fn is_offloaded(&self, from: SideId, segment: &Segment<'_>) -> bool {
        let limit = self
            .sides
            .get(1 - from as usize)
            .and_then(|other| other.options)
            .and_then(|options| options.mss)
            .map_or(8960, u32::from);
        segment.len > limit
    }

    /// Where the capture was taken.
    pub(crate) fn vantage(&self) -> Vantage {
        let [client, server] = &self.sides;
        let (to_server, to_client) = match self.handshake_halves() {
            Some(halves) => halves,
            None if client.ack_rtt.count >= 3 && server.ack_rtt.count >= 3 => {
                (client.ack_rtt.min, server.ack_rtt.min)
            }
            None => return Vantage::Unknown,
        };
        let total = to_server + to_client;
        if total < Span::from_micros(500) {
            return Vantage::Unknown;
        }
        if to_client.times(6) < total {
            Vantage::Client
        } else if to_server.times(6) < total {
            Vantage::Server
        } else if to_client.min(to_server) > Span::from_millis(1) {
            Vantage::Between
        } else {
            Vantage::Unknown
        }
    }

    /// From the capture point to the server and back, and to the client and back, by a handshake
    /// that went well at once.
    fn handshake_halves(&self) -> Option<(Span, Span)> {
        self.handshake.round_trip()?;
        let (syn, syn_ack, ack) = (
            self.handshake.syn?,
            self.handshake.syn_ack?,
            self.handshake.ack?,
        );
        let [client, server] = &self.sides;
        let mut halves = (syn_ack.first.at - syn.first.at, ack.at - syn_ack.first.at);
        // Later segments may show a shorter way than the handshake did.
        if let Some(rtt) = client.ack_rtt.shortest() {
            halves.0 = halves.0.min(rtt);
        }
        if let Some(rtt) = server.ack_rtt.shortest() {
            halves.1 = halves.1.min(rtt);
        }
        Some((halves.0.or_zero(), halves.1.or_zero()))
    }

    /// The shortest full round trip known so far.
    pub(crate) fn round_trip(&self) -> Option<Span> {
        let [client, server] = &self.sides;
        let by_acks = match (client.ack_rtt.shortest(), server.ack_rtt.shortest()) {
            (Some(there), Some(back)) => Some(there + back),
            _ => None,
        };
        match (self.handshake.round_trip(), by_acks) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
        .filter(|rtt| *rtt > Span::ZERO)
    }

    /// The working set for one segment.
    pub(crate) fn step<'s>(
        &'s mut self,
        from: SideId,
        segment: &'s Segment<'s>,
        limits: &'s Limits,
    ) -> Step<'s> {
        let [client, server] = &mut self.sides;
        let (f, r) = match from {
            SideId::Client => (client, server),
            SideId::Server => (server, client),
        };
        Step {
            from,
            segment,
            limits,
            f,
            r,
            symptoms: &mut self.symptoms,
            talk: &mut self.talk,
            quiet: &mut self.quiet,
            last_data: &mut self.last_data,
            longest_idle: &mut self.longest_idle,
            labels: &mut self.labels,
            handshake: &self.handshake,
            client_way: self.client_way,
        }
    }
}

/// The parts of a connection that one segment touches: `f` is the side that sent it, `r` the other.
pub(crate) struct Step<'s> {
    pub(crate) from: SideId,
    pub(crate) segment: &'s Segment<'s>,
    pub(crate) limits: &'s Limits,
    pub(crate) f: &'s mut SideState,
    pub(crate) r: &'s mut SideState,
    pub(crate) symptoms: &'s mut Symptoms,
    pub(crate) talk: &'s mut Talk,
    pub(crate) quiet: &'s mut Option<Box<Quiet>>,
    pub(crate) last_data: &'s mut Option<Mark>,
    pub(crate) longest_idle: &'s mut Span,
    pub(crate) labels: &'s mut LabelState,
    pub(crate) handshake: &'s Handshake,
    pub(crate) client_way: usize,
}

impl Step<'_> {
    /// Counts a symptom of `side` at this segment.
    pub(crate) fn log(&mut self, kind: SymptomKind, side: SideId, bytes: u32, lost: Span) {
        self.symptoms.add(
            kind,
            side,
            Case {
                frame: self.segment.mark.frame(),
                bytes,
                lost,
            },
        );
    }

    /// The direction of the connection's key in which the segment goes, by which labels are kept.
    pub(crate) fn way(&self) -> usize {
        match self.from {
            SideId::Client => self.client_way,
            SideId::Server => 1 - self.client_way,
        }
    }

    /// The shortest full round trip known so far.
    pub(crate) fn round_trip(&self) -> Option<Span> {
        let by_acks = match (self.f.ack_rtt.shortest(), self.r.ack_rtt.shortest()) {
            (Some(there), Some(back)) => Some(there + back),
            _ => None,
        };
        match (self.handshake.round_trip(), by_acks) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
        .filter(|rtt| *rtt > Span::ZERO)
    }

    /// The capture was taken near the receiver of this segment: what passed, it has.
    pub(crate) fn near_receiver(&self) -> bool {
        let to_receiver = self.f.ack_rtt.shortest();
        let to_sender = self.r.ack_rtt.shortest().or(self.round_trip());
        match (to_receiver, to_sender) {
            (Some(to_receiver), Some(to_sender)) => {
                to_sender > Span::from_millis(1) && to_receiver.times(5) < to_sender
            }
            _ => false,
        }
    }

    /// The window that `r` last advertised, when its scale is known.
    pub(crate) fn receiver_window(&self) -> Option<u32> {
        self.r.window_known.then_some(self.r.window_now)
    }
}
