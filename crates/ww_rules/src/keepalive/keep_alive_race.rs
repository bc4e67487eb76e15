//! `keep-alive-race`: a server closes idle connections before the caller that keeps them does.

use crate::mend::set_time;
use crate::operand::{Answer, Known, ask, ask_two, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{SourceSpan, Span};
use ww_chain::{Hop, Party};
use ww_finding::{Severity, Support};
use ww_model::service::{Listener, Methods};

rule! {
    name: "keep-alive-race",
    family: "keepalive",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A server closes idle connections no later than the caller that keeps them: requests meet the close",
    needs: [Calls],
    explains: [],
    page: "keep_alive_race.md",
    check: check,
}

/// How much longer than the caller's the server's idle time has to be: a round trip, and the
/// second that a timer may be late (Node.js adds one for this reason from 22.22 on).
const MARGIN: Span = Span::from_secs(1);

/// From this idle time on, a request seldom comes in the very moment of the close.
const RARE: Span = Span::from_secs(600);

/// How much longer than the caller's the fix makes the server's.
const FIX_MARGIN: Span = Span::from_secs(5);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told: BTreeSet<(Option<SourceSpan>, Option<SourceSpan>, String)> = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| hop.call.protocol.is_http()) {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        match judge(hop, caller, callee) {
            Answer::Yes(race) => {
                let key = (race.keeps.at, race.closes.at, callee.name.clone());
                if told.insert(key) {
                    reports.add(story(declared, hop, (caller, callee), &race));
                }
            }
            Answer::Open(gap) => reports.gap(gap),
            Answer::No => {}
        }
    }
}

/// The two times that race.
struct Race {
    keeps: Known<Span>,
    closes: Known<Span>,
}

fn judge(hop: &Hop<'_>, caller: &Party<'_>, callee: &Party<'_>) -> Answer<Race> {
    let side = &hop.call.side;
    match ask(
        &side.reuses,
        &format!(
            "whether {} keeps connections to {}",
            caller.name, callee.name
        ),
        |reuses| *reuses,
    ) {
        Answer::Yes(_) => {}
        Answer::No => return Answer::No,
        Answer::Open(gap) => return Answer::Open(gap),
    }
    let Some(listener) = hop.listener else {
        return Answer::Open(ww_base::Gap::new(
            format!("when {} closes idle connections", callee.name),
            "the files that configure its server, or its settings in wirewise.toml",
        ));
    };
    if closes_itself(listener) {
        return Answer::No;
    }
    let answer = ask_two(
        (
            &side.keepalive_idle,
            &format!(
                "how long {} keeps idle connections to {}",
                caller.name, callee.name
            ),
        ),
        (
            &listener.side.keepalive_idle,
            &format!("when {} closes idle connections", callee.name),
        ),
        |keeps, closes| *closes > Span::ZERO && *closes < *keeps + MARGIN,
    );
    match answer {
        Answer::Yes((keeps, closes)) => Answer::Yes(Race { keeps, closes }),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

/// Whether the server says with each answer that it closes the connection: the caller then never
/// takes it for one that is kept.
fn closes_itself(listener: &Listener) -> bool {
    let requests = each(&listener.side.keepalive_requests);
    !requests.is_empty() && requests.iter().all(|known| known.value <= 1)
}

fn story(
    declared: &Declared<'_>,
    hop: &Hop<'_>,
    (caller, callee): (&Party<'_>, &Party<'_>),
    race: &Race,
) -> Story {
    let (keeps, closes) = (said(race.keeps.value), said(race.closes.value));
    let (client, server) = (&caller.name, &callee.name);
    let place = callee.at().unwrap_or(hop.call.at);
    let wanted = race.keeps.value + FIX_MARGIN;
    let lower = Span((race.closes.value.0 * 4 / 5 / 1_000_000_000).max(1) * 1_000_000_000);
    let story = Story::proved(
        format!(
            "{server} closes idle connections after {closes}, {client} keeps them for {keeps}: \
             requests meet the close, {}",
            consequence(hop.call.side.on_stale)
        ),
        format!(
            "a capture between {client} and {server} in which {client} is always the first to send FIN"
        ),
    )
    .support(Support::Declared)
    .show(race.keeps.show(
        hop.call.at,
        &format!("{client} keeps idle connections for {keeps}"),
    ))
    .show(race.closes.show(
        place,
        &format!("{server} closes them after {closes}"),
    ))
    .fix(set_time(
        declared,
        &race.closes,
        wanted,
        format!("Let {server} keep idle connections longer than {client}: {}", said(wanted)),
    ))
    .fix(set_time(
        declared,
        &race.keeps,
        lower,
        format!("Or let {client} drop them first: {} in place of {keeps}", said(lower)),
    ));
    match hop.call.side.on_stale {
        _ if race.closes.value >= RARE => story.severity(Severity::Low),
        Methods::All => story.severity(Severity::Critical),
        _ => story,
    }
}

/// What becomes of a request that meets a closed connection, as measured per product.
fn consequence(on_stale: Methods) -> &'static str {
    match on_stale {
        Methods::None => "and every request that does so fails",
        Methods::Safe | Methods::Idempotent => {
            "and those that must not be sent twice, as POST, fail"
        }
        Methods::All => {
            "and those that do so are sent again, so that a POST may be carried out twice"
        }
    }
}
