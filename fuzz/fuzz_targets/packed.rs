//! Packed entries of each type, alone and as the body of a meta record.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::packed(bytes);
});
