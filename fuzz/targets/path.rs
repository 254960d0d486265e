//! Canonical paths, and what is made of them for upstreams.
#![no_main]

libfuzzer_sys::fuzz_target!(|raw: &str| dataplane::properties::path(raw));
