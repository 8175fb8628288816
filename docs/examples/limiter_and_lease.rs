//! A rate limiter and a lease: two things that many services keep in Redis, each with a time to live.
//!
//! Run it with `cargo run --example limiter_and_lease`.

use std::time::Duration;

use windrow::{CreateOptions, Db, Result, SetOptions, Store, UnixMillis, ZAddOptions, ZRange};

const LIMIT: i64 = 3;
const WINDOW: Duration = Duration::from_secs(60);
const LEASE: Duration = Duration::from_secs(30);

/// Allows `LIMIT` calls in each minute of the clock. One call of the store, so it is atomic: the counter is born with its
/// time to live, and no two callers get the same count. At the turn of a minute twice the limit may pass.
fn allow_in_fixed_window(db: &Db, client: &str, now: UnixMillis) -> Result<bool> {
    let minute = now.get() / 60_000;
    let count =
        db.strings().incr_by_with(format!("calls:{client}:{minute}"), 1, CreateOptions::new().expire_in(WINDOW))?;
    Ok(count <= LIMIT)
}

/// Allows `LIMIT` calls in any 60 seconds; `call` tells calls of the same moment apart.
///
/// NOT ATOMIC: these are several calls of the store, and there are no transactions yet. The call is counted first, so
/// callers that come at the same time may all be refused, but never more than the limit let through. A process that
/// dies between the steps leaves its call counted until it leaves the window. An existing set keeps its expiry, so it is
/// moved at each call; it lies two windows ahead, so that the set never ends before the call that moves it is through.
fn allow_in_sliding_window(db: &Db, client: &str, call: &str, now: UnixMillis) -> Result<bool> {
    let key = format!("recent:{client}");
    // Exact: a moment in milliseconds is far below 2^53.
    let (at, begins) = (now.get() as f64, now.get().saturating_sub(60_000) as f64);
    db.zsets().remove_range(&key, ZRange::scores(f64::NEG_INFINITY, begins))?;
    let birth = CreateOptions::new().expire_in(2 * WINDOW).growing();
    db.zsets().add_with(&key, [(call, at)], ZAddOptions::new().create(birth))?;
    db.expire(&key, 2 * WINDOW)?;
    if db.zsets().len(&key)? <= LIMIT.unsigned_abs() {
        return Ok(true);
    }
    db.zsets().remove(&key, [call])?;
    Ok(false)
}

/// Takes the lease if nobody has it. `token` must be another one each time, or a holder that was late could not be told
/// from the one after it.
fn take(db: &Db, name: &str, token: &str) -> Result<bool> {
    Ok(db.strings().set_with(name, token, SetOptions::new().if_absent().expire_in(LEASE))?.was_set)
}

/// Prolongs the lease if it is still ours. Comparing and prolonging are one atomic call.
fn prolong(db: &Db, name: &str, token: &str) -> Result<bool> {
    db.strings().expire_if_equals(name, token, LEASE)
}

/// Gives the lease back if it is still ours. Comparing and deleting are one atomic call.
fn give_back(db: &Db, name: &str, token: &str) -> Result<bool> {
    db.strings().delete_if_equals(name, token)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let store = Store::open(dir.path().join("store"))?;

    let limits = store.namespace("limits").db(0);
    for call in 1..=5 {
        let now = store.time();
        let fixed = allow_in_fixed_window(&limits, "alice", now)?;
        let sliding = allow_in_sliding_window(&limits, "alice", &format!("call {call}"), now)?;
        println!("call {call}: fixed window {}, sliding window {}", verdict(fixed), verdict(sliding));
    }

    // A lease is an agreement, no fence: a holder that stalls past its end does not notice, so what it then does must be
    // harmless, or carry the token and be refused. For a lease that survives a power loss: `Db::with_durability`.
    let leases = store.namespace("leases").db(0);
    println!("worker 1 takes the lease: {}", take(&leases, "nightly", "worker 1, run 7")?);
    println!("worker 2 takes the lease: {}", take(&leases, "nightly", "worker 2, run 1")?);
    println!("worker 1 prolongs it: {}", prolong(&leases, "nightly", "worker 1, run 7")?);
    println!("worker 2 gives back what it does not have: {}", give_back(&leases, "nightly", "worker 2, run 1")?);
    println!("worker 1 gives it back: {}", give_back(&leases, "nightly", "worker 1, run 7")?);
    println!("worker 2 takes it now: {}", take(&leases, "nightly", "worker 2, run 2")?);
    store.close()?;
    Ok(())
}

fn verdict(allowed: bool) -> &'static str {
    if allowed { "allows it" } else { "refuses it" }
}
