//! Accept, route, filter, forward.
//! Never imports: `policies`, `hosts`, `control`, any dialect.

pub mod path;
pub mod router;
mod telemetry;
mod tls;
// Waits for the engine.
#[cfg(test)]
mod number;
#[cfg(test)]
mod voice;
