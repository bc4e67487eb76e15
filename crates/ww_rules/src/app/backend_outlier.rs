//! `backend-outlier`: one of several backends fails, the others do not.

use super::source_ports::Ports;
use super::trials::{self, Common, Series};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::chance::{percent, wilson};
use ww_evidence::transcript::Seen;

rule! {
    name: "backend-outlier",
    family: "app",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "One of several backends fails while the others do not",
    needs: [Endpoint],
    explains: ["intermittent-failure"],
    page: "backend_outlier.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, series) in trials::intermittent(walk) {
        if let Some(common) = outlier(&series) {
            sightings.add(
                Sighting::new(Subject::Step(step.number), step.number.to_string())
                    .count(common.failed)
                    .show(walk.at(step, series.failures())),
            );
        }
    }
}

fn outlier(series: &Series<'_>) -> Option<Common> {
    series.in_common().into_iter().find(Common::is_outlier)
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let series = sightings
        .first()
        .and_then(|sighting| walk.step(*sighting.subjects.first()?))
        .and_then(|step| match &step.seen {
            Seen::Trials(trials) => Some(Series::of(walk, trials)),
            _ => None,
        });
    let Some((series, common)) = series.and_then(|series| {
        let common = outlier(&series)?;
        Some((series, common))
    }) else {
        return Story::observed("", "");
    };
    let host = &walk.target().host;
    let backend = named(host, &common);
    let (low, high) = wilson(common.failed, common.trials);
    Story::observed(
        format!(
            "{backend} fails {} of {} times (95 % interval {}–{} %), all others never in {} {}s{}",
            common.failed,
            common.trials,
            percent(low),
            percent(high),
            common.others,
            series.what,
            match series.ports {
                Some(Ports::Decide(_)) => "; a source port leads to the same one each time, so that a hash chooses",
                _ => "",
            },
        ),
        format!(
            "so many trials again, in which others fail as often; by chance alone failures fall like this less than once in {}",
            once_in(common.chance)
        ),
    )
    .advise(format!("Take {backend} out of the balancing, then look at its log and its load"))
    .advise("Compare its version, configuration and zone with those of the others")
    .advise("Let the health check of the load balancer ask what these trials ask; it takes this backend for healthy")
}

/// The next lower power of ten, to a million.
fn once_in(chance: f64) -> u32 {
    let digits = (1.0 / chance.max(1e-6)).log10().floor();
    10_u32.pow((digits as u32).min(6))
}

/// The backend as a sentence names it.
fn named(host: &str, common: &Common) -> String {
    match common.key.as_str() {
        "address" => format!("the address {} of {host}", common.value),
        "certificate" => format!(
            "the backend of {host} with the certificate {}",
            common.value.chars().take(16).collect::<String>()
        ),
        key => format!("the backend of {host} with {key}: {}", common.value),
    }
}
