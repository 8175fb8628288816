//! The stored requests, from which the fuzzer begins.

use crate::total;

#[test]
fn stored_requests_hold_what_any_bytes_hold() {
    let table = include_str!("../fixtures/resp/requests.hex");
    let rows = table.lines().filter_map(|line| line.split_once(" = "));
    let mut count = 0;
    for (name, hex) in rows {
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert!(!bytes.is_empty(), "{name}");
        total::all(&bytes);
        count += 1;
    }
    assert!(count > 20, "{count} requests");
}
