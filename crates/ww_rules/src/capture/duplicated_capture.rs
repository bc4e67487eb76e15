//! `duplicated-capture`: packets are in the file twice though they were sent once.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use ww_finding::Severity;

rule! {
    name: "duplicated-capture",
    family: "capture",
    layer: Capture,
    class: Capture,
    severity: Low,
    owner: Capture,
    summary: "The file holds copies of packets; they are no retransmissions and no duplicates of the network",
    needs: [Tcp],
    explains: [],
    page: "duplicated_capture.md",
    detect: detect,
    tell: tell,
}

/// Fewer copies than this are worth a remark only.
const FEW: u64 = 5;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !view.trust.duplicated {
        return;
    }
    let duplication = &view.capture.quality.duplication;
    let mut sighting = Sighting::new(Subject::Capture, "").count(duplication.copies);
    for &frame in &duplication.frames {
        sighting = sighting.show(view.frames(
            frame,
            frame,
            format!("frame.number == {frame}"),
            "a copy of an earlier frame: same IP identification, sequence number and time stamp",
        ));
    }
    sightings.add(sighting);
}

fn tell(view: &View<'_>, _: &[Sighting]) -> Story {
    let duplication = &view.capture.quality.duplication;
    let share = 100.0 * duplication.copies as f64 / duplication.of.max(1) as f64;
    let routed = duplication.routed * 2 > duplication.copies;
    let how = if routed {
        "seen on both sides of a router"
    } else {
        "as from a mirror port that copies both ends of a path"
    };
    let story = Story::observed(
        format!(
            "copies make up {share:.0} % of the TCP frames ({}), {how}, at most {} after their original; repeated packets in this file prove no retransmission",
            duplication.copies, duplication.delay
        ),
        "D-SACK blocks that report the copies: then their receiver got them twice and the network made them",
    )
    .advise("Remove the copies before other tools read the file: editcap -D 20 IN OUT")
    .advise("Mirror one port or one direction only; on a Linux host capture one interface instead of \"any\"");
    if duplication.copies < FEW {
        story.severity(Severity::Info)
    } else {
        story
    }
}
