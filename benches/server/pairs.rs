//! What clients feel while expired sets are reclaimed, against what they feel when nothing dies: pairs of stretches in one server.
//!
//! Uses a child, and the load of the bench `reclaim`. Invariant: each pair has one idle stretch, before the death, and one that begins with
//! the death and ends when the space is back, after a second at the soonest; all sets of a pair die at one moment.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::client::{Client, request};
use super::foreground::Foreground;
use super::latency::Pace;
use super::options::Asked;
use super::servers::Server;
use super::spread::Spread;
use super::workload::mixed;

/// Bytes of a set's one member: too many to lie in its record.
const MEMBER_BYTES: usize = 200;
/// Of the files that a pair's sets fill, so much may stay.
const LEFT_OVER_SHARE: u64 = 10;
/// How long an idle stretch lasts.
const IDLE: Duration = Duration::from_secs(3);
/// How long the other stretch lasts at least. WHY: the dead are found and marked also where their space was never in files.
const LEAST: Duration = Duration::from_secs(1);
/// How long the space may take to come back.
const WAIT: Duration = Duration::from_secs(60);
/// What filling may take, and what more for each set. WHY: the moment of death is told to the server with each set.
const FILLING: Duration = Duration::from_secs(5);
const FILLING_EACH: Duration = Duration::from_micros(40);
/// For so long the files must not have changed before nothing goes on.
const QUIET: Duration = Duration::from_secs(2);
/// Between two looks at the files.
const POLL: Duration = Duration::from_millis(10);
/// Sets that are sent at once.
const SENT_TOGETHER: u64 = 200;

/// Lets the foreground end, whatever happens.
struct AtEnd<'a, 'b>(&'a Foreground<'b>);

impl Drop for AtEnd<'_, '_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What was felt, and how long the space took; none: too long.
struct Pair {
    idle: Pace,
    reclaiming: Pace,
    seconds_to_freed: Option<f64>,
}

/// Runs the pairs and prints what they say.
pub(crate) fn run(asked: &Asked, count: u32) -> Value {
    let server = Server::windrow(&asked.directory, None);
    let (filler, caller) = (Client::connect(server.port), Client::connect(server.port));
    let began = Instant::now();
    let foreground = Foreground::new(&caller, began, asked.rate);
    let pairs: Vec<Pair> = std::thread::scope(|scope| {
        let _end = AtEnd(&foreground);
        scope.spawn(|| foreground.work());
        let pair = |turn| one(asked, turn, (&server, &filler), (&foreground, began));
        (0..count).map(|turn| pair(turn).inspect(|_| foreground.forget())).collect::<Option<_>>()
    })
    .expect("operations in every stretch");
    let spread = |figure: &dyn Fn(&Pair) -> f64| Spread::of(pairs.iter().map(figure)).expect("a pair at least");
    let ratio = spread(&|pair| pair.reclaiming.p99_us / pair.idle.p99_us);
    println!(
        "{count} pairs of {} sets that expire, beside {} operations in a second through a connection:",
        asked.collections, asked.rate
    );
    println!(
        "  p99 while reclaiming / idle: {:.2} (quartiles {:.2} and {:.2}); target 1.25",
        ratio.median, ratio.first_quartile, ratio.third_quartile
    );
    println!("  p99 idle, in µs: {}", spread(&|pair| pair.idle.p99_us));
    println!("  p50 while reclaiming / idle: {}", spread(&|pair| pair.reclaiming.p50_us / pair.idle.p50_us));
    let never = pairs.iter().filter(|pair| pair.seconds_to_freed.is_none()).count();
    println!(
        "  seconds to freed: {}; not in time: {never}",
        spread(&|pair| pair.seconds_to_freed.unwrap_or(WAIT.as_secs_f64()))
    );
    assert_eq!(foreground.wrong(), 0, "a living key was read wrong");
    json!({
        "pairs": count, "collections": asked.collections, "p99_ratio": ratio.median,
        "p99_idle_us": pairs.iter().map(|pair| pair.idle.p99_us).collect::<Vec<_>>(),
        "p99_reclaiming_us": pairs.iter().map(|pair| pair.reclaiming.p99_us).collect::<Vec<_>>(),
        "seconds_to_freed": pairs.iter().map(|pair| pair.seconds_to_freed).collect::<Vec<_>>(),
    })
}

/// One death.
fn one(
    asked: &Asked,
    turn: u32,
    (server, filler): (&Server, &Client),
    (foreground, began): (&Foreground<'_>, Instant),
) -> Option<Pair> {
    let store = server.store();
    let before = file_bytes(&store);
    let death =
        Instant::now() + FILLING + FILLING_EACH * u32::try_from(asked.collections).expect("so many at most") + IDLE;
    fill(asked, turn, filler, death);
    assert!(Instant::now() < death - IDLE, "the sets die while they are written: the machine is too slow");
    look_until(death - IDLE, || false);
    let loaded = file_bytes(&store).saturating_sub(before);
    let limit = before + loaded / LEFT_OVER_SHARE;
    // WHY looking, too: so does the other stretch.
    look_until(death, || file_bytes(&store) == u64::MAX);
    let is_freed = look_until(death + WAIT, || file_bytes(&store) <= limit);
    let (died_at, freed_at) = (death - began, began.elapsed());
    look_until(death + LEAST, || false);
    let pair = Pair {
        idle: foreground.pace(&(died_at - IDLE..died_at))?,
        reclaiming: foreground.pace(&(died_at..freed_at.max(died_at + LEAST)))?,
        seconds_to_freed: is_freed.then_some((freed_at - died_at).as_secs_f64()),
    };
    wait_until_quiet(&store, Instant::now() + WAIT);
    Some(pair)
}

/// Writes the sets, each with its moment of death.
fn fill(asked: &Asked, turn: u32, client: &Client, death: Instant) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let death = (now + (death - Instant::now())).as_millis().to_string();
    let mut member = [0; MEMBER_BYTES];
    for first in (0..asked.collections).step_by(usize::try_from(SENT_TOGETHER).expect("a few")) {
        let numbers = first..asked.collections.min(first + SENT_TOGETHER);
        let (mut bytes, count) = (Vec::new(), numbers.clone().count());
        for number in numbers {
            let key = format!("window:{turn}:{number}");
            member
                .chunks_exact_mut(8)
                .zip(number..)
                .for_each(|(chunk, n)| chunk.copy_from_slice(&mixed(n).to_be_bytes()));
            request(&mut bytes, &[b"SADD".as_slice(), key.as_bytes(), &member]);
            request(&mut bytes, &[b"PEXPIREAT".as_slice(), key.as_bytes(), death.as_bytes()]);
        }
        client.ask(&bytes, 2 * count);
    }
}

/// The bytes of the SST files.
fn file_bytes(store: &Path) -> u64 {
    let files = std::fs::read_dir(store).expect("the store's directory").flatten();
    let files = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "sst"));
    files.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Looks until it is so, or until a moment; returns whether it is.
fn look_until(end: Instant, is_so: impl Fn() -> bool) -> bool {
    while Instant::now() < end {
        if is_so() {
            return true;
        }
        std::thread::sleep(POLL);
    }
    false
}

/// Waits until the files have not changed for a second, and at most until a moment.
fn wait_until_quiet(store: &Path, end: Instant) {
    let (mut last, mut moved_at) = (file_bytes(store), Instant::now());
    while Instant::now() < end && moved_at.elapsed() < QUIET {
        std::thread::sleep(POLL);
        let bytes = file_bytes(store);
        if bytes != last {
            (last, moved_at) = (bytes, Instant::now());
        }
    }
}
