//! Where HTTPS records send clients, and what awaits them there.

use crate::net::broken_family;
use crate::tcp::attempts::failures;
use crate::{Subject, Walk};
use std::net::SocketAddr;
use ww_base::{Gap, Moment};
use ww_evidence::transcript::{
    BindingOutcome, BindingProbe, Connect, ConnectOutcome, Seen, Step, TlsHandshake, TlsOutcome,
    TrustVerdict,
};

/// RFC 7301 section 3.2: `alpn-mismatch` tells it.
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// What keeps a client from the service at an endpoint, as the end of a sentence about it; nothing where it is served, or
/// where it is not the endpoint's doing.
pub(super) fn trouble(walk: &Walk<'_>, step: &Step, probe: &BindingProbe) -> Option<String> {
    match &probe.outcome {
        BindingOutcome::NotOpen(connect) => not_open(walk, probe.to?, connect),
        BindingOutcome::Shaken(handshake) => not_secured(walk, step, handshake),
        BindingOutcome::NoAddress
        | BindingOutcome::NoService
        | BindingOutcome::AliasLoop
        | BindingOutcome::TooManyAliases => None,
    }
}

/// The probe of a sighting.
pub(super) fn probe<'a>(walk: &Walk<'a>, subject: Subject) -> Option<(&'a Step, &'a BindingProbe)> {
    let step = walk.step(subject)?;
    match &step.seen {
        Seen::Binding(probe) => Some((step, probe)),
        _ => None,
    }
}

fn not_open(walk: &Walk<'_>, to: SocketAddr, connect: &Connect) -> Option<String> {
    // A family, or a host, that fails as a whole is no matter of the record.
    let fails_anyway = |ip| failures(walk).iter().any(|(one, _)| one.to.ip() == ip);
    if broken_family(walk) == Some(to.is_ipv6())
        || fails_anyway(to.ip())
        || is_way_unknown(walk, to)
    {
        return None;
    }
    match (connect.outcome, connect.icmp) {
        (ConnectOutcome::Open, _) => None,
        (_, Some(icmp)) => Some(format!(
            "{} says by ICMP (type {}, code {}) that it cannot be reached",
            icmp.from, icmp.kind, icmp.code
        )),
        (ConnectOutcome::Refused, None) => Some("nobody listens there".to_owned()),
        (ConnectOutcome::TimedOut, None) => Some("nothing answers the SYN".to_owned()),
        (ConnectOutcome::HostUnreachable, None) => Some("no host has the address".to_owned()),
        // This host's own doing.
        _ => None,
    }
}

/// What cannot be said of an endpoint: whether it is dead, or its family does not work from here.
pub(super) fn gap(walk: &Walk<'_>, probe: &BindingProbe) -> Option<Gap> {
    let (BindingOutcome::NotOpen(_), Some(to)) = (&probe.outcome, probe.to) else {
        return None;
    };
    let family = if to.is_ipv6() { "IPv6" } else { "IPv4" };
    is_way_unknown(walk, to).then(|| {
        Gap::new(
            format!(
                "whether {to} ({}) serves: no connection over {family} was opened from here at all",
                probe.record
            ),
            format!("a walk from a host with {family}"),
        )
    })
}

/// Nothing was heard from any address of this family, only from such of the other one: the way from here may be what is
/// broken.
fn is_way_unknown(walk: &Walk<'_>, to: SocketAddr) -> bool {
    let own = walk.transcript.connects();
    let own = own.filter_map(|(_, connect)| connect.to.filter(|&to| is_heard(to, connect)));
    let at_endpoints = walk.transcript.bindings().filter_map(|(_, probe)| {
        probe.to.filter(|&to| match &probe.outcome {
            BindingOutcome::Shaken(_) => true,
            BindingOutcome::NotOpen(connect) => is_heard(to, connect),
            _ => false,
        })
    });
    let families: Vec<bool> = own.chain(at_endpoints).map(|to| to.is_ipv6()).collect();
    families.contains(&!to.is_ipv6()) && !families.contains(&to.is_ipv6())
}

/// The host at the address said something, be it no.
fn is_heard(to: SocketAddr, connect: &Connect) -> bool {
    match connect.icmp {
        Some(icmp) => icmp.from == to.ip(),
        None => matches!(
            connect.outcome,
            ConnectOutcome::Open | ConnectOutcome::Refused
        ),
    }
}

fn not_secured(walk: &Walk<'_>, step: &Step, handshake: &TlsHandshake) -> Option<String> {
    let mut own = walk.transcript.handshakes().peekable();
    let is_done = |(_, own): (_, &TlsHandshake)| own.outcome == TlsOutcome::Done;
    // Where no handshake succeeds at the target's own addresses, other rules tell why.
    let fails_anyway = own.peek().is_some() && !own.any(is_done);
    Some(match &handshake.outcome {
        TlsOutcome::Done | TlsOutcome::LateAlert(_) => return not_trusted(walk, step, handshake),
        _ if fails_anyway => return None,
        TlsOutcome::Alert(NO_APPLICATION_PROTOCOL) => return None,
        TlsOutcome::Alert(number) => format!("the TLS handshake ends with alert {number}"),
        TlsOutcome::Closed | TlsOutcome::Reset => "the TLS handshake is cut off".to_owned(),
        TlsOutcome::TimedOut => "the TLS handshake does not end".to_owned(),
        TlsOutcome::NotTls(_) => "no TLS is spoken there".to_owned(),
        TlsOutcome::Refused(why) | TlsOutcome::Broken(why) | TlsOutcome::Failed(why) => {
            format!("no TLS comes about: {why}")
        }
    })
}

/// A certificate that clients do not take, where those of the target's own addresses are good.
fn not_trusted(walk: &Walk<'_>, step: &Step, handshake: &TlsHandshake) -> Option<String> {
    let began = walk.transcript.head.began;
    let why = rejected(handshake, began + step.began)?;
    let mut own = walk.transcript.handshakes().peekable();
    let is_own_fault = own.peek().is_some()
        && !own.any(|(step, own)| {
            own.outcome == TlsOutcome::Done && rejected(own, began + step.began).is_none()
        });
    (!is_own_fault).then_some(why)
}

/// Why clients do not take a certificate.
fn rejected(handshake: &TlsHandshake, at: Moment) -> Option<String> {
    let own = handshake.certificates.first()?;
    let trusted = matches!(
        handshake.trust,
        TrustVerdict::Trusted | TrustVerdict::Unknown
    );
    if !handshake.name_matches {
        let names = own.names.iter().take(2).cloned().collect::<Vec<_>>();
        Some(format!("its certificate is for {}", names.join(" and ")))
    } else if own.not_after < at {
        Some(format!(
            "its certificate expired on {}",
            own.not_after.date()
        ))
    } else if !trusted {
        Some("its certificate leads to no trusted root".to_owned())
    } else {
        None
    }
}
