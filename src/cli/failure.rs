//! What the tool says when it cannot go on: one line.
//!
//! Uses the crate's error. Invariant: the line names what was tried and why it failed.

use std::path::Path;

/// The result of everything in the tool that can fail.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why the tool stopped, as one line for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}")]
pub struct Failure {
    line: String,
    is_usage: bool,
}

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), is_usage: false }
    }

    /// Arguments that make no sense, wherever the tool is run.
    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self { line: line.into(), is_usage: true }
    }

    pub(crate) fn at(what: &str, path: &Path, error: impl std::fmt::Display) -> Self {
        Self::new(format!("{what} {}: {error}", path.display()))
    }

    /// Tells whether the arguments make no sense.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        self.is_usage
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self::new(format!("the store: {error}"))
    }
}
