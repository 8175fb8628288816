//! Random loads over a store with data, against ordinary writes to a second store.

use std::time::Duration;

use windrow::{
    BulkLoad, Clock, CreateOptions, DataType, Db, ExpireCondition, KeyLayout, ListEnd, Options, Store, UnixMillis,
    ZAddOptions,
};

use crate::both::{both_ways, open, seed};
use crate::data::payload;
use crate::fixture::{Fixture, close_and_check, settle};
use crate::held;

/// A value, and how it is written.
enum Value {
    String(Vec<u8>),
    Hash(Vec<(Vec<u8>, Vec<u8>)>),
    Set(Vec<Vec<u8>>),
    List(Vec<Vec<u8>>),
    ZSet(Vec<(Vec<u8>, f64)>),
}

struct Drawn {
    key: String,
    value: Value,
    options: CreateOptions,
    expires_at: Option<UnixMillis>,
}

fn draw(random: &mut fastrand::Rng, now: UnixMillis) -> Drawn {
    let key = format!("{}{{tag {}}}", random.u32(0..400), random.u32(0..3));
    let count = match random.u32(0..20) {
        0 => 0,
        1 => random.usize(1000..4000),
        2..5 => random.usize(20..200),
        _ => random.usize(1..8),
    };
    let mut names: Vec<Vec<u8>> = Vec::with_capacity(count);
    for _ in 0..count {
        let length = random.usize(0..30);
        names.push(payload(random.u64(0..5000), length));
    }
    let value = match random.u32(0..5) {
        0 => Value::String(payload(random.u64(..), count * 40)),
        1 => Value::Hash(names.into_iter().map(|name| (name, payload(random.u64(..), random.usize(0..60)))).collect()),
        2 => Value::Set(names),
        3 => Value::List(names),
        _ => Value::ZSet(names.into_iter().map(|name| (name, f64::from(random.i32(-50..50)) / 4.0)).collect()),
    };
    let expires_at = match random.u32(0..6) {
        0 => Some(now.saturating_add(Duration::from_secs(random.u64(1..400)))),
        1 => Some(now.saturating_add(Duration::from_secs(random.u64(100_000..200_000)))),
        _ => None,
    };
    let mut options = CreateOptions::new();
    if let Some(time) = expires_at {
        options = options.expire_at(time);
    }
    if random.u32(0..4) == 0 {
        options = options.growing();
    }
    Drawn { key, value, options, expires_at }
}

/// Writes a value as ordinary calls do.
fn write(db: &Db, Drawn { key, value, options, expires_at }: &Drawn) {
    db.delete([key]).unwrap();
    match value {
        Value::String(bytes) => {
            db.strings().set(key, bytes).unwrap();
            if let Some(time) = expires_at {
                assert!(db.expire_at(key, *time, ExpireCondition::Always).unwrap());
            }
        }
        Value::Hash(fields) => {
            let fields = fields.iter().map(|(field, value)| (field, value));
            db.hashes().set_many_with(key, fields, *options).unwrap();
        }
        Value::Set(members) => {
            db.sets().add_with(key, members, *options).unwrap();
        }
        Value::List(items) => {
            db.lists().push_with(key, ListEnd::Right, items, *options).unwrap();
        }
        Value::ZSet(members) => {
            let members = members.iter().map(|(member, score)| (member, *score));
            db.zsets().add_with(key, members, ZAddOptions::new().create(*options)).unwrap();
        }
    }
}

fn feed(load: &mut BulkLoad, Drawn { key, value, options, .. }: &Drawn) {
    match value {
        Value::String(bytes) => load.string(key, bytes, *options),
        Value::Hash(fields) => load.hash(key, fields.iter().map(|(field, value)| (field, value)), *options),
        Value::Set(members) => load.set(key, members, *options),
        Value::List(items) => load.list(key, items, *options),
        Value::ZSet(members) => load.zset(key, members.iter().map(|(member, score)| (member, *score)), *options),
    }
    .unwrap();
}

/// Two stores with one clock: into one goes what is drawn in bulk, into the other by ordinary calls.
struct Pair {
    loaded: Fixture,
    written: Fixture,
    options: Options,
    random: fastrand::Rng,
}

impl Pair {
    fn round(&mut self, [loaded, written]: &[Store; 2]) {
        let now = self.loaded.clock.wall();
        for _ in 0..self.random.usize(0..300) {
            let drawn = draw(&mut self.random, now);
            [loaded, written].into_iter().for_each(|store| write(&store.db(0), &drawn));
        }
        let views = [loaded, written].map(|store| store.view().unwrap());
        let before = held(&views[0].db(0));
        assert!(before == held(&views[1].db(0)));
        let mut load = loaded.db(0).bulk_load().unwrap().memory(self.random.usize(0..3 << 20));
        for _ in 0..self.random.usize(1..1500) {
            let drawn = draw(&mut self.random, now);
            feed(&mut load, &drawn);
            write(&written.db(0), &drawn);
        }
        let passed = Duration::from_secs(self.random.u64(0..200));
        self.pass(passed);
        load.finish().unwrap();
        assert_same(&loaded.db(0), &written.db(0));
        assert!(views.iter().all(|view| held(&view.db(0)) == before));
        drop(views);
        if self.random.bool() {
            settle(loaded);
            settle(written);
            assert_same(&loaded.db(0), &written.db(0));
            assert_eq!(loaded.db(0).len().unwrap(), written.db(0).len().unwrap());
        }
        // Both live on.
        for _ in 0..100 {
            let drawn = draw(&mut self.random, self.loaded.clock.wall());
            for store in [loaded, written] {
                let db = store.db(0);
                match &drawn.value {
                    Value::Set(members) if db.data_type(&drawn.key).unwrap() == Some(DataType::Set) => {
                        db.sets().add(&drawn.key, members).unwrap();
                    }
                    Value::List(items) if db.data_type(&drawn.key).unwrap() == Some(DataType::List) => {
                        db.lists().push_left(&drawn.key, items).unwrap();
                    }
                    _ => write(&db, &drawn),
                }
            }
        }
        assert_same(&loaded.db(0), &written.db(0));
    }

    /// Loads into a db that holds nothing, or nothing any more.
    fn load_into_nothing(&mut self, [loaded, written]: &[Store; 2]) {
        for store in [loaded, written] {
            store.db(1).flush().unwrap();
        }
        let now = self.loaded.clock.wall();
        let views = [loaded, written].map(|store| store.view().unwrap());
        let mut load = loaded.db(1).bulk_load().unwrap().memory(self.random.usize(0..3 << 20));
        for _ in 0..self.random.usize(1..1000) {
            let drawn = draw(&mut self.random, now);
            feed(&mut load, &drawn);
            write(&written.db(1), &drawn);
        }
        let passed = Duration::from_secs(self.random.u64(0..200));
        self.pass(passed);
        load.finish().unwrap();
        assert_same(&loaded.db(1), &written.db(1));
        assert!(views.iter().all(|view| view.db(1).is_empty().unwrap()));
        drop(views);
        settle(loaded);
        settle(written);
        assert_same(&loaded.db(1), &written.db(1));
        assert_eq!(loaded.db(1).len().unwrap(), written.db(1).len().unwrap());
    }

    fn pass(&self, time: Duration) {
        [&self.loaded, &self.written].into_iter().for_each(|fixture| fixture.clock.advance(time));
    }

    fn open(&self) -> [Store; 2] {
        [open(&self.loaded, &self.options), open(&self.written, &self.options)]
    }

    fn close(&self, [loaded, written]: [Store; 2]) {
        close_and_check(loaded, &self.loaded.path("store"));
        close_and_check(written, &self.written.path("store"));
    }
}

fn assert_same(loaded: &Db, written: &Db) {
    let (loaded, written) = (held(loaded), held(written));
    for (a, b) in loaded.iter().zip(&written) {
        assert!(a == b, "{} and {} of {:?} and {:?}", a.0.escape_ascii(), b.0.escape_ascii(), a.2, b.2);
    }
    assert_eq!(loaded.len(), written.len());
}

#[test]
fn a_load_leaves_what_ordinary_writes_leave() {
    let seed = seed();
    let mut by_slots = both_ways()[1].clone();
    by_slots.key_layout = KeyLayout::Cluster;
    for options in both_ways().into_iter().chain([by_slots]) {
        let (loaded, written) = (Fixture::new(), Fixture::new());
        let mut pair = Pair { loaded, written, options, random: fastrand::Rng::with_seed(seed) };
        let mut stores = pair.open();
        for _ in 0..6 {
            pair.round(&stores);
            pair.load_into_nothing(&stores);
            if pair.random.u32(0..3) == 0 {
                pair.close(stores);
                stores = pair.open();
                assert_same(&stores[0].db(0), &stores[1].db(0));
                assert_same(&stores[0].db(1), &stores[1].db(1));
            }
        }
        stores.iter().for_each(settle);
        assert_same(&stores[0].db(0), &stores[1].db(0));
        assert_same(&stores[0].db(1), &stores[1].db(1));
        pair.pass(Duration::from_secs(1_000_000));
        stores.iter().for_each(settle);
        assert_same(&stores[0].db(0), &stores[1].db(0));
        assert_same(&stores[0].db(1), &stores[1].db(1));
        let counts = stores.each_ref().map(|store| store.db(0).len().unwrap());
        assert_eq!(counts[0], counts[1]);
        pair.close(stores);
    }
}
