//! Events: what subscribers are told, in which order, and what they are not.

mod expired;
mod kinds;
mod model;
mod races;
mod subscriptions;

use windrow::{Events, Store};

/// What has happened and is not taken yet: `db kind key` each, without the db if it is 0.
fn taken(events: &Events) -> Vec<String> {
    std::iter::from_fn(|| events.try_recv())
        .map(|event| {
            let key = String::from_utf8_lossy(&event.key).into_owned();
            let db = if event.db == 0 { String::new() } else { format!("{} ", event.db) };
            format!("{db}{} {key}", event.kind.name())
        })
        .collect()
}

fn subscribe(store: &Store) -> Events {
    store.subscribe(windrow::EventOptions::new()).unwrap()
}
