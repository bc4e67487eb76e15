//! A mixed capture built from nothing: the same bytes on every machine.
//!
//! Every flow is simulated when its time comes (packets without payload), and a heap merges the
//! flows in order of time; memory is bounded by the flows alive at one moment.

mod connections;
mod datagrams;
mod file;
mod frame;
mod hosts;
mod messages;
mod path;
mod plan;
mod receiver;
mod rng;
mod script;
mod sender;
mod stream;
mod tcp;
#[cfg(test)]
mod tests;
mod types;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};

pub(crate) use rng::Rng;

use file::PcapFile;
use frame::Framer;
use plan::Plan;
use types::{Flow, Micros, Packet};

/// Changes whenever the built bytes do.
pub(super) const VERSION: u32 = 2;

/// What was built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Built {
    /// Packets in the file.
    pub(super) packets: u64,
    /// Size of the file.
    pub(super) bytes: u64,
    /// FNV-1a of the whole file.
    pub(super) hash: u64,
    /// Flows planned.
    pub(super) flows: u64,
}

/// Write a capture of about `mb` million bytes to `out`.
pub(super) fn build(mb: u64, out: impl Write) -> io::Result<Built> {
    let plan = Plan::new(mb);
    let mut file = PcapFile::new(out)?;
    let mut framer = Framer::new();
    let mut alive = BinaryHeap::new();
    let mut coming = plan.flows.iter().enumerate().peekable();
    loop {
        let next_at = alive.peek().map(|Reverse(live): &Reverse<Live>| live.at);
        let starts = |start: Micros| next_at.is_none_or(|at| start <= at);
        if let Some((serial, planned)) = coming.next_if(|(_, planned)| starts(planned.start)) {
            alive.extend(Live::new(serial, planned.flow(plan.horizon)).map(Reverse));
        } else if let Some(Reverse(mut live)) = alive.pop() {
            if let Some(packet) = live
                .packets
                .next()
                .filter(|packet| (0..plan.horizon).contains(&packet.at))
            {
                file.packet(packet.at, framer.render(&live.flow, &packet))?;
            }
            alive.extend(live.again().map(Reverse));
        } else {
            break;
        }
    }
    let (packets, bytes, hash) = file.finish()?;
    Ok(Built {
        packets,
        bytes,
        hash,
        flows: plan.flows.len() as u64,
    })
}

/// A flow with packets left, ordered by the time of the next.
#[derive(Debug)]
struct Live {
    at: Micros,
    serial: usize,
    flow: Box<Flow>,
    packets: std::vec::IntoIter<Packet>,
}

impl Live {
    fn new(serial: usize, mut flow: Flow) -> Option<Self> {
        let mut packets = std::mem::take(&mut flow.packets);
        packets.sort_by_key(|packet| packet.at);
        Self {
            at: 0,
            serial,
            flow: Box::new(flow),
            packets: packets.into_iter(),
        }
        .again()
    }

    fn again(mut self) -> Option<Self> {
        self.at = self.packets.as_slice().first()?.at;
        Some(self)
    }
}

impl PartialEq for Live {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Live {}

impl PartialOrd for Live {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Live {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}
