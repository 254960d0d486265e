//! What clients are allowed, for the count of those who wanted more.

/// A limit that a client can reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Connections of all clients.
    Connections,
    /// Connections of one client.
    ConnectionsPerPeer,
    /// Frames of HTTP/2 that move no request on.
    Frames,
    /// Bytes of a request's target.
    Target,
    /// Bytes and number of a request's header fields.
    Head,
    /// Bytes of a request's body.
    Body,
    /// Time for a TLS handshake, for a head, for a frame of HTTP/2.
    HeadTime,
    /// Time between two pieces of a request's body.
    BodyTime,
    /// Time in which a client takes nothing of a response.
    SendTime,
}

impl Limit {
    /// All of them, in order.
    pub(super) const ALL: [Self; 9] = [
        Self::Connections,
        Self::ConnectionsPerPeer,
        Self::Frames,
        Self::Target,
        Self::Head,
        Self::Body,
        Self::HeadTime,
        Self::BodyTime,
        Self::SendTime,
    ];

    /// What it is called in metrics and logs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::ConnectionsPerPeer => "connections_per_peer",
            Self::Frames => "frames",
            Self::Target => "target",
            Self::Head => "head",
            Self::Body => "body",
            Self::HeadTime => "head_time",
            Self::BodyTime => "body_time",
            Self::SendTime => "send_time",
        }
    }
}
