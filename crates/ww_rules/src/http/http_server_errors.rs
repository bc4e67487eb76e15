//! `http-server-errors`: answers that report a failure of the server, told by who made them.

use super::maker::{Maker, Role, maker};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use ww_evidence::transcript::{HttpExchange, HttpReply, Step};
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "http-server-errors",
    family: "http",
    layer: Http,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "Requests are answered with a server error: by a proxy that cannot reach what is behind it, or by the application",
    needs: [Endpoint],
    explains: ["slow-application", "response-truncated"],
    page: "http_server_errors.md",
    sight: sight,
    say: say,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(reply), Some(to)) = (exchange.reply(), exchange.to) else {
            continue;
        };
        if reply.status < 500 && reply.status != 429 {
            continue;
        }
        let maker = maker(reply);
        sightings.add(maker.sighting(walk, (step, exchange, to), reply));
    }
}

/// The proxy that says in this exchange that what is behind it does not answer.
pub(crate) fn not_reached(exchange: &HttpExchange) -> Option<&'static str> {
    let reply = exchange.reply().filter(|reply| {
        matches!(reply.status, 502..=504) && reply.header("retry-after").is_none()
    })?;
    let maker = maker(reply);
    (maker.role == Role::Proxy).then_some(maker.name)
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told: Vec<(&Step, &HttpExchange, &HttpReply)> = walk
        .transcript
        .exchanges()
        .filter(|(step, _)| {
            sightings
                .iter()
                .any(|sighting| sighting.subjects.contains(&Subject::Step(step.number)))
        })
        .filter_map(|(step, exchange)| Some((step, exchange, exchange.reply()?)))
        .collect();
    let Some(&(_, exchange, reply)) = told.first() else {
        return Story::observed("", "");
    };
    let maker = maker(reply);
    let who = who(walk, exchange, &told);
    let status = reply.status;
    if status == 429 || (status == 503 && reply.header("retry-after").is_some()) {
        return limited(&who, reply);
    }
    let meaning = meaning(&maker, reply);
    let story = Story::observed(format!("{who} {status}: {}", meaning.what), meaning.refuter)
        .owner(meaning.owner)
        .support(match maker.role {
            Role::Unknown => Support::Heuristic,
            Role::Proxy | Role::Application => Support::Observed,
        });
    let story = match status {
        501 | 505 | 506 | 510 => story.severity(Severity::Low),
        _ => story,
    };
    meaning.advice.into_iter().fold(story, Story::advise)
}

/// Who answers so: the target, some of its addresses, or where a redirect leads.
fn who(
    walk: &Walk<'_>,
    exchange: &HttpExchange,
    told: &[(&Step, &HttpExchange, &HttpReply)],
) -> String {
    if exchange.redirect > 0 {
        return format!(
            "{}, to which {} redirects, answers",
            exchange.url,
            walk.target().host
        );
    }
    let asked: BTreeSet<SocketAddr> = walk
        .transcript
        .exchanges()
        .filter(|(_, exchange)| exchange.redirect == 0)
        .filter_map(|(_, exchange)| exchange.to)
        .collect();
    let failing: BTreeSet<SocketAddr> = told
        .iter()
        .filter_map(|(_, exchange, _)| exchange.to)
        .collect();
    let host = &walk.target().host;
    match (failing.len(), asked.len()) {
        (failing, asked) if failing >= asked => format!("{host} answers"),
        (1, asked) => format!("one of the {asked} addresses of {host} answers"),
        (failing, asked) => format!("{failing} of the {asked} addresses of {host} answer"),
    }
}

fn limited(who: &str, reply: &HttpReply) -> Story {
    let after = reply
        .header("retry-after")
        .map(|after| {
            let unit = if after.parse::<u32>().is_ok() {
                " s"
            } else {
                ""
            };
            format!("; it may be tried again after {after}{unit}")
        })
        .unwrap_or_default();
    let story = Story::observed(
        format!("{who} {}: requests are limited, or the service pauses{after}", reply.status),
        "the same request answered at once from another address or with another key",
    )
    .owner(Owner::Configuration)
    .advise("Find the limit that counts this client (its address, key or account), and whether the client repeats requests too fast");
    story.severity(if reply.status == 429 {
        Severity::Info
    } else {
        Severity::Low
    })
}

/// What an error means when this maker sends it.
struct Meaning {
    what: String,
    owner: Owner,
    refuter: String,
    advice: Vec<String>,
}

fn meaning(maker: &Maker, reply: &HttpReply) -> Meaning {
    let name = maker.name;
    match maker.role {
        Role::Application => Meaning {
            what: "the application itself reports the failure; the proxies before it passed it on".to_owned(),
            owner: Owner::Application,
            refuter: "an answer without the failure from the application when it is asked past the proxies".to_owned(),
            advice: vec![
                "Look into the application's log at this time; the network and the proxies did their work".to_owned(),
            ],
        },
        Role::Unknown => Meaning {
            what: "the server reports a failure of its own, and does not say whether a proxy or the application made the answer".to_owned(),
            owner: Owner::Server,
            refuter: "the log of each proxy on the way: the one without an answer from behind made this one".to_owned(),
            advice: vec![
                "Compare the logs from the outside in: the innermost that has this request with this status made the answer".to_owned(),
            ],
        },
        Role::Proxy => Meaning {
            what: format!("{name} made this answer: {}", behind(name, reply)),
            owner: Owner::Server,
            refuter: format!("{name}'s log, with a status from behind it for this request"),
            advice: advice(name, reply),
        },
    }
}

/// What a proxy says of what is behind it.
fn behind(name: &str, reply: &HttpReply) -> &'static str {
    let head = reply.body.head.as_str();
    match (name, reply.status) {
        ("HAProxy", 503) => {
            "no server behind it takes the request: all are down, or the connection was refused"
        }
        ("HAProxy", 502) => "the server behind it closed, reset, or sent what is no HTTP",
        ("Envoy", _) if head.contains("no healthy upstream") => "no host of the cluster is healthy",
        ("Envoy", _)
            if head.contains("connection failure") || head.contains("connection refused") =>
        {
            "the connection to the host behind it cannot be made"
        }
        ("Envoy", _) if head.contains("overflow") => {
            "a circuit breaker lets no more requests through"
        }
        ("Envoy", _)
            if head.contains("connection termination") || head.contains("reset reason") =>
        {
            "the host behind it ended the connection before it answered"
        }
        ("the AWS load balancer", 503) => "no target is registered, or none is healthy",
        ("the AWS load balancer", 502) => {
            "the target refused, reset or closed the connection, or sent what is no HTTP"
        }
        ("Cloudflare", 521) => "the origin refuses connections",
        ("Cloudflare", 522) => "the origin does not answer the SYN, or the request",
        ("Cloudflare", 523) => "there is no route to the origin",
        ("Cloudflare", 525) => "the TLS handshake with the origin fails",
        ("Cloudflare", 526) => "the origin's certificate is not valid",
        ("Cloudflare", 530) => "the origin's name does not resolve",
        ("Cloudflare", _) => "the origin's answer is empty or broken",
        (_, 504) => "what is behind it did not answer in time",
        (_, 502) => {
            "what is behind it refuses connections, ends them without an answer, or sends what is no HTTP"
        }
        (_, 503) => "nothing behind it takes the request",
        _ => "it failed itself, not what is behind it",
    }
}

fn advice(name: &str, reply: &HttpReply) -> Vec<String> {
    let log = match name {
        "nginx" | "OpenResty" | "Tengine" => {
            "nginx's error_log names the cause: `connect() failed (111: Connection refused)`, `upstream prematurely closed connection`, `upstream sent too big header`, `no live upstreams`"
        }
        "HAProxy" => {
            "HAProxy's log has two letters for it (option httplog): SC refused or no server, sC connecting timed out, SH the server ended before its answer, PH the answer is broken"
        }
        "Envoy" => {
            "Envoy's access log has %RESPONSE_FLAGS% for it: UF connecting failed, UH no healthy host, UO overflow, UC connection ended, URX retries used up; and %RESPONSE_CODE_DETAILS%"
        }
        "the AWS load balancer" => {
            "The access log's target_status_code is - when no target answered; look at the health of the target group and at its security group"
        }
        _ => "The proxy's log names what failed on the way to what is behind it",
    };
    let mut advice = vec![log.to_owned()];
    if matches!(reply.status, 502 | 503 | 520..=523) {
        advice.push(
            "From the proxy's host, ask what is behind it directly: curl -v http://BACKEND:PORT/"
                .to_owned(),
        );
    }
    advice
}
