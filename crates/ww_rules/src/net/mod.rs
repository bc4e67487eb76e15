//! Rules about packets beside connections: errors, addresses, fragments, loops, floods.

mod about;

pub(crate) mod address_family_broken;
pub(crate) mod arp_conflict;
pub(crate) mod fragment_lost;
pub(crate) mod host_cut_off;
pub(crate) mod host_unreachable;
pub(crate) mod icmp_rejected;
pub(crate) mod one_address_broken;
pub(crate) mod port_scan;
pub(crate) mod routing_loop;
pub(crate) mod syn_flood;
pub(crate) mod udp_port_unreachable;

#[cfg(test)]
mod tests;

pub(crate) use address_family_broken::broken_family;
pub(crate) use host_cut_off::Cuts;

use ww_base::{Moment, Span};

/// The most of these sorted times that lie within one window.
fn densest(times: &[Moment], window: Span) -> usize {
    let mut begin = 0;
    let mut most = 0;
    for (end, &last) in times.iter().enumerate() {
        while times.get(begin).is_some_and(|&first| last - first > window) {
            begin += 1;
        }
        most = most.max(end + 1 - begin);
    }
    most
}
