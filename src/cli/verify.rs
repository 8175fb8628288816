//! `windrow check`: runs the verifier and prints what it found.
//!
//! Uses the crate's `check`. Invariant: ends well only if the report is clean.

use std::io::Write;
use std::path::Path;

use super::{Failure, Result};

/// Verifies the store in `dir` and prints the report; returns whether it is clean.
///
/// # Errors
///
/// The store cannot be opened or read, or the report cannot be printed.
pub fn check_store(dir: &Path) -> Result<bool> {
    let report = crate::check(dir)?;
    writeln!(std::io::stdout(), "{report}")
        .map_err(|error| Failure::new(format!("cannot print the report: {error}")))?;
    Ok(report.is_clean())
}
