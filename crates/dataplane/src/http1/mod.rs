//! HTTP/1.1 (RFC 9112) towards clients and upstreams.

pub(crate) mod chunked;
pub(crate) mod conn;
pub(crate) mod head;
mod serve;

pub(crate) use serve::serve;
