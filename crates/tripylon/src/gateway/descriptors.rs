//! How many files and connections the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Where a warning begins: with fewer, a busy gateway refuses connections.
const FEW: u64 = 4096;

/// Raises the limit as far as the system lets it: what shells give by default is for programs that
/// wait in `select`, and a proxied connection takes two.
pub(super) fn raise() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft < hard {
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        }
        Ok(hard)
    });
    match raised {
        Ok(limit) if limit < FEW => tracing::warn!(
            target: super::TARGET,
            "the system lets this process open only {limit} files and connections (`ulimit -Hn`)"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(
            target: super::TARGET,
            "the number of open files and connections stays as it is: {error}"
        ),
    }
}
