//! What becomes of all connections of a network, to look up.

use ww_model::Packet;

use super::Network;
use super::ask::{Trouble, World};
use super::diff::everything;
use super::explorer::Explorer;
use crate::answer::{Reachability, Step};
use crate::symbolic::Version;

/// What becomes of every first packet of a connection, from everywhere to everywhere.
pub struct Fates<'a> {
    worlds: Vec<World<'a>>,
}

impl<'a> Network<'a> {
    /// What becomes of all TCP, UDP and SCTP connections and of echo requests.
    ///
    /// # Errors
    /// A sentence, when the devices are too intricate.
    pub fn fates(&self) -> Result<Fates<'a>, String> {
        let mut worlds = Vec::new();
        for version in [Version::V4, Version::V6] {
            let world = self.fates_of(version).map_err(Trouble::sentence)?;
            worlds.push(world);
        }
        Ok(Fates { worlds })
    }

    fn fates_of(&self, version: Version) -> Result<World<'a>, Trouble> {
        let mut universe = Network::universe(&[self], version)?;
        let asked = everything(&mut universe)?;
        let reached = Explorer::new(self, &mut universe, 0)?.reached(asked)?;
        Ok(World { universe, reached })
    }

    /// How one first packet of a connection fares, and its way.
    ///
    /// # Errors
    /// A sentence that says why it has no way to begin.
    pub fn follow(&self, packet: &Packet) -> Result<(Reachability, Vec<Step>), String> {
        let fare = self.fare(packet)?;
        Ok((fare.verdict, fare.steps))
    }
}

impl Fates<'_> {
    /// How a connection fares that this packet begins; nothing where it has no way to begin.
    pub fn of(&self, packet: &Packet) -> Option<Reachability> {
        self.worlds.iter().find_map(|world| {
            let point = world.universe.point(packet)?;
            let has = |set| world.universe.space.has(set, &point);
            let allowed = world.reached.allowed;
            has(world.reached.asked).then(|| match (has(allowed.must), has(allowed.may)) {
                (true, _) => Reachability::Reachable,
                (false, true) => Reachability::May,
                (false, false) => Reachability::Blocked,
            })
        })
    }

    /// First packets on both sides of the borders between what is let through and what is not; at
    /// most so many for each version of IP.
    pub fn corners(&self, most: usize) -> Vec<Packet> {
        let mut corners = Vec::new();
        for world in &self.worlds {
            let allowed = world.reached.allowed;
            for set in [allowed.must, allowed.may] {
                let points = world.universe.space.corners(set.as_map(), most / 2);
                let begins =
                    |point: &Vec<u128>| world.universe.space.has(world.reached.asked, point);
                corners.extend(
                    points
                        .iter()
                        .filter(|point| begins(point))
                        .map(|point| Packet {
                            iif: String::new(),
                            oif: String::new(),
                            mark: 0,
                            ..world.universe.packet_at(point)
                        }),
                );
            }
        }
        corners
    }
}
