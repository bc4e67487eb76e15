//! `truncated-capture`: frames were cut when they were captured.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};

rule! {
    name: "truncated-capture",
    family: "capture",
    layer: Capture,
    class: Capture,
    severity: Info,
    owner: Capture,
    summary: "Frames were cut when they were captured; what their payload says cannot be judged",
    needs: [Capture],
    explains: [],
    page: "truncated_capture.md",
    detect: detect,
    tell: tell,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let quality = &view.capture.quality;
    if quality.truncated_frames == 0 {
        return;
    }
    let first = quality.truncated_first;
    sightings.add(
        Sighting::new(Subject::Capture, "")
            .count(quality.truncated_frames)
            .show(view.frames(
                first,
                first,
                "frame.cap_len < frame.len",
                format!(
                    "the first frame that was cut, to {} bytes at most",
                    quality.snap_length
                ),
            )),
    );
}

fn tell(view: &View<'_>, _: &[Sighting]) -> Story {
    let quality = &view.capture.quality;
    Story::observed(
        format!(
            "{} of {} frames were cut to at most {} bytes when captured; headers are judged, payload beyond the cut is not",
            quality.truncated_frames, view.capture.frames, quality.snap_length
        ),
        "a capture of the same traffic without a snap length",
    )
    .advise("Capture whole frames: tcpdump -s 0 (the default of current versions)")
}
