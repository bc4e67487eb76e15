//! nginx configurations (nginx 1.0 to 1.31), of the modules `http` and `stream`.
//!
//! Texts become directives with their places, `include` is followed among the texts that were given,
//! and what is left becomes programs: servers are listeners, and each location that passes requests
//! on is a call. A text that another one includes is no program of its own; one that holds servers
//! or upstreams only is read as if it stood in `http`.

mod address;
mod expand;
mod known;
mod lex;
mod limit;
mod listen;
mod location;
mod lower;
mod lua;
mod pass;
mod retry;
mod scope;
mod stream;
mod tls;
mod tree;
mod upstream;
mod value;
mod variable;

pub(crate) use limit::PEER;
pub use tree::{Block, Directive, Word, parse};

use crate::Text;
use crate::service::Intake;

/// Reads all texts of nginx.
pub(crate) fn read(texts: &[Text<'_>], intake: &mut Intake<'_>) {
    for whole in expand::wholes(texts, intake) {
        known::tell_unknown(&whole.directives, intake);
        lower::lower(&whole, texts, intake);
    }
}

#[cfg(test)]
mod tests;
