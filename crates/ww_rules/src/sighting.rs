//! What a rule's first step reports.

use ww_base::{Gap, Span};
use ww_finding::Exhibit;

/// What a sighting is about. Sightings of different rules about the same subject compete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A connection: index into [`Capture::tcp`](ww_evidence::Capture::tcp).
    Tcp(u32),
    /// A datagram flow: index into [`Capture::udp`](ww_evidence::Capture::udp).
    Udp(u32),
    /// A DNS transaction: index into [`Dns::transactions`](ww_evidence::Dns::transactions).
    Dns(u32),
    /// An ICMP error: index into [`Capture::icmp`](ww_evidence::Capture::icmp).
    Icmp(u32),
    /// A fragmented datagram: index into
    /// [`Capture::fragment_losses`](ww_evidence::Capture::fragment_losses).
    Fragment(u32),
    /// A step of a live walk, by its number.
    Step(u32),
    /// The capture, or the walk, as a whole.
    Capture,
}

/// One case of a rule's cause.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// What it is about. Usually one subject; a scan has many.
    pub subjects: Vec<Subject>,
    /// Sightings with the same key become one finding: same cause, same culprit, such as the
    /// server's address and port.
    pub group: String,
    /// How often it happened here.
    pub count: u64,
    /// Time lost to it here.
    pub lost: Span,
    /// Where to look, most telling first.
    pub exhibits: Vec<Exhibit>,
}

impl Sighting {
    /// A sighting about one subject.
    pub fn new(subject: Subject, group: impl Into<String>) -> Sighting {
        Sighting {
            subjects: vec![subject],
            group: group.into(),
            count: 1,
            lost: Span::ZERO,
            exhibits: Vec::new(),
        }
    }

    /// Sets how often it happened.
    #[must_use]
    pub fn count(mut self, count: u64) -> Sighting {
        self.count = count;
        self
    }

    /// Sets the time lost.
    #[must_use]
    pub fn lost(mut self, lost: Span) -> Sighting {
        self.lost = lost.or_zero();
        self
    }

    /// Adds something to look at.
    #[must_use]
    pub fn show(mut self, exhibit: Exhibit) -> Sighting {
        self.exhibits.push(exhibit);
        self
    }
}

/// What one rule reports about one capture.
#[derive(Debug, Default)]
pub struct Sightings {
    pub(crate) seen: Vec<Sighting>,
    pub(crate) gaps: Vec<Gap>,
}

impl Extend<Sighting> for Sightings {
    fn extend<T: IntoIterator<Item = Sighting>>(&mut self, cases: T) {
        self.seen.extend(cases);
    }
}

impl Sightings {
    /// Reports a case.
    pub fn add(&mut self, sighting: Sighting) {
        self.seen.push(sighting);
    }

    /// Says what could not be judged. Equal gaps count once.
    pub fn gap(&mut self, gap: Gap) {
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }
}
