//! Which of several matching routes wins.

use serde::{Deserialize, Serialize};

/// A sort key that the dialect computes: of the routes of one table whose predicates hold, the one
/// with the *greatest* rank wins, compared byte by byte.
///
/// Ranks of one table must differ, or the winner among equals is unspecified (`check` reports it).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank(Box<[u8]>);

impl Rank {
    /// A rank from its parts, most significant first, each compared as an unsigned number.
    pub fn from_parts(parts: &[u128]) -> Self {
        let mut bytes = Vec::with_capacity(parts.len() * 16);
        for part in parts {
            bytes.extend_from_slice(&part.to_be_bytes());
        }
        Self(bytes.into())
    }

    /// A rank from its bytes.
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes that are compared.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn earlier_parts_weigh_more() {
        assert!(Rank::from_parts(&[2, 0]) > Rank::from_parts(&[1, u128::MAX]));
        assert!(Rank::from_parts(&[1, 3]) > Rank::from_parts(&[1, 2]));
    }
}
