//! HyperLogLogs: strings of any bytes, read, changed and made dense.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::hyperloglog(bytes);
    windrow_fuzz::canonical::dense_hyperloglog(bytes);
});
