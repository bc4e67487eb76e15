//! One command of iptables, as words: what is to be done, and the parts of the rule.

use super::extension::{Arity, Extension};
use super::{matches, targets};
use std::borrow::Cow;
use std::collections::VecDeque;

/// One option as it was given.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    /// Its full name without dashes.
    pub(super) name: Cow<'a, str>,
    /// Whether a `!` stands before it or before its value.
    pub(super) inverted: bool,
    /// Its values.
    pub(super) values: Vec<Cow<'a, str>>,
}

impl Given<'_> {
    /// The first value; empty where there is none.
    pub(super) fn value(&self) -> &str {
        self.values.first().map_or("", Cow::as_ref)
    }

    /// The second value; empty where there is none.
    pub(super) fn second(&self) -> &str {
        self.values.get(1).map_or("", Cow::as_ref)
    }

    /// As it is written, without its negation.
    pub(super) fn words(&self) -> String {
        let mut words = format!("--{}", self.name);
        for value in &self.values {
            words.push(' ');
            words.push_str(value);
        }
        words
    }
}

/// A match or target with its options.
#[derive(Clone, Debug)]
pub(super) struct Use<'a> {
    /// `-m` or `-j`.
    pub(super) flag: &'static str,
    /// The name as it is written.
    pub(super) name: Cow<'a, str>,
    /// What is known of it.
    pub(super) extension: Option<&'static Extension>,
    /// Its options.
    pub(super) given: Vec<Given<'a>>,
}

impl Use<'_> {
    /// As it is written.
    pub(super) fn words(&self) -> String {
        let mut words = format!("{} {}", self.flag, self.name);
        for given in &self.given {
            words.push_str(if given.inverted { " ! " } else { " " });
            words.push_str(&given.words());
        }
        words
    }
}

/// What a command does to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Append,
    Insert,
    Replace,
    Delete,
    New,
    DeleteChain,
    Flush,
    Policy,
    Rename,
    /// Leaves the rules as they are: lists, checks, zeroes counters.
    Nothing,
}

/// One command.
#[derive(Clone, Debug, Default)]
pub(super) struct Command<'a> {
    /// What it does; `None` when the line does not say.
    pub(super) verb: Option<Verb>,
    /// The words right after the verb: a chain, a rule's number or a policy.
    pub(super) operands: Vec<Cow<'a, str>>,
    /// `-t`.
    pub(super) table: Option<Cow<'a, str>>,
    /// The options that every rule may have: addresses, protocol, interfaces, fragment, family.
    pub(super) general: Vec<Given<'a>>,
    /// The matches, in order.
    pub(super) matches: Vec<Use<'a>>,
    /// The target.
    pub(super) target: Option<Use<'a>>,
    /// Whether the target is a chain to go on in (`-g`).
    pub(super) goto: bool,
    /// What could not be read, in words; the rest is then not to be relied upon.
    pub(super) trouble: Option<String>,
}

/// Reads the words of one command.
pub(super) fn parse<'a>(words: impl IntoIterator<Item = Cow<'a, str>>) -> Command<'a> {
    let mut parser = Parser {
        words: words.into_iter().collect(),
        command: Command::default(),
        inverted: false,
    };
    while let Some(word) = parser.words.pop_front() {
        if let Err(trouble) = parser.word(&word) {
            parser.command.trouble.get_or_insert(trouble);
        }
    }
    parser.command
}

struct Parser<'a> {
    words: VecDeque<Cow<'a, str>>,
    command: Command<'a>,
    inverted: bool,
}

/// Options with a meaning of their own, before those of extensions: short and long name, number of
/// values.
const GENERAL: &[(char, &[&str], u8)] = &[
    ('p', &["protocol", "proto"], 1),
    ('s', &["source", "src"], 1),
    ('d', &["destination", "dst"], 1),
    ('i', &["in-interface"], 1),
    ('o', &["out-interface"], 1),
    ('f', &["fragment"], 0),
    ('m', &["match"], 1),
    ('j', &["jump"], 1),
    ('g', &["goto"], 1),
    ('t', &["table"], 1),
    ('c', &["set-counters"], 2),
    ('4', &["ipv4"], 0),
    ('6', &["ipv6"], 0),
    ('n', &["numeric"], 0),
    ('v', &["verbose"], 0),
    ('x', &["exact"], 0),
    ('w', &["wait"], 0),
    ('W', &["wait-interval"], 1),
    ('\0', &["modprobe"], 1),
    ('\0', &["line-numbers"], 0),
];

const VERBS: &[(char, &str, Verb)] = &[
    ('A', "append", Verb::Append),
    ('I', "insert", Verb::Insert),
    ('R', "replace", Verb::Replace),
    ('D', "delete", Verb::Delete),
    ('N', "new-chain", Verb::New),
    ('X', "delete-chain", Verb::DeleteChain),
    ('F', "flush", Verb::Flush),
    ('P', "policy", Verb::Policy),
    ('E', "rename-chain", Verb::Rename),
    ('Z', "zero", Verb::Nothing),
    ('L', "list", Verb::Nothing),
    ('S', "list-rules", Verb::Nothing),
    ('C', "check", Verb::Nothing),
];

impl<'a> Parser<'a> {
    fn word(&mut self, word: &str) -> Result<(), String> {
        if word == "!" {
            self.inverted = !self.inverted;
            return Ok(());
        }
        let (long, rest) = match word.strip_prefix("--") {
            Some(rest) => (true, rest),
            None => match word.strip_prefix('-') {
                Some(rest) if !rest.is_empty() => (false, rest),
                _ => return Err(format!("`{word}` belongs to no option")),
            },
        };
        if long {
            let (name, value) = match rest.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(Cow::Owned(value.to_owned()))),
                None => (rest.to_owned(), None),
            };
            self.words.extend_front_one(value);
            self.long(&name)
        } else {
            self.short(rest)
        }
    }

    fn short(&mut self, rest: &str) -> Result<(), String> {
        let mut letters = rest.chars();
        let letter = letters.next().unwrap_or_default();
        let attached = letters.as_str();
        if let Some((.., verb)) = VERBS.iter().find(|(short, ..)| *short == letter) {
            self.attach(attached);
            self.verb(*verb);
            return Ok(());
        }
        let known = GENERAL.iter().find(|(short, ..)| *short == letter);
        let Some((_, names, values)) = known else {
            return Err(format!("the option `-{letter}` is not known"));
        };
        if *values == 0 && !attached.is_empty() {
            self.words.push_front(Cow::Owned(format!("-{attached}")));
        } else {
            self.attach(attached);
        }
        let name = names.first().copied().unwrap_or_default();
        self.general(letter, name, *values)
    }

    fn attach(&mut self, text: &str) {
        let value = (!text.is_empty()).then(|| Cow::Owned(text.to_owned()));
        self.words.extend_front_one(value);
    }

    fn long(&mut self, name: &str) -> Result<(), String> {
        if let Some((.., verb)) = VERBS.iter().find(|(_, long, _)| *long == name) {
            self.verb(*verb);
            return Ok(());
        }
        if self.extension_option(name, false) {
            return Ok(());
        }
        let known = GENERAL.iter().find(|(_, names, _)| names.contains(&name));
        if let Some((letter, names, values)) = known {
            return self.general(*letter, names.first().copied().unwrap_or_default(), *values);
        }
        self.load_protocol_match(name);
        if self.extension_option(name, false) || self.extension_option(name, true) {
            return Ok(());
        }
        let values = self.until_option();
        let inverted = std::mem::take(&mut self.inverted);
        let unknown = self
            .command
            .matches
            .iter_mut()
            .chain(&mut self.command.target)
            .rev()
            .find(|one| one.extension.is_none());
        if let Some(one) = unknown {
            one.given.push(Given {
                name: Cow::Owned(name.to_owned()),
                inverted,
                values,
            });
            return Ok(());
        }
        Err(format!(
            "the option `--{name}` belongs to no match or target of this rule"
        ))
    }

    fn verb(&mut self, verb: Verb) {
        self.command.verb = Some(verb);
        let values = match verb {
            Verb::Insert | Verb::Delete | Verb::Policy | Verb::Rename | Verb::Replace => 2,
            Verb::Append | Verb::New | Verb::DeleteChain | Verb::Flush | Verb::Nothing => 1,
        };
        while self.command.operands.len() < values {
            match self.words.pop_front() {
                Some(word) if !is_option(&word) && word != "!" => self.command.operands.push(word),
                other => {
                    self.words.extend_front_one(other);
                    break;
                }
            }
        }
    }

    fn general(&mut self, letter: char, name: &'static str, values: u8) -> Result<(), String> {
        let given = self.take_values(Cow::Borrowed(name), values)?;
        match letter {
            'm' => self.load_match(&given),
            'j' | 'g' => self.load_target(&given, letter == 'g')?,
            't' => self.command.table = given.values.into_iter().next(),
            'w' => {
                let seconds = |word: &Cow<'_, str>| word.bytes().all(|byte| byte.is_ascii_digit());
                if self.words.front().is_some_and(seconds) {
                    self.words.pop_front();
                }
            }
            'p' | 's' | 'd' | 'i' | 'o' | 'f' | '4' | '6' => {
                let repeated = self.command.general.iter().any(|one| one.name == name);
                self.command.general.push(given);
                if repeated {
                    return Err(format!("`--{name}` is given twice"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The option with its values; a `!` among them inverts it.
    fn take_values(&mut self, name: Cow<'a, str>, values: u8) -> Result<Given<'a>, String> {
        let mut given = Given {
            name,
            inverted: std::mem::take(&mut self.inverted),
            values: Vec::new(),
        };
        let value_follows = self.words.get(1).is_some_and(|word| !is_option(word));
        if values > 0 && value_follows && self.words.front().is_some_and(|word| word == "!") {
            self.words.pop_front();
            given.inverted = !given.inverted;
        }
        for _ in 0..values {
            let Some(value) = self.words.pop_front() else {
                return Err(format!("a value is missing after `--{}`", given.name));
            };
            given.values.push(value);
        }
        Ok(given)
    }

    fn load_match(&mut self, given: &Given<'a>) {
        let name = given.values.first().cloned().unwrap_or_default();
        let extension = matches::find(&name);
        self.command.matches.push(Use {
            flag: "-m",
            name,
            extension,
            given: Vec::new(),
        });
    }

    fn load_target(&mut self, given: &Given<'a>, goto: bool) -> Result<(), String> {
        let name = given.values.first().cloned().unwrap_or_default();
        let extension = if goto { None } else { targets::find(&name) };
        let target = Use {
            flag: if goto { "-g" } else { "-j" },
            name,
            extension,
            given: Vec::new(),
        };
        self.command.goto = goto;
        if self.command.target.replace(target).is_some() {
            self.command.target = None;
            return Err("the rule has two targets".to_owned());
        }
        Ok(())
    }

    /// Gives the option to the match or target loaded last that has it.
    fn extension_option(&mut self, name: &str, abbreviated: bool) -> bool {
        let find = |one: &Use<'a>| -> Option<(&'static str, Arity)> {
            one.extension
                .and_then(|known| known.option(name, abbreviated))
        };
        let in_target = self.command.target.as_ref().and_then(find);
        let in_match = self
            .command
            .matches
            .iter()
            .enumerate()
            .rev()
            .find_map(|(place, one)| find(one).map(|option| (place, option)));
        let (place, (name, arity)) = match (in_target, in_match) {
            (Some(option), _) => (None, option),
            (None, Some((place, option))) => (Some(place), option),
            (None, None) => return false,
        };
        let given = match arity {
            Arity::Values(values) => self.take_values(Cow::Borrowed(name), values),
            Arity::Any => Ok(Given {
                name: Cow::Borrowed(name),
                inverted: std::mem::take(&mut self.inverted),
                values: self.until_option(),
            }),
        };
        let given = match given {
            Ok(given) => given,
            Err(trouble) => {
                self.command.trouble.get_or_insert(trouble);
                return true;
            }
        };
        let used = match place {
            Some(place) => self.command.matches.get_mut(place),
            None => self.command.target.as_mut(),
        };
        if let Some(used) = used {
            used.given.push(given);
        }
        true
    }

    /// `-p tcp --dport 80` loads the match of the protocol's name.
    fn load_protocol_match(&mut self, option: &str) {
        let protocol = self
            .command
            .general
            .iter()
            .find(|one| one.name == "protocol");
        let Some(extension) = protocol.and_then(|given| matches::of_protocol(given.value())) else {
            return;
        };
        let loaded = self
            .command
            .matches
            .iter()
            .any(|one| one.name == extension.name);
        if !loaded && extension.option(option, true).is_some() {
            self.command.matches.push(Use {
                flag: "-m",
                name: Cow::Borrowed(extension.name),
                extension: Some(extension),
                given: Vec::new(),
            });
        }
    }

    /// The words up to the next option.
    fn until_option(&mut self) -> Vec<Cow<'a, str>> {
        let mut values = Vec::new();
        while let Some(word) = self.words.pop_front() {
            if word == "!" || is_option(&word) {
                self.words.push_front(word);
                break;
            }
            values.push(word);
        }
        values
    }
}

fn is_option(word: &str) -> bool {
    word.starts_with('-')
        && !word.strip_prefix('-').is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit() && !matches!(c, '4' | '6'))
        })
}

/// Puts back what may have been taken.
trait PutBack<T> {
    fn extend_front_one(&mut self, one: Option<T>);
}

impl<T> PutBack<T> for VecDeque<T> {
    fn extend_front_one(&mut self, one: Option<T>) {
        if let Some(one) = one {
            self.push_front(one);
        }
    }
}
