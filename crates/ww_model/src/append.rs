//! Several texts of one device as one rule set.

use crate::filter::{Action, Condition, Ruleset, Step, Verdict};

impl Ruleset {
    /// Adds the chains of another rule set of the same device, as if both had been one text.
    pub fn append(&mut self, other: Ruleset) {
        let shift = Shift {
            chains: self.chains.len() as u32,
            unknowns: self.unknowns.len() as u32,
        };
        for mut chain in other.chains {
            for step in chain.rules.iter_mut().flat_map(|rule| &mut rule.steps) {
                shift.step(step);
            }
            if let Some(base) = &mut chain.base {
                shift.verdict(&mut base.policy.value);
            }
            self.chains.push(chain);
        }
        self.unknowns.extend(other.unknowns);
    }
}

/// By how much the ids of a rule set move when it is appended to another.
struct Shift {
    chains: u32,
    unknowns: u32,
}

impl Shift {
    fn step(&self, step: &mut Step) {
        match step {
            Step::If(condition) => self.condition(condition),
            Step::Do(action) => self.action(action),
        }
    }

    fn condition(&self, condition: &mut Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                for part in parts {
                    self.condition(part);
                }
            }
            Condition::Not(part) => self.condition(part),
            Condition::Unknown(id) => id.0 += self.unknowns,
            _ => {}
        }
    }

    fn action(&self, action: &mut Action) {
        match action {
            Action::Verdict(verdict) => self.verdict(verdict),
            Action::VerdictMap(entries) => {
                for (condition, verdict) in entries {
                    self.condition(condition);
                    self.verdict(verdict);
                }
            }
            Action::NatMap(entries) => {
                for (condition, _) in entries {
                    self.condition(condition);
                }
            }
            Action::Unknown(id) => id.0 += self.unknowns,
            _ => {}
        }
    }

    fn verdict(&self, verdict: &mut Verdict) {
        if let Verdict::Jump(chain) | Verdict::Goto(chain) = verdict {
            chain.0 += self.chains;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::filter::{
        Action, Chain, ChainId, Condition, Rule, Ruleset, Step, Unknown, UnknownId, UnknownReason,
        Verdict,
    };
    use ww_base::SourceSpan;

    const AT: SourceSpan = SourceSpan {
        source: ww_base::SourceId(0),
        start: 0,
        end: 0,
    };

    /// A rule set whose only rule jumps to its only chain if its only unknown holds.
    fn circular() -> Ruleset {
        let steps = vec![
            Step::If(Condition::Not(Box::new(Condition::Unknown(UnknownId(0))))),
            Step::Do(Action::Verdict(Verdict::Jump(ChainId(0)))),
        ];
        Ruleset {
            chains: vec![Chain {
                table: "filter".into(),
                name: "x".into(),
                at: AT,
                base: None,
                rules: vec![Rule {
                    at: AT,
                    steps,
                    asides: Vec::new(),
                }],
            }],
            unknowns: vec![Unknown {
                at: AT,
                text: "?".into(),
                reason: UnknownReason::Dynamic,
            }],
        }
    }

    #[test]
    fn ids_of_the_appended_text_move() {
        let mut both = circular();
        both.append(circular());
        let second = &both.chains[1].rules[0].steps;
        let unknown = Condition::Not(Box::new(Condition::Unknown(UnknownId(1))));
        assert_eq!(second[0], Step::If(unknown));
        assert_eq!(
            second[1],
            Step::Do(Action::Verdict(Verdict::Jump(ChainId(1))))
        );
        assert_eq!(both.chains[0], circular().chains[0]);
        assert_eq!(both.unknowns.len(), 2);
    }
}
