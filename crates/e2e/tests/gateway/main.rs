//! The built gateway, as its users meet it: over sockets, files, signals and the command line.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access_log;
mod balancing;
mod bodies;
mod command_line;
mod documents;
mod endurance;
mod grpc_health;
mod http2;
mod kong_command;
mod lifecycle;
mod limits;
mod logging;
mod metrics;
mod names;
mod proxy_protocol;
mod recorded;
mod redis;
mod reload;
mod security;
mod seed;
mod setup;
mod streaming;
mod tls;
mod upgrade;
mod upstreams;
mod watch;
mod websocket;
