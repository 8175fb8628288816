//! Searches: what is found in which order, how much of it, and what is stored.

use windrow::{CreateOptions, Db, ErrorKind, GeoFound, GeoPosition, GeoSearch, GeoUnit, Source, Ttl, ZRange};

use super::{CATANIA, PALERMO, sicily};
use crate::both::both;

const KM: GeoUnit = GeoUnit::Kilometers;

fn names(found: &[GeoFound]) -> String {
    found.iter().map(|place| String::from_utf8_lossy(&place.member)).collect::<Vec<_>>().join(" ")
}

fn search<S: Source>(db: &Db<S>, key: &str, search: GeoSearch<'_>) -> String {
    names(&db.geo().search(key, search).unwrap())
}

/// Places on the equator, so many kilometres to the east of the origin, more or less.
fn row(db: &Db, kilometres: &[u32]) {
    let place = |far: &u32| (far.to_string(), GeoPosition::new(f64::from(*far) / 111.2263, 0.0));
    db.geo().add("row", kilometres.iter().map(place)).unwrap();
}

const ORIGIN: GeoPosition = GeoPosition::new(0.0, 0.0);

#[test]
fn a_circle_and_a_box_find_what_lies_within() {
    both(|_, store| {
        let db = store.db(0);
        sicily(&db);
        let middle = GeoPosition::new(15.0, 37.0);
        let circle = |radius| GeoSearch::circle(middle, radius, KM).nearest_first();
        assert_eq!(search(&db, "sicily", circle(200.0)), "Catania Palermo");
        assert_eq!(search(&db, "sicily", circle(190.0)), "Catania");
        assert_eq!(search(&db, "sicily", circle(50.0)), "");
        assert_eq!(search(&db, "sicily", GeoSearch::circle("Palermo", 0.0, KM)), "Palermo");
        assert_eq!(
            search(&db, "sicily", GeoSearch::rectangle(middle, 400.0, 400.0, KM).farthest_first()),
            "Palermo Catania"
        );
        assert_eq!(search(&db, "sicily", GeoSearch::rectangle(middle, 20.0, 400.0, KM)), "Catania");
        assert_eq!(search(&db, "sicily", GeoSearch::rectangle(middle, 400.0, 20.0, KM)), "");
        let found = db.geo().search("sicily", circle(200.0)).unwrap();
        assert_eq!(
            found.iter().map(|place| format!("{:.4}", place.distance)).collect::<Vec<_>>(),
            ["56.4413", "190.4424"]
        );
        assert_eq!(found[0].score, 3_479_447_370_796_909.0);
        assert!((found[1].position.longitude - PALERMO.longitude).abs() < 0.00001);
        let view = store.view().unwrap();
        db.delete(["sicily"]).unwrap();
        assert_eq!(search(&view.db(0), "sicily", circle(200.0)), "Catania Palermo");
        assert_eq!(search(&db, "sicily", circle(200.0)), "");
    });
}

#[test]
fn a_search_goes_on_beyond_the_date_line_and_looks_at_the_whole_earth() {
    both(|_, store| {
        let db = store.db(0);
        let places = [("west", -179.99, 10.0), ("east", 179.99, 10.0), ("far", 0.0, -10.0), ("south", 0.0, -85.0)];
        db.geo().add("g", places.map(|(name, east, north)| (name, GeoPosition::new(east, north)))).unwrap();
        assert_eq!(search(&db, "g", GeoSearch::circle("east", 10.0, KM).nearest_first()), "east west");
        assert_eq!(search(&db, "g", GeoSearch::rectangle("west", 10.0, 10.0, KM).nearest_first()), "west east");
        assert_eq!(db.geo().search("g", GeoSearch::circle("far", 30_000.0, KM)).unwrap().len(), 4);
        assert_eq!(db.geo().search("g", GeoSearch::circle("far", f64::INFINITY, KM)).unwrap().len(), 4);
    });
}

#[test]
fn a_count_takes_the_first_in_order_and_any_takes_the_first_met() {
    both(|_, store| {
        let db = store.db(0);
        row(&db, &[90, 10, 50, 30, 70, 0]);
        let all = GeoSearch::circle(ORIGIN, 100.0, KM);
        assert_eq!(search(&db, "row", all.count(3)), "0 10 30");
        assert_eq!(search(&db, "row", all.nearest_first().count(2)), "0 10");
        assert_eq!(search(&db, "row", all.farthest_first().count(4)), "90 70 50 30");
        assert_eq!(search(&db, "row", all.farthest_first().count(100)), "90 70 50 30 10 0");
        let any = db.geo().search("row", all.any(4)).unwrap();
        let first: Vec<_> = db.geo().search("row", all).unwrap().into_iter().take(4).collect();
        assert_eq!(any, first);
        let sorted = db.geo().search("row", all.any(4).farthest_first()).unwrap();
        assert!(sorted.is_sorted_by(|a, b| a.distance >= b.distance));
        assert!(sorted.len() == 4 && sorted.iter().all(|place| any.contains(place)));
        assert_eq!(search(&db, "row", all.any(2).count(1)), "0", "what is said last holds");
    });
}

#[test]
fn places_that_are_equally_far_come_in_the_order_in_which_they_are_met() {
    both(|_, store| {
        let db = store.db(0);
        let names = ["d", "a", "c", "b"];
        db.geo().add("g", names.map(|name| (name, PALERMO))).unwrap();
        db.geo().add("g", [("z", CATANIA)]).unwrap();
        let around = GeoSearch::circle("z", 300.0, KM);
        assert_eq!(search(&db, "g", around.nearest_first()), "z a b c d");
        assert_eq!(search(&db, "g", around.farthest_first()), "a b c d z");
        assert_eq!(search(&db, "g", around.nearest_first().count(3)), "z a b");
        assert_eq!(search(&db, "g", around.farthest_first().count(3)), "a b c");
    });
}

#[test]
fn distances_along_a_meridian_are_those_of_redis_to_the_last_bit() {
    // What redis-server 7.0.15 stores. The formula for all other pairs gives each of them a neighbour of this number.
    let stored = [(-73.6, 8_197.378_429_522_13), (42.846, 4_754.479_303_050_582), (64.219, 7_131.718_954_575_872)];
    both(|_, store| {
        let db = store.db(0);
        db.geo().add("g", [("middle", GeoPosition::new(10.5, 0.1))]).unwrap();
        for (latitude, distance) in stored {
            db.geo().add("g", [("other", GeoPosition::new(10.5, latitude))]).unwrap();
            db.geo().search_store_distances("d", "g", GeoSearch::circle("middle", 20_000.0, KM)).unwrap();
            assert_eq!(db.zsets().score("d", "other").unwrap(), Some(distance), "latitude {latitude}");
        }
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    both(|_, store| {
        let db = store.db(0);
        sicily(&db);
        db.strings().set("text", "v").unwrap();
        let here = GeoSearch::circle(PALERMO, 1.0, KM);
        let cases = [
            ("text", here, ErrorKind::WrongType),
            ("text", here.count(0), ErrorKind::WrongType),
            ("sicily", here.count(0), ErrorKind::InvalidInput),
            ("sicily", here.any(0), ErrorKind::InvalidInput),
            ("missing", here.any(0), ErrorKind::InvalidInput),
            ("sicily", GeoSearch::circle("Rome", 1.0, KM), ErrorKind::NoSuchMember),
            ("sicily", GeoSearch::circle("Palermo", -1.0, KM), ErrorKind::InvalidInput),
            ("missing", GeoSearch::circle("Palermo", -1.0, KM), ErrorKind::InvalidInput),
            ("sicily", GeoSearch::circle(PALERMO, f64::NAN, KM), ErrorKind::NotANumber),
            ("sicily", GeoSearch::rectangle(PALERMO, 1.0, -1.0, KM), ErrorKind::InvalidInput),
            ("sicily", GeoSearch::rectangle(PALERMO, f64::NAN, 1.0, KM), ErrorKind::NotANumber),
            ("missing", GeoSearch::circle(GeoPosition::new(181.0, 0.0), 1.0, KM), ErrorKind::OutOfRange),
            ("sicily", GeoSearch::circle(GeoPosition::new(f64::NAN, 0.0), 1.0, KM), ErrorKind::NotANumber),
        ];
        for (key, search, kind) in cases {
            assert_eq!(db.geo().search(key, search).unwrap_err().kind(), kind, "{key} {search:?}");
            assert_eq!(db.geo().search_store("d", key, search).unwrap_err().kind(), kind, "{key} {search:?}");
        }
        assert!(!db.exists("d").unwrap());
        assert!(db.geo().search("missing", GeoSearch::circle("Palermo", 1.0, KM)).unwrap().is_empty());
    });
}

#[test]
fn what_is_found_is_stored_in_place_of_anything() {
    both(|_, store| {
        let db = store.db(0);
        row(&db, &[0, 10, 50, 90]);
        db.strings().set("d", "text").unwrap();
        let near = GeoSearch::circle(ORIGIN, 60.0, KM);
        let members = |key: &str| {
            let entries = db.zsets().range(key, ZRange::ranks(0, -1)).unwrap().map(Result::unwrap);
            entries.map(|(member, _)| String::from_utf8_lossy(&member).into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((db.geo().search_store("d", "row", near).unwrap(), members("d").as_str()), (3, "0 10 50"));
        assert_eq!(db.zsets().score("d", "50").unwrap(), db.zsets().score("row", "50").unwrap());
        assert_eq!(db.geo().search_store("d", "row", near.farthest_first().count(2)).unwrap(), 2);
        assert_eq!(members("d"), "10 50");
        assert_eq!(db.geo().search_store_distances("d", "row", near.any(1)).unwrap(), 1);
        assert_eq!(db.geo().search_store_distances("d", "row", near).unwrap(), 3);
        let far = db.zsets().score("d", "50").unwrap().unwrap();
        assert_eq!(far, db.geo().search("row", near.farthest_first()).unwrap()[0].distance);
        let minute = CreateOptions::new().expire_in(std::time::Duration::from_secs(60));
        db.geo().search_store_distances_with("e", "row", near, minute).unwrap();
        assert!(matches!(db.ttl("e").unwrap(), Ttl::In(_)));
        let past = CreateOptions::new().expire_at(crate::fixture::START);
        assert_eq!(db.geo().search_store_with("e", "row", near, past).unwrap(), 0);
        assert!(!db.exists("e").unwrap());
        // In place of its source.
        assert_eq!((db.geo().search_store("row", "row", near).unwrap(), members("row").as_str()), (3, "0 10 50"));
        // Nothing to store removes.
        assert_eq!(db.geo().search_store("d", "missing", GeoSearch::circle("0", 1.0, KM)).unwrap(), 0);
        assert!(!db.exists("d").unwrap());
        let nowhere = GeoSearch::circle(GeoPosition::new(90.0, 0.0), 1.0, KM);
        assert_eq!(db.geo().search_store("row", "row", nowhere).unwrap(), 0);
        assert!(!db.exists("row").unwrap());
    });
}
