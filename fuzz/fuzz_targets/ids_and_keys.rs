//! Collection ids, scores, segment keys and meta keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::ids_and_keys(bytes);
});
