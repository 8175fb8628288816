//! What a person sees while a run goes on: a bar where a terminal watches, plain lines otherwise; and what went
//! wrong on the way, counted and named.
//!
//! Uses `indicatif`. Invariant: everything goes to standard error, and a closed one stops nothing.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;

use super::text::wide;

/// Names of each kind that are kept and shown.
const NAMES_SHOWN: usize = 20;
/// Silence after which a plain line says how far the run is.
const PLAIN_LINE_EVERY: Duration = Duration::from_secs(5);

/// Things of one kind that went wrong: how many, and the names of the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) count: u64,
    pub(crate) first: Vec<String>,
}

/// What went wrong in a run, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Troubles {
    /// Collections that were not as written, or still there after their expiry.
    pub(crate) mismatches: Named,
    /// Files and directories that could not be read.
    pub(crate) unreadable: Named,
    /// Files that were changed by somebody during the run.
    pub(crate) changed: Named,
}

/// Shows a run's progress.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    watched: bool,
    silent: bool,
    phase: Mutex<String>,
    last_line: Mutex<Instant>,
    troubles: Mutex<Troubles>,
}

impl Progress {
    /// Shows a bar if a terminal watches standard error, and plain lines otherwise.
    pub(crate) fn on_stderr() -> Self {
        Self::new(std::io::stderr().is_terminal(), false)
    }

    /// Shows nothing.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        Self::new(false, true)
    }

    fn new(watched: bool, silent: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let template = "[{elapsed_precise}] {bar:40} {human_pos}/{human_len} sets\n{wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            watched,
            silent,
            phase: Mutex::default(),
            last_line: Mutex::new(Instant::now()),
            troubles: Mutex::default(),
        }
    }

    /// Says how many collections there will be.
    pub(crate) fn begin(&self, collections: usize) {
        self.bar.set_length(wide(collections));
        if self.watched {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Says what the run does now.
    pub(crate) fn phase(&self, phase: impl Into<String>) {
        *self.phase.lock() = phase.into();
    }

    /// Shows how far the run is; `holds` says what is alive and what the disk holds.
    pub(crate) fn tick(&self, collections: u64, holds: &str) {
        let phase = self.phase.lock().clone();
        if self.watched {
            self.bar.set_position(collections);
            self.bar.set_message(format!("{phase}, {holds}"));
        } else if self.last_line.lock().elapsed() >= PLAIN_LINE_EVERY {
            self.line(&format!("{phase}: {collections} sets, {holds}"));
        }
    }

    /// Prints a line, above the bar if there is one.
    pub(crate) fn line(&self, line: &str) {
        *self.last_line.lock() = Instant::now();
        if self.silent {
            return;
        }
        self.bar.suspend(|| {
            // A closed standard error is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    pub(crate) fn mismatch(&self, key: &[u8], what: &str) {
        let name = String::from_utf8_lossy(key).into_owned();
        self.trouble(|troubles| &mut troubles.mismatches, "MISMATCH", name, what);
    }

    pub(crate) fn unreadable(&self, path: &Path, error: &dyn std::fmt::Display) {
        let name = path.display().to_string();
        self.trouble(|troubles| &mut troubles.unreadable, "unreadable", name, &error.to_string());
    }

    pub(crate) fn changed(&self, key: &[u8]) {
        let name = String::from_utf8_lossy(key).into_owned();
        self.trouble(|troubles| &mut troubles.changed, "changed", name, "not checked any further");
    }

    fn trouble(&self, kind: impl Fn(&mut Troubles) -> &mut Named, word: &str, name: String, what: &str) {
        let shown = {
            let mut troubles = self.troubles.lock();
            let named = kind(&mut troubles);
            named.count += 1;
            let shown = named.first.len() < NAMES_SHOWN;
            if shown {
                named.first.push(name.clone());
            }
            shown
        };
        if shown {
            self.line(&format!("{word}: {name}: {what}"));
        }
    }

    pub(crate) fn troubles(&self) -> Troubles {
        self.troubles.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_troubles_are_counted_and_the_first_are_named() {
        let progress = Progress::silent();
        for number in 0..50 {
            progress.mismatch(format!("key {number}").as_bytes(), "differs");
        }
        progress.unreadable(Path::new("file"), &"refused");
        let troubles = progress.troubles();
        assert_eq!(troubles.mismatches.count, 50);
        assert_eq!(troubles.mismatches.first.len(), NAMES_SHOWN);
        assert_eq!(troubles.unreadable.first, ["file"]);
        assert_eq!(troubles.changed, Named::default());
    }
}
