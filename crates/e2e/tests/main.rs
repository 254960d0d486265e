//! Whole-gateway tests.
fn main() {}
