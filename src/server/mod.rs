//! The server: any Redis client in front of a store.
//!
//! What lives here: listening, connections, what a connection remembers, and the commands. It may use the crate's public handles,
//! `resp`, and `tokio`. Invariants: nothing is allocated for a length that a client only claims; what a client can make the
//! server keep has a limit; a reply says what was done.
//!
//! Data flow: `listener` accepts, `connection` reads and writes, `burst` gathers what shares a commit, `session` finds the
//! command and does it, `commands` hold the handlers, which call the engine.

mod burst;
mod channels;
mod clients;
mod commands;
mod connection;
mod cursors;
mod guesses;
mod health;
mod inbox;
mod listener;
mod metrics;
mod monitors;
mod notices;
mod options;
mod pauses;
mod saves;
mod scrape;
mod session;
mod shape;
mod shared;
mod socket;
mod standing;
mod tally;
mod timing;
mod waiting;

pub use inbox::OutputLimits;
pub use listener::{Server, Stopper};
pub use options::{ServerError, ServerOptions};
