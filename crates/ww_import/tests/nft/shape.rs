//! A rule set as lines of text, without places: what the tests compare.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use ww_base::{Locus, Problem};
use ww_model::Ranges;
use ww_model::filter::{Action, Condition, Field, Nat, Ruleset, Step, UnknownId, Verdict};

/// The lines of a rule set: chains, and one line for each rule. Conditions between two actions
/// are sorted, because their order is nft's choice.
pub(crate) fn lines(ruleset: &Ruleset) -> Vec<String> {
    let mut lines = Vec::new();
    for chain in &ruleset.chains {
        let base = chain.base.as_ref().map_or(String::new(), |base| {
            format!(
                ": {:?} {:?} {:?} {} policy {:?}",
                base.family, base.hook, base.kind, base.priority, base.policy.value
            )
        });
        lines.push(format!("chain {} {}{base}", chain.table, chain.name));
        for rule in &chain.rules {
            lines.push(format!("    {}", steps(ruleset, &rule.steps)));
        }
    }
    lines
}

fn steps(ruleset: &Ruleset, steps: &[Step]) -> String {
    let mut words = Vec::new();
    let mut conditions = Vec::new();
    for step in steps {
        match step {
            Step::If(condition) => conditions.push(self::condition(ruleset, condition)),
            Step::Do(action) => {
                conditions.sort();
                words.append(&mut conditions);
                words.push(format!("=> {}", self::action(ruleset, action)));
            }
        }
    }
    conditions.sort();
    words.append(&mut conditions);
    words.join("; ")
}

fn unknown(ruleset: &Ruleset, id: UnknownId) -> String {
    format!("unknown({:?})", ruleset.unknowns[id.0 as usize].reason)
}

fn condition(ruleset: &Ruleset, whole: &Condition) -> String {
    let all = |list: &[Condition]| {
        list.iter()
            .map(|one| condition(ruleset, one))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match whole {
        Condition::All(list) => format!("all[{}]", all(list)),
        Condition::Any(list) => format!("any[{}]", all(list)),
        Condition::Not(inner) => format!("not {}", condition(ruleset, inner)),
        Condition::Has(field) => format!("has {field:?}"),
        Condition::In(field, within) => format!("{field:?} {}", numbers(*field, within)),
        Condition::Masked {
            field,
            mask,
            within,
        } => format!(
            "{field:?}&{} {}",
            number(*field, *mask),
            numbers(*field, within)
        ),
        Condition::Tuple { fields, boxes } => {
            let boxes: Vec<String> = boxes
                .iter()
                .map(|one| {
                    let parts = fields.iter().zip(one);
                    let parts: Vec<String> =
                        parts.map(|(field, part)| numbers(*field, part)).collect();
                    parts.join(" . ")
                })
                .collect();
            let fields: Vec<String> = fields.iter().map(|field| format!("{field:?}")).collect();
            format!("{} {{{}}}", fields.join(" . "), boxes.join(", "))
        }
        Condition::Interface(way, name) => {
            format!(
                "{way:?} {}{}",
                name.text,
                if name.prefix { "*" } else { "" }
            )
        }
        Condition::Unknown(id) => unknown(ruleset, *id),
    }
}

fn action(ruleset: &Ruleset, action: &Action) -> String {
    match action {
        Action::Verdict(verdict) => self::verdict(ruleset, *verdict),
        Action::VerdictMap(entries) => entries
            .iter()
            .map(|(when, then)| {
                format!(
                    "{} -> {}",
                    condition(ruleset, when),
                    verdict(ruleset, *then)
                )
            })
            .collect::<Vec<_>>()
            .join(" | "),
        Action::Nat(nat) => self::nat(nat),
        Action::NatMap(entries) => entries
            .iter()
            .map(|(when, then)| format!("{} -> {}", condition(ruleset, when), self::nat(then)))
            .collect::<Vec<_>>()
            .join(" | "),
        Action::Set { field, keep, flip } => format!("{field:?} & {keep:#x} ^ {flip:#x}"),
        Action::Unknown(id) => unknown(ruleset, *id),
        other => format!("{other:?}"),
    }
}

fn verdict(ruleset: &Ruleset, verdict: Verdict) -> String {
    match verdict {
        Verdict::Jump(id) => format!("jump {}", ruleset.chains[id.0 as usize].name),
        Verdict::Goto(id) => format!("goto {}", ruleset.chains[id.0 as usize].name),
        other => format!("{other:?}"),
    }
}

fn nat(nat: &Nat) -> String {
    let address = |value: u128| match u32::try_from(value) {
        Ok(value) => Ipv4Addr::from(value).to_string(),
        Err(_) => Ipv6Addr::from(value).to_string(),
    };
    let mut text = format!("{:?}", nat.kind);
    if let Some((first, last)) = nat.addresses {
        let _ = write!(text, " {}-{}", address(first), address(last));
    }
    if let Some((first, last)) = nat.ports {
        let _ = write!(text, " ports {first}-{last}");
    }
    text + if nat.random { " random" } else { "" }
}

fn numbers(field: Field, within: &Ranges) -> String {
    let ranges: Vec<String> = within
        .iter()
        .map(|(first, last)| {
            if first == last {
                number(field, first)
            } else {
                format!("{}-{}", number(field, first), number(field, last))
            }
        })
        .collect();
    format!("{{{}}}", ranges.join(" "))
}

fn number(field: Field, value: u128) -> String {
    match field {
        Field::Src4 | Field::Dst4 => Ipv4Addr::from(value as u32).to_string(),
        Field::Src6 | Field::Dst6 => Ipv6Addr::from(value).to_string(),
        _ => value.to_string(),
    }
}

/// A problem with the number of its line.
pub(crate) fn problem(text: &[u8], problem: &Problem) -> String {
    let line = match problem.at {
        Locus::Text(at) => {
            let before = String::from_utf8_lossy(&text[..at.start as usize]);
            1 + before.matches('\n').count()
        }
        _ => 0,
    };
    format!(
        "problem in line {line}: {:?}: {}",
        problem.kind, problem.message
    )
}
