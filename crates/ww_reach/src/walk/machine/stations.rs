//! From chain to chain, and from station to station.

use super::super::plan::{Station, path};
use super::super::seen::{address, number};
use super::super::{By, Event, Missing, Outcome};
use super::{Cursor, Flow, Machine, Place, Weight, World};
use crate::mutants::{Bug, planted};
use ww_model::filter::{ChainId, ChainKind, Field, Hook, Verdict};
use ww_model::packet::CtState;

impl<'a> Machine<'a> {
    /// Ends the walk of a base chain; the packet goes on to the next.
    pub(super) fn accept(&self, world: &mut World<'a>, by: By) {
        let seen = &world.place.seen;
        let kind = self.station(world).map(|station| station.base.kind);
        let weight = Weight {
            at_main_hook: seen.hook == seen.route && kind != Some(ChainKind::Nat),
            by_rule: matches!(by, By::Rule { .. }),
        };
        if weight >= world.credit.0 {
            world.credit = (weight, by);
        }
        world.place.cursor = None;
        world.place.calls.clear();
    }

    /// Goes back to where the chain was called from, or lets the policy of the base chain decide.
    pub(super) fn leave_chain(&mut self, world: &mut World<'a>, chain: ChainId) -> Flow {
        if let Some(back) = world.place.calls.pop() {
            self.note_chain(world, chain, Event::Left);
            world.place.cursor = Some(back);
            return Flow::Moved;
        }
        let Some(station) = self.station(world) else {
            world.place.cursor = None;
            return Flow::Moved;
        };
        let (by, policy) = (By::Policy(station.id), station.base.policy.value);
        self.note_chain(world, station.id, Event::Policy(policy));
        match policy {
            Verdict::Drop if !planted(Bug::PolicyAccepts) => Flow::Ended(Outcome::Drop, by),
            Verdict::Reject(refusal) => Flow::Ended(Outcome::Reject(refusal), by),
            _ => {
                self.accept(world, by);
                Flow::Moved
            }
        }
    }

    /// The base chain that the world is in.
    fn station(&self, world: &World<'a>) -> Option<&'a Station<'a>> {
        let place = &world.place;
        let v6 = self.packet.src.is_ipv6();
        let (_, next) = place.base;
        let stations = self.walker.plan.at(place.seen.hook, v6);
        stations.get(next.checked_sub(1)?)
    }

    /// Goes to the next base chain on the path; false at the end of the path.
    pub(super) fn enter_next_chain(&mut self, world: &mut World<'a>) -> bool {
        let v6 = self.packet.src.is_ipv6();
        loop {
            let place = &mut world.place;
            let Some(hook) = path(place.seen.route).get(place.base.0).copied() else {
                return false;
            };
            place.seen.hook = hook;
            let Some(station) = self.walker.plan.at(hook, v6).get(place.base.1) else {
                place.base = (place.base.0 + 1, 0);
                place.translated = false;
                if matches!(hook, Hook::Prerouting | Hook::Output) {
                    self.route(world);
                }
                continue;
            };
            place.base.1 += 1;
            place.seen.tracked = station.tracked;
            if !passes_by(station, place) {
                place.cursor = Some(Cursor::start(station.id));
                self.note_chain(world, station.id, Event::Entered(hook));
                return true;
            }
        }
    }

    /// Decides again where a packet goes whose destination was translated at the hook it leaves. Where some of
    /// the addresses that it may have got are the device's own, the world in which it got one is split off.
    fn route(&mut self, world: &mut World<'a>) {
        if planted(Bug::RoutedBeforeTranslation) {
            return;
        }
        let seen = &mut world.place.seen;
        let original = number(self.packet.dst);
        let came_in = seen.hook == Hook::Prerouting;
        if came_in && seen.redirected {
            seen.route = Hook::Input;
        }
        let ((first, last), Some(device)) = (seen.dst, self.walker.device) else {
            return;
        };
        if seen.redirected || (first, last) == (original, original) {
            return;
        }
        let v6 = self.packet.src.is_ipv6();
        let (first, last) = (address(first, v6), address(last, v6));
        // A device without routes leaves the packet the interface it was given.
        if !device.routes.is_empty() {
            seen.out = Some(device.way_out_to_all(first, last).unwrap_or_default());
        }
        if !came_in {
            return;
        }
        let listens = device.listens_in(first, last);
        seen.route = if listens { Hook::Input } else { Hook::Forward };
        if listens && first != last {
            self.missing.insert(Missing::Field(Field::DstKind));
            let mut elsewhere = world.clone();
            elsewhere.place.seen.route = Hook::Forward;
            self.forks.push(elsewhere);
        }
    }
}

/// Chains that translate see only packets that begin a connection whose translation is not chosen yet.
fn passes_by(station: &Station, place: &Place) -> bool {
    let chosen = place.translated && !planted(Bug::TranslatesTwice);
    let begins = place.seen.ct_state() == CtState::New || planted(Bug::NatSeesEveryPacket);
    station.base.kind == ChainKind::Nat && (chosen || !begins)
}
