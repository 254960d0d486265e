//! Names by which values of the model refer to each other.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Makes the id from its text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    )*};
}

ids! {
    /// Names a [`crate::Listener`].
    ListenerId;
    /// Names a table of routes: a listener serves one or more tables, a route stands in one.
    TableId;
    /// Names a [`crate::Route`].
    RouteId;
    /// Names a [`crate::Resolver`].
    ResolverId;
    /// Names a [`crate::Policy`].
    PolicyId;
    /// Names an [`crate::Upstream`].
    UpstreamId;
    /// Names a [`crate::Principal`].
    PrincipalId;
    /// Names a [`crate::Credential`].
    CredentialId;
    /// Names a [`crate::Certificate`].
    CertificateId;
    /// Names a [`crate::CertificateAuthority`].
    AuthorityId;
    /// Names a [`crate::Voice`].
    VoiceId;
}
