//! Flat rule lists as `iptables -L -n` prints them.

use super::abstraction::range;
use anyhow::{Context as _, Result, bail};
use ww_base::{Locus, SourceId, SourceSpan, Sourced};
use ww_model::Ranges;
use ww_model::filter::{
    Action, Base, Chain, ChainKind, Condition, Family, Field, Hook, Rule, Ruleset, Step, Verdict,
};

const SPAN: SourceSpan = SourceSpan {
    source: SourceId(0),
    start: 0,
    end: 0,
};

/// The rules of one chain of the listing.
pub(super) fn read(text: &str, chain: &str) -> Result<Ruleset> {
    let heading = format!("Chain {chain} ");
    let lines = text.lines().skip_while(|line| !line.starts_with(&heading));
    let lines = lines.skip(2).take_while(|line| !line.trim().is_empty());
    let rules = lines.map(rule).collect::<Result<Vec<Rule>>>()?;
    let policy = Sourced {
        value: Verdict::Drop,
        at: Locus::Text(SPAN),
    };
    Ok(Ruleset {
        chains: vec![Chain {
            table: "filter".into(),
            name: chain.into(),
            at: SPAN,
            base: Some(Base {
                family: Family::Ip4,
                hook: Hook::Forward,
                priority: 0,
                kind: ChainKind::Filter,
                policy,
            }),
            rules,
        }],
        unknowns: Vec::new(),
    })
}

/// Reads `ACCEPT tcp -- 10.0.0.0/8 0.0.0.0/0 tcp spts:1:9 dpt:22`.
fn rule(line: &str) -> Result<Rule> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [verdict, protocol, _, source, destination, rest @ ..] = words.as_slice() else {
        bail!("a rule that is too short: {line}");
    };
    let verdict = match *verdict {
        "ACCEPT" => Verdict::Accept,
        "DROP" => Verdict::Drop,
        other => bail!("verdict {other}"),
    };
    let mut conditions = vec![
        Condition::In(Field::Src4, range(source)?),
        Condition::In(Field::Dst4, range(destination)?),
    ];
    if *protocol != "all" {
        conditions.push(Condition::In(
            Field::Protocol,
            Ranges::one(number(protocol)?),
        ));
    }
    for word in rest {
        let (field, ports) = match word.split_once(':') {
            Some(("spt" | "spts", ports)) => (Field::SrcPort, ports),
            Some(("dpt" | "dpts", ports)) => (Field::DstPort, ports),
            None if word == protocol => continue,
            _ => bail!("{word} in {line}"),
        };
        let (first, last) = ports.split_once(':').unwrap_or((ports, ports));
        let port = |text: &str| text.parse::<u128>().context("a port");
        conditions.push(Condition::In(
            field,
            Ranges::span(port(first)?, port(last)?),
        ));
    }
    let steps = conditions.into_iter().map(Step::If);
    Ok(Rule {
        at: SPAN,
        steps: steps.chain([Step::Do(Action::Verdict(verdict))]).collect(),
        asides: Vec::new(),
    })
}

fn number(protocol: &str) -> Result<u128> {
    Ok(match protocol {
        "icmp" => 1,
        "tcp" => 6,
        "udp" => 17,
        "esp" => 50,
        other => other.parse().with_context(|| format!("protocol {other}"))?,
    })
}
