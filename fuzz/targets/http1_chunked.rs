//! Chunked bodies: what the gateway decodes, a reader that shares nothing with it decodes alike.
#![no_main]

use tripylon_e2e::strict;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(decoded) = dataplane::properties::chunked_body(bytes) {
        assert_eq!(strict::read_chunked(bytes), Some(decoded));
    }
});
