//! What all connections share.
//!
//! May use the crate's public handles. Invariant: everything here is safe to use from any thread and holds no lock while a command
//! runs, but for the gate.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::ServerOptions;
use super::channels::Channels;
use super::clients::Clients;
use super::cursors::Cursors;
use super::guesses::Guesses;
use super::health::Health;
use super::inbox::OutputLimits;
use super::monitors::Monitors;
use super::notices::{Letters, Notices};
use super::pauses::Pauses;
use super::saves::Saves;
use super::shape::Shape;
use super::tally::Tally;
use super::waiting::Waiting;
use crate::Store;

/// What can be changed while the server runs.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) password: Option<String>,
    pub(crate) max_clients: usize,
    pub(crate) timeout: Duration,
    /// How much may wait for a subscriber.
    pub(crate) subscriber_limits: OutputLimits,
    /// Which events of keys are told.
    pub(crate) letters: Letters,
    pub(crate) shape: Shape,
    /// Microseconds from which on a command goes to the slow log; below zero: none does.
    pub(crate) slower_than: i64,
    /// How many commands the slow log keeps.
    pub(crate) slow_most: u64,
    /// Milliseconds from which on a slow moment is kept; 0: none is.
    pub(crate) latency_threshold: u64,
}

/// Shared by all connections.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) directory: String,
    pub(crate) options: ServerOptions,
    pub(crate) settings: Mutex<Settings>,
    pub(crate) clients: Clients,
    pub(crate) cursors: Cursors,
    pub(crate) tally: Tally,
    /// Held by every command, shared; and by a transaction alone that does what the crate's transactions do not offer.
    pub(crate) gate: RwLock<()>,
    /// Clients that wait for keys.
    pub(crate) waiters: Waiting,
    pub(crate) pauses: Pauses,
    pub(crate) channels: Channels,
    pub(crate) notices: Notices,
    pub(crate) monitors: Monitors,
    /// Bytes of requests and replies that wait, of all clients.
    pub(crate) waiting: AtomicUsize,
    pub(crate) commands_done: AtomicU64,
    pub(crate) refused_clients: AtomicU64,
    /// Clients that were sent away because too much of theirs waited.
    pub(crate) over_limit: AtomicU64,
    pub(crate) health: Health,
    pub(crate) saves: Saves,
    pub(crate) guesses: Guesses,
    pub(crate) started: Instant,
    pub(crate) port: Option<u16>,
    /// True once the server is to stop.
    pub(crate) stop: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(store: Store, directory: String, options: ServerOptions, port: Option<u16>) -> Self {
        let channels = Channels::new(options.subscriber_limits);
        let settings = Settings {
            password: options.password.clone(),
            max_clients: options.max_clients,
            timeout: options.timeout,
            subscriber_limits: options.subscriber_limits,
            letters: Letters::default(),
            shape: Shape::default(),
            slower_than: 10_000,
            slow_most: 128,
            latency_threshold: 0,
        };
        let tally = Tally::new();
        tally.set_limits(settings.slower_than, settings.slow_most, settings.latency_threshold);
        let saves = Saves::of(&store, options.saves_kept);
        Self {
            store,
            directory,
            options,
            settings: Mutex::new(settings),
            clients: Clients::default(),
            cursors: Cursors::new(),
            tally,
            gate: RwLock::new(()),
            waiters: Waiting::default(),
            pauses: Pauses::default(),
            channels,
            notices: Notices::default(),
            monitors: Monitors::default(),
            waiting: AtomicUsize::new(0),
            commands_done: AtomicU64::new(0),
            refused_clients: AtomicU64::new(0),
            over_limit: AtomicU64::new(0),
            health: Health::default(),
            saves,
            guesses: Guesses::new(),
            started: Instant::now(),
            port,
            stop: watch::Sender::new(false),
        }
    }

    /// The number of a db, if there is such a one.
    pub(crate) fn db_number(&self, number: i64) -> Option<u32> {
        u32::try_from(number).ok().filter(|number| *number < self.options.databases)
    }

    pub(crate) fn needs_password(&self) -> bool {
        self.settings.lock().password.is_some()
    }

    /// Whether this is the password. Takes as long for a wrong one as for the right one of the same length.
    pub(crate) fn is_password(&self, given: &[u8]) -> bool {
        let settings = self.settings.lock();
        let Some(password) = &settings.password else {
            return true;
        };
        let password = password.as_bytes();
        let mut differs = u8::from(password.len() != given.len());
        for (place, byte) in given.iter().enumerate() {
            // Some byte of the password for each byte that was given, so that its length does not show either.
            let other = password.get(place % password.len().max(1)).copied().unwrap_or_default();
            differs |= byte ^ other;
        }
        std::hint::black_box(differs) == 0
    }
}
