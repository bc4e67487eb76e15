//! Why a chain ends before the answer, or does not hold.

use super::super::wire::kind_name;
use super::name::Name;
use ww_base::{Moment, Span};
use ww_evidence::transcript::{ChainReason, ChainReasonKind, SecurityVerdict};

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// What is wrong.
    pub(super) kind: ChainReasonKind,
    /// Whose zone it is.
    pub(super) zone: Name,
    /// The name of the records.
    pub(super) owner: Name,
    /// Their type.
    pub(super) record: u16,
    /// The key that made the signature, or that is named by the parent.
    pub(super) key_tag: Option<u16>,
    /// Its algorithm; 0 where there is none.
    pub(super) algorithm: u8,
    /// When the signature begins, seconds since 1970.
    pub(super) begins: Option<i64>,
    /// When it ends.
    pub(super) expires: Option<i64>,
    /// How long a cache has held the records, seconds.
    pub(super) cached_for: i64,
    /// Further words.
    pub(super) says: String,
}

/// A chain that does not lead to the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// What that means.
    pub(super) verdict: SecurityVerdict,
    /// Why; boxed, as few chains end.
    pub(super) broken: Box<Broken>,
}

impl Broken {
    /// Something about a set of records.
    pub(super) fn of(kind: ChainReasonKind, zone: &Name, owner: &Name, record: u16) -> Broken {
        Broken {
            kind,
            zone: zone.clone(),
            owner: owner.clone(),
            record,
            key_tag: None,
            algorithm: 0,
            begins: None,
            expires: None,
            cached_for: 0,
            says: String::new(),
        }
    }

    /// As the transcript holds it.
    pub(super) fn told(&self) -> ChainReason {
        ChainReason {
            kind: self.kind,
            zone: self.zone.to_string(),
            owner: self.owner.to_string(),
            record: kind_name(self.record),
            key_tag: self.key_tag,
            algorithm: self.algorithm,
            begins: self.begins.map(moment),
            expires: self.expires.map(moment),
            cached_for: Span::from_secs(self.cached_for),
            says: self.says.clone(),
        }
    }
}

impl Ended {
    /// There must be a chain, and it does not hold.
    pub(super) fn bogus(broken: Broken) -> Ended {
        Ended {
            verdict: SecurityVerdict::Bogus,
            broken: Box::new(broken),
        }
    }

    /// It is proven that there is no chain.
    pub(super) fn insecure(broken: Broken) -> Ended {
        Ended {
            verdict: SecurityVerdict::Insecure,
            broken: Box::new(broken),
        }
    }

    /// It could not be found out.
    pub(super) fn unknown(broken: Broken) -> Ended {
        Ended {
            verdict: SecurityVerdict::Indeterminate,
            broken: Box::new(broken),
        }
    }
}

/// Seconds since 1970 as the evidence holds them.
pub(super) fn moment(seconds: i64) -> Moment {
    Moment(seconds.saturating_mul(1_000_000_000))
}
