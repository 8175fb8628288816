//! The text of the WINDROW file and of the HISTORY file, as it comes and behind its fixed beginnings.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    windrow_fuzz::canonical::format_file(bytes);
    windrow_fuzz::canonical::format_file_behind_its_beginning(bytes);
    windrow_fuzz::canonical::history_file(bytes);
    windrow_fuzz::canonical::history_file_behind_its_counters(bytes);
});
