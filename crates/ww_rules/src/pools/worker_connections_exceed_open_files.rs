//! `worker-connections-exceed-open-files`: a proxy may hold more connections than it may open files.

use crate::load::client_connections;
use crate::mend::set_number;
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_base::SourceSpan;
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::Program;

rule! {
    name: "worker-connections-exceed-open-files",
    family: "pools",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A proxy may hold more connections than it may open files: under load it accepts none",
    needs: [Programs],
    explains: [],
    page: "worker_connections_exceed_open_files.md",
    check: check,
}

/// Files that a process has open besides its connections: logs, listeners, pipes.
const OTHER_FILES: u64 = 16;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for party in &declared.chains().parties {
        let Some(program) = party.program else {
            continue;
        };
        let proxies = !program.calls.is_empty();
        let (counted, kind) = counted(program);
        let files = each(&program.capacity.open_files);
        let is_sure = counted.len() == 1 && files.len() == 1;
        let pair = counted.into_iter().zip(files).next();
        let pair = pair.filter(|(connections, files)| {
            is_sure && kind.files(connections.value, proxies) > files.value
        });
        if let Some((connections, files)) = pair {
            let story = story(declared, party, &connections, &files, (kind, proxies));
            reports.add(story);
        }
    }
}

/// What a bound on connections counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All connections, those to others included.
    All,
    /// Those of clients; a request that is passed on takes another one.
    Clients,
}

impl Kind {
    fn files(self, connections: u64, proxies: bool) -> u64 {
        match self {
            Kind::All => connections,
            Kind::Clients if proxies => connections.saturating_mul(2).saturating_add(OTHER_FILES),
            Kind::Clients => connections.saturating_add(OTHER_FILES),
        }
    }
}

fn counted(program: &Program) -> (Vec<Known<u64>>, Kind) {
    let all = each(&program.capacity.worker_connections);
    if all.is_empty() {
        (client_connections(program), Kind::Clients)
    } else {
        (all, Kind::All)
    }
}

fn story(
    declared: &Declared<'_>,
    party: &Party<'_>,
    connections: &Known<u64>,
    files: &Known<u64>,
    (kind, proxies): (Kind, bool),
) -> Story {
    let name = &party.name;
    let needed = kind.files(connections.value, proxies);
    let each = match kind {
        Kind::Clients if proxies => ", and each takes a second one to a server",
        _ => "",
    };
    let place: Option<SourceSpan> = connections.at.or(files.at).or(party.at());
    let story = Story::proved(
        format!(
            "{name} may hold {} connections{each}, but open only {} files: beyond that it accepts nobody \
             (\"Too many open files\")",
            connections.value, files.value
        ),
        format!("fewer than {} connections of {name} at the highest load", files.value),
    )
    .support(Support::Declared);
    let Some(place) = place else {
        return story;
    };
    let wanted = match kind {
        Kind::All => needed.saturating_mul(2),
        Kind::Clients => needed.saturating_add(OTHER_FILES),
    };
    story
        .show(connections.show(place, &format!("up to {} connections", connections.value)))
        .show(files.show(place, &format!("up to {} open files", files.value)))
        .fix(set_number(
            declared,
            (files, place),
            wanted,
            format!(
                "Let it open {wanted} files: connections, and files that it serves or buffers into"
            ),
        ))
}
