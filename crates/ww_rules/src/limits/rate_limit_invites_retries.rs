//! `rate-limit-invites-retries`: a rate limit refuses with a status that callers repeat.

use super::bounds::{self, Bound, Kind};
use crate::mend::add_lines;
use crate::operand::{Answer, Known, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_chain::{Chains, Party};
use ww_finding::{Exhibit, Fix, Severity, Support};
use ww_model::service::{Refused, RetryOn};

rule! {
    name: "rate-limit-invites-retries",
    family: "limits",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "A rate limit refuses with 5xx, which callers take for a failure and try again: the limit makes load",
    needs: [Programs],
    explains: [],
    page: "rate_limit_invites_retries.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for party in &chains.parties {
        for limit in bounds::all(party) {
            let what = format!("the status with which {} refuses", party.name);
            match ask(limit.refused, &what, |Refused(status)| *status >= 500) {
                // One setting, or its absence, speaks for all limits of its kind in a program.
                Answer::Yes(refused) => {
                    let key = refused
                        .at
                        .map_or_else(|| party.name.clone(), |at| format!("{at:?}"));
                    if told.insert((key, limit.kind)) {
                        reports.add(story(declared, party, &limit, &refused));
                    }
                }
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
    }
}

fn story(
    declared: &Declared<'_>,
    party: &Party<'_>,
    limit: &Bound<'_>,
    refused: &Known<Refused>,
) -> Story {
    let (name, Refused(status)) = (&party.name, refused.value);
    let retrying = retries(declared.chains(), party, status);
    let consequence = match &retrying {
        Some((caller, _)) => format!("{caller} tries those again"),
        None => "callers that retry failures try again".to_owned(),
    };
    let beyond = match limit.kind {
        Kind::Rate => "beyond its rate",
        Kind::AtOnce => "beyond those that it allows at once",
    };
    let story = Story::proved(
        format!("{name} refuses requests {beyond} with {status}, as if it had failed: {consequence}"),
        format!("callers of {name} that never repeat a {status}, and monitoring that does not count it as an outage"),
    )
    .support(Support::Declared)
    .show(refused.show(limit.at, &format!("what is too much is refused with {status}")));
    let story = if refused.at.is_some() {
        story.show(crate::declared::at(limit.at, "the limit"))
    } else {
        story
    };
    let story = story.fix(refuse_with_429(party, limit, refused));
    match retrying {
        Some((caller, at)) => story
            .show(Exhibit {
                at: ww_base::Locus::Text(at),
                says: format!("{caller} tries again on {status}"),
            })
            .severity(Severity::High),
        None => story,
    }
}

/// In nginx a line beside the limit; elsewhere by hand.
fn refuse_with_429(party: &Party<'_>, limit: &Bound<'_>, refused: &Known<Refused>) -> Fix {
    let line = format!("{} 429;", limit.kind.status_directive());
    let title = format!(
        "Refuse with 429 (Too Many Requests), in nginx `{line}`, and say when to come back (Retry-After)"
    );
    let program = party
        .program
        .filter(|program| program.product.component == "nginx" && refused.at.is_none());
    let room = program.and_then(|program| program.room(limit.at, &["http", "server", "location"]));
    add_lines(room, &[line], title)
}

/// A caller of a party that repeats requests which are answered with a status.
fn retries(chains: &Chains<'_>, party: &Party<'_>, status: u16) -> Option<(String, SourceSpan)> {
    let mut hops = chains.hops.iter().filter(|hop| {
        let callee = chains.callee(hop);
        callee.is_some_and(|callee| std::ptr::eq(callee, party))
    });
    hops.find_map(|hop| {
        let retry = &hop.call.side.retry;
        let repeats = retry.on.value()?.iter().any(|on| match on {
            RetryOn::Status(one) => *one == status,
            RetryOn::ServerError => true,
            _ => false,
        });
        let tries_again = *retry.attempts.value()? > 1;
        let at = retry
            .on
            .span()
            .or_else(|| retry.attempts.span())
            .unwrap_or(hop.call.at);
        (repeats && tries_again).then(|| Some((chains.caller(hop)?.name.clone(), at)))?
    })
}
