//! What the tool says when it cannot go on: one line.
//!
//! Uses the crate's error. Invariant: the line names what was tried and why it failed.

use std::path::Path;

/// The result of everything in the tool that can fail.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why the tool stopped, as one line for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }

    pub(crate) fn at(what: &str, path: &Path, error: impl std::fmt::Display) -> Self {
        Self(format!("{what} {}: {error}", path.display()))
    }
}

impl From<crate::Error> for Failure {
    fn from(error: crate::Error) -> Self {
        Self(format!("the store: {error}"))
    }
}
