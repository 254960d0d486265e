//! Headers of the PROXY protocol, both versions.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dataplane::properties::proxy_header(bytes));
