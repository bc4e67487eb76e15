//! A proxy with the defaults in force for it.

use super::section::{Line, Section};

/// A section and the sections that it takes settings from, nearest first.
#[derive(Clone)]
pub(super) struct Proxy<'t> {
    pub(super) section: &'t Section,
    /// Itself first.
    levels: Vec<&'t Section>,
}

impl<'t> Proxy<'t> {
    /// The proxy of the section with this number: the defaults are those that it names, or else the
    /// last ones before it.
    pub(super) fn new(sections: &'t [Section], number: usize) -> Option<Proxy<'t>> {
        let section = sections.get(number)?;
        let mut levels = vec![section];
        let before = sections.get(..number).unwrap_or_default();
        let last = || before.iter().rev().find(|one| one.kind == "defaults");
        let mut next = match &section.from {
            Some(name) => defaults(sections, &name.text),
            None => last(),
        };
        while let Some(defaults_section) = next {
            let is_new = !levels
                .iter()
                .any(|known| std::ptr::eq(*known, defaults_section));
            if !is_new {
                break;
            }
            levels.push(defaults_section);
            let from = defaults_section.from.as_ref();
            next = from.and_then(|name| defaults(sections, &name.text));
        }
        Some(Proxy { section, levels })
    }

    /// The line that is in force of those that begin with these words: the last one of the nearest
    /// section that has any.
    pub(super) fn one(&self, words: &[&str]) -> Option<&'t Line> {
        self.levels.iter().find_map(|section| {
            let mut lines = section.lines.iter().rev();
            lines.find(|line| line.begins(words))
        })
    }

    /// The line that sets an option, unless a nearer one takes it back.
    pub(super) fn option(&self, name: &str) -> Option<&'t Line> {
        self.levels
            .iter()
            .find_map(|section| {
                let mut lines = section.lines.iter().rev();
                lines.find(|line| {
                    line.begins(&["option", name]) || line.begins(&["no", "option", name])
                })
            })
            .filter(|line| line.word(0) == "option")
    }

    /// All lines that begin with these words, of the section itself.
    pub(super) fn own(&self, words: &'static [&'static str]) -> impl Iterator<Item = &'t Line> {
        let section: &'t Section = self.section;
        section.lines.iter().filter(move |line| line.begins(words))
    }

    /// All lines that begin with a word, the nearest section first.
    pub(super) fn everywhere(&self, word: &'static str) -> impl Iterator<Item = &'t Line> {
        let lines = self.levels.iter().flat_map(|section| &section.lines);
        let lines: Vec<&'t Line> = lines.filter(|line| line.word(0) == word).collect();
        lines.into_iter()
    }

    /// Whether it speaks HTTP.
    pub(super) fn is_http(&self) -> bool {
        self.one(&["mode"])
            .is_some_and(|line| line.word(1) == "http")
    }
}

fn defaults<'t>(sections: &'t [Section], name: &str) -> Option<&'t Section> {
    let mut all = sections.iter();
    all.find(|one| one.kind == "defaults" && one.name == name)
}
