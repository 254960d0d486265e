//! Templates of log formats.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| dataplane::properties::log_format(text));
