//! `slow-application`: the request arrived, and the server took its time.

mod probed;

use super::waits::{
    NOTICE_MAX, about_endpoint, at_once, counted, is_chatter, roles_known, way_to_server,
};
use super::{hosts, proxies};
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, View};
use ww_base::Span;
use ww_evidence::{Exchanges, Protocol, Slowest, TcpFlow};
use ww_finding::{Severity, Support};

rule! {
    name: "slow-application",
    family: "tcp",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Application,
    summary: "The server receives requests at once and takes long to answer them",
    needs: [Tcp],
    explains: [],
    page: "slow_application.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// Thinking time above which users wait.
const THINKING_MIN: Span = Span::from_millis(500);

/// A host acknowledges a request within this time of its arrival (delayed ACKs included).
const ACKNOWLEDGED_WITHIN: Span = Span::from_millis(200);

/// Waits of whole seconds, from this many on, are timers.
const TIMER_MIN: Span = Span::from_secs(2);

/// How far beyond a whole second a timer's wait may be.
const TIMER_SLACK: Span = Span::from_millis(20);

/// Answers of a protocol that is not known are news when they are no longer than this.
const NEWS_MAX: u32 = 256;

/// The same where its head and its encryption cannot be told from it.
const ENCRYPTED_NEWS_MAX: u32 = 512;

/// So many waits of a connection show how it polls.
const POLLS_MIN: usize = 3;

/// Nobody waits so long for work on a connection on which other answers came sooner.
const NEWS_AWAITED: Span = Span::from_secs(10);

/// The end of the group key of waits that look agreed.
const AGREED: &str = " on purpose";

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let judged = |flow: &TcpFlow| roles_known(flow) && !speaks_unasked(flow);
    for (subject, flow) in view.flows().filter(|(_, flow)| judged(flow)) {
        let slow: Vec<&Slowest> = flow
            .exchanges
            .slowest
            .iter()
            .filter(|answer| is_slow(flow, answer))
            .collect();
        let Some(&worst) = slow.first() else { continue };
        let agreed = looks_agreed(flow, &slow);
        let proxied = proxies::answers_for(view, flow);
        let group = match (agreed, proxied) {
            (true, _) => format!("{}{AGREED}", flow.server),
            (false, true) => proxies::group(flow),
            (false, false) => flow.server.to_string(),
        };
        let thought =
            flow.exchanges.slow_sum - way_to_server(flow).times(i64::from(flow.exchanges.slow));
        let asked = worst
            .line
            .as_ref()
            .map_or("the request".to_owned(), |line| line.text.clone());
        let mut sighting = Sighting::new(subject, group)
            .count(u64::from(flow.exchanges.slow))
            .lost(if agreed { Span::ZERO } else { thought })
            .show(view.at(
                flow,
                worst.answer,
                format!("the answer begins {} after the request", worst.took),
            ))
            .show(view.at(flow, worst.request, format!("{asked} ends here")));
        if let Some(mark) = worst.acknowledged {
            let within = mark.at - worst.request.at;
            let says = if proxied {
                format!("the proxy acknowledges it within {within}")
            } else {
                format!(
                    "the server's host acknowledges it within {within}: the path did not hold it up"
                )
            };
            sighting = sighting.show(view.at(flow, mark, says));
        }
        sightings.add(sighting);
    }
}

/// What cannot be read is news as often as answers: the server says as much without having been asked.
fn speaks_unasked(flow: &TcpFlow) -> bool {
    let Exchanges {
        protocol,
        slow,
        unprompted,
        ..
    } = flow.exchanges;
    protocol != Protocol::Http && unprompted >= slow.div_ceil(2).max(1)
}

/// How long the server itself took.
fn thinking(flow: &TcpFlow, answer: &Slowest) -> Span {
    (answer.took - way_to_server(flow)).or_zero()
}

/// The server was given the request promptly and held the answer back itself.
fn is_slow(flow: &TcpFlow, answer: &Slowest) -> bool {
    let rtt = flow.rtt.unwrap_or(way_to_server(flow));
    let long = thinking(flow, answer) >= THINKING_MIN.max(rtt.times(10));
    let arrived = answer.acknowledged.is_some_and(|mark| {
        mark.frame() < answer.answer.frame()
            && mark.at - answer.request.at <= way_to_server(flow) + ACKNOWLEDGED_WITHIN
    });
    long && arrived && !is_reply(flow, answer)
}

/// The client's data answered the server's, rather than asked for something: a pong, a receipt, a
/// credit for more; or both sides say now and then that they are there.
fn is_reply(flow: &TcpFlow, answer: &Slowest) -> bool {
    let protocol = flow.exchanges.protocol;
    if is_chatter(protocol, answer.request_bytes, answer.answer_bytes) {
        return true;
    }
    let (asked, told) = (answer.request_bytes, u64::from(answer.answer_bytes));
    let signs_of_life = asked == told || (told <= NOTICE_MAX && answer.took >= NEWS_AWAITED);
    protocol == Protocol::Unknown
        && asked <= NOTICE_MAX
        && (signs_of_life || at_once(flow, answer.after_answer))
}

/// The waits look agreed: the request says so, or they are a timer's.
fn looks_agreed(flow: &TcpFlow, slow: &[&Slowest]) -> bool {
    let says_so = slow
        .iter()
        .all(|answer| answer.line.as_ref().is_some_and(|line| line.may_wait));
    let timer = slow.iter().all(|answer| {
        let wait = thinking(flow, answer);
        wait >= TIMER_MIN && Span(wait.0 % Span::from_secs(1).0) <= TIMER_SLACK
    });
    let hidden = flow.exchanges.protocol != Protocol::Http;
    says_so || timer || (hidden && (equal_waits_for_little(slow) || asked_anew_for_news(slow)))
}

/// The same question again and again, put soon after it was answered, and now and then nothing to say for long.
fn asked_anew_for_news(slow: &[&Slowest]) -> bool {
    let (Some(longest), true) = (slow.first(), slow.len() >= POLLS_MIN) else {
        return false;
    };
    let soon = |answer: &Slowest| {
        answer
            .after_answer
            .is_some_and(|since| since.times(4) <= answer.took)
    };
    longest.took >= NEWS_AWAITED
        && slow.iter().all(|answer| {
            answer.request_bytes == longest.request_bytes
                && answer.answer_bytes <= ENCRYPTED_NEWS_MAX
                && soon(answer)
        })
}

/// Always the same wait, and then hardly anything to say: a consumer that polls.
fn equal_waits_for_little(slow: &[&Slowest]) -> bool {
    let (Some(longest), Some(shortest)) = (slow.first(), slow.last()) else {
        return false;
    };
    slow.len() >= POLLS_MIN
        && longest.took - shortest.took <= Span(longest.took.0 / 50).max(Span::from_millis(10))
        && slow.iter().all(|answer| answer.answer_bytes <= NEWS_MAX)
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let flows = about_endpoint(view, group);
    let key = group.first().map_or("", |sighting| sighting.group.as_str());
    if let Some(client) = proxies::client_of(key) {
        return behind_proxy(client, &flows);
    }
    let server = key.strip_suffix(AGREED).unwrap_or(key);
    let slow: u32 = flows.iter().map(|flow| flow.exchanges.slow).sum();
    let worst = flows
        .iter()
        .filter_map(|&flow| Some((flow, flow.exchanges.slowest.first()?)))
        .max_by_key(|(flow, answer)| thinking(flow, answer));
    let longest = worst.map_or(Span::ZERO, |(flow, answer)| thinking(flow, answer));
    let named = worst
        .and_then(|(_, answer)| answer.line.as_ref())
        .map(|line| format!(" (slowest: {})", line.text))
        .unwrap_or_default();
    if key.ends_with(AGREED) {
        return Story::observed(
            format!(
                "{server} holds {} back for up to {longest}{named}: it looks like long polling or a timer, not like work",
                counted(u64::from(slow), "answer"),
            ),
            "the application's word that it should answer at once; a wait of whole seconds is then a timeout of something it calls",
        )
        .severity(Severity::Info)
        .support(Support::Heuristic)
        .advise("If this is long polling, nothing: keep the timeouts of proxies between above the wait. If not, look for a timeout of that length in what the server calls (DNS: 5 s)");
    }
    let all: u32 = flows
        .first()
        .into_iter()
        .flat_map(|told| hosts::to(view, told.server))
        .map(|flow| flow.exchanges.answered)
        .sum();
    let hidden = flows
        .iter()
        .all(|flow| matches!(flow.exchanges.protocol, Protocol::Unknown | Protocol::Http2));
    let story = Story::observed(
        format!(
            "{server} takes up to {longest} to begin an answer{named}: {slow} of {all} answers took {THINKING_MIN} or more, though each request had been acknowledged at once"
        ),
        "a capture at the server that shows the answer leaving early, or an application that holds answers back on purpose",
    )
    .support(if hidden { Support::Heuristic } else { Support::Observed })
    .advise("Trace the slow request inside the server: time in its queue, in its own code, in the database and in calls to other services (nginx: log $request_time and $upstream_response_time)")
    .advise("If all requests are slow at the same time, look for exhaustion: workers, pool, CPU, garbage collection, a lock");
    let interleaved = flows
        .iter()
        .all(|flow| flow.exchanges.protocol == Protocol::Http2);
    let rare = (slow <= 2 || hidden) && u64::from(slow) * 20 < u64::from(all);
    if rare || interleaved {
        story.severity(Severity::Low)
    } else {
        story
    }
}

/// What is to be said where the client's proxy had the requests, and nobody knows when the servers did.
fn behind_proxy(client: &str, flows: &[&TcpFlow]) -> Story {
    let slowest = flows
        .iter()
        .filter_map(|flow| flow.exchanges.slowest.first());
    let longest = slowest.map(|answer| answer.took).max().unwrap_or_default();
    let slow: u32 = flows.iter().map(|flow| flow.exchanges.slow).sum();
    let servers = some(flows.iter().map(|flow| flow.server), "servers");
    proxies::story(
        format!(
            "Answers of {servers} reach {client} after up to {longest} ({}): a proxy beside it answers for all its servers, so whether they or the way to them is slow cannot be told here",
            counted(u64::from(slow), "time"),
        ),
        "a capture beyond the proxy: requests that leave late, or long round trips there, mean the proxy or the way, and answers that arrive late a server",
        Severity::Low,
    )
}
