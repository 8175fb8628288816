//! Whole keys, whatever they hold: creating, renaming, copying, expiring and deleting them; here they hold sets.
//!
//! Creating, copying and deleting take ten samples: with 1,000,000 members the writing of them takes minutes.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion};
use rocksdb::WriteBatch;
use windrow::encoding::{
    Body, CollectionId, DataFamily, ElementKey, ExpireKey, ExpireValue, KeyRange, Meta, Tag, UnixMillis,
};
use windrow::{CopyOptions, CreateOptions, Db};

use crate::common::bare::{Bare, Twins, keyspace, meta_key};
use crate::common::data::{fill_set, member, name, options};
use crate::elements::BareCollection;
use crate::{beside, group, sizes};

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(crate) fn bench(c: &mut Criterion) {
    for size in sizes() {
        let twins = Twins::filled(&options(), |db| fill_set(db, "key", size));
        let (db, bare) = (twins.store.db(0), &twins.bare);
        let mut group = group(c, "key, a set", size);
        beside(
            &mut group,
            "rename, rename back",
            || {
                db.rename("key", "other").expect("rename");
                db.rename("other", "key")
            },
            || {
                bare_rename(bare, "key", "other");
                bare_rename(bare, "other", "key");
            },
        );
        beside(&mut group, "expire", || db.expire("key", HOUR), || expire(bare, b"key", HOUR));
        group.finish();
    }
    for size in sizes() {
        let expiring = CreateOptions::new().expire_in(HOUR);
        let twins = Twins::filled(&options(), |db| {
            fill_set(db, "key", size);
            db.copy("key", "copy").expect("copy");
            db.sets().add_with("expiring", (0..size).map(member), expiring).expect("add");
        });
        let (db, bare) = (twins.store.db(0), &twins.bare);
        let mut group = group(c, "key, a set", size);
        group.sample_size(10);
        let mut born = 0_u64..;
        let mut new = NewSets::like(bare, "expiring", size);
        beside(
            &mut group,
            "create expiring",
            || db.sets().add_with(name(born.next().expect("endless")), (0..size).map(member), expiring),
            || new.create(Some(HOUR)),
        );
        let [key, copy] = ["key", "copy"].map(|key| BareCollection::find(bare, key));
        let replace = CopyOptions::new().replace();
        // windrow writes a new collection in place of the old; the bare side writes over what it wrote before.
        beside(
            &mut group,
            "copy",
            || db.copy_with("key", "copy", replace),
            || copy.fill(|put| key.each(Tag::SetMember, size, put)),
        );
        delete(&mut group, &db, bare, size);
        group.finish();
    }
}

/// Deletes sets that were made for it. The bare side deletes the elements' range with the record; windrow deletes the
/// record, notes the id and leaves the elements to compactions.
fn delete(group: &mut BenchmarkGroup<'_, WallTime>, db: &Db, bare: &Bare, size: u64) {
    group.bench_function("delete", |b| {
        b.iter_batched(
            || db.sets().add("doomed", (0..size).map(member)).expect("add"),
            |_| db.delete(["doomed"]),
            BatchSize::PerIteration,
        );
    });
    let mut new = NewSets::like(bare, "key", size);
    group.bench_function("delete (bare)", |b| {
        b.iter_batched(
            || new.create(None),
            |(key, id)| {
                black_box(bare.db().get_pinned_cf(bare.meta(), &key).expect("get"));
                let range = KeyRange::collection(id);
                let mut batch = WriteBatch::default();
                batch.delete_cf(bare.meta(), &key);
                batch.delete_range_cf(bare.data(id), range.start(), range.end());
                bare.db().write(batch).expect("write");
            },
            BatchSize::PerIteration,
        );
    });
}

/// Gets both records, puts one under the other's key and deletes it under its own.
fn bare_rename(bare: &Bare, from: &str, to: &str) {
    let [from, to] = [from, to].map(|key| meta_key(key.as_bytes()));
    let record = bare.db().get_cf(bare.meta(), &from).expect("get").expect("the key exists");
    black_box(bare.db().get_pinned_cf(bare.meta(), &to).expect("get"));
    let mut batch = WriteBatch::default();
    batch.delete_cf(bare.meta(), from);
    batch.put_cf(bare.meta(), to, record);
    bare.db().write(batch).expect("write");
}

/// Gets a record and puts it with an expiry, files that in the `expire` family and deletes what was filed before.
pub(crate) fn expire(bare: &Bare, key: &[u8], lifetime: Duration) {
    let (record_key, mut meta) = bare.record(key);
    let mut batch = WriteBatch::default();
    if let Some(before) = meta.expires_at {
        batch.delete_cf(bare.family("expire"), expire_key(key, before));
    }
    let expires_at = after(lifetime);
    meta.expires_at = Some(expires_at);
    batch.put_cf(bare.meta(), record_key, meta.encode());
    let value = ExpireValue { data_type: meta.data_type, id: meta.id() }.encode();
    batch.put_cf(bare.family("expire"), expire_key(key, expires_at), value);
    bare.db().write(batch).expect("write");
}

fn expire_key(user_key: &[u8], expires_at: UnixMillis) -> Vec<u8> {
    ExpireKey { expires_at, keyspace: keyspace(), user_key }.encode()
}

fn after(lifetime: Duration) -> UnixMillis {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock behind 1970");
    UnixMillis::new(u64::try_from((now + lifetime).as_millis()).expect("a near time"))
}

/// Makes sets on bare RocksDB, each under a new key and a new id.
struct NewSets<'b> {
    bare: &'b Bare,
    model: Meta,
    family: DataFamily,
    size: u64,
    made: u64,
}

impl<'b> NewSets<'b> {
    fn like(bare: &'b Bare, key: &str, size: u64) -> Self {
        let model = bare.record(key.as_bytes()).1;
        let family = model.id().expect("it lies apart").family();
        Self { bare, model, family, size, made: 0 }
    }

    /// Gets the record, which is not there, and puts it, the members and perhaps the expiry, in one commit.
    fn create(&mut self, lifetime: Option<Duration>) -> (Vec<u8>, CollectionId) {
        self.made += 1;
        let name = name(self.made);
        // Far behind the ids of the store.
        let id = CollectionId::new(self.family, (1 << 32) + self.made).expect("an id");
        let key = meta_key(&name);
        black_box(self.bare.db().get_pinned_cf(self.bare.meta(), &key).expect("get"));
        let expires_at = lifetime.map(after);
        let meta = Meta { body: Body::Elements(id), expires_at, ..self.model.clone() };
        let mut batch = WriteBatch::default();
        batch.put_cf(self.bare.meta(), &key, meta.encode());
        if let Some(expires_at) = expires_at {
            let value = ExpireValue { data_type: meta.data_type, id: Some(id) }.encode();
            batch.put_cf(self.bare.family("expire"), expire_key(&name, expires_at), value);
        }
        let data = self.bare.data(id);
        (0..self.size).for_each(|n| batch.put_cf(data, ElementKey::SetMember(&member(n)).encode(id), []));
        self.bare.db().write(batch).expect("write");
        (key, id)
    }
}
