//! Two routers in a chain, each in a network namespace of its own, with rules, translations and routes that are
//! invented; and what `ww_reach` says of connections through both.
//!
//! ```text
//! 10.1.0.0/24 — eth0 [one] eth1 — 10.12.0.0/24 — eth1 [two] eth0 — 10.2.0.0/24
//!                      └ eth2 — 198.51.100.0/24, the uplink
//! ```
//!
//! The outer interfaces are TAP interfaces without ARP, so that every host behind them is there. A connection is a
//! first packet and, where that comes out, the reply to it, sent from where it came out.

mod invent;
mod routers;

use crate::error::LabError;
use crate::rng::Rng;
use invent::{Files, connection, invented};
use routers::Pair;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use ww_base::{Limits, SourceId};
use ww_import::{Text, gather};
use ww_model::Packet;
use ww_model::packet::protocol;
use ww_reach::answer::{Reachability, Step};
use ww_reach::network::Network;

/// How long a packet may take through both routers; it takes far less.
const SOON: Duration = Duration::from_millis(5);

/// How long it may take at most, where it was awaited and did not come soon.
const LATE: Duration = Duration::from_millis(300);

const NAMES: [&str; 2] = ["one", "two"];

/// How much to compare.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What invents everything.
    pub seed: u64,
    /// Networks.
    pub networks: usize,
    /// Connections through each.
    pub connections: usize,
    /// When to stop in any case.
    pub patience: Duration,
}

/// What came of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Networks compared.
    pub networks: usize,
    /// Connections compared, by how they fared.
    pub connections: BTreeMap<&'static str, usize>,
    /// Connections that came out with another address or port than they were sent with.
    pub translated: usize,
    /// Connections of which the files do not tell; not compared.
    pub untold: usize,
    /// The first connection on which kernel and answer do not agree, in words.
    pub disagreement: Option<String>,
}

/// Compares random networks until the plan is done, its patience at an end, or something disagrees.
///
/// # Errors
/// [`LabError::NotPossible`] where no router can be built; [`LabError::Program`] when a loader refuses.
pub fn run(plan: &Plan) -> Result<Tally, LabError> {
    let started = Instant::now();
    let mut rng = Rng::new(plan.seed);
    let mut pair = Pair::build()?;
    let mut tally = Tally::default();
    while tally.networks < plan.networks && started.elapsed() < plan.patience {
        let files = [invented(&mut rng, 0), invented(&mut rng, 1)];
        pair.load(&files)?;
        compare(&mut pair, &files, plan.connections, &mut rng, &mut tally)?;
        tally.networks += 1;
        if tally.disagreement.is_some() {
            break;
        }
    }
    Ok(tally)
}

fn compare(
    pair: &mut Pair,
    files: &[Files; 2],
    connections: usize,
    rng: &mut Rng,
    tally: &mut Tally,
) -> Result<(), LabError> {
    let paths: Vec<(String, &str, &str)> = NAMES
        .iter()
        .zip(files)
        .flat_map(|(name, one)| {
            [
                (format!("{name}/addr.json"), *name, one.addresses.as_str()),
                (format!("{name}/route.json"), *name, one.routes.as_str()),
                (format!("{name}/rules.v4"), *name, one.rules.as_str()),
            ]
        })
        .collect();
    let texts: Vec<Text<'_>> = (0..)
        .zip(&paths)
        .map(|(number, (path, device, text))| Text {
            source: SourceId(number),
            path,
            device,
            bytes: text.as_bytes(),
        })
        .collect();
    let limits = Limits::default();
    let gathered = gather(&texts, &limits);
    let network = Network::new(&gathered.model.devices, &limits);
    let unread = |reason: String| LabError::Program {
        command: "the files of the routers".to_owned(),
        reason,
    };
    let fates = network.fates().map_err(unread)?;
    let mut packets: Vec<Packet> = fates.corners(connections);
    packets.extend((0..connections).map(|_| connection(rng)));
    packets.retain(is_fair);
    let distinct: BTreeSet<Packet> = packets.into_iter().collect();
    for (packet, id) in distinct.into_iter().zip(1..) {
        let Some(told @ (Reachability::Reachable | Reachability::Blocked)) = fates.of(&packet)
        else {
            tally.untold += 1;
            continue;
        };
        let (mut seen, mut out) = pair.connect(&packet, id, SOON)?;
        if seen != told {
            (seen, out) = pair.connect(&packet, id, LATE)?;
        }
        *tally.connections.entry(told.word()).or_default() += 1;
        let is_translated = out.is_some_and(|(_, out)| {
            (out.src, out.dst, out.ports) != (packet.src, packet.dst, (packet.sport, packet.dport))
        });
        tally.translated += usize::from(is_translated);
        if seen != told {
            let steps = network.follow(&packet).map(|(_, steps)| steps);
            tally.disagreement = Some(report(
                files,
                &packet,
                (told, seen),
                &steps.unwrap_or_default(),
            ));
            return Ok(());
        }
    }
    Ok(())
}

/// Whether kernel and files speak of the same: the packet is TCP or UDP between hosts that are no router and are on
/// one of the ends.
fn is_fair(packet: &Packet) -> bool {
    let is_end = |address: IpAddr| match address {
        IpAddr::V4(v4) => match v4.octets() {
            [10, 1 | 2, 0, 0 | 1 | 255]
            | [198, 51, 100, 0..=2 | 255]
            | [10, 12, ..]
            | [0 | 127, ..] => false,
            [first, ..] => first < 224,
        },
        IpAddr::V6(_) => false,
    };
    let known = [protocol::TCP, protocol::UDP].contains(&packet.proto);
    known && packet.sport > 0 && packet.dport > 0 && is_end(packet.src) && is_end(packet.dst)
}

fn report(
    files: &[Files; 2],
    packet: &Packet,
    (told, seen): (Reachability, Reachability),
    steps: &[Step],
) -> String {
    let mut text = format!(
        "{} {}:{} → {}:{} is {} to us and {} to the kernel\n",
        packet.proto,
        packet.src,
        packet.sport,
        packet.dst,
        packet.dport,
        told.word(),
        seen.word()
    );
    for step in steps {
        let _ = writeln!(text, "  {}", step.says);
    }
    for (name, one) in NAMES.iter().zip(files) {
        let _ = writeln!(text, "\n{name}:\n{}\n{}", one.added.join("\n"), one.rules);
    }
    text
}
