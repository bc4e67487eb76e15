//! `starttls-not-offered`: a mail server takes passwords in clear text and offers no TLS.

use crate::rule::rule;
use crate::{Sighting, Sightings, Story, Subject, Walk};
use std::net::SocketAddr;
use ww_evidence::transcript::{Greeting, GreetingOutcome, Service};

rule! {
    name: "starttls-not-offered",
    family: "app",
    layer: App,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "A mail server takes passwords in clear text on its port and offers no TLS there",
    needs: [Endpoint],
    explains: [],
    page: "starttls_not_offered.md",
    sight: sight,
    say: say,
}

/// The address that takes passwords so. On a host itself, a proxy that speaks TLS to clients may stand before it.
fn open(greeting: &Greeting) -> Option<SocketAddr> {
    let is_mailbox = matches!(greeting.service, Service::Imap | Service::Pop3);
    let greets = greeting.outcome == GreetingOutcome::Fine;
    let is_open = greeting.takes_clear_passwords && greeting.offers_tls == Some(false);
    let to = greeting.to.filter(|to| !to.ip().is_loopback())?;
    (is_mailbox && greets && is_open).then_some(to)
}

fn sight(walk: &Walk<'_>, sightings: &mut Sightings) {
    for (step, greeting) in walk.transcript.greetings() {
        let Some(to) = open(greeting) else {
            continue;
        };
        let (lacks, has) = match greeting.service {
            Service::Imap => ("STARTTLS", "does not say LOGINDISABLED"),
            _ => ("STLS", "names USER or SASL PLAIN"),
        };
        sightings.add(
            Sighting::new(Subject::Step(step.number), "open").show(walk.at(
                step,
                format!("{to} lists its capabilities without {lacks}, and {has}"),
            )),
        );
    }
}

fn say(walk: &Walk<'_>, _: &[Sighting]) -> Story {
    let target = walk.target();
    let (protocol, secure) = match target.service {
        Service::Imap => ("IMAP", 993),
        _ => ("POP3", 995),
    };
    Story::observed(
        format!(
            "{}:{} takes passwords of {protocol} in clear text and offers no TLS: whoever is on the way reads them and the mail",
            target.host, target.port
        ),
        format!("the capabilities at port {} as users of the server see them, with TLS among them", target.port),
    )
    .advise("Give it a certificate and refuse logins without TLS: Dovecot ssl = required, which also switches off passwords in clear text; Cyrus allowplaintext: no")
    .advise(format!("Or close the port towards users and leave them port {secure}, which begins with TLS (RFC 8314)"))
}
