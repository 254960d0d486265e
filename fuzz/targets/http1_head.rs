//! Heads of requests and responses.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    dataplane::properties::request_head(bytes);
    dataplane::properties::response_head(bytes);
});
