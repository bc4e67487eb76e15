//! Writes steps down as they happen.

use std::cell::RefCell;
use std::time::{Duration, Instant};
use ww_base::{Gap, Span};
use ww_evidence::transcript::{Seen, Step};

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

/// A question that was put and has no answer yet.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    at: Instant,
    why: String,
    command: String,
}

impl Asked {
    /// A question that is put now; `command` asks the same with common tools.
    pub(crate) fn now(command: impl Into<String>) -> Asked {
        Asked {
            at: Instant::now(),
            why: String::new(),
            command: command.into(),
        }
    }

    /// The same, raised by an earlier answer: why it is asked.
    #[must_use]
    pub(crate) fn because(mut self, why: impl Into<String>) -> Asked {
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
            why: asked.why,
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
