//! `tls-handshake-rejected`: a fatal alert ends the TLS handshake.

mod probed;

use super::alerts::{self, READ_LOG};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_finding::Owner;

rule! {
    name: "tls-handshake-rejected",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "One side ends the TLS handshake with a fatal alert, which says why",
    needs: [Tcp],
    explains: ["aborted-by-application", "request-unanswered"],
    page: "tls_handshake_rejected.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    for (subject, flow) in view.flows() {
        let Some(alert) = flow.tls_alert.as_deref().copied() else {
            continue;
        };
        let name = alerts::meaning(alert).map_or("", |meaning| meaning.name);
        sightings.add(
            Sighting::new(
                subject,
                format!("{} {} {}", flow.server, alert.by.word(), alert.number),
            )
            .show(view.at(
                flow,
                alert.mark,
                format!(
                    "fatal alert {} {} from the {}",
                    alert.number,
                    name,
                    alert.by.word()
                ),
            )),
        );
    }
}

fn tell(view: &View<'_>, sightings: &[Sighting]) -> Story {
    let first = sightings
        .first()
        .and_then(|sighting| sighting.subjects.first())
        .and_then(|&subject| view.flow(subject));
    let Some((flow, alert)) = first.and_then(|flow| Some((flow, *flow.tls_alert.as_deref()?)))
    else {
        return Story::observed("", "");
    };
    let times = match sightings.len() {
        1 => String::new(),
        n => format!(" {n} times"),
    };
    let by = alert.by.word();
    let (name, says) = alerts::meaning(alert).map_or((String::new(), String::new()), |meaning| {
        (
            format!(" {}", meaning.name),
            format!("; it says that {}", meaning.says(alert)),
        )
    });
    let story = Story::observed(
        format!(
            "The TLS handshake with {} fails{times}: the {by} sends fatal alert {}{name}{says}",
            flow.server, alert.number
        ),
        format!("the log of the {by}, if it gives another reason for its alert"),
    );
    let Some(meaning) = alerts::meaning(alert) else {
        return story.owner(Owner::Unknown).advise(READ_LOG);
    };
    meaning
        .advice(alert)
        .iter()
        .fold(story.owner(meaning.owner(alert)), |story, &advice| {
            story.advise(advice)
        })
}
