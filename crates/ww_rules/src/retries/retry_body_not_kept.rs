//! `retry-body-not-kept`: a request whose body is passed on as it comes cannot be sent again.

use crate::declared::at;
use crate::many::{Groups, SHOWN, listed};
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::Call;

rule! {
    name: "retry-body-not-kept",
    family: "retries",
    layer: Http,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "Requests are to be tried at another server, but their bodies are not kept: those with a body are not",
    needs: [Programs],
    explains: [],
    page: "retry_body_not_kept.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for party in &declared.chains().parties {
        let calls = party.program.iter().flat_map(|program| &program.calls);
        let mut groups: Groups<SourceSpan, Case<'_>> = Groups::new();
        for call in calls {
            if let Some(case) = case(call) {
                groups.add(case.passes_on, case);
            }
        }
        for cases in groups.into_groups() {
            if let Some(story) = story(party, &cases) {
                reports.add_all(cases.len() as u64, story);
            }
        }
    }
}

/// A call that is to be tried again, and is not kept for it.
struct Case<'m> {
    call: &'m Call,
    passes_on: SourceSpan,
    on: SourceSpan,
    tries: Known<u64>,
}

/// Only where somebody wrote when to try again, and that bodies are passed on.
fn case(call: &Call) -> Option<Case<'_>> {
    let side = &call.side;
    let keeps = side.buffers_requests.value()?;
    let passes_on = side.buffers_requests.span().filter(|_| !keeps)?;
    let on = side.retry.on.span()?;
    let tries = each(&side.retry.attempts).into_iter().next()?;
    (tries.value > 1).then_some(Case {
        call,
        passes_on,
        on,
        tries,
    })
}

fn story(party: &Party<'_>, cases: &[Case<'_>]) -> Option<Story> {
    let first = cases.first()?;
    let name = &party.name;
    let groups = listed(cases.iter().map(|case| case.call.name.as_str()));
    let story = Story::proved(
        format!(
            "{name} is to try requests to {groups} at up to {} servers, but passes bodies on as they come: \
             a request whose body was begun is not tried again",
            first.tries.value
        ),
        "requests of these paths that have no body",
    )
    .support(Support::Declared)
    .show(at(first.passes_on, "bodies are passed on as they come"));
    let story = cases.iter().take(SHOWN).fold(story, |story, case| {
        story.show(at(
            case.on,
            format!("when {} is asked again", case.call.name),
        ))
    });
    Some(story.advise("Collect requests before they are passed on (proxy_request_buffering on), apart from uploads; or let clients repeat them"))
}
