//! `default-accept-policy`: what no rule decides is let in.

use super::exact::{Fare, SOURCE};
use super::probe::{self, Prober, Version};
use crate::declared::{at, shown};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_finding::Severity;
use ww_model::filter::{Condition, Field, Hook, Rule, Verdict};
use ww_model::packet::protocol;
use ww_reach::walk::{By, Walk};

rule! {
    name: "default-accept-policy",
    family: "filters",
    layer: Policy,
    class: Security,
    severity: Medium,
    owner: Configuration,
    summary: "A packet filter lets through what no rule decides: everything that nobody thought of",
    needs: [FilterRules],
    explains: [],
    page: "default_accept_policy.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (number, device) in declared.model.devices.iter().enumerate() {
        let prober = Prober::new(device, declared.limits);
        for hook in [Hook::Input, Hook::Forward] {
            let closed = Version::BOTH.map(|version| is_closed(&prober, hook, version));
            for (version, other_closed) in Version::BOTH.into_iter().zip([closed[1], closed[0]]) {
                if let Some(by) = opened_by(&prober, hook, version)
                    && let Some(why) = why(&prober, hook, version, other_closed)
                    && let Some(story) = story(&prober, hook, version, by, why)
                {
                    let for_all = lets_in_all(declared, number, &prober, hook, version);
                    reports.add(story.support(shown(for_all)));
                }
            }
        }
    }
}

/// Why an open end is not what was wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Rules say what is allowed, which means nothing where everything is.
    Allows,
    /// Rules say what is forbidden.
    Forbids,
    /// The other version of IP is closed.
    OtherClosed,
}

/// First packets of connections that no rule knows, and what becomes of them.
fn strangers(prober: &Prober<'_>, hook: Hook, version: Version) -> Vec<Walk> {
    let [from, to] = version.world();
    let ports = (prober.quiet_port(), prober.quiet_port());
    [protocol::TCP, protocol::UDP]
        .into_iter()
        .flat_map(|proto| {
            let packet = probe::packet(from, to, proto, ports);
            match hook {
                Hook::Forward => prober.through_device(&packet),
                _ => prober.to_device(version, &packet),
            }
        })
        .collect()
}

fn is_closed(prober: &Prober<'_>, hook: Hook, version: Version) -> bool {
    prober.filters(hook, version)
        && strangers(prober, hook, version)
            .iter()
            .any(probe::is_stopped)
}

/// Whether strangers pass whatever their addresses and ports are.
fn lets_in_all(
    declared: &Declared<'_>,
    device: usize,
    prober: &Prober<'_>,
    hook: Hook,
    version: Version,
) -> bool {
    let [from, to] = version.world();
    let ports = (prober.quiet_port(), prober.quiet_port());
    let free = [SOURCE.as_slice(), &[Field::Dst4, Field::Dst6]].concat();
    prober.interfaces().iter().all(|iif| {
        [protocol::TCP, protocol::UDP].into_iter().all(|proto| {
            let mut packet = probe::packet(from, to, proto, ports);
            packet.iif.clone_from(iif);
            if hook == Hook::Input {
                packet.oif = String::new();
            }
            declared.all_fare(device, (hook, &packet), &free, Fare::Pass)
        })
    })
}

/// Who lets strangers pass; none unless they all pass, over whatever interface.
fn opened_by(prober: &Prober<'_>, hook: Hook, version: Version) -> Option<By> {
    if !prober.filters(hook, version) {
        return None;
    }
    let walks = strangers(prober, hook, version);
    let open = walks.iter().all(probe::passes);
    walks.last().filter(|_| open).map(|walk| walk.by)
}

fn why(prober: &Prober<'_>, hook: Hook, version: Version, other_closed: bool) -> Option<Why> {
    let chains = prober.base_chains(hook, version);
    let rules: Vec<&Rule> = chains.flat_map(|chain| prober.rules_from(chain)).collect();
    let stops = |verdict| matches!(verdict, Verdict::Drop | Verdict::Reject(_));
    if rules.iter().any(|rule| allows_a_service(rule)) {
        Some(Why::Allows)
    } else if rules.iter().any(|rule| probe::verdicts(rule).any(stops)) {
        Some(Why::Forbids)
    } else {
        (other_closed && hook == Hook::Input).then_some(Why::OtherClosed)
    }
}

/// Whether the rule accepts connections to some port from whatever interface: virtual networks add
/// such rules for their own interfaces, and they say nothing about the device.
fn allows_a_service(rule: &Rule) -> bool {
    let conditions = probe::conditions(rule);
    let has = |wanted: fn(&Condition) -> bool| conditions.iter().any(|one| wanted(one));
    probe::verdicts(rule).any(|verdict| verdict == Verdict::Accept)
        && has(|one| matches!(one, Condition::In(Field::DstPort, _)))
        && !has(|one| matches!(one, Condition::Interface(..)))
}

fn story(prober: &Prober<'_>, hook: Hook, version: Version, by: By, why: Why) -> Option<Story> {
    let (words, place) = prober.decider(by)?;
    let (what, way) = (
        version.word(),
        match hook {
            Hook::Forward => "through this device",
            _ => "to this device",
        },
    );
    let (because, severity) = match why {
        Why::Allows => (
            "so that the rules which allow services change nothing",
            Severity::Medium,
        ),
        Why::Forbids => ("but for what a few rules forbid", Severity::Low),
        Why::OtherClosed => match version {
            Version::V6 => ("while IPv4 is closed", Severity::Medium),
            Version::V4 => ("while IPv6 is closed", Severity::Medium),
        },
    };
    let severity = if hook == Hook::Forward {
        Severity::Low
    } else {
        severity
    };
    Some(
        Story::proved(
            format!("{what} connections {way} that no rule names are let in by {words}, {because}"),
            format!(
                "another filter before this device that stops a connection to a port without a rule, as {}",
                prober.quiet_port()
            ),
        )
        .severity(severity)
        .show(at(place, "what no rule decides is accepted"))
        .advise("Allow what is needed, among it established connections, the loopback interface and ICMP, then set the policy to drop; try it with a scheduled way back (iptables-apply, or at now + 5 minutes)"),
    )
}
