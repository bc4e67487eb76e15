//! `offloaded-segments`: segments in the file are longer than any packet on the wire.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};

rule! {
    name: "offloaded-segments",
    family: "capture",
    layer: Capture,
    class: Capture,
    severity: Info,
    owner: Capture,
    summary: "The capturing host's network card splits or joins segments; the file shows them before or after it",
    needs: [Tcp],
    explains: [],
    page: "offloaded_segments.md",
    detect: detect,
    tell: tell,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let quality = &view.capture.quality;
    if quality.offloaded_frames == 0 {
        return;
    }
    let first = quality.offloaded_first;
    sightings.add(
        Sighting::new(Subject::Capture, "")
            .count(quality.offloaded_frames)
            .show(view.frames(
                first,
                first,
                format!("frame.number == {first} or tcp.len > 1460"),
                "the first segment longer than its connection's maximum segment size",
            )),
    );
}

fn tell(view: &View<'_>, _: &[Sighting]) -> Story {
    let quality = &view.capture.quality;
    Story::observed(
        format!(
            "segments of up to {} bytes exceed the maximum segment size ({} of {} frames): the capturing host's network card splits or joins them, so packet sizes and counts here are not those on the wire",
            quality.offloaded_largest, quality.offloaded_frames, view.capture.frames
        ),
        "a path that really carries such packets (jumbo frames): the SYNs would announce a larger MSS",
    )
    .advise("Where sizes on the wire matter, capture elsewhere or switch offload off while capturing: ethtool -K DEV tso off gso off gro off lro off")
}
