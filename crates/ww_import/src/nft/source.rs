//! The texts of a rule set: a file and what it includes.

use super::lex::{Lexer, TokenKind};
use crate::text::Problems;
use std::borrow::Cow;
use std::collections::BTreeMap;
use ww_base::{Limits, ProblemKind, SourceId, SourceSpan};

/// A file that an `include` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// How spans in it name it; a file that includes one it is itself included from is a cycle.
    pub source: SourceId,
    /// Its path, for those who read of it.
    pub path: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// Finds the files that an `include` names.
pub trait Includes {
    /// The files that fit `pattern`, in order of their names; `from` holds the `include`.
    ///
    /// # Errors
    /// A sentence that says why none can be read. Patterns with wildcards that fit nothing are no
    /// error.
    fn find(&mut self, pattern: &str, from: SourceId) -> Result<Vec<Included>, String>;
}

/// No file can be included.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn find(&mut self, _pattern: &str, _from: SourceId) -> Result<Vec<Included>, String> {
        Err("included files are not at hand".to_owned())
    }
}

/// A text that was read.
#[derive(Debug)]
pub(super) struct Text<'r> {
    pub(super) source: SourceId,
    pub(super) bytes: Cow<'r, [u8]>,
}

/// All texts; the first is where reading starts.
#[derive(Debug, Default)]
pub(super) struct Texts<'r> {
    pub(super) texts: Vec<Text<'r>>,
    /// What stands at an `include`: (text, offset of its file name) → texts.
    pub(super) included: BTreeMap<(usize, u32), Vec<usize>>,
}

/// Reads the root and all that it includes, within the limits.
pub(super) fn load<'r>(
    source: SourceId,
    root: &'r [u8],
    includes: &mut dyn Includes,
    limits: &Limits,
    problems: &mut Problems,
) -> Texts<'r> {
    let mut loader = Loader {
        texts: Texts::default(),
        bytes_left: limits.text_bytes as usize,
        limits,
        includes,
        problems,
    };
    loader.add(None, source, Cow::Borrowed(root), &mut vec![source]);
    loader.texts
}

struct Loader<'r, 'l> {
    texts: Texts<'r>,
    bytes_left: usize,
    limits: &'l Limits,
    includes: &'l mut dyn Includes,
    problems: &'l mut Problems,
}

impl<'r> Loader<'r, '_> {
    /// Adds a text, cut where the bound on all texts is reached, and what it includes; `above` are
    /// the texts it is in, itself the last.
    fn add(
        &mut self,
        at: Option<SourceSpan>,
        source: SourceId,
        mut bytes: Cow<'r, [u8]>,
        above: &mut Vec<SourceId>,
    ) -> usize {
        if bytes.len() > self.bytes_left {
            let message = format!(
                "the rule set is longer than {} bytes; what follows is not read",
                self.limits.text_bytes
            );
            let end = SourceSpan {
                source,
                start: self.bytes_left as u32,
                end: self.bytes_left as u32,
            };
            self.problems
                .break_off(at.unwrap_or(end), ProblemKind::TooLarge, message);
            bytes = match bytes {
                Cow::Borrowed(all) => Cow::Borrowed(all.get(..self.bytes_left).unwrap_or(all)),
                Cow::Owned(mut all) => {
                    all.truncate(self.bytes_left);
                    Cow::Owned(all)
                }
            };
        }
        self.bytes_left -= bytes.len();
        let index = self.texts.texts.len();
        let wanted = included_names(source, &bytes);
        self.texts.texts.push(Text { source, bytes });
        for (at, pattern) in wanted {
            let children = self.children(at, &pattern, above);
            self.texts.included.insert((index, at.start), children);
        }
        index
    }

    fn children(&mut self, at: SourceSpan, pattern: &str, above: &mut Vec<SourceId>) -> Vec<usize> {
        if above.len() > self.limits.include_depth as usize {
            let message = format!(
                "files include one another more than {} deep",
                self.limits.include_depth
            );
            self.problems.add(at, ProblemKind::TooLarge, message);
            return Vec::new();
        }
        let found = match self.includes.find(pattern, at.source) {
            Ok(found) => found,
            Err(why) => {
                let message = format!("\"{pattern}\" is not included: {why}");
                self.problems.add(at, ProblemKind::Undefined, message);
                return Vec::new();
            }
        };
        let mut children = Vec::new();
        for file in found {
            if above.contains(&file.source) {
                let message = format!("\"{}\" includes itself", file.path);
                self.problems.add(at, ProblemKind::Malformed, message);
            } else if self.texts.texts.len() >= self.limits.included_files as usize {
                let message = format!(
                    "more than {} files are included",
                    self.limits.included_files
                );
                self.problems.add(at, ProblemKind::TooLarge, message);
                break;
            } else {
                above.push(file.source);
                children.push(self.add(Some(at), file.source, Cow::Owned(file.text), above));
                above.pop();
            }
        }
        children
    }
}

/// The file names of a text's `include` statements.
fn included_names(source: SourceId, bytes: &[u8]) -> Vec<(SourceSpan, String)> {
    let mut names = Vec::new();
    if !bytes.windows(INCLUDE.len()).any(|window| window == INCLUDE) {
        return names;
    }
    let mut lexer = Lexer::new(source, bytes);
    let mut before = TokenKind::Newline;
    loop {
        let token = lexer.token();
        match (before, token.kind) {
            (_, TokenKind::End) => return names,
            (TokenKind::Word("include"), TokenKind::Quoted(name)) => {
                names.push((token.at, name.to_owned()));
            }
            _ => {}
        }
        before = token.kind;
    }
}

const INCLUDE: &[u8] = b"include";
