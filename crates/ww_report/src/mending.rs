//! Safe fixes, applied to the texts that they are about.

use std::collections::BTreeMap;
use ww_base::SourceId;
use ww_finding::{Edit, Finding, Fix, Safety};

/// What the safe fixes of a consultation come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// The new text of every file that changes.
    pub texts: BTreeMap<SourceId, String>,
    /// The fixes that were applied, in order of importance.
    pub applied: Vec<String>,
    /// Those that would change what another one has changed already: they need a second run.
    pub left: Vec<String>,
}

/// Applies the first safe fix of every finding that has one; `text_of` gives the text of a source.
/// Two fixes that ask for the same edit are one; of two that ask for different ones of the same
/// place, the one of the more important finding is applied.
pub fn mend<'a>(findings: &[Finding], text_of: impl Fn(SourceId) -> Option<&'a str>) -> Mended {
    let mut mended = Mended::default();
    let mut edits: Vec<&Edit> = Vec::new();
    for fix in findings.iter().filter_map(safe) {
        let news = || fix.edits.iter().filter(|edit| !edits.contains(edit));
        let collides = news().any(|edit| edits.iter().any(|other| overlaps(edit, other)));
        if collides {
            mended.left.push(fix.title.clone());
        } else if news().next().is_some() {
            let news: Vec<&Edit> = news().collect();
            edits.extend(news);
            mended.applied.push(fix.title.clone());
        }
    }
    edits.sort_by_key(|edit| (edit.span.source, edit.span.start));
    for edit in edits.into_iter().rev() {
        let source = edit.span.source;
        let known = mended.texts.get(&source).cloned();
        let Some(text) = known.or_else(|| text_of(source).map(str::to_owned)) else {
            continue;
        };
        let before = text.get(..edit.span.start as usize);
        let behind = text.get(edit.span.end as usize..);
        if let (Some(before), Some(behind)) = (before, behind) {
            let text = format!("{before}{}{behind}", edit.replace_with);
            mended.texts.insert(source, text);
        }
    }
    mended
}

fn safe(finding: &Finding) -> Option<&Fix> {
    let mut fixes = finding.fixes.iter();
    fixes.find(|fix| fix.safety == Safety::Safe && !fix.edits.is_empty())
}

fn overlaps(one: &Edit, other: &Edit) -> bool {
    let (one, other) = (one.span, other.span);
    one.source == other.source && one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use ww_base::{SourceSpan, Span};
    use ww_finding::{Class, Layer, Owner, Severity, Support};

    fn finding(edits: &[(u32, u32, &str)]) -> Finding {
        let edits = edits.iter().map(|(start, end, to)| Edit {
            span: SourceSpan {
                source: SourceId(0),
                start: *start,
                end: *end,
            },
            replace_with: (*to).to_owned(),
        });
        Finding {
            rule: "keep-alive-race",
            layer: Layer::Http,
            class: Class::Connectivity,
            severity: Severity::High,
            support: Support::Declared,
            owner: Owner::Configuration,
            headline: String::new(),
            count: 1,
            lost: Span::ZERO,
            exhibits: Vec::new(),
            refuter: String::new(),
            fixes: vec![Fix {
                title: "mend it".into(),
                safety: Safety::Safe,
                edits: edits.collect(),
            }],
        }
    }

    fn mended(findings: &[Finding]) -> Mended {
        mend(findings, |_| Some("a 10s; b 20s;"))
    }

    #[test]
    fn edits_are_applied_from_the_end_on() {
        let one = mended(&[finding(&[(2, 5, "5s")]), finding(&[(9, 12, "100s")])]);
        assert_eq!(one.texts[&SourceId(0)], "a 5s; b 100s;");
        assert_eq!(one.applied.len(), 2);
    }

    #[test]
    fn of_two_edits_of_one_place_the_first_is_applied() {
        let both = mended(&[finding(&[(2, 5, "5s")]), finding(&[(2, 5, "7s")])]);
        assert_eq!(both.texts[&SourceId(0)], "a 5s; b 20s;");
        assert_eq!((both.applied.len(), both.left.len()), (1, 1));
        let same = mended(&[finding(&[(2, 5, "5s")]), finding(&[(2, 5, "5s")])]);
        assert_eq!((same.applied.len(), same.left.len()), (1, 0));
    }
}
