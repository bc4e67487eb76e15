//! `grpc-unhealthy`: a gRPC server that says that it does not serve, or cannot say.

use super::codes;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{GrpcCall, PeerReply, Seen};
use ww_finding::{Owner, Severity};

rule! {
    name: "grpc-unhealthy",
    family: "app",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Application,
    summary: "The gRPC health check says that the server does not serve, or fails",
    needs: [Endpoint],
    explains: [],
    page: "grpc_unhealthy.md",
    sight: sight,
    say: say,
}

/// What the health check came to, where that is not well.
enum Ill {
    /// The server says so.
    Says(String),
    /// The health service does not know the service.
    Unknown,
    /// A status of gRPC.
    Status(u32),
    /// A status of HTTP, from something that is no gRPC server.
    Http(u16),
    /// Nothing, or the end of the connection.
    NoAnswer(&'static str),
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, call) in walk.transcript.grpc_calls() {
        let Some(ill) = ill(call) else { continue };
        let to = call
            .to
            .map_or_else(|| walk.target().host.clone(), |to| to.to_string());
        sightings.add(
            Sighting::new(Subject::Step(step.number), key(&ill))
                .show(walk.at(step, shown(&to, call, &ill))),
        );
    }
}

fn ill(call: &GrpcCall) -> Option<Ill> {
    if !codes::is_health(call) {
        return None;
    }
    match &call.reply {
        PeerReply::Fine => {}
        PeerReply::Silence => return Some(Ill::NoAnswer("is not answered")),
        PeerReply::Closed => return Some(Ill::NoAnswer("ends with the connection")),
        PeerReply::Reset => return Some(Ill::NoAnswer("ends with a reset")),
        PeerReply::Failed(_) => return None,
    }
    match (call.status, codes::status(call)?) {
        (_, 0) => match call.health.as_str() {
            "SERVING" | "" => None,
            "SERVICE_UNKNOWN" => Some(Ill::Unknown),
            health => Some(Ill::Says(health.to_owned())),
        },
        (_, codes::NOT_FOUND) => Some(Ill::Unknown),
        // Whoever must say who it is has an answer, and a server without a health service is another rule's.
        (_, codes::UNIMPLEMENTED | codes::PERMISSION_DENIED | codes::UNAUTHENTICATED) => None,
        (Some(status), _) => Some(Ill::Status(status)),
        (None, codes::UNAVAILABLE) => call.http_status.map(Ill::Http),
        (None, _) => None,
    }
}

fn key(ill: &Ill) -> String {
    match ill {
        Ill::Says(health) => health.clone(),
        Ill::Unknown => "unknown".to_owned(),
        Ill::Status(status) => format!("status {status}"),
        Ill::Http(status) => format!("http {status}"),
        Ill::NoAnswer(how) => (*how).to_owned(),
    }
}

fn shown(to: &str, call: &GrpcCall, ill: &Ill) -> String {
    let message = if call.message.is_empty() {
        String::new()
    } else {
        format!(": {}", call.message)
    };
    match ill {
        Ill::Says(health) => format!("{to} answers {health}"),
        Ill::Unknown => format!("{to} knows no service `{}`{message}", call.asked),
        Ill::Status(status) => format!("{to} answers {}{message}", codes::name(*status)),
        Ill::Http(status) => format!("{to} answers HTTP {status} without a grpc-status"),
        Ill::NoAnswer(how) => format!("the call to {to} {how}"),
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let call = sightings
        .first()
        .and_then(|sighting| walk.step(*sighting.subjects.first()?))
        .and_then(|step| match &step.seen {
            Seen::Grpc(call) => Some(call),
            _ => None,
        });
    let Some((call, ill)) = call.and_then(|call| Some((call, ill(call)?))) else {
        return Story::observed("", "");
    };
    let whole = format!("{}:{}", walk.target().host, walk.target().port);
    let who = if call.asked.is_empty() {
        whole.clone()
    } else {
        format!("the service {} at {whole}", call.asked)
    };
    let refuter = "grpcurl that calls a method of the service at the same time, with success";
    match ill {
        Ill::Says(health) => Story::observed(
            if health == "NOT_SERVING" {
                format!("{who} says that it does not serve (NOT_SERVING)")
            } else {
                format!("{who} does not say that it serves: its health is {health}")
            },
            refuter,
        )
            .severity(if health == "NOT_SERVING" {
                Severity::High
            } else {
                Severity::Medium
            })
            .advise("Read the server's log: something in it sets this health, often a dependency that is down, or the server shuts down")
            .advise("Let the readiness check ask the same service, so that no calls are sent there meanwhile"),
        Ill::Unknown => Story::observed(
            format!("the health service of {whole} does not know the service {}", call.asked),
            "another name of the service in the server's code that the health service knows",
        )
        .severity(Severity::Medium)
        .advise("Set the health of this service where the server registers it, or ask for another name; checks that name it fail"),
        Ill::Status(status) => Story::observed(
            format!(
                "the health check of {who} fails with {}{}",
                codes::name(status),
                if call.message.is_empty() {
                    String::new()
                } else {
                    format!(": {}", call.message)
                }
            ),
            refuter,
        )
        .advise(if call.trailers_only {
            "The status came without a message, as from a proxy or a server that did not reach the method: look at the proxy's log for its upstream first"
        } else {
            "The server answered and then failed: its log names the cause"
        }),
        Ill::Http(status) => Story::observed(
            format!("a proxy answers for {whole} with HTTP {status}: it reaches no gRPC server"),
            refuter,
        )
        .owner(Owner::Middlebox)
        .advise("Look at the proxy's upstream: its address and port, and that it is spoken to in HTTP/2 (nginx: grpc_pass; Envoy: http2_protocol_options; an Ingress: its backend protocol)"),
        Ill::NoAnswer(how) => Story::observed(
            format!("{who} takes the connection, and the health check {how}"),
            refuter,
        )
        .owner(Owner::Server)
        .advise("See whether the port speaks gRPC in clear text (grpc://) or within TLS (grpcs://)")
        .advise("If it does, look whether the server is stuck: threads, its log, its load"),
    }
}
