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

#[test]
fn a_lifetime_too_short_for_any_look_gives_its_space_back_and_is_called_unverified() {
    let place = Place::new();
    let began = std::time::Instant::now();
    let ended = place
        .run(&["bench", "window", "--windows", "2", "--collections", "3000", "--ttl", "1ms", "--json", "-"])
        .well();
    let json = ended.json();
    assert!(json["seconds_from_expiry_to_freed"].is_number(), "{json:#}");
    assert_eq!(json["settled"]["data_bytes"], 0);
    assert!(began.elapsed().as_secs() < 40, "the wait ended when the space was back");
    assert_eq!((&json["verified_collections"], &json["unverified_collections"]), (&0.into(), &6000.into()));
    assert!(ended.stderr().contains("WARNING: not one set was read back"), "{}", ended.stderr());
}
