//! Places in sorted sets, packed in their records and apart from them.

mod model;
mod searches;

use windrow::{CreateOptions, Db, ErrorKind, GeoPosition, GeoUnit, Source, Ttl, ZAddOptions};

use crate::both::both;

pub(super) const PALERMO: GeoPosition = GeoPosition::new(13.361389, 38.115556);
pub(super) const CATANIA: GeoPosition = GeoPosition::new(15.087269, 37.502669);

pub(super) fn sicily(db: &Db) {
    db.geo().add("sicily", [("Palermo", PALERMO), ("Catania", CATANIA)]).unwrap();
}

fn near<S: Source>(db: &Db<S>, member: &str, place: GeoPosition) -> bool {
    let found = db.geo().position("sicily", member).unwrap().unwrap();
    (found.longitude - place.longitude).abs() < 0.00001 && (found.latitude - place.latitude).abs() < 0.00001
}

#[test]
fn places_are_scores_that_redis_has_too() {
    both(|_, store| {
        let db = store.db(0);
        sicily(&db);
        let scores = db.zsets().mscore("sicily", ["Palermo", "Catania"]).unwrap();
        assert_eq!(scores, [Some(3_479_099_956_230_698.0), Some(3_479_447_370_796_909.0)]);
        let view = store.view().unwrap();
        db.zsets().add("sicily", [("Palermo", 3_479_447_370_796_909.0)]).unwrap();
        assert!(near(&db, "Palermo", CATANIA) && near(&view.db(0), "Palermo", PALERMO));
        assert_eq!(db.geo().distance("sicily", "Palermo", "Catania", GeoUnit::Meters).unwrap(), Some(0.0));
        assert_eq!(db.zsets().remove("sicily", ["Palermo", "Catania"]).unwrap(), 2);
        assert!(!db.exists("sicily").unwrap());
    });
}

#[test]
fn distances_are_those_of_redis_in_every_unit() {
    both(|_, store| {
        let db = store.db(0);
        sicily(&db);
        let apart = |unit| db.geo().distance("sicily", "Palermo", "Catania", unit).unwrap().unwrap();
        let units = [GeoUnit::Meters, GeoUnit::Kilometers, GeoUnit::Feet, GeoUnit::Miles];
        let texts = units.map(|unit| format!("{:.4}", apart(unit)));
        assert_eq!(texts, ["166274.1516", "166.2742", "545518.8700", "103.3182"]);
        assert_eq!(apart(GeoUnit::Kilometers), 166.27415156960032, "to the last bit");
        assert_eq!(db.geo().distance("sicily", "Palermo", "Rome", GeoUnit::Meters).unwrap(), None);
        assert_eq!(db.geo().distance("missing", "a", "b", GeoUnit::Meters).unwrap(), None);
    });
}

#[test]
fn what_is_not_there_has_no_place_and_no_hash() {
    both(|_, store| {
        let db = store.db(0);
        sicily(&db);
        assert_eq!(db.geo().hashes("sicily", ["Rome", "Catania"]).unwrap(), [None, Some("sqdtr74hyu0".into())]);
        assert_eq!(db.geo().positions("missing", ["a", "b"]).unwrap(), [None, None]);
        assert!(db.geo().positions("sicily", [] as [&str; 0]).unwrap().is_empty());
        db.strings().set("text", "v").unwrap();
        let refused = [
            db.geo().position("text", "a").err(),
            db.geo().hashes("text", ["a"]).err(),
            db.geo().distance("text", "a", "b", GeoUnit::Feet).err(),
            db.geo().add("text", [("a", PALERMO)]).err(),
        ];
        for error in refused {
            assert_eq!(error.unwrap().kind(), ErrorKind::WrongType);
        }
    });
}

#[test]
fn conditions_and_expiry_are_those_of_sorted_sets() {
    both(|_, store| {
        let db = store.db(0);
        sicily(&db);
        let swapped = [("Palermo", CATANIA), ("Rome", GeoPosition::new(12.5, 41.9))];
        let done = db.geo().add_with("sicily", swapped, ZAddOptions::new().if_absent()).unwrap();
        assert_eq!((done.added, done.updated), (1, 0));
        assert!(near(&db, "Palermo", PALERMO));
        let done = db.geo().add_with("sicily", swapped, ZAddOptions::new().if_present()).unwrap();
        assert_eq!((done.added, done.updated), (0, 1));
        assert!(near(&db, "Palermo", CATANIA));
        let minute = CreateOptions::new().expire_in(std::time::Duration::from_secs(60));
        db.geo().add_with("new", swapped, ZAddOptions::new().create(minute)).unwrap();
        assert!(matches!(db.ttl("new").unwrap(), Ttl::In(_)));
    });
}

#[test]
fn what_is_no_place_is_refused_and_nothing_is_added() {
    let beyond = [(180.000001, 0.0), (-180.000001, 0.0), (0.0, 85.0511288), (0.0, -85.0511288), (f64::INFINITY, 0.0)];
    both(|_, store| {
        let db = store.db(0);
        for (longitude, latitude) in beyond {
            let places = [("a", PALERMO), ("b", GeoPosition::new(longitude, latitude))];
            assert_eq!(db.geo().add("g", places).unwrap_err().kind(), ErrorKind::OutOfRange);
        }
        for (longitude, latitude) in [(f64::NAN, 0.0), (0.0, f64::NAN)] {
            let places = [("a", GeoPosition::new(longitude, latitude))];
            assert_eq!(db.geo().add("g", places).unwrap_err().kind(), ErrorKind::NotANumber);
        }
        assert!(!db.exists("g").unwrap());
        // The edges themselves are places, the eastern and the northern one with scores beyond all others.
        let corners = [("ne", 180.0, 85.05112878), ("sw", -180.0, -85.05112878)];
        let corners = corners.map(|(name, longitude, latitude)| (name, GeoPosition::new(longitude, latitude)));
        db.geo().add("g", corners).unwrap();
        assert_eq!(db.zsets().mscore("g", ["ne", "sw"]).unwrap(), [Some(13_510_798_882_111_488.0), Some(0.0)]);
        assert_eq!(db.geo().position("g", "ne").unwrap().unwrap().longitude, 180.0);
    });
}
