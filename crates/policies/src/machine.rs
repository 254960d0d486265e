//! The machine that the gateway runs on.

use std::sync::OnceLock;

/// The machine's name; `-` if it has none. Read once.
pub(crate) fn name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        if name.trim().is_empty() { "-".to_owned() } else { name.trim().to_owned() }
    })
}
