//! Tests of the choice among mixed files.

use super::*;
use crate::gc::Filters;
use crate::options::Options;
use crate::store::FilterSource;

fn name_of(number: u64) -> String {
    format!("/{number:06}.sst")
}

#[test]
fn what_dies_in_a_file_that_was_there_is_known_and_what_was_dead_before_is_not() {
    let file = |number, dead_ids| {
        let file = FileSpan { name: name_of(number), level: 6, size_bytes: 1000, counters: 0..100 };
        MixedFile { file, dead_ids, living_ids: 100 - dead_ids }
    };
    let all = [file(1, 0).file, file(2, 0).file, file(3, 0).file];
    let mut files = MixedFiles::default();
    files.notice(&[file(1, 60)], &all[..2]);
    assert_eq!((files.dead_share(&file(1, 60)), files.known_share(&file(1, 60))), (0.6, 0.0), "dead at the opening");
    files.notice(&[file(1, 70), file(2, 50), file(3, 50)], &all);
    assert_eq!(files.known_share(&file(1, 70)), 0.25, "ten of forty");
    assert_eq!(files.known_share(&file(2, 50)), 0.5);
    assert_eq!(files.known_share(&file(3, 50)), 0.0, "RocksDB has made it, and filtered it perhaps");
    files.notice_nothing();
    files.notice(&[file(4, 50)], &all);
    assert_eq!(files.known_share(&file(4, 50)), 0.5);
    files = MixedFiles::default();
    let name = name_of(1);
    files.watched.insert(name, Watched { paid: 50.0, dead_at_first: u64::MAX, ..Watched::default() });
    files.notice(&[file(1, 60)], &all);
    assert_eq!((files.known_share(&file(1, 60)), files.watched.len()), (0.0, 1));
}

#[test]
fn a_file_that_a_compaction_left_as_it_was_pays_anew() {
    let mut files = MixedFiles::default();
    let paid = Watched { paid: 1e9, paid_until: Some(Duration::from_secs(1)), ..Watched::default() };
    files.watched.insert("a".to_owned(), paid);
    files.left("a", Duration::from_secs(7));
    files.left("b", Duration::from_secs(7));
    let watched = &files.watched["a"];
    assert_eq!((watched.paid, watched.paid_until), (0.0, Some(Duration::from_secs(7))));
    assert_eq!(files.watched.len(), 1);
}

#[test]
fn what_is_refused_under_a_wide_file_is_not_priced_again_in_the_next_pass() {
    let dir = tempfile::tempdir().unwrap();
    let source: Arc<dyn FilterSource> = Arc::new(Filters::default());
    let db = Arc::new(Database::open(dir.path(), &Options::default(), &source).unwrap());
    let family = DataFamily::new(1).unwrap();
    let file = |number, level, size_bytes, counters: Range<u64>| {
        let keys = KeyRange::ids(family, counters.start, counters.end);
        let (smallest, largest) = (keys.start().to_vec(), keys.end().to_vec());
        let name = name_of(number);
        SstFile { family: Family::Data(family), name, level, size_bytes, smallest, largest, entries: 10, tombstones: 0 }
    };
    let sst = [file(1, 6, 1_000, 10..20), file(2, 0, 100_000, 1..1_000)];
    let spans: Vec<FileSpan> = sst.iter().filter_map(|file| FileSpan::of(file, family)).collect();
    let mixed = vec![MixedFile { file: spans[0].clone(), dead_ids: 8, living_ids: 2 }];
    let plan = FamilyPlan { mixed, ..FamilyPlan::default() };
    let reaches = Reaches::new(&db, Family::Data(family), &sst);
    let (dead, ages) = (FamilyDead::default(), Ages::default());
    let now = Duration::from_secs(100);
    let rent = Rent::of(1 << 30, 0);
    let step_bytes = 1 << 28;
    let choice = Choice {
        db: &db,
        family,
        dead: &dead,
        dead_percent: 25,
        eager: false,
        now,
        plan: &plan,
        reaches: &reaches,
        rent,
        step_bytes,
        ages: &ages,
    };
    let mut files = MixedFiles::default();
    files.notice(&plan.mixed, &spans);
    files.watched.get_mut(&name_of(1)).unwrap().paid = 1e9;
    assert_eq!(files.due(&choice).len(), 1);
    assert!(files.choose(&choice).unwrap().is_none(), "a hundredth of what goes along is dead");
    assert_eq!(files.watched[&name_of(1)].refused, Some(now));
    files.watched.get_mut(&name_of(1)).unwrap().looked = None;
    assert!(files.due(&choice).is_empty());
    let later = Choice { now: now + TRY_AGAIN, ..choice };
    assert_eq!(files.due(&later).len(), 1);
}
