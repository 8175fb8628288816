//! What the tool says to arguments it cannot work with.

use super::tool::Place;

#[test]
fn help_names_every_option() {
    let place = Place::new();
    let help = place.run(&["bench", "window", "--help"]).well().stdout();
    for option in [
        "--dir",
        "--windows",
        "--collections",
        "--elements",
        "--value-bytes",
        "--ttl",
        "--from",
        "--threads",
        "--seed",
        "--check-every",
        "--wait",
        "--json",
        "--svg",
    ] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_made() {
    let place = Place::new();
    for (arguments, code, told) in [
        (["--windows", "0"], 2, "--windows"),
        (["--ttl", "soon"], 2, "no duration"),
        (["--value-bytes", "7"], 2, "--value-bytes"),
        (["--svg", "@no/such/place.svg"], 1, "does not exist"),
        (["--from", "@no-such-tree"], 1, "no-such-tree"),
        (["--colour", "green"], 2, "--colour"),
    ] {
        let ended = place.run(&[&["bench", "window"][..], &arguments].concat());
        assert_eq!(ended.code(), Some(code), "{arguments:?}: {}", ended.stderr());
        assert!(ended.stderr().contains(told), "{arguments:?}: {}", ended.stderr());
        assert!(place.left_over().is_empty(), "{arguments:?}");
    }
}
