//! Files that other files include: how a path that is written finds a text that was given.
//!
//! What is written is a path on the host, as `/etc/nginx/conf.d/*.conf`; what was given are paths as
//! the user named them, as `proxy/conf.d/site.conf`. They meet at their ends.

use crate::Text;
use crate::service::{folder, resolve};
use std::collections::BTreeSet;
use ww_base::{Order, SourceId};

/// The texts that may include one another.
pub(crate) struct AtHand<'t> {
    texts: Vec<&'t Text<'t>>,
    /// Which text includes which.
    pub(crate) included: BTreeSet<(SourceId, SourceId)>,
}

impl<'t> AtHand<'t> {
    pub(crate) fn new(texts: Vec<&'t Text<'t>>) -> AtHand<'t> {
        AtHand {
            texts,
            included: BTreeSet::new(),
        }
    }

    /// The texts that a pattern in a text names, in order of their paths; `*`, `?` and `[…]` stand
    /// for letters of one part of a path. Of the ways to find one the closest counts: the path as it
    /// is; its end behind one of the folders, the longest end first; its end of two parts or more
    /// anywhere. A text finds itself only by a pattern without wildcards.
    pub(crate) fn find(
        &mut self,
        pattern: &str,
        from: SourceId,
        folders: &[&str],
    ) -> Vec<&'t Text<'t>> {
        let mut found = self.closest(pattern, from, folders);
        found.put_in_order_by_key(|text| text.path);
        self.included
            .extend(found.iter().map(|text| (from, text.source)));
        found
    }

    fn closest(&self, pattern: &str, from: SourceId, folders: &[&str]) -> Vec<&'t Text<'t>> {
        let fitting = |wanted: &str, is_whole: bool, anywhere: bool| -> Vec<&'t Text<'t>> {
            let may_be_itself = is_whole && !is_pattern(pattern);
            let texts = self.texts.iter().copied();
            texts
                .filter(|text| {
                    let fits = if anywhere { fits_end } else { fits };
                    (text.source != from || may_be_itself) && fits(wanted, text.path)
                })
                .collect()
        };
        let as_it_is = fitting(pattern.strip_prefix("./").unwrap_or(pattern), true, false);
        if !as_it_is.is_empty() {
            return as_it_is;
        }
        let parts: Vec<&str> = pattern
            .split('/')
            .filter(|part| !matches!(*part, "" | "."))
            .collect();
        for length in (1..=parts.len()).rev() {
            let end = parts.get(parts.len() - length..).unwrap_or_default();
            let end = end.join("/");
            let is_whole = length == parts.len();
            for folder in folders {
                let found = fitting(&resolve(folder, &end), is_whole, false);
                if !found.is_empty() {
                    return found;
                }
            }
            if length > 1 {
                let found = fitting(&end, is_whole, true);
                if !found.is_empty() {
                    return found;
                }
            }
        }
        Vec::new()
    }

    /// The texts that are parts of others.
    pub(crate) fn parts(&self) -> BTreeSet<SourceId> {
        let sources: Vec<SourceId> = self.texts.iter().map(|text| text.source).collect();
        parts(&sources, &self.included)
    }

    /// The path of a text; empty when it is not among these.
    pub(crate) fn path(&self, source: SourceId) -> &'t str {
        let mut texts = self.texts.iter();
        let text = texts.find(|text| text.source == source);
        text.map_or("", |text| text.path)
    }

    /// The folder of a text.
    pub(crate) fn folder(&self, source: SourceId) -> &'t str {
        folder(self.path(source))
    }
}

/// Whether letters of a path stand for others.
pub(crate) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Whether a path fits a pattern, part by part.
fn fits(pattern: &str, path: &str) -> bool {
    let count = |text: &str| text.split('/').count();
    count(pattern) == count(path)
        && pattern
            .split('/')
            .zip(path.split('/'))
            .all(|(pattern, part)| fits_part(pattern, part))
}

/// Whether the end of a path fits a pattern.
fn fits_end(pattern: &str, path: &str) -> bool {
    let wanted: Vec<&str> = pattern.split('/').collect();
    let parts: Vec<&str> = path.split('/').collect();
    let Some(before) = parts.len().checked_sub(wanted.len()) else {
        return false;
    };
    let end = parts.get(before..).unwrap_or_default();
    let mut pairs = wanted.iter().zip(end);
    pairs.all(|(pattern, part)| fits_part(pattern, part))
}

/// Whether a part of a path fits a pattern (glob(7)); a leading dot has to be written.
fn fits_part(pattern: &str, part: &str) -> bool {
    if part.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let part: Vec<char> = part.chars().collect();
    let (mut at, mut in_part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let next = part.get(in_part).copied();
        match (pattern.get(at).copied(), next) {
            (None, None) => return true,
            (Some('*'), _) => {
                retry = Some((at, in_part));
                at += 1;
                continue;
            }
            (Some('?'), Some(_)) => {
                (at, in_part) = (at + 1, in_part + 1);
                continue;
            }
            (Some('['), Some(letter)) => {
                if let Some((true, end)) = in_class(&pattern, at, letter) {
                    (at, in_part) = (end, in_part + 1);
                    continue;
                }
            }
            (Some(wanted), Some(letter)) if wanted == letter => {
                (at, in_part) = (at + 1, in_part + 1);
                continue;
            }
            _ => {}
        }
        match retry {
            Some((star, taken)) if taken < part.len() => {
                retry = Some((star, taken + 1));
                (at, in_part) = (star + 1, taken + 1);
            }
            _ => return false,
        }
    }
}

/// Whether a letter is in the class that begins at `[`, and where the class ends; none when it has
/// no end.
fn in_class(pattern: &[char], open: usize, letter: char) -> Option<(bool, usize)> {
    let negated = matches!(pattern.get(open + 1), Some('!' | '^'));
    let first = open + 1 + usize::from(negated);
    let mut at = first;
    let mut holds = false;
    loop {
        let begin = *pattern.get(at)?;
        if begin == ']' && at > first {
            return Some((holds != negated, at + 1));
        }
        let end = match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(end)) if *end != ']' => {
                at += 2;
                *end
            }
            _ => begin,
        };
        holds |= (begin..=end).contains(&letter);
        at += 1;
    }
}

/// The texts that are parts of others. Of texts that include one another in a circle the first one
/// is the whole.
fn parts(sources: &[SourceId], included: &BTreeSet<(SourceId, SourceId)>) -> BTreeSet<SourceId> {
    let named = |source: &SourceId| {
        let mut pairs = included.iter();
        pairs.any(|(from, to)| to == source && from != source)
    };
    let (inner, outer): (Vec<SourceId>, Vec<SourceId>) = sources.iter().partition(|one| named(one));
    let mut parts = BTreeSet::new();
    for whole in outer.into_iter().chain(inner) {
        if parts.contains(&whole) {
            continue;
        }
        let mut ahead = vec![whole];
        while let Some(from) = ahead.pop() {
            let pairs = included.range((from, SourceId(0))..=(from, SourceId(u32::MAX)));
            let further = pairs.map(|(_, to)| *to);
            ahead.extend(further.filter(|to| *to != whole && parts.insert(*to)));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths that a pattern finds from the text with the first path.
    fn found(pattern: &str, paths: &[&str]) -> Vec<String> {
        let texts: Vec<Text<'_>> = (0..)
            .zip(paths)
            .map(|(number, path)| Text {
                source: SourceId(number),
                path,
                device: "",
                bytes: b"",
            })
            .collect();
        let mut at_hand = AtHand::new(texts.iter().collect());
        let own = folder(paths[0]).to_owned();
        let found = at_hand.find(pattern, SourceId(0), &[&own]);
        found.iter().map(|text| text.path.to_owned()).collect()
    }

    #[test]
    fn a_path_on_the_host_meets_a_given_one_at_its_end() {
        let paths = [
            "shop/nginx.conf",
            "shop/conf.d/b.conf",
            "shop/conf.d/a.conf",
        ];
        let both = ["shop/conf.d/a.conf", "shop/conf.d/b.conf"];
        assert_eq!(found("/etc/nginx/conf.d/*.conf", &paths), both);
        assert_eq!(found("conf.d/[ac].conf", &paths), ["shop/conf.d/a.conf"]);
        assert_eq!(found("conf.d/[!a].conf", &paths), ["shop/conf.d/b.conf"]);
        assert_eq!(found("./conf.d/?.conf", &paths), both);
        assert_eq!(found("other.d/*.cfg", &paths), [""; 0]);
    }

    #[test]
    fn the_closest_text_counts() {
        let paths = ["a/nginx.conf", "b/conf.d/x.conf", "a/conf.d/x.conf"];
        assert_eq!(found("conf.d/x.conf", &paths), ["a/conf.d/x.conf"]);
        let paths = ["a/nginx.conf", "b/conf.d/x.conf"];
        assert_eq!(found("/etc/conf.d/x.conf", &paths), ["b/conf.d/x.conf"]);
        let paths = ["a/nginx.conf", "b/x.conf"];
        assert_eq!(found("x.conf", &paths), [""; 0]);
    }

    #[test]
    fn a_text_finds_itself_by_its_name_only() {
        let paths = ["a/nginx.conf", "a/x.conf"];
        assert_eq!(found("*.conf", &paths), ["a/x.conf"]);
        assert_eq!(found("nginx.conf", &paths), ["a/nginx.conf"]);
    }

    #[test]
    fn a_hidden_file_has_to_be_named() {
        assert!(!fits_part("*", ".hidden"));
        assert!(fits_part(".*", ".hidden"));
        assert!(fits_part("a*b*c", "aXXbYYc"));
        assert!(!fits_part("a*b*c", "aXXbYY"));
        assert!(!fits_part("[a", "a"));
    }
}
