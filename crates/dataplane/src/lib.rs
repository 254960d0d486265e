//! Accept, route, filter, forward.
//! Never imports: `policies`, `hosts`, `control`, any dialect.

pub mod path;
pub mod router;
// These wait for the engine, which will be their only user: until then only their tests are.
#[cfg(test)]
mod clock;
#[cfg(test)]
mod date;
#[cfg(test)]
mod http1;
#[cfg(test)]
mod number;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod timer;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod voice;
