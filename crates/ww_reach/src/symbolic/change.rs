//! How packets are changed on their way, and functions of changed packets.

use super::layout::{Place, Universe, levels_of};
use ww_base::Order;
use ww_model::filter::Field;
use ww_model::packet::CtState;
use ww_packetset::{LevelId, Map, TooLarge};

/// What becomes of an address or a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Becomes {
    /// This number.
    Is(u128),
    /// One of these, from the first to the last; which one is not known.
    OneOf(u128, u128),
    /// The address with the same place in this network, from its first address to its last.
    In(u128, u128),
}

/// What becomes of a mark: `from & keep ^ flip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Word {
    pub(super) from: Field,
    pub(super) keep: u32,
    pub(super) flip: u32,
}

impl Word {
    fn unchanged(field: Field) -> Word {
        Word {
            from: field,
            keep: u32::MAX,
            flip: 0,
        }
    }

    /// This after an earlier change of what it is made from.
    fn after(self, earlier: Word) -> Word {
        Word {
            from: earlier.from,
            keep: self.keep & earlier.keep,
            flip: (earlier.flip & self.keep) ^ self.flip,
        }
    }

    fn is_constant(self) -> bool {
        self.keep == 0
    }
}

/// What has become of a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Change {
    /// Its source address.
    pub src: Option<Becomes>,
    /// Its destination address.
    pub dst: Option<Becomes>,
    /// Its source port.
    pub sport: Option<Becomes>,
    /// Its destination port.
    pub dport: Option<Becomes>,
    /// Its destination has become this device itself.
    pub redirected: bool,
    /// It leaves by this interface now, or one that no rule tells from it.
    pub oif: Option<String>,
    pub(super) mark: Word,
    pub(super) ct_mark: Word,
    pub(super) dscp: Word,
    pub(super) untracked: bool,
    /// Bits of [`Field::CtNat`] that are set now.
    pub(super) nat: u8,
    /// Bits of the same that may be set now.
    pub(super) maybe_nat: u8,
    /// A translation was chosen at the hook.
    pub(super) translated: bool,
}

impl Default for Change {
    fn default() -> Change {
        Change {
            src: None,
            dst: None,
            sport: None,
            dport: None,
            redirected: false,
            oif: None,
            mark: Word::unchanged(Field::Mark),
            ct_mark: Word::unchanged(Field::CtMark),
            dscp: Word::unchanged(Field::Dscp),
            untracked: false,
            nat: 0,
            maybe_nat: 0,
            translated: false,
        }
    }
}

impl Change {
    /// Whether nothing has changed.
    pub fn is_none(&self) -> bool {
        *self == Change::default()
    }

    /// A change of source and destination alone: their addresses, and their ports.
    pub(crate) fn of(
        [src, dst]: [Option<Becomes>; 2],
        [sport, dport]: [Option<Becomes>; 2],
    ) -> Change {
        Change {
            src,
            dst,
            sport,
            dport,
            ..Change::default()
        }
    }

    /// Whether a packet that came without a mark has, or may have, one now. `begins` says whether it
    /// begins a connection, which then has no mark either.
    pub(super) fn marks(&self, begins: bool) -> bool {
        let of_connection = self.mark.from == Field::CtMark && self.mark.keep != 0;
        self.mark.flip != 0 || (of_connection && !begins)
    }

    /// The same, at the next hook.
    pub(super) fn at_next_hook(&self) -> Change {
        Change {
            translated: false,
            ..self.clone()
        }
    }

    /// Both changes, this one first.
    pub(super) fn then(&self, later: &Change) -> Change {
        let word = |later: Word| match later.from {
            Field::CtMark => later.after(self.ct_mark),
            Field::Dscp => later.after(self.dscp),
            _ => later.after(self.mark),
        };
        Change {
            src: becomes(self.src, later.src),
            dst: becomes(self.dst, later.dst),
            sport: becomes(self.sport, later.sport),
            dport: becomes(self.dport, later.dport),
            redirected: self.redirected || later.redirected,
            oif: later.oif.clone().or_else(|| self.oif.clone()),
            mark: word(later.mark),
            ct_mark: word(later.ct_mark),
            dscp: word(later.dscp),
            untracked: self.untracked || later.untracked,
            nat: self.nat & !later.maybe_nat | later.nat,
            maybe_nat: self.maybe_nat & !later.nat | later.maybe_nat,
            translated: self.translated || later.translated,
        }
    }
}

fn becomes(earlier: Option<Becomes>, later: Option<Becomes>) -> Option<Becomes> {
    match (earlier, later) {
        (Some(Becomes::Is(number)), Some(Becomes::In(first, last))) => {
            let host = first ^ last;
            Some(Becomes::Is((first & !host) | (number & host)))
        }
        (Some(Becomes::OneOf(..)), Some(Becomes::In(first, last))) => {
            Some(Becomes::OneOf(first, last))
        }
        (earlier, later) => later.or(earlier),
    }
}

impl Universe<'_> {
    /// What a map decides about packets after the change.
    pub(super) fn after(&mut self, map: Map, change: &Change) -> Result<Map, TooLarge> {
        let mut map = map;
        for (field, becomes) in [
            (self.address_field(true), change.src),
            (self.address_field(false), change.dst),
            (Field::SrcPort, change.sport),
            (Field::DstPort, change.dport),
        ] {
            if let Some(becomes) = becomes {
                map = self.after_move(map, field, becomes)?;
            }
        }
        if let (true, Some(state)) = (change.untracked, self.level(Field::CtState)) {
            map = self
                .space
                .restrict(map, state, CtState::Untracked.number())?;
        }
        map = self.after_words(map, change)?;
        self.after_status(map, change)
    }

    fn after_move(&mut self, map: Map, field: Field, becomes: Becomes) -> Result<Map, TooLarge> {
        match (self.place(field).cloned(), becomes) {
            (Some(Place::Whole(level)), Becomes::Is(number)) => {
                self.space.restrict(map, level, number)
            }
            (Some(Place::Whole(level)), Becomes::OneOf(first, last) | Becomes::In(first, last)) => {
                self.after_draw(map, field, level, first, last)
            }
            (Some(Place::Bits(bits)), becomes) => self.after_bits(map, field, &bits, becomes),
            _ => Ok(map),
        }
    }

    fn after_draw(
        &mut self,
        map: Map,
        field: Field,
        level: LevelId,
        first: u128,
        last: u128,
    ) -> Result<Map, TooLarge> {
        if !self.space.support(map).contains(&level) {
            return Ok(map);
        }
        let from = self.drawn_from(field, first, last)?;
        self.space.draw(map, level, first, from)
    }

    /// An address whose bits are levels of their own: known bits are set, others drawn one by one.
    fn after_bits(
        &mut self,
        mut map: Map,
        field: Field,
        bits: &[Option<LevelId>],
        becomes: Becomes,
    ) -> Result<Map, TooLarge> {
        let (first, last, is_drawn) = match becomes {
            Becomes::Is(number) => (number, number, true),
            Becomes::OneOf(first, last) => (first, last, true),
            Becomes::In(first, last) => (first, last, false),
        };
        let varies = match (first ^ last).checked_ilog2() {
            Some(top) => u128::MAX >> (127 - top),
            None => 0,
        };
        let read = self.space.support(map);
        if !bits.iter().flatten().any(|level| read.contains(level)) {
            return Ok(map);
        }
        let mut drawn = Vec::new();
        for (place, level) in (0..bits.len()).rev().zip(bits) {
            let Some(level) = level else { continue };
            if varies >> place & 1 == 0 {
                if read.contains(level) {
                    map = self.space.restrict(map, *level, first >> place & 1)?;
                }
            } else if is_drawn {
                let number = place as u128;
                let from = self.drawn_from(field, number, number + 1)?;
                map = self.space.copy_bit(map, *level, from)?;
                drawn.push((from, first >> place & 1));
            }
        }
        self.drawn_within(map, &drawn, first & varies, last & varies)
    }

    /// The map where the drawn bits are a number of the range; elsewhere as if the first of the
    /// range had been drawn. The bits come with those of the first, the most significant first.
    fn drawn_within(
        &mut self,
        map: Map,
        drawn: &[(LevelId, u128)],
        first: u128,
        last: u128,
    ) -> Result<Map, TooLarge> {
        if drawn.is_empty() {
            return Ok(map);
        }
        let bits: Vec<Option<LevelId>> = drawn.iter().map(|(level, _)| Some(*level)).collect();
        let valid = self.space.bits_within(&bits, first, last)?;
        let mut of_first = map;
        for (level, bit) in drawn {
            of_first = self.space.restrict(of_first, *level, *bit)?;
        }
        self.space.choose(valid, map, of_first)
    }

    /// Marks: what becomes constant first, then what is flipped, then what is copied.
    fn after_words(&mut self, map: Map, change: &Change) -> Result<Map, TooLarge> {
        let mut map = map;
        let words = [
            (Field::Mark, change.mark),
            (Field::CtMark, change.ct_mark),
            (Field::Dscp, change.dscp),
        ];
        let changed = |(field, word): &(Field, Word)| *word != Word::unchanged(*field);
        let mut words: Vec<(Field, Word)> = words.into_iter().filter(changed).collect();
        words.put_in_order_by_key(|(field, word)| (!word.is_constant(), word.from != *field));
        for (field, word) in words {
            map = self.after_word(map, field, word)?;
        }
        Ok(map)
    }

    fn after_word(&mut self, map: Map, field: Field, word: Word) -> Result<Map, TooLarge> {
        let mut map = map;
        let (Some(Place::Bits(to)), Some(Place::Bits(from))) =
            (self.place(field).cloned(), self.place(word.from).cloned())
        else {
            return Ok(map);
        };
        let read = self.space.support(map);
        for (place, (to, from)) in (0..to.len()).rev().zip(to.iter().zip(&from)) {
            let Some(to) = to.filter(|to| read.contains(to)) else {
                continue;
            };
            let flips = word.flip >> place & 1;
            map = match (word.keep >> place & 1, from) {
                (1, Some(from)) if *from == to && flips == 0 => map,
                (1, Some(from)) => {
                    let clear = self.space.restrict(map, to, u128::from(flips))?;
                    let set = self.space.restrict(map, to, u128::from(1 - flips))?;
                    let is_set = self.space.within(*from, [(1, 1)])?;
                    self.space.choose(is_set, set, clear)?
                }
                _ => self.space.restrict(map, to, u128::from(flips))?,
            };
        }
        Ok(map)
    }

    /// The connection's translations.
    fn after_status(&mut self, map: Map, change: &Change) -> Result<Map, TooLarge> {
        let mut map = map;
        let Some(Place::Bits(bits)) = self.place(Field::CtNat).cloned() else {
            return Ok(map);
        };
        for (place, level) in (0..bits.len()).rev().zip(bits) {
            let Some(level) = level else { continue };
            if change.nat >> place & 1 == 1 {
                map = self.space.restrict(map, level, 1)?;
            } else if change.maybe_nat >> place & 1 == 1 {
                let number = place as u128;
                let from = self.drawn_from(Field::CtNat, number, number + 1)?;
                map = self.space.copy_bit(map, level, from)?;
            }
        }
        Ok(map)
    }

    /// The map for connections that begin, which have neither mark nor translation yet.
    pub(super) fn at_the_beginning(&mut self, map: Map) -> Result<Map, TooLarge> {
        let mut fresh = map;
        for field in [Field::CtMark, Field::CtNat] {
            for level in self.place(field).map(levels_of).unwrap_or_default() {
                fresh = self.space.restrict(fresh, level, 0)?;
            }
        }
        let old = [CtState::Established, CtState::Related].map(|state| {
            let number = state.number();
            (number, number)
        });
        let Some(state) = self.level(Field::CtState) else {
            return Ok(map);
        };
        let old = self.space.within(state, old)?;
        let mut map = self.space.choose(old, map, fresh)?;
        for level in self.place(Field::Dscp).map(levels_of).unwrap_or_default() {
            map = self.space.restrict(map, level, 0)?;
        }
        Ok(map)
    }
}
