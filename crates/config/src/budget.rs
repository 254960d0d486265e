//! How much a document may ask of its reader.

/// Limits of one text. Whatever exceeds them is refused with a finding while it is being read, before it takes memory.
///
/// ```
/// let budget = config::Budget { depth: 16, ..config::Budget::NETWORK };
/// assert!(budget.nodes < config::Budget::FILES.nodes);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The longest text, in bytes.
    pub bytes: usize,
    /// How deep lists and objects may stand within each other.
    pub depth: usize,
    /// The most values of a text, keys not counted.
    pub nodes: usize,
    /// The most values that YAML anchors and aliases of a text may copy. This is what stops a "billion laughs" document.
    pub alias_nodes: usize,
}

impl Budget {
    /// For files that the operator wrote: 128 MiB, 4 million values. Room for a gateway of half a million routes.
    pub const FILES: Budget =
        Budget { bytes: 128 << 20, depth: 128, nodes: 4_000_000, alias_nodes: 500_000 };

    /// For what anybody may send: 8 MiB, 300,000 values. Reading such a text takes a fraction of a second at worst.
    pub const NETWORK: Budget =
        Budget { bytes: 8 << 20, depth: 64, nodes: 300_000, alias_nodes: 20_000 };
}
