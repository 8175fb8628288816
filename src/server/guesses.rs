//! Wrong passwords, of all clients.
//!
//! Uses the standard library and `parking_lot`. Invariant: who guesses is told so after a pause that grows with the wrong passwords
//! of everybody, so that many connections together guess no faster than the pause allows.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a client waits after its first wrong password; twice as long after each other one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How often the pause doubles: up to 3.2 seconds. Longer would let connections pile up that only wait.
const DOUBLINGS: u32 = 6;

/// Wrong passwords that one second makes up for. More would let many connections guess faster; fewer would let an
/// honest mistake wait for the guesses of the last minutes.
const FORGIVEN_EACH_SECOND: u32 = 1;

#[derive(Debug)]
struct Recent {
    /// Wrong passwords that are not made up for.
    count: u32,
    since: Instant,
    ever: u64,
}

/// How much was guessed of late.
#[derive(Debug)]
pub(crate) struct Guesses {
    recent: Mutex<Recent>,
}

impl Guesses {
    pub(crate) fn new() -> Self {
        Self { recent: Mutex::new(Recent { count: 0, since: Instant::now(), ever: 0 }) }
    }

    /// Counts a wrong password of a client that has given `own` before; returns how long its reply is to wait.
    pub(crate) fn wrong(&self, own: u32) -> Duration {
        let mut recent = self.recent.lock();
        let seconds = recent.since.elapsed().as_secs();
        if seconds > 0 {
            let forgiven = u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(FORGIVEN_EACH_SECOND);
            recent.count = recent.count.saturating_sub(forgiven);
            recent.since = Instant::now();
        }
        let doublings = own.max(recent.count / 4).min(DOUBLINGS);
        // WHY a limit: an attack that ends is forgotten within a minute.
        recent.count = (recent.count + 1).min(60);
        recent.ever += 1;
        FIRST_PAUSE * 2_u32.pow(doublings)
    }

    pub(crate) fn wrong_ever(&self) -> u64 {
        self.recent.lock().ever
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_wrong_passwords_of_one_and_of_all() {
        let guesses = Guesses::new();
        assert_eq!(guesses.wrong(0), FIRST_PAUSE);
        assert_eq!(guesses.wrong(2), FIRST_PAUSE * 4);
        for _ in 0..100 {
            guesses.wrong(0);
        }
        assert_eq!(guesses.wrong(0), FIRST_PAUSE * 64);
        assert_eq!(guesses.wrong(u32::MAX), FIRST_PAUSE * 64);
        assert_eq!(guesses.wrong_ever(), 104);
    }
}
