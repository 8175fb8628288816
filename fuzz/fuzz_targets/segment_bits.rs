//! Segment bitmaps: values, operands and their merge.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::segment_bits(bytes);
});
