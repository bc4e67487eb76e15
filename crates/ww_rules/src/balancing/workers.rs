//! Groups of servers of which each worker process of nginx has a picture of its own.

use crate::operand::{Answer, Known, ask};
use std::collections::BTreeMap;
use ww_base::SourceSpan;
use ww_model::service::{Call, Program};

/// The calls of a program that go to groups without shared memory, one for each group, by the place
/// of its first server. Other products than nginx learn about servers in one process.
pub(super) fn alone(program: &Program) -> Vec<&Call> {
    if program.product.component != "nginx" {
        return Vec::new();
    }
    let mut groups: BTreeMap<SourceSpan, &Call> = BTreeMap::new();
    for call in &program.calls {
        if let Some(first) = call.to.first()
            && call.passive.is_shared.value() == Some(&false)
            && first.at != call.at
        {
            groups.entry(first.at).or_insert(call);
        }
    }
    groups.into_values().collect()
}

/// Whether there are several workers, and how many.
pub(super) fn several(program: &Program) -> Answer<Known<u64>> {
    let what = format!("how many workers {} has", program.name);
    ask(&program.capacity.workers, &what, |workers| *workers > 1)
}
