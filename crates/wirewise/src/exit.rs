//! How a run ended, for scripts.

use std::io::ErrorKind;
use std::process::ExitCode;

/// How a run ended. Wrong usage, 2, is told by the parser of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Nothing to complain about.
    Fine,
    /// A finding reached the severity that the user asked to fail on.
    Found,
    /// Some input could not be read.
    Incomplete,
}

impl Exit {
    const fn number(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Found => 1,
            Exit::Incomplete => 3,
        }
    }
}

/// The run could not do its work.
const COULD_NOT_RUN: u8 = 4;

/// The exit code of a run; an error is told on standard error. A reader that went away has what it
/// wanted.
pub(crate) fn code(result: anyhow::Result<Exit>) -> ExitCode {
    match result {
        Ok(exit) => ExitCode::from(exit.number()),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            crate::output::complain(&format!("{error:#}"));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
