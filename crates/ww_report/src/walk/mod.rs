//! A walk over a live endpoint for a terminal: a line per layer, where the time went, and what cannot be told from here.

mod layers;
mod reached;
mod reasoning;
mod waterfall;

use crate::sheet::{Sheet, Tone};
use crate::words::count_of;
use layers::Mark;
use std::time::Duration;
use ww_evidence::transcript::{Seen, Step, Transcript};
use ww_finding::Finding;

pub use layers::Stage;
pub(crate) use layers::lines;
pub(crate) use reached::shortfall;
pub(crate) use reasoning::{choices, open_questions};

/// The line of a walk and those of its layers.
pub(crate) fn render(sheet: &mut Sheet, transcript: &Transcript, findings: &[Finding]) {
    sheet.gap();
    for layer in lines(transcript, findings) {
        let tone = match layer.mark {
            Mark::Fine => Tone::Plain,
            Mark::Poor => Tone::Yellow,
            Mark::Broken => Tone::Red,
            Mark::NotAsked => Tone::Dim,
        };
        sheet.hanging(
            &[
                (2, tone, layer.glyph()),
                (4, Tone::Plain, layer.stage.word()),
            ],
            14,
            Tone::Plain,
            &layer.says,
        );
    }
    waterfall::render(sheet, transcript);
    let asked = choices(transcript);
    let open = open_questions(transcript);
    if !(asked.is_empty() && open.is_empty()) {
        sheet.gap();
    }
    let lines = [
        ("→", "asked", Tone::Dim, asked),
        ("?", "open", Tone::Yellow, open),
    ];
    for (glyph, word, tone, says) in lines {
        let label = [(2, tone, glyph), (4, Tone::Plain, word)];
        for says in says {
            sheet.hanging(&label, 14, Tone::Plain, &says);
        }
    }
}

/// One line about a walk: how many steps and how long.
pub(crate) fn summary(transcript: &Transcript) -> String {
    let end = transcript
        .steps
        .iter()
        .map(|step| step.began + step.took)
        .max()
        .unwrap_or_default();
    format!(
        "{} in {end}",
        count_of(transcript.steps.len() as u64, "step")
    )
}

/// What a step is about, for a line of progress.
pub fn progress(step: &Step) -> String {
    let stage = Stage::of(&step.seen);
    let took = Duration::from_nanos(u64::try_from(step.took.0).unwrap_or(0));
    format!("{} · step {} · {took:.0?}", stage.word(), step.number)
}

impl Stage {
    /// The stage that a step belongs to.
    pub fn of(seen: &Seen) -> Stage {
        match seen {
            Seen::Resolver(_)
            | Seen::Lookup(_)
            | Seen::ResolverLayer(_)
            | Seen::Validation(_)
            | Seen::Binding(_) => Stage::Names,
            Seen::Connect(_)
            | Seen::Path(_)
            | Seen::SegmentSizes(_)
            | Seen::Idle(_)
            | Seen::Local(_) => Stage::Connection,
            Seen::Handshake(_) | Seen::Hello(_) | Seen::TlsSurvey(_) => Stage::Tls,
            Seen::Http(_) | Seen::KeepAlive(_) | Seen::Quic(_) => Stage::Http,
            Seen::Arrivals(_)
            | Seen::Grpc(_)
            | Seen::WebSocket(_)
            | Seen::Stun(_)
            | Seen::Greeting(_)
            | Seen::Trials(_) => Stage::Application,
        }
    }
}
