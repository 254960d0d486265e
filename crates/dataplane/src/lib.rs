//! Accept, route, filter, forward.
//! Never imports: `policies`, `hosts`, `control`, any dialect.

mod admission;
mod chain;
mod client_address;
mod clock;
mod date;
mod downstream;
mod exchange;
mod forward;
mod gateway;
mod http1;
mod http2;
mod listen;
mod live;
mod number;
pub mod path;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod proxy_protocol;
mod release;
pub mod router;
mod serve;
mod settings;
mod snapshot;
mod socket;
mod stretch;
mod telemetry;
mod timer;
mod tls;
mod tunnel;
mod upstream;
mod voice;
mod watchdog;
mod worker;

pub use gateway::{Gateway, compile_check};
pub use listen::InheritedSockets;
pub use settings::{ConnectTo, ConnectionLimits, InvalidConnectTo, Settings};
pub use snapshot::{Rejection, RejectionKind};
pub use telemetry::{AccessLogSettings, InvalidLogFormat, LogFormat, LogTarget, Traffic};
pub use upstream::{EndpointHealth, MemberHealth, UndecidedHealth, UpstreamHealth};
