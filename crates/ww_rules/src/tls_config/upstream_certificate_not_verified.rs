//! `upstream-certificate-not-verified`: a caller encrypts, but does not look at who answers.

use crate::operand::{Answer, Known, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Program, Target, TlsClient};

rule! {
    name: "upstream-certificate-not-verified",
    family: "tls_config",
    layer: Tls,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "Calls are encrypted, but whoever answers is believed: the certificate is not verified",
    needs: [Programs],
    explains: [],
    page: "upstream_certificate_not_verified.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for call in &program.calls {
            let Some((tls, target)) = call
                .tls
                .as_ref()
                .zip(call.to.iter().find(|to| leaves_host(to)))
            else {
                continue;
            };
            let what = format!(
                "whether {} verifies the certificate of {}",
                program.name, call.name
            );
            match ask(&tls.verifies, &what, |verifies| !verifies) {
                // A default is one omission for all calls of a program.
                Answer::Yes(known) => {
                    let key = (known.at, known.at.is_none().then_some(program.at));
                    if told.insert(key) {
                        reports.add(story(program, call, tls, target, &known));
                    }
                }
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
    }
}

/// Whether a connection leaves the host: nobody stands between a program and its own host.
fn leaves_host(target: &Target) -> bool {
    let host = target.host.trim_matches(['[', ']']);
    let is_local = host
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    !is_local
        && !host.is_empty()
        && host != "localhost"
        && !host.starts_with(['/', '@'])
        && !host.starts_with("unix:")
}

fn story(
    program: &Program,
    call: &Call,
    tls: &TlsClient,
    target: &Target,
    known: &Known<bool>,
) -> Story {
    let (name, host) = (&program.name, &target.host);
    let story = Story::proved(
        format!("{name} encrypts calls to {host}, but believes any certificate: whoever answers in its place reads and changes everything"),
        format!("a network between {name} and {host} that nobody else can send into, or encryption below TLS"),
    )
    .support(Support::Declared)
    .show(known.show(tls.at.unwrap_or(call.at), "certificates are not verified"))
    .advise("Verify it: in nginx `proxy_ssl_verify on;` with `proxy_ssl_trusted_certificate` and `proxy_ssl_name`, in HAProxy `verify required ca-file … sni …`, in Envoy `validation_context` with `trusted_ca` and `match_typed_subject_alt_names`");
    if known.at.is_some() {
        story
    } else {
        story.severity(Severity::Low)
    }
}
