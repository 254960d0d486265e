//! Attacks, by the numbers of `data/security/cases.json`.
//!
//! Most are bytes in `data/security/wire.json`. Those that need more than bytes are tests here,
//! with the number in their names. What no test shows yet is in `data/security/open.json`, with
//! the area that it waits for.

mod admin;
mod identity;
mod inventory;
mod responses;
mod wire;
