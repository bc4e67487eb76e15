//! `vary-missing`: an answer that depends on `Accept-Encoding` may be cached, and does not say that it depends.

use super::caching::{has, lifetime};
use super::coded::{self, Coded};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::HttpReply;

rule! {
    name: "vary-missing",
    family: "http",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "An answer is compressed for who offers it, caches may keep it, and no Vary tells them to keep both forms apart",
    needs: [Endpoint],
    explains: [],
    page: "vary_missing.md",
    sight: sight,
    say: say,
}

/// The answer came without a coding where none was offered, in one where some were, and both lack the field.
fn is_missing(walk: &Walk<'_>, coded: &Coded<'_>) -> bool {
    let reply = coded.reply;
    let varies = |reply: &HttpReply| reply.varies_by("accept-encoding");
    let keeps = lifetime(reply).is_some()
        && !["private", "no-store", "no-cache"]
            .iter()
            .any(|word| has(reply, word));
    let is_plain = coded::plain(walk, coded)
        .is_some_and(|(_, plain)| plain.header("content-encoding").is_none() && !varies(plain));
    !coded.decoding.named.is_empty() && keeps && is_plain && !varies(reply)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for coded in coded::all(walk) {
        if !is_missing(walk, &coded) {
            continue;
        }
        let control: Vec<&str> = coded.reply.all("cache-control").collect();
        let mut sighting = Sighting::new(
            Subject::Step(coded.step.number),
            coded.exchange.url.clone(),
        )
        .show(walk.at(
            coded.step,
            format!(
                "asked with Accept-Encoding: {}, the answer has {}, Cache-Control: {} and no Vary",
                coded.exchange.offered,
                coded.called(),
                control.join(", ")
            ),
        ));
        if let Some((step, _)) = coded::plain(walk, &coded) {
            sighting = sighting.show(walk.at(
                step,
                "asked without Accept-Encoding, it comes without a coding",
            ));
        }
        sightings.add(sighting);
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = coded::all(walk).into_iter().find(|coded| {
        let subject = Subject::Step(coded.step.number);
        sightings.iter().any(|one| one.subjects.contains(&subject))
    });
    let Some(coded) = told else {
        return Story::observed("", "");
    };
    Story::observed(
        format!(
            "Caches may hand the compressed form of {} to clients that cannot read it, or the long one to all: it depends on Accept-Encoding and has no Vary",
            coded.exchange.url
        ),
        "a second request through the cache, without Accept-Encoding, that is answered without a coding",
    )
    .advise("Send Vary: Accept-Encoding with both forms (nginx: gzip_vary on), and empty the caches that kept it without")
}
