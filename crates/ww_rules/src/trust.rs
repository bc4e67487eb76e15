//! How far a capture can be trusted: judged before any other rule, and heeded by all of them.

use ww_evidence::{Capture, SideId, SymptomKind, TcpFlow};

/// What the capture's defects forbid to conclude.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trust {
    /// Packets are in the file twice: repeated packets prove nothing.
    pub duplicated: bool,
    /// The capturing side lost packets: holes prove nothing. Share of the frames estimated missing,
    /// 0 to 1.
    pub missing_share: f64,
    /// Connections of which one direction is missing, share of those with progress, 0 to 1.
    pub one_way_share: f64,
    /// Frames are cut short: payload cannot be read beyond it.
    pub truncated: bool,
    /// Times go backwards by more than 1 ms: short delays prove nothing.
    pub clock_unsteady: bool,
    /// Long frames were joined by the capturing host: sizes on the wire are not what is seen.
    pub offloaded: bool,
}

/// Copies make up at least this share of the frames before a capture counts as duplicated.
const DUPLICATED_SHARE: f64 = 0.05;

/// Copies below which nothing is concluded.
const COPIES_MIN: u64 = 3;

/// Acknowledged bytes that were never seen, per acknowledgement, above which the capture counts as
/// incomplete.
const MISSING_SHARE: f64 = 0.001;

impl Trust {
    /// Judges a capture by its own defects.
    pub fn of(capture: &Capture) -> Trust {
        let quality = &capture.quality;
        Trust {
            duplicated: duplicated(capture),
            missing_share: missing_share(capture),
            one_way_share: one_way_share(&capture.tcp),
            truncated: quality.truncated_frames > 0,
            clock_unsteady: quality.backsteps.count > 0
                && quality.backsteps.worst > ww_base::Span::from_millis(1),
            offloaded: quality.offloaded_frames > 0,
        }
    }

    /// The capture lost packets of its own.
    pub fn incomplete(&self) -> bool {
        self.missing_share >= MISSING_SHARE
    }
}

/// Copies by a mirror port: a sizeable share, and no receiver complains of duplicates.
fn duplicated(capture: &Capture) -> bool {
    let duplication = &capture.quality.duplication;
    if duplication.copies < COPIES_MIN {
        return false;
    }
    let share = duplication.copies as f64 / duplication.of as f64;
    let reported: u64 = capture
        .tcp
        .iter()
        .flat_map(|flow| &flow.symptoms)
        .filter(|symptom| symptom.kind == SymptomKind::DuplicateReported)
        .map(|symptom| u64::from(symptom.count))
        .sum();
    share >= DUPLICATED_SHARE && (reported as f64) < 0.05 * duplication.copies as f64
}

/// Frames that were on the wire and are not in the file, as a share of acknowledgements that moved
/// forward.
fn missing_share(capture: &Capture) -> f64 {
    let declared: u64 = capture
        .quality
        .drops
        .iter()
        .map(|drops| drops.by_interface + drops.by_system)
        .sum();
    let declared = declared as f64 / (capture.frames + declared).max(1) as f64;
    let (mut unseen, mut advances) = (0u64, 0u64);
    for flow in capture.tcp.iter().filter(|flow| !flow.one_way()) {
        for side in [SideId::Client, SideId::Server] {
            unseen += u64::from(flow.count(SymptomKind::UnseenAcked, side));
            advances += flow.side(side).ack_advances;
        }
    }
    let inferred = unseen as f64 / advances.max(1) as f64;
    declared.max(inferred)
}

/// Share of connections with progress of which only one direction was captured.
fn one_way_share(flows: &[Box<TcpFlow>]) -> f64 {
    let judged = flows
        .iter()
        .filter(|flow| flow.sent_by_client.ack_advances + flow.sent_by_server.ack_advances > 0);
    let (mut all, mut one_way) = (0u32, 0u32);
    for flow in judged {
        all += 1;
        one_way += u32::from(flow.one_way());
    }
    f64::from(one_way) / f64::from(all.max(1))
}
