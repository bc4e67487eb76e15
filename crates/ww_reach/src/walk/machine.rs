//! The machine that takes one packet from rule to rule.

mod stations;

use super::condition::{Truth, holds};
use super::plan::path;
use super::seen::{Seen, View};
use super::translate::translate;
use super::{By, Device, Event, Missing, Outcome, Step, Walker};
use crate::mutants::{Bug, planted};
use std::collections::BTreeSet;
use ww_base::SourceSpan;
use ww_model::Packet;
use ww_model::filter::{Action, Chain, ChainId, Condition, Field, Hook, Nat, Rule, Verdict};

/// A place in a chain: the next step of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    chain: ChainId,
    rule: usize,
    step: usize,
}

/// All that decides what happens next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    /// `None` between two base chains.
    cursor: Option<Cursor>,
    /// Where to go on after chains that were jumped to, innermost last.
    calls: Vec<Cursor>,
    /// The base chain: hook on the path, chain of the hook.
    base: (usize, usize),
    seen: Seen<'a>,
    /// A translation has been chosen at this hook; later chains that translate are passed by.
    translated: bool,
}

/// One way in which the walk can go.
#[derive(Clone, Debug)]
struct World<'a> {
    place: Place<'a>,
    /// Who let the packet pass so far, and how much that says.
    credit: (Weight, By),
    steps: Vec<Step>,
}

/// How much an acceptance says about the packet's fate: whether it was given where filters stand for packets of this
/// kind, and whether by a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    at_main_hook: bool,
    by_rule: bool,
}

/// How a world ended.
#[derive(Clone, Debug)]
pub(super) struct Ending<'a> {
    pub(super) outcome: Outcome,
    pub(super) by: By,
    pub(super) seen: Seen<'a>,
    pub(super) steps: Vec<Step>,
}

/// The walk of one packet.
pub(super) struct Machine<'a> {
    walker: &'a Walker<'a>,
    packet: &'a Packet,
    records: bool,
    /// Worlds not yet followed.
    forks: Vec<World<'a>>,
    /// Places where worlds forked.
    forked_at: BTreeSet<Place<'a>>,
    missing: BTreeSet<Missing>,
    /// Ends of worlds that branched off and ended at once.
    side_endings: Vec<Ending<'a>>,
    /// Rules that may still be tried.
    budget: u32,
}

impl<'a> Machine<'a> {
    pub(super) fn new(walker: &'a Walker<'a>, packet: &'a Packet, records: bool) -> Machine<'a> {
        Machine {
            walker,
            packet,
            records,
            forks: Vec::new(),
            forked_at: BTreeSet::new(),
            missing: BTreeSet::new(),
            side_endings: Vec::new(),
            budget: walker.limits.rules_per_packet,
        }
    }

    /// Follows every world to its end; also what was not known.
    pub(super) fn run(mut self, route: Hook) -> (Vec<Ending<'a>>, Vec<Missing>) {
        let hook = path(route).first().copied().unwrap_or(route);
        let mut seen = Seen::new(self.packet, route, hook);
        if self.packet.oif.is_empty() {
            let routed = |device: &'a Device| device.way_out(self.packet.dst);
            seen.out = self.walker.device.and_then(routed);
        }
        self.forks.push(World {
            place: Place {
                cursor: None,
                calls: Vec::new(),
                base: (0, 0),
                seen,
                translated: false,
            },
            credit: (Weight::default(), By::Nothing),
            steps: Vec::new(),
        });
        let mut endings = Vec::new();
        while let Some(world) = self.forks.pop() {
            endings.extend(self.follow(world));
        }
        endings.append(&mut self.side_endings);
        (endings, self.missing.into_iter().collect())
    }

    /// Follows a world to its end; `None` when another has been at the same place before.
    fn follow(&mut self, mut world: World<'a>) -> Option<Ending<'a>> {
        loop {
            let Some(cursor) = world.place.cursor else {
                if self.enter_next_chain(&mut world) {
                    continue;
                }
                let by = world.credit.1;
                return Some(world.end(Outcome::Accept, by));
            };
            let Some(rule) = self.rule(cursor) else {
                if let Flow::Ended(outcome, by) = self.leave_chain(&mut world, cursor.chain) {
                    return Some(world.end(outcome, by));
                }
                continue;
            };
            if self.budget == 0 {
                self.missing.insert(Missing::End);
                return Some(world.end(Outcome::Unknown, By::Nothing));
            }
            self.budget -= 1;
            match self.take_rule(&mut world, cursor, rule) {
                Next::On => {}
                Next::Merged => return None,
                Next::Ended(outcome, by) => return Some(world.end(outcome, by)),
            }
        }
    }

    fn chain(&self, id: ChainId) -> Option<&'a Chain> {
        self.walker.ruleset.chains.get(id.0 as usize)
    }

    fn rule(&self, cursor: Cursor) -> Option<&'a Rule> {
        self.chain(cursor.chain)?.rules.get(cursor.rule)
    }

    /// Takes the steps of a rule from the cursor on.
    fn take_rule(&mut self, world: &mut World<'a>, cursor: Cursor, rule: &'a Rule) -> Next {
        for (number, step) in rule.steps.iter().enumerate().skip(cursor.step) {
            let here = Cursor {
                step: number,
                ..cursor
            };
            let flow = match step {
                ww_model::filter::Step::If(condition) => match self.ask(condition, world) {
                    Truth::Yes => Flow::NextStep,
                    Truth::No => Flow::NextRule,
                    Truth::Maybe(missing) => {
                        if !self.fork(world, here, rule, missing) {
                            return Next::Merged;
                        }
                        Flow::NextRule
                    }
                },
                ww_model::filter::Step::Do(action) => {
                    self.note_match(world, here, rule);
                    self.act(action, world, here, rule)
                }
            };
            match flow {
                Flow::NextStep => {}
                Flow::NextRule => break,
                Flow::Moved => return Next::On,
                Flow::Ended(outcome, by) => return Next::Ended(outcome, by),
            }
        }
        world.place.cursor = Some(cursor.next_rule());
        Next::On
    }

    fn ask(&self, condition: &Condition, world: &World<'a>) -> Truth {
        holds(condition, &self.view(&world.place.seen))
    }

    fn view<'v>(&self, seen: &'v Seen<'a>) -> View<'v, 'a> {
        View {
            packet: self.packet,
            device: self.walker.device,
            seen,
        }
    }

    /// Splits off the world in which the step at `here` holds; false when this place has been left in both ways
    /// before, or too many worlds would come of it.
    fn fork(&mut self, world: &mut World<'a>, here: Cursor, rule: &Rule, missing: Missing) -> bool {
        self.missing.insert(missing);
        world.place.cursor = Some(here);
        if !self.forked_at.insert(world.place.clone()) {
            return false;
        }
        let mut other = world.clone();
        other.place.cursor = Some(Cursor {
            step: here.step + 1,
            ..here
        });
        let assumed = |holds| Event::Assumed { missing, holds };
        self.note(&mut other, here, rule.at, assumed(true));
        self.note(world, here, rule.at, assumed(false));
        self.forks.push(other);
        true
    }

    fn act(&mut self, action: &Action, world: &mut World<'a>, here: Cursor, rule: &Rule) -> Flow {
        match action {
            Action::Verdict(verdict) => self.judge(*verdict, world, here, rule),
            Action::VerdictMap(entries) => self.choose_verdict(entries, world, here, rule),
            Action::Nat(nat) => self.apply_nat(nat, world, here, rule),
            Action::NatMap(entries) => self.choose(entries, world, here, rule, Self::apply_nat),
            Action::Unknown(id) => {
                self.missing.insert(Missing::Unknown(*id));
                Flow::Ended(Outcome::Unknown, by_rule(here, rule))
            }
            Action::Set { field, keep, flip } => {
                let keep = if planted(Bug::MarkMaskIgnored) {
                    0
                } else {
                    *keep
                };
                let seen = &mut world.place.seen;
                let changed = match field {
                    Field::Mark => Some(&mut seen.mark),
                    Field::Dscp => Some(&mut seen.dscp),
                    Field::CtMark if seen.has_connection() => Some(&mut seen.ct_mark),
                    _ => None,
                };
                if let Some(bits) = changed {
                    *bits = bits.set(keep, *flip);
                    let to = bits.exact();
                    self.note(world, here, rule.at, Event::Set { field: *field, to });
                }
                Flow::NextStep
            }
            Action::SaveMark | Action::RestoreMark => {
                self.copy_mark(*action == Action::SaveMark, world, here, rule);
                Flow::NextStep
            }
            Action::Untrack => {
                let seen = &mut world.place.seen;
                if !seen.has_connection() && !planted(Bug::UntrackIgnored) {
                    seen.untracked = true;
                    self.note(world, here, rule.at, Event::Untracked);
                }
                Flow::NextStep
            }
        }
    }

    /// Copies between the packet's mark and the connection's, where there is a connection.
    fn copy_mark(&self, saves: bool, world: &mut World<'a>, here: Cursor, rule: &Rule) {
        let seen = &mut world.place.seen;
        if !seen.has_connection() {
            return;
        }
        let (field, to) = if saves {
            if !planted(Bug::ConnectionMarkLost) {
                seen.ct_mark = seen.mark;
            }
            (Field::CtMark, seen.mark.exact())
        } else {
            seen.mark = seen.ct_mark;
            (Field::Mark, seen.ct_mark.exact())
        };
        self.note(world, here, rule.at, Event::Set { field, to });
    }

    /// Does with the first entry whose condition holds what `apply` says.
    fn choose<T>(
        &mut self,
        entries: &[(Condition, T)],
        world: &mut World<'a>,
        here: Cursor,
        rule: &Rule,
        apply: impl Fn(&mut Self, &T, &mut World<'a>, Cursor, &Rule) -> Flow,
    ) -> Flow {
        for (condition, what) in entries {
            match self.ask(condition, world) {
                Truth::Yes => return apply(self, what, world, here, rule),
                Truth::No => {}
                Truth::Maybe(missing) => {
                    self.missing.insert(missing);
                    let mut other = world.clone();
                    let assumed = |holds| Event::Assumed { missing, holds };
                    self.note(&mut other, here, rule.at, assumed(true));
                    self.note(world, here, rule.at, assumed(false));
                    let flow = apply(self, what, &mut other, here, rule);
                    self.set_aside(other, here, flow);
                }
            }
        }
        Flow::NextStep
    }

    /// Keeps a world for later that has come through an entry of a map.
    fn set_aside(&mut self, mut world: World<'a>, here: Cursor, flow: Flow) {
        let next = match flow {
            Flow::Ended(outcome, by) => {
                self.side_endings.push(world.end(outcome, by));
                return;
            }
            Flow::Moved => world.place.cursor,
            Flow::NextRule => Some(here.next_rule()),
            Flow::NextStep => Some(Cursor {
                step: here.step + 1,
                ..here
            }),
        };
        world.place.cursor = next;
        self.forks.push(world);
    }

    fn choose_verdict(
        &mut self,
        entries: &[(Condition, Verdict)],
        world: &mut World<'a>,
        here: Cursor,
        rule: &Rule,
    ) -> Flow {
        let judge =
            |machine: &mut Self, verdict: &Verdict, world: &mut World<'a>, here, rule: &Rule| {
                machine.judge(*verdict, world, here, rule)
            };
        match self.choose(entries, world, here, rule, judge) {
            Flow::NextStep if planted(Bug::VerdictMapAccepts) => {
                self.judge(Verdict::Accept, world, here, rule)
            }
            flow => flow,
        }
    }

    fn judge(
        &mut self,
        verdict: Verdict,
        world: &mut World<'a>,
        here: Cursor,
        rule: &Rule,
    ) -> Flow {
        self.note(world, here, rule.at, Event::Judged(verdict));
        let by = by_rule(here, rule);
        match verdict {
            Verdict::Accept if planted(Bug::AcceptIsFinal) => Flow::Ended(Outcome::Accept, by),
            Verdict::Accept => {
                self.accept(world, by);
                Flow::Moved
            }
            Verdict::Drop => Flow::Ended(Outcome::Drop, by),
            Verdict::Reject(refusal) => Flow::Ended(Outcome::Reject(refusal), by),
            Verdict::Continue => Flow::NextStep,
            Verdict::Jump(chain) => {
                world.place.calls.push(here.next_rule());
                world.place.cursor = Some(Cursor::start(chain));
                Flow::Moved
            }
            Verdict::Goto(chain) => {
                if planted(Bug::GotoIsJump) {
                    world.place.calls.push(here.next_rule());
                }
                world.place.cursor = Some(Cursor::start(chain));
                Flow::Moved
            }
            Verdict::Return if planted(Bug::ReturnIsContinue) => Flow::NextRule,
            Verdict::Return if planted(Bug::ReturnAccepts) && world.place.calls.is_empty() => {
                self.accept(world, by);
                Flow::Moved
            }
            Verdict::Return => self.leave_chain(world, here.chain),
        }
    }

    fn apply_nat(&mut self, nat: &Nat, world: &mut World<'a>, here: Cursor, rule: &Rule) -> Flow {
        let seen = translate(nat, &self.view(&world.place.seen));
        world.place.seen = seen;
        world.place.translated = true;
        let after = seen.after(self.packet.src.is_ipv6());
        self.note(world, here, rule.at, Event::Translated(after));
        self.accept(world, by_rule(here, rule));
        Flow::Moved
    }

    /// Notes that a rule's conditions held, once per rule.
    fn note_match(&self, world: &mut World<'a>, here: Cursor, rule: &Rule) {
        let is_first = rule
            .steps
            .iter()
            .take(here.step)
            .all(|step| matches!(step, ww_model::filter::Step::If(_)));
        if self.records && is_first {
            self.note(world, here, rule.at, Event::Matched);
        }
    }

    fn note(&self, world: &mut World<'a>, here: Cursor, at: SourceSpan, event: Event) {
        if self.records {
            world.steps.push(Step {
                chain: here.chain,
                rule: Some(here.rule),
                at,
                event,
            });
        }
    }

    fn note_chain(&self, world: &mut World<'a>, id: ChainId, event: Event) {
        if let (true, Some(chain)) = (self.records, self.chain(id)) {
            world.steps.push(Step {
                chain: id,
                rule: None,
                at: chain.at,
                event,
            });
        }
    }
}

/// What comes after a step of a rule.
#[derive(Clone, Copy)]
enum Flow {
    NextStep,
    NextRule,
    /// The cursor has been set.
    Moved,
    Ended(Outcome, By),
}

/// What comes after a rule.
enum Next {
    On,
    /// Another world has been here before.
    Merged,
    Ended(Outcome, By),
}

impl Cursor {
    fn start(chain: ChainId) -> Cursor {
        Cursor {
            chain,
            rule: 0,
            step: 0,
        }
    }

    fn next_rule(self) -> Cursor {
        Cursor {
            rule: self.rule + 1,
            step: 0,
            ..self
        }
    }
}

impl<'a> World<'a> {
    fn end(self, outcome: Outcome, by: By) -> Ending<'a> {
        Ending {
            outcome,
            by,
            seen: self.place.seen,
            steps: self.steps,
        }
    }
}

fn by_rule(here: Cursor, rule: &Rule) -> By {
    By::Rule {
        chain: here.chain,
        index: here.rule,
        at: rule.at,
    }
}
