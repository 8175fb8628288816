//! Filling a window: every collection in as few calls as memory allows.
//!
//! Uses the public handles. Invariant: a collection is entered in the ledger once its last call is done; one
//! that could not be read is not in the store.

use std::time::{Duration, Instant};

use super::Result;
use super::parallel::in_parallel;
use super::run::Run;
use super::text::{bytes, count, rate, wide};
use crate::CreateOptions;

/// Bytes of one call. WHY: larger ones take several times as much memory for each thread, and the store would write them in
/// several commits; smaller ones write a set in more pieces.
const COMMIT_BYTES: usize = 15 << 20;

/// What filling and checking one window came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WindowFigures {
    pub(crate) collections: u64,
    pub(crate) bytes: u64,
    pub(crate) commits: u64,
    pub(crate) write_seconds: f64,
    pub(crate) check_seconds: f64,
}

/// Writes the collections of a window.
pub(crate) fn write_window(run: &Run, window: u32) -> Result<WindowFigures> {
    let name = format!("window {} of {}", window + 1, run.asked.windows);
    run.progress.phase(format!("writing {name}"));
    let (collections, loaded) = (run.ledger.loaded_collections(), run.ledger.loaded_bytes());
    let (commits, began) = (run.latencies.count(), Instant::now());
    in_parallel(run.asked.threads, run.workload.window(window), |index| write_collection(run, window, index))?;
    let figures = WindowFigures {
        collections: run.ledger.loaded_collections() - collections,
        bytes: run.ledger.loaded_bytes() - loaded,
        commits: run.latencies.count() - commits,
        write_seconds: began.elapsed().as_secs_f64(),
        check_seconds: 0.0,
    };
    run.progress.line(&format!(
        "{name} written: {} sets, {} in {:.1} s ({:.0} commits/s)",
        count(figures.collections),
        bytes(figures.bytes),
        figures.write_seconds,
        rate(figures.commits, figures.write_seconds)
    ));
    Ok(figures)
}

fn write_collection(run: &Run, window: u32, index: usize) -> Result<()> {
    let key = run.workload.key(index);
    let expires_at = run.times.expiry(window, run.store.time());
    let unreadable = |error: std::io::Error| {
        run.progress.unreadable(std::path::Path::new(&*String::from_utf8_lossy(&key)), &error);
    };
    let mut members = match run.workload.members(index) {
        Ok(members) => members.peekable(),
        Err(error) => {
            unreadable(error);
            return Ok(());
        }
    };
    let (mut written, mut piece) = (0, Vec::new());
    while members.peek().is_some() {
        let mut held = 0;
        while held < COMMIT_BYTES
            && let Some(member) = members.next()
        {
            match member {
                Ok(member) => {
                    held += member.len();
                    piece.push(member);
                }
                Err(error) => {
                    run.db.delete([&key])?;
                    unreadable(error);
                    return Ok(());
                }
            }
        }
        let mut birth = CreateOptions::new().expire_at(expires_at);
        if written > 0 || members.peek().is_some() {
            birth = birth.growing();
        }
        let began = Instant::now();
        run.db.sets().add_with(&key, piece.drain(..), birth)?;
        run.latencies.add(began.elapsed());
        written += wide(held);
    }
    run.ledger.enter(index, expires_at, written);
    Ok(())
}

/// Sums what all windows came to.
pub(crate) fn total(windows: &[WindowFigures]) -> (u64, Duration) {
    let commits = windows.iter().map(|window| window.commits).sum();
    let seconds: f64 = windows.iter().map(|window| window.write_seconds).sum();
    (commits, Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn a_set_larger_than_one_commit_is_written_whole() {
        let run = fixture::generated(1, 1, 33, 1 << 20);
        let figures = write_window(&run, 0).unwrap();
        assert_eq!((figures.collections, figures.commits), (1, 3));
        assert_eq!(figures.bytes, 33 << 20);
        assert_eq!(run.db.sets().len(run.workload.key(0)).unwrap(), 33);
        assert_eq!(total(&[figures, figures]).0, 6);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_and_leaves_nothing_in_the_store() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("gone"), "x").unwrap();
        std::fs::write(dir.path().join("here"), "x").unwrap();
        let run = fixture::tree(1, dir.path());
        std::fs::remove_file(dir.path().join("gone")).unwrap();
        let figures = write_window(&run, 0).unwrap();
        assert_eq!(figures.collections, 1);
        assert_eq!(run.progress.troubles().unreadable.first, ["gone"]);
        assert_eq!(run.ledger.expiry(0), None);
        assert_eq!(run.db.len().unwrap(), 1);
    }

    #[test]
    fn sets_die_with_the_tick_after_the_second_window() {
        let run = fixture::generated(1, 3, 1, 8);
        write_window(&run, 0).unwrap();
        for _ in 0..3 {
            assert!(run.db.exists(run.workload.key(2)).unwrap());
            run.times.window_written();
        }
        assert!(!run.db.exists(run.workload.key(2)).unwrap());
    }
}
