//! RDB files: as they come, behind a right beginning, and with an end as well.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::hostile::files(bytes);
});
