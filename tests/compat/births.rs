//! How a collection is born on windrow's side: its habit, and its lifetime.
//!
//! Uses the public API. Invariant: Redis knows no such choice, so what it would have to know is told it by other commands.

use std::time::Duration;

use windrow::{CreateOptions, Writable};

use crate::command::{Mirror, Place};
use crate::keys::{timed, untimed};
use crate::resp::Reply;
use crate::zsets::without_negative_zero;

const HOUR: Duration = Duration::from_secs(3600);

/// Lives longer than any run.
const LASTING: Duration = HOUR.saturating_mul(24 * 365 * 60);

/// A minute to forty days: collections of different lifetimes lie in different places.
const SHORT: [Duration; 3] = [Duration::from_secs(60), HOUR, HOUR.saturating_mul(24 * 40)];

/// Does what adds to the collection at `key`, and perhaps creates it.
///
/// WHY a short lifetime is taken away at once: neither side's clock may decide. The collection stays where it was born.
pub(crate) fn born<S: Writable>(
    place: &Place<'_, S>,
    key: &[u8],
    add: impl FnOnce(CreateOptions) -> windrow::Result<Reply>,
) -> windrow::Result<Reply> {
    let habit = if fastrand::bool() { CreateOptions::new().growing() } else { CreateOptions::new() };
    let lifetime = match fastrand::usize(..6) {
        0 => LASTING,
        chosen @ 1..=3 => SHORT[chosen - 1],
        _ => return add(habit),
    };
    let was_there = place.db().exists(key)?;
    let reply = add(habit.expire_in(lifetime))?;
    if was_there || !place.db().exists(key)? {
        return Ok(reply);
    }
    if lifetime == LASTING {
        return timed(place, key, reply, lifetime);
    }
    assert!(place.db().persist(key)?, "{} was born without its lifetime", key.escape_ascii());
    Ok(reply)
}

/// Redis gives the key the expiry with which windrow's was born.
pub(crate) const BORN: Mirror = Mirror {
    commands: |command, ours| {
        let expiry = untimed(ours).1.map(|(_, time)| command.expiring_at(time));
        [command.clone()].into_iter().chain(expiry).collect()
    },
    is_legal: |_, ours, replies| {
        without_negative_zero(untimed(ours).0.clone()) == without_negative_zero(replies[0].clone())
    },
};
