//! Keyspace notifications: the crate's events of keys, told as messages.
//!
//! May use the crate's events and the channels. Invariants: while nobody asked for them the store is not subscribed to; a command's
//! events are told before its reply is sent; one of a key is told after those that happened before it.
//!
//! WHY by the threads of commands: a subscription of the crate is a queue, and whoever wrote empties it. A thread of its own would tell
//! events some time after the reply. What happens without a command, as keys that expire, is told by a task.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::shared::Shared;
use crate::{Event, EventOptions, Events, Result};

/// How often it is looked for what happened without a command.
const LOOK: Duration = Duration::from_millis(25);

/// The letters of the classes that Redis counts among all, in the order in which it tells them.
const ALL: &str = "g$lshzxetd";

/// What `notify-keyspace-events` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Letters {
    /// In the order in which Redis tells them.
    classes: String,
    has_new: bool,
    by_key: bool,
    by_event: bool,
}

impl Letters {
    /// Reads letters; the error is the reason for which CONFIG SET fails.
    pub(crate) fn read(text: &str) -> std::result::Result<Self, &'static str> {
        let mut letters = Self::default();
        for letter in text.chars() {
            match letter {
                'K' => letters.by_key = true,
                'E' => letters.by_event = true,
                'n' => letters.has_new = true,
                'A' => ALL.clone_into(&mut letters.classes),
                'm' => return Err("the events of class m (key miss) are not told by this server"),
                _ if !ALL.contains(letter) => return Err("Invalid event class character. Use 'Ag$lshzxeKEtdn'."),
                _ if letters.classes.contains(letter) => {}
                _ => {
                    let wanted = |one: &char| *one == letter || letters.classes.contains(*one);
                    letters.classes = ALL.chars().filter(wanted).collect();
                }
            }
        }
        Ok(letters)
    }

    /// The letters as Redis tells them: `n` does not show behind `A`.
    pub(crate) fn text(&self) -> String {
        let is_all = self.classes == ALL;
        let mut text = if is_all { "A".to_owned() } else { self.classes.clone() };
        let more = [('n', self.has_new && !is_all), ('K', self.by_key), ('E', self.by_event)];
        text.extend(more.into_iter().filter_map(|(letter, is_set)| is_set.then_some(letter)));
        text
    }

    /// What to subscribe to, if anything is to be told.
    fn options(&self) -> Result<Option<EventOptions>> {
        if (self.classes.is_empty() && !self.has_new) || !(self.by_key || self.by_event) {
            return Ok(None);
        }
        let new = if self.has_new { "n" } else { "" };
        // The server's dbs are those of the namespace without a name.
        EventOptions::new().namespace([]).letters(&format!("{}{new}", self.classes)).map(Some)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Notices {
    is_on: AtomicBool,
    turned_on: Notify,
    /// Events that were lost because more waited than there is room for.
    missed: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    letters: Letters,
    events: Option<Events>,
}

impl Notices {
    /// Whether events are told.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Tells from now on the events that the settings say. Waits for the writes that are under way.
    ///
    /// ORDER: nothing is locked while the store is subscribed to, as that waits for all locks of keys. Of several changes at once the last one
    /// in the settings holds.
    ///
    /// # Errors
    /// The store is closed, or this is inside of a transaction; the settings are then as they were.
    pub(crate) fn follow(&self, shared: &Shared) -> Result<()> {
        loop {
            let letters = shared.settings.lock().letters.clone();
            if self.state.lock().letters == letters {
                return Ok(());
            }
            let events = letters.options()?.map(|options| shared.store.subscribe(options)).transpose();
            let events = events.inspect_err(|_| {
                let before = self.state.lock().letters.clone();
                shared.settings.lock().letters = before;
            })?;
            self.tell(shared);
            let mut state = self.state.lock();
            self.is_on.store(events.is_some(), Ordering::Relaxed);
            *state = State { letters, events };
            drop(state);
            self.turned_on.notify_one();
        }
    }

    /// Tells what has happened until now. When it returns, what the caller has written is told.
    pub(crate) fn tell(&self, shared: &Shared) {
        let state = self.state.lock();
        let Some(events) = &state.events else { return };
        while let Some(event) = events.try_recv() {
            if event.missed > 0 {
                self.missed.fetch_add(event.missed, Ordering::Relaxed);
                tracing::warn!(missed = event.missed, "events of keys were not told: there were too many at once");
            }
            state.letters.publish(shared, &event);
        }
    }

    /// Tells what happens without a command, until it is dropped.
    pub(crate) async fn watch(&self, shared: &Shared) {
        loop {
            if self.is_on() {
                tokio::time::sleep(LOOK).await;
                self.tell(shared);
            } else {
                self.turned_on.notified().await;
            }
        }
    }
}

impl Letters {
    fn publish(&self, shared: &Shared, event: &Event) {
        let name = Bytes::from_static(event.kind.name().as_bytes());
        let publish = |channel: Vec<u8>, message: &Bytes| {
            shared.channels.publish(&channel.into(), message, &shared.waiting);
        };
        if self.by_key {
            publish([format!("__keyspace@{}__:", event.db).as_bytes(), &event.key].concat(), &name);
        }
        if self.by_event {
            publish([format!("__keyevent@{}__:", event.db).as_bytes(), &name].concat(), &event.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_told_as_redis_tells_them() {
        for (given, told) in [
            ("", ""),
            ("AKE", "AKE"),
            ("KA", "AK"),
            ("AKEn", "AKE"),
            ("KEgn", "gnKE"),
            ("gKE$ed", "g$edKE"),
            ("$lshzxeKE", "$lshzxeKE"),
            ("dtexzhsl$g", "A"),
            ("xxKK", "xK"),
        ] {
            let letters = Letters::read(given).unwrap();
            assert_eq!(letters.text(), told, "{given}");
        }
        assert!(Letters::read("q").is_err() && Letters::read("KEm").is_err());
        let is_heard = |text| Letters::read(text).unwrap().options().unwrap().is_some();
        assert!(is_heard("Kg") && is_heard("En") && !is_heard("KE") && !is_heard("A") && !is_heard(""));
    }
}
