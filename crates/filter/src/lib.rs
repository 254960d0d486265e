//! What a policy may see and do: exchange, body, filter, reply, kind.
//! Never imports: any workspace crate but `model`; sockets.
//!
//! A policy is configured in three stages: its [`PolicyKind`] *prepares* a configuration once per
//! snapshot (pure, shared by all workers), the [`Prepared`] policy *starts* a [`Filter`] on each
//! worker, and the filter then sees every [`Exchange`] of the routes whose chains name it.

mod counter;
mod exchange;
mod headers;
mod identity;
mod kind;
mod name_hash;
mod reply;
mod request;
mod response;
mod shared;
mod step;

pub use counter::{Counter, Counters, Sample};
pub use exchange::{Client, Exchange, Extensions, Now, Timings, TlsSession, Try, View};
pub use headers::{Field, Headers, is_token};
pub use identity::{
    Caller, CallerGroups, CredentialIx, CredentialKind, Identities, KnownCredential, PrincipalIx,
};
pub use kind::{Clock, Kinds, Phases, PolicyKind, Prepared, Problem, WorkerCx};
pub use name_hash::{NameHash, is_same_name};
pub use reply::{LocalReply, ReplyBody};
pub use request::{BodyLength, BodyLimit, Method, Request, Version};
pub use response::Response;
pub use shared::Shared;
pub use step::{Filter, Flow, LocalFuture, Step};
