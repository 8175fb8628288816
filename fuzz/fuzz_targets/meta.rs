//! Meta records, as they come and with the checksum made right.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::meta(bytes);
    windrow_fuzz::canonical::meta_with_right_checksum(bytes);
});
