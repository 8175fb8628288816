//! Real files as input.

use std::fs;
use std::path::Path;

use super::tool::Place;

fn plant(root: &Path, files: usize) {
    for number in 0..files {
        let directory = root.join(format!("d{}", number % 7));
        fs::create_dir_all(&directory).unwrap();
        let bytes: Vec<u8> = (0..number * 97).map(|at| (at * at % 251) as u8).collect();
        fs::write(directory.join(format!("file {number}")), bytes).unwrap();
    }
}

#[test]
fn every_file_is_stored_and_found_again_byte_for_byte() {
    let place = Place::new();
    plant(&place.path("input"), 200);
    let json = place.run(&["bench", "window", "--windows", "3", "--from", "@input", "--json", "-"]).well().json();
    let bytes: usize = (0..200_usize)
        .map(|number| {
            let length = number * 97;
            length + 4 * length.div_ceil(4096).max(1)
        })
        .sum();
    assert_eq!(json["loaded_bytes"], bytes, "the files and a number of four bytes for each block");
    assert_eq!((&json["verified_collections"], &json["mismatches"]), (&200.into(), &0.into()));
    assert_eq!(json["unreadable_files"]["count"], 0);
    assert_eq!(json["parameters"]["from"], place.path("input").display().to_string());
}

#[test]
fn options_of_generated_input_do_not_go_with_files() {
    let place = Place::new();
    let ended = place.run(&["bench", "window", "--from", "@input", "--collections", "5"]);
    assert_eq!(ended.code(), Some(2));
}

#[test]
fn a_directory_without_files_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("input")).unwrap();
    let ended = place.run(&["bench", "window", "--from", "@input"]);
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr().contains("no regular file"), "{}", ended.stderr());
}
