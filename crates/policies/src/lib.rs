//! The native policies, one folder each.
//! Never imports: `dataplane`, `control`, any dialect, a sibling policy's folder.
//!
//! A folder is named like its kind, and holds the configuration, the kind that prepares it, the
//! filter that runs, tests, and a reference page. The build script finds the folders: adding a
//! policy touches nothing outside its own. What several policies need stands beside the folders:
//! [`caller`] for those that find out who calls; [`record`], [`recording`] and [`queue`] for those that
//! log; [`datagram`], [`dial`], [`http`], [`stream`] and [`tls`] for those that speak to servers; [`query`] and [`settings`] for all.

mod caller;
mod datagram;
mod dial;
mod http;
mod machine;
mod query;
mod queue;
mod record;
mod recording;
mod settings;
mod stream;
#[cfg(test)]
mod testing;
mod tls;
mod user_password;

/// What holds of the policies' readers for any bytes, as functions that panic where it does not: for
/// property tests, and for the fuzzer (`fuzz/`).
#[cfg(any(test, fuzzing))]
pub mod properties {
    pub use crate::jwt::properties::token;
}

include!(concat!(env!("OUT_DIR"), "/kinds.rs"));

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The build script goes by the folder, everyone else by [`filter::PolicyKind::name`].
    #[test]
    fn kinds_are_named_like_their_folders_and_have_a_page() {
        let names: Vec<_> = super::kinds().names().collect();
        assert!(!names.is_empty());
        for name in names {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
            assert!(folder.join("mod.rs").is_file(), "{name} has no folder by its name");
            assert!(folder.join("README.md").is_file(), "{name} has no reference page");
        }
    }
}
