//! `listener-exceeds-process`: a frontend takes more connections than the process.

use crate::operand::{Known, each};
use crate::rule::rule;
use crate::{Declared, Reports, Story};
use std::collections::BTreeSet;
use ww_chain::Party;
use ww_finding::Support;
use ww_model::service::Listener;

rule! {
    name: "listener-exceeds-process",
    family: "pools",
    layer: Tcp,
    class: Performance,
    severity: Low,
    owner: Configuration,
    summary: "A frontend is to take more connections than the whole process: the smaller bound counts",
    needs: [Programs],
    explains: [],
    page: "listener_exceeds_process.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let mut told = BTreeSet::new();
    for party in &declared.chains().parties {
        let Some(program) = party.program else {
            continue;
        };
        let process = each(&program.capacity.connections);
        let Some(process) = process.into_iter().find(|known| known.at.is_some()) else {
            continue;
        };
        for listener in &program.listeners {
            let own = each(&listener.side.connections).into_iter().next();
            let own = own.filter(|own| own.value > process.value);
            if let Some(own) = own
                && told.insert(own.at)
            {
                reports.add(story(party, listener, &own, &process));
            }
        }
    }
}

fn story(party: &Party<'_>, listener: &Listener, own: &Known<u64>, process: &Known<u64>) -> Story {
    let name = &party.name;
    let (many, most) = (own.value, process.value);
    Story::proved(
        format!(
            "a frontend of {name} is to take {many} connections, but all of {name} takes {most}: from then on nothing \
             is accepted, on no frontend"
        ),
        format!("never more than {most} connections to {name} at once"),
    )
    .support(Support::Declared)
    .show(own.show(listener.at, &format!("{many} connections of this frontend")))
    .show(process.show(listener.at, &format!("{most} connections of the whole process")))
    .advise(format!(
        "Let the process take more than all frontends together, or give this one less than {most}, so that others, as \
         the page of statistics, can still be reached"
    ))
}
