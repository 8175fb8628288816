//! Long random sequences against a `VecDeque`. A run prints its seed; `WINDROW_SEED=<seed>` repeats it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use windrow::{Db, ListEnd, PositionOptions, Store};

use super::{items, open};
use crate::fixture::{Fixture, close_and_check, settle};

const KEYS: [&str; 3] = ["a", "b", "c"];

type List = VecDeque<Vec<u8>>;

/// What the store should hold.
#[derive(Default)]
struct Model {
    lists: BTreeMap<&'static str, List>,
}

impl Model {
    fn get(&self, key: &str) -> List {
        self.lists.get(key).cloned().unwrap_or_default()
    }

    fn put(&mut self, key: &'static str, list: List) {
        if list.is_empty() {
            self.lists.remove(key)
        } else {
            self.lists.insert(key, list)
        };
    }

    fn change<T>(&mut self, key: &'static str, change: impl FnOnce(&mut List) -> T) -> T {
        let mut list = self.get(key);
        let outcome = change(&mut list);
        self.put(key, list);
        outcome
    }
}

fn push(list: &mut List, end: ListEnd, item: Vec<u8>) {
    match end {
        ListEnd::Left => list.push_front(item),
        ListEnd::Right => list.push_back(item),
    }
}

fn pop(list: &mut List, end: ListEnd) -> Option<Vec<u8>> {
    match end {
        ListEnd::Left => list.pop_front(),
        ListEnd::Right => list.pop_back(),
    }
}

fn any_item(random: &mut Rng) -> Vec<u8> {
    match random.u8(..20) {
        0 => Vec::new(),
        1 => vec![random.u8(..); random.usize(100..700)],
        _ => vec![b'a' + random.u8(..4)],
    }
}

fn any_end(random: &mut Rng) -> ListEnd {
    if random.bool() { ListEnd::Left } else { ListEnd::Right }
}

/// An index around both ends of a list, and sometimes anywhere.
fn any_index(random: &mut Rng, length: usize) -> i64 {
    match random.u8(..10) {
        0 => *random.choice([i64::MIN, i64::MAX].iter()).unwrap(),
        1..5 => random.i64(-6..7),
        _ => random.i64(-(length as i64) - 3..length as i64 + 4),
    }
}

/// The place of an index, as Redis defines it; outside of the list it may lie anywhere.
fn place(index: i64, length: usize) -> i64 {
    if index < 0 { index.saturating_add(length as i64) } else { index }
}

fn kept(list: &List, start: i64, stop: i64) -> List {
    let (first, last) = (place(start, list.len()).max(0), place(stop, list.len()));
    let inside = |n: usize| first <= n as i64 && n as i64 <= last;
    list.iter().enumerate().filter(|(n, _)| inside(*n)).map(|(_, item)| item.clone()).collect()
}

fn removed(list: &mut List, count: i64, item: &[u8]) -> u64 {
    let mut places: Vec<usize> = (0..list.len()).filter(|n| list[*n] == item).collect();
    if count < 0 {
        places.reverse();
    }
    places.truncate(if count == 0 { usize::MAX } else { count.unsigned_abs() as usize });
    places.sort_unstable();
    places.iter().rev().for_each(|n| drop(list.remove(*n)));
    places.len() as u64
}

fn positions(list: &List, item: &[u8], rank: i64, count: u64, max_len: u64) -> Vec<u64> {
    let mut order: Vec<usize> = (0..list.len()).collect();
    if rank < 0 {
        order.reverse();
    }
    order.truncate(if max_len == 0 { usize::MAX } else { max_len as usize });
    let found = order.into_iter().filter(|n| list[*n] == item).skip(rank.unsigned_abs() as usize - 1);
    found.take(if count == 0 { usize::MAX } else { count as usize }).map(|n| n as u64).collect()
}

/// Changes at the ends.
fn step_at_an_end(random: &mut Rng, db: &Db, model: &mut Model, key: &'static str) {
    let (lists, end) = (db.lists(), any_end(random));
    match random.u8(..7) {
        0..3 => {
            let many = if random.u8(..15) == 0 { 300 } else { 8 };
            let new: Vec<Vec<u8>> = (0..random.usize(..many)).map(|_| any_item(random)).collect();
            let length = match (random.u8(..3), end) {
                (0, _) => {
                    let exists = model.lists.contains_key(key);
                    let length = lists.push_existing(key, end, &new).unwrap();
                    if !exists {
                        return assert_eq!(length, 0);
                    }
                    length
                }
                (_, ListEnd::Left) => lists.push_left(key, &new).unwrap(),
                (_, ListEnd::Right) => lists.push_right(key, &new).unwrap(),
            };
            model.change(key, |list| new.into_iter().for_each(|item| push(list, end, item)));
            assert_eq!(length, model.get(key).len() as u64);
        }
        3 => {
            let count = if random.u8(..5) == 0 { random.u64(..400) } else { random.u64(..5) };
            let expected = model
                .lists
                .contains_key(key)
                .then(|| model.change(key, |list| (0..count).map_while(|_| pop(list, end)).collect::<Vec<_>>()));
            assert_eq!(
                lists.pop(key, end, count).unwrap(),
                expected.map(|taken| taken.into_iter().map(Into::into).collect())
            );
        }
        4 => {
            let keys: Vec<&'static str> = (0..random.usize(1..5)).map(|_| KEYS[random.usize(..3)]).collect();
            let count = random.u64(1..6);
            let first = keys.iter().find(|key| model.lists.contains_key(**key));
            let expected = first.map(|key| {
                let taken = model.change(key, |list| (0..count).map_while(|_| pop(list, end)).collect::<Vec<_>>());
                ((*key).into(), taken.into_iter().map(Into::into).collect())
            });
            assert_eq!(lists.pop_first(&keys, end, count).unwrap(), expected);
        }
        _ => {
            let (to, to_end) = (KEYS[random.usize(..3)], any_end(random));
            let moved = model.change(key, |list| pop(list, end));
            if let Some(item) = moved.clone() {
                model.change(to, |list| push(list, to_end, item));
            }
            assert_eq!(lists.move_item(key, to, end, to_end).unwrap(), moved.map(Into::into));
        }
    }
}

/// Changes in the middle.
fn step_inside(random: &mut Rng, db: &Db, model: &mut Model, key: &'static str) {
    let lists = db.lists();
    let length = model.get(key).len();
    let item = any_item(random);
    match random.u8(..6) {
        0 => {
            let index = any_index(random, length);
            let at = usize::try_from(place(index, length)).ok().filter(|at| *at < length);
            let outcome = lists.set(key, index, &item);
            assert_eq!(outcome.is_ok(), at.is_some());
            if let Some(at) = at {
                model.change(key, |list| list[at] = item);
            }
        }
        1 | 2 => {
            let (pivot, behind) = (any_item(random), random.bool());
            let list = model.get(key);
            let expected = match list.iter().position(|item| *item == pivot) {
                _ if list.is_empty() => Some(0),
                None => None,
                Some(at) => {
                    model.change(key, |list| list.insert(at + usize::from(behind), item.clone()));
                    Some(list.len() as u64 + 1)
                }
            };
            let insert =
                if behind { lists.insert_after(key, &pivot, &item) } else { lists.insert_before(key, &pivot, &item) };
            assert_eq!(insert.unwrap(), expected);
        }
        3 | 4 => {
            let count = if random.u8(..4) == 0 { 0 } else { random.i64(-3..4) };
            let expected = model.change(key, |list| removed(list, count, &item));
            assert_eq!(lists.remove(key, count, &item).unwrap(), expected);
        }
        _ => {
            let (start, stop) = (any_index(random, length), any_index(random, length));
            // Seldom, as most ranges leave little.
            if random.u8(..3) == 0 || length > 300 {
                lists.trim(key, start, stop).unwrap();
                let left = kept(&model.get(key), start, stop);
                model.put(key, left);
            }
        }
    }
}

fn read(random: &mut Rng, db: &Db, model: &Model, key: &'static str) {
    let lists = db.lists();
    let list = model.get(key);
    assert_eq!(lists.len(key).unwrap(), list.len() as u64);
    let (start, stop) = (any_index(random, list.len()), any_index(random, list.len()));
    let expected = kept(&list, start, stop);
    assert!(lists.range(key, start, stop).unwrap().map(Result::unwrap).eq(expected.iter()));
    assert!(lists.range_back(key, start, stop).unwrap().map(Result::unwrap).eq(expected.iter().rev()));
    let at = usize::try_from(place(start, list.len())).ok();
    assert_eq!(lists.index(key, start).unwrap(), at.and_then(|at| list.get(at)).map(|item| item.clone().into()));
    let (item, rank) = (any_item(random), random.i64(1..4) * if random.bool() { 1 } else { -1 });
    let (count, max_len) = (random.u64(..4), random.u64(..30));
    let options = PositionOptions::new().rank(rank).count(count).max_len(max_len);
    assert_eq!(lists.positions(key, &item, options).unwrap(), positions(&list, &item, rank, count, max_len));
    assert_eq!(lists.position(key, &item).unwrap(), positions(&list, &item, 1, 1, 0).first().copied());
}

fn step(random: &mut Rng, fixture: &Fixture, store: &Store, db: &Db, model: &mut Model) {
    let key = KEYS[random.usize(..3)];
    match random.u8(..100) {
        0 => {
            let lived = u64::from(model.lists.remove(key).is_some());
            assert_eq!(db.delete([key]).unwrap(), lived);
        }
        1 => {
            let lived = model.lists.remove(key).is_some();
            assert_eq!(db.expire(key, Duration::from_secs(1)).unwrap(), lived);
            fixture.seconds_pass(1);
        }
        2 => settle(store),
        3..50 => step_at_an_end(random, db, model, key),
        50..80 => step_inside(random, db, model, key),
        _ => read(random, db, model, key),
    }
}

#[test]
fn lists_behave_as_a_deque_does() {
    let chosen = std::env::var("WINDROW_SEED").ok().map(|seed| seed.parse().unwrap());
    let steps = std::env::var("WINDROW_STEPS").map_or(4000, |steps| steps.parse().unwrap());
    for packed_bytes in [0, 512] {
        let seed = chosen.unwrap_or_else(|| fastrand::u64(..));
        println!("WINDROW_SEED={seed}");
        let random = &mut Rng::with_seed(seed);
        let fixture = Fixture::new();
        let store = open(&fixture, packed_bytes);
        let db = store.db(0);
        let mut model = Model::default();
        for n in 0..steps {
            step(random, &fixture, &store, &db, &mut model);
            for key in KEYS {
                assert!(items(&db, key).iter().eq(model.get(key).iter()), "step {n} with packed_bytes {packed_bytes}");
                assert_eq!(db.exists(key).unwrap(), model.lists.contains_key(key));
            }
        }
        drop(db);
        close_and_check(store, &fixture.path("store"));
    }
}
