//! HTTP/1.1 (RFC 9112) towards clients and upstreams.

pub(crate) mod chunked;
pub(crate) mod conn;
pub(crate) mod head;
pub(crate) mod server;
mod status;
