//! Lifetime classes, data families, ids, times and hash slots have the values the design gives
//! them.

use std::time::Duration;

use windrow::encoding::{
    CollectionId, DataFamily, HASH_SLOTS, Habit, LifetimeClass, MAX_COUNTER, Segment, UnixMillis, hash_slot,
};

const MINUTE: Duration = Duration::from_secs(60);
const MOMENT: Duration = Duration::from_nanos(1);

#[test]
fn classes_grow_by_factors_of_four_and_include_their_longest() {
    assert_eq!(LifetimeClass::for_ttl(None).number(), 0);
    assert_eq!(LifetimeClass::for_ttl(Some(Duration::ZERO)).number(), 1);
    for class in 1..=8_u8 {
        let longest = MINUTE * 4_u32.pow(u32::from(class) - 1);
        assert_eq!(LifetimeClass::for_ttl(Some(longest)).number(), class);
        assert_eq!(LifetimeClass::for_ttl(Some(longest + MOMENT)).number(), class + 1);
        assert_eq!(LifetimeClass::from_number(class).unwrap().longest(), Some(longest));
    }
    assert_eq!(LifetimeClass::for_ttl(Some(Duration::MAX)).number(), 9);
    assert_eq!(LifetimeClass::NONE.longest(), None);
    assert_eq!(LifetimeClass::LONGEST.longest(), None);
    assert_eq!(LifetimeClass::from_number(10), None);
}

#[test]
fn each_class_and_habit_is_born_into_its_family() {
    for number in 0..=9 {
        let class = LifetimeClass::from_number(number).unwrap();
        for habit in [Habit::Closed, Habit::Growing] {
            let family = DataFamily::for_birth(class, habit);
            let expected = match (number, habit) {
                (0, _) => 0,
                (k, Habit::Closed) => 2 * k - 1,
                (k, Habit::Growing) => 2 * k,
            };
            assert_eq!(family.number(), expected);
            assert_eq!(family.class(), class);
            assert!(family.habit() == habit || number == 0);
        }
    }
    assert_eq!(DataFamily::new(0).unwrap().habit(), Habit::Growing);
}

#[test]
fn there_are_nineteen_families() {
    let all: Vec<_> = DataFamily::all().collect();
    assert_eq!(all.len(), DataFamily::COUNT);
    assert!(all.iter().enumerate().all(|(index, family)| family.index() == index));
    assert_eq!(all.last().unwrap().to_string(), "data-18");
    assert_eq!(DataFamily::new(19), None);
}

#[test]
fn counters_are_neither_zero_nor_all_ones() {
    let family = DataFamily::new(4).unwrap();
    assert_eq!(CollectionId::new(family, 0), None);
    assert_eq!(CollectionId::new(family, 1).unwrap().get(), 0x0400_0000_0000_0001);
    assert_eq!(CollectionId::new(family, MAX_COUNTER).unwrap().get(), 0x04FF_FFFF_FFFF_FFFE);
    assert_eq!(CollectionId::new(family, MAX_COUNTER + 1), None);
    assert!(CollectionId::from_raw(0x0400_0000_0000_0000).is_err());
    assert!(CollectionId::from_raw(0x04FF_FFFF_FFFF_FFFF).is_err());
    assert!(CollectionId::from_raw(0x1300_0000_0000_0001).is_err());
    assert!(CollectionId::from_raw(0).is_err());
}

#[test]
fn the_first_and_the_last_segment_lack_one_id() {
    let family = DataFamily::new(4).unwrap();
    let segment = |number| Segment::new(family, number).unwrap();
    assert_eq!(segment(0).lows(), 1..=u16::MAX);
    assert_eq!(segment(0).id(0), None);
    assert_eq!(segment(1).lows(), 0..=u16::MAX);
    assert_eq!(segment(1).id(0), CollectionId::new(family, 65_536));
    assert_eq!(segment(Segment::MAX_NUMBER).lows(), 0..=u16::MAX - 1);
    assert_eq!(segment(Segment::MAX_NUMBER).id(u16::MAX), None);
    assert_eq!(Segment::new(family, Segment::MAX_NUMBER + 1), None);
}

#[test]
fn times_stop_at_their_greatest() {
    assert_eq!(UnixMillis::new(u64::MAX).get(), u64::MAX - 1);
    assert_eq!(UnixMillis::new(5).saturating_add(Duration::from_micros(2_999)), UnixMillis::new(7));
    assert_eq!(UnixMillis::new(5).saturating_add(Duration::MAX), UnixMillis::MAX);
    assert_eq!(UnixMillis::MAX.saturating_add(Duration::from_millis(1)), UnixMillis::MAX);
    assert_eq!(UnixMillis::new(9).saturating_since(UnixMillis::new(5)), Duration::from_millis(4));
    assert_eq!(UnixMillis::new(5).saturating_since(UnixMillis::new(9)), Duration::ZERO);
}

#[test]
fn hash_slots_are_those_of_redis_cluster() {
    let cases: [(&[u8], u16); 13] = [
        (b"", 0),
        (b"123456789", 12_739),
        (b"foo", 12_182),
        (b"bar", 5_061),
        (b"user1000", 3_443),
        (b"{user1000}.following", 3_443),
        (b"{user1000}.followers", 3_443),
        (b"foo{}{bar}", 8_363),
        (b"foo{{bar}}zap", 4_015),
        (b"foo{bar}{zap}", 5_061),
        (b"{", 4_092),
        (b"{}", 15_257),
        (b"}{a}", 15_495),
    ];
    for (key, slot) in cases {
        assert_eq!(hash_slot(key), slot, "{}", key.escape_ascii());
        assert!(slot < HASH_SLOTS);
    }
}
