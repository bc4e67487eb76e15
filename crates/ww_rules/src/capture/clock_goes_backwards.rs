//! `clock-goes-backwards`: a frame is older than the one before it.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use ww_base::Span;
use ww_finding::Severity;

rule! {
    name: "clock-goes-backwards",
    family: "capture",
    layer: Capture,
    class: Capture,
    severity: Low,
    owner: Capture,
    summary: "Times in the file go backwards; short delays and orders of events cannot be trusted",
    needs: [Capture],
    explains: [],
    page: "clock_goes_backwards.md",
    detect: detect,
    tell: tell,
}

/// Steps up to this come from network cards with several queues and are harmless, however many.
const TINY: Span = Span::from_micros(100);

/// Steps up to this are harmless unless they are frequent.
const SMALL: Span = Span::from_millis(1);

/// Steps count as frequent from this many on, and from this share of the frames.
const FREQUENT: u64 = 20;
const FREQUENT_SHARE: f64 = 0.05;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let steps = &view.capture.quality.backsteps;
    if steps.count == 0 {
        return;
    }
    let show = |frame: u64, says: String| view.frames(frame, frame, "frame.time_delta < 0", says);
    let mut sighting = Sighting::new(Subject::Capture, "")
        .count(steps.count)
        .show(show(
            steps.worst_frame,
            format!(
                "{} earlier than the frame before it, the largest step",
                steps.worst
            ),
        ));
    if steps.first_frame != steps.worst_frame {
        sighting = sighting.show(show(steps.first_frame, "the first step back".to_owned()));
    }
    sightings.add(sighting);
}

fn tell(view: &View<'_>, _: &[Sighting]) -> Story {
    let steps = &view.capture.quality.backsteps;
    let times = if steps.count == 1 {
        "once".to_owned()
    } else {
        format!("{} times", steps.count)
    };
    if is_harmless(view) {
        return Story::observed(
            format!(
                "times go back {times}, by at most {}: frames of several receive queues written out of order; delays longer than that are not affected",
                steps.worst
            ),
            "a step longer than a millisecond",
        )
        .severity(Severity::Info)
        .advise("Sort the file if another tool stumbles over it: reordercap IN OUT");
    }
    Story::observed(
        format!(
            "the capture's clock goes back {times}, by up to {}; delays across these steps and the order of frames around them cannot be trusted",
            steps.worst
        ),
        "a sorted file (reordercap) in which every reply still follows its request: then only the order was wrong, not the clock",
    )
    .advise("Keep the clock steady while capturing: let chrony or ntpd slew instead of step")
    .advise("If files were merged, merge by time (mergecap without -a); if only the order is wrong, sort: reordercap IN OUT")
}

fn is_harmless(view: &View<'_>) -> bool {
    let steps = &view.capture.quality.backsteps;
    let frequent = steps.count >= FREQUENT
        && steps.count as f64 >= FREQUENT_SHARE * view.capture.frames as f64;
    steps.worst <= TINY || (steps.worst <= SMALL && !frequent)
}
