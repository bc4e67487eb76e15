//! `connect-timeout-too-long`: a connection that does not come up is waited for much too long.

use crate::mend::set_time;
use crate::operand::{Known, each, said};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use std::net::IpAddr;
use ww_base::Span;
use ww_chain::Hop;
use ww_finding::Support;

rule! {
    name: "connect-timeout-too-long",
    family: "timeouts",
    layer: Tcp,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "A connection inside one network is waited for much longer than it can take",
    needs: [Calls],
    explains: [],
    page: "connect_timeout_too_long.md",
    check: check,
}

/// Inside one network a handshake takes milliseconds; three lost SYNs are repeated within 7 s
/// (RFC 6298: 1 s, 2 s, 4 s).
const LONG: Span = Span::from_secs(10);

/// What the fix sets: two lost SYNs are survived.
const ENOUGH: Span = Span::from_secs(4);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in chains.hops.iter().filter(|hop| is_near(hop)) {
        // Defaults are long in many products (nginx 60 s); only what somebody chose is reported.
        let long = each(&hop.call.side.connect)
            .into_iter()
            .find(|known| known.at.is_some() && known.value > LONG);
        let (Some(long), Some(caller)) = (long, chains.caller(hop)) else {
            continue;
        };
        if told.insert(long.at) {
            reports.add(story(declared, &caller.name, hop, &long));
        }
    }
}

/// Whether the target is in the same network as the caller: it is among what is declared, or its
/// address is a private one.
fn is_near(hop: &Hop<'_>) -> bool {
    let private = match hop.target.host.parse() {
        Ok(IpAddr::V4(address)) => address.is_private() || address.is_loopback(),
        Ok(IpAddr::V6(address)) => address.is_unique_local() || address.is_loopback(),
        Err(_) => false,
    };
    private || hop.callee.is_some()
}

fn story(declared: &Declared<'_>, caller: &str, hop: &Hop<'_>, long: &Known<Span>) -> Story {
    let time = said(long.value);
    Story::proved(
        format!(
            "{caller} waits {time} for a connection to {}, which takes milliseconds or never comes",
            hop.call.name
        ),
        format!(
            "a handshake with {} that took longer than 10 s and was worth the wait",
            hop.call.name
        ),
    )
    .support(Support::Declared)
    .show(long.show(hop.call.at, &format!("a connection is waited for {time}")))
    .fix(set_time(
        declared,
        (long, hop.call.at),
        ENOUGH,
        format!("Give up sooner: {} survive two lost SYNs", said(ENOUGH)),
    ))
}
