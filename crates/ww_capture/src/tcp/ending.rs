//! Quiet, closes and resets.

use super::flow::{Flow, Quiet};
use super::segment::{ACK, Segment};
use super::seq::{after, at_or_after};
use super::side::SideState;
use ww_base::Span;
use ww_evidence::{Close, CloseKind, IdleBreak, IdleOutcome, Mark, Reset, SideId};

/// A connection that was quiet this long is followed with suspicion.
const QUIET_MIN: Span = Span::from_millis(500);

/// A reset or close answers a segment that came at most this long before.
const ANSWERS: Span = Span::from_secs(1);

impl Flow {
    /// Somebody speaks after a quiet, or answers who did.
    pub(crate) fn note_quiet(&mut self, from: SideId, segment: &Segment<'_>) {
        let idle = segment.at() - self.last.at;
        if idle >= QUIET_MIN && self.handshake_over() && !segment.has(super::segment::RST) {
            let unanswered_before = self
                .quiet
                .as_ref()
                .is_some_and(|quiet| !quiet.answered && quiet.by == from && quiet.repeats > 0);
            // Backed-off repetitions are quiet too; the first quiet is the one that matters.
            if !unanswered_before && !self.has_outstanding(from) {
                let known = self
                    .quiet
                    .take_if(|quiet| !quiet.answered && quiet.by == from);
                self.quiet = Some(Box::new(Quiet {
                    idle,
                    before: self.last,
                    by: from,
                    resumed: segment.mark,
                    seq: segment.seq,
                    answered: false,
                    acknowledged: false,
                    with_data: segment.len > 0,
                    repeats: 0,
                }));
                if let Some(known) = known.filter(|known| known.with_data) {
                    self.quiet = Some(known);
                }
            }
        } else if let Some(quiet) = &mut self.quiet
            && quiet.by != from
            && !segment.has(super::segment::RST)
        {
            quiet.answered = true;
            quiet.acknowledged |= segment.has(ACK) && after(segment.ack, quiet.seq);
        }
    }

    /// Data of that side has not been acknowledged: what it sends now may be a repetition.
    fn has_outstanding(&self, from: SideId) -> bool {
        let [client, server] = &self.sides;
        let bytes = match from {
            SideId::Client => client.outstanding(server),
            SideId::Server => server.outstanding(client),
        };
        bytes > 0
    }

    fn handshake_over(&self) -> bool {
        let [client, server] = &self.sides;
        client.first_data.is_some() || server.first_data.is_some()
    }

    /// An orderly close.
    pub(crate) fn take_fin(&mut self, from: SideId, segment: &Segment<'_>) {
        let Some(side) = self.sides.get_mut(from as usize) else {
            return;
        };
        if side.fin.is_some() {
            return;
        }
        side.fin = Some(segment.mark);
        self.note_close(from, CloseKind::Fin, segment);
    }

    /// A reset.
    pub(crate) fn take_reset(&mut self, from: SideId, segment: &Segment<'_>) {
        if self.answers_syn(from, segment) {
            self.handshake.refused = Some((segment.mark, segment.ttl));
        }
        let after_quiet = segment.at() - self.last.at;
        let [client, server] = &mut self.sides;
        let (own, peer) = match from {
            SideId::Client => (client, server),
            SideId::Server => (server, client),
        };
        if let Some(reset) = &mut own.reset {
            reset.count += 1;
            reset.has_ack |= segment.has(ACK);
        } else {
            own.reset = Some(Box::new(Reset {
                mark: segment.mark,
                count: 1,
                ttl: segment.ttl,
                ip_id: segment.ip_id,
                has_ack: segment.has(ACK),
                sequence_offset: if own.space.started() {
                    segment.seq.wrapping_sub(own.space.high()) as i32
                } else {
                    0
                },
                has_timestamp: segment.timestamps.is_some(),
                unacknowledged: peer.outstanding(own),
                after_data: peer.last_data.map(|mark| segment.at() - mark.at),
                after_quiet,
                frames_after: 0,
                first_after: None,
                after_peer_fin: peer.fin.is_some(),
                after_own_fin: own.fin.is_some(),
            }));
        }
        self.note_reset_of_quiet(from, segment);
        self.note_crossed_reset(from, segment.mark);
        self.note_close(from, CloseKind::Reset, segment);
    }

    fn answers_syn(&self, from: SideId, segment: &Segment<'_>) -> bool {
        let Some(syn) = self.handshake.syn else {
            return false;
        };
        let [client, _] = &self.sides;
        from == SideId::Server
            && self.handshake.syn_ack.is_none()
            && self.handshake.refused.is_none()
            && segment.has(ACK)
            && segment.ack == client.space.high()
            && segment.at() >= syn.first.at
    }

    fn note_reset_of_quiet(&mut self, from: SideId, segment: &Segment<'_>) {
        let Some(quiet) = self
            .quiet
            .as_ref()
            .filter(|quiet| !quiet.answered && quiet.by != from)
        else {
            return;
        };
        if segment.at() - quiet.resumed.at > ANSWERS || self.idle_break.is_some() {
            return;
        }
        self.idle_break = Some(Box::new(IdleBreak {
            idle: quiet.idle,
            before: quiet.before,
            by: quiet.by,
            resumed: quiet.resumed,
            outcome: IdleOutcome::Reset {
                mark: segment.mark,
                ttl: segment.ttl,
                has_ack: segment.has(ACK),
            },
        }));
    }

    /// The first close, how long nothing had been said before it, and what crossed it.
    fn note_close(&mut self, by: SideId, kind: CloseKind, segment: &Segment<'_>) {
        if self.close.is_some() {
            return;
        }
        let (Some(last_data), Some(peer)) = (self.last_data, self.sides.get(by.other() as usize))
        else {
            return;
        };
        let crossing = self.quiet.as_ref().filter(|quiet| {
            quiet.by != by
                && !quiet.acknowledged
                && !(segment.has(ACK) && after(segment.ack, quiet.seq))
                && quiet.with_data
                && peer
                    .last_data
                    .is_some_and(|mark| mark.frame() >= quiet.resumed.frame())
                && segment.at() - quiet.resumed.at < ANSWERS
        });
        self.close = Some(Close {
            by,
            kind,
            mark: segment.mark,
            idle: segment.at() - crossing.map_or(last_data.at, |quiet| quiet.before.at),
            exchanges_before: self.talk.answered_count(),
            crossed: crossing.map(|quiet| quiet.resumed),
            crossed_reset: (kind == CloseKind::Reset && crossing.is_some()).then_some(segment.mark),
            announced: false,
        });
    }

    /// Data that meets a side which has closed already.
    pub(crate) fn note_life_after_reset(&mut self, from: SideId, segment: &Segment<'_>) {
        if let Some(reset) = self
            .sides
            .get_mut(from as usize)
            .and_then(|side| side.reset.as_mut())
        {
            reset.frames_after += 1;
            reset.first_after.get_or_insert(segment.mark);
        }
        if let Some(close) = &mut self.close
            && close.by != from
            && close.crossed.is_none()
            && segment.len > 0
        {
            close.crossed = Some(segment.mark);
            close.announced = close.kind == CloseKind::Fin
                && segment.has(ACK)
                && self
                    .sides
                    .get(close.by as usize)
                    .is_some_and(|closer| at_or_after(segment.ack, closer.space.high()));
        }
    }

    fn note_crossed_reset(&mut self, from: SideId, mark: Mark) {
        if let Some(close) = &mut self.close
            && close.by == from
            && close
                .crossed
                .is_some_and(|crossed| mark.at - crossed.at < ANSWERS)
        {
            close.crossed_reset.get_or_insert(mark);
        }
    }

    /// The quiet after which nothing answered any more, if the connection ended so.
    pub(crate) fn silent_break(&self) -> Option<Box<IdleBreak>> {
        let quiet = self.quiet.as_ref().filter(|quiet| !quiet.answered)?;
        let speaker = self.sides.get(quiet.by as usize)?;
        let waited = speaker.last_sent.map_or(self.last.at, |mark| mark.at) - quiet.resumed.at;
        let broken = IdleBreak {
            idle: quiet.idle,
            before: quiet.before,
            by: quiet.by,
            resumed: quiet.resumed,
            outcome: IdleOutcome::Silence {
                repeats: quiet.repeats,
                waited: waited.max(self.last.at - quiet.resumed.at),
            },
        };
        (quiet.repeats > 0).then(|| Box::new(broken))
    }

    /// Who ended the connection, when somebody did.
    pub(crate) fn given_up(&self) -> Option<(SideId, Mark)> {
        let [client, server] = &self.sides;
        let ended = |side: &SideState| {
            let reset = side.reset.as_ref().map(|reset| reset.mark);
            match (side.fin, reset) {
                (Some(fin), Some(reset)) => Some(fin.min(reset)),
                (fin, reset) => fin.or(reset),
            }
        };
        let client = ended(client).map(|mark| (SideId::Client, mark));
        let server = ended(server).map(|mark| (SideId::Server, mark));
        match (client, server) {
            (Some(c), Some(s)) => Some(if c.1 <= s.1 { c } else { s }),
            (c, s) => c.or(s),
        }
    }
}

/// Both sides closed, or one reset: the ports may be used again.
pub(crate) fn closed(flow: &Flow) -> bool {
    let [client, server] = &flow.sides;
    client.reset.is_some()
        || server.reset.is_some()
        || (client.fin.is_some() && server.fin.is_some())
}
