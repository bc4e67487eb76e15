//! Exact sets of packet headers, and functions from packet headers to decisions.
//!
//! A packet is a point: one number for each declared *level* (an address, a port, a flag). A
//! [`Map`] sends every point to a [`Terminal`], the small number of a decision; a [`Set`] is a map
//! to yes and no. Both are canonical interval decision diagrams, kept in a [`Space`]: equal
//! functions are the same handle, so equality costs nothing, and subtrees are shared.
//!
//! A rule list is [`Space::first_all`] over its rules: each rule a map that is undecided
//! ([`NONE`]) where it does not apply. The first decision wins, and the terminal still says whose
//! it was. What reads seldom and cuts finely (ports, flags) is declared after what everything
//! reads (addresses): that keeps diagrams small.
//!
//! ```
//! use ww_packetset::{Bounds, Space};
//!
//! # fn main() -> Result<(), ww_packetset::TooLarge> {
//! let mut space = Space::new(Bounds::default());
//! let source = space.interval("source", u128::from(u32::MAX))?;
//! let port = space.interval("port", 65_535)?;
//!
//! let web = space.within(port, [(80, 80), (443, 443)])?;
//! let ours = space.within(source, [(0x0a00_0000, 0x0aff_ffff)])?;
//! let allow = space.constant(1)?;
//! let deny = space.constant(2)?;
//! let rules = [space.keep(allow, web)?, space.keep(deny, ours)?, allow];
//! let list = space.first_all(&rules)?;
//!
//! assert_eq!(space.at(list, &[0x0a00_0001, 22]), 2);
//! let denied = space.select(list, |decision| decision == 2)?;
//! assert_eq!(space.witness(denied), Some(vec![0x0a00_0000, 0]));
//! # Ok(())
//! # }
//! ```
//!
//! Everything that builds can fail with [`TooLarge`]: the space has [`Bounds`], and crossing one is
//! an answer, never exhausted memory.

mod apply;
mod boxes;
mod build;
mod change;
mod edges;
mod list;
mod memo;
mod read;
mod space;
mod store;

pub use boxes::{BoxList, PacketBox};
pub use change::{Piece, Value};
pub use read::{Count, Size};
pub use space::{Bounds, Level, LevelId, LevelKind, Map, NONE, Set, Space, Terminal, TooLarge};
