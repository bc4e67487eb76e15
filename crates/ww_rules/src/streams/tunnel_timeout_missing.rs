//! `tunnel-timeout-missing`: WebSocket connections live under the timers of requests.

use crate::declared::at;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Setting, Span};
use ww_finding::{Fix, Safety, Severity, Support};
use ww_model::service::{Call, Program};

rule! {
    name: "tunnel-timeout-missing",
    family: "streams",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "WebSocket connections are ended by the timers of requests, as none for tunnels is set",
    needs: [Programs],
    explains: [],
    page: "tunnel_timeout_missing.md",
    check: check,
}

/// Silence that applications bridge with pings of their own as a rule.
const LONG_SILENCE: Span = Span::from_secs(900);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for call in &program.calls {
            let idle = each(&call.side.stream_idle).into_iter().next();
            let idle = idle.filter(|idle| idle.value < LONG_SILENCE);
            if let Some(idle) = idle
                && lacks_tunnel(declared, call)
                && told.insert(call.at)
            {
                reports.add(story(program, call, &idle));
            }
        }
    }
}

/// Whether only requests for WebSocket go this way, and what bounds their silence is HAProxy's timer
/// of a server: one for tunnels would go before it.
pub(crate) fn lacks_tunnel(declared: &Declared<'_>, call: &Call) -> bool {
    if call.streams.value() != Some(&true) {
        return false;
    }
    let Setting::Set(_) = &call.side.stream_idle else {
        return false;
    };
    let span = call.side.stream_idle.span();
    let text = span
        .and_then(|span| declared.text(span))
        .unwrap_or_default();
    let mut words = text.split_whitespace();
    words.next() == Some("timeout") && words.next() == Some("server")
}

fn story(program: &Program, call: &Call, idle: &Known<Span>) -> Story {
    let (proxy, group, silence) = (&program.name, &call.name, said(idle.value));
    let story = Story::proved(
        format!(
            "{proxy} ends WebSocket connections to {group} that are silent for {silence}: no `timeout \
             tunnel` is set, so that the timers of requests hold for them"
        ),
        format!("both ends send something, as a ping, more often than every {silence}"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(idle.show(call.at, &format!("a server may be silent for {silence}, in a tunnel too")));
    let story = match call.streams.span() {
        Some(span) => story.show(at(span, "only requests for WebSocket go this way")),
        None => story,
    };
    story.fix(Fix {
        title: format!("Give tunnels a time of their own in backend {group}: `timeout tunnel 1h`"),
        safety: Safety::Review,
        edits: Vec::new(),
    })
}
