//! `content-encoding-broken`: a body is not coded as its `Content-Encoding` says.

use super::coded::{self, Coded};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};

rule! {
    name: "content-encoding-broken",
    family: "http",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "A body is not compressed as its Content-Encoding says, so that clients fail to read it or show its bytes",
    needs: [Endpoint],
    explains: [],
    page: "content_encoding_broken.md",
    sight: sight,
    say: say,
}

/// What is wrong with a body.
enum Fault {
    /// It is not what the field says.
    Other,
    /// It is coded more often than the field says.
    Again,
    /// It is coded, and the field is missing.
    Unnamed,
}

fn fault(coded: &Coded<'_>) -> Option<Fault> {
    let decoding = coded.decoding;
    if !decoding.fault.is_empty() {
        Some(Fault::Other)
    } else if decoding.found.len() <= decoding.named.len() || coded.is_file() {
        None
    } else if decoding.named.is_empty() {
        Some(Fault::Unnamed)
    } else {
        Some(Fault::Again)
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for coded in coded::all(walk) {
        let Some(fault) = fault(&coded) else {
            continue;
        };
        let seen = match fault {
            Fault::Other => coded.decoding.fault.clone(),
            Fault::Again | Fault::Unnamed => {
                format!("the body is {}", coded.decoding.found.join(" within "))
            }
        };
        sightings.add(
            Sighting::new(Subject::Step(coded.step.number), coded.exchange.url.clone()).show(
                walk.at(
                    coded.step,
                    format!(
                        "asked with Accept-Encoding: {}, the answer has {}; {seen}",
                        coded.exchange.offered,
                        coded.called()
                    ),
                ),
            ),
        );
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = coded::all(walk).into_iter().find_map(|coded| {
        let is_told = sightings
            .iter()
            .any(|one| one.subjects.contains(&Subject::Step(coded.step.number)));
        let fault = fault(&coded).filter(|_| is_told)?;
        Some((coded, fault))
    });
    let Some((coded, fault)) = told else {
        return Story::observed("", "");
    };
    let url = &coded.exchange.url;
    let refuter = format!("curl --compressed {url}, which prints the text and ends with 0");
    match fault {
        Fault::Other => Story::observed(
            format!(
                "Browsers cannot read {url}: {}, but {}",
                coded.called(),
                coded.decoding.fault
            ),
            refuter,
        )
        .advise("Look for what sets the field and what changes the body: a field that is copied from an upstream's answer whose body was decoded on the way (HTTP libraries decode by themselves), a stored file that is named .gz and is not, or an error page under the fields of the answer it replaces"),
        Fault::Again => Story::observed(
            format!(
                "Browsers show the compressed bytes of {url}: it is compressed {} times, and its Content-Encoding says {}",
                coded.decoding.found.len(),
                coded.decoding.named.join(", ")
            ),
            refuter,
        )
        .advise("Let one place compress: take Accept-Encoding away towards the application (nginx: proxy_set_header Accept-Encoding \"\") or turn the proxy's compression off; files that are stored compressed are to be served with their Content-Encoding, so that nobody compresses them again"),
        Fault::Unnamed => Story::observed(
            format!(
                "Clients get the compressed bytes of {url} as text: the body is {}, and there is no Content-Encoding",
                coded.decoding.found.join(" within ")
            ),
            refuter,
        )
        .advise("Send Content-Encoding with what is stored or made compressed (an object store wants it as metadata of the object), and see that no proxy on the way takes the field away"),
    }
}
