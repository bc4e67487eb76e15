//! What can go wrong while a lab is built; what goes wrong *in* a lab is its purpose and no error.

use std::{fmt, io};

/// Why a lab could not be built or run.
#[derive(Debug)]
pub enum LabError {
    /// This process may not create namespaces or interfaces: it is not root, or the kernel lacks them.
    NotPossible {
        /// What was tried.
        operation: String,
        /// What the kernel said.
        reason: String,
    },
    /// A program failed.
    Program {
        /// The program with its arguments.
        command: String,
        /// Its message, or why it could not start.
        reason: String,
    },
    /// A file or socket operation failed.
    Io {
        /// What was tried, on what.
        operation: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The capture is incomplete, so nothing can be concluded from it.
    Capture(String),
}

impl LabError {
    /// Names the operation that failed with an [`io::Error`].
    pub(crate) fn io(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let operation = operation.into();
        move |source| Self::Io { operation, source }
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPossible { operation, reason } => write!(
                f,
                "a lab is not possible here: {operation}: {reason} (it needs root, network namespaces and TAP interfaces)"
            ),
            Self::Program { command, reason } => write!(f, "{command}: {reason}"),
            Self::Io { operation, source } => write!(f, "{operation}: {source}"),
            Self::Capture(reason) => write!(f, "the capture is not complete: {reason}"),
        }
    }
}

impl std::error::Error for LabError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
