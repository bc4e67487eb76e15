//! `dns-slow`: answers came, but late.

mod probed;

use super::common::{
    Charged, Habit, at, counted, habits, repeated_for_loss, some_of, told_about, transactions,
};
use crate::rule::rule;
use crate::{Sighting, Sightings, Story, View};
use ww_base::{Gap, Span};
use ww_evidence::{DnsTransaction, Transport};
use ww_finding::Severity;

rule! {
    name: "dns-slow",
    family: "dns",
    layer: Dns,
    class: Performance,
    severity: Medium,
    owner: Server,
    summary: "A DNS server answered, but late; every new connection to the name waited for it",
    needs: [Dns],
    explains: [],
    page: "dns_slow.md",
    detect: detect,
    tell: tell,
    sight: probed::sight,
    say: probed::say,
}

/// Nobody notices an answer that comes sooner.
const NOTICEABLE: Span = Span::from_millis(200);

/// Slow without comparison: where too few answers of the server are known.
const SLOW_ALONE: Span = Span::from_millis(500);

/// Slow for users whatever the server's habit.
const LONG: Span = Span::from_secs(1);

/// Answers of a server that make a habit.
const SAMPLE: usize = 5;

fn detect(view: &View<'_>, sightings: &mut Sightings) {
    if view.trust.clock_unsteady {
        return sightings.gap(Gap::new(
            "times to DNS answers: the capture's clock goes backwards",
            "a capture with a steady clock (one interface, one capturing host)",
        ));
    }
    let habits = habits(view);
    let mut charged = Charged::new();
    for (subject, asked) in transactions(view) {
        let (Some(waited), Some(answer)) = (asked.waited(), asked.answer) else {
            continue;
        };
        if waited < NOTICEABLE.min(SLOW_ALONE) {
            continue;
        }
        let Some(habit) = habits.get(&asked.server) else {
            continue;
        };
        // On a connection, questions queue behind one another and losses hold up answers.
        if asked.transport == Transport::Tcp {
            continue;
        }
        if !slow(waited, habit) || repeated_for_loss(asked, Some(habit)) {
            continue;
        }
        let usual = if habit.typical < NOTICEABLE {
            habit.typical
        } else {
            Span::ZERO
        };
        let who = (asked.client.addr, asked.name.as_str());
        let lost = charged.add(who, asked.query.at + usual, answer.at);
        sightings.add(
            Sighting::new(subject, asked.server.to_string())
                .lost(lost)
                .show(at(
                    view,
                    asked,
                    answer,
                    format!("the answer for {} came after {waited}", asked.name),
                ))
                .show(at(
                    view,
                    asked,
                    asked.query,
                    format!("{} {} asked", asked.kind_name(), asked.name),
                )),
        );
    }
}

/// Noticeably late and, where the server's habit is known, far from it, unless that itself is slow.
fn slow(waited: Span, habit: &Habit) -> bool {
    if habit.sample < SAMPLE {
        return waited >= SLOW_ALONE;
    }
    waited >= NOTICEABLE && (habit.typical >= NOTICEABLE || waited >= habit.typical.times(5))
}

fn tell(view: &View<'_>, group: &[Sighting]) -> Story {
    let told: Vec<&DnsTransaction> = told_about(view, group).into_values().collect();
    let worst = told
        .iter()
        .filter_map(|asked| asked.waited())
        .max()
        .unwrap_or_default();
    let habits = habits(view);
    let habit = told.first().and_then(|asked| habits.get(&asked.server));
    let (answered, typical, sample) = habit.map_or((0, Span::ZERO, 0), |habit| {
        (habit.answered, habit.typical, habit.sample)
    });
    let always = sample >= SAMPLE && typical >= NOTICEABLE;
    let server = group.first().map_or("", |sighting| sighting.group.as_str());
    let names = some_of(told.iter().map(|asked| asked.name.as_str()));
    let headline = if always {
        format!(
            "{server} is slow throughout: half of its answers take {typical} or longer, the slowest {worst} ({names})"
        )
    } else {
        let usual = if sample >= SAMPLE {
            format!("; usually it takes {typical}")
        } else {
            String::new()
        };
        let late = counted(told.len(), "answer", "answers");
        format!(
            "{server} gave {late} of {answered} late, the slowest after {worst} ({names}){usual}"
        )
    };
    let story = Story::observed(
        headline,
        "a capture at the server that shows its answers leaving at once puts the delay on the network",
    )
    .severity(severity(told.len(), answered, worst, always));
    if always {
        return story
            .advise("Use a resolver that is nearer, or cache on the host (systemd-resolved, dnsmasq, unbound, NodeLocal DNSCache)")
            .advise("Measure server against path: ping the server; if ping is as slow, it is distance, not the server");
    }
    story
        .advise("A name that is slow once and quick again was not in the resolver's cache: follow its delegation with dig +trace and look for a name server that is slow or dead")
        .advise("Let the resolver answer from expired records while it asks (unbound serve-expired: yes, BIND stale-answer-enable yes) or refresh popular names early (unbound prefetch: yes)")
}

/// One slow answer is worth a remark; users notice seconds, or many.
fn severity(late: usize, answered: usize, worst: Span, always: bool) -> Severity {
    let often = late >= 3 && late * 10 >= answered;
    match worst >= LONG {
        true if often || always => Severity::Medium,
        true => Severity::Low,
        false if often || always => Severity::Low,
        false => Severity::Info,
    }
}
