//! A rule set as short text, one line for each rule.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use ww_base::{Locus, Partial, SourceSpan};
use ww_model::Ranges;
use ww_model::filter::{Action, Condition, Field, Nat, Ruleset, Step};

/// What was read from a text, and the problems with their lines.
pub(crate) fn render(text: &str, read: &Partial<Ruleset>) -> String {
    let mut out = String::new();
    let rules = &read.value;
    for chain in &rules.chains {
        let _ = write!(out, "{} {}", chain.table, chain.name);
        if let Some(base) = &chain.base {
            let _ = write!(
                out,
                " {:?} {:?} {} {:?} {:?}",
                base.family, base.hook, base.priority, base.kind, base.policy.value
            );
        }
        out.push('\n');
        for rule in &chain.rules {
            let steps: Vec<String> = rule.steps.iter().map(|one| step(rules, one)).collect();
            let _ = writeln!(out, "  {}: {}", line(text, rule.at), steps.join("; "));
        }
    }
    for problem in &read.problems {
        let at = match &problem.at {
            Locus::Text(at) => line(text, *at),
            _ => 0,
        };
        let _ = writeln!(out, "line {at}: {:?}: {}", problem.kind, problem.message);
    }
    out
}

fn line(text: &str, at: SourceSpan) -> usize {
    text[..at.start as usize].matches('\n').count() + 1
}

fn step(rules: &Ruleset, step: &Step) -> String {
    match step {
        Step::If(one) => condition(rules, one),
        Step::Do(Action::Nat(nat)) => format!("-> {}", translation(nat)),
        Step::Do(Action::Unknown(id)) => {
            let unknown = &rules.unknowns[id.0 as usize];
            format!("-> {:?}({})", unknown.reason, unknown.text)
        }
        Step::Do(Action::Verdict(verdict)) => format!("-> {verdict:?}"),
        Step::Do(action) => format!("-> {action:?}"),
    }
}

fn translation(nat: &Nat) -> String {
    let mut out = format!("{:?}", nat.kind);
    if let Some((first, last)) = nat.addresses {
        let _ = write!(out, " {}-{}", address(first), address(last));
    }
    if let Some((first, last)) = nat.ports {
        let _ = write!(out, " ports {first}-{last}");
    }
    if nat.random {
        out.push_str(" random");
    }
    out
}

fn condition(rules: &Ruleset, one: &Condition) -> String {
    let list = |parts: &[Condition], word: &str| {
        let parts: Vec<String> = parts.iter().map(|part| condition(rules, part)).collect();
        format!("({})", parts.join(word))
    };
    match one {
        Condition::All(parts) => list(parts, " and "),
        Condition::Any(parts) if parts.is_empty() => "never".to_owned(),
        Condition::Any(parts) => list(parts, " or "),
        Condition::Not(part) => format!("not {}", condition(rules, part)),
        Condition::Has(field) => format!("has {field:?}"),
        Condition::In(field, set) => format!("{field:?} {}", numbers(*field, set)),
        Condition::Masked {
            field,
            mask,
            within,
        } => format!("{field:?}&{mask:#x} {}", numbers(Field::Mark, within)),
        Condition::Tuple { fields, boxes } => {
            let boxes = boxes.iter().map(|sides| {
                let sides = fields.iter().zip(sides);
                let sides: Vec<String> = sides.map(|(field, set)| numbers(*field, set)).collect();
                sides.join(" . ")
            });
            let boxes: Vec<String> = boxes.collect();
            format!("{fields:?} [{}]", boxes.join("; "))
        }
        Condition::Interface(way, pattern) => {
            let more = if pattern.prefix { "*" } else { "" };
            format!("{way:?} {}{more}", pattern.text)
        }
        Condition::Unknown(id) => {
            let unknown = &rules.unknowns[id.0 as usize];
            format!("{:?}({})", unknown.reason, unknown.text)
        }
    }
}

fn numbers(field: Field, set: &Ranges) -> String {
    let number = |value: u128| match field {
        Field::Src4 | Field::Dst4 => Ipv4Addr::from_bits(value as u32).to_string(),
        Field::Src6 | Field::Dst6 => Ipv6Addr::from_bits(value).to_string(),
        _ => value.to_string(),
    };
    let ranges = set.iter().map(|(first, last)| {
        if first == last {
            number(first)
        } else {
            format!("{}-{}", number(first), number(last))
        }
    });
    let ranges: Vec<String> = ranges.collect();
    format!("{{{}}}", ranges.join(","))
}

fn address(value: u128) -> String {
    match u32::try_from(value) {
        Ok(value) => Ipv4Addr::from_bits(value).to_string(),
        Err(_) => Ipv6Addr::from_bits(value).to_string(),
    }
}
