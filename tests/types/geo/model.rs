//! Searches beside a model that looks at every place.

use std::collections::BTreeSet;

use windrow::{GeoPosition, GeoSearch, GeoUnit};

use crate::both::{both, seed};

const METERS: GeoUnit = GeoUnit::Meters;

/// Places around one, mostly near it. WHY not beyond a latitude of 60: towards the poles Redis' areas leave gaps, and so
/// do these.
fn scattered(random: &mut fastrand::Rng, middle: GeoPosition) -> GeoPosition {
    let scale = 10_f64.powi(random.i32(-5..2));
    let shift = |random: &mut fastrand::Rng| (random.f64() - 0.5) * scale;
    let longitude = (middle.longitude + shift(random) + 540.0).rem_euclid(360.0) - 180.0;
    GeoPosition::new(longitude, (middle.latitude + shift(random)).clamp(-60.0, 60.0))
}

#[test]
fn a_search_finds_all_that_is_near_enough_and_nothing_else() {
    let seed = seed();
    both(|_, store| {
        let mut random = fastrand::Rng::with_seed(seed);
        let db = store.db(0);
        for _ in 0..30 {
            let middle = GeoPosition::new(random.f64() * 360.0 - 180.0, random.f64() * 110.0 - 55.0);
            db.delete(["g"]).unwrap();
            db.geo().add("g", [("middle".to_owned(), middle)]).unwrap();
            let places: Vec<_> = (0..60).map(|n| (format!("{n}"), scattered(&mut random, middle))).collect();
            db.geo().add("g", places.clone()).unwrap();
            let names = || places.iter().map(|(name, _)| name.as_str()).chain(["middle"]);
            let apart = |name: &str| db.geo().distance("g", "middle", name, METERS).unwrap().unwrap();
            for _ in 0..10 {
                let radius = 10_f64.powf(random.f64() * 7.0 - 0.5).min(2_000_000.0);
                let wanted: BTreeSet<&str> = names().filter(|name| apart(name) <= radius).collect();
                let found = db.geo().search("g", GeoSearch::circle("middle", radius, METERS)).unwrap();
                let found: BTreeSet<&str> =
                    found.iter().map(|place| std::str::from_utf8(&place.member).unwrap()).collect();
                assert_eq!(found, wanted, "{radius} m around {middle:?}, seed {seed}");
                let best = db.geo().search("g", GeoSearch::circle("middle", radius, METERS).count(5)).unwrap();
                let mut nearest: Vec<f64> = names().map(apart).filter(|apart| *apart <= radius).collect();
                nearest.sort_by(f64::total_cmp);
                nearest.truncate(5);
                assert_eq!(best.iter().map(|place| place.distance).collect::<Vec<_>>(), nearest);
            }
        }
    });
}
