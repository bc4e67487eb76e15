//! `capture-dropped-packets`: packets were on the wire and are not in the file.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, View};
use ww_base::Order;
use ww_evidence::{InterfaceDrops, SideId, Symptom, SymptomKind, TcpFlow};
use ww_finding::Severity;

rule! {
    name: "capture-dropped-packets",
    family: "capture",
    layer: Capture,
    class: Capture,
    severity: Low,
    owner: Capture,
    summary: "The capturing side missed packets; holes in this file prove no loss in the network",
    needs: [Capture],
    explains: [],
    page: "capture_dropped_packets.md",
    detect: detect,
    tell: tell,
}

/// Inferred gaps below this are worth a remark only.
const FEW: u64 = 3;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if !view.trust.incomplete() {
        return;
    }
    let declared = declared(view);
    let mut unseen = unseen(view);
    let inferred: u64 = unseen
        .iter()
        .map(|(_, symptom)| u64::from(symptom.count))
        .sum();
    if declared + inferred == 0 {
        return;
    }
    unseen.put_in_order_by_key(|(_, symptom)| std::cmp::Reverse(symptom.count));
    let mut sighting = Sighting::new(Subject::Capture, "").count(declared.max(inferred));
    for (flow, symptom) in unseen
        .iter()
        .take(view.limits.exhibits_per_finding as usize)
    {
        if let Some(&frame) = symptom.frames.first() {
            sighting = sighting.show(view.in_flow(
                flow,
                frame,
                frame,
                "the receiver has acknowledged bytes that are not in the file",
            ));
        }
    }
    if let Some(drops) = lossy(view).next() {
        sighting = sighting.show(view.whole(format!(
            "interface {} reports {} packets dropped",
            drops.interface,
            drops.by_interface + drops.by_system
        )));
    }
    sightings.add(sighting);
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let declared = declared(view);
    let count: u64 = group.iter().map(|sighting| sighting.count).sum();
    let places = if count == 1 {
        "1 place".to_owned()
    } else {
        format!("{count} places")
    };
    let headline = if declared > 0 {
        format!(
            "the capturing side reports {declared} dropped packets ({:.1} % of what it saw); holes in this file prove no loss in the network",
            view.trust.missing_share * 100.0
        )
    } else {
        format!(
            "receivers acknowledged data that the file lacks, in {places}; the capturing side missed packets, so holes in this file prove no loss in the network"
        )
    };
    let story = Story::observed(
        headline,
        "duplicate ACKs or SACK blocks of the receiver for the missing ranges: then the network lost them",
    )
    .advise("Capture with a larger buffer (tcpdump -B 65536) and a filter that keeps only the traffic in question")
    .advise("Write to a fast local disk, or keep headers only (tcpdump -s 128), and compare \"packets dropped by kernel\" at the end");
    if declared == 0 && count < FEW {
        story.severity(Severity::Info)
    } else {
        story
    }
}

/// Packets that interfaces say they dropped.
fn declared(view: &View<'_>) -> u64 {
    lossy(view)
        .map(|drops| drops.by_interface + drops.by_system)
        .sum()
}

fn lossy<'a>(view: &View<'a>) -> impl Iterator<Item = &'a InterfaceDrops> {
    let drops = view.capture.quality.drops.iter();
    drops.filter(|drops| drops.by_interface + drops.by_system > 0)
}

/// Where bytes were acknowledged that nobody saw. Where a whole direction is missing that is no
/// wonder.
fn unseen<'a>(view: &View<'a>) -> Vec<(&'a TcpFlow, &'a Symptom)> {
    view.flows()
        .filter(|(_, flow)| !flow.one_way())
        .flat_map(|(_, flow)| {
            [SideId::Client, SideId::Server]
                .into_iter()
                .filter_map(move |side| Some((flow, flow.symptom(SymptomKind::UnseenAcked, side)?)))
        })
        .collect()
}
