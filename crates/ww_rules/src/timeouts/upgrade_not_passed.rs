//! `upgrade-not-passed`: a path made for WebSocket whose handshake loses its header on the way.

use crate::declared::at;
use crate::mend::{add_lines, takes_headers};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_finding::{Fix, Support};
use ww_model::service::{Call, Program, Protocol, WrittenMatch};

rule! {
    name: "upgrade-not-passed",
    family: "timeouts",
    layer: Http,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A path made for WebSocket goes through a proxy that does not pass the Upgrade header on",
    needs: [Programs],
    explains: [],
    page: "upgrade_not_passed.md",
    check: check,
}

/// Parts of paths that nothing but WebSocket is served at, as far as their names tell.
const WORDS: [&str; 5] = ["ws", "wss", "websocket", "websockets", "socket.io"];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for program in &declared.model.services.programs {
        for call in program
            .calls
            .iter()
            .filter(|call| call.protocol == Protocol::Http)
        {
            let Some(path) = call.matches.as_ref().filter(|path| is_for_websocket(path)) else {
                continue;
            };
            if loses_upgrade(call) && told.insert(path.at) {
                reports.add(story(program, path, call));
            }
        }
    }
}

fn is_for_websocket(path: &WrittenMatch) -> bool {
    let parts = path.text.split(|letter: char| {
        letter.is_whitespace() || matches!(letter, '/' | '^' | '$' | '(' | ')' | '?' | '*')
    });
    let mut parts = parts.map(|part| part.replace('\\', "").to_ascii_lowercase());
    path.text.contains('/') && parts.any(|part| WORDS.contains(&part.as_str()))
}

/// Off and `false` both say that it is not passed on; what is not known says nothing.
fn loses_upgrade(call: &Call) -> bool {
    let passes = &call.side.passes_upgrade;
    passes.is_off() || passes.value() == Some(&false)
}

fn story(program: &Program, path: &WrittenMatch, call: &Call) -> Story {
    let name = &program.name;
    Story::proved(
        format!(
            "{name} does not pass Upgrade on for `{}`: WebSocket handshakes with {} fail",
            path.text, call.name
        ),
        format!("nothing but plain requests is served at `{}`", path.text),
    )
    .support(Support::Declared)
    .show(at(path.at, "a path that is called after WebSocket"))
    .show(at(call.at, "passed on without Upgrade"))
    .fix(pass_on(program, call))
}

/// In nginx three lines beside the directive that passes requests on; elsewhere by hand.
fn pass_on(program: &Program, call: &Call) -> Fix {
    let mut lines = vec![
        "proxy_http_version 1.1;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header Connection \"upgrade\";",
    ];
    if call.side.stream_idle.span().is_none() {
        // A WebSocket is quiet for longer than the 60 s that nginx waits by default.
        lines.push("proxy_read_timeout 1h;");
    }
    let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    let room = program.room(call.at, &["location"]);
    let room =
        room.filter(|room| program.product.component == "nginx" && takes_headers(program, room));
    add_lines(
        room,
        &lines,
        format!("Pass it on; in nginx: `{}`", lines.join("`, `")),
    )
}
