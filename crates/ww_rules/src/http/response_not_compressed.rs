//! `response-not-compressed`: a long text is sent as it is to clients that take it compressed.

use super::caching::has;
use super::coded::{self, Coded};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};

rule! {
    name: "response-not-compressed",
    family: "http",
    layer: Http,
    class: Performance,
    severity: Info,
    owner: Configuration,
    summary: "A long text is sent without compression to clients that offer it",
    needs: [Endpoint],
    explains: [],
    page: "response_not_compressed.md",
    sight: sight,
    say: say,
}

/// What gzip would make of it, where that is at most half.
fn saved(coded: &Coded<'_>) -> Option<u64> {
    let (length, short) = (coded.decoding.bytes, coded.decoding.gzip?);
    let may_be = !coded.is_file() && !has(coded.reply, "no-transform");
    (short * 2 <= length && may_be).then_some(short)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for coded in coded::all(walk) {
        if let Some(short) = saved(&coded) {
            sightings.add(
                Sighting::new(Subject::Step(coded.step.number), coded.exchange.url.clone()).show(
                    walk.at(
                        coded.step,
                        format!(
                            "asked with Accept-Encoding: {}, {} bytes come without a coding; gzip makes {short} of them",
                            coded.exchange.offered, coded.decoding.bytes
                        ),
                    ),
                ),
            );
        }
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = coded::all(walk).into_iter().find_map(|coded| {
        let subject = Subject::Step(coded.step.number);
        let is_told = sightings.iter().any(|one| one.subjects.contains(&subject));
        let short = saved(&coded).filter(|_| is_told)?;
        Some((coded, short))
    });
    let Some((coded, short)) = told else {
        return Story::observed("", "");
    };
    Story::observed(
        format!(
            "{} is {} of text, sent as it is; compressed it would be {}",
            coded.exchange.url,
            kilobytes(coded.decoding.bytes),
            kilobytes(short)
        ),
        "the same request through the proxy that clients meet, answered with a Content-Encoding",
    )
    .advise("Compress text where clients connect: nginx gzip on with gzip_types for what is not text/html and gzip_proxied any, HAProxy filter compression. Leave out pages that show a secret beside what the user sent (BREACH)")
}

fn kilobytes(bytes: u64) -> String {
    format!("{} kB", bytes.div_ceil(1000))
}
