//! Append-only files: requests, parts and manifests.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::hostile_aof::all(bytes);
});
