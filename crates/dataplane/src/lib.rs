//! Accept, route, filter, forward.
//! Never imports: `policies`, `hosts`, `control`, any dialect.

mod path;
mod router;
mod telemetry;
mod tls;
mod voice;
