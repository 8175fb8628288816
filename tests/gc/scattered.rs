//! Dead data scattered among survivors: it is rewritten once, not again and again.

use windrow::{CreateOptions, ListEnd};

use crate::compact::compact_everything;
use crate::data::{members, payload};
use crate::fixture::{Fixture, close_and_check, settle};

#[test]
fn survivors_among_many_dead_are_rewritten_once_and_then_left_alone() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let db = store.db(0);
    for options in [CreateOptions::new(), CreateOptions::new().expire_in(std::time::Duration::from_secs(60))] {
        for n in 0..1000 {
            db.sets().add_with(format!("{n}"), [payload(n, 2000)], options).unwrap();
        }
        for n in (0..1000).filter(|n| n % 4 != 0) {
            db.delete([format!("{n}")]).unwrap();
        }
        settle(&store);
        let before = store.stats();
        settle(&store);
        let after = store.stats();
        assert_eq!(after.compactions, before.compactions, "{after:#?}");
        let written = after.data_compaction_written_bytes;
        assert!(written < 3 << 20, "half a million bytes live; {written} were written");
        assert!(after.compaction_read_bytes > 1_000_000 && after.compaction_written_bytes > 100_000, "{after:#?}");
        for n in (0..1000).step_by(4) {
            assert_eq!(members(&db, format!("{n}")), [payload(n, 2000)]);
            db.delete([format!("{n}")]).unwrap();
        }
        settle(&store);
        assert_eq!(store.stats().data_file_bytes, 0, "{:#?}", store.stats());
    }
    drop(db);
    close_and_check(store, &fixture.path("store"));
}

#[test]
#[cfg_attr(not(feature = "failpoints"), ignore = "only with the feature `failpoints` can everything be compacted")]
fn queues_that_were_emptied_item_by_item_give_their_space_back() {
    for options in [CreateOptions::new(), CreateOptions::new().growing()] {
        let fixture = Fixture::new();
        let store = fixture.open();
        let db = store.db(0);
        for n in 0..1000 {
            let items = (0..20).map(|item| payload(n * 20 + item, 200));
            db.lists().push_with(format!("{n}"), ListEnd::Right, items, options).unwrap();
        }
        compact_everything(&store);
        let full = store.stats().data_file_bytes;
        // The last item goes with the key: of these lists one item each can still be seen, and twenty fill the files.
        for n in (0..1000).filter(|n| n % 10 != 0) {
            while db.lists().pop_left(format!("{n}")).unwrap().is_some() {}
        }
        settle(&store);
        let left = store.stats().data_file_bytes;
        assert!(left < full / 5, "a tenth lives; of {full} bytes {left} are left");
        drop(db);
        close_and_check(store, &fixture.path("store"));
    }
}
