//! How often a test has come by a named place of the engine.
//!
//! Fail points belong to all tests of this process, so each thread is counted by itself. A store without background threads works on
//! the thread that settles it, as long as no more than one of its data families has anything to give back.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

type Counts = HashMap<(ThreadId, &'static str), usize>;

static PASSED: Mutex<Option<Counts>> = Mutex::new(None);

/// Counts the passages of this thread from here on.
#[derive(Clone, Copy)]
pub(crate) struct Passages {
    place: &'static str,
    before: usize,
}

impl Passages {
    pub(crate) fn of(place: &'static str) -> Self {
        // Whoever was there before has set the same.
        fail::cfg_callback(place, move || {
            let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
            *passed.get_or_insert_default().entry((thread::current().id(), place)).or_default() += 1;
        })
        .unwrap();
        Self { place, before: passed(place) }
    }

    pub(crate) fn count(self) -> usize {
        passed(self.place) - self.before
    }
}

fn passed(place: &'static str) -> usize {
    let passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    passed.as_ref().and_then(|passed| passed.get(&(thread::current().id(), place)).copied()).unwrap_or(0)
}
