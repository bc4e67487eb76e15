//! What a walk's attempts to connect tell together.

use crate::Walk;
use std::net::{IpAddr, SocketAddr};
use ww_base::Span;
use ww_evidence::transcript::{Connect, ConnectOutcome, IcmpReport, LocalState, PathTrace, Step};

/// An attempt to connect to an address of the target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// The step.
    pub(crate) step: &'a Step,
    /// What was seen.
    pub(crate) connect: &'a Connect,
    /// To where.
    pub(crate) to: SocketAddr,
}

/// Why an attempt failed, as far as it tells by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nothing came back.
    Silence,
    /// A reset.
    Reset,
    /// Somebody says by ICMP that he does not deliver on purpose, or a TCP port counts as unreachable.
    Rejected(IcmpReport),
    /// Somebody says by ICMP that there is no way, or no host.
    Unreachable(IcmpReport),
    /// The neighbour on this host's own link does not answer (`EHOSTUNREACH` without a message).
    NoNeighbour,
    /// This host has no route, no address of that family, or no such family.
    NoRoute,
    /// This host forbids it.
    Forbidden,
    /// No local port is left.
    NoLocalPort,
    /// Something else.
    Other,
}

/// All attempts at the target's own port, controls left out.
pub(crate) fn attempts<'a>(walk: &Walk<'a>) -> impl Iterator<Item = Attempt<'a>> {
    walk.transcript
        .connects()
        .filter(|(_, connect)| !connect.control)
        .filter_map(|(step, connect)| {
            Some(Attempt {
                step,
                connect,
                to: connect.to?,
            })
        })
}

/// Attempts that failed at addresses where none succeeded, with why.
pub(crate) fn failures<'a>(walk: &Walk<'a>) -> Vec<(Attempt<'a>, Failure)> {
    let open = walk.open_addresses();
    attempts(walk)
        .filter(|attempt| !open.contains(&attempt.to))
        .filter_map(|attempt| Some((attempt, failure(walk, &attempt)?)))
        .collect()
}

/// The addresses that were tried, each once, in order.
pub(crate) fn tried(walk: &Walk<'_>) -> Vec<SocketAddr> {
    let mut tried = Vec::new();
    for attempt in attempts(walk) {
        if !tried.contains(&attempt.to) {
            tried.push(attempt.to);
        }
    }
    tried
}

/// Failures that another address of the target makes up for tell about addresses; those that none does tell
/// about the way or the service. This host's own failures tell about neither.
pub(crate) fn about_addresses<'a>(walk: &Walk<'a>) -> Vec<(Attempt<'a>, Failure)> {
    let mut failures = failures(walk);
    failures.retain(|(_, failure)| {
        !matches!(
            failure,
            Failure::NoRoute | Failure::NoLocalPort | Failure::Other
        )
    });
    failures
}

fn failure(walk: &Walk<'_>, attempt: &Attempt<'_>) -> Option<Failure> {
    let connect = attempt.connect;
    Some(match (connect.outcome, connect.icmp) {
        (ConnectOutcome::Open, _) => return None,
        (ConnectOutcome::NoLocalPort, _) => {
            if attempt.to.is_ipv4() || few_ports_left(walk, attempt.to) {
                Failure::NoLocalPort
            } else {
                // Without an IPv6 address of its own a host has none to leave from.
                Failure::NoRoute
            }
        }
        (_, Some(icmp)) if icmp.is_rejection() => Failure::Rejected(icmp),
        (_, Some(icmp)) => Failure::Unreachable(icmp),
        (ConnectOutcome::TimedOut, None) => Failure::Silence,
        (ConnectOutcome::Refused, None) => Failure::Reset,
        (ConnectOutcome::HostUnreachable, None) => Failure::NoNeighbour,
        (ConnectOutcome::NetworkUnreachable, None) => Failure::NoRoute,
        (ConnectOutcome::Denied, None) => Failure::Forbidden,
        (ConnectOutcome::Failed, None) if connect.errno == "EAFNOSUPPORT" => Failure::NoRoute,
        (ConnectOutcome::Failed, None) => Failure::Other,
    })
}

/// Connections to the target use so many of the local ports that hardly one is left.
fn few_ports_left(walk: &Walk<'_>, to: SocketAddr) -> bool {
    local_state(walk, to).is_some_and(|(_, state)| {
        state.port_range.is_some_and(|(first, last)| {
            state.to_target > u32::from(last.saturating_sub(first)) / 2
        })
    })
}

/// What was seen of this host with regard to an address.
pub(crate) fn local_state<'a>(
    walk: &Walk<'a>,
    to: SocketAddr,
) -> Option<(&'a Step, &'a LocalState)> {
    walk.transcript
        .local_states()
        .find(|(_, state)| state.to.is_none_or(|about| about == to))
}

/// An ICMP error in the words of RFC 792, RFC 1812 section 5.2.7.1 and RFC 4443.
pub(crate) fn icmp_words(icmp: IcmpReport) -> String {
    let words = match (icmp.from, icmp.kind, icmp.code) {
        (IpAddr::V4(_), 3, 0 | 6 | 11) => "network unreachable",
        (IpAddr::V6(_), 1, 0) => "no route to destination",
        (IpAddr::V4(_), 3, 1 | 7 | 12) => "host unreachable",
        (IpAddr::V6(_), 1, 3) => "address unreachable",
        (IpAddr::V4(_), 3, 2) => "protocol unreachable",
        (IpAddr::V4(_), 3, 3) | (IpAddr::V6(_), 1, 4) => "port unreachable",
        (IpAddr::V4(_), 3, 9) => "network administratively prohibited",
        (IpAddr::V4(_), 3, 10) => "host administratively prohibited",
        (IpAddr::V4(_), 3, 13) | (IpAddr::V6(_), 1, 1) => "administratively prohibited",
        (IpAddr::V6(_), 1, 5) => "source address failed policy",
        (IpAddr::V6(_), 1, 6) => "reject route to destination",
        (IpAddr::V4(_), 11, _) => "time to live exceeded",
        (IpAddr::V6(_), 3, _) => "hop limit exceeded",
        _ => return format!("ICMP type {} code {}", icmp.kind, icmp.code),
    };
    format!("{words} (type {} code {})", icmp.kind, icmp.code)
}

/// What one attempt shows.
pub(crate) fn shows(attempt: &Attempt<'_>, failure: Failure) -> String {
    let (to, took) = (attempt.to, attempt.step.took);
    match failure {
        Failure::Silence => match attempt.connect.info.map(|info| info.retransmits) {
            Some(again) if again > 0 => {
                format!("{} SYNs to {to} within {took}, none answered", again + 1)
            }
            _ => format!("no answer of {to} within {took}"),
        },
        Failure::Reset => format!("{to} answered the SYN with a reset"),
        Failure::Rejected(icmp) | Failure::Unreachable(icmp) => format!(
            "{} says \"{}\" about {to}, after {took}",
            icmp.from,
            icmp_words(icmp)
        ),
        Failure::NoNeighbour => format!("no neighbour answers for {to}, after {took}"),
        Failure::NoRoute => format!("this host has no route to {to} ({})", attempt.connect.errno),
        Failure::Forbidden => format!(
            "this host forbids connections to {to} ({})",
            attempt.connect.errno
        ),
        Failure::NoLocalPort => format!("no local port is left for a connection to {to}"),
        Failure::Other => format!("{to}: {}", attempt.connect.errno),
    }
}

/// The same in a word or two, for a list.
pub(crate) fn in_short(failure: Failure) -> String {
    match failure {
        Failure::Silence => "no answer".to_owned(),
        Failure::Reset => "refused".to_owned(),
        Failure::Rejected(icmp) | Failure::Unreachable(icmp) => {
            format!("{}, says {}", icmp_words(icmp), icmp.from)
        }
        Failure::NoNeighbour => "no neighbour answers".to_owned(),
        Failure::NoRoute => "no route".to_owned(),
        Failure::Forbidden => "forbidden by this host".to_owned(),
        Failure::NoLocalPort => "no local port".to_owned(),
        Failure::Other => "another error".to_owned(),
    }
}

/// Which addresses of the target, in words: `shop.example (192.0.2.7)`, `Both addresses of …`.
pub(crate) fn whom(walk: &Walk<'_>, addresses: &[SocketAddr]) -> String {
    let target = walk.target();
    let all = tried(walk).len();
    match addresses {
        [one] if all <= 1 && target.is_address() => one.ip().to_string(),
        [one] if all <= 1 => format!("{} ({})", target.host, one.ip()),
        [one] => format!("{}, one of {all} addresses of {},", one.ip(), target.host),
        [_, _] if all == 2 => format!("Both addresses of {}", target.host),
        many if many.len() == all => format!("All {all} addresses of {}", target.host),
        many => format!("{} of {all} addresses of {}", many.len(), target.host),
    }
}

/// The same within a sentence, behind a preposition.
pub(crate) fn at_whom(walk: &Walk<'_>, addresses: &[SocketAddr]) -> String {
    let whom = whom(walk, addresses);
    let whom = whom.trim_end_matches(',');
    match whom.strip_prefix("Both ").or(whom.strip_prefix("All ")) {
        Some(rest) if whom.starts_with("Both") => format!("both {rest}"),
        Some(rest) => format!("all {rest}"),
        None => whom.to_owned(),
    }
}

/// The same with its verb.
pub(crate) fn verb(
    addresses: &[SocketAddr],
    one: &'static str,
    many: &'static str,
) -> &'static str {
    if addresses.len() == 1 { one } else { many }
}

/// Other ports of a host that answered, and how many were tried.
pub(crate) struct Controls<'a> {
    /// Those that answered, by opening or with a reset.
    pub(crate) answered: Vec<Attempt<'a>>,
    /// How many were tried.
    pub(crate) tried: usize,
}

/// What other ports of a host did.
pub(crate) fn controls<'a>(walk: &Walk<'a>, host: IpAddr) -> Controls<'a> {
    let mut found = Controls {
        answered: Vec::new(),
        tried: 0,
    };
    for (step, connect) in walk.transcript.connects() {
        let Some(to) = connect.to.filter(|to| connect.control && to.ip() == host) else {
            continue;
        };
        found.tried += 1;
        let answered = match connect.outcome {
            ConnectOutcome::Open => true,
            ConnectOutcome::Refused => connect.icmp.is_none_or(|icmp| icmp.from == host),
            _ => false,
        };
        if answered {
            found.answered.push(Attempt { step, connect, to });
        }
    }
    found
}

/// The trace of the path to an address.
pub(crate) fn path<'a>(walk: &Walk<'a>, to: SocketAddr) -> Option<(&'a Step, &'a PathTrace)> {
    walk.transcript
        .paths()
        .find(|(_, path)| path.to == Some(to))
}

/// When the kernel gives up a connection that nobody answers: after the last repetition it waits once more,
/// twice as long as before it, two minutes at most.
pub(crate) fn gives_up(repeats: &[Span]) -> Option<Span> {
    let last = *repeats.last()?;
    let before = repeats.iter().rev().nth(1).copied().unwrap_or(Span::ZERO);
    let wait = Span(2 * (last - before).0).min(Span::from_secs(120));
    Some(last + wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_gives_up_after_one_more_wait() {
        let seconds = |all: &[i64]| all.iter().map(|&s| Span::from_secs(s)).collect::<Vec<_>>();
        let give_up = |all: &[i64]| gives_up(&seconds(all)).map(|span| span.0 / 1_000_000_000);
        // tcp(7): six retransmissions take about 127 seconds.
        assert_eq!(give_up(&[1, 3, 7, 15, 31, 63]), Some(127));
        assert_eq!(give_up(&[1, 2, 3, 4, 5, 7, 11, 19, 35, 67]), Some(131));
        assert_eq!(give_up(&[]), None);
    }

    #[test]
    fn codes_have_the_words_of_their_family() {
        let words = |kind, code, from: &str| {
            icmp_words(IcmpReport {
                kind,
                code,
                from: from.parse().expect("an address"),
            })
        };
        assert_eq!(
            words(3, 13, "192.0.2.1"),
            "administratively prohibited (type 3 code 13)"
        );
        assert_eq!(
            words(3, 0, "2001:db8::1"),
            "hop limit exceeded (type 3 code 0)"
        );
        assert_eq!(
            words(1, 3, "2001:db8::1"),
            "address unreachable (type 1 code 3)"
        );
        assert_eq!(words(40, 1, "192.0.2.1"), "ICMP type 40 code 1");
    }
}
