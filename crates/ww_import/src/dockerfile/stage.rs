//! Stages of a Dockerfile to units.

use super::{IRRELEVANT, Instruction};
use crate::service::{Intake, Notation, Stage, file_name, folder, image, resolve, variables};
use std::collections::BTreeMap;
use ww_base::{Locus, Setting, SourceSpan, Sourced, Span};
use ww_model::service::{Mount, Probe, ProbeKind, Product, Unit, UnitKind};

/// A word with its place.
type Word = Sourced<String>;

/// The stages that were read so far.
pub(super) struct Stages {
    path: String,
    /// Values of `ARG` before the first stage and in the stage at hand.
    arguments: BTreeMap<String, String>,
    known: Vec<Stage>,
}

impl Stages {
    pub(super) fn new(path: &str) -> Stages {
        Stages {
            path: path.to_owned(),
            arguments: BTreeMap::new(),
            known: Vec::new(),
        }
    }

    /// Keeps the stages; the last one is a unit.
    pub(super) fn finish(self, intake: &mut Intake<'_>) {
        if let Some(last) = self.known.last() {
            intake.services.units.push(last.whole());
        }
        intake.stages.insert(self.path, self.known);
    }

    pub(super) fn take(&mut self, instruction: &Instruction<'_>, intake: &mut Intake<'_>) {
        match instruction.word.as_str() {
            "FROM" => return self.from(instruction),
            "ARG" => {
                let (name, value) = instruction.rest.trim().split_once('=').unwrap_or_default();
                let value = value.trim_matches(['"', '\'']);
                self.arguments.insert(name.to_owned(), value.to_owned());
                return;
            }
            word if IRRELEVANT.contains(&word) => return,
            "ENV" | "EXPOSE" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" | "COPY" => {}
            word => {
                let message = format!("`{word}` is no instruction of a Dockerfile that is known");
                return intake.unsupported(instruction.at, message);
            }
        }
        let arguments = &self.arguments;
        let Some(stage) = self.known.last_mut() else {
            let message = format!("{} before the first FROM", instruction.word);
            return intake.malformed(instruction.at, message);
        };
        match instruction.word.as_str() {
            "ENV" => environment(instruction, &mut stage.unit, arguments),
            "EXPOSE" => expose(instruction, &mut stage.unit, arguments),
            "CMD" => stage.command = command(instruction),
            "ENTRYPOINT" => {
                stage.entrypoint = command(instruction);
                stage.command.clear();
            }
            "HEALTHCHECK" => health(instruction, &mut stage.unit, intake),
            _ => copy(instruction, &self.path, &mut stage.unit),
        }
    }

    /// Begins a stage: from an image, or from another stage.
    fn from(&mut self, instruction: &Instruction<'_>) {
        let words = words(instruction);
        let mut plain = words.iter().filter(|word| !word.value.starts_with("--"));
        let Some(base) = plain.next() else {
            return;
        };
        let name = plain.nth(1).map(|name| name.value.clone());
        let base_name = put_in(&base.value, &self.arguments);
        let known = self
            .known
            .iter()
            .find(|stage| stage.name.as_ref() == Some(&base_name));
        let mut stage = known
            .cloned()
            .unwrap_or_else(|| self.fresh(base, &base_name, instruction.at));
        stage.name = name;
        stage.unit.at = instruction.at;
        self.known.push(stage);
    }

    fn fresh(&self, base: &Word, base_name: &str, at: SourceSpan) -> Stage {
        let folder = folder(&self.path);
        let name = match file_name(folder) {
            "" => file_name(&self.path),
            name => name,
        };
        let mut unit = Unit::new(name, UnitKind::Dockerfile, at, &self.path);
        unit.image = Some(Sourced {
            value: base_name.to_owned(),
            at: base.at.clone(),
        });
        unit.product = image::product(base_name, at);
        unit.built_from = Some(Sourced {
            value: folder.to_owned(),
            at: base.at.clone(),
        });
        Stage::new(unit)
    }
}

/// The words behind an instruction, with their places.
fn words(instruction: &Instruction<'_>) -> Vec<Word> {
    let mut words = Vec::new();
    let mut open: Option<char> = None;
    let mut word: Option<(usize, String)> = None;
    let mut end = |word: &mut Option<(usize, String)>, at: usize| {
        if let Some((start, value)) = word.take() {
            words.push(placed(value, instruction, start, at));
        }
    };
    for (at, letter) in instruction.rest.char_indices() {
        match open {
            Some(quote) if letter == quote => open = None,
            None if matches!(letter, '"' | '\'') => {
                open = Some(letter);
                word.get_or_insert_with(|| (at, String::new()));
            }
            None if letter.is_whitespace() => end(&mut word, at),
            _ => word
                .get_or_insert_with(|| (at, String::new()))
                .1
                .push(letter),
        }
    }
    end(&mut word, instruction.rest.len());
    words
}

fn placed(value: String, instruction: &Instruction<'_>, start: usize, end: usize) -> Word {
    Sourced {
        value,
        at: Locus::Text(SourceSpan {
            source: instruction.at.source,
            start: (instruction.from + start) as u32,
            end: (instruction.from + end) as u32,
        }),
    }
}

/// Puts arguments that have a default into a text.
fn put_in(text: &str, arguments: &BTreeMap<String, String>) -> String {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        whole.push_str(before);
        let braced = behind.strip_prefix('{').and_then(|it| it.split_once('}'));
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let end = behind
            .find(|letter| !is_name(letter))
            .unwrap_or(behind.len());
        let bare = behind.split_at_checked(end).unwrap_or((behind, ""));
        let (inside, after) = braced.unwrap_or(bare);
        let (name, default) = inside
            .split_once(":-")
            .map_or((inside, None), |(it, or)| (it, Some(or)));
        if let Some(value) = arguments.get(name).map(String::as_str).or(default) {
            whole.push_str(value);
        } else {
            whole.push_str("${");
            whole.push_str(inside);
            whole.push('}');
        }
        rest = after;
    }
    whole.push_str(rest);
    whole
}

/// A list in brackets, or the words of a shell.
fn command(instruction: &Instruction<'_>) -> Vec<Word> {
    if !instruction.rest.trim_start().starts_with('[') {
        return words(instruction);
    }
    let mut found = Vec::new();
    let mut letters = instruction.rest.char_indices();
    let mut open: Option<(usize, String)> = None;
    while let Some((at, letter)) = letters.next() {
        match (&mut open, letter) {
            (None, '"') => open = Some((at, String::new())),
            (Some((_, value)), '\\') => value.extend(letters.next().map(|(_, letter)| letter)),
            (Some(_), '"') => {
                if let Some((start, value)) = open.take() {
                    found.push(placed(value, instruction, start, at + 1));
                }
            }
            (Some((_, value)), _) => value.push(letter),
            (None, _) => {}
        }
    }
    found
}

/// `ENV A=b C=d`, or `ENV A b c`.
fn environment(
    instruction: &Instruction<'_>,
    unit: &mut Unit,
    arguments: &BTreeMap<String, String>,
) {
    let words = words(instruction);
    let mut set = |name: &str, value: &str, at: &Locus| {
        unit.environment.retain(|(known, _)| known != name);
        if let Some(value) = variables::harmless(name, &put_in(value, arguments)) {
            let at = at.clone();
            unit.environment
                .push((name.to_owned(), Sourced { value, at }));
        }
    };
    let old = words
        .first()
        .is_some_and(|first| !first.value.contains('='));
    if let (true, [name, rest @ ..]) = (old, words.as_slice()) {
        let values: Vec<&str> = rest.iter().map(|word| word.value.as_str()).collect();
        set(&name.value, &values.join(" "), &Locus::Text(instruction.at));
        return;
    }
    for word in &words {
        if let Some((name, value)) = word.value.split_once('=') {
            set(name, value, &word.at);
        }
    }
}

fn expose(instruction: &Instruction<'_>, unit: &mut Unit, arguments: &BTreeMap<String, String>) {
    for word in words(instruction) {
        let text = put_in(&word.value, arguments);
        let mut variables = unit.environment.iter();
        let name = text.trim_matches(['$', '{', '}']);
        let value = variables.find(|(known, _)| known == name);
        let text = value.map_or(text.as_str(), |(_, value)| value.value.as_str());
        let port = text.split('/').next().unwrap_or_default().parse();
        if let Ok(port) = port
            && !unit.ports.contains(&port)
        {
            unit.ports.push(port);
        }
    }
}

/// `COPY source… target`, from the folder, not from another stage.
fn copy(instruction: &Instruction<'_>, path: &str, unit: &mut Unit) {
    let words = words(instruction);
    if words.iter().any(|word| word.value.starts_with("--from")) {
        return;
    }
    let mut plain = words.iter().filter(|word| !word.value.starts_with("--"));
    let Some(target) = plain.next_back() else {
        return;
    };
    for source in plain {
        unit.mounts.push(Mount {
            at: instruction.at,
            source: resolve(folder(path), &source.value),
            target: target.value.clone(),
        });
    }
}

fn health(instruction: &Instruction<'_>, unit: &mut Unit, intake: &mut Intake<'_>) {
    unit.probes.clear();
    let words = words(instruction);
    let mut options: BTreeMap<&str, &Word> = BTreeMap::new();
    for word in words.iter().take_while(|word| word.value.starts_with("--")) {
        if let Some((name, _)) = word.value.split_once('=') {
            options.insert(name, word);
        }
    }
    let mut rest = words.iter().skip(options.len());
    if rest.next().is_none_or(|word| word.value != "CMD") {
        return;
    }
    let listed = instruction
        .rest
        .split_once("CMD")
        .map_or("", |(_, behind)| behind);
    let command = if listed.trim_start().starts_with('[') {
        let quoted = listed.split('"').skip(1).step_by(2);
        quoted.map(str::to_owned).collect()
    } else {
        rest.map(|word| word.value.clone()).collect()
    };
    let compose = Product::named("compose");
    let mut time = |option: &str, setting: &str| -> Setting<Span> {
        let default = intake.defaults.time(&compose, setting);
        value(options.get(option), intake, |text| Notation::Go.parse(text)).or(default)
    };
    let period = time("--interval", "healthcheck.interval");
    let timeout = time("--timeout", "healthcheck.timeout");
    let initial_delay = time("--start-period", "healthcheck.start_period");
    let retries = value(options.get("--retries"), intake, |text| text.parse().ok());
    let default = intake.defaults.number(&compose, "healthcheck.retries");
    unit.probes.push(Probe {
        at: instruction.at,
        kind: ProbeKind::Health,
        check: None,
        command,
        port: None,
        port_number: None,
        initial_delay,
        period,
        timeout,
        failures: retries.or(default),
        successes: Setting::default(),
    });
}

/// The value of an option `--name=value`.
fn value<T>(
    word: Option<&&Word>,
    intake: &mut Intake<'_>,
    read: impl Fn(&str) -> Option<T>,
) -> Setting<T> {
    let Some((word, Locus::Text(at))) = word.map(|word| (word, &word.at)) else {
        return Setting::default();
    };
    let text = word.value.split_once('=').map_or("", |(_, value)| value);
    if let Some(value) = read(text) {
        return Setting::set(value, *at);
    }
    intake.malformed(*at, format!("`{text}` is no value for this option"));
    Setting::default()
}
