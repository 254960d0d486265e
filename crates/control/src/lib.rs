//! Store documents, run translations, publish models.
//! Never imports: `dataplane`, `policies`, `hosts`, any dialect.
//!
//! One thread, behind [`Control`], owns everything that a change of configuration touches, so that
//! changes are applied one after the other and nothing waits for a lock. A change goes
//! [`files::collect`] → [`pipeline::build`] → [`Process::publish`] → the [`State`] that
//! [`Control::state`] shows; if any step finds an error, what runs keeps running and the findings
//! say why. [`watch::start`] asks for a change whenever files have changed.

mod codes;
mod control;
mod dialect;
pub mod files;
pub mod pipeline;
mod store;
#[cfg(test)]
mod testing;
pub mod watch;

pub use codes::*;
pub use control::{Cause, Control, Outcome, Pending, Process, Report, Verdict};
pub use dialect::{Dialect, Documents, Introduction, LateView, Translation, View};
pub use pipeline::{Build, Precedence, Texts, all_paths, build};
pub use store::{HISTORY, State};
