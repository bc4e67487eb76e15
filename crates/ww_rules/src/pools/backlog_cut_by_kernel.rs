//! `backlog-cut-by-kernel`: a program asks for a longer backlog than the kernel gives.

use crate::kernel::hosts::{Under, under};
use crate::mend::set_number;
use crate::operand::{Answer, Known, ask_two, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeMap;
use ww_base::{Order, SourceSpan};
use ww_chain::Party;
use ww_finding::{Severity, Support};

rule! {
    name: "backlog-cut-by-kernel",
    family: "pools",
    layer: Tcp,
    class: Connectivity,
    severity: Low,
    owner: Configuration,
    summary: "A program asks for a longer backlog than the kernel allows: the kernel cuts it without a word",
    needs: [Programs],
    explains: [],
    page: "backlog_cut_by_kernel.md",
    check: check,
}

/// A backlog with who asks for it.
type Asks<'a, 'm> = (&'a Party<'m>, Known<u64>);

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut cut: BTreeMap<SourceSpan, (Under<'_>, Known<u64>, Vec<Asks<'_, '_>>)> = BTreeMap::new();
    for party in &declared.chains().parties {
        let Some(program) = party
            .program
            .filter(|program| !program.listeners.is_empty())
        else {
            continue;
        };
        let Some(under) = under(declared, party) else {
            continue;
        };
        // Which of two defaults holds is the kernel's version; few hosts still run the older ones.
        let bounds = each(&under.kernel.backlog);
        if bounds.len() != 1 || each(&program.capacity.backlog).is_empty() {
            continue;
        }
        let answer = ask_two(
            (
                &program.capacity.backlog,
                "the backlog that a program asks for",
            ),
            (&under.kernel.backlog, "the longest backlog"),
            |asked, most| asked > most,
        );
        if let Answer::Yes((asked, most)) = answer {
            let place = most.at.unwrap_or(under.at);
            let (.., asking) = cut
                .entry(place)
                .or_insert_with(|| (under, most, Vec::new()));
            asking.push((party, asked));
        }
    }
    for (under, most, mut asking) in cut.into_values() {
        asking.put_in_order_by_key(|(_, asked)| std::cmp::Reverse(asked.value));
        reports.add_all(asking.len() as u64, story(declared, under, &most, &asking));
    }
}

fn story(
    declared: &Declared<'_>,
    under: Under<'_>,
    most: &Known<u64>,
    asking: &[Asks<'_, '_>],
) -> Story {
    let (host, bound) = (under.name, most.value);
    let words: Vec<String> = asking
        .iter()
        .map(|(party, asked)| format!("{} asks for {}", party.name, asked.value))
        .collect();
    let largest = asking.first().map_or(bound, |(_, asked)| asked.value);
    let story = Story::proved(
        format!(
            "{}, but the kernel lets {bound} connections wait to be accepted: a burst beyond that loses its last \
             packet, and clients connect a second later or not at all",
            words.join(", ")
        ),
        format!("`ss -ltn` with {largest} as Send-Q of the listener, or ListenOverflows in `nstat` that stays at 0"),
    )
    .support(Support::Declared)
    .show(most.show(under.at, &format!("no more than {bound} connections wait on {host}")));
    let story = asking.iter().fold(story, |story, (party, asked)| {
        let place = party.at().unwrap_or(under.at);
        story.show(asked.show(place, &format!("{} asks for {}", party.name, asked.value)))
    });
    let story = story.fix(set_number(
        declared,
        (most, under.at),
        largest,
        format!("Allow as many as are asked for: net.core.somaxconn = {largest}"),
    ));
    if asking.iter().any(|(_, asked)| asked.at.is_some()) {
        story.severity(Severity::Medium)
    } else {
        story
    }
}
