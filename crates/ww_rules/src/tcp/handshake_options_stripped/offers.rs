//! Options that hosts leave out on some services although they offer them on others.

use super::super::hosts;
use crate::roster::{Offer, Row, Trait};
use crate::{Subject, View};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::ops::AddAssign;
use ww_evidence::{Endpoint, SideId};

/// The options that matter for speed, in the order they are named.
const OPTIONS: [(Offer, &str); 3] = [
    (Offer::WINDOW_SCALING, "window scaling"),
    (Offer::SACK, "SACK"),
    (Offer::TIMESTAMPS, "timestamps"),
];

/// What is missing on so many services of a host is one thing.
pub(super) const SERVICES_MANY: usize = 4;

/// What comes about by chance as often as this proves nothing.
const CHANCE: f64 = 0.01;

/// What hosts leave out on some services although they offer it on others.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    /// In order of the connections.
    missing: Vec<Missing>,
    /// By the number of the host: a service on which it offers each of [`OPTIONS`].
    elsewhere: FxHashMap<(u32, SideId), [Option<Endpoint>; 3]>,
}

/// Options that a side of a connection leaves out although it offers them on another service, and never on this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) subject: Subject,
    pub(super) side: SideId,
    pub(super) options: Offer,
}

impl Missing {
    pub(super) fn names(self) -> Vec<&'static str> {
        let missing = OPTIONS
            .into_iter()
            .filter(|(one, _)| self.options.has(*one));
        missing.map(|(_, name)| name).collect()
    }

    /// What is missing on all of these, or else on the first.
    pub(super) fn common(all: &[Missing]) -> Option<Missing> {
        let first = *all.first()?;
        let common = all
            .iter()
            .fold(Offer::ALL, |common, one| common & one.options);
        let options = if common.is_empty() {
            first.options
        } else {
            common
        };
        Some(Missing { options, ..first })
    }
}

/// What a host does about each option.
#[derive(Clone, Copy, Debug, Default)]
struct Habit {
    offers: Offer,
    leaves_out: Offer,
}

impl Habit {
    fn of(row: &Row, side: SideId) -> Option<Habit> {
        let offers = row.part(side).offers?;
        // A server may use only what the client's SYN offers; and some systems leave options out themselves when they
        // repeat a SYN, scanners always do.
        let asked = match side {
            SideId::Client => Offer::ALL,
            SideId::Server => row.by_client.offers.unwrap_or_default(),
        };
        let leaves_out = if row.is(Trait::Opened) {
            asked & !offers
        } else {
            Offer::default()
        };
        Some(Habit { offers, leaves_out })
    }

    /// The options that it offers now and then.
    fn varies(self) -> Offer {
        self.offers & self.leaves_out
    }
}

impl AddAssign for Habit {
    fn add_assign(&mut self, other: Habit) {
        self.offers = self.offers | other.offers;
        self.leaves_out = self.leaves_out | other.leaves_out;
    }
}

/// One side of a connection of a host whose habit varies.
struct Case {
    host: u32,
    side: SideId,
    service: u32,
    subject: Subject,
    habit: Habit,
}

impl Offers {
    /// Of a capture.
    pub(super) fn of(view: &View<'_>) -> Offers {
        let roster = view.roster();
        let habits = || {
            roster.connections().flat_map(|(subject, row)| {
                let sides = [SideId::Client, SideId::Server].into_iter();
                sides.filter_map(move |side| Some((subject, row, side, Habit::of(row, side)?)))
            })
        };
        let place = |row: &Row, side: SideId| 2 * row.host(side) as usize + side as usize;
        let mut of_hosts = vec![Habit::default(); 2 * roster.hosts.listed().len()];
        for (_, row, side, habit) in habits() {
            if let Some(known) = of_hosts.get_mut(place(row, side)) {
                *known += habit;
            }
        }
        let varies = |row: &Row, side: SideId| {
            let habit = of_hosts.get(place(row, side));
            habit.is_some_and(|habit| !habit.varies().is_empty())
        };
        let mut cases: Vec<Case> = habits()
            .filter(|(_, row, side, _)| varies(row, *side))
            .map(|(subject, row, side, habit)| Case {
                host: row.host(side),
                side,
                service: row.service,
                subject,
                habit,
            })
            .collect();
        cases.sort_unstable_by_key(|case| (case.host, case.side, case.service, case.subject));
        let mut offers = Offers::default();
        for of_host in cases.chunk_by(|one, next| (one.host, one.side) == (next.host, next.side)) {
            offers.learn(view, of_host);
        }
        offers
            .missing
            .sort_unstable_by_key(|one| (one.subject, Reverse(one.side)));
        offers.missing.dedup_by_key(|one| one.subject);
        offers
    }

    /// What is missing, in order of the connections.
    pub(super) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// What is missing on one connection.
    pub(super) fn missing_on(&self, subject: Subject) -> Option<Missing> {
        let at = self
            .missing
            .binary_search_by_key(&subject, |missing| missing.subject);
        self.missing.get(at.ok()?).copied()
    }

    /// A service on which the same host offers something of what is missing.
    pub(super) fn elsewhere(&self, view: &View<'_>, missing: Missing) -> Option<Endpoint> {
        let host = view
            .roster()
            .connection(missing.subject)?
            .host(missing.side);
        let services = self.elsewhere.get(&(host, missing.side))?;
        let concerned = OPTIONS.iter().zip(services);
        concerned
            .filter(|((one, _), _)| missing.options.has(*one))
            .find_map(|(_, service)| *service)
    }

    /// Takes all connections of one host on one side.
    fn learn(&mut self, view: &View<'_>, cases: &[Case]) {
        let Some(&Case {
            host,
            side,
            subject,
            ..
        }) = cases.first()
        else {
            return;
        };
        let services = cases.chunk_by(|one, next| one.service == next.service);
        let services: Vec<(&[Case], Habit)> = services.map(|on| (on, habit_of(on))).collect();
        let own = match side {
            SideId::Client => own_choice(&services),
            SideId::Server => Offer::default(),
        };
        let stripped = habit_of(cases).offers & !own;
        let never = |habit: &Habit| habit.leaves_out & !habit.offers & stripped;
        let concerned = || {
            services
                .iter()
                .filter(|(_, habit)| !never(habit).is_empty())
        };
        let of_services = concerned().flat_map(|(on, habit)| {
            let never = never(habit);
            on.iter().map(move |case| Missing {
                subject: case.subject,
                side,
                options: case.habit.leaves_out & never,
            })
        });
        let missing: Vec<Missing> = of_services.filter(|one| !one.options.is_empty()).collect();
        let by_systems = || {
            let many = concerned().count() >= SERVICES_MANY;
            let addr = view.flow(subject).map(|flow| flow.client.addr);
            many && may_be_chance(&services, missing.len())
                || addr.is_some_and(|addr| hosts::are_several(view, addr))
        };
        if missing.is_empty() || side == SideId::Client && by_systems() {
            return;
        }
        self.missing.extend(missing);
        let offered_on = OPTIONS.map(|(one, _)| {
            let offered = services.iter().filter(|(_, habit)| habit.offers.has(one));
            let endpoints =
                offered.filter_map(|(on, _)| Some(view.flow(on.first()?.subject)?.server));
            endpoints.min()
        });
        self.elsewhere.insert((host, side), offered_on);
    }
}

/// What a client now offers, now leaves out on one and the same service: its own doing, or that of several systems
/// behind its address.
fn own_choice(services: &[(&[Case], Habit)]) -> Offer {
    let varies = services.iter().map(|(_, habit)| habit.varies());
    varies.fold(Offer::default(), |all, one| all | one)
}

/// Whether it may be by chance that all or none of the connections to every service lack options, if so many do in all.
/// A program, or a second system behind the client's address, that leaves them out calls many services, most of them
/// once.
fn may_be_chance(services: &[(&[Case], Habit)], lacking: usize) -> bool {
    let all: usize = services.iter().map(|(on, _)| on.len()).sum();
    let share = lacking as f64 / all.max(1) as f64;
    let sizes = services.iter().map(|(on, _)| on.len() as f64);
    let all_or_none = sizes.map(|size| share.powf(size) + (1.0 - share).powf(size));
    all_or_none.product::<f64>() > CHANCE
}

/// What all of these do.
fn habit_of(cases: &[Case]) -> Habit {
    let mut habit = Habit::default();
    for case in cases {
        habit += case.habit;
    }
    habit
}
