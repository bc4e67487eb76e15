//! `keep-alive-pool-too-small`: fewer idle connections are kept than there are servers to keep one to.

use crate::operand::{Answer, Known, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_finding::{Fix, Safety, Severity, Support};
use ww_model::service::{Call, Picking, Program};

rule! {
    name: "keep-alive-pool-too-small",
    family: "keepalive",
    layer: Http,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "Fewer idle connections are kept than a group has servers: the one that is needed is closed first",
    needs: [Programs],
    explains: [],
    page: "keep_alive_pool_too_small.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let programs = declared.model.services.programs.iter();
    for program in programs.filter(|program| program.product.component == "nginx") {
        let mut told: BTreeSet<SourceSpan> = BTreeSet::new();
        for call in program
            .calls
            .iter()
            .filter(|call| is_one_group(declared, call))
        {
            match judge(program, call) {
                Answer::Yes((kept, servers)) => {
                    let at = kept.at.unwrap_or(call.at);
                    if told.insert(at) {
                        reports.add(story(program, call, &kept, servers));
                    }
                }
                Answer::Open(gap) => reports.gap(gap),
                Answer::No => {}
            }
        }
    }
}

/// Whether a call goes to the servers of one group: a variable may name several.
fn is_one_group(declared: &Declared<'_>, call: &Call) -> bool {
    declared
        .text(call.at)
        .is_some_and(|text| !text.contains('$'))
}

/// The idle connections that are kept, and the servers that they are shared by, which are more. The
/// servers are taken in turn: by the time that it is the turn of one again, its connection was
/// closed for the sake of others.
fn judge(program: &Program, call: &Call) -> Answer<(Known<u64>, u64)> {
    let in_turn = [Picking::RoundRobin, Picking::LeastRequests, Picking::Random];
    if !call.picking.value().is_some_and(|it| in_turn.contains(it)) {
        return Answer::No;
    }
    let servers = call.to.iter().filter(|target| !target.is_backup).count() as u64;
    if !call.side.keepalive_connections.is_written() {
        return Answer::No;
    }
    let Answer::Yes(kept) = ask(&call.side.keepalive_connections, "", |kept| {
        *kept > 0 && *kept < servers
    }) else {
        return Answer::No;
    };
    let what = format!(
        "whether {} keeps connections to {}",
        program.name, call.name
    );
    match ask(&call.side.reuses, &what, |reuses| *reuses) {
        Answer::Yes(_) => Answer::Yes((kept, servers)),
        Answer::No => Answer::No,
        Answer::Open(gap) => Answer::Open(gap),
    }
}

fn story(program: &Program, call: &Call, kept: &Known<u64>, servers: u64) -> Story {
    let (proxy, group, count) = (&program.name, &call.name, kept.value);
    let wanted = servers.saturating_mul(2);
    let encrypts = call.tls.is_some();
    let price = if encrypts {
        "a connection and a TLS handshake"
    } else {
        "a connection"
    };
    let last = call.to.iter().rfind(|target| !target.is_backup);
    Story::proved(
        format!(
            "Each worker of {proxy} keeps {count} idle connections for the {servers} servers of {group}: \
             when it is a server's turn again, its connection is closed already, and requests pay for {price}"
        ),
        format!("a capture between {proxy} and {group} with several requests on most connections"),
    )
    .support(Support::Declared)
    .severity(if encrypts {
        Severity::Medium
    } else {
        Severity::Low
    })
    .show(kept.show(call.at, &format!("{count} idle connections for all servers together")))
    .show(crate::declared::at(
        last.map_or(call.at, |target| target.at),
        format!("the last of {servers} servers that share them"),
    ))
    .fix(Fix {
        title: format!("Keep two for each server: `keepalive {wanted};`"),
        safety: Safety::Review,
        edits: Vec::new(),
    })
}
