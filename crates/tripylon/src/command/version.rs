//! `tripylon version`.

use crate::output::{self, Exit};

/// Prints the version.
pub(crate) fn run() -> anyhow::Result<Exit> {
    output::print(concat!("tripylon ", env!("CARGO_PKG_VERSION"), "\n"))?;
    Ok(Exit::Done)
}
