//! `ephemeral-ports-exhausted`: a caller opens more connections than it has ports.

use crate::kernel::hosts::{Under, under};
use crate::load::{instances, keeps_none, plain, written};
use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_base::{Gap, Locus, Setting, SourceSpan};
use ww_chain::{Chains, Hop, Party};
use ww_finding::Support;
use ww_model::service::{Unit, UnitKind};

rule! {
    name: "ephemeral-ports-exhausted",
    family: "pools",
    layer: Tcp,
    class: Connectivity,
    severity: Medium,
    owner: Configuration,
    summary: "A caller opens a connection for each request, more in a minute than it has ports",
    needs: [Calls],
    explains: [],
    page: "ephemeral_ports_exhausted.md",
    check: check,
}

/// Seconds that TIME_WAIT holds a port (`TCP_TIMEWAIT_LEN`).
const TIME_WAIT_SECONDS: u64 = 60;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    let mut told = BTreeSet::new();
    for hop in &chains.hops {
        let (Some(caller), Some(callee)) = (chains.caller(hop), chains.callee(hop)) else {
            continue;
        };
        match judge(declared, chains, hop, (caller, callee)) {
            Ok(Some(used)) if told.insert((hop.call.at, callee.at())) => {
                reports.add(story(hop, (caller, callee), &used));
            }
            Ok(_) => {}
            Err(gap) => reports.gap(gap),
        }
    }
}

/// More connections than ports.
struct Used<'a> {
    ports: Ports,
    first: Known<u64>,
    under: Under<'a>,
    rate: f64,
    stated: (f64, SourceSpan),
    copies: u64,
}

fn judge<'a>(
    declared: &Declared<'a>,
    chains: &Chains<'a>,
    hop: &Hop<'a>,
    (caller, callee): (&Party<'a>, &Party<'a>),
) -> Result<Option<Used<'a>>, Gap> {
    let stated = callee.demand.and_then(|demand| written(&demand.per_second));
    let takes_new = keeps_none(&hop.call.side) && hop.call.to.len() == 1;
    let Some(stated) = stated.filter(|_| takes_new && !is_near(&hop.target.host)) else {
        return Ok(None);
    };
    let Some(under) = under(declared, caller) else {
        return Ok(None);
    };
    let reuse = under.kernel.number("net.ipv4.tcp_tw_reuse");
    if reuse.is_some_and(|(reuse, _)| reuse == 1) {
        return Ok(None);
    }
    let first = each(&under.kernel.first_port).into_iter().next();
    let Some((first, ports)) = first.and_then(|first| {
        let ports = Ports::of(first.value, &each(&under.kernel.last_port))?;
        Some((first, ports))
    }) else {
        return Ok(None);
    };
    let addresses = addresses(callee);
    let allowed = addresses.saturating_mul(ports.most()) as f64 / TIME_WAIT_SECONDS as f64;
    if stated.0 <= allowed {
        return Ok(None);
    }
    let copies = instances(caller);
    let mut callers = chains
        .hops
        .iter()
        .filter(|other| other.callee == hop.callee);
    if !copies.is_sure || !callers.all(|other| other.caller == hop.caller) {
        return Err(Gap::new(
            format!(
                "how many connections per second each instance of {} opens to {}",
                caller.name, callee.name
            ),
            "the files that say how many instances call it, and who else does",
        ));
    }
    let rate = stated.0 / copies.value.max(1) as f64;
    Ok((rate > allowed).then_some(Used {
        ports,
        first,
        under,
        rate,
        stated,
        copies: copies.value,
    }))
}

/// How many ports there are: several numbers where the kernel's version decides and is not known.
struct Ports(Vec<(u64, Option<String>)>);

impl Ports {
    fn of(first: u64, last: &[Known<u64>]) -> Option<Ports> {
        let count = |last: u64| (last + 1).saturating_sub(first);
        let all: Vec<_> = last
            .iter()
            .map(|known| (count(known.value), known.versions.clone()))
            .collect();
        (!all.is_empty()).then_some(Ports(all))
    }

    /// The most that there may be.
    fn most(&self) -> u64 {
        let counts = self.0.iter().map(|(count, _)| *count);
        counts.max().unwrap_or_default()
    }

    /// In words, with the versions where there are several.
    fn said(&self) -> String {
        let words = self.0.iter().map(|(count, versions)| match versions {
            Some(versions) => format!("{count} ({versions})"),
            None => count.to_string(),
        });
        words.collect::<Vec<_>>().join(" or ")
    }
}

/// Addresses behind a name: compose gives each instance one, and a Service has one for all.
fn addresses(callee: &Party<'_>) -> u64 {
    let has_each = |unit: &Unit| unit.kind == UnitKind::Compose;
    if callee.units.iter().any(|unit| has_each(unit)) {
        instances(callee).value
    } else {
        1
    }
}

/// Whether a target is the caller's own host, where the kernel uses ports again early.
fn is_near(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host.starts_with('/')
}

fn story(hop: &Hop<'_>, (caller, callee): (&Party<'_>, &Party<'_>), used: &Used<'_>) -> Story {
    let (client, server) = (&caller.name, &callee.name);
    let per_minute = used.rate * TIME_WAIT_SECONDS as f64;
    let share = if used.copies > 1 {
        format!(" in each of {} instances", used.copies)
    } else {
        String::new()
    };
    Story::proved(
        format!(
            "{client} opens a connection to {server} for each request, {} per second{share}: {} × \
             {TIME_WAIT_SECONDS} s in TIME_WAIT = {} ports, and it has {}",
            plain(used.rate),
            plain(used.rate),
            plain(per_minute),
            used.ports.said()
        ),
        format!("`ss -tan state time-wait` on {client} with few connections to {server}: then {server} closes first"),
    )
    .support(Support::Declared)
    .show(match &hop.call.side.reuses {
        Setting::Off(Locus::Assumed { by }) => crate::declared::at(
            hop.call.at,
            format!("{client} keeps no connection to {server}: {by}"),
        ),
        reuses => crate::declared::at(
            reuses.span().unwrap_or(hop.call.at),
            format!("{client} keeps no connection to {server}"),
        ),
    })
    .show(crate::declared::at(
        used.stated.1,
        format!("{} requests per second to {server}", plain(used.stated.0)),
    ))
    .show(used.first.show(
        used.under.at,
        &format!(
            "local ports of {} from {} on: {}",
            used.under.name,
            used.first.value,
            used.ports.said()
        ),
    ))
    .advise(format!("Let {client} keep connections to {server} and use them again"))
    .advise("Or widen net.ipv4.ip_local_port_range, or set net.ipv4.tcp_tw_reuse = 1")
}
