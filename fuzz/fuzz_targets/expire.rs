//! Entries of the expire family.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::expire(bytes);
});
