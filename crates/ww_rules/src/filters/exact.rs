//! How far a claim that one packet shows holds: for all that differ from it in some fields.

use ww_model::Packet;
use ww_model::filter::{Field, Hook, Ruleset};
use ww_packetset::{Bounds, LevelId, Set, TooLarge};
use ww_reach::symbolic::{Allowed, Universe};

use super::dead::ROUTES;
use super::probe::Version;

/// A rule set as what it lets pass, on each route, in one version of IP.
pub(crate) struct Exact<'a> {
    universe: Universe<'a>,
    allowed: Vec<(Hook, Allowed)>,
}

/// How packets fare, whatever is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fare {
    /// They pass.
    Pass,
    /// They are stopped.
    Stop,
}

impl<'a> Exact<'a> {
    /// Works out what passes.
    pub(crate) fn of(ruleset: &'a Ruleset, version: Version) -> Result<Exact<'a>, TooLarge> {
        let version = match version {
            Version::V4 => ww_reach::symbolic::Version::V4,
            Version::V6 => ww_reach::symbolic::Version::V6,
        };
        let mut universe = Universe::new(&[ruleset], version, &[], Bounds::default())?;
        let mut allowed = Vec::new();
        for route in ROUTES {
            let function = universe.compile(0, None, route)?;
            allowed.push((route, universe.allowed(&function)?));
        }
        Ok(Exact { universe, allowed })
    }

    /// Whether all packets that are like this one, but for these fields, fare so.
    pub(crate) fn all(
        &mut self,
        route: Hook,
        packet: &Packet,
        free: &[Field],
        fare: Fare,
    ) -> Result<bool, TooLarge> {
        let allowed = self.allowed.iter().find(|(hook, _)| *hook == route);
        let Some((_, Allowed { must, may })) = allowed.copied() else {
            return Ok(false);
        };
        let Some(alike) = self.alike(packet, free)? else {
            return Ok(false);
        };
        match fare {
            Fare::Pass => self.universe.space.is_subset(alike, must),
            Fare::Stop => Ok(self.universe.space.and(alike, may)?.is_empty()),
        }
    }

    /// The packets that are like this one but for some fields; none where it is of the other version.
    fn alike(&mut self, packet: &Packet, free: &[Field]) -> Result<Option<Set>, TooLarge> {
        let Some(point) = self.universe.point(packet) else {
            return Ok(None);
        };
        let mut open: Vec<LevelId> = Vec::new();
        for field in free {
            let one = self.universe.number_is(*field, 0)?;
            open.extend(self.universe.space.support(one.as_map()));
        }
        let levels = self.universe.space.levels().map(|(level, _)| level);
        let sides: Vec<_> = levels
            .zip(point)
            .filter(|(level, _)| !open.contains(level))
            .map(|(level, number)| (level, vec![(number, number)]))
            .collect();
        self.universe.space.cube(&sides).map(Some)
    }
}

/// The source address and port, which strangers choose.
pub(crate) const SOURCE: [Field; 3] = [Field::Src4, Field::Src6, Field::SrcPort];
/// The addresses of both ends, whatever they are.
pub(crate) const ADDRESSES: [Field; 4] = [Field::Src4, Field::Src6, Field::Dst4, Field::Dst6];
