//! Keys of the data families.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::element(bytes);
});
