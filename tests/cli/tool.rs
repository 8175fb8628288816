//! Runs the tool in a place of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A scratch directory in which the tool also puts its temporary files.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tmp")).unwrap();
        Self { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs `windrow` with arguments, each of which may stand for a path in this place by a leading `@`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_at(arguments, "")
    }

    /// Does as [`Place::run`]; `places` says what happens at named places of the program, if it has the feature `failpoints`.
    pub(crate) fn run_at(&self, arguments: &[&str], places: &str) -> Ended {
        let resolved = arguments.iter().map(|argument| match argument.strip_prefix('@') {
            Some(name) => self.path(name).into_os_string(),
            None => argument.into(),
        });
        let output = Command::new(env!("CARGO_BIN_EXE_windrow"))
            .args(resolved)
            .env("TMPDIR", self.path("tmp"))
            .env_remove("RUST_LOG")
            .env("FAILPOINTS", places)
            .output()
            .unwrap();
        Ended { output }
    }

    /// Names what the tool left in its temporary place.
    pub(crate) fn left_over(&self) -> Vec<PathBuf> {
        names(&self.path("tmp"))
    }
}

/// Lists a directory.
pub(crate) fn names(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// How the tool ended.
pub(crate) struct Ended {
    output: Output,
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).unwrap()
    }

    /// Asserts success.
    pub(crate) fn well(self) -> Self {
        assert_eq!(self.code(), Some(0), "{}{}", self.stdout(), self.stderr());
        self
    }

    /// Reads standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout()).expect("standard output is JSON and nothing else")
    }
}
