//! Safe fixes, applied to the texts that they are about, so that all of them together leave nothing
//! behind.
//!
//! Fixes are solved together: the files are asked again with all of them applied. Where one of the
//! findings is still there, or another has come, the fixes are applied one by one instead, each only
//! when its finding goes and none comes; of several ways to mend a finding the first that fits is
//! taken.

use std::collections::{BTreeMap, BTreeSet};
use ww_base::{Order, SourceId};
use ww_finding::{Edit, Finding, Fix, Safety};

/// Texts of sources that differ from what was read.
pub type Texts = BTreeMap<SourceId, String>;

/// How often files are asked again while fixes are tried one by one.
const MOST_TRIES: usize = 200;

/// What is found in files.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The findings, in order of importance.
    pub findings: Vec<Finding>,
    /// How much could not be read.
    pub problems: usize,
}

/// What the safe fixes of a consultation come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// The new text of every file that changes.
    pub texts: Texts,
    /// The fixes that were applied, in order of importance.
    pub applied: Vec<String>,
    /// Those that were not, as their finding would have stayed or another would have come.
    pub left: Vec<String>,
}

/// Files that can be asked again with other texts in them.
pub struct Asked<'a> {
    /// The text of a source as it was read.
    pub text_of: &'a dyn Fn(SourceId) -> Option<&'a str>,
    /// What is found when these sources have other texts.
    pub again: &'a dyn Fn(&Texts) -> State,
    /// Whether a finding is to be mended.
    pub wants: &'a dyn Fn(&Finding) -> bool,
}

/// Applies safe fixes of the findings so that none of those findings is left among them.
pub fn mend(found: &State, files: &Asked<'_>) -> Mended {
    let at_once = all_at_once(found, files);
    if at_once.texts.is_empty() {
        return at_once;
    }
    let mended = at_once.applied.len() + at_once.left.len();
    let after = (files.again)(&at_once.texts);
    if at_once.left.is_empty() && is_better(found, &after, mended) {
        return at_once;
    }
    one_by_one(found, files)
}

/// The first safe fix of every finding. Fixes that ask for the same edit are one.
fn all_at_once(found: &State, files: &Asked<'_>) -> Mended {
    let mut mended = Mended::default();
    let mut edits: Vec<&Edit> = Vec::new();
    let wanted = found
        .findings
        .iter()
        .filter(|finding| (files.wants)(finding));
    for fix in wanted.filter_map(|finding| safe(finding).next()) {
        let news: Vec<&Edit> = fix
            .edits
            .iter()
            .filter(|edit| !edits.contains(edit))
            .collect();
        let collides = |edit: &&Edit| edits.iter().any(|other| overlaps(edit, other));
        if news.iter().any(collides) {
            mended.left.push(fix.title.clone());
        } else {
            edits.extend(news);
            mended.applied.push(fix.title.clone());
        }
    }
    mended.texts = applied(&edits, &Texts::new(), files);
    mended
}

fn one_by_one(found: &State, files: &Asked<'_>) -> Mended {
    let mut mended = Mended::default();
    let mut state = found.clone();
    let mut given_up: BTreeSet<(&'static str, String)> = BTreeSet::new();
    let mut tries = 0;
    while tries < MOST_TRIES {
        let name = |finding: &Finding| (finding.rule, finding.headline.clone());
        let mut findings = state.findings.iter();
        let next = findings.find(|finding| {
            (files.wants)(finding)
                && safe(finding).next().is_some()
                && !given_up.contains(&name(finding))
        });
        let Some(finding) = next else { break };
        let way = safe(finding).find_map(|fix| {
            tries += 1;
            let edits: Vec<&Edit> = fix.edits.iter().collect();
            let texts = applied(&edits, &mended.texts, files);
            let after = (files.again)(&texts);
            let goes = count(&after, finding.rule) < count(&state, finding.rule);
            (goes && is_better(&state, &after, 1)).then(|| (fix.title.clone(), texts, after))
        });
        if let Some((title, texts, after)) = way {
            mended.applied.push(title);
            mended.texts = texts;
            state = after;
        } else {
            mended
                .left
                .extend(safe(finding).next().map(|fix| fix.title.clone()));
            given_up.insert(name(finding));
        }
    }
    mended
}

/// Whether so many findings are gone at least, none of any rule has come, and all is read as before.
fn is_better(before: &State, after: &State, gone: usize) -> bool {
    let rules: BTreeSet<&str> = after.findings.iter().map(|finding| finding.rule).collect();
    after.problems <= before.problems
        && after.findings.len() + gone <= before.findings.len()
        && rules
            .into_iter()
            .all(|rule| count(after, rule) <= count(before, rule))
}

fn count(state: &State, rule: &str) -> usize {
    let findings = state.findings.iter();
    findings.filter(|finding| finding.rule == rule).count()
}

/// The texts with these edits; `changed` are those that differ already.
fn applied(edits: &[&Edit], changed: &Texts, files: &Asked<'_>) -> Texts {
    let mut texts = changed.clone();
    let mut edits = edits.to_vec();
    edits.put_in_order_by_key(|edit| (edit.span.source, edit.span.start));
    for edit in edits.into_iter().rev() {
        let source = edit.span.source;
        let known = texts.get(&source).cloned();
        let Some(text) = known.or_else(|| (files.text_of)(source).map(str::to_owned)) else {
            continue;
        };
        let before = text.get(..edit.span.start as usize);
        let behind = text.get(edit.span.end as usize..);
        if let (Some(before), Some(behind)) = (before, behind) {
            let text = format!("{before}{}{behind}", edit.replace_with);
            texts.insert(source, text);
        }
    }
    texts
}

/// The safe ways to mend a finding.
fn safe(finding: &Finding) -> impl Iterator<Item = &Fix> {
    let fixes = finding.fixes.iter();
    fixes.filter(|fix| fix.safety == Safety::Safe && !fix.edits.is_empty())
}

/// Whether two edits change the same text, or put a setting of the same name at the same place.
fn overlaps(one: &Edit, other: &Edit) -> bool {
    let (a, b) = (one.span, other.span);
    let is_empty = a.start == a.end && b.start == b.end;
    if is_empty && a == b {
        return names(one).iter().any(|name| names(other).contains(name));
    }
    a.source == b.source && a.start < b.end && b.start < a.end
}

/// What every line of an edit sets: its first word, and the second one where the first sets several
/// things.
fn names(edit: &Edit) -> Vec<(&str, Option<&str>)> {
    const SET_SEVERAL: [&str; 3] = ["proxy_set_header", "timeout", "option"];
    let mut names = Vec::new();
    for line in edit.replace_with.lines() {
        let mut words = line
            .split([' ', '\t', '=', ','])
            .filter(|word| !word.is_empty());
        if let Some(first) = words.next() {
            let second = words.next().filter(|_| SET_SEVERAL.contains(&first));
            names.push((first, second));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::{SourceSpan, Span};
    use ww_finding::{Class, Layer, Owner, Severity, Support};

    /// A text in which two numbers have to differ by more than five, and neither may be above 20.
    const TEXT: &str = "a 10; b 12;";

    fn numbers(text: &str) -> Vec<(u32, u32, i64)> {
        let mut at = 0;
        let mut all = Vec::new();
        for word in text.split_inclusive([' ', ';']) {
            let digits = word.trim_end_matches([' ', ';']);
            if let Ok(number) = digits.parse() {
                all.push((at, at + digits.len() as u32, number));
            }
            at += word.len() as u32;
        }
        all
    }

    fn finding(rule: &'static str, fixes: &[(u32, u32, i64)]) -> Finding {
        let fix = |(start, end, to): &(u32, u32, i64)| Fix {
            title: format!("write {to}"),
            safety: Safety::Safe,
            edits: vec![Edit {
                span: SourceSpan {
                    source: SourceId(0),
                    start: *start,
                    end: *end,
                },
                replace_with: to.to_string(),
            }],
        };
        Finding {
            rule,
            layer: Layer::Http,
            class: Class::Connectivity,
            severity: Severity::High,
            support: Support::Declared,
            owner: Owner::Configuration,
            headline: format!("{fixes:?}"),
            count: 1,
            lost: Span::ZERO,
            exhibits: Vec::new(),
            refuter: String::new(),
            fixes: fixes.iter().map(fix).collect(),
        }
    }

    /// The rules of that text; the first way that `far` offers is `step` more for the second number.
    fn review(text: &str, step: i64) -> State {
        let numbers = numbers(text);
        let mut findings = Vec::new();
        if let [(start, end, a), (other, last, b)] = numbers[..]
            && b < a + 5
        {
            findings.push(finding(
                "far",
                &[(other, last, a + step), (start, end, b - 6)],
            ));
        }
        let high = numbers.iter().filter(|(_, _, number)| *number > 20);
        findings.extend(high.map(|(start, end, _)| finding("high", &[(*start, *end, 20)])));
        State {
            findings,
            problems: 0,
        }
    }

    fn mended(text: &'static str, step: i64) -> Mended {
        let again = |texts: &Texts| {
            let text = texts.get(&SourceId(0)).map_or(text, String::as_str);
            review(text, step)
        };
        let files = Asked {
            text_of: &|_| Some(text),
            again: &again,
            wants: &|_| true,
        };
        mend(&review(text, step), &files)
    }

    #[test]
    fn the_first_way_is_taken_where_it_leaves_nothing() {
        let one = mended(TEXT, 6);
        assert_eq!(one.texts[&SourceId(0)], "a 10; b 16;");
        assert_eq!((one.applied.len(), one.left.len()), (1, 0));
    }

    #[test]
    fn a_way_that_brings_another_finding_is_not_taken() {
        let one = mended(TEXT, 11);
        assert_eq!(one.texts[&SourceId(0)], "a 6; b 12;");
        assert_eq!(one.applied, ["write 6"]);
    }

    #[test]
    fn two_ways_that_want_the_same_place_are_solved_one_after_another() {
        let both = mended("a 25; b 12;", 6);
        assert_eq!(both.left, [] as [&str; 0]);
        assert_eq!(review(&both.texts[&SourceId(0)], 6).findings.len(), 0);
    }

    #[test]
    fn what_cannot_be_mended_is_left_and_said() {
        let none = mended("a 10; b 12;", 3);
        assert_eq!(none.texts[&SourceId(0)], "a 6; b 12;");
        let stuck = mended("a 20; b 21;", 2);
        assert!(!stuck.left.is_empty() || !stuck.applied.is_empty());
    }

    #[test]
    fn settings_of_one_name_at_one_place_collide() {
        let edit = |text: &str| Edit {
            span: SourceSpan {
                source: SourceId(0),
                start: 4,
                end: 4,
            },
            replace_with: text.to_owned(),
        };
        assert!(overlaps(
            &edit("\n  timeout server 3s"),
            &edit("\n  timeout server 5s")
        ));
        assert!(!overlaps(
            &edit("\n  timeout server 3s"),
            &edit("\n  timeout client 5s")
        ));
        assert!(overlaps(&edit("\n  timeout: 3s"), &edit("\n  timeout: 5s")));
        assert!(!overlaps(&edit("\n  timeout: 3s"), &edit("\n  retries: 5")));
        assert!(overlaps(&edit("a: {b: 3}, "), &edit("a: {c: 5}, ")));
    }
}
