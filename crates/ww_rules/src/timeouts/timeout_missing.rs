//! `timeout-missing`: something is waited for without a bound.

use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::Setting;
use ww_base::Span;
use ww_finding::{Severity, Support};
use ww_model::service::{Call, Program, Protocol};

rule! {
    name: "timeout-missing",
    family: "timeouts",
    layer: App,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "Nothing bounds a wait: one peer that falls silent holds a connection for ever",
    needs: [Programs],
    explains: [],
    page: "timeout_missing.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for program in &declared.model.services.programs {
        if program.product.component == "haproxy" {
            of_haproxy(program, reports);
        } else {
            of_clients(program, reports);
        }
    }
}

/// HAProxy has no timeouts of its own, and warns when it starts.
fn of_haproxy(program: &Program, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for call in program
        .calls
        .iter()
        .filter(|call| call.protocol != Protocol::Udp)
    {
        let missing: Vec<&str> = [
            ("timeout connect", &call.side.connect),
            ("timeout server", &call.side.first_byte),
        ]
        .into_iter()
        .filter(|(_, setting)| setting.is_off())
        .map(|(name, _)| name)
        .collect();
        if !missing.is_empty() && told.insert(call.at) {
            let headline = format!(
                "{} waits for the servers of `{}` without a bound: no {}",
                program.name,
                call.name,
                missing.join(", no ")
            );
            let story = haproxy_story(headline, &missing).show(at(
                call.at,
                format!("neither here nor in its defaults: {}", missing.join(", ")),
            ));
            reports.add(story.severity(Severity::High));
        }
    }
    for listener in &program.listeners {
        let is_missing = listener.side.stream_idle.is_off() && listener.protocol != Protocol::Udp;
        if is_missing && told.insert(listener.at) {
            let headline = format!(
                "{} keeps connections of clients that fell silent for ever: no timeout client",
                program.name
            );
            reports.add(haproxy_story(headline, &["timeout client"]).show(at(
                listener.at,
                "neither here nor in its defaults: timeout client",
            )));
        }
    }
}

fn haproxy_story(headline: String, missing: &[&str]) -> Story {
    let example = |name: &&str| match *name {
        "timeout connect" => "`timeout connect 5s`",
        "timeout server" => "`timeout server 30s`",
        _ => "`timeout client 30s`",
    };
    let lines: Vec<&str> = missing.iter().map(example).collect();
    Story::proved(
        headline,
        "another file that HAProxy is started with, whose defaults section sets it",
    )
    .support(Support::Declared)
    .advise(format!(
        "Set it in the defaults section, as {}",
        lines.join(" and ")
    ))
}

/// Libraries that call without a bound unless told one.
fn of_clients(program: &Program, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let calls = program.calls.iter();
    for call in calls.filter(|call| call.protocol.is_http() && waits_for_ever(call)) {
        if told.insert(call.at) {
            reports.add(
                Story::proved(
                    format!(
                        "{} calls {} without any timeout: one that never answers holds the caller for ever",
                        program.name, call.name
                    ),
                    "a deadline that is set around the call where this was not seen",
                )
                .support(Support::Declared)
                .show(at(call.at, "no timeout here, and the library has none by default"))
                .advise("Give the call a timeout that is shorter than that of whoever calls this program"),
            );
        }
    }
}

/// Whether nothing bounds the wait for an answer: something is known to be off, and no other timer
/// is known or depends on what was not read.
fn waits_for_ever(call: &Call) -> bool {
    let timers = [
        &call.side.total,
        &call.side.first_byte,
        &call.side.stream_idle,
    ];
    let is_open = |setting: &&Setting<Span>| match setting {
        Setting::Off(_) => false,
        Setting::Unknown(gap) => !gap.missing.is_empty(),
        _ => true,
    };
    !timers.iter().any(is_open) && (call.side.total.is_off() || call.side.first_byte.is_off())
}
