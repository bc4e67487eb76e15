//! `upstream-keep-alive-unused`: a pool of idle connections is asked for, and nothing is ever in it.

use crate::mend::{add_lines, takes_headers};
use crate::operand::{Answer, Known, ask, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::{Setting, SourceSpan};
use ww_finding::{Fix, Safety, Severity, Support};
use ww_model::service::{Call, Program, Protocol, Room};

rule! {
    name: "upstream-keep-alive-unused",
    family: "keepalive",
    layer: Http,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "Idle connections are to be kept, but each is closed behind its request",
    needs: [Calls],
    explains: [],
    page: "upstream_keep_alive_unused.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for program in &declared.model.services.programs {
        for (at, calls) in pools(program) {
            match judge(program, &calls) {
                Answer::Yes(closes) => reports.add(story(program, at, &calls, &closes)),
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
    }
}

/// The calls of each pool that a file asks for, by the place where it does. Several calls, as the
/// locations of a proxy, may share one.
fn pools(program: &Program) -> BTreeMap<SourceSpan, Vec<&Call>> {
    let mut pools: BTreeMap<SourceSpan, Vec<&Call>> = BTreeMap::new();
    for call in &program.calls {
        let kept = &call.side.keepalive_connections;
        if let (Some(at), Some(1..)) = (kept.span(), kept.value()) {
            pools.entry(at).or_default().push(call);
        }
    }
    pools
}

/// Whether no call leaves a connection in the pool; the first reason.
fn judge(program: &Program, calls: &[&Call]) -> Answer<Known<bool>> {
    let mut first = None;
    for call in calls {
        let what = format!(
            "whether {} keeps connections to {}",
            program.name, call.name
        );
        match ask(&call.side.reuses, &what, |reuses| !reuses) {
            Answer::Yes(closes) => first = first.or(Some(closes)),
            Answer::No => return Answer::No,
            Answer::Open(gap) => return Answer::Open(gap),
        }
    }
    first.map_or(Answer::No, Answer::Yes)
}

fn story(program: &Program, at: SourceSpan, calls: &[&Call], closes: &Known<bool>) -> Story {
    let call = calls.first();
    let name = call.map_or("", |call| &call.name);
    let count = call.and_then(|call| each(&call.side.keepalive_connections).pop());
    let count = count.map_or(0, |known| known.value);
    let client = &program.name;
    let asked = Known {
        value: count,
        at: Some(at),
        because: None,
        default: None,
        versions: None,
    };
    let place = call.map_or(at, |call| call.matches.as_ref().map_or(call.at, |it| it.at));
    Story::proved(
        format!(
            "{client} is to keep {count} idle connections to {name}, but closes each behind its \
             request: every request pays for a new connection"
        ),
        format!("a capture between {client} and {name} with several requests on one connection"),
    )
    .support(Support::Declared)
    .severity(Severity::Medium)
    .show(asked.show(at, &format!("{count} idle connections are kept")))
    .show(closes.show(place, "connections are closed behind each request"))
    .fix(mended(program, calls, closes))
}

/// nginx is told in each block that passes requests on; elsewhere the setting is taken out by hand.
fn mended(program: &Program, calls: &[&Call], closes: &Known<bool>) -> Fix {
    let title = remedy(program, calls);
    let passes_http = calls.iter().all(|call| call.protocol == Protocol::Http);
    let is_default = closes.at.is_none();
    let is_in_front = calls.iter().any(|call| is_in_front_of_method(call));
    if program.product.component != "nginx" || !passes_http || !is_default || is_in_front {
        return Fix::advice(title);
    }
    let lines = [
        "proxy_http_version 1.1;".to_owned(),
        "proxy_set_header Connection \"\";".to_owned(),
    ];
    let rooms = calls
        .iter()
        .map(|call| program.room(call.at, &["location"]));
    let Some(rooms) = rooms.collect::<Option<Vec<&Room>>>() else {
        return Fix::advice(title);
    };
    let mut fix = Fix::advice(title);
    for room in rooms.iter().filter(|room| takes_headers(program, room)) {
        let one = add_lines(Some(room), &lines, "");
        fix.edits.extend(one.edits);
    }
    if fix.edits.len() == rooms.len() {
        fix.safety = Safety::Safe;
    } else {
        fix.edits.clear();
    }
    fix
}

/// Whether nginx forgets the pool because the method of balancing stands behind it.
fn is_in_front_of_method(call: &Call) -> bool {
    let mut why = each(&call.side.reuses).into_iter();
    let why = why.find_map(|known| known.because);
    why.is_some_and(|why| why.starts_with("keepalive in front"))
}

/// What lets connections live, in the words of the product.
fn remedy(program: &Program, calls: &[&Call]) -> String {
    let is_gateway = |call: &&Call| call.protocol == Protocol::Gateway;
    let is_written = |call: &&Call| matches!(call.side.reuses, Setting::Set(_));
    match program.product.component.as_str() {
        "nginx" if calls.iter().all(|call| is_in_front_of_method(call)) => {
            "Write `keepalive` behind the method of balancing: nginx forgets a pool that stands in \
             front of it"
                .to_owned()
        }
        "nginx" if calls.iter().any(is_gateway) => {
            "Write `fastcgi_keep_conn on;` where requests are passed on".to_owned()
        }
        "nginx" => "Write `proxy_http_version 1.1;` and `proxy_set_header Connection \"\";` where \
                    requests are passed on"
            .to_owned(),
        _ if calls.iter().any(is_written) => {
            "Take out the setting that closes connections, or the one that keeps them".to_owned()
        }
        _ => "Let connections live behind their request, or ask for no pool".to_owned(),
    }
}
