//! Accept, route, filter, forward.
//! Never imports: `policies`, `hosts`, `control`, any dialect.

pub mod path;
pub mod router;
mod telemetry;
mod tls;
mod voice;
