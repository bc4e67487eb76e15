//! Where further settings can be written.

use super::Program;
use ww_base::SourceSpan;

/// A block of a file, and the place in it where a further setting can stand on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// What the block is, in the product's own word, as `location` or `backend`.
    pub kind: String,
    /// The whole block, from its first word to its end.
    pub block: SourceSpan,
    /// The empty place.
    pub at: SourceSpan,
    /// What stands before each setting: a line break, and the indentation of its neighbours.
    pub before: String,
    /// What stands behind the last one.
    pub after: String,
}

impl Program {
    /// The innermost block of one of these kinds that a place stands in.
    pub fn room(&self, place: SourceSpan, kinds: &[&str]) -> Option<&Room> {
        let holds = |room: &&Room| {
            let block = room.block;
            kinds.contains(&room.kind.as_str())
                && block.source == place.source
                && block.start <= place.start
                && place.end <= block.end
        };
        let fitting = self.rooms.iter().filter(holds);
        fitting.min_by_key(|room| room.block.end - room.block.start)
    }
}
