//! Stopping a thread of the engine at a named place.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A place at which the first thread that comes by stops until it is told to go on.
pub(crate) struct Pause {
    place: &'static str,
    arrived: Receiver<()>,
    /// Dropped to let the thread go on.
    go: Option<Sender<()>>,
}

impl Pause {
    /// Stops the next thread at `place`; those after it pass.
    pub(crate) fn at(place: &'static str) -> Self {
        Self::at_passage(place, 1)
    }

    /// Stops whoever comes by `place` as the `nth`, counted from 1; all others pass.
    pub(crate) fn at_passage(place: &'static str, nth: usize) -> Self {
        let passages = AtomicUsize::new(0);
        let (arrive, arrived) = channel();
        let (go, gone) = channel::<()>();
        let first = Mutex::new(Some((arrive, gone)));
        fail::cfg_callback(place, move || {
            if passages.fetch_add(1, Ordering::Relaxed) + 1 != nth {
                return;
            }
            let mine = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((arrive, gone)) = mine {
                let _ = arrive.send(());
                let _ = gone.recv();
            }
        })
        .unwrap();
        Self { place, arrived, go: Some(go) }
    }

    /// Waits until a thread stands at the place.
    pub(crate) fn wait(&self) {
        let arrived = self.arrived.recv_timeout(Duration::from_secs(20));
        assert!(arrived.is_ok(), "nobody came to {}", self.place);
    }

    /// Lets the thread go on, and all later ones pass.
    pub(crate) fn resume(mut self) {
        self.go = None;
        fail::remove(self.place);
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.go = None;
    }
}
