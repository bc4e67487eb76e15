//! Which of the servers that files configure was met at an address.

use super::addresses::{Addresses, Fit};
use super::measured::Measure;
use crate::Declared;
use ww_chain::{Hop, Party, PartyId};
use ww_model::service::{Listener, Program};

/// A place where a program of the files accepts connections, and what was met may be it.
#[derive(Clone, Copy)]
pub(super) struct Place<'d> {
    pub(super) id: PartyId,
    pub(super) party: &'d Party<'d>,
    pub(super) program: &'d Program,
    /// The listener, and its number.
    pub(super) listener: (usize, &'d Listener),
    pub(super) fit: Fit,
}

impl<'d> Place<'d> {
    /// The calls that lead here.
    pub(super) fn hops(self, declared: &'d Declared<'_>) -> impl Iterator<Item = &'d Hop<'d>> {
        let hops = declared.chains().hops_to(self.id);
        hops.filter(move |hop| {
            hop.listener
                .is_some_and(|one| std::ptr::eq(one, self.listener.1))
        })
    }
}

/// The places that fit best to the server of a measure: all of them fit equally well.
pub(super) fn places<'d>(
    declared: &'d Declared<'_>,
    known: &Addresses<'_>,
    measure: &Measure<'_>,
) -> Vec<Place<'d>> {
    let mut places = Vec::new();
    for (index, party) in declared.chains().parties.iter().enumerate() {
        let Some(program) = party.program else {
            continue;
        };
        for listener in program.listeners.iter().enumerate() {
            let place = Place {
                id: PartyId(index),
                party,
                program,
                listener,
                fit: Fit::Port,
            };
            if let Some(fit) = fit(declared, known, place, measure) {
                places.push(Place { fit, ..place });
            }
        }
    }
    let best = places.iter().map(|place| place.fit).max();
    places.retain(|place| Some(place.fit) == best);
    places
}

/// How well a place fits: by what it says of itself, and by the names and addresses that callers use.
fn fit(
    declared: &Declared<'_>,
    known: &Addresses<'_>,
    place: Place<'_>,
    measure: &Measure<'_>,
) -> Option<Fit> {
    let server = measure.server();
    let called: Vec<Option<Fit>> = place
        .hops(declared)
        .map(|hop| known.fit(hop, Some(place.party), server))
        .collect();
    let by_callers = called.iter().flatten().max().copied();
    if place.listener.1.port != Some(server.port) {
        return by_callers;
    }
    if is_own(place, measure) {
        return Some(Fit::Address);
    }
    let bound = &place.program.bound_to;
    let is_elsewhere = bound.iter().any(|one| one.port() == server.port);
    let is_known_elsewhere = !called.is_empty() && by_callers.is_none();
    if by_callers != Some(Fit::Address) && (is_elsewhere || is_known_elsewhere) {
        return None;
    }
    by_callers.max(Some(Fit::Port))
}

/// Whether a place's own files, or those that start it, name the address or the name that was walked.
fn is_own(place: Place<'_>, measure: &Measure<'_>) -> bool {
    let (to, host) = (measure.to, measure.walk.head.target.host.as_str());
    let names = &place.listener.1.hosts;
    let units = &place.party.units;
    place.program.bound_to.contains(&to)
        || names.iter().any(|name| serves(name, host))
        || units.iter().any(|unit| {
            unit.addresses.contains(&to.ip()) || unit.names.iter().any(|name| name == host)
        })
}

/// Whether a name of a virtual host stands for a host: `*.example.com` and `.example.com` for those below.
fn serves(name: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    match name.strip_prefix("*.") {
        Some(rest) => host
            .strip_suffix(rest)
            .is_some_and(|begin| begin.ends_with('.')),
        None => match name.strip_prefix('.') {
            Some(rest) => {
                host == rest
                    || host
                        .strip_suffix(rest)
                        .is_some_and(|begin| begin.ends_with('.'))
            }
            None => name.eq_ignore_ascii_case(host),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::serves;

    #[test]
    fn names_of_virtual_hosts_stand_for_hosts() {
        assert!(serves("shop.example", "shop.example"));
        assert!(serves("*.example", "shop.example"));
        assert!(serves(".example", "example"));
        for (name, host) in [
            ("*.example", "example"),
            ("*.example", "badexample"),
            ("", "shop.example"),
        ] {
            assert!(!serves(name, host), "{name} {host}");
        }
    }
}
