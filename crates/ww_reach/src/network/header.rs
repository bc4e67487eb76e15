//! Headers of packets on their way, told by what was sent.

use crate::symbolic::{Becomes, Change};

/// What has become of addresses and ports since the first packet of a connection was sent. What has
/// not been translated is as it was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Header {
    /// It is a reply's: what is its source has been the destination.
    pub(super) turned: bool,
    pub(super) src: Option<Becomes>,
    pub(super) dst: Option<Becomes>,
    pub(super) sport: Option<Becomes>,
    pub(super) dport: Option<Becomes>,
}

impl Header {
    /// After a device has changed it.
    pub(super) fn changed(self, change: &Change) -> Header {
        Header {
            src: change.src.or(self.src),
            dst: change.dst.or(self.dst),
            sport: change.sport.or(self.sport),
            dport: change.dport.or(self.dport),
            ..self
        }
    }

    /// The header of the reply to it.
    pub(super) fn reply(self) -> Header {
        Header {
            turned: !self.turned,
            src: self.dst,
            dst: self.src,
            sport: self.dport,
            dport: self.sport,
        }
    }

    /// With the source of another.
    pub(super) fn from(self, other: Header) -> Header {
        Header {
            src: other.src,
            sport: other.sport,
            ..self
        }
    }

    /// With the destination of another.
    pub(super) fn to(self, other: Header) -> Header {
        Header {
            dst: other.dst,
            dport: other.dport,
            ..self
        }
    }

    /// All that was translated.
    pub(super) fn change(self) -> Change {
        Change::of([self.src, self.dst], [self.sport, self.dport])
    }

    /// Whether some of it was drawn from a range.
    pub(super) fn is_drawn(self) -> bool {
        let drawn = |one: &Option<Becomes>| matches!(one, Some(Becomes::OneOf(..)));
        let all = [self.src, self.dst, self.sport, self.dport];
        all.iter().any(drawn)
    }

    /// Whether one of its addresses is not known at all.
    pub(super) fn is_anyones(self) -> bool {
        [self.src, self.dst]
            .iter()
            .any(|one| matches!(one, Some(Becomes::OneOf(0, _))))
    }
}
