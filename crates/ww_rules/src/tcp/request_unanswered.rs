//! `request-unanswered`: the server took the request and never answered.

mod probed;

use super::proxies;
use super::waits::{about_endpoint, at_once, counted, is_chatter, roles_known, way_to_server};
use crate::rule::rule;
use crate::shared::some;
use crate::{Sighting, Sightings, Story, View};
use rustc_hash::FxHashSet;
use std::cell::LazyCell;
use ww_base::{Gap, Span};
use ww_evidence::{Endpoint, Protocol, SideId, SymptomKind, TcpFlow, Unanswered};
use ww_finding::{Severity, Support};

rule! {
    name: "request-unanswered",
    family: "tcp",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Application,
    summary: "The server accepted a request and never answered it",
    needs: [Tcp],
    explains: [],
    page: "request_unanswered.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// A wait below this is nobody's trouble.
const WAITED_MIN: Span = Span::from_secs(1);

/// Where the capture ends first, or the protocol is hidden, the wait must be this long.
const WAITED_LONG: Span = Span::from_secs(5);

/// A request that takes longer than this to send is a stream of data.
const STREAM: Span = Span::from_secs(1);

/// Exchanges after which an encrypted connection may carry messages that nobody answers.
const HANDSHAKE_EXCHANGES: u32 = 3;

/// Bytes of an encrypted receipt (a TLS record adds some 22 to what is said).
const RECEIPT_MAX: u64 = 64;

/// Services that send something on a connection.
fn talkative(view: &View<'_>) -> FxHashSet<Endpoint> {
    let talks = |flow: &TcpFlow| flow.sent_by_server.data_segments > 0;
    let flows = view.flows().filter(|(_, flow)| talks(flow));
    flows.map(|(_, flow)| flow.server).collect()
}

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    let talkative = LazyCell::new(|| talkative(view));
    for (subject, flow) in view.flows() {
        let Some(request) = left_alone(view, flow) else {
            continue;
        };
        let speaks = flow.exchanges.protocol;
        if speaks == Protocol::Unknown && !talkative.contains(&flow.server) {
            sightings.gap(Gap::new(
                format!(
                    "{} was sent data and never said a word; whether its protocol answers at all is not known",
                    flow.server
                ),
                "the protocol's description, or a capture in which that server does answer",
            ));
            continue;
        }
        let proxied = proxies::answers_for(view, flow);
        let group = if proxied {
            proxies::group(flow)
        } else {
            flow.server.to_string()
        };
        let mut sighting = Sighting::new(subject, group)
            .lost(left(request))
            .show(view.in_flow(
                flow,
                request.request.frame(),
                request.request_end.frame(),
                format!(
                    "the request ({}, {} bytes)",
                    what(flow, request),
                    request.bytes
                ),
            ));
        if let Some(mark) = request.acknowledged {
            sighting = sighting.show(view.at(
                flow,
                mark,
                if proxied {
                    "the proxy acknowledges all of it"
                } else {
                    "the server's host acknowledges all of it: it arrived"
                },
            ));
        }
        if let Some((side, mark)) = request.given_up_by {
            let says = format!(
                "the {} ends the connection after {}",
                side.word(),
                request.waited
            );
            sighting = sighting.show(view.at(flow, mark, says));
        }
        sightings.add(sighting);
    }
}

/// The connection's last request, when it arrived and was left without an answer for too long.
fn left_alone<'v>(view: &View<'_>, flow: &'v TcpFlow) -> Option<&'v Unanswered> {
    let request = flow.exchanges.unanswered.as_ref()?;
    let speaks = flow.exchanges.protocol;
    let arrived = request.acknowledged.is_some()
        && !request.awaits_body
        && flow.sent_by_server.unfilled_hole.is_none()
        && flow.count(SymptomKind::UnseenAcked, SideId::Server) == 0
        && !flow.one_way();
    let streams = request.request_end.at - request.request.at >= STREAM && speaks != Protocol::Http;
    let held_back = request.line.as_ref().is_some_and(|line| line.may_wait);
    let chatter = is_chatter(speaks, message(request, speaks), 0) || is_receipt(flow, request);
    let open = request.given_up_by.is_none();
    let end_means_nothing = open && (speaks == Protocol::Unknown || view.trust.clock_unsteady);
    if !arrived || !roles_known(flow) || end_means_nothing || streams || held_back || chatter {
        return None;
    }
    let usual = flow
        .exchanges
        .took
        .quantile(0.9)
        .unwrap_or(Span::ZERO)
        .times(10);
    let patience = match (request.given_up_by, speaks) {
        (Some(_), Protocol::Http) => WAITED_MIN,
        (Some(_), _) if flow.exchanges.answered <= HANDSHAKE_EXCHANGES => WAITED_MIN,
        (Some(_), _) => WAITED_LONG,
        (None, _) => WAITED_LONG.max(usual),
    };
    (left(request) >= patience.max(way_to_server(flow).times(3))).then_some(request)
}

/// Bytes of its largest message: encrypted upkeep often comes as several records in a row.
fn message(request: &Unanswered, speaks: Protocol) -> u64 {
    match speaks {
        Protocol::Tls | Protocol::Http2 => u64::from(request.largest),
        _ => request.bytes,
    }
}

/// A short encrypted message right after the server's: it says that something arrived, as over a WebSocket.
fn is_receipt(flow: &TcpFlow, request: &Unanswered) -> bool {
    flow.exchanges.protocol == Protocol::Tls
        && request.bytes <= RECEIPT_MAX
        && at_once(flow, request.after_answer)
}

/// How long the server left it alone: until it had all of it, losses were being repaired, and it could not answer.
fn left(request: &Unanswered) -> Span {
    let on_the_way = request
        .acknowledged
        .map_or(Span::ZERO, |mark| mark.at - request.request_end.at);
    request.waited - on_the_way.or_zero()
}

/// What was asked, as far as it can be read.
fn what(flow: &TcpFlow, request: &Unanswered) -> String {
    match (&request.line, flow.exchanges.protocol) {
        (Some(line), _) => line.text.clone(),
        (None, Protocol::Tls) if flow.exchanges.answered == 0 && flow.from_start() => {
            "TLS ClientHello".to_owned()
        }
        (None, Protocol::Tls) => "encrypted".to_owned(),
        _ => "in a protocol that is not read".to_owned(),
    }
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let flows = about_endpoint(view, group);
    let requests: Vec<(&TcpFlow, &Unanswered)> = flows
        .iter()
        .filter_map(|flow| Some((*flow, flow.exchanges.unanswered.as_deref()?)))
        .collect();
    let server = group
        .first()
        .map(|sighting| sighting.group.as_str())
        .unwrap_or_default();
    let longest = requests
        .iter()
        .max_by_key(|(_, request)| left(request))
        .copied();
    let named = longest
        .map(|(flow, request)| format!(" ({})", what(flow, request)))
        .unwrap_or_default();
    let waited = longest.map_or(Span::ZERO, |(_, request)| left(request));
    let ended = requests
        .iter()
        .filter(|(_, request)| request.given_up_by.is_some())
        .count();
    let by_server = requests
        .iter()
        .filter(|(_, request)| matches!(request.given_up_by, Some((SideId::Server, _))))
        .count();
    let end = match (ended, by_server) {
        (0, _) => "the capture ends while they wait",
        (_, 0) => "until the client gave up",
        _ => "until the server closed the connection without a word",
    };
    let asked = counted(requests.len() as u64, "request");
    if let Some(client) = proxies::client_of(server) {
        let servers = some(flows.iter().map(|flow| flow.server), "servers");
        return proxies::story(
            format!(
                "A proxy beside {client} accepted {asked} to {servers}{named}, and nothing came back for up to {waited}, {end}"
            ),
            "a capture beyond the proxy that shows the requests leaving at once and nothing coming back puts it on the way or the servers",
            Severity::Medium,
        );
    }
    let hidden = requests
        .iter()
        .all(|(flow, _)| flow.exchanges.protocol != Protocol::Http);
    let story = Story::observed(
        format!(
            "{server} accepted {asked}{named} and never answered: acknowledged by its host, then nothing for up to {waited}, {end}"
        ),
        "a capture at the server that shows it sending an answer, or a protocol in which nothing had to be answered",
    )
    .advise("Look at what the server does with this request: its log, thread dump or profiler at that time; hung workers, an exhausted pool, a lock, a call to a backend without a timeout")
    .advise("Give every call the server makes a timeout shorter than its clients' (nginx: proxy_read_timeout; Envoy: route timeout), so that it answers an error rather than nothing");
    match (ended, hidden) {
        (0, _) => story.severity(Severity::Medium).support(Support::Heuristic),
        (_, true) => story.support(Support::Heuristic),
        _ => story,
    }
}
