//! `reply-blocked`: a service's first packets pass, and its replies are stopped.

use super::exact::Fare;
use super::opening;
use super::probe::{self, Prober, Version};
use crate::declared::at;
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::SourceSpan;
use ww_model::Packet;
use ww_model::filter::{Field, Hook, Rule};
use ww_model::packet::{CtState, protocol};
use ww_reach::walk::By;

rule! {
    name: "reply-blocked",
    family: "filters",
    layer: Policy,
    class: Connectivity,
    severity: High,
    owner: Configuration,
    summary: "A packet filter lets connections to a service in and throws the service's replies away",
    needs: [FilterRules],
    explains: [],
    page: "reply_blocked.md",
    check: check,
}

/// Services named in a headline.
const NAMED: usize = 3;
/// The side that asked is free in what a reply is tried with.
const CLIENT: [Field; 3] = [Field::Dst4, Field::Dst6, Field::DstPort];

/// Services whose replies one decider stops: what they are called, and the rule that lets them in.
type Services = Vec<(String, SourceSpan)>;

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    for (number, device) in declared.model.devices.iter().enumerate() {
        let prober = Prober::new(device, declared.limits);
        for version in Version::BOTH {
            for hook in [Hook::Input, Hook::Forward] {
                let mut stopped: BTreeMap<By, Services> = BTreeMap::new();
                for rule in opening::rules(&prober, hook, version) {
                    let Some(question) = opening::first_packet(&prober, rule, hook, version) else {
                        continue;
                    };
                    if let Some(by) = stopper(declared, number, &prober, rule, hook, &question) {
                        let services = stopped.entry(by).or_default();
                        services.push((words(&question), rule.at));
                    }
                }
                for (by, services) in stopped {
                    let told = story(&prober, hook, version, by, &services);
                    reports.stories.extend(told.map(|story| (1, story)));
                }
            }
        }
    }
}

/// Who stops the replies of the service, where the rule lets its first packets pass and no reply of
/// it passes, whoever asked.
fn stopper(
    declared: &Declared<'_>,
    device: usize,
    prober: &Prober<'_>,
    rule: &Rule,
    hook: Hook,
    question: &Packet,
) -> Option<By> {
    let asked = prober.decide(hook, question);
    let by_rule = matches!(asked.by, By::Rule { at, .. } if at == rule.at);
    let stays = asked.after.dst == (question.dst, question.dst)
        && asked.after.dport == (question.dport, question.dport);
    if !(probe::passes(&asked) && by_rule && stays) {
        return None;
    }
    let back = if hook == Hook::Input {
        Hook::Output
    } else {
        hook
    };
    let reply = reply_to(question);
    let answered = prober.decide(back, &reply);
    let never = declared.all_fare(device, (back, &reply), &CLIENT, Fare::Stop);
    (probe::is_stopped(&answered) && never).then_some(answered.by)
}

fn reply_to(question: &Packet) -> Packet {
    Packet {
        iif: question.oif.clone(),
        oif: question.iif.clone(),
        src: question.dst,
        dst: question.src,
        sport: question.dport,
        dport: question.sport,
        tcp_flags: if question.proto == protocol::TCP {
            probe::SYN_ACK
        } else {
            0
        },
        ct_state: CtState::Established,
        ..question.clone()
    }
}

/// `22/tcp`.
fn words(question: &Packet) -> String {
    let protocol = if question.proto == protocol::UDP {
        "udp"
    } else {
        "tcp"
    };
    format!("{}/{protocol}", question.dport)
}

fn story(
    prober: &Prober<'_>,
    hook: Hook,
    version: Version,
    by: By,
    services: &[(String, SourceSpan)],
) -> Option<Story> {
    let (words, place) = prober.decider(by)?;
    let mut ports: Vec<&str> = Vec::new();
    for (port, _) in services {
        if !ports.contains(&port.as_str()) {
            ports.push(port);
        }
    }
    let more = ports.len() > NAMED;
    ports.truncate(NAMED);
    let ports = ports.join(", ") + if more { ", …" } else { "" };
    let what = version.word();
    let (whose, chain) = match hook {
        Hook::Forward => ("through this device", "FORWARD"),
        _ => ("to this device", "OUTPUT"),
    };
    let mut story = Story::proved(
        format!("{what} connections {whose} on {ports} are let in, but {words} stops every reply: they time out"),
        "a client that connects to such a port while these rules are in force",
    )
    .show(at(place, "stops the replies"));
    for (port, rule) in services.iter().take(NAMED) {
        story = story.show(at(*rule, format!("lets connections to {port} in")));
    }
    Some(story.advise(format!(
        "Accept established and related packets in chain {chain} before all else (nft: ct state established,related accept)"
    )))
}
