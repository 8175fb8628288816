//! The same work on many collections, by several threads.
//!
//! Uses nothing of the crate. Invariant: collections are taken in order; after a failure no new one is begun.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{Failure, Result};

/// Calls `work` with every number that `indexes` holds, and returns the first failure.
pub(crate) fn in_parallel(
    threads: usize,
    indexes: impl ExactSizeIterator<Item = usize> + Clone + Sync,
    work: impl Fn(usize) -> Result<()> + Sync,
) -> Result<()> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let one_thread = || {
        while !failed.load(Ordering::Relaxed) {
            let Some(index) = indexes.clone().nth(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            if let Err(failure) = work(index) {
                failed.store(true, Ordering::Relaxed);
                return Err(failure);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for number in 0..threads.max(1) {
            let thread = std::thread::Builder::new().name(format!("bench-{number}"));
            match thread.spawn_scoped(scope, one_thread) {
                Ok(handle) => running.push(handle),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    return Err(Failure::new(format!("cannot start a thread: {error}")));
                }
            }
        }
        let mut outcome = Ok(());
        for handle in running {
            let ended = handle.join().unwrap_or_else(|_| Err(Failure::new("a thread panicked")));
            outcome = outcome.and(ended);
        }
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_worked_on_once() {
        let seen: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
        in_parallel(4, (10..90).step_by(3), |index| {
            seen[index].fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        for (index, times) in seen.iter().enumerate() {
            let expected = usize::from((10..90).contains(&index) && (index - 10) % 3 == 0);
            assert_eq!(times.load(Ordering::Relaxed), expected, "{index}");
        }
    }

    #[test]
    fn a_failure_stops_all_threads_and_is_returned() {
        let done = AtomicUsize::new(0);
        let failure = in_parallel(2, 0..1_000_000_usize, |index| {
            done.fetch_add(1, Ordering::Relaxed);
            if index == 7 { Err(Failure::new("seven")) } else { Ok(()) }
        });
        assert_eq!(failure, Err(Failure::new("seven")));
        assert!(done.load(Ordering::Relaxed) < 1_000_000);
    }
}
