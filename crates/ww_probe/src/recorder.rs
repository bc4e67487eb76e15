//! Writes steps down as they happen.

use std::cell::RefCell;
use std::time::{Duration, Instant};
use ww_base::{Gap, Span};
use ww_evidence::transcript::{Chosen, Seen, Step};

/// Called with every step once it is over.
pub(crate) type Listener<'l> = dyn FnMut(&Step) + 'l;

/// The steps of a walk. A walk is one task of one thread, so that steps borrow it in turn.
pub(crate) struct Recorder<'l> {
    began: Instant,
    prefix: String,
    written: RefCell<Written<'l>>,
}

struct Written<'l> {
    steps: Vec<Step>,
    gaps: Vec<Gap>,
    listener: &'l mut Listener<'l>,
}

/// Why a question is put.
#[derive(Clone, Debug, Default)]
pub(crate) struct Why {
    words: String,
    chosen: Option<Chosen>,
}

impl Why {
    /// It was chosen among others.
    pub(crate) fn chosen(words: impl Into<String>, chosen: Chosen) -> Why {
        Why {
            words: words.into(),
            chosen: Some(chosen),
        }
    }

    /// The same in other words.
    #[must_use]
    pub(crate) fn says(&self, words: impl Into<String>) -> Why {
        Why {
            words: words.into(),
            chosen: self.chosen.clone(),
        }
    }
}

impl From<&str> for Why {
    fn from(words: &str) -> Why {
        Why::from(words.to_owned())
    }
}

impl From<String> for Why {
    fn from(words: String) -> Why {
        Why {
            words,
            chosen: None,
        }
    }
}

impl From<&Why> for Why {
    fn from(why: &Why) -> Why {
        why.clone()
    }
}

/// A question that was put and has no answer yet.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    at: Instant,
    why: Why,
    command: String,
}

impl Asked {
    /// A question that is put now; `command` asks the same with common tools.
    pub(crate) fn now(command: impl Into<String>) -> Asked {
        Asked {
            at: Instant::now(),
            why: Why::default(),
            command: command.into(),
        }
    }

    /// The same, raised by an earlier answer: why it is asked.
    #[must_use]
    pub(crate) fn because(mut self, why: impl Into<Why>) -> Asked {
        self.why = why.into();
        self
    }
}

impl<'l> Recorder<'l> {
    /// A walk that begins now.
    pub(crate) fn new(listener: &'l mut Listener<'l>) -> Recorder<'l> {
        Recorder {
            began: Instant::now(),
            prefix: String::new(),
            written: RefCell::new(Written {
                steps: Vec::new(),
                gaps: Vec::new(),
                listener,
            }),
        }
    }

    /// Commands begin with these words, which lead into the network namespace.
    #[must_use]
    pub(crate) fn commands_begin_with(mut self, prefix: String) -> Recorder<'l> {
        self.prefix = prefix;
        self
    }

    /// Time since the walk began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// An answer that came just now.
    pub(crate) fn answer(&self, asked: Asked, seen: Seen) -> u32 {
        let took = asked.at.elapsed();
        self.answer_after(asked, took, seen)
    }

    /// An answer that came this long after the question; the step's number.
    pub(crate) fn answer_after(&self, asked: Asked, took: Duration, seen: Seen) -> u32 {
        let mut written = self.written.borrow_mut();
        let number = written.steps.len() as u32 + 1;
        let step = Step {
            number,
            began: span(asked.at.saturating_duration_since(self.began)),
            took: span(took),
            why: asked.why.words,
            chosen: asked.why.chosen,
            command: match asked.command.as_str() {
                "" => String::new(),
                command => format!("{}{command}", self.prefix),
            },
            seen,
        };
        (written.listener)(&step);
        written.steps.push(step);
        number
    }

    /// Looks at the steps so far.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&[Step]) -> T) -> T {
        look(&self.written.borrow().steps)
    }

    /// Something that could not be observed.
    pub(crate) fn gap(&self, gap: Gap) {
        let mut written = self.written.borrow_mut();
        if !written.gaps.contains(&gap) {
            written.gaps.push(gap);
        }
    }

    /// What was written.
    pub(crate) fn finish(self) -> (Vec<Step>, Vec<Gap>) {
        let Written { steps, gaps, .. } = self.written.into_inner();
        (steps, gaps)
    }
}

/// A duration as the evidence holds it.
pub(crate) fn span(duration: Duration) -> Span {
    Span(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}
