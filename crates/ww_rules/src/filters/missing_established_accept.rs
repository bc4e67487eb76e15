//! `missing-established-accept`: answers to the device's own connections are thrown away.

use super::exact::{ADDRESSES, Fare};
use super::probe::{self, Prober, Version};
use crate::declared::{at, shown};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use ww_model::Packet;
use ww_model::filter::{Condition, Field, Hook, Rule, Verdict, Way};
use ww_model::packet::protocol;
use ww_reach::walk::By;

rule! {
    name: "missing-established-accept",
    family: "filters",
    layer: Policy,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A packet filter lets connections out and throws the answers away",
    needs: [FilterRules],
    explains: [],
    page: "missing_established_accept.md",
    check: check,
}

/// What a device asks the internet for: protocol and port.
const QUESTIONS: [(u8, u16); 3] = [
    (protocol::TCP, 443),
    (protocol::UDP, 53),
    (protocol::UDP, 123),
];

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (number, device) in declared.model.devices.iter().enumerate() {
        let prober = Prober::new(device, declared.limits);
        for version in Version::BOTH {
            if prober.filters(Hook::Input, version)
                && lets_in_something(&prober, version)
                && let Some(by) = stops_answers(&prober, version)
            {
                let of_all = stops_all_answers(declared, number, &prober, version);
                reports
                    .stories
                    .extend(story(&prober, version, by, of_all).map(|story| (1, story)));
            }
        }
    }
}

/// Whether the device takes part in this version of IP at all: some rule accepts more than what
/// the device tells itself.
fn lets_in_something(prober: &Prober<'_>, version: Version) -> bool {
    let accepts = |rule: &&Rule| {
        let to_itself = |condition: &&Condition| matches!(condition, Condition::Interface(Way::In, name) if name.text == "lo");
        let of_ports =
            |condition: &&Condition| matches!(condition, Condition::In(Field::DstPort, _));
        let conditions = probe::conditions(rule);
        probe::verdicts(rule).any(|verdict| verdict == Verdict::Accept)
            && conditions.iter().any(of_ports)
            && !conditions.iter().any(to_itself)
    };
    prober
        .base_chains(Hook::Input, version)
        .any(|chain| prober.rules_from(chain).iter().any(accepts))
}

/// Who throws all answers away that the device may ask for, if they are thrown away.
fn stops_answers(prober: &Prober<'_>, version: Version) -> Option<By> {
    let [here, there] = version.world();
    let mut by = None;
    let mut asked = false;
    for (proto, port) in QUESTIONS {
        let question = probe::packet(here, there, proto, (prober.quiet_port(), port));
        if !prober
            .sent_by_device(version, &question)
            .iter()
            .any(probe::passes)
        {
            continue;
        }
        asked = true;
        let answer = probe::reply(version, proto, (port, prober.quiet_port()));
        let walks = prober.to_device(version, &answer);
        if !walks.iter().all(probe::is_stopped) {
            return None;
        }
        by = by.or(walks.last().map(|walk| walk.by));
    }
    by.filter(|_| asked)
}

/// Whether answers are stopped whoever gives them, to whatever address of the device.
fn stops_all_answers(
    declared: &Declared<'_>,
    device: usize,
    prober: &Prober<'_>,
    version: Version,
) -> bool {
    prober.interfaces().iter().all(|iif| {
        QUESTIONS.into_iter().all(|(proto, port)| {
            let answer = Packet {
                iif: iif.clone(),
                oif: String::new(),
                ..probe::reply(version, proto, (port, prober.quiet_port()))
            };
            declared.all_fare(device, (Hook::Input, &answer), &ADDRESSES, Fare::Stop)
        })
    })
}

fn story(prober: &Prober<'_>, version: Version, by: By, of_all: bool) -> Option<Story> {
    let (words, place) = prober.decider(by)?;
    let what = version.word();
    let whose = if of_all {
        ""
    } else {
        " of hosts that no rule names"
    };
    let way = match version {
        Version::V4 => "iptables -I INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        Version::V6 => "ip6tables -I INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    };
    Some(
        Story::proved(
            format!(
                "This device may open {what} connections, but {words} stops the answers{whose}: DNS, time and updates fail"
            ),
            "a name that resolves on this device while these rules are in force",
        )
        .support(shown(of_all))
        .show(at(place, "stops packets of established connections"))
        .advise(format!(
            "Accept established and related packets before all else: {way} (nft: ct state established,related accept)"
        )),
    )
}
