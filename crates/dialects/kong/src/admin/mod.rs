//! Kong's Admin API, as Kong offers it without a database: everything can be read, and
//! `POST /config` puts a new document in place of what runs.
//!
//! [`serve`] opens no sockets of its own and runs on a thread of its own. A request goes
//! `server` → [`Admin`] → either one of the `special` resources or those made of `entities`, which
//! follow from the schemas. What runs is asked of [`control::Control::state`] once for each request,
//! so that an answer never mixes two configurations.

mod answer;
mod api;
mod documents;
mod dump;
mod entities;
mod failure;
mod form;
mod health;
mod node;
mod origin;
mod page;
mod request;
mod resources;
mod schemas;
mod server;
mod special;
mod tags;
mod tls;

pub use api::Admin;
pub use node::{Balancer, BalancerAddress, BalancerTarget, Connections, Node, Undecided};
pub use server::{Listener, Server, serve};
pub use tls::{TlsProblem, tls};
