//! Threads that work on what another makes, with few bytes on the way between them.
//!
//! Uses threads and a channel. Invariants: what is on the way has at most [`BYTES_PER_THREAD`] for each thread, or is one load
//! alone; nothing is waited for that no living thread will do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use parking_lot::{Condvar, Mutex};

use crate::error::{Error, ErrorKind, Result};

/// How many bytes are on the way, or worked on, for each thread. Larger: more memory; smaller: values of this size, of which each
/// goes alone then, are read and written by turns.
const BYTES_PER_THREAD: u64 = 4 << 20;

/// Lets `produce` make loads in this thread, and `work` do them in `threads` others. What `produce` is given takes a load and its
/// bytes, and answers whether it is to go on. A load of more bytes than may be on the way is alone: all before it are done when it is
/// begun, and it is done when that answers.
pub(super) fn in_parallel<T: Send, R>(
    threads: usize,
    produce: impl FnOnce(&dyn Fn(T, u64) -> bool) -> Result<R>,
    work: impl Fn(T) -> Result<()> + Sync,
) -> Result<R> {
    let limit = u64::try_from(threads).unwrap_or(u64::MAX).saturating_mul(BYTES_PER_THREAD);
    let way = Way { limit, bytes: Mutex::new(0), is_lighter: Condvar::new(), has_failed: AtomicBool::new(false) };
    thread::scope(|scope| {
        let (sender, receiver) = bounded::<(T, Passage<'_>)>(threads);
        let mut workers = Vec::with_capacity(threads);
        for _ in 0..threads {
            let receiver = receiver.clone();
            let named = thread::Builder::new().name("windrow-import".to_owned());
            let worker = named.spawn_scoped(scope, || way.work_on(receiver, &work));
            workers.push(worker.map_err(|error| Error::io("a thread of an import cannot be started", error))?);
        }
        // ORDER: only workers have receivers while something is sent, so that it ends with an error when all of them have ended.
        drop(receiver);
        let send = |load: T, bytes: u64| {
            let entered = (load, way.enter(bytes));
            if way.has_failed() || sender.send(entered).is_err() {
                return false;
            }
            if bytes > limit {
                way.wait_until(|under_way| under_way == 0);
            }
            true
        };
        let produced = produce(&send);
        drop(sender);
        let panicked = |_| Err(Error::new(ErrorKind::Io, "a thread of an import panicked"));
        let ended: Vec<Result<()>> = workers.into_iter().map(|worker| worker.join().unwrap_or_else(panicked)).collect();
        // What went wrong in a worker is why `produce` was to stop.
        ended.into_iter().collect::<Result<()>>()?;
        produced
    })
}

/// What is under way.
struct Way {
    limit: u64,
    bytes: Mutex<u64>,
    is_lighter: Condvar,
    has_failed: AtomicBool,
}

/// Bytes that are under way as long as this lives.
struct Passage<'a> {
    way: &'a Way,
    bytes: u64,
}

impl Way {
    fn work_on<T>(&self, receiver: Receiver<(T, Passage<'_>)>, work: &impl Fn(T) -> Result<()>) -> Result<()> {
        for (load, _passage) in receiver {
            if !self.has_failed() {
                work(load).inspect_err(|_| self.has_failed.store(true, Ordering::Release))?;
            }
        }
        Ok(())
    }

    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Waits until there is room for so many bytes, or nothing else is under way.
    fn enter(&self, bytes: u64) -> Passage<'_> {
        self.wait_until(|under_way| under_way == 0 || under_way.saturating_add(bytes) <= self.limit);
        *self.bytes.lock() += bytes;
        Passage { way: self, bytes }
    }

    fn wait_until(&self, is_well: impl Fn(u64) -> bool) {
        let mut under_way = self.bytes.lock();
        while !is_well(*under_way) {
            self.is_lighter.wait(&mut under_way);
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.way.has_failed.store(true, Ordering::Release);
        }
        *self.way.bytes.lock() -= self.bytes;
        self.way.is_lighter.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use super::*;

    /// A load that counts as long as it lives.
    struct Load(u64, Arc<AtomicU64>);

    impl Load {
        fn new(bytes: u64, alive: &Arc<AtomicU64>) -> Self {
            alive.fetch_add(bytes, Ordering::SeqCst);
            Self(bytes, Arc::clone(alive))
        }
    }

    impl Drop for Load {
        fn drop(&mut self) {
            self.1.fetch_sub(self.0, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_lives_at_once_is_little_or_one_load() {
        for threads in [1, 3] {
            let (alive, most) = (Arc::new(AtomicU64::new(0)), AtomicU64::new(0));
            let limit = BYTES_PER_THREAD * threads as u64;
            let sizes = [1 << 20, limit + 1, 3 << 20, limit * 10, limit * 10, 2 << 20, 1 << 20, 1].repeat(4);
            let produce = |send: &dyn Fn(Load, u64) -> bool| {
                for bytes in &sizes {
                    assert!(send(Load::new(*bytes, &alive), *bytes));
                }
                Ok(())
            };
            let done = AtomicU64::new(0);
            let work = |load: Load| {
                std::thread::sleep(Duration::from_millis(2));
                most.fetch_max(alive.load(Ordering::SeqCst), Ordering::SeqCst);
                assert!(load.0 <= limit || alive.load(Ordering::SeqCst) == load.0, "it is not alone");
                drop(load);
                done.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            in_parallel(threads, produce, work).unwrap();
            assert_eq!(done.into_inner(), sizes.len() as u64);
            let most = most.into_inner();
            // One load may wait in the thread that made it.
            assert!(most <= limit * 11, "{most} with {threads} threads");
        }
    }

    #[test]
    fn a_thread_that_fails_or_panics_ends_it_with_an_error() {
        for threads in [1, 3] {
            for panics in [false, true] {
                let produce = |send: &dyn Fn(u64, u64) -> bool| {
                    for number in 0.. {
                        if !send(number, if number % 16 == 0 { u64::MAX / 2 } else { 1 }) {
                            return Ok(number);
                        }
                    }
                    Ok(0)
                };
                let work = |number: u64| {
                    assert!(!panics || number < 100, "this test panics on purpose");
                    if number < 100 { Ok(()) } else { Err(Error::invalid("failed")) }
                };
                let kind = in_parallel(threads, produce, work).unwrap_err().kind();
                assert_eq!(kind, if panics { ErrorKind::Io } else { ErrorKind::InvalidInput });
            }
        }
    }
}
