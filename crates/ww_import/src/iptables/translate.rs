//! From the words of a rule to its steps.

use super::command::{Command, Use};
use super::extension::Meaning;
use super::general;
use super::scope::{Scope, inverted_if};
use ww_base::{Order, ProblemKind};
use ww_model::filter::{Action, Aside, ChainId, Condition, Step, UnknownReason, Verdict};

/// Names of chains, by number: what jumps of a table that is not complete yet point at.
pub(super) trait ChainNames {
    /// The number of the name.
    fn number(&mut self, name: &str) -> ChainId;
}

/// The steps of a rule. What could not be read becomes an unknown condition, and a problem.
pub(super) fn steps(
    command: &Command<'_>,
    scope: &mut Scope<'_>,
    chains: &mut dyn ChainNames,
) -> Vec<Step> {
    scope.protocol = general::protocol_of(&command.general);
    let mut troubles: Vec<String> = command.trouble.iter().cloned().collect();
    let mut conditions = if troubles.is_empty() {
        conditions(command, scope, &mut troubles)
    } else {
        Vec::new()
    };
    let target = match &command.target {
        None if troubles.is_empty() => Ok(Vec::new()),
        None => Err(None),
        Some(target) => target_steps(target, command.goto, scope, chains).map_err(Some),
    };
    let target = target.map_err(|trouble| troubles.extend(trouble));
    if troubles.is_empty() {
        conditions.extend(target.unwrap_or_default());
        return conditions;
    }
    let words = troubles.join("; ");
    scope.problem(ProblemKind::Malformed, words.clone());
    let unknown = scope.unknown_id(words, UnknownReason::NotUnderstood);
    conditions.push(Step::If(Condition::Unknown(unknown)));
    conditions.extend(target.unwrap_or_else(|()| vec![Step::Do(Action::Unknown(unknown))]));
    conditions
}

/// What a rule may be there for besides its steps.
pub(super) fn asides(command: &Command<'_>) -> Vec<Aside> {
    let target = command.target.as_ref();
    let uses = command.matches.iter().chain(target);
    let mut asides: Vec<Aside> = uses.filter_map(aside).collect();
    if target.is_none_or(|target| target.name.is_empty()) {
        asides.push(Aside::Count);
    }
    asides.put_in_order();
    asides.dedup();
    asides
}

fn aside(one: &Use<'_>) -> Option<Aside> {
    let extension = one.extension?;
    match &extension.meaning {
        Meaning::Aside(aside) => Some(*aside),
        // They fill sets, and give connections helpers and timeouts.
        Meaning::Target(_) if ["SET", "CT"].contains(&extension.name) => Some(Aside::Effect),
        _ => None,
    }
}

/// What the options and matches ask for; of those that cannot be read, the trouble.
fn conditions(
    command: &Command<'_>,
    scope: &mut Scope<'_>,
    troubles: &mut Vec<String>,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for given in &command.general {
        match general::condition(given, scope) {
            Ok(condition) => steps.extend(condition.map(Step::If)),
            Err(trouble) => troubles.push(trouble),
        }
    }
    for one in &command.matches {
        match match_conditions(one, scope) {
            Ok(conditions) => steps.extend(conditions.into_iter().map(Step::If)),
            Err(trouble) => troubles.push(trouble),
        }
    }
    steps
}

fn match_conditions(one: &Use<'_>, scope: &mut Scope<'_>) -> Result<Vec<Condition>, String> {
    let Some(extension) = one.extension else {
        let message = format!("`-m {}` is not a match that wirewise knows", one.name);
        scope.problem(ProblemKind::Unsupported, message);
        return Ok(vec![
            scope.unknown(one.words(), UnknownReason::NotUnderstood),
        ]);
    };
    if extension
        .family
        .is_some_and(|family| family != scope.family)
    {
        return Err(format!("`-m {}` does not exist for this family", one.name));
    }
    match &extension.meaning {
        Meaning::Aside(_) | Meaning::Target(_) | Meaning::Act(_) => Ok(Vec::new()),
        Meaning::Match(conditions) => conditions(one, scope),
        Meaning::Whole(reason) => Ok(vec![scope.unknown(one.words(), *reason)]),
        Meaning::Each(reason) => {
            let tests = one.given.iter().map(|given| {
                let words = format!("-m {} {}", one.name, given.words());
                inverted_if(given.inverted, scope.unknown(words, *reason))
            });
            Ok(tests.collect())
        }
    }
}

fn target_steps(
    target: &Use<'_>,
    goto: bool,
    scope: &mut Scope<'_>,
    chains: &mut dyn ChainNames,
) -> Result<Vec<Step>, String> {
    let decide = |verdict| Ok(vec![Step::Do(Action::Verdict(verdict))]);
    if goto {
        return decide(Verdict::Goto(chains.number(&target.name)));
    }
    let Some(extension) = target.extension else {
        return match target.name.as_ref() {
            "" => Ok(Vec::new()),
            name if !target.given.is_empty() => {
                let message = format!("`-j {name}` is not a target that wirewise knows");
                scope.problem(ProblemKind::Unsupported, message);
                Ok(vec![unknown(target, UnknownReason::NotUnderstood, scope)])
            }
            name => decide(Verdict::Jump(chains.number(name))),
        };
    };
    if extension
        .family
        .is_some_and(|family| family != scope.family)
    {
        return Err(format!(
            "`-j {}` does not exist for this family",
            target.name
        ));
    }
    if let Some(trouble) = extension.refuses(target) {
        return Err(trouble);
    }
    match &extension.meaning {
        Meaning::Act(action) => Ok(vec![Step::Do(action.clone())]),
        Meaning::Target(steps) => steps(target, scope),
        Meaning::Whole(reason) | Meaning::Each(reason) => Ok(vec![unknown(target, *reason, scope)]),
        Meaning::Aside(_) | Meaning::Match(_) => Ok(Vec::new()),
    }
}

/// An action whose effect is not known.
pub(super) fn unknown(target: &Use<'_>, reason: UnknownReason, scope: &mut Scope<'_>) -> Step {
    Step::Do(Action::Unknown(scope.unknown_id(target.words(), reason)))
}
