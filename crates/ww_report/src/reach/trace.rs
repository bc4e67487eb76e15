//! What happened to packets on their walk through a device's rules.

use super::text::place_of_span as place;
use crate::sheet::{Sheet, Tone};
use crate::{Sources, Style, printable};
use serde::Serialize;
use std::fmt::{Display, Write as _};
use ww_base::SourceSpan;
use ww_model::Packet;
use ww_model::filter::{Chain, ChainId, Field, Refusal, Ruleset, UnknownReason, Verdict};
use ww_model::packet::{CtState, protocol};
use ww_reach::walk::{After, By, Event, Missing, Outcome, Step, Walk};

/// Walks through one rule set, as lines of JSON or as text.
#[derive(Debug)]
pub struct Traces<'a> {
    ruleset: &'a Ruleset,
    sources: &'a Sources<'a>,
    /// The place of every rule, by chain: worked out once, as the same rules decide again and again.
    rules: Vec<Vec<RulePlace<'a>>>,
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug, Serialize)]
struct RulePlace<'a> {
    path: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct Line<'a> {
    id: &'a serde_json::Value,
    verdict: &'static str,
    by: Option<RulePlace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_policy: Option<&'a str>,
    rewritten: Rewritten,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknowns: Vec<UnknownEntry<'a>>,
}

#[derive(Serialize)]
struct Rewritten {
    src: Value,
    dst: Value,
    sport: Value,
    dport: Value,
}

/// A value, or the first and last of a range of which it is one.
#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    None,
    Number(u16),
    Text(String),
}

#[derive(Serialize)]
struct UnknownEntry<'a> {
    missing: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<RulePlace<'a>>,
}

impl<'a> Traces<'a> {
    /// Traces through this rule set, whose spans point into these sources.
    pub fn new(ruleset: &'a Ruleset, sources: &'a Sources<'a>) -> Traces<'a> {
        let place = |span| rule_place(span, sources);
        let rules = ruleset
            .chains
            .iter()
            .map(|chain| chain.rules.iter().map(|rule| place(rule.at)).collect())
            .collect();
        Traces {
            ruleset,
            sources,
            rules,
        }
    }

    /// A walk as one line of JSON, without its end of line. `id` is the packet's, as its sender named it.
    ///
    /// # Errors
    /// What the serializer reports; writing to memory gives it no reason to.
    pub fn json(
        &self,
        id: &serde_json::Value,
        packet: &Packet,
        walk: &Walk,
    ) -> serde_json::Result<String> {
        let by_policy = match walk.by {
            By::Policy(id) => self.chain(id).map(|chain| chain.name.as_str()),
            By::Rule { .. } | By::Nothing => None,
        };
        let entry = |missing: &Missing| UnknownEntry {
            missing: self.missing(*missing),
            at: match missing {
                Missing::Unknown(id) => {
                    let unknown = self.ruleset.unknowns.get(id.0 as usize);
                    unknown.map(|unknown| rule_place(unknown.at, self.sources))
                }
                _ => None,
            },
        };
        serde_json::to_string(&Line {
            id,
            verdict: word(walk.outcome),
            by: self.rule_place(walk.by),
            by_policy,
            rewritten: Rewritten::of(packet, &walk.after),
            unknowns: walk.missing.iter().map(entry).collect(),
        })
    }

    fn chain(&self, id: ChainId) -> Option<&'a Chain> {
        self.ruleset.chains.get(id.0 as usize)
    }

    fn rule_place(&self, by: By) -> Option<RulePlace<'a>> {
        match by {
            By::Rule { chain, index, .. } => self.rules.get(chain.0 as usize)?.get(index).copied(),
            By::Policy(_) | By::Nothing => None,
        }
    }

    /// A walk as text: the packet, every step of its way with the line that took it, and how it ended.
    pub fn text(&self, packet: &Packet, walk: &Walk, style: Style) -> String {
        let mut sheet = Sheet::new(style);
        let word = word(walk.outcome);
        let tone = match walk.outcome {
            Outcome::Accept => Tone::Cyan,
            Outcome::Drop | Outcome::Reject(_) => Tone::Red,
            Outcome::Unknown => Tone::Yellow,
        };
        let verdict = format!("{}: {}", in_words(packet), self.verdict(walk));
        sheet.hanging(&[(0, tone, word)], word.len() + 2, Tone::Bold, &verdict);
        let mut depth = 0;
        for step in &walk.steps {
            self.step(&mut sheet, step, &mut depth);
        }
        if walk.outcome == Outcome::Unknown {
            self.endings(&mut sheet, walk);
        }
        sheet.finish()
    }

    fn verdict(&self, walk: &Walk) -> String {
        let how = match walk.outcome {
            Outcome::Accept => "passes".to_owned(),
            Outcome::Drop => "thrown away in silence".to_owned(),
            Outcome::Reject(refusal) => format!("refused with {}", refusal_in_words(refusal)),
            Outcome::Unknown => "depends on what these files do not say".to_owned(),
        };
        match self.decider(walk.by) {
            Some(by) => format!("{how}, by {by}"),
            None if walk.outcome == Outcome::Accept => format!("{how}; no chain sees it"),
            None => how,
        }
    }

    /// Who decided, for a sentence.
    fn decider(&self, by: By) -> Option<String> {
        match by {
            By::Rule { chain, at, .. } => {
                let chain = self.chain(chain).map(name).unwrap_or_default();
                Some(format!("{} in {chain}", place(at, self.sources)))
            }
            By::Policy(id) => {
                let chain = self.chain(id)?;
                Some(format!("the policy of {}", name(chain)))
            }
            By::Nothing => None,
        }
    }

    fn step(&self, sheet: &mut Sheet, step: &Step, depth: &mut usize) {
        let Some(chain) = self.chain(step.chain) else {
            return;
        };
        let at = place(step.at, self.sources);
        let indent = 2 + 2 * *depth;
        match step.event {
            Event::Entered(_) => {
                *depth = 1;
                sheet.gap();
                sheet.paragraph(2, Tone::Bold, &name(chain));
            }
            Event::Matched => {
                let words = self.sources.excerpt(step.at).unwrap_or_default();
                let words = printable(words.lines().next().unwrap_or_default().trim());
                let column = indent + at.chars().count() + 2;
                sheet.hanging(&[(indent, Tone::Dim, &at)], column, Tone::Plain, &words);
            }
            Event::Judged(Verdict::Jump(to) | Verdict::Goto(to)) => {
                *depth += 1;
                let to = self.chain(to).map_or("?", |chain| chain.name.as_str());
                say(sheet, indent, &format!("goes to chain {to}"));
            }
            Event::Judged(verdict) => {
                if verdict == Verdict::Return {
                    *depth = depth.saturating_sub(1).max(1);
                }
                say(sheet, indent, verdict_in_words(verdict));
            }
            Event::Left => {
                say(
                    sheet,
                    indent,
                    &format!("no more rules in {}: back", chain.name),
                );
                *depth = depth.saturating_sub(1).max(1);
            }
            Event::Policy(policy) => {
                let words = format!("no rule decides: policy {}", verdict_in_words(policy));
                say(sheet, indent, &words);
            }
            Event::Assumed { missing, holds } => {
                let holds = if holds { "holds" } else { "does not hold" };
                let words = format!("as if this {holds}: {}", self.missing(missing));
                let column = indent + at.chars().count() + 2;
                sheet.hanging(&[(indent, Tone::Yellow, &at)], column, Tone::Plain, &words);
            }
            Event::Set { field, to } => {
                let to = to.map_or("a value that is not known".into(), |to| format!("{to:#x}"));
                say(
                    sheet,
                    indent,
                    &format!("{} becomes {to}", field_in_words(field)),
                );
            }
            Event::Translated(after) => {
                say(
                    sheet,
                    indent,
                    &format!("becomes {}", after_in_words(&after)),
                );
            }
            Event::Untracked => say(sheet, indent, "exempt from connection tracking"),
        }
    }

    fn endings(&self, sheet: &mut Sheet, walk: &Walk) {
        sheet.gap();
        sheet.paragraph(0, Tone::Bold, "It can end in these ways");
        for (outcome, by) in &walk.endings {
            let by = self
                .decider(*by)
                .map_or(String::new(), |by| format!(", by {by}"));
            let words = format!("{}{by}", word(*outcome));
            sheet.hanging(&[(2, Tone::Dim, "-")], 4, Tone::Plain, &words);
        }
        sheet.gap();
        sheet.paragraph(0, Tone::Bold, "Not known");
        for missing in &walk.missing {
            sheet.hanging(
                &[(2, Tone::Dim, "-")],
                4,
                Tone::Plain,
                &self.missing(*missing),
            );
        }
    }

    fn missing(&self, missing: Missing) -> String {
        match missing {
            Missing::Unknown(id) => match self.ruleset.unknowns.get(id.0 as usize) {
                Some(unknown) => {
                    let why = match unknown.reason {
                        UnknownReason::Dynamic => "depends on what happens at run time",
                        UnknownReason::NotModelled => {
                            "looks at what the packet given does not have"
                        }
                        UnknownReason::NotUnderstood => "is not understood",
                    };
                    format!("{} ({why})", printable(&unknown.text))
                }
                None => "something that is not understood".to_owned(),
            },
            Missing::Field(field) => format!("the packet's {}", field_in_words(field)),
            Missing::Interface(way) => match way {
                ww_model::filter::Way::In => "the interface it came in on (iif)".to_owned(),
                ww_model::filter::Way::Out => "the interface it leaves by (oif)".to_owned(),
            },
            Missing::End => "where its walk ends: chains call one another for too long".to_owned(),
        }
    }
}

/// What a rule or chain did, below it.
fn say(sheet: &mut Sheet, indent: usize, words: &str) {
    let lead = [(indent + 2, Tone::Dim, "→")];
    sheet.hanging(&lead, indent + 4, Tone::Plain, words);
}

impl Rewritten {
    fn of(packet: &Packet, after: &After) -> Rewritten {
        let has_ports = protocol::WITH_PORTS.contains(&packet.proto);
        let port = |(first, last): (u16, u16)| match (has_ports, first == last) {
            (false, _) => Value::None,
            (true, true) => Value::Number(first),
            (true, false) => Value::Text(format!("{first}-{last}")),
        };
        Rewritten {
            src: Value::Text(span(after.src)),
            dst: Value::Text(span(after.dst)),
            sport: port(after.sport),
            dport: port(after.dport),
        }
    }
}

fn rule_place<'a>(span: SourceSpan, sources: &Sources<'a>) -> RulePlace<'a> {
    RulePlace {
        path: sources.path(span.source),
        line: sources.range(span).map_or(0, |range| range.line),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accept => "accept",
        Outcome::Drop => "drop",
        Outcome::Reject(_) => "reject",
        Outcome::Unknown => "unknown",
    }
}

fn name(chain: &Chain) -> String {
    format!("{} {}", printable(&chain.table), printable(&chain.name))
}

/// One value, or the first and the last.
fn span<T: Display + PartialEq>((first, last): (T, T)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

/// `tcp 10.0.0.1:40000 → 192.0.2.1:443 new, in eth0, out eth1`.
fn in_words(packet: &Packet) -> String {
    let mut words = format!("{} ", protocol_in_words(packet.proto));
    words.push_str(&ends_in_words(packet.proto, &After::of(packet)));
    if matches!(packet.proto, protocol::ICMP | protocol::ICMPV6) {
        let (kind, code) = (packet.icmp_type, packet.icmp_code);
        let _ = write!(words, " type {kind} code {code}");
    }
    let state = match packet.ct_state {
        CtState::New => "new",
        CtState::Established => "established",
        CtState::Related => "related",
        CtState::Invalid => "invalid",
        CtState::Untracked => "untracked",
    };
    let _ = write!(words, " {state}");
    for (way, interface) in [("in", &packet.iif), ("out", &packet.oif)] {
        if !interface.is_empty() {
            let _ = write!(words, ", {way} {}", printable(interface));
        }
    }
    words
}

fn ends_in_words(proto: u8, after: &After) -> String {
    if protocol::WITH_PORTS.contains(&proto) {
        after_in_words(after)
    } else {
        format!("{} → {}", span(after.src), span(after.dst))
    }
}

fn after_in_words(after: &After) -> String {
    let end = |address: String, port: (u16, u16)| match (port, address.contains(':')) {
        ((0, 0), _) => address,
        (port, true) => format!("[{address}]:{}", span(port)),
        (port, false) => format!("{address}:{}", span(port)),
    };
    let (src, dst) = (span(after.src), span(after.dst));
    format!("{} → {}", end(src, after.sport), end(dst, after.dport))
}

fn protocol_in_words(proto: u8) -> String {
    match proto {
        protocol::ICMP => "icmp".to_owned(),
        protocol::TCP => "tcp".to_owned(),
        protocol::UDP => "udp".to_owned(),
        protocol::DCCP => "dccp".to_owned(),
        protocol::ICMPV6 => "icmpv6".to_owned(),
        protocol::SCTP => "sctp".to_owned(),
        protocol::UDPLITE => "udplite".to_owned(),
        other => format!("protocol {other}"),
    }
}

fn refusal_in_words(refusal: Refusal) -> String {
    match refusal {
        Refusal::TcpReset => "a TCP reset".to_owned(),
        Refusal::Icmp(kind, code) => format!("an ICMP error of type {kind}, code {code}"),
    }
}

fn verdict_in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Drop => "drop",
        Verdict::Reject(_) => "reject",
        Verdict::Return => "return",
        Verdict::Continue => "continue",
        Verdict::Jump(_) => "jump",
        Verdict::Goto(_) => "goto",
    }
}

fn field_in_words(field: Field) -> &'static str {
    match field {
        Field::IpVersion => "IP version",
        Field::Src4 | Field::Src6 => "source address",
        Field::Dst4 | Field::Dst6 => "destination address",
        Field::Protocol => "protocol",
        Field::SrcPort => "source port",
        Field::DstPort => "destination port",
        Field::IcmpType | Field::Icmp6Type => "ICMP type",
        Field::IcmpCode | Field::Icmp6Code => "ICMP code",
        Field::TcpFlags => "TCP flags",
        Field::CtState => "state of the connection",
        Field::CtNat => "translation of the connection",
        Field::Mark => "mark",
        Field::CtMark => "mark of the connection",
        Field::SrcKind => "kind of source address: the device's own, or another's",
        Field::DstKind => "kind of destination address: the device's own, or another's",
        Field::LaterFragment => "place among fragments",
        Field::Dscp => "code point of differentiated services",
        Field::HopLimit => "time to live",
        Field::Length => "length",
    }
}
