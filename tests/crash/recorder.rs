//! Takes copies of a store's directory at named places and knows what each of them must hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windrow::{Clock, CreateOptions, DataType, ManualClock, Store, UnixMillis};

use crate::data::{keys, members};
use crate::disk::copy_store;
use crate::fixture::{Fixture, assert_clean, settle};

/// What a key holds, by its length and a hash: many worlds are kept at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    length: usize,
    hash: u64,
}

impl Value {
    pub(crate) fn string(bytes: &[u8]) -> Self {
        Self { length: bytes.len(), hash: hash_of(&("string", bytes)) }
    }

    pub(crate) fn set(members: &BTreeSet<Vec<u8>>) -> Self {
        Self { length: members.len(), hash: hash_of(&("set", members)) }
    }
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The passages of a place, in each phase, at which a copy is taken: the first one and some later one, when there is
/// more behind it.
const PASSAGES_COPIED: &[usize] = &[1, 12];
/// The same for commits. The second one stands between two halves, if the first change of a phase were not one commit.
const COMMITS_COPIED: &[usize] = &[1, 2, 25];

/// Everything that dbs 0 to 2 hold, with each key's time of expiry.
pub(crate) type World = BTreeMap<(u32, Vec<u8>), (Value, Option<UnixMillis>)>;

/// Places that opening passes by after a crash.
const OPENING: &[&str] = &["open::before_leases", "open::before_burial"];

/// One copy and what it may hold.
struct Copy {
    label: String,
    path: PathBuf,
    now: UnixMillis,
    /// It must hold one of these, and nothing in between.
    allowed: Vec<World>,
}

struct Inner {
    copies: Vec<Copy>,
    /// How often each place was passed in the current phase.
    passed: HashMap<&'static str, usize>,
    phase: &'static str,
    /// The worlds since the last one that must survive.
    history: Vec<World>,
}

/// Drives a store step by step and records copies meanwhile.
pub(crate) struct Recorder<'a> {
    fixture: &'a Fixture,
    store: Store,
    inner: Arc<Mutex<Inner>>,
    places: &'static [&'static str],
    /// Whether a committed step may be lost until the log was synced.
    loses_power: bool,
}

impl<'a> Recorder<'a> {
    /// Begins with a new store.
    pub(crate) fn new(fixture: &'a Fixture, places: &'static [&'static str], loses_power: bool) -> Self {
        hold_log(loses_power);
        let store = fixture.open();
        Self { fixture, store, inner: listen(fixture, places, World::new()), places, loses_power }
    }

    /// Begins with a closed store that holds `world`; copies are taken of its opening, too.
    pub(crate) fn reopening(
        fixture: &'a Fixture,
        places: &'static [&'static str],
        loses_power: bool,
        world: World,
    ) -> Self {
        hold_log(loses_power);
        let inner = listen(fixture, places, world);
        Self { fixture, store: fixture.open(), inner, places, loses_power }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Begins a phase, in which the passages of every place are counted anew.
    pub(crate) fn phase(&self, name: &'static str) {
        let mut inner = self.inner.lock().unwrap();
        inner.phase = name;
        inner.passed.clear();
    }

    /// Does one change to the store and to the world.
    pub(crate) fn step(&self, expected: impl FnOnce(&mut World), act: impl FnOnce(&Store)) {
        {
            let mut inner = self.inner.lock().unwrap();
            let mut next = inner.history.last().unwrap().clone();
            expected(&mut next);
            inner.history.push(next);
        }
        act(&self.store);
        if !self.loses_power {
            self.forget_history();
        }
    }

    /// Puts everything on stable storage: from here on it must survive.
    pub(crate) fn sync(&self) {
        self.store.sync().unwrap();
        self.forget_history();
    }

    fn forget_history(&self) {
        let mut inner = self.inner.lock().unwrap();
        let last = inner.history.pop().unwrap();
        inner.history = vec![last];
    }

    /// Verifies every copy; returns how many there were.
    pub(crate) fn verify(self) -> usize {
        for place in self.places {
            fail::remove(*place);
        }
        fail::remove("store::hold_log");
        let now = self.fixture.clock.wall();
        let expected = visible(self.inner.lock().unwrap().history.last().unwrap(), now);
        assert_eq!(observe(&self.store), expected, "the store itself");
        self.store.close().unwrap();
        assert_clean(&self.fixture.path("store"));
        let copies = std::mem::take(&mut self.inner.lock().unwrap().copies);
        for place in self.places {
            assert!(copies.iter().any(|copy| copy.label.starts_with(place)), "nothing came by {place}");
        }
        // Fail points are global: those that die again go first and alone.
        let (dying, others): (Vec<_>, Vec<_>) = copies.iter().enumerate().partition(|(number, _)| number % 8 == 0);
        dying.into_iter().for_each(|(_, copy)| verify_copy(self.fixture, copy, true));
        // Most of the time goes into waiting for the disk, so several are verified at once.
        std::thread::scope(|scope| {
            for some in others.chunks(others.len().div_ceil(6).max(1)) {
                scope.spawn(|| some.iter().for_each(|(_, copy)| verify_copy(self.fixture, copy, false)));
            }
        });
        copies.len()
    }
}

/// Lets a copy be what a power loss leaves, if it is to be that.
fn hold_log(loses_power: bool) {
    if loses_power {
        fail::cfg("store::hold_log", "return").unwrap();
    }
}

/// Takes copies at these places from now on.
fn listen(fixture: &Fixture, places: &'static [&'static str], world: World) -> Arc<Mutex<Inner>> {
    let inner = Inner { copies: Vec::new(), passed: HashMap::new(), phase: "", history: vec![world] };
    let all = Arc::new(Mutex::new(inner));
    for place in places {
        let inner = Arc::clone(&all);
        let (from, root, clock) = (fixture.path("store"), fixture.path("copies"), fixture.clock.clone());
        fail::cfg_callback(*place, move || {
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            let inner = &mut *inner;
            let passed = inner.passed.entry(place).or_default();
            *passed += 1;
            let copied = if *place == "store::commit" { COMMITS_COPIED } else { PASSAGES_COPIED };
            if !copied.contains(passed) {
                return;
            }
            let path = root.join(inner.copies.len().to_string());
            copy_store(&from, &path);
            let label = format!("{place} while {}", inner.phase);
            inner.copies.push(Copy { label, path, now: clock.wall(), allowed: inner.history.clone() });
        })
        .unwrap();
    }
    all
}

/// Copies that die again are also followed until everything that expires has expired.
fn verify_copy(fixture: &Fixture, copy: &Copy, dies_again: bool) {
    let context = &copy.label;
    let report = windrow::check(&copy.path).unwrap();
    assert!(report.is_clean(), "{context}: {report}");
    if context.contains("_retire") {
        // A whole segment is 65,535 ids; a few hundred dead ones lie behind it.
        assert!(report.dead_elements < 1000, "{context}: forgotten before it was empty: {report}");
    }
    let places = if dies_again { OPENING } else { &[] };
    for place in places {
        let (from, to) = (copy.path.clone(), fixture.path(place));
        fail::cfg_callback(*place, move || copy_store(&from, &to)).unwrap();
    }
    verify_opened(copy, &copy.path, dies_again);
    places.iter().for_each(|place| fail::remove(*place));
    // Where every lease was given back there is nothing to bury.
    for again in places.iter().map(|place| fixture.path(place)).filter(|again| again.exists()) {
        verify_opened(copy, &again, false);
        std::fs::remove_dir_all(again).unwrap();
    }
    std::fs::remove_dir_all(&copy.path).unwrap();
}

fn verify_opened(copy: &Copy, path: &std::path::Path, to_the_end: bool) {
    let context = &copy.label;
    let clock = ManualClock::starting_at(copy.now);
    let store = Store::builder(path).clock(clock.clone()).options(crate::fixture::small()).background(false).open();
    let store = store.unwrap_or_else(|error| panic!("{context}: {error}"));
    let seen = observe(&store);
    let allowed: Vec<World> = copy.allowed.iter().map(|world| visible(world, copy.now)).collect();
    assert!(
        allowed.contains(&seen),
        "{context}: holds {:?}, expected one of {} worlds, the last {:?}",
        shape(&seen),
        allowed.len(),
        allowed.last().map(shape)
    );
    add_fresh(&store, context);
    settle(&store);
    let mut settled = observe(&store);
    settled.retain(|(_, key), _| !key.starts_with(b"fresh"));
    assert_eq!(shape(&settled), shape(&seen), "{context}: after reclaiming");
    assert!(settled == seen, "{context}: after reclaiming");
    if to_the_end {
        clock.advance(Duration::from_secs(86_400 * 365));
        settle(&store);
        let counted: u64 = (0..3).map(|db| store.db(db).len().unwrap()).sum();
        let lasting = observe(&store).len() as u64;
        assert_eq!(counted, lasting, "{context}: everything that expires has been counted out");
    }
    store.close().unwrap();
    let report = windrow::check(path).unwrap();
    assert!(report.is_clean(), "{context}, settled: {report}");
}

/// Writes collections into several families: none of them may show elements of an earlier owner of its id.
fn add_fresh(store: &Store, context: &str) {
    let db = store.db(0);
    for (n, seconds) in [0_u64, 50, 100, 5000].into_iter().enumerate() {
        let mut options = CreateOptions::new();
        if seconds > 0 {
            options = options.expire_in(Duration::from_secs(seconds));
        }
        for options in [options, options.growing()] {
            let key = format!("fresh:{n}");
            db.delete([&key]).unwrap();
            db.sets().add_with(&key, ["f"], options).unwrap();
            assert_eq!(members(&db, &key), ["f"], "{context}");
        }
    }
}

/// Reads everything in dbs 0 to 2.
pub(crate) fn observe(store: &Store) -> World {
    let mut world = World::new();
    for number in 0..3 {
        let db = store.db(number);
        for key in keys(&db) {
            let value = match db.data_type(&key).unwrap().unwrap() {
                DataType::String => Value::string(&db.strings().get(&key).unwrap().unwrap()),
                _ => {
                    let found: BTreeSet<Vec<u8>> = members(&db, &key).iter().map(|member| member.to_vec()).collect();
                    assert_eq!(db.sets().len(&key).unwrap(), found.len() as u64);
                    Value::set(&found)
                }
            };
            world.insert((number, key.to_vec()), (value, db.expires_at(&key).unwrap()));
        }
    }
    world
}

fn visible(world: &World, now: UnixMillis) -> World {
    let lives = |(_, expires_at): &(Value, Option<UnixMillis>)| expires_at.is_none_or(|time| time > now);
    world.iter().filter(|(_, entry)| lives(entry)).map(|(key, entry)| (key.clone(), *entry)).collect()
}

/// A world without its bytes, to print.
fn shape(world: &World) -> Vec<String> {
    world.iter().map(|((db, key), (value, _))| format!("{db}/{}={}", key.escape_ascii(), value.length)).collect()
}
