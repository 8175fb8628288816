//! Requests of clients, cut into pieces in several ways, and written again.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::resp::all(bytes);
});
