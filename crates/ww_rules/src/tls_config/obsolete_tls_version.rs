//! `obsolete-tls-version`: a side speaks a version of TLS that is no longer to be spoken.

use crate::operand::{Answer, Known, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Setting, SourceSpan};
use ww_finding::{Severity, Support};
use ww_model::service::{Program, TlsVersion};

rule! {
    name: "obsolete-tls-version",
    family: "tls_config",
    layer: Tls,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "TLS 1.1 or older is allowed: RFC 8996 and its forerunners forbid it, and clients refuse it",
    needs: [Programs],
    explains: [],
    page: "obsolete_tls_version.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for (what, place, versions) in sides(program) {
            let said = format!("which versions of TLS {what}");
            match ask(versions, &said, |versions| {
                versions.iter().any(|version| *version < TlsVersion::Tls12)
            }) {
                Answer::Yes(known) => {
                    if told.insert((known.at, known.at.is_none().then_some(place.source))) {
                        reports.add(story(&what, place, &known));
                    }
                }
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
    }
}

type Versions = Setting<Vec<TlsVersion>>;

/// Both sides of a program that encrypt, with what they do in words and where that is written.
fn sides(program: &Program) -> impl Iterator<Item = (String, SourceSpan, &Versions)> {
    let name = &program.name;
    let served = program.listeners.iter().filter_map(move |listener| {
        let tls = listener.tls.as_ref()?;
        let place = tls.at.unwrap_or(listener.at);
        Some((format!("{name} offers to clients"), place, &tls.versions))
    });
    let called = program.calls.iter().filter_map(move |call| {
        let tls = call.tls.as_ref()?;
        let what = format!("{name} speaks with {}", call.name);
        Some((what, tls.at.unwrap_or(call.at), &tls.versions))
    });
    served.chain(called)
}

fn story(what: &str, place: SourceSpan, known: &Known<Vec<TlsVersion>>) -> Story {
    let old: Vec<&str> = known
        .value
        .iter()
        .filter(|version| **version < TlsVersion::Tls12)
        .map(|version| version.word())
        .collect();
    let old = old.join(", ");
    let newest = known.value.iter().max().copied();
    let is_all = newest.is_none_or(|newest| newest < TlsVersion::Tls12);
    let only = if is_all { "nothing newer than " } else { "" };
    let story = Story::proved(
        format!("Among what {what} is {only}{old}, which is no longer to be spoken"),
        "a library of TLS that refuses these versions whatever the configuration says",
    )
    .support(Support::Declared)
    .show(known.show(place, &format!("allows {old}")))
    .advise("Allow TLS 1.2 and 1.3 only");
    let is_ssl = known
        .value
        .iter()
        .any(|version| *version < TlsVersion::Tls10);
    match (is_all || is_ssl, known.at) {
        (true, _) => story.severity(Severity::High),
        (false, None) => story.severity(Severity::Low),
        (false, Some(_)) => story,
    }
}
