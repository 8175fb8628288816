//! Lifetimes in real time.

use super::tool::Place;

#[test]
fn sets_with_a_lifetime_in_real_time_die_by_themselves() {
    let place = Place::new();
    let json = place
        .run(&["bench", "window", "--windows", "2", "--collections", "2000", "--ttl", "1.5", "--json", "-"])
        .well()
        .json();
    assert_eq!(json["parameters"]["ttl_seconds"], 1.5);
    assert_eq!((&json["mismatches"], &json["live_bytes_at_end"]), (&0.into(), &0.into()));
    assert_eq!(json["settled"]["keys_left"], 0);
    assert!(json["durations"]["last_expiry_at_seconds"].as_f64().unwrap() >= 1.5);
    assert!(json["verified_collections"].as_u64().unwrap() > 0);
}
