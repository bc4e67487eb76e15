//! How long callers wait, and what the ones that they call do meanwhile.

use crate::operand::{Known, each};
use ww_base::Span;
use ww_chain::{Chains, Hop};
use ww_model::service::Call;

/// How long a caller waits for an answer at most, when that is sure. A stream has no such time.
pub(super) fn patience(call: &Call) -> Option<Known<Span>> {
    let side = &call.side;
    if call.streams.value() == Some(&true)
        || side.total.is_unknown() && side.first_byte.is_unknown()
    {
        return None;
    }
    let mut bounds = Vec::new();
    for setting in [&side.total, &side.first_byte] {
        match each(setting).as_slice() {
            [] => {}
            [one] => bounds.push(one.clone()),
            _ => return None,
        }
    }
    bounds.into_iter().min_by_key(|known| known.value)
}

/// The calls that the callee makes for such a request, as far as that is known.
pub(super) fn inner<'a, 'm>(chains: &'a Chains<'m>, outer: &'a Hop<'m>) -> Vec<&'a Hop<'m>> {
    let Some(callee) = outer.callee.filter(|callee| *callee != outer.caller) else {
        return Vec::new();
    };
    let program = chains.parties.get(callee.0).and_then(|party| party.program);
    let index = program.and_then(|program| {
        let mut listeners = program.listeners.iter();
        listeners.position(|one| outer.listener.is_some_and(|it| std::ptr::eq(it, one)))
    });
    let takes = |hop: &&Hop<'_>| {
        let from = &hop.call.from;
        hop.call.protocol.is_http()
            && hop.call.streams.value() != Some(&true)
            && (from.is_empty() || index.is_some_and(|index| from.contains(&index)))
    };
    chains.hops_from(callee).filter(takes).collect()
}

/// What reports call the caller of a hop.
pub(super) fn caller<'a, 'm>(chains: &'a Chains<'m>, hop: &Hop<'m>) -> &'a str {
    chains.caller(hop).map_or("", |party| &party.name)
}
