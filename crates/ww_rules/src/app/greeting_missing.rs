//! `greeting-missing`: a port where a protocol is expected that does not speak it.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::{GreetingOutcome, PeerReply, Seen, Service, Step};
use ww_finding::{Owner, Severity, Support};

rule! {
    name: "greeting-missing",
    family: "app",
    layer: App,
    class: Connectivity,
    severity: High,
    owner: Server,
    summary: "What listens at the port speaks another protocol, says nothing, or ends the connection",
    needs: [Endpoint],
    explains: [],
    page: "greeting_missing.md",
    sight: sight,
    say: say,
}

/// What came in place of a greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instead<'w> {
    Other(&'w str),
    Closed,
    Reset,
    Silence,
}

impl Instead<'_> {
    fn key(self) -> &'static str {
        match self {
            Instead::Other(_) => "other",
            Instead::Closed => "closed",
            Instead::Reset => "reset",
            Instead::Silence => "silent",
        }
    }
}

/// Where a step went, and what came in place of a greeting.
fn instead(step: &Step) -> Option<(SocketAddr, Instead<'_>)> {
    let (to, instead) = match &step.seen {
        // Of a port of which nothing is known, nothing is expected.
        Seen::Greeting(greeting) if greeting.service != Service::Tcp => {
            let instead = match &greeting.outcome {
                GreetingOutcome::Fine | GreetingOutcome::Denied(_) => return None,
                GreetingOutcome::Other(line) => Instead::Other(line),
                GreetingOutcome::Closed => Instead::Closed,
                GreetingOutcome::Reset => Instead::Reset,
                GreetingOutcome::Silence => Instead::Silence,
            };
            (greeting.to, instead)
        }
        Seen::Stun(binding) => {
            let instead = match &binding.reply {
                PeerReply::Reset => Instead::Reset,
                PeerReply::Silence => Instead::Silence,
                PeerReply::Fine | PeerReply::Closed | PeerReply::Failed(_) => return None,
            };
            (binding.to, instead)
        }
        _ => return None,
    };
    Some((to?, instead))
}

/// A server of this address greeted all the same, over another transport.
fn greets(walk: &Walk<'_>, to: SocketAddr) -> bool {
    walk.transcript.greetings().any(|(_, greeting)| {
        greeting.to == Some(to)
            && matches!(
                greeting.outcome,
                GreetingOutcome::Fine | GreetingOutcome::Denied(_)
            )
    })
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for step in &walk.transcript.steps {
        let Some((to, instead)) = instead(step).filter(|&(to, _)| !greets(walk, to)) else {
            continue;
        };
        let says = match instead {
            Instead::Other(line) => format!("{to} says `{line}`"),
            Instead::Closed => format!("{to} closed the connection"),
            Instead::Reset if is_datagram(walk) => format!("{to} answers: port unreachable"),
            Instead::Reset => format!("{to} reset the connection"),
            Instead::Silence => format!("{to} said nothing for {}", step.took),
        };
        sightings.add(
            Sighting::new(Subject::Step(step.number), instead.key()).show(walk.at(step, says)),
        );
    }
}

fn is_datagram(walk: &Walk<'_>) -> bool {
    walk.target().service == Service::Stun
}

fn protocol(service: Service) -> &'static str {
    match service {
        Service::Postgres => "PostgreSQL",
        Service::Mysql => "MySQL",
        Service::Redis => "Redis",
        Service::Smtp => "SMTP",
        Service::Imap => "IMAP",
        Service::Pop3 => "POP3",
        Service::Ldap => "LDAP",
        Service::Ssh => "SSH",
        Service::Dns => "DNS",
        Service::Stun => "STUN",
        _ => "what is expected there",
    }
}

fn say(walk: &Walk<'_>, sightings: &[Sighting]) -> Story {
    let told = sightings
        .first()
        .and_then(|sighting| walk.step(*sighting.subjects.first()?))
        .and_then(|step| Some((step, instead(step)?.1)));
    let Some((step, instead)) = told else {
        return Story::observed("", "");
    };
    let target = walk.target();
    let (whole, protocol) = (
        format!("{}:{}", target.host, target.port),
        protocol(target.service),
    );
    let refuter = format!("a client of {protocol} that works with {whole} at the same time");
    if is_datagram(walk) {
        return over_udp(&whole, protocol, instead, refuter);
    }
    match instead {
        Instead::Other(line) => Story::observed(
            format!(
                "{whole} does not speak {protocol}: it says `{}`",
                shortened(line)
            ),
            refuter,
        )
        .owner(Owner::Configuration)
        .advise("Compare host and port with what the server is set up to listen at, and where a load balancer or a Service sends this port"),
        Instead::Closed | Instead::Reset => Story::observed(
            format!(
                "{whole} takes connections and {} without a word of {protocol}",
                if instead == Instead::Closed { "closes them" } else { "resets them" }
            ),
            refuter,
        )
        .advise("See whether something that stands for the server took the connection: a load balancer or a Service without a backend that works accepts and ends it")
        .advise("On the server, look into its log: lists of clients (hosts.deny, bind addresses, connection limits) end connections like this, and so does one that wants the PROXY protocol"),
        Instead::Silence => Story::observed(
            format!("{whole} takes connections and says nothing of {protocol} in {}", step.took),
            refuter,
        )
        .severity(if target.service == Service::Smtp { Severity::Medium } else { Severity::High })
        .advise("On the server, see whether the connection was taken: ss -tn; a Recv-Q that is not 0 means that no program reads it, and connections that wait in the backlog look like this too")
        .advise("If it answers in the end, it may look up the client's name first: compare with a client whose address has a name (PTR); MySQL skip-name-resolve, sshd UseDNS no"),
    }
}

fn over_udp(whole: &str, protocol: &str, instead: Instead<'_>, refuter: String) -> Story {
    if instead == Instead::Reset {
        return Story::observed(
            format!("Nobody listens for {protocol} at {whole}: its host says that the UDP port is unreachable"),
            refuter,
        )
        .advise("Start the server, or compare the port with its configuration; in containers and load balancers, map the port for UDP");
    }
    Story::observed(
        format!("{whole} does not answer {protocol} over UDP"),
        refuter,
    )
    .support(Support::Heuristic)
    .severity(Severity::Medium)
    .owner(Owner::Unknown)
    .advise("See on the server whether the requests arrive (tcpdump udp) and whether answers leave: silence is a server that is down, or a packet filter on the way in either direction")
}

/// Not longer than a sentence bears, and without control characters.
fn shortened(line: &str) -> String {
    line.chars()
        .filter(|letter| !letter.is_control())
        .take(80)
        .collect()
}
