//! How names become addresses.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Origin, ResolverId};

/// How the names of endpoints become addresses. The search list and `ndots` are the system's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolver {
    /// Names it.
    pub id: ResolverId,
    /// Name servers; if there are none, the system's.
    pub servers: Vec<SocketAddr>,
    /// A file in the form of `hosts(5)`, whose names are not asked for. It is read when the resolver
    /// is first used. `None` for no such file.
    pub hosts_file: Option<String>,
    /// Kinds of records: the first of which a name has any counts. A name of the form
    /// `_service._protocol.name` (RFC 2782) is asked for SRV records only.
    pub order: Vec<RecordKind>,
    /// Counts instead of the records' own time to live.
    pub ttl: Option<Duration>,
    /// How long addresses are used beyond their time to live as long as nothing newer is known.
    pub stale: Duration,
    /// How long it is believed that a name does not exist.
    pub not_found: Duration,
    /// After what time a question is asked again that was not answered.
    pub failed: Duration,
    /// Where it stands.
    pub origin: Origin,
}

/// A kind of DNS record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Names and ports, by priority and weight (RFC 2782).
    Srv,
}

/// When the names of an upstream's endpoints become addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolution {
    /// As a connection is opened. All addresses of a name are one to the balance.
    #[default]
    WhenConnecting,
    /// All the time. Each address is chosen, and its health known, by itself.
    Ahead {
        /// Whether the default `Host` has the name to which an SRV record points, not the
        /// endpoint's.
        srv_names: bool,
    },
}

impl Default for Resolver {
    /// What holds where nothing is said: the system's servers and hosts file, addresses only.
    fn default() -> Self {
        Self {
            id: ResolverId::new("system"),
            servers: Vec::new(),
            hosts_file: Some("/etc/hosts".to_owned()),
            order: vec![RecordKind::A, RecordKind::Aaaa],
            ttl: None,
            stale: Duration::from_secs(3600),
            not_found: Duration::from_secs(30),
            failed: Duration::from_secs(1),
            origin: Origin::default(),
        }
    }
}
