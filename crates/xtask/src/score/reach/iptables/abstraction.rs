//! Rule sets as the verified analyser sees them.

use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use ww_base::Sourced;
use ww_model::Ranges;
use ww_model::filter::{
    Action, Base, Chain, ChainId, ChainKind, Condition, Family, Field, Hook, Rule, Ruleset, Step,
    Verdict, Way,
};

/// The source addresses behind each interface of entry.
#[derive(Debug, Default)]
pub(super) struct Assignment(BTreeMap<String, Ranges>);

impl Assignment {
    /// Whether no address is behind two interfaces. Only then does an address tell the interface.
    fn is_disjoint(&self) -> bool {
        let mut seen = Ranges::none();
        self.0.values().all(|addresses| {
            let is_new = seen.and(addresses).is_empty();
            seen = seen.or(addresses);
            is_new
        })
    }

    /// What a test of an interface of entry says of the source.
    fn test(&self, interface: &Condition, name: &str) -> Condition {
        match self.0.get(name) {
            Some(addresses) if self.is_disjoint() => Condition::In(Field::Src4, addresses.clone()),
            Some(addresses) => Condition::All(vec![
                interface.clone(),
                Condition::In(Field::Src4, addresses.clone()),
            ]),
            None => interface.clone(),
        }
    }

    /// Reads lines like `eth0 = [192.0.2.1/24, 10.0.0.0-10.0.0.9]`.
    pub(super) fn read(text: &str) -> Result<Assignment> {
        let mut assigned = BTreeMap::new();
        for entry in text
            .split(']')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let (name, list) = entry.split_once('=').context("an assignment without =")?;
            let (kind, list) = list.split_once('[').context("an assignment without [")?;
            let mut addresses = Ranges::none();
            for item in list
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
            {
                addresses = addresses.or(&range(item)?);
            }
            if kind.trim() == "all_but_those_ips" {
                addresses = addresses.not(u128::from(u32::MAX));
            }
            assigned.insert(name.trim().to_owned(), addresses);
        }
        Ok(Assignment(assigned))
    }
}

/// An address, a network or a range, as numbers.
pub(super) fn range(item: &str) -> Result<Ranges> {
    let number = |text: &str| -> Result<u128> {
        let address: Ipv4Addr = text
            .trim()
            .parse()
            .with_context(|| format!("address {text}"))?;
        Ok(u128::from(address.to_bits()))
    };
    if let Some((first, last)) = item.split_once('-') {
        return Ok(Ranges::span(number(first)?, number(last)?));
    }
    let (address, prefix) = item.split_once('/').unwrap_or((item, "32"));
    let prefix: u32 = prefix
        .parse()
        .with_context(|| format!("prefix of {item}"))?;
    let hosts = u128::from(u32::MAX.checked_shr(prefix).unwrap_or(0));
    let address = number(address)?;
    Ok(Ranges::span(address & !hosts, address | hosts))
}

/// How what is not known counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closure {
    /// It matches in rules that accept, and not in rules that drop.
    Upper,
}

impl Closure {
    fn literal_holds(self, accepts: bool) -> bool {
        match self {
            Closure::Upper => accepts,
        }
    }
}

/// One base chain of a table, with interfaces of entry as source addresses where they are assigned;
/// all other chains are reached by jumps only.
pub(super) fn one_chain(
    ruleset: &Ruleset,
    table: &str,
    chain: &str,
    assignment: &Assignment,
) -> Result<Ruleset> {
    let wanted = position(ruleset, table, chain)?;
    let mut result = ruleset.clone();
    for (index, chain) in result.chains.iter_mut().enumerate() {
        chain.base = chain
            .base
            .take()
            .filter(|_| index == wanted)
            .map(at_forward);
        for step in chain.rules.iter_mut().flat_map(|rule| &mut rule.steps) {
            if let Step::If(condition) = step {
                *condition = assigned(condition, assignment);
            }
        }
    }
    Ok(result)
}

/// The same as a flat list without anything that is not known.
pub(super) fn flat(
    ruleset: &Ruleset,
    table: &str,
    chain: &str,
    assignment: &Assignment,
    closure: Closure,
) -> Result<Ruleset> {
    let rewritten = one_chain(ruleset, table, chain, assignment)?;
    let wanted = position(ruleset, table, chain)?;
    let mut flattener = Flattener {
        ruleset: &rewritten,
        closure,
        rules: Vec::new(),
    };
    flattener.chain(ChainId(wanted as u32), &[], 0)?;
    let rules = flattener.rules;
    let mut base = rewritten
        .chains
        .get(wanted)
        .cloned()
        .context("the chain is gone")?;
    base.rules = rules;
    Ok(Ruleset {
        chains: vec![base],
        unknowns: Vec::new(),
    })
}

fn position(ruleset: &Ruleset, table: &str, name: &str) -> Result<usize> {
    let wanted = |chain: &Chain| chain.table == table && chain.name == name;
    let found = ruleset.chains.iter().position(wanted);
    found.with_context(|| format!("no chain {name} in table {table}"))
}

fn at_forward(base: Base) -> Base {
    Base {
        hook: Hook::Forward,
        kind: ChainKind::Filter,
        family: Family::Ip4,
        policy: Sourced {
            value: base.policy.value,
            at: base.policy.at,
        },
        priority: 0,
    }
}

fn assigned(condition: &Condition, assignment: &Assignment) -> Condition {
    let all = |parts: &[Condition]| -> Vec<Condition> {
        parts
            .iter()
            .map(|part| assigned(part, assignment))
            .collect()
    };
    match condition {
        Condition::All(parts) => Condition::All(all(parts)),
        Condition::Any(parts) => Condition::Any(all(parts)),
        Condition::Not(inner) => Condition::Not(Box::new(assigned(inner, assignment))),
        Condition::Interface(Way::In, pattern) if !pattern.prefix => {
            assignment.test(condition, &pattern.text)
        }
        other => other.clone(),
    }
}

/// Unfolds chains.
struct Flattener<'a> {
    ruleset: &'a Ruleset,
    closure: Closure,
    rules: Vec<Rule>,
}

impl Flattener<'_> {
    /// Adds the rules of a chain under the conditions of its callers.
    fn chain(&mut self, id: ChainId, outer: &[Condition], depth: usize) -> Result<()> {
        if depth > 50 {
            bail!("chains jump too deep");
        }
        let ruleset = self.ruleset;
        let chain = ruleset
            .chains
            .get(id.0 as usize)
            .context("a jump to nowhere")?;
        let mut outer = outer.to_vec();
        for rule in &chain.rules {
            let mut conditions = Vec::new();
            for step in &rule.steps {
                match step {
                    Step::If(condition) => conditions.push(condition.clone()),
                    Step::Do(Action::Verdict(verdict)) => {
                        let under: Vec<Condition> =
                            outer.iter().chain(&conditions).cloned().collect();
                        let back = Condition::Not(Box::new(Condition::All(conditions.clone())));
                        match verdict {
                            Verdict::Jump(to) => self.chain(*to, &under, depth + 1)?,
                            Verdict::Goto(to) => {
                                self.chain(*to, &under, depth + 1)?;
                                outer.push(back);
                            }
                            Verdict::Return => outer.push(back),
                            Verdict::Continue => {}
                            decided => self.decide(rule, &under, *decided),
                        }
                    }
                    Step::Do(_) => {}
                }
            }
        }
        Ok(())
    }

    fn decide(&mut self, rule: &Rule, conditions: &[Condition], verdict: Verdict) {
        let holds = self.closure.literal_holds(verdict == Verdict::Accept);
        let foreign = conditions.iter().any(is_of_foreign_protocol);
        let conditions = conditions.iter().map(|condition| match condition {
            Condition::In(Field::Protocol | Field::SrcPort | Field::DstPort, _) if foreign => {
                constant(holds)
            }
            other => settled(other, holds),
        });
        self.rules.push(Rule {
            at: rule.at,
            steps: conditions
                .map(Step::If)
                .chain([Step::Do(Action::Verdict(verdict))])
                .collect(),
            asides: Vec::new(),
        });
    }
}

/// The condition when everything that is not known, negated or not, holds or does not hold.
fn settled(condition: &Condition, holds: bool) -> Condition {
    let all = |parts: &[Condition]| -> Vec<Condition> {
        parts.iter().map(|part| settled(part, holds)).collect()
    };
    match condition {
        Condition::All(parts) => Condition::All(all(parts)),
        Condition::Any(parts) => Condition::Any(all(parts)),
        Condition::Not(inner) => Condition::Not(Box::new(settled(inner, !holds))),
        Condition::Has(field) | Condition::In(field, _) if is_known(*field) => condition.clone(),
        Condition::Masked { field, .. } if is_known(*field) => condition.clone(),
        Condition::Tuple { fields, .. } if fields.iter().all(|field| is_known(*field)) => {
            condition.clone()
        }
        _ => constant(holds),
    }
}

/// Always true, or never.
fn constant(holds: bool) -> Condition {
    if holds {
        Condition::All(Vec::new())
    } else {
        Condition::Any(Vec::new())
    }
}

/// The analyser does not know SCTP.
fn is_of_foreign_protocol(condition: &Condition) -> bool {
    let sctp = Ranges::one(u128::from(ww_model::packet::protocol::SCTP));
    *condition == Condition::In(Field::Protocol, sctp)
}

fn is_known(field: Field) -> bool {
    matches!(
        field,
        Field::IpVersion
            | Field::Src4
            | Field::Dst4
            | Field::Protocol
            | Field::SrcPort
            | Field::DstPort
            | Field::CtState
            | Field::LaterFragment
    )
}
