use super::{Document, View, read};
use proptest::prelude::*;
use std::collections::BTreeMap;
use ww_base::{Limits, SourceId};
use ww_model::service::{Layout, Room};

/// What a document says, without how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    Word(String),
    List(Vec<Said>),
    Map(BTreeMap<String, Said>),
}

fn said(view: View<'_>) -> Said {
    if view.is_map() {
        let pairs = view
            .entries()
            .map(|(key, value)| (key.to_owned(), said(value)));
        Said::Map(pairs.collect())
    } else if view.is_list() {
        Said::List(view.items().map(said).collect())
    } else {
        Said::Word(view.text().unwrap_or_default().to_owned())
    }
}

/// All documents of a text, and the place for keys in one mapping of one of them.
fn understood(text: &str, document: usize, steps: &[Step]) -> (Vec<Said>, Option<Room>) {
    let mut all = Vec::new();
    let mut room = None;
    read(text, SourceId(0), &Limits::default(), |one| {
        let Document::Tree(tree) = one else {
            panic!("{text:?} is no YAML");
        };
        let root = tree.root().unwrap();
        if all.len() == document {
            let view = steps.iter().fold(root, |view, step| match step {
                Step::Key(key) => view.get(key).unwrap(),
                Step::Item(number) => view.items().nth(*number).unwrap(),
            });
            room = view.room("", view.at());
        }
        all.push(said(root));
    });
    (all, room)
}

/// The text with a key written, and the layout of the mapping that it went to.
fn with_key(
    text: &str,
    document: usize,
    steps: &[Step],
    path: &[&str],
) -> Option<(String, Layout)> {
    let room = understood(text, document, steps).1?;
    let (at, words) = room.write(path, "7")?;
    assert_eq!(at.start, at.end, "nothing is taken out");
    let (before, behind) = text.split_at(at.start as usize);
    Some((format!("{before}{words}{behind}"), room.layout))
}

/// A way to a mapping.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Item(usize),
}

/// How a document is written; each choice is taken from a list that begins anew at its end.
struct Pen<'c> {
    choices: &'c [u8],
    next: usize,
    ending: &'static str,
    text: String,
}

impl Pen<'_> {
    fn choice(&mut self, among: u8) -> u8 {
        self.next += 1;
        self.choices[self.next % self.choices.len()] % among
    }

    fn write(&mut self, pieces: &[&str]) {
        self.text.extend(pieces.iter().copied());
    }

    fn end_line(&mut self) {
        match self.choice(6) {
            0 => self.text.push_str(" # why"),
            1 => self.text.push(' '),
            _ => {}
        }
        self.text.push_str(self.ending);
        if self.choice(8) == 0 {
            self.text.push_str("  # between");
            self.text.push_str(self.ending);
        }
    }

    /// What stands behind `key:` or a dash, with the end of its line.
    fn value(&mut self, said: &Said, column: usize, is_item: bool) {
        match said {
            Said::Map(pairs) if !pairs.is_empty() && self.choice(4) > 0 => {
                let step = 1 + self.choice(4) as usize;
                if is_item {
                    self.text.push(' ');
                    self.map(pairs, column + 2, true);
                } else {
                    self.end_line();
                    self.map(pairs, column + step, false);
                }
            }
            Said::List(items) if !items.is_empty() && !is_item && self.choice(4) > 0 => {
                self.end_line();
                let column = column + self.choice(3) as usize;
                for item in items {
                    self.text.push_str(&" ".repeat(column));
                    self.text.push('-');
                    self.value(item, column, true);
                }
            }
            Said::Word(word) if self.choice(6) == 0 && !is_item => {
                let deeper = " ".repeat(column + 2);
                let line = format!(" |-{}{deeper}{word}{}", self.ending, self.ending);
                self.text.push_str(&line);
            }
            other => {
                self.text.push(' ');
                let is_json = self.choice(3) == 0;
                self.flow(other, is_json);
                self.end_line();
            }
        }
    }

    fn map(&mut self, pairs: &BTreeMap<String, Said>, column: usize, mut is_begun: bool) {
        for (key, value) in pairs {
            if !is_begun {
                self.text.push_str(&" ".repeat(column));
            }
            is_begun = false;
            let quote = if self.choice(5) == 0 { "\"" } else { "" };
            self.write(&[quote, key, quote, ":"]);
            self.value(value, column, false);
        }
    }

    fn flow(&mut self, said: &Said, is_json: bool) {
        let quote = if is_json || self.choice(4) == 0 {
            "\""
        } else {
            ""
        };
        match said {
            Said::Word(word) => self.write(&[quote, word, quote]),
            Said::List(items) => self.between('[', ']', is_json, items.iter(), Pen::flow),
            Said::Map(pairs) => {
                self.between('{', '}', is_json, pairs.iter(), |pen, pair, is_json| {
                    let quote = if is_json { "\"" } else { "" };
                    pen.write(&[quote, pair.0, quote, ": "]);
                    pen.flow(pair.1, is_json);
                });
            }
        }
    }

    fn between<T>(
        &mut self,
        open: char,
        close: char,
        is_json: bool,
        all: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T, bool),
    ) {
        self.text.push(open);
        let blank = if self.choice(3) == 0 { " " } else { "" };
        self.text.push_str(blank);
        for (number, one) in all.enumerate() {
            if number > 0 {
                self.text.push_str(", ");
            }
            write(self, one, is_json);
        }
        self.text.push_str(blank);
        self.text.push(close);
    }
}

fn trees() -> impl Strategy<Value = Said> {
    let word = prop_oneof!["[a-z]{1,4}", "[a-z]{1,3} [a-z0-9]{1,3}", "[0-9]{1,4}"];
    let word = word.prop_filter("a word, not a null", |word| {
        !matches!(word.as_str(), "null")
    });
    let leaf = word.prop_map(Said::Word);
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Said::List),
            maps(inner),
        ]
    })
}

fn maps(inner: impl Strategy<Value = Said>) -> impl Strategy<Value = Said> {
    prop::collection::btree_map("k[a-z]{1,3}", inner, 1..5).prop_map(Said::Map)
}

/// Ways to all mappings.
fn ways(said: &Said, to: &[Step], found: &mut Vec<Vec<Step>>) {
    let further = |step: Step| [to, &[step]].concat();
    match said {
        Said::Word(_) => {}
        Said::List(items) => {
            for (number, item) in items.iter().enumerate() {
                ways(item, &further(Step::Item(number)), found);
            }
        }
        Said::Map(pairs) => {
            found.push(to.to_vec());
            for (key, value) in pairs {
                ways(value, &further(Step::Key(key.clone())), found);
            }
        }
    }
}

fn add(said: &mut Said, steps: &[Step], path: &[&str]) {
    match (said, steps.split_first()) {
        (Said::Map(pairs), Some((Step::Key(key), rest))) => {
            add(pairs.get_mut(key).unwrap(), rest, path);
        }
        (Said::List(items), Some((Step::Item(number), rest))) => {
            add(&mut items[*number], rest, path);
        }
        (Said::Map(pairs), None) => {
            let value = path[1..]
                .iter()
                .rev()
                .fold(Said::Word("7".to_owned()), |value, key| {
                    Said::Map(BTreeMap::from([((*key).to_owned(), value)]))
                });
            pairs.insert(path[0].to_owned(), value);
        }
        (said, steps) => panic!("{steps:?} leads nowhere in {said:?}"),
    }
}

/// How many lines of a text are not there any more.
fn lost(old: &str, new: &str) -> usize {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let pairs = old.iter().zip(&new);
    let first = pairs.take_while(|(one, other)| one == other).count();
    let pairs = old.iter().rev().zip(new.iter().rev());
    let last = pairs.take_while(|(one, other)| one == other).count();
    old.len().saturating_sub(first + last)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn a_key_is_added_and_nothing_else_changes(
        documents in prop::collection::vec(maps(trees()), 1..3),
        choices in prop::collection::vec(any::<u8>(), 1..60),
        (number, way) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        shape in 0..3_usize,
        (is_crlf, ends) in (any::<bool>(), any::<bool>()),
    ) {
        let mut pen = Pen {
            choices: &choices,
            next: 0,
            ending: if is_crlf { "\r\n" } else { "\n" },
            text: String::new(),
        };
        for (index, document) in documents.iter().enumerate() {
            let Said::Map(pairs) = document else { unreachable!() };
            if index > 0 {
                let line = format!("---{}", pen.ending);
                pen.text.push_str(&line);
            }
            pen.map(pairs, 0, false);
        }
        let text = if ends { pen.text.as_str() } else { pen.text.trim_end() };
        let document = number.index(documents.len());
        let mut found = Vec::new();
        ways(&documents[document], &[], &mut found);
        let steps = &found[way.index(found.len())];
        let path = [&["new"][..], &["new", "inner"], &["new", "inner", "most"]][shape];

        prop_assert_eq!(&understood(text, document, steps).0, &documents, "{}", text);
        let Some((new, layout)) = with_key(text, document, steps, path) else {
            return Err(TestCaseError::fail(format!("no room at {steps:?} in\n{text}")));
        };
        let mut expected = documents;
        add(&mut expected[document], steps, path);
        prop_assert_eq!(&understood(&new, document, steps).0, &expected, "{}\nbecame\n{}", text, new);
        prop_assert!(lost(text, &new) <= 1, "{}\nbecame\n{}", text, new);
        let is_mixed = new.contains("\r\n") && new.replace("\r\n", "").contains('\n');
        prop_assert!(!is_mixed, "{:?}", new);
        if layout == Layout::Json {
            prop_assert!(new.contains("\"new\": "), "{}", new);
        }
    }
}

#[test]
fn a_key_stands_beside_the_last_simple_one() {
    let cases = [
        (
            "a: 1 # one\n# about b\nb:\n  c: 2\n",
            "a: 1 # one\nnew: 7\n# about b\nb:\n  c: 2\n",
        ),
        ("a: 1\nb: 2", "a: 1\nb: 2\nnew: 7"),
        ("a: 1\r\nb: 2\r\n", "a: 1\r\nb: 2\r\nnew: 7\r\n"),
        ("a:\n  b: 1\n", "new: 7\na:\n  b: 1\n"),
        (
            "a: |\n  text\nb: x\n  y\n",
            "new: 7\na: |\n  text\nb: x\n  y\n",
        ),
        (
            "a: 'it''s # no comment' # one\n",
            "a: 'it''s # no comment' # one\nnew: 7\n",
        ),
        ("{}", "{\"new\": 7}"),
        ("{a: 1}", "{new: 7, a: 1}"),
        ("{\n\t\"a\": 1\n}\n", "{\n\t\"new\": 7,\n\t\"a\": 1\n}\n"),
        ("---\na: &x 1\n...\n", "---\na: &x 1\nnew: 7\n...\n"),
    ];
    for (text, expected) in cases {
        let new = with_key(text, 0, &[], &["new"]).map(|(new, _)| new);
        assert_eq!(new.as_deref(), Some(expected), "{text:?}");
    }
    let of_item = [Step::Key("a".to_owned()), Step::Item(0)];
    let new = with_key("a:\n- b:\n    c: 1\n", 0, &of_item, &["new", "inner"]);
    assert_eq!(new.unwrap().0, "a:\n- new:\n    inner: 7\n  b:\n    c: 1\n");
}

#[test]
fn what_aliases_name_is_no_place_for_keys() {
    let base = [Step::Key("base".to_owned())];
    let inner = [Step::Key("base".to_owned()), Step::Key("a".to_owned())];
    let user = [Step::Key("user".to_owned())];
    let text = "base: &it\n  a:\n    b: 1\nuser:\n  <<: *it\n  c: 2\nother: *it\n";
    for steps in [&base[..], &inner, &[Step::Key("other".to_owned())]] {
        assert_eq!(with_key(text, 0, steps, &["new"]), None, "{steps:?}");
    }
    assert_eq!(with_key(text, 0, &user, &["a", "d"]), None);
    let (new, _) = with_key(text, 0, &user, &["new"]).unwrap();
    assert!(new.contains("  c: 2\n  new: 7\nother"), "{new}");
    let pair = [Step::Key("a".to_owned()), Step::Item(0)];
    assert_eq!(with_key("a: [\n  b: c\n]\n", 0, &pair, &["new"]), None);
    // An anchor that nobody names is no harm.
    let lonely = "base: &it\n  a: 1\n";
    assert!(with_key(lonely, 0, &base, &["new"]).is_some());
    for text in ["? a\n: b\n", "!!map\na:\n  b: 1\n"] {
        if let Some((new, _)) = with_key(text, 0, &[], &["new"]) {
            let Said::Map(pairs) = understood(&new, 0, &[]).0.remove(0) else {
                panic!("{new}");
            };
            assert_eq!(
                (pairs.len(), &pairs["new"]),
                (2, &Said::Word("7".to_owned()))
            );
        }
    }
}
