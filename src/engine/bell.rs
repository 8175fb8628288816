//! Waking a background thread before its time.
//!
//! Uses `crossbeam-channel`. Invariant: ringing never waits, and a bell that was rung wakes the thread once, however often it was.

use crossbeam_channel::{Receiver, Sender, bounded};

/// A bell that one thread listens to.
pub(super) struct Bell {
    ring: Sender<()>,
    rung: Receiver<()>,
}

impl Default for Bell {
    fn default() -> Self {
        let (ring, rung) = bounded(1);
        Self { ring, rung }
    }
}

impl Bell {
    /// Wakes the thread, now or as soon as it listens again.
    pub(super) fn ring(&self) {
        // A bell that is full has been rung already.
        let _ = self.ring.try_send(());
    }

    /// What the thread waits for.
    pub(super) fn rung(&self) -> Receiver<()> {
        self.rung.clone()
    }
}
