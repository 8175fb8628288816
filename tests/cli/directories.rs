//! Which directories the tool takes, keeps and removes.

use super::tool::{Place, names};

#[test]
fn a_named_directory_is_kept_and_is_a_store() {
    let place = Place::new();
    place
        .run(&[
            "bench",
            "window",
            "--windows",
            "1",
            "--collections",
            "10",
            "--dir",
            "@deep/store",
            "--check-every",
            "3",
        ])
        .well();
    assert!(!names(&place.path("deep/store")).is_empty());
    let store = windrow::Store::open(place.path("deep/store")).unwrap();
    assert_eq!(store.db(0).len().unwrap(), 0, "everything expired");
    assert!(place.left_over().is_empty());
}

#[test]
fn a_directory_that_holds_anything_is_refused_in_one_line_and_left_alone() {
    let place = Place::new();
    std::fs::create_dir(place.path("mine")).unwrap();
    std::fs::write(place.path("mine/letter"), "dear").unwrap();
    let ended = place.run(&["bench", "window", "--dir", "@mine"]);
    assert_eq!(ended.code(), Some(1));
    let refusal = ended.stderr();
    assert_eq!(refusal.lines().count(), 1, "{refusal}");
    assert!(refusal.contains("not empty"), "{refusal}");
    assert_eq!(names(&place.path("mine")), [place.path("mine/letter")]);
}

#[cfg(unix)]
#[test]
fn a_temporary_directory_goes_also_when_the_run_fails_at_its_end() {
    let place = Place::new();
    std::os::unix::fs::symlink(place.path("nowhere/picture.svg"), place.path("picture.svg")).unwrap();
    let ended = place.run(&["bench", "window", "--windows", "1", "--collections", "10", "--svg", "@picture.svg"]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr().contains("cannot write"), "{}", ended.stderr());
    assert!(ended.stderr().contains("removed at the end"), "{}", ended.stderr());
    assert!(place.left_over().is_empty());
}
