//! What a run measures and where it puts it.

use serde_json::Value;

use super::tool::Place;

const REQUIRED: [&str; 13] = [
    "loaded_bytes",
    "live_bytes",
    "peak_disk_bytes",
    "settled_disk_bytes",
    "freed_bytes",
    "seconds_from_expiry_to_freed",
    "reclaim_read_bytes",
    "reclaim_written_bytes",
    "verified_collections",
    "mismatches",
    "ops_per_s",
    "p50_us",
    "p99_us",
];

#[test]
fn a_run_reads_everything_back_and_gets_its_space_back() {
    let place = Place::new();
    let ended = place
        .run(&["bench", "window", "--windows", "4", "--collections", "5000", "--value-bytes", "4096", "--json", "-"])
        .well();
    let json = ended.json();
    for name in REQUIRED {
        assert!(json[name].is_number(), "{name} is {}", json[name]);
    }
    assert_eq!(json["loaded_bytes"], 4 * 5000 * 4096);
    assert_eq!(json["live_bytes"], 3 * 5000 * 4096, "three windows live at once");
    assert_eq!(json["live_bytes_at_end"], 0);
    assert_eq!((&json["verified_collections"], &json["mismatches"]), (&20_000.into(), &0.into()));
    assert!(number(&json["peak"]["data_bytes"]) > 20e6, "something reached the disk: {json:#}");
    assert!(number(&json["freed_share_of_peak"]) >= 0.98, "{json:#}");
    assert!(number(&json["settled"]["data_bytes"]) < 1e6, "{json:#}");
    assert!(number(&json["p99_us"]) >= number(&json["p50_us"]));
    assert!(ended.stderr().contains("20,000 of 20,000 sets, 0 mismatches"), "the table went to standard error");
    assert_eq!(place.left_over(), [] as [std::path::PathBuf; 0]);
}

#[test]
fn json_and_picture_go_to_files_and_the_table_to_standard_output() {
    let place = Place::new();
    let ended = place
        .run(&[
            "bench",
            "window",
            "--windows",
            "3",
            "--collections",
            "50",
            "--elements",
            "4",
            "--value-bytes",
            "64",
            "--seed",
            "9",
            "--threads",
            "3",
            "--json",
            "@figures.json",
            "--svg",
            "@picture.svg",
        ])
        .well();
    assert!(ended.stdout().contains("3 windows of 50 sets of 4 x 64 B"), "{}", ended.stdout());
    assert!(ended.stderr().contains("window 3 of 3 written: 50 sets"), "plain lines: {}", ended.stderr());
    let json: Value = serde_json::from_str(&std::fs::read_to_string(place.path("figures.json")).unwrap()).unwrap();
    assert_eq!(json["parameters"]["seed"], 9);
    assert_eq!(json["windows"].as_array().unwrap().len(), 3);
    assert_eq!(json["loaded_bytes"], 3 * 50 * 4 * 64);
    let picture = std::fs::read_to_string(place.path("picture.svg")).unwrap();
    for part in ["<svg", "</svg>", "on disk, log included", "alive", "a window expires", "seconds since the start"] {
        assert!(picture.contains(part), "{part}");
    }
    assert!(picture.matches("<polyline").count() >= 2, "two lines");
}

#[test]
fn sets_of_several_commits_are_read_back_and_given_back() {
    let place = Place::new();
    let json = place
        .run(&[
            "bench",
            "window",
            "--windows",
            "2",
            "--collections",
            "2",
            "--elements",
            "20",
            "--value-bytes",
            "1048576",
            "--json",
            "-",
        ])
        .well()
        .json();
    assert_eq!((&json["verified_collections"], &json["mismatches"]), (&4.into(), &0.into()));
    assert_eq!(json["ops"], 2 * 2 * 2);
    assert!(number(&json["freed_share_of_peak"]) >= 0.98, "{json:#}");
}

#[test]
fn a_run_whose_space_did_not_come_back_in_time_does_not_end_well() {
    let place = Place::new();
    let ended =
        place.run(&["bench", "window", "--windows", "3", "--collections", "20000", "--wait", "0", "--json", "-"]);
    let json = ended.json();
    assert!(json["seconds_from_expiry_to_freed"].is_null(), "nobody waited: {json:#}");
    assert_eq!(json["mismatches"], 0);
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr());
    assert!(ended.stderr().contains("NOT within the wait"), "{}", ended.stderr());
}

#[test]
fn sets_below_the_packing_limit_lie_in_data_families_too() {
    let place = Place::new();
    let json = place
        .run(&["bench", "window", "--windows", "3", "--collections", "20000", "--value-bytes", "40", "--json", "-"])
        .well()
        .json();
    assert_eq!(json["mismatches"], 0);
    assert!(number(&json["store"]["segments_retired"]) + number(&json["store"]["range_deletions"]) > 0.0, "{json:#}");
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}
