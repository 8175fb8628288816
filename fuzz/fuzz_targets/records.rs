//! Keys and values of the default family, and its merge.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::records(bytes);
    windrow_fuzz::canonical::small_segment_sets(bytes);
});
