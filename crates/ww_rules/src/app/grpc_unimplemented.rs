//! `grpc-unimplemented`: what is called is not known there.

use super::codes;
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use ww_evidence::transcript::{GrpcCall, Seen};
use ww_finding::{Owner, Severity};

rule! {
    name: "grpc-unimplemented",
    family: "app",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Application,
    summary: "A gRPC call reaches something that does not know the service, or no gRPC at all",
    needs: [Endpoint],
    explains: ["grpc-unhealthy"],
    page: "grpc_unimplemented.md",
    sight: sight,
    say: say,
}

/// What is missing.
enum Missing {
    /// The peer speaks another protocol.
    Http2(String),
    /// Something else than a gRPC server answers, with this status of HTTP.
    Grpc(u16),
    /// Reflection names services, and the one that the user named is not among them.
    Service(Vec<String>),
    /// The health service.
    Health,
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, call) in walk.transcript.grpc_calls() {
        let Some(missing) = missing(walk, call) else {
            continue;
        };
        let to = call
            .to
            .map_or_else(|| walk.target().host.clone(), |to| to.to_string());
        let (key, shown) = match &missing {
            Missing::Http2(words) => ("http/2", format!("{to} answers: {words}")),
            Missing::Grpc(status) => (
                "grpc",
                format!("{to} answers HTTP {status} without a grpc-status"),
            ),
            Missing::Service(services) => ("service", format!("{to} has: {}", services.join(", "))),
            Missing::Health => ("health", format!("{to} answers UNIMPLEMENTED (12)")),
        };
        sightings.add(sighting(walk, step.number, call, key).show(walk.at(step, shown)));
    }
}

/// A sighting that is also about the health check at the same address, which fails for no other reason.
fn sighting(walk: &Walk<'_>, step: u32, call: &GrpcCall, key: &str) -> Sighting {
    let mut sighting = Sighting::new(Subject::Step(step), key);
    sighting.subjects.extend(
        walk.transcript
            .grpc_calls()
            .filter(|(other, asked)| {
                other.number != step && asked.to == call.to && codes::is_health(asked)
            })
            .map(|(other, _)| Subject::Step(other.number)),
    );
    sighting
}

fn missing(walk: &Walk<'_>, call: &GrpcCall) -> Option<Missing> {
    if codes::is_health(call) {
        return match other_or_status(call)? {
            Ok(words) => Some(Missing::Http2(words)),
            Err(status) if call.status.is_some() => {
                (status == codes::UNIMPLEMENTED).then_some(Missing::Health)
            }
            // Whoever is asked to say who it is may be at a gRPC server; a proxy that reaches none is another rule's.
            Err(codes::UNAUTHENTICATED | codes::PERMISSION_DENIED | codes::UNAVAILABLE) => None,
            Err(_) => call.http_status.map(Missing::Grpc),
        };
    }
    let wanted = walk.target().path.trim_matches('/');
    (!wanted.is_empty()
        && !call.services.is_empty()
        && !call.services.iter().any(|known| known == wanted))
    .then(|| Missing::Service(call.services.clone()))
}

/// The words of another protocol, or else the status of an answered call.
fn other_or_status(call: &GrpcCall) -> Option<Result<String, u32>> {
    match codes::other_protocol(call) {
        Some(words) => Some(Ok(words.to_owned())),
        None => codes::status(call).map(Err),
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
    let Some(missing) = call.and_then(|call| missing(walk, call)) else {
        return Story::observed("", "");
    };
    let target = walk.target();
    let whole = format!("{}:{}", target.host, target.port);
    match missing {
        Missing::Http2(words) => Story::observed(
            format!("{whole} does not speak HTTP/2, so that no gRPC call reaches it: it answers `{words}`"),
            format!("curl --http2-prior-knowledge -v http://{whole}/ that gets an answer in HTTP/2"),
        )
        .severity(Severity::High)
        .owner(Owner::Configuration)
        .advise("Correct the port; where a proxy answers, let it speak HTTP/2 towards clients (nginx: http2 on; HAProxy: proto h2; Envoy: codec_type AUTO)"),
        Missing::Grpc(status) => Story::observed(
            format!("{whole} answers gRPC calls like a web server, with HTTP {status} and no grpc-status"),
            "grpcurl that lists services at this port",
        )
        .severity(Severity::High)
        .owner(Owner::Configuration)
        .advise("Correct the port or the route: nothing there passes application/grpc on to a gRPC server"),
        Missing::Service(services) => Story::observed(
            format!(
                "{whole} does not have the service {}; reflection names {}",
                target.path.trim_matches('/'),
                match services.len() {
                    1 => "one other".to_owned(),
                    count => format!("{count} others"),
                }
            ),
            "a call of one of its methods that does not end with UNIMPLEMENTED",
        )
        .severity(Severity::High)
        .advise("Compare the name with the package and service in the .proto file that the server was built from, and the server's version"),
        Missing::Health => Story::observed(
            format!("{whole} has no health service, so that checks of Kubernetes (grpc) and of load balancers fail"),
            "grpc_health_probe that gets SERVING there",
        )
        .severity(Severity::Info)
        .advise("Register grpc.health.v1.Health beside the other services, and set the health of each"),
    }
}
