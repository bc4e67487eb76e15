//! `plaintext-on-tls-port`: clear text was spoken to a port that wants TLS.

use super::endpoint::{is_tls_answer, subject};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::{
    GreetingOutcome, HttpOutcome, PeerReply, Seen, Service, Step, WebSocketOutcome,
};

rule! {
    name: "plaintext-on-tls-port",
    family: "tls",
    layer: Tls,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A client speaks clear text to a port that wants TLS",
    needs: [Endpoint],
    explains: ["greeting-missing"],
    page: "plaintext_on_tls_port.md",
    sight: sight,
    say: say,
}

/// What became of clear text.
enum Fate {
    /// It was answered as clear text.
    Works,
    /// It was not: in words.
    Fails(String),
}

/// What became of clear text that was spoken in a step to an address.
fn fate(step: &Step, to: SocketAddr) -> Option<Fate> {
    let fails = |what: &str| Some(Fate::Fails(what.to_owned()));
    match &step.seen {
        Seen::Http(http) if http.to == Some(to) => match &http.outcome {
            // nginx and Apache answer clear text on a port for TLS with 400, and say so in the body.
            HttpOutcome::Replied(reply) if reply.status == 400 => {
                fails("the request in clear text was answered with 400")
            }
            HttpOutcome::Replied(_) => Some(Fate::Works),
            HttpOutcome::Closed => {
                fails("the request in clear text was answered by closing the connection")
            }
            HttpOutcome::Reset => fails("the request in clear text was answered with a reset"),
            HttpOutcome::TimedOut => fails("the request in clear text was not answered"),
            HttpOutcome::NotConnected(_) => None,
            _ => fails("the request in clear text was answered with something that is not HTTP"),
        },
        Seen::Grpc(call) if call.to == Some(to) => match call.reply {
            PeerReply::Fine => Some(Fate::Works),
            _ => fails("the call in clear text failed"),
        },
        Seen::Greeting(greeting) if greeting.to == Some(to) => match greeting.outcome {
            GreetingOutcome::Fine | GreetingOutcome::Denied(_) => Some(Fate::Works),
            _ => fails("the first question in clear text got no proper answer"),
        },
        Seen::WebSocket(call) if call.to == Some(to) => match call.outcome {
            WebSocketOutcome::Status(400) | WebSocketOutcome::NoAnswer => {
                fails("the WebSocket handshake in clear text failed")
            }
            _ => Some(Fate::Works),
        },
        _ => None,
    }
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    if walk.target().service.is_tls() {
        return;
    }
    for (step, hello) in walk.transcript.hellos() {
        let Some(to) = hello.to.filter(|_| is_tls_answer(&hello.reply)) else {
            continue;
        };
        let mut failures = Vec::new();
        let mut works = false;
        for other in &walk.transcript.steps {
            match fate(other, to) {
                Some(Fate::Works) => works = true,
                Some(Fate::Fails(says)) => failures.push((other, says)),
                None => {}
            }
        }
        if works || failures.is_empty() {
            continue;
        }
        let mut sighting = Sighting::new(subject(step), walk.target().port.to_string())
            .show(walk.at(step, format!("{to} answers a ClientHello with TLS")));
        for (failure, says) in failures {
            sighting.subjects.push(Subject::Step(failure.number));
            sighting = sighting.show(walk.at(failure, says));
        }
        sightings.add(sighting);
    }
}

fn say(walk: &Walk<'_>, _sightings: &[Sighting]) -> Story {
    let target = walk.target();
    let (host, port) = (&target.host, target.port);
    let story = Story::observed(
        format!("{host}:{port} wants TLS, and clear text was spoken to it"),
        format!("an answer of {host}:{port} to clear text that is no error"),
    );
    if let Some(advice) = of_protocol(target.service) {
        return story.advise(advice);
    }
    let scheme = match target.service {
        Service::Grpc => "grpcs",
        Service::Ws => "wss",
        _ => "https",
    };
    let story = story.advise(format!(
        "Ask for {scheme}://{host}:{port}{}",
        path(&target.path)
    ));
    if target.service == Service::Grpc {
        story.advise("Give the client credentials for TLS in place of insecure ones; grpcurl without -plaintext")
    } else {
        story.advise("If clear text is meant, take `ssl` away from this port (nginx `listen`, HAProxy `bind`), or use the port that has none")
    }
}

/// How clients of a protocol speak TLS from the first byte.
fn of_protocol(service: Service) -> Option<&'static str> {
    Some(match service {
        Service::Redis => {
            "Let clients speak TLS there: rediss:// in place of redis://, redis-cli --tls"
        }
        Service::Smtp => {
            "This port takes TLS from the first byte, as port 465 does: let clients use implicit TLS there, not STARTTLS"
        }
        Service::Imap | Service::Pop3 | Service::Ldap => {
            "This port takes TLS from the first byte, as 993, 995 and 636 do: let clients use implicit TLS there, not STARTTLS"
        }
        Service::Postgres => {
            "Something before PostgreSQL ends TLS there: let clients use sslnegotiation=direct (libpq 17), or a tunnel"
        }
        Service::Mysql | Service::Ssh | Service::Dns => {
            "Something before the server ends TLS there: let clients use the port that has none, or a tunnel such as stunnel"
        }
        _ => return None,
    })
}

/// The path, where it is more than the root.
fn path(path: &str) -> &str {
    if path == "/" { "" } else { path }
}
