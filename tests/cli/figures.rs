//! What a run measures and where it puts it.

#[cfg(unix)]
use std::time::{Duration, Instant};

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
    // Large enough for growing families, whose dead files are compacted out of L0 after a quiet second.
    let sets = ["--collections", "4", "--elements", "20", "--value-bytes", "1048576"];
    let ended =
        place.run(&[["bench", "window", "--windows", "1", "--wait", "0", "--json", "-"].as_slice(), &sets].concat());
    let json = ended.json();
    assert!(json["seconds_from_expiry_to_freed"].is_null(), "nobody waited: {json:#}");
    assert_eq!(json["mismatches"], 0);
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr());
    assert!(ended.stderr().contains("NOT within the wait"), "{}", ended.stderr());
}

/// The figures of disk use are those of the file system, measured here from outside.
#[cfg(unix)]
#[test]
fn peak_and_settled_disk_use_are_what_the_files_of_the_directory_take() {
    let place = Place::new();
    let store = place.path("store");
    let arguments = ["bench", "window", "--windows", "4", "--collections", "3000", "--dir", "@store", "--json", "-"];
    let (json, seen) = std::thread::scope(|scope| {
        let running = scope.spawn(|| place.run(&arguments).well().json());
        let mut seen = Vec::new();
        while !running.is_finished() {
            seen.push((Instant::now(), charged_bytes(&store)));
            std::thread::sleep(Duration::from_millis(5));
        }
        (running.join().unwrap(), seen)
    });
    let peak = seen.iter().map(|(_, bytes)| *bytes).max().unwrap() as f64;
    let said = number(&json["peak_disk_bytes"]);
    assert!(said > 0.8 * peak && said < 1.1 * peak, "{said} said, {peak} seen: the tool looks ten times a second");
    let (end, _) = *seen.last().unwrap();
    let settled = number(&json["settled_disk_bytes"]);
    let mut at_the_end = seen.iter().filter(|(at, _)| end.duration_since(*at) < Duration::from_secs(2));
    let is_near = |bytes: u64| (bytes as f64 - settled).abs() < 0.02 * settled;
    assert!(at_the_end.any(|(_, bytes)| is_near(*bytes)), "settled at {settled}: {:?}", seen.last());
}

/// What the files of a directory take of the file system, those included that go meanwhile.
#[cfg(unix)]
fn charged_bytes(directory: &std::path::Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|seen| seen.len().max(seen.blocks() * 512)).sum()
}

/// Only then is the feature there that lets the tool lose what it reads.
#[cfg(feature = "failpoints")]
#[test]
fn a_run_that_did_not_find_what_it_wrote_does_not_end_well() {
    let place = Place::new();
    let arguments = ["bench", "window", "--windows", "1", "--collections", "50", "--json", "-"];
    let ended = place.run_at(&arguments, "check::lose_member=10*off->1*return->off");
    let json = ended.json();
    assert_eq!((&json["mismatches"], &json["verified_collections"]), (&1.into(), &49.into()));
    assert!(json["seconds_from_expiry_to_freed"].is_number() && json["settled"]["keys_left"] == 0, "{json:#}");
    assert!(ended.stderr().contains("MISMATCH: window:0:"), "{}", ended.stderr());
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr());
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
