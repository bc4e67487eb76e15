//! `websocket-upgrade-refused`: the answer to a WebSocket handshake is not 101.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{Seen, WebSocketCall, WebSocketOutcome};
use ww_finding::{Owner, Severity};

rule! {
    name: "websocket-upgrade-refused",
    family: "app",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A WebSocket handshake is answered with something else than 101",
    needs: [Endpoint],
    explains: [],
    page: "websocket_upgrade_refused.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, call) in walk.transcript.websockets() {
        let shown = match &call.outcome {
            WebSocketOutcome::Open => continue,
            WebSocketOutcome::Status(status) => format!("the answer is {status}{}", by(call)),
            WebSocketOutcome::Wrong(what) => what.clone(),
            WebSocketOutcome::NoAnswer => "the request has no answer".to_owned(),
        };
        let key = match &call.outcome {
            WebSocketOutcome::Status(status) => status.to_string(),
            WebSocketOutcome::Wrong(_) => "wrong".to_owned(),
            WebSocketOutcome::NoAnswer | WebSocketOutcome::Open => "none".to_owned(),
        };
        let to = call.to.map(|to| format!("{to}: ")).unwrap_or_default();
        sightings.add(
            Sighting::new(Subject::Step(step.number), key)
                .show(walk.at(step, format!("{to}{shown}"))),
        );
    }
}

fn field<'c>(call: &'c WebSocketCall, name: &str) -> Option<&'c str> {
    call.headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// Who answered, where it says so.
fn by(call: &WebSocketCall) -> String {
    field(call, "server").map_or_else(String::new, |server| format!(" (from {server})"))
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let call = sightings
        .first()
        .and_then(|sighting| walk.step(*sighting.subjects.first()?))
        .and_then(|step| match &step.seen {
            Seen::WebSocket(call) => Some(call),
            _ => None,
        });
    let Some(call) = call else {
        return Story::observed("", "");
    };
    let target = walk.target();
    let (scheme, usual) = if target.service.is_tls() {
        ("wss", 443)
    } else {
        ("ws", 80)
    };
    let port = if target.port == usual {
        String::new()
    } else {
        format!(":{}", target.port)
    };
    let url = format!("{scheme}://{}{port}{}", target.host, target.path);
    let refuter = format!("a browser or websocat that opens {url}");
    match &call.outcome {
        WebSocketOutcome::Status(status) => of_status(call, *status, &url, refuter),
        WebSocketOutcome::Wrong(what) => Story::observed(
            format!("{url} takes the upgrade in a way that clients refuse: {what}"),
            refuter,
        )
        .advise("Look at what stands before the server: something answers or changes the handshake that does not know it"),
        WebSocketOutcome::NoAnswer | WebSocketOutcome::Open => Story::observed(
            format!("{url} takes the connection and does not answer the handshake"),
            refuter,
        )
        .owner(Owner::Unknown)
        .advise("Send the same request without its Upgrade field; if that is answered, a proxy or filter swallows upgrades"),
    }
}

/// The status in place of 101 that says that a proxy did not pass the upgrade on, or that the server takes none.
pub(crate) fn refused(call: &WebSocketCall) -> Option<u16> {
    match call.outcome {
        WebSocketOutcome::Status(401 | 403 | 404 | 300..=399 | 500..=504 | 506..=599) => None,
        WebSocketOutcome::Status(status) => Some(status),
        _ => None,
    }
}

/// What a status tells. 505 is what a server says that is asked in HTTP/1.0, as nginx asks unless it is told
/// otherwise.
fn of_status(call: &WebSocketCall, status: u16, url: &str, refuter: String) -> Story {
    let by = by(call);
    match status {
        401 | 403 => Story::observed(
            format!("{url} answers the handshake with {status}{by}: it wants credentials, or another Origin"),
            refuter,
        )
        .severity(Severity::Info)
        .owner(Owner::Client)
        .advise("Repeat with the fields that clients send: -H 'Authorization: …', -H 'Cookie: …' or -H 'Origin: …'"),
        300..=399 => Story::observed(
            format!(
                "{url} redirects the handshake{}{by}; browsers do not follow that",
                field(call, "location").map_or_else(String::new, |to| format!(" to {to}"))
            ),
            refuter,
        )
        .advise("Let clients use the address that it redirects to, with ws:// or wss://"),
        404 => Story::observed(
            format!("{url} answers the handshake with 404{by}: nothing is at this path"),
            refuter,
        )
        .owner(Owner::Unknown)
        .advise("Correct the path; where a proxy passes it on, look for a slash too many or too few in its rewriting"),
        500..=504 | 506..=599 => Story::observed(
            format!("{url} answers the handshake with {status}{by}: what serves WebSockets behind it fails or is not reached"),
            refuter,
        )
        .owner(Owner::Server)
        .advise("Look at the log of whoever answers; ask the server behind it directly"),
        _ => Story::observed(
            format!("{url} answers the handshake with {status}{by} in place of 101: a proxy did not pass the upgrade on, or the server takes none"),
            refuter,
        )
        .advise("Let each proxy pass the upgrade on: nginx with proxy_http_version 1.1, proxy_set_header Upgrade $http_upgrade and Connection \"upgrade\"; Apache with upgrade=websocket; Envoy with upgrade_configs")
        .advise("Ask the server behind the proxy directly; if it answers 101, the proxy is to blame"),
    }
}
