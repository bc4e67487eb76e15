//! Who may talk to whom over one service: addresses in groups that fare alike.

use super::layout::Universe;
use std::collections::BTreeMap;
use ww_model::Ranges;
use ww_model::filter::Field;
use ww_model::packet::{CtState, protocol};
use ww_packetset::{LevelId, Set, TooLarge};

/// A service as it is asked about: new connections to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// IP protocol number.
    pub protocol: u8,
    /// Destination port, for protocols that have ports.
    pub port: u16,
    /// Source port.
    pub source_port: u16,
}

/// Groups of addresses that fare alike as sources and as destinations, and which reach which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The addresses of each group; together all addresses. In order of their smallest address.
    pub groups: Vec<Ranges>,
    /// Pairs of groups, source first, that may talk; sorted.
    pub edges: Vec<(usize, usize)>,
}

impl Universe<'_> {
    /// The packets that open a connection to the service, with SYN alone for TCP.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn opening(&mut self, service: Service) -> Result<Set, TooLarge> {
        let mut sides = vec![(Field::Protocol, u128::from(service.protocol))];
        if protocol::WITH_PORTS.contains(&service.protocol) {
            sides.push((Field::DstPort, service.port.into()));
            sides.push((Field::SrcPort, service.source_port.into()));
        }
        if service.protocol == protocol::TCP {
            sides.push((Field::TcpFlags, 2));
        }
        sides.push((Field::CtState, CtState::New.number()));
        let mut opening = self.space.all();
        for (field, number) in sides {
            let side = self.number_is(field, number)?;
            opening = self.space.and(opening, side)?;
        }
        Ok(opening)
    }

    /// The matrix of a service: a pair of groups may talk when some packet of `among` that opens the
    /// service passes, by whatever interfaces. `passing` is what passes.
    ///
    /// Addresses of which single bits count cannot be grouped: then the matrix is empty.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn matrix(&mut self, passing: Set, service: Service) -> Result<Matrix, TooLarge> {
        let fields = [self.address_field(false), self.address_field(true)];
        let [Some(destination), Some(source)] = fields.map(|field| self.level(field)) else {
            return Ok(Matrix::default());
        };
        let pairs = self.pairs(passing, service, destination, source)?;
        let source_first = source < destination;
        let (upper, lower) = if source_first {
            (source, destination)
        } else {
            (destination, source)
        };
        let rows = self.space.rows(pairs, upper);
        let reached: Vec<Ranges> = rows
            .iter()
            .map(|(inside, _)| self.side_of(*inside, lower))
            .collect();
        let rows = rows.into_iter().map(|(_, ranges)| Ranges::of(ranges));
        let mut matrix = grouped(&rows.collect::<Vec<_>>(), &reached);
        if source_first {
            let turned = matrix.edges.iter().map(|(from, to)| (*to, *from));
            matrix.edges = turned.collect();
            matrix.edges.sort_unstable();
        }
        Ok(matrix)
    }

    /// The pairs of destination and source that may talk.
    fn pairs(
        &mut self,
        passing: Set,
        service: Service,
        destination: LevelId,
        source: LevelId,
    ) -> Result<Set, TooLarge> {
        let opening = self.opening(service)?;
        let open = self.space.and(passing, opening)?;
        let others: Vec<LevelId> = self
            .space
            .levels()
            .map(|(level, _)| level)
            .filter(|level| *level != destination && *level != source)
            .collect();
        self.space.exists(open, &others)
    }

    /// The ranges of a set that depends on one level only.
    fn side_of(&self, set: Set, level: LevelId) -> Ranges {
        let list = self.space.boxes(set, 1);
        let all = [(0, self.space.max(level))];
        list.boxes.first().map_or_else(Ranges::none, |one| {
            Ranges::of(one.side(level).unwrap_or(&all).iter().copied())
        })
    }
}

/// Groups from rows: the destinations of each row, and the sources that reach them.
fn grouped(destinations: &[Ranges], sources: &[Ranges]) -> Matrix {
    let mut borders: BTreeMap<u128, Vec<Border>> = BTreeMap::new();
    for (row, (destinations, sources)) in destinations.iter().zip(sources).enumerate() {
        for (first, _) in destinations.iter() {
            borders.entry(first).or_default().push(Border::Row(row));
        }
        for (first, last) in sources.iter() {
            let turns = [Some(first), last.checked_add(1)];
            for turn in turns.into_iter().flatten() {
                borders.entry(turn).or_default().push(Border::Source(row));
            }
        }
    }
    let mut reached = vec![false; sources.len()];
    let mut row = 0;
    let mut members: BTreeMap<Behaviour, Vec<(u128, u128)>> = BTreeMap::new();
    let last = destinations
        .iter()
        .flat_map(Ranges::iter)
        .map(|(_, last)| last);
    let last = last.max().unwrap_or_default();
    let firsts: Vec<u128> = borders
        .keys()
        .copied()
        .filter(|first| *first <= last)
        .collect();
    let ends = firsts.iter().skip(1).map(|next| next - 1).chain([last]);
    for (first, end) in firsts.iter().zip(ends) {
        for border in borders.get(first).into_iter().flatten() {
            match border {
                Border::Row(new) => row = *new,
                Border::Source(of) => {
                    if let Some(reaches) = reached.get_mut(*of) {
                        *reaches = !*reaches;
                    }
                }
            }
        }
        let group = members.entry((row, reached.clone())).or_default();
        group.push((*first, end));
    }
    let mut groups: Vec<(Ranges, usize, Vec<bool>)> = members
        .into_iter()
        .map(|((row, reached), ranges)| (Ranges::of(ranges), row, reached))
        .collect();
    groups.sort();
    let mut edges = Vec::new();
    for (from, (_, _, reached)) in groups.iter().enumerate() {
        for (to, (_, row, _)) in groups.iter().enumerate() {
            if reached.get(*row) == Some(&true) {
                edges.push((from, to));
            }
        }
    }
    Matrix {
        groups: groups.into_iter().map(|(ranges, ..)| ranges).collect(),
        edges,
    }
}

/// How an address fares: its row as a destination, and which rows it reaches as a source.
type Behaviour = (usize, Vec<bool>);

/// Where the addresses from one on are treated otherwise than those before.
enum Border {
    /// They belong to this row as destinations.
    Row(usize),
    /// As sources, they begin or cease to reach this row.
    Source(usize),
}
