//! Redis' encodings: values and payloads, as they come and with the checksum made right.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::hostile::all(bytes);
});
