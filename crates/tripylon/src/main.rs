//! The binary: reads flags, introduces the others to each other.
//! Never imports: `xtask`, `tripylon-e2e`.

fn main() {}
