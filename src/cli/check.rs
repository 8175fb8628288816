//! Reading back: every byte of what lives, and the absence of what died.
//!
//! Uses the public handles. Invariant: only what is certainly alive must be there, and only what is certainly
//! dead must not; a collection that dies while it is read may be either.

use std::ops::Range;
use std::time::Instant;

use super::Result;
use super::parallel::in_parallel;
use super::run::Run;
use crate::failpoint::failpoint;

/// Collections of a window that are looked at right after it died.
const ABSENCE_SAMPLE: usize = 1000;

/// Checks windows, and remembers which were found to be gone.
#[derive(Debug)]
pub(crate) struct Checker {
    gone: Vec<bool>,
}

/// What reading one collection back showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It is as written, or rightly absent.
    Right { alive: bool },
    /// It is not.
    Wrong(&'static str),
    /// Its source is not what it was, so nothing can be said.
    SourceChanged,
    /// It died meanwhile, or was never written.
    Nothing,
}

impl Checker {
    pub(crate) fn new(windows: u32) -> Self {
        Self { gone: vec![false; usize::try_from(windows).unwrap_or(0)] }
    }

    /// Checks one collection in `step` of all windows up to the `last`, and all of a window that died since the
    /// last time. Returns the seconds it took.
    pub(crate) fn check_through(&mut self, run: &Run, last: u32, step: usize) -> Result<f64> {
        let began = Instant::now();
        for (window, gone) in (0..=last).zip(&mut self.gone) {
            let collections = run.workload.window(window);
            let dead = run.ledger.all_dead(collections.clone(), run.store.time());
            if dead && *gone {
                continue;
            }
            run.progress.phase(format!("checking window {}", window + 1));
            check_collections(run, collections, step)?;
            *gone = dead;
        }
        Ok(began.elapsed().as_secs_f64())
    }
}

/// Looks at a sample of a window right after it died.
pub(crate) fn sample_absence(run: &Run, window: u32) -> Result<()> {
    let collections = run.workload.window(window);
    let step = collections.len().div_ceil(ABSENCE_SAMPLE);
    check_collections(run, collections, step)
}

fn check_collections(run: &Run, collections: Range<usize>, step: usize) -> Result<()> {
    in_parallel(run.asked.threads, collections.step_by(step.max(1)), |index| {
        match check_collection(run, index)? {
            Found::Right { alive: true } => run.ledger.verify(index),
            Found::Right { alive: false } | Found::Nothing => {}
            Found::Wrong(what) => {
                run.progress.mismatch(&run.workload.key(index), what);
                run.ledger.forget(index);
            }
            Found::SourceChanged => {
                run.progress.changed(&run.workload.key(index));
                run.ledger.forget(index);
            }
        }
        Ok(())
    })
}

fn check_collection(run: &Run, index: usize) -> Result<Found> {
    let Some(expires_at) = run.ledger.expiry(index) else {
        return Ok(Found::Nothing);
    };
    let key = run.workload.key(index);
    if expires_at <= run.store.time() {
        return Ok(if run.db.exists(&key)? {
            Found::Wrong("still there after its expiry")
        } else {
            Found::Right { alive: false }
        });
    }
    match compare(run, index, &key)? {
        Found::Wrong(_) if expires_at <= run.store.time() => Ok(Found::Nothing),
        Found::Wrong(_) if run.workload.has_changed(index) => Ok(Found::SourceChanged),
        found => Ok(found),
    }
}

/// Compares the stored members with those of the workload, one by one, in the order of their bytes.
fn compare(run: &Run, index: usize, key: &[u8]) -> Result<Found> {
    let mut expected = match run.workload.members(index) {
        Ok(expected) => expected,
        Err(_) => return Ok(Found::SourceChanged),
    };
    let mut stored = run.db.sets().members(key)?;
    if loses_a_member() {
        stored.next();
    }
    loop {
        match (expected.next(), stored.next().transpose()?) {
            (None, None) => return Ok(Found::Right { alive: true }),
            (Some(Err(_)), _) => return Ok(Found::SourceChanged),
            (Some(Ok(expected)), Some(stored)) if expected == stored => {}
            (Some(_), None) => return Ok(Found::Wrong("a member is missing")),
            (None, Some(_)) => return Ok(Found::Wrong("there is a member too many")),
            (Some(_), Some(_)) => return Ok(Found::Wrong("a member differs from what was written")),
        }
    }
}

/// Lets a test lose a member on its way back.
fn loses_a_member() -> bool {
    failpoint!("check::lose_member", |_| true);
    false
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::super::write::write_window;
    use super::*;
    use crate::UnixMillis;

    fn written() -> Run {
        let run = fixture::generated(1, 4, 3, 16);
        write_window(&run, 0).unwrap();
        run
    }

    fn mismatches(run: &Run) -> (u64, u64) {
        Checker::new(1).check_through(run, 0, 1).unwrap();
        (run.progress.troubles().mismatches.count, run.ledger.verified_collections())
    }

    fn members(run: &Run, index: usize) -> Vec<Vec<u8>> {
        run.workload.members(index).unwrap().map(|member| member.unwrap()).collect()
    }

    #[test]
    fn what_is_as_written_is_verified() {
        assert_eq!(mismatches(&written()), (0, 4));
    }

    #[test]
    fn a_lost_set_a_missing_member_and_one_too_many_are_mismatches() {
        let run = written();
        run.db.delete([run.workload.key(0)]).unwrap();
        let third = members(&run, 1).pop().unwrap();
        run.db.sets().remove(run.workload.key(1), [third]).unwrap();
        run.db.sets().add(run.workload.key(2), [[0xff; 16]]).unwrap();
        assert_eq!(mismatches(&run), (3, 1));
    }

    #[test]
    fn one_different_bit_is_a_mismatch_and_counts_once() {
        let run = written();
        let mut third = members(&run, 3).pop().unwrap();
        run.db.sets().remove(run.workload.key(3), [&third]).unwrap();
        third[15] ^= 1;
        run.db.sets().add(run.workload.key(3), [&third]).unwrap();
        assert_eq!(mismatches(&run), (1, 3));
        assert_eq!(mismatches(&run), (1, 3));
    }

    #[test]
    fn a_set_that_outlives_its_expiry_is_a_mismatch() {
        let run = written();
        let just_now = UnixMillis::new(run.times.start().get() - 1);
        run.ledger.enter(2, just_now.max(UnixMillis::new(1)), 0);
        run.times.window_written();
        assert_eq!(mismatches(&run), (1, 3));
    }

    #[test]
    fn a_window_that_is_gone_is_looked_at_once() {
        let run = written();
        run.times.window_written();
        run.times.pass_last_expiry();
        let mut checker = Checker::new(1);
        checker.check_through(&run, 0, 1).unwrap();
        assert_eq!(checker.gone, [true]);
        run.db.sets().add(run.workload.key(0), ["back"]).unwrap();
        checker.check_through(&run, 0, 1).unwrap();
        assert_eq!(run.progress.troubles().mismatches.count, 0, "not looked at again");
        sample_absence(&run, 0).unwrap();
        assert_eq!(run.progress.troubles().mismatches.count, 1, "but for a sample");
    }

    #[test]
    fn a_file_that_somebody_changed_is_no_mismatch() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["changed", "gone", "same"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let run = fixture::tree(1, dir.path());
        write_window(&run, 0).unwrap();
        std::fs::write(dir.path().join("changed"), "something else").unwrap();
        std::fs::remove_file(dir.path().join("gone")).unwrap();
        assert_eq!(mismatches(&run), (0, 1));
        assert_eq!(run.progress.troubles().changed.first, ["changed", "gone"]);
    }

    #[test]
    fn a_file_that_is_not_as_stored_is_a_mismatch() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), vec![3; 5000]).unwrap();
        let run = fixture::tree(1, dir.path());
        write_window(&run, 0).unwrap();
        let second = members(&run, 0).pop().unwrap();
        run.db.sets().remove("file", [second]).unwrap();
        assert_eq!(mismatches(&run), (1, 0));
    }
}
