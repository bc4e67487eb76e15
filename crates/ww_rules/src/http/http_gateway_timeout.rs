//! `http-gateway-timeout`: a proxy's timer ended before the answer came.

use super::maker::{Role, maker};
use super::timer::whole_seconds;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_base::Span;
use ww_evidence::transcript::{HttpExchange, HttpReply};
use ww_finding::{Owner, Support};

rule! {
    name: "http-gateway-timeout",
    family: "http",
    layer: Http,
    class: Performance,
    severity: High,
    owner: Application,
    summary: "A proxy gave up waiting for what is behind it, and says so",
    needs: [Endpoint],
    explains: ["http-server-errors", "slow-application", "response-truncated"],
    page: "http_gateway_timeout.md",
    sight: sight,
    say: say,
}

/// A 504 that comes sooner is no timer's: a cached failure, or somebody else's.
const WAITED_MIN: Span = Span::from_millis(900);

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, exchange) in walk.transcript.exchanges() {
        let (Some(reply), Some(to)) = (exchange.reply(), exchange.to) else {
            continue;
        };
        if !timed_out(exchange, reply) {
            continue;
        }
        let maker = maker(reply);
        let sighting = maker.sighting(walk, (step, exchange, to), reply);
        sightings.add(sighting.lost(exchange.phases.wait));
    }
}

/// The status says that time ran out, or it is a proxy's failure after a whole number of seconds.
fn timed_out(exchange: &HttpExchange, reply: &HttpReply) -> bool {
    match reply.status {
        504 | 522 | 524 => exchange.phases.wait >= WAITED_MIN,
        502 | 503 => {
            reply.header("retry-after").is_none()
                && maker(reply).role == Role::Proxy
                && whole_seconds(&exchange.phases).is_some()
        }
        _ => false,
    }
}

/// A proxy's timer that ended before there was an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GivenUp {
    /// How long the proxy waited.
    pub(crate) after: Span,
    /// It waited for a connection, not for an answer.
    pub(crate) connecting: bool,
    /// The proxy's product.
    pub(crate) by: &'static str,
}

/// The proxy's timer that ended in this exchange, where an answer tells it.
pub(crate) fn given_up(exchange: &HttpExchange) -> Option<GivenUp> {
    let reply = exchange
        .reply()
        .filter(|reply| timed_out(exchange, reply))?;
    let maker = maker(reply);
    (maker.role == Role::Proxy).then(|| GivenUp {
        after: whole_seconds(&exchange.phases).unwrap_or(exchange.phases.wait),
        connecting: is_connecting(reply.status),
        by: maker.name,
    })
}

/// The status says that there was no connection in time.
fn is_connecting(status: u16) -> bool {
    status == 522 || matches!(status, 502 | 503)
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let first = sightings.first().and_then(|sighting| {
        let subject = sighting.subjects.first()?;
        walk.transcript
            .exchanges()
            .find(|(step, _)| Subject::Step(step.number) == *subject)
    });
    let Some((exchange, reply)) =
        first.and_then(|(_, exchange)| Some((exchange, exchange.reply()?)))
    else {
        return Story::observed("", "");
    };
    let maker = maker(reply);
    let whole = whole_seconds(&exchange.phases);
    let after = match whole {
        Some(whole) => format!("{} s", whole.as_secs()),
        None => exchange.phases.wait.to_string(),
    };
    let timer = if whole.is_some() {
        "; whole seconds are a timer's"
    } else {
        ""
    };
    let status = reply.status;
    let host = &walk.target().host;
    let host = if exchange.redirect > 0 {
        &exchange.url
    } else {
        host
    };
    if maker.role == Role::Application {
        return Story::observed(
            format!("{host} answers {status} after {after}: the application itself gave up waiting for something that it calls{timer}"),
            "the application's log, with an answer to each of its own calls for this request",
        )
        .advise(format!("Look for a timeout of {after} in the application's own calls (database, other services), and for what it waited for"));
    }
    let connecting = is_connecting(status);
    let what = if connecting {
        "could not connect to what is behind it in time"
    } else {
        "gave up waiting for the answer of what is behind it"
    };
    let story = Story::observed(
        format!("{host} answers {status} after {after}: {} {what}{timer}", maker.name),
        "an answer in less time from what is behind the proxy, asked directly with the same request",
    )
    .support(match maker.role {
        Role::Unknown => Support::Heuristic,
        Role::Proxy | Role::Application => Support::Observed,
    })
    .owner(if connecting { Owner::Network } else { Owner::Application })
    .advise(knob(maker.name, connecting, &after));
    if connecting {
        story.advise("From the proxy's host, connect to what is behind it: nc -vz BACKEND PORT; silence means a filter that drops, or a host that is away")
    } else {
        story.advise("Find why the answer takes so long, before any timer is raised: its callers wait and repeat in the meantime")
    }
}

/// The setting that this product's timer has.
fn knob(name: &str, connecting: bool, after: &str) -> String {
    let settings = match (name, connecting) {
        ("nginx" | "OpenResty" | "Tengine", true) => {
            "proxy_connect_timeout of nginx (60 s unless set)"
        }
        ("nginx" | "OpenResty" | "Tengine", false) => {
            "proxy_read_timeout of nginx (60 s unless set)"
        }
        ("HAProxy", true) => "timeout connect or timeout queue of HAProxy, with its retries",
        ("HAProxy", false) => "timeout server of HAProxy",
        ("Envoy", true) => "connect_timeout of Envoy's cluster (5 s unless set)",
        ("Envoy", false) => "the route's timeout of Envoy (15 s unless set)",
        ("the AWS load balancer", true) => "the load balancer's ten seconds to connect to a target",
        ("the AWS load balancer", false) => {
            "idle_timeout.timeout_seconds of the load balancer (60 s unless set)"
        }
        ("CloudFront", _) => "the origin's response timeout of CloudFront (30 s unless set)",
        ("Cloudflare", _) => {
            "Cloudflare's own limit (about 100 s for 524), which most plans cannot raise"
        }
        ("Apache httpd", _) => {
            "ProxyTimeout, or timeout= of ProxyPass, of Apache httpd (60 s unless set)"
        }
        _ => "the proxy's timeouts towards what is behind it",
    };
    format!("The timer that ended after {after}: {settings}")
}
