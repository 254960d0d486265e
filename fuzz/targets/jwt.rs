//! Tokens: read in one way, and verified only if their signature is right.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| policies::properties::token(bytes));
