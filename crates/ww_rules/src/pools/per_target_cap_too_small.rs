//! `per-target-cap-too-small`: a bound on connections to one target is below the load.

use super::opened::Bound;
use super::pool_too_small::{judge, told};
use crate::rule::rule;
use crate::{Declared, Reports};
use ww_chain::PartyId;

rule! {
    name: "per-target-cap-too-small",
    family: "pools",
    layer: App,
    class: Performance,
    severity: Medium,
    owner: Configuration,
    summary: "A bound on connections to one target is below the stated load: requests queue in the caller",
    needs: [Calls],
    explains: [],
    page: "per_target_cap_too_small.md",
    check: check,
}

fn check(declared: &Declared<'_>, reports: &mut Reports) {
    let chains = declared.chains();
    for index in 0..chains.parties.len() {
        match judge(chains, PartyId(index), Bound::Target) {
            Ok(Some(short)) => reports.add(
                told(&short)
                    .advise("Raise the bound above what is under way at once at the peak")
                    .advise("Or leave it, if it is there to protect the target, and answer at once where it is full"),
            ),
            Ok(None) => {}
            Err(gap) => reports.gap(gap),
        }
    }
}
