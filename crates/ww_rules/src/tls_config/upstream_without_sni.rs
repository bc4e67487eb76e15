//! `upstream-without-sni`: a server is called with TLS without being told which name is meant.

use crate::declared::at;
use crate::mend::add_lines;
use crate::operand::{Answer, ask};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_base::{Locus, Setting};
use ww_chain::Hop;
use ww_finding::{Exhibit, Fix, Support};
use ww_model::service::TlsClient;

rule! {
    name: "upstream-without-sni",
    family: "tls_config",
    layer: Tls,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A server is called with TLS without the name that is meant, or with a name that is none",
    needs: [Calls],
    explains: [],
    page: "upstream_without_sni.md",
    check: check,
}

/// Ends of names that only networks of their own know: servers there have one certificate as a rule.
const INNER: [&str; 10] = [
    ".local",
    ".internal",
    ".lan",
    ".home",
    ".corp",
    ".intranet",
    ".svc",
    ".localdomain",
    ".localhost",
    ".private",
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| is_outside(hop)) {
        let Some(tls) = &hop.call.tls else {
            continue;
        };
        let Some((says, shown)) = wrong(hop, tls, reports) else {
            continue;
        };
        let caller = chains.caller(hop).map(|party| party.name.clone());
        if told.insert((caller, hop.target.host.clone())) {
            reports.add(story(declared, hop, &says, shown));
        }
    }
}

/// Whether a target is a host of the public network, where many names share an address.
fn is_outside(hop: &Hop<'_>) -> bool {
    let host = hop.target.host.as_str();
    let is_name = host.contains('.')
        && host.parse::<IpAddr>().is_err()
        && !host.contains(['/', '{', '$', '*', ':'])
        && host
            .rsplit('.')
            .next()
            .is_some_and(|end| end.chars().all(char::is_alphabetic));
    is_name
        && hop.callee.is_none()
        && !INNER
            .iter()
            .any(|end| host.ends_with(end) || host.contains(&format!("{end}.")))
}

/// What is wrong with the name that is sent, in words, and where that is seen.
fn wrong(hop: &Hop<'_>, tls: &TlsClient, reports: &mut Reports) -> Option<(String, Exhibit)> {
    let place = tls.at.unwrap_or(hop.call.at);
    let host = &hop.target.host;
    if let Setting::Off(off) = &tls.sni {
        let says = "no name is sent as SNI";
        let shown = match off {
            Locus::Text(span) => at(*span, says),
            Locus::Assumed { by } => at(place, format!("{says}, by default: {by}")),
            _ => at(place, says),
        };
        return Some((format!("without telling it the name {host} (SNI)"), shown));
    }
    let what = format!("which name is sent to {host} as SNI");
    let group = hop.call.name.as_str();
    // The name of a group of servers is nobody's host name: it has no dot, and no server answers to it.
    match ask(&tls.sni, &what, |name| name == group && !name.contains('.')) {
        Answer::Yes(known) => {
            let shown = known.show(
                place,
                &format!("{group} is sent as SNI: the name of the group of servers"),
            );
            Some((
                format!("and sends the name `{group}` in place of {host} (SNI)"),
                shown,
            ))
        }
        Answer::Open(gap) => {
            reports.gap(gap);
            None
        }
        Answer::No => None,
    }
}

fn story(declared: &Declared<'_>, hop: &Hop<'_>, says: &str, shown: Exhibit) -> Story {
    let chains = declared.chains();
    let caller = chains.caller(hop);
    let client = caller.map_or("", |party| &party.name);
    let host = &hop.target.host;
    let component = caller.map_or("", |party| party.component());
    let is_shown = shown.at == Locus::Text(hop.target.at);
    let story = Story::proved(
        format!(
            "{client} calls {host} with TLS {says}: a server with several names shows another \
             certificate, or refuses the handshake"
        ),
        format!("a server at {host} that has one certificate whatever is asked for"),
    )
    .support(Support::Declared)
    .show(shown);
    let story = if is_shown {
        story
    } else {
        story.show(at(hop.target.at, format!("{host} is called")))
    };
    story.fix(match component {
        "haproxy" => Fix::advice(format!("Send it: `sni str({host})` behind the server")),
        "envoy" => Fix::advice(format!("Send it: `sni: {host}` in the UpstreamTlsContext")),
        _ => {
            let lines = [
                "proxy_ssl_server_name on;".to_owned(),
                format!("proxy_ssl_name {host};"),
            ];
            let title = format!("Send it: `{}`", lines.join("` and `"));
            let program = chains.caller(hop).and_then(|caller| caller.program);
            let room = program.and_then(|program| program.room(hop.call.at, &["location"]));
            add_lines(room, &lines, title)
        }
    })
}
