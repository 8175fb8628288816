//! A deduplicating window: which clients were seen in each minute, for the last five minutes.
//!
//! Run it with `cargo run --example rate_window`.

use std::time::Duration;

use windrow::{CreateOptions, Store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path().join("store"))?;
    let db = store.namespace("seen").db(0);

    // Each window is a set of its own and says at birth how long it lives; it is added to while it is current.
    let five_minutes = CreateOptions::new().expire_in(Duration::from_secs(300)).growing();
    for (minute, client) in [(0, "10.0.0.1"), (0, "10.0.0.2"), (0, "10.0.0.1"), (1, "10.0.0.1")] {
        let is_new = db.sets().add_with(format!("minute:{minute}"), [client], five_minutes)? == 1;
        println!("minute {minute}: {client} {}", if is_new { "is new" } else { "was seen" });
    }

    // A view counts all windows at one moment, whatever is written meanwhile.
    let view = store.view()?;
    let frozen = view.namespace("seen").db(0);
    for key in frozen.keys("minute:")? {
        let key = key?;
        println!("{} has {} clients", key.escape_ascii(), frozen.sets().len(&key)?);
    }
    store.close()?;
    Ok(())
}
