//! Chains: where they are attached, and in which order packets meet them.

use super::Lowering;
use crate::nft::ast::{ChainSpec, Expr, ExprKind, Family, HookSpec, TableName};
use crate::nft::state::{self, State, Table};
use crate::nft::symbols;
use crate::text::Problems;
use ww_base::{Locus, Order, ProblemKind, SourceSpan, Sourced};
use ww_model::filter::{
    Action, Base, Chain, ChainKind, Condition, Family as Packets, Hook, Rule, Step, UnknownReason,
    Verdict, Way,
};

/// A chain with its names.
pub(super) struct Placed<'e, 'a> {
    pub(super) table_name: &'e TableName<'a>,
    pub(super) table: &'e Table<'a>,
    pub(super) name: &'e str,
    pub(super) chain: &'e state::Chain<'a>,
}

/// All chains that see packets, in order of creation: that decides between equal priorities.
pub(super) fn in_order<'e, 'a>(state: &'e State<'a>) -> Vec<Placed<'e, 'a>> {
    let mut chains: Vec<Placed<'e, 'a>> = state
        .tables
        .iter()
        .filter(|(name, _)| name.family.is_of_packets())
        .flat_map(|(table_name, table)| {
            table.chains.iter().map(move |(name, chain)| Placed {
                table_name,
                table,
                name,
                chain,
            })
        })
        .collect();
    chains.put_in_order_by_key(|placed| placed.chain.created);
    chains
}

fn spec<'e, 'a>(placed: &Placed<'e, 'a>) -> &'e ChainSpec<'a> {
    &placed.chain.spec
}

fn kind(placed: &Placed<'_, '_>) -> Option<ChainKind> {
    let hook = spec(placed).hook.as_ref()?;
    Some(match &*hook.kind {
        "filter" => ChainKind::Filter,
        "nat" => ChainKind::Nat,
        "route" => ChainKind::Route,
        _ => return None,
    })
}

/// Where a chain is attached; nowhere while its table is dormant.
fn hook_of<'e, 'a>(placed: &Placed<'e, 'a>) -> Option<(&'e HookSpec<'a>, Hook)> {
    if placed.table.dormant {
        return None;
    }
    let spec = spec(placed).hook.as_ref()?;
    let hook = match &*spec.hook {
        "ingress" => Hook::Ingress,
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        "forward" => Hook::Forward,
        "output" => Hook::Output,
        // Leaving the device comes after everything else on the way out.
        "postrouting" | "egress" => Hook::Postrouting,
        _ => return None,
    };
    Some((spec, hook))
}

fn place(placed: &Placed<'_, '_>) -> Option<(Hook, i32)> {
    let (spec, hook) = hook_of(placed)?;
    let written = written_priority(placed, spec);
    let priority = match &*spec.hook {
        "egress" => AFTER_ALL + written.clamp(-MOST_EGRESS, MOST_EGRESS),
        _ => written,
    };
    Some((hook, priority))
}

/// Priorities of chains at egress, which come after all others on the way out.
const AFTER_ALL: i32 = i32::MAX - MOST_EGRESS;
const MOST_EGRESS: i32 = 1_000_000;

/// The priority as written; 0 where it is not understood.
fn written_priority(placed: &Placed<'_, '_>, hook: &HookSpec<'_>) -> i32 {
    let base = match &hook.priority.base {
        Some(Expr {
            kind: ExprKind::Word(word),
            ..
        }) => named_priority(word, placed.table_name.family).unwrap_or(0),
        _ => 0,
    };
    base.saturating_add(hook.priority.offset)
}

/// `-10`, `filter`, `filter + 10`.
fn named_priority(word: &str, family: Family) -> Option<i32> {
    let word = word.trim();
    if let Ok(number) = word.parse() {
        return Some(number);
    }
    let end = word
        .find(|byte: char| !byte.is_ascii_alphabetic())
        .unwrap_or(word.len());
    let (name, offset) = word.split_at(end);
    let base = symbols::priority(name, family == Family::Bridge)?;
    let offset: String = offset.chars().filter(|byte| *byte != ' ').collect();
    match offset.as_str() {
        "" => Some(base),
        _ => base.checked_add(offset.strip_prefix('+').unwrap_or(&offset).parse().ok()?),
    }
}

impl<'e, 'a> Lowering<'e, 'a, '_> {
    /// A chain with its rules.
    pub(super) fn chain(&mut self, placed: &Placed<'e, 'a>) -> Chain {
        let at = placed.chain.at;
        let base = self.base(placed);
        let mut rules = Vec::with_capacity(placed.chain.rules.len());
        if base.is_some() {
            rules.extend(self.other_devices(placed, at));
        }
        for rule in &placed.chain.rules {
            rules.extend(self.rule(rule));
        }
        Chain {
            table: format!(
                "{} {}",
                placed.table_name.family.name(),
                placed.table_name.name
            ),
            name: placed.name.to_owned(),
            at,
            base,
            rules,
        }
    }

    fn base(&mut self, placed: &Placed<'e, 'a>) -> Option<Base> {
        let spec = spec(placed).hook.as_ref()?;
        let (Some((hook, priority)), Some(kind)) = (place(placed), kind(placed)) else {
            if !placed.table.dormant {
                let message = format!("there is no hook `{}` of type `{}`", spec.hook, spec.kind);
                self.problems
                    .add(placed.chain.at, ProblemKind::Undefined, message);
            }
            return None;
        };
        if let Some(word) = &spec.priority.base
            && let ExprKind::Word(name) = &word.kind
            && named_priority(name, self.family).is_none()
        {
            let message = format!("`{name}` is no priority");
            self.problems.add(word.at, ProblemKind::Undefined, message);
        }
        Some(Base {
            family: match self.family {
                Family::Ip => Packets::Ip4,
                Family::Ip6 => Packets::Ip6,
                _ => Packets::Inet,
            },
            hook,
            priority,
            kind,
            policy: policy(placed.chain),
        })
    }

    /// A chain of some devices leaves the packets of all others alone.
    fn other_devices(&mut self, placed: &Placed<'e, 'a>, at: SourceSpan) -> Option<Rule> {
        let (spec, _) = hook_of(placed)?;
        let way = match &*spec.hook {
            "ingress" => Way::In,
            "egress" => Way::Out,
            _ => return None,
        };
        let mut devices = Vec::new();
        for device in &spec.devices {
            let names = self.interfaces(false, device);
            devices.extend(
                names
                    .known
                    .into_iter()
                    .map(|name| Condition::Interface(way, name)),
            );
            if let Some((reason, at)) = names.unclear {
                devices.push(Condition::Unknown(self.unknown(reason, at)));
            }
        }
        if spec.devices.is_empty() {
            // nft up to 1.0 leaves the device out of its JSON.
            devices.push(Condition::Unknown(self.unknown(UnknownReason::Dynamic, at)));
        }
        devices.put_in_order();
        let other = Condition::Not(Box::new(Condition::Any(devices)));
        Some(Rule {
            at,
            steps: vec![Step::If(other), Step::Do(Action::Verdict(Verdict::Accept))],
            asides: Vec::new(),
        })
    }
}

fn policy(chain: &state::Chain<'_>) -> Sourced<Verdict> {
    match chain.spec.policy {
        Some((at, accept)) => Sourced {
            value: if accept {
                Verdict::Accept
            } else {
                Verdict::Drop
            },
            at: Locus::Text(at),
        },
        None => Sourced {
            value: Verdict::Accept,
            at: Locus::Assumed {
                by: "nft(8): a base chain without a policy accepts".to_owned(),
            },
        },
    }
}

/// Tells of tables that filter frames rather than packets, where they decide anything.
pub(super) fn tell_of_other_families(state: &State<'_>, problems: &mut Problems) {
    for (name, table) in &state.tables {
        if name.family.is_of_packets() || table.dormant {
            continue;
        }
        let deciding = table.chains.values().find(|chain| {
            let drops = matches!(chain.spec.policy, Some((_, false)));
            drops || !chain.rules.is_empty()
        });
        if let Some(chain) = deciding {
            let message = format!(
                "table `{} {}` decides about frames, not routed packets; it is not part of the \
                 answers",
                name.family.name(),
                name.name
            );
            problems.add(chain.at, ProblemKind::Unsupported, message);
        }
    }
}
