//! Tests of the built gateway over real sockets: clients, upstreams and stores that do as they are told.
//! Never imports: any workspace crate.
//!
//! [`Gateway`] runs the binary, [`Client`] says exactly what it is told to say and reads strictly,
//! [`Upstream`] answers by script and keeps what it saw.

#![allow(
    missing_docs,
    reason = "read by whoever writes tests, beside the tests; items with a catch say so"
)]

pub mod certificates;
pub mod dns;
pub mod gateway;
pub mod http1;
pub mod http2;
pub mod jwt;
pub mod port;
pub mod redis;
pub mod replay;
pub mod strict;
pub mod upstream;
pub mod wait;

pub use certificates::Authority;
pub use gateway::{Gateway, Start};
pub use http1::{Client, Fault, Request, Response};
pub use redis::Redis;
pub use upstream::{Journal, Upstream};
