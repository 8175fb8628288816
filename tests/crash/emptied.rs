//! A copy of the directory at every step in which the records of flushed dbs are given back.

use fail::FailScenario;

use crate::data::payload;
use crate::fixture::{Fixture, settle};
use crate::recorder::{Recorder, Value};

/// Where they are hidden, dropped by file and rewritten.
const PLACES: &[&str] = &[
    "keyspaces::flush",
    "flushed::before_commit",
    "flushed::before_removal",
    "flushed::before_drop",
    "flushed::after_drop",
    "hidden::before_compact",
    "hidden::after_compact",
];

fn fill(recorder: &Recorder<'_>, db: u32, count: u64) {
    for n in 0..count {
        let (name, value) = (format!("{n:03}"), payload(n, 500));
        recorder.step(
            |world| {
                world.insert((db, name.as_bytes().to_vec()), (Value::string(&value), None));
            },
            |store| store.db(db).strings().set(&name, &value).unwrap(),
        );
    }
}

/// A set, so that ids are leased: every open has some to bury.
fn set(recorder: &Recorder<'_>) {
    let members = [b"member".to_vec()];
    recorder.step(
        |world| {
            world.insert((1, b"set".to_vec()), (Value::set(&members.iter().cloned().collect()), None));
        },
        |store| assert_eq!(store.db(1).sets().add("set", &members).unwrap(), 1),
    );
}

fn flush(recorder: &Recorder<'_>, db: u32) {
    recorder.step(|world| world.retain(|(of, _), _| *of != db), |store| store.db(db).flush().unwrap());
}

#[test]
fn every_copy_taken_while_records_of_flushed_dbs_are_given_back_opens_whole() {
    for loses_power in [false, true] {
        let _alone = FailScenario::setup();
        let fixture = Fixture::new();
        let recorder = Recorder::new(&fixture, PLACES, loses_power);
        recorder.phase("filling");
        set(&recorder);
        [(0, 40), (1, 150), (2, 80)].into_iter().for_each(|(db, count)| fill(&recorder, db, count));
        recorder.sync();
        recorder.store().compact_everything().unwrap();
        recorder.phase("rewriting what lies in a file with others");
        flush(&recorder, 1);
        settle(recorder.store());
        assert!(recorder.store().stats().compactions > 0, "{:#?}", recorder.store().stats());
        recorder.sync();
        recorder.phase("dropping what lies with those that were flushed before");
        flush(&recorder, 0);
        flush(&recorder, 2);
        settle(recorder.store());
        recorder.verify();
    }
}
