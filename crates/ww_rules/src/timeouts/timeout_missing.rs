//! `timeout-missing`: something is waited for without a bound.

use crate::declared::at;
use crate::mend::add_lines;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Locus, Setting, SourceSpan, Span};
use ww_chain::Hop;
use ww_finding::{Fix, Severity, Support};
use ww_model::service::{Call, Program, Protocol, Room};

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

/// How many of the places that lack the same are shown.
const SHOWN: usize = 5;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for program in &declared.model.services.programs {
        match program.product.component.as_str() {
            "haproxy" => of_haproxy(program, reports),
            // Their makers decided for no bound, and what is behind them may have one.
            "nginx" | "ingress-nginx" | "envoy" | "envoy-gateway" | "istio" => {}
            "" if is_manifest(&program.path) => {}
            _ => of_clients(declared, program, reports),
        }
    }
}

/// HAProxy has no timeouts of its own, and warns when it starts. One finding for all places that lack
/// the same, as one line in `defaults` mends them all.
fn of_haproxy(program: &Program, reports: &mut Reports) {
    let mut lacking: BTreeMap<Vec<&str>, BTreeMap<SourceSpan, &str>> = BTreeMap::new();
    for call in program
        .calls
        .iter()
        .filter(|call| call.protocol != Protocol::Udp)
    {
        let timers = [
            ("timeout connect", &call.side.connect),
            ("timeout server", &call.side.first_byte),
        ];
        let missing = timers.into_iter().filter(|(_, setting)| setting.is_off());
        let missing: Vec<&str> = missing.map(|(name, _)| name).collect();
        if !missing.is_empty() {
            lacking
                .entry(missing)
                .or_default()
                .insert(call.at, &call.name);
        }
    }
    for listener in &program.listeners {
        if listener.side.stream_idle.is_off() && listener.protocol != Protocol::Udp {
            let places = lacking.entry(vec!["timeout client"]).or_default();
            places.insert(listener.at, "clients");
        }
    }
    for (missing, places) in lacking {
        reports.add_all(
            places.len() as u64,
            haproxy_story(program, &missing, &places),
        );
    }
}

fn haproxy_story(
    program: &Program,
    missing: &[&str],
    places: &BTreeMap<SourceSpan, &str>,
) -> Story {
    let name = &program.name;
    let example = |name: &&str| match *name {
        "timeout connect" => "timeout connect 5s".to_owned(),
        other => format!("{other} 30s"),
    };
    let lines: Vec<String> = missing.iter().map(example).collect();
    let names = missing.join(" and no ");
    let first = places.values().next().copied().unwrap_or_default();
    let (headline, severity) = if missing.contains(&"timeout client") {
        let headline =
            format!("{name} keeps connections of clients that fell silent for ever: no {names}");
        (headline, Severity::Medium)
    } else {
        let others = match places.len() {
            0 | 1 => String::new(),
            count => format!(" and of {} more backends", count - 1),
        };
        let headline =
            format!("{name} waits for servers of `{first}`{others} without a bound: no {names}");
        (headline, Severity::High)
    };
    let story = Story::proved(
        headline,
        "another file that HAProxy is started with, whose defaults section sets it",
    )
    .support(Support::Declared)
    .severity(severity);
    let shown = places.keys().take(SHOWN);
    shown
        .fold(story, |story, place| {
            story.show(at(
                *place,
                format!("neither here nor in its defaults: no {names}"),
            ))
        })
        .fix(written_once(program, places, &lines))
}

/// The lines in the defaults section that is in force for all these places; where there is none, or
/// more than one, nothing says which is meant.
fn written_once(program: &Program, places: &BTreeMap<SourceSpan, &str>, lines: &[String]) -> Fix {
    let mut defaults = program.rooms.iter().filter(|room| room.kind == "defaults");
    let is_before = |room: &&Room| {
        let (file, end) = (room.block.source, room.block.end);
        places.keys().all(|at| at.source == file && at.start >= end)
    };
    let room = defaults
        .next()
        .filter(|_| defaults.next().is_none())
        .filter(is_before);
    let title = format!(
        "Set it in the defaults section, as `{}`",
        lines.join("` and `")
    );
    add_lines(room, lines, title)
}

/// Whether a program is a gateway that a manifest asks for, of a product that is not known.
fn is_manifest(path: &str) -> bool {
    let extension = path.rsplit('.').next().unwrap_or_default();
    matches!(extension, "yaml" | "yml")
}

/// Whether the proxy of a mesh answers in time in the place of whom a call reaches, by whatever
/// routes are in force.
fn is_bounded_by_mesh(declared: &Declared<'_>, call: &Call) -> bool {
    let hops = &declared.chains().hops;
    let mut own = hops.iter().filter(|hop| std::ptr::eq(hop.call, call));
    let is_bounded = |hop: &Hop<'_>| {
        let mut ways = hop.mesh.iter();
        !hop.mesh.is_empty() && ways.all(|way| way.longest().is_some())
    };
    own.next().is_some_and(is_bounded) && own.all(is_bounded)
}

/// Libraries that call without a bound unless told one.
fn of_clients(declared: &Declared<'_>, program: &Program, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    let calls = program.calls.iter();
    let waiting = calls.filter(|call| call.protocol.is_http() && waits_for_ever(call));
    for call in waiting.filter(|call| !is_bounded_by_mesh(declared, call)) {
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
                .show(at(call.at, format!("no timeout is set: {}", reason(call))))
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

/// What says that nothing bounds the wait.
fn reason(call: &Call) -> String {
    let timers = [&call.side.first_byte, &call.side.total];
    let by = timers.into_iter().find_map(|timer| match timer {
        Setting::Off(Locus::Assumed { by }) => Some(by),
        _ => None,
    });
    match by {
        Some(by) => by.clone(),
        None => "it is switched off".to_owned(),
    }
}
