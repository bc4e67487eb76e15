//! `handshake-per-request`: a proxy encrypts requests to servers and closes each connection behind one.

use crate::declared::at;
use crate::operand::{Answer, Known, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Locus, Setting, SourceSpan};
use ww_finding::{Fix, Safety, Severity, Support};
use ww_model::service::{Call, Program};

rule! {
    name: "handshake-per-request",
    family: "keepalive",
    layer: Tls,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Requests to a server are encrypted, and each pays for a TCP and a TLS handshake",
    needs: [Programs],
    explains: [],
    page: "handshake_per_request.md",
    check: check,
}

/// How many calls of one program are shown.
const MOST_SHOWN: usize = 3;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for program in &declared.model.services.programs {
        let mut cases: Vec<(&Call, String)> = Vec::new();
        let mut told: BTreeSet<SourceSpan> = BTreeSet::new();
        for call in program.calls.iter().filter(|call| call.tls.is_some()) {
            match judge(program, call) {
                Answer::Yes(because) if told.insert(call.at) => cases.push((call, because)),
                Answer::Open(gap) => reports.gap(gap),
                _ => {}
            }
        }
        if !cases.is_empty() {
            reports.add_all(cases.len() as u64, story(program, &cases));
        }
    }
}

/// Why no connection is kept. A pool that is asked for and stays empty is the business of
/// `upstream-keep-alive-unused`.
fn judge(program: &Program, call: &Call) -> Answer<String> {
    let asks_for_pool = call.side.keepalive_connections.is_written();
    let streams = call.streams.value() == Some(&true);
    if !call.protocol.is_http() || call.from.is_empty() || asks_for_pool || streams {
        return Answer::No;
    }
    if let Setting::Off(Locus::Assumed { by }) = &call.side.reuses {
        return Answer::Yes(by.clone());
    }
    let what = format!(
        "whether {} keeps connections to {}",
        program.name, call.name
    );
    match ask(&call.side.reuses, &what, |reuses| !reuses) {
        Answer::Yes(Known { because, .. }) => Answer::Yes(because.unwrap_or_default()),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

fn story(program: &Program, cases: &[(&Call, String)]) -> Story {
    let proxy = &program.name;
    let (name, more) = match cases {
        [(call, _)] => (call.name.as_str(), String::new()),
        [(call, _), rest @ ..] => (call.name.as_str(), format!(" and {} more", rest.len())),
        [] => ("", String::new()),
    };
    let mut story = Story::proved(
        format!(
            "{proxy} makes a new connection with a TLS handshake for each request to {name}{more}: two or \
             three round trips before the request goes out"
        ),
        format!("a capture between {proxy} and {name} with several requests on one connection"),
    )
    .support(Support::Declared)
    .severity(Severity::Low);
    for (call, because) in cases.iter().take(MOST_SHOWN) {
        let why = if because.is_empty() {
            String::new()
        } else {
            format!(": {because}")
        };
        let place = call.side.reuses.span().unwrap_or(call.at);
        story = story.show(at(
            place,
            format!("connections are closed behind each request{why}"),
        ));
    }
    story.fix(Fix {
        title: remedy(program),
        safety: Safety::Review,
        edits: Vec::new(),
    })
}

fn remedy(program: &Program) -> String {
    match program.product.component.as_str() {
        "nginx" => "Name the server in an `upstream` block with `keepalive 16;`, and write \
                    `proxy_http_version 1.1;` and `proxy_set_header Connection \"\";` where requests are \
                    passed on"
            .to_owned(),
        _ => "Let connections live behind their request".to_owned(),
    }
}
