//! Fragmented datagrams that never became whole.

use super::ReassemblyTimeout;
use crate::decode::{FragmentReport, IncompleteDatagram};
use std::net::IpAddr;
use ww_base::Gap;
use ww_evidence::{FragmentLoss, Mark};

/// The losses that a decoder reports, by first frame, joined with the errors that confirm them.
/// Datagrams given up for want of room prove nothing and are left out.
pub fn losses(report: &FragmentReport, timeouts: &[ReassemblyTimeout]) -> Vec<FragmentLoss> {
    let mut losses: Vec<FragmentLoss> = report
        .incomplete
        .iter()
        .filter(|datagram| !datagram.evicted)
        .map(|datagram| loss(datagram, timeouts))
        .collect();
    losses.sort_by_key(|loss| loss.first.frame());
    losses
}

/// What the bounds on reassembly kept from being judged.
pub(super) fn gap(report: &FragmentReport) -> Option<Gap> {
    let unjudged = report.evicted + report.incomplete_more;
    (unjudged > 0).then(|| {
        Gap::new(
            format!("{unjudged} fragmented datagrams: more were open at once than are held"),
            "cut the capture into shorter ones, for instance with editcap -i",
        )
    })
}

fn loss(datagram: &IncompleteDatagram, timeouts: &[ReassemblyTimeout]) -> FragmentLoss {
    let missing_from = datagram.missing.first().map_or(0, |&(from, _)| from);
    FragmentLoss {
        src: datagram.src,
        dst: datagram.dst,
        protocol: datagram.protocol,
        id: datagram.id,
        ports: datagram.ports,
        fragments: datagram.frames,
        missing_from,
        first_seen: missing_from > 0,
        last_seen: datagram.missing.iter().all(|(_, end)| end.is_some()),
        first: Mark::new(datagram.first_frame, datagram.first_at),
        last: Mark::new(datagram.last_frame, datagram.last_at),
        timeout_reported: timeouts
            .iter()
            .find(|timeout| {
                reports(
                    timeout,
                    datagram.src,
                    datagram.dst,
                    datagram.id,
                    datagram.first_frame,
                )
            })
            .map(|timeout| timeout.frame),
    }
}

/// The error is about this datagram: same addresses, same identification where it is known, and later.
fn reports(
    timeout: &ReassemblyTimeout,
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    first_frame: u64,
) -> bool {
    timeout.src == src
        && timeout.dst == dst
        && timeout.frame > first_frame
        && timeout.id.is_none_or(|quoted| u32::from(quoted) == id)
}
