//! `clock-skew`: the clock of a server and that of this host tell different times.

use super::clock::{Skew, Whose, doubtful, skews};
use super::url::host_of;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::{Gap, Moment, Span};
use ww_evidence::transcript::ClockState;
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "clock-skew",
    family: "http",
    layer: Http,
    class: Security,
    severity: Medium,
    owner: Server,
    summary: "A server's clock and this host's tell different times, so that tokens, signatures and certificates are refused",
    needs: [Endpoint],
    explains: ["certificate-expired", "certificate-not-yet-valid"],
    page: "clock_skew.md",
    sight: sight,
    say: say,
}

/// What Kerberos bears (RFC 4120 section 8.2), and signed requests of most clouds.
const MANY_BEAR: Span = Span::from_secs(300);

/// The sightings of this host's clock are one finding.
const OURS: &str = "ours";

fn group(skew: &Skew<'_>) -> String {
    match skew.whose {
        Whose::Ours => OURS.to_owned(),
        Whose::Server | Whose::Open => skew.machine.to_string(),
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    let skews = skews(walk);
    for skew in &skews {
        let mut sighting = Sighting::new(Subject::Capture, group(skew));
        sighting.subjects.clear();
        for reading in skew.readings.iter().chain(&skew.witnesses) {
            sighting.subjects.push(Subject::Step(reading.step.number));
            let reply = reading.exchange.reply();
            let date = reply.and_then(|reply| reply.header("date"));
            sighting = sighting.show(walk.at(
                reading.step,
                format!(
                    "{} answers with Date: {}",
                    reading.exchange.url,
                    date.unwrap_or_default()
                ),
            ));
        }
        if skew.whose == Whose::Ours {
            sighting.subjects.extend(refused(walk, skew));
        }
        sightings.add(sighting);
    }
    if let (true, Some(address)) = (skews.is_empty(), doubtful(walk)) {
        sightings.gap(Gap::new(
            format!("whether the clock of {address} is another one, or its answer was stored"),
            "a walk with --depth normal, which asks again a second later",
        ));
    }
}

/// The handshakes whose certificates are refused by this host's clock alone.
fn refused<'w>(walk: &'w Walk<'_>, skew: &'w Skew<'_>) -> impl Iterator<Item = Subject> + 'w {
    walk.transcript
        .all_handshakes()
        .filter(|(step, handshake)| {
            let here = walk.transcript.head.began + step.began;
            let holds = |at: Moment| {
                handshake
                    .certificates
                    .iter()
                    .all(|one| one.not_before <= at && at <= one.not_after)
            };
            !holds(here) && holds(here + skew.ahead())
        })
        .map(|(step, _)| Subject::Step(step.number))
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let skews = skews(walk);
    let told = skews
        .iter()
        .find(|skew| sightings.iter().any(|one| one.group == group(skew)));
    let Some(skew) = told else {
        return Story::observed("", "");
    };
    let story = match skew.whose {
        Whose::Ours => ours(walk, skew),
        Whose::Server => servers(skew),
        Whose::Open => open(walk, skew),
    };
    let severity = if skew.whose == Whose::Ours && refused(walk, skew).next().is_some() {
        Severity::High
    } else if skew.off() < MANY_BEAR {
        Severity::Low
    } else {
        Severity::Medium
    };
    story.severity(severity)
}

/// Who answered, by the first URL.
fn name<'w>(skew: &Skew<'w>) -> &'w str {
    skew.readings
        .first()
        .map_or("", |reading| host_of(&reading.exchange.url))
}

fn ours(walk: &Walk<'_>, skew: &Skew<'_>) -> Story {
    let off = skew.off();
    let direction = if skew.ahead() > Span::ZERO {
        "behind"
    } else {
        "ahead"
    };
    let mut says = Vec::new();
    if !skew.witnesses.is_empty() {
        says.push(format!(
            "{} servers agree on another time",
            skew.witnesses.len() + 1
        ));
    }
    if skew.issued.is_some() {
        says.push(format!(
            "{} and the authority that signed its certificate agree on a later time",
            name(skew)
        ));
    }
    let support = match walk.transcript.head.clock {
        ClockState::Unsynchronised => {
            says.push("nothing keeps this clock right".to_owned());
            Support::Corroborated
        }
        ClockState::Unknown => Support::Corroborated,
        // A machine that was paused still believes so.
        ClockState::Synchronised => {
            says.push("its kernel, though, says that something keeps it right".to_owned());
            Support::Heuristic
        }
    };
    let refused = if refused(walk, skew).next().is_some() {
        ", and certificates are refused for it"
    } else {
        ""
    };
    Story::observed(
        format!(
            "This host's clock is {off} {direction}{refused}: {}",
            says.join("; ")
        ),
        "a third clock that tells this host's time: chronyc -n sources, or a telephone",
    )
    .support(support)
    .owner(Owner::Client)
    .advise("Set it, and let something keep it: timedatectl set-ntp true, or chronyc makestep where chrony runs; a virtual machine that was paused or restored wakes with an old time, and UDP port 123 must be open")
    .advise("Then walk again: what is refused for its dates by a wrong clock says nothing of the server")
}

fn servers(skew: &Skew<'_>) -> Story {
    let direction = if skew.ahead() < Span::ZERO {
        "behind"
    } else {
        "ahead"
    };
    Story::observed(
        format!(
            "The clock of {} ({}) is {} {direction}, so that tokens and signatures with a time are refused, and its logs tell another time",
            name(skew),
            skew.address,
            skew.off()
        ),
        "date -u on the server, and on a third host, that tell the same time",
    )
    .advise("On the server: timedatectl; chronyc tracking. Where a proxy passes the application's Date on, it is the application's host whose clock is wrong")
}

fn open(walk: &Walk<'_>, skew: &Skew<'_>) -> Story {
    let unset = match walk.transcript.head.clock {
        ClockState::Unsynchronised => ", and nothing keeps this host's right",
        ClockState::Synchronised => ", and this host's is kept right, as its kernel says",
        ClockState::Unknown => "",
    };
    Story::observed(
        format!(
            "The clock of {} ({}) is {} this host's{unset}: one of both is wrong",
            name(skew),
            skew.address,
            skew.words()
        ),
        "date -u on both hosts, that tell the same time",
    )
    .owner(Owner::Unknown)
    .advise("Ask a third clock which of both is wrong: curl -sI of another server | grep -i ^date; timedatectl and chronyc tracking on both hosts")
}
