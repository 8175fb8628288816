//! Ranks of large sorted sets, which an index in memory answers: always those that reading the whole set would give.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use windrow::{CopyOptions, CreateOptions, Db, LexBound, Options, ScoreBound, Source, Store, ZAddOptions, ZRange};

use crate::fixture::{Fixture, close_and_check, small};

const MANY: u32 = 50_000;

type Model = BTreeMap<Bytes, f64>;

fn open(fixture: &Fixture, options: &Options) -> Store {
    let builder = Store::builder(fixture.path("store")).clock(fixture.clock.clone());
    builder.options(options.clone()).background(false).open().unwrap()
}

fn name(number: u32) -> Bytes {
    format!("member:{number:06}").into()
}

/// Few different scores, so that many members share one.
fn score(random: &mut Rng) -> f64 {
    f64::from(random.i32(-3000..3000)) / 2.0
}

fn fill(db: &Db, key: &str, members: u32, random: &mut Rng) -> Model {
    let model: Model = (0..members).map(|number| (name(number), score(random))).collect();
    for chunk in model.iter().collect::<Vec<_>>().chunks(5000) {
        db.zsets().add(key, chunk.iter().map(|(member, score)| (member, **score))).unwrap();
    }
    model
}

fn ranked(model: &Model) -> Vec<(Bytes, f64)> {
    let mut entries: Vec<(Bytes, f64)> = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
    entries.sort_by(|a, b| a.1.total_cmp(&b.1));
    entries
}

/// Compares ranks, ranges and counts at random places with those of the model.
fn compare<S: Source>(db: &Db<S>, key: &str, model: &Model, questions: usize, random: &mut Rng) {
    let all = ranked(model);
    let zsets = db.zsets();
    assert_eq!(zsets.len(key).unwrap(), all.len() as u64);
    for _ in 0..questions {
        let rank = random.usize(..all.len());
        let (member, score) = &all[rank];
        let behind = all.len() - 1 - rank;
        assert_eq!(zsets.rank(key, member).unwrap(), Some(rank as u64));
        assert_eq!(zsets.rev_rank(key, member).unwrap(), Some(behind as u64));
        let count = random.usize(1..20);
        let read = |range: ZRange<'_>| zsets.range(key, range).unwrap().map(Result::unwrap).collect::<Vec<_>>();
        let wanted: Vec<_> = all.iter().skip(rank).take(count).cloned().collect();
        assert_eq!(read(ZRange::ranks(rank as i64, (rank + count - 1) as i64)), wanted);
        assert_eq!(read(ZRange::ranks(-1 - behind as i64, -1).limit(0, count as u64)), wanted);
        let wanted: Vec<_> = all.iter().rev().skip(behind).take(count).cloned().collect();
        assert_eq!(read(ZRange::ranks(behind as i64, -1).rev().limit(0, count as u64)), wanted);
        let other = all[random.usize(..all.len())].1;
        let (low, high) = (score.min(other), score.max(other));
        let counted = zsets.count(key, ZRange::scores(low, ScoreBound::Excluded(high))).unwrap();
        let wanted = all.partition_point(|entry| entry.1 < high) - all.partition_point(|entry| entry.1 < low);
        assert_eq!(counted, wanted as u64, "from {low} to {high}");
    }
    let all_of_them = ZRange::scores(f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!(zsets.count(key, all_of_them).unwrap(), all.len() as u64);
    assert_eq!(zsets.rank(key, "nobody").unwrap(), None);
}

/// One random change of the set and of the model.
fn change(db: &Db, key: &str, model: &mut Model, random: &mut Rng) {
    let zsets = db.zsets();
    match random.u8(..8) {
        0 | 1 => {
            // Some members several times in one call: the last score counts.
            let entries: Vec<(Bytes, f64)> =
                (0..random.usize(1..40)).map(|_| (name(random.u32(..MANY + 500)), score(random))).collect();
            let twice = entries.iter().take(5).map(|(member, score)| (member.clone(), -score));
            let back =
                entries.iter().take(2).map(|(member, score)| (member.clone(), *model.get(member).unwrap_or(score)));
            let entries: Vec<_> = twice.chain(entries.clone()).chain(back).collect();
            zsets.add(key, entries.clone()).unwrap();
            model.extend(entries);
        }
        2 => {
            let (member, by) = (name(random.u32(..MANY + 500)), score(random));
            let sum = model.get(&member).map_or(by, |old| old + by);
            assert_eq!(zsets.incr_by(key, &member, by).unwrap(), sum);
            model.insert(member, sum);
        }
        3 => {
            let members: Vec<Bytes> = (0..random.usize(1..60)).map(|_| name(random.u32(..MANY))).collect();
            zsets.remove(key, members.iter().chain(&members)).unwrap();
            model.retain(|member, _| !members.contains(member));
        }
        4 => {
            let count = random.u64(1..700);
            let popped = if random.bool() { zsets.pop_min(key, count) } else { zsets.pop_max(key, count) };
            for (member, score) in popped.unwrap() {
                assert_eq!(model.remove(&member), Some(score));
            }
        }
        5 => {
            let all = ranked(model);
            let (from, count) = (random.usize(..all.len()), random.usize(1..300));
            let range = ZRange::ranks(from as i64, (from + count - 1) as i64);
            let gone: Vec<_> = all.into_iter().skip(from).take(count).collect();
            assert_eq!(zsets.remove_range(key, range).unwrap(), gone.len() as u64);
            for (member, score) in gone {
                assert_eq!(model.remove(&member), Some(score));
            }
        }
        6 => {
            let low = score(random);
            zsets.remove_range(key, ZRange::scores(low, low + 3.0)).unwrap();
            model.retain(|_, score| *score < low || *score > low + 3.0);
        }
        _ => {
            // All in one place, so that a chunk grows beyond its size.
            let at = score(random);
            let entries: Vec<(Bytes, f64)> = (0..900).map(|_| (name(random.u32(..MANY)), at)).collect();
            let only_new = ZAddOptions::new().if_absent();
            zsets.add_with(key, entries.clone(), only_new).unwrap();
            for (member, score) in entries {
                model.entry(member).or_insert(score);
            }
        }
    }
}

#[test]
fn ranks_follow_random_changes_of_a_large_set() {
    let seed = std::env::var("WINDROW_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("WINDROW_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let fixture = Fixture::new();
    let mut store = Some(open(&fixture, &small()));
    let db = store.as_ref().unwrap().db(0);
    let mut model = fill(&db, "z", MANY, &mut random);
    assert_eq!(store.as_ref().unwrap().stats().rank_indexes, 0);
    compare(&db, "z", &model, 20, &mut random);
    drop(db);
    for round in 0..6 {
        let db = store.as_ref().unwrap().db(0);
        for _ in 0..25 {
            change(&db, "z", &mut model, &mut random);
            compare(&db, "z", &model, 2, &mut random);
        }
        // It was never thrown away, as it would be if it had stopped to agree.
        let bytes = store.as_ref().unwrap().stats().rank_index_bytes;
        assert!(bytes > 2000 && bytes < MANY as usize, "{bytes}");
        for _ in 0..25 {
            change(&db, "z", &mut model, &mut random);
        }
        assert_eq!(store.as_ref().unwrap().stats().rank_indexes, 1);
        assert!(store.as_ref().unwrap().stats().rank_index_bytes > 2000);
        compare(&db, "z", &model, 20, &mut random);
        drop(db);
        if round == 3 {
            close_and_check(store.take().unwrap(), &fixture.path("store"));
            store = Some(open(&fixture, &small()));
            assert_eq!(store.as_ref().unwrap().stats().rank_indexes, 0);
        }
    }
    close_and_check(store.unwrap(), &fixture.path("store"));
}

#[test]
fn ranks_are_right_across_rename_deletion_recreation_swap_and_expiry() {
    let mut random = Rng::with_seed(5);
    let fixture = Fixture::new();
    let store = open(&fixture, &small());
    let db = store.db(0);
    let mut model = fill(&db, "z", 8000, &mut random);
    compare(&db, "z", &model, 10, &mut random);
    assert_eq!(store.stats().rank_indexes, 1);
    db.rename("z", "y").unwrap();
    change(&db, "y", &mut model, &mut random);
    compare(&db, "y", &model, 10, &mut random);
    assert_eq!(store.stats().rank_indexes, 1);
    assert_eq!(db.zsets().rank("z", name(1)).unwrap(), None);

    assert!(db.copy_with("y", "x", CopyOptions::new()).unwrap());
    let mut other = model.clone();
    change(&db, "x", &mut other, &mut random);
    compare(&db, "x", &other, 10, &mut random);
    compare(&db, "y", &model, 10, &mut random);
    assert_eq!(store.stats().rank_indexes, 2);

    db.rename("x", "y").unwrap();
    compare(&db, "y", &other, 10, &mut random);
    db.delete(["y"]).unwrap();
    assert_eq!(store.stats().rank_indexes, 0);
    let mut model = fill(&db, "y", 9000, &mut random);
    compare(&db, "y", &model, 10, &mut random);

    store.db(1).sets().add("s", ["a"]).unwrap();
    store.namespace("").swap(0, 1).unwrap();
    assert_eq!(db.zsets().rank("y", name(1)).unwrap(), None);
    change(&store.db(1), "y", &mut model, &mut random);
    compare(&store.db(1), "y", &model, 10, &mut random);

    drop(db);
    let db = store.db(1);
    db.expire("y", Duration::from_secs(10)).unwrap();
    compare(&db, "y", &model, 10, &mut random);
    fixture.seconds_pass(10);
    assert_eq!(db.zsets().rank("y", name(1)).unwrap(), None);
    let model = fill(&db, "y", 7000, &mut random);
    compare(&db, "y", &model, 10, &mut random);
    db.zsets().range_store_with("part", "y", ZRange::ranks(3000, 3009), CreateOptions::new()).unwrap();
    let part: Vec<_> = db.zsets().range("part", ZRange::ranks(0, -1)).unwrap().map(Result::unwrap).collect();
    assert_eq!(part, ranked(&model)[3000..3010]);
    db.flush().unwrap();
    assert_eq!(db.zsets().rank("y", name(1)).unwrap(), None);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn a_view_keeps_its_ranks_while_the_set_changes() {
    let mut random = Rng::with_seed(6);
    let fixture = Fixture::new();
    let store = open(&fixture, &small());
    let db = store.db(0);
    let mut model = fill(&db, "z", 9000, &mut random);
    compare(&db, "z", &model, 5, &mut random);
    let (view, before) = (store.view().unwrap(), model.clone());
    for _ in 0..20 {
        change(&db, "z", &mut model, &mut random);
        compare(&db, "z", &model, 3, &mut random);
        compare(&view.db(0), "z", &before, 1, &mut random);
    }
    let entries = db.zsets().range("z", ZRange::ranks(4000, 4099)).unwrap();
    let wanted = ranked(&model)[4000..4100].to_vec();
    db.delete(["z"]).unwrap();
    assert_eq!(entries.map(Result::unwrap).collect::<Vec<_>>(), wanted);
    compare(&view.db(0), "z", &before, 3, &mut random);
    drop(view);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn members_of_one_score_are_counted_in_their_order_with_the_index_too() {
    let fixture = Fixture::new();
    let store = open(&fixture, &small());
    let db = store.db(0);
    let zsets = db.zsets();
    zsets.add("z", (0..9000).map(|number| (name(number), 2.5))).unwrap();
    let cases = [
        (LexBound::Min, LexBound::Max, 9000),
        (LexBound::Included(b"member:000010"), LexBound::Included(b"member:008010"), 8001),
        (LexBound::Excluded(b"member:000010"), LexBound::Excluded(b"member:008010"), 7999),
        (LexBound::Excluded(b"member:004"), LexBound::Max, 5000),
        (LexBound::Included(b"member:008"), LexBound::Included(b"member:001"), 0),
        (LexBound::Min, LexBound::Excluded(b"member:0030001"), 3001),
    ];
    for (min, max, wanted) in cases {
        assert_eq!(zsets.count("z", ZRange::lex(min, max)).unwrap(), wanted, "{min:?} {max:?}");
    }
    assert!(store.stats().rank_index_bytes > 1000);
    // With several scores members are counted whatever their scores.
    zsets.add("z", [(name(5), 7.0)]).unwrap();
    for (min, max, wanted) in cases {
        assert_eq!(zsets.count("z", ZRange::lex(min, max)).unwrap(), wanted, "{min:?} {max:?}");
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn indexes_go_when_they_do_not_fit_and_ranks_stay_right() {
    let mut random = Rng::with_seed(8);
    // None at all, too little for one, enough to know of two that they do not fit, enough for two or so.
    for (budget, fitting) in [(0, 0..=0), (100, 0..=0), (700, 2..=2), (4000, 1..=3)] {
        let mut options = small();
        options.rank_index_bytes = budget;
        let fixture = Fixture::new();
        let store = open(&fixture, &options);
        let db = store.db(0);
        let keys = ["a", "b", "c"];
        let mut models: Vec<Model> = keys.iter().map(|key| fill(&db, key, 7000, &mut random)).collect();
        for _ in 0..4 {
            for (key, model) in keys.iter().zip(&mut models) {
                change(&db, key, model, &mut random);
                compare(&db, key, model, 3, &mut random);
                let stats = store.stats();
                assert!(stats.rank_indexes <= *fitting.end(), "{stats:#?}");
                assert!(stats.rank_index_bytes <= budget, "{stats:#?}");
            }
        }
        let stats = store.stats();
        assert!(fitting.contains(&stats.rank_indexes), "{budget}: {stats:#?}");
        // The one that was used last is there.
        change(&db, "c", &mut models[2], &mut random);
        compare(&db, "c", &models[2], 3, &mut random);
        drop(db);
        close_and_check(store, &fixture.path("store"));
    }
}

/// Member and score of a rank, and how far they are from what the same moment says.
fn agrees(db: &Db, rank: i64) -> bool {
    let Some(entry) = db.zsets().range("z", ZRange::ranks(rank, rank)).unwrap().next() else {
        return false;
    };
    let (member, _) = entry.unwrap();
    db.zsets().rank("z", &member).unwrap() == Some(rank as u64)
}

#[test]
fn a_writer_that_never_moves_a_member_past_another_is_never_seen_to_do_so() {
    // Ranks stay as they are while every score changes: whatever the moment of a question, its answer is known.
    let fixture = Fixture::new();
    let store = open(&fixture, &small());
    let db = store.db(0);
    let place = |number: u32, round: u32| f64::from(number) * 10.0 + f64::from(round % 9);
    db.zsets().add("z", (0..20_000).map(|number| (name(number), place(number, 0)))).unwrap();
    let is_over = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(3);
    std::thread::scope(|scope| {
        for writer in 0..2_u32 {
            let (db, is_over) = (db.clone(), &is_over);
            scope.spawn(move || {
                let mut random = Rng::with_seed(u64::from(writer));
                let mut round = 0;
                while !is_over.load(Ordering::Relaxed) {
                    round += 1;
                    let from = random.u32(..10_000) * 2 + writer;
                    let numbers = (from..20_000).step_by(2).take(50);
                    db.zsets().add("z", numbers.map(|number| (name(number), place(number, round)))).unwrap();
                }
            });
        }
        for reader in 0..2_u64 {
            let (db, is_over) = (db.clone(), &is_over);
            scope.spawn(move || {
                let mut random = Rng::with_seed(100 + reader);
                while !is_over.load(Ordering::Relaxed) {
                    let number = random.u32(..20_000);
                    assert_eq!(db.zsets().rank("z", name(number)).unwrap(), Some(u64::from(number)));
                    assert!(agrees(&db, i64::from(number)));
                    let low = random.u32(..20_000);
                    let below = ZRange::scores(f64::from(low) * 10.0, f64::INFINITY);
                    assert_eq!(db.zsets().count("z", below).unwrap(), u64::from(20_000 - low));
                }
            });
        }
        while Instant::now() < end {
            // Now and then a copy takes the set's place, of which nothing is known yet.
            std::thread::sleep(Duration::from_millis(150));
            db.copy("z", "copy").unwrap();
            db.rename("copy", "z").unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    // On a busy machine nobody may have asked about the last copy.
    assert_eq!(db.zsets().rank("z", name(19_999)).unwrap(), Some(19_999));
    assert!(store.stats().rank_index_bytes > 1000);
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
fn an_index_that_is_made_while_the_set_changes_misses_nothing() {
    let mut random = Rng::with_seed(10);
    let fixture = Fixture::new();
    let store = open(&fixture, &small());
    let db = store.db(0);
    for round in 0..8 {
        let key = format!("z{round}");
        let mut model = fill(&db, &key, 20_000, &mut random);
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        db.zsets().rank(&key, name(fastrand::u32(..20_000))).unwrap();
                        db.zsets().range(&key, ZRange::ranks(9000, 9000)).unwrap().for_each(drop);
                    }
                });
            }
            for _ in 0..60 {
                change(&db, &key, &mut model, &mut random);
            }
            is_over.store(true, Ordering::Relaxed);
        });
        compare(&db, &key, &model, 40, &mut random);
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

/// Prints how many times faster ranks are with the index. `cargo test --release -- --ignored --nocapture ratio`
#[test]
#[ignore = "takes a minute; prints a figure"]
fn ratio_of_ranks_with_and_without_the_index() {
    const MILLION: u32 = 1_000_000;
    let measure = |budget: usize| {
        let fixture = Fixture::new();
        let mut options = Options::default();
        options.rank_index_bytes = budget;
        let store = open(&fixture, &options);
        let db = store.db(0);
        let mut random = Rng::with_seed(1);
        for from in (0..MILLION).step_by(10_000) {
            let entries = (from..from + 10_000).map(|number| (name(number), random.f64()));
            db.zsets().add("z", entries.collect::<Vec<_>>()).unwrap();
        }
        let first = Instant::now();
        db.zsets().rank("z", name(MILLION / 2)).unwrap();
        let first = first.elapsed().as_secs_f64();
        let questions = if budget == 0 { 20 } else { 2000 };
        let begin = Instant::now();
        for _ in 0..questions {
            db.zsets().rank("z", name(random.u32(..MILLION))).unwrap();
        }
        let each = begin.elapsed().as_secs_f64() / f64::from(questions);
        let begin = Instant::now();
        for _ in 0..20_000 {
            db.zsets().add("z", [(name(random.u32(..MILLION)), random.f64())]).unwrap();
        }
        (first, each, begin.elapsed().as_secs_f64(), store.stats().rank_index_bytes)
    };
    let (_, walked, writes, _) = measure(0);
    let (first, indexed, followed, bytes) = measure(32 << 20);
    println!("rank without an index / with it: {:.0}", walked / indexed);
    println!("first question with making the index / rank without: {:.2}", first / walked);
    println!("scores written with an index / without: {:.2}", followed / writes);
    println!("bytes of index for each member: {:.2}", bytes as f64 / f64::from(MILLION));
}
