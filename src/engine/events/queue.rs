//! The events that wait for one subscriber.
//!
//! Uses `parking_lot`. Invariants: putting never waits for the subscriber; what is missed lies before the oldest event that
//! waits, so whoever reads on learns of it; nothing is put once the queue is closed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::engine::events::Event;

#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Event>,
    /// Missed since the last event that was taken.
    gap: u64,
    /// Missed in all.
    missed: u64,
    is_closed: bool,
}

impl State {
    fn take(&mut self) -> Option<Event> {
        let mut event = self.events.pop_front()?;
        event.missed = std::mem::take(&mut self.gap);
        Some(event)
    }
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), arrived: Condvar::new() }
    }

    pub(super) fn put(&self, event: Event) {
        let mut state = self.state.lock();
        if state.is_closed {
            return;
        }
        if state.events.len() >= self.capacity {
            state.events.pop_front();
            state.gap += 1;
            state.missed += 1;
        }
        state.events.push_back(event);
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes the oldest event, waiting for one until the deadline, if there is one. `None` if there is none by then, or
    /// never again.
    pub(super) fn take_until(&self, deadline: Option<Instant>) -> Option<Event> {
        let mut state = self.state.lock();
        loop {
            if let Some(event) = state.take() {
                return Some(event);
            }
            if state.is_closed {
                return None;
            }
            match deadline {
                None => self.arrived.wait(&mut state),
                Some(deadline) if Instant::now() >= deadline => return None,
                Some(deadline) => {
                    self.arrived.wait_until(&mut state, deadline);
                }
            }
        }
    }

    pub(super) fn take_now(&self) -> Option<Event> {
        self.state.lock().take()
    }

    /// Takes the oldest event, waiting for one for so long; for ever, if that is longer than time can be counted.
    pub(super) fn take_within(&self, patience: Duration) -> Option<Event> {
        self.take_until(Instant::now().checked_add(patience))
    }

    pub(super) fn missed(&self) -> u64 {
        self.state.lock().missed
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().events.len()
    }

    /// Tells whether nothing comes any more.
    pub(super) fn has_ended(&self) -> bool {
        let state = self.state.lock();
        state.is_closed && state.events.is_empty()
    }

    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.arrived.notify_all();
    }
}
