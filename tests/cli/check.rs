//! `windrow check` on a sound store, and on what is no store.

use crate::tool::Place;

#[test]
fn a_store_that_a_run_left_is_clean() {
    let place = Place::new();
    let run = ["bench", "window", "--dir", "@store", "--windows", "3", "--collections", "200", "--value-bytes", "64"];
    place.run(&run).well();
    let checked = place.run(&["check", "@store"]).well();
    assert!(checked.stdout().trim_end().ends_with("clean"), "{}", checked.stdout());
}

#[test]
fn a_directory_that_is_no_store_is_refused_and_left_as_it_is() {
    let place = Place::new();
    std::fs::create_dir(place.path("other")).unwrap();
    std::fs::write(place.path("other").join("file"), "mine").unwrap();
    let checked = place.run(&["check", "@other"]);
    assert_eq!(checked.code(), Some(1));
    assert!(checked.stderr().contains("is not a store"), "{}", checked.stderr());
    assert_eq!(std::fs::read(place.path("other").join("file")).unwrap(), b"mine");
}
