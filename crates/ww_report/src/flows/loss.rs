//! What cost a connection time.

use ww_base::Span;
use ww_evidence::{Repeated, SideId, SymptomKind, TcpFlow};

/// Time lost, by cause; causes do not overlap.
#[derive(Debug)]
pub(super) struct Losses {
    causes: [(&'static str, Span); 7],
}

impl Losses {
    pub(super) fn of(flow: &TcpFlow) -> Losses {
        let both = |kind| flow.lost(kind, SideId::Client) + flow.lost(kind, SideId::Server);
        let [loss, timeout] = repairs(flow);
        Losses {
            causes: [
                ("handshake", handshake(flow)),
                ("retransmission timeouts", timeout),
                ("loss", loss),
                ("zero window", both(SymptomKind::ZeroWindow)),
                ("delayed ACKs", both(SymptomKind::DelayedAckWait)),
                ("sender pauses", both(SymptomKind::SenderPause)),
                (
                    "slow start",
                    both(SymptomKind::SlowStart) + both(SymptomKind::RestartAfterIdle),
                ),
            ],
        }
    }

    pub(super) fn total(&self) -> Span {
        self.causes.iter().map(|&(_, lost)| lost).sum()
    }

    /// The cause that cost most.
    pub(super) fn main(&self) -> Option<&'static str> {
        let mut main = None;
        let mut most = Span::ZERO;
        for &(cause, lost) in &self.causes {
            if lost > most {
                most = lost;
                main = Some(cause);
            }
        }
        main
    }
}

/// Time in which the opening was tried again.
fn handshake(flow: &TcpFlow) -> Span {
    let tried = |segment: Option<Repeated>| {
        segment.map_or(Span::ZERO, |segment| segment.last.at - segment.first.at)
    };
    // A lost answer makes both sides repeat, at the same time.
    tried(flow.handshake.syn)
        .max(tried(flow.handshake.syn_ack))
        .or_zero()
}

/// Time until losses were repaired, and how much of it was waiting for a retransmission timer.
///
/// A loss that a timer repaired is recorded as both, so the timers' share is taken out of the losses'.
fn repairs(flow: &TcpFlow) -> [Span; 2] {
    let mut repairs = [Span::ZERO; 2];
    let [loss, timeout] = &mut repairs;
    for side in [SideId::Client, SideId::Server] {
        let sum = |kinds: [SymptomKind; 2]| -> Span {
            kinds.iter().map(|&kind| flow.lost(kind, side)).sum()
        };
        let waited = sum([SymptomKind::Timeout, SymptomKind::TailTimeout]);
        let all = sum([SymptomKind::LossBefore, SymptomKind::LossAfter]);
        *timeout += waited;
        *loss += (all - waited).or_zero();
    }
    repairs
}
