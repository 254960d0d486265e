//! What the control side asks of the process.

use std::sync::Arc;

use config::{Findings, Severity, Sources};
use control::{Cause, Introduction, Outcome, Report, Verdict};
use model::Model;

use super::TARGET;
use super::engine::LogFlags;
use super::log::ErrorLog;
use super::memory;
use super::priority;
use super::rejections;
use crate::output;
use crate::settings::Introducer;

/// Introduces the control side to the dialects and to the engine, and says what becomes of changes.
pub(crate) struct Process {
    pub(crate) introducer: Introducer,
    pub(crate) engine: Arc<dataplane::Gateway>,
    pub(crate) log: Arc<ErrorLog>,
    pub(crate) flags: LogFlags,
}

impl control::Process for Process {
    fn introduce(&mut self) -> Introduction {
        let (introduction, settings) = self.introducer.introduce();
        self.log.set_level(self.flags.level(&settings));
        introduction
    }

    fn publish(&mut self, model: &Model, revision: u64) -> Result<(), Findings> {
        self.engine.publish(model, revision).map_err(rejections::findings)
    }

    fn report(&mut self, report: &Report) {
        let outcome = &report.outcome;
        // The start is no change; whoever started the process is told otherwise.
        if outcome.cause != Cause::Start && outcome.verdict != Verdict::Unchanged {
            self.engine.reloaded(outcome.verdict == Verdict::Applied);
        }
        self.show(report);
        if outcome.cause != Cause::Start {
            announce(outcome);
        }
    }

    fn settle(&mut self) {
        memory::give_back();
        // Somebody is served from now on.
        priority::lower();
    }
}

impl Process {
    fn show(&self, report: &Report) {
        let (findings, sources) = (&report.findings, &report.sources);
        match (report.outcome.cause, report.outcome.verdict) {
            // What was said once about something that has not changed needs no second time.
            (_, Verdict::Unchanged) => {}
            // Whoever started the process waits for it, wherever the log goes.
            (Cause::Start, Verdict::Rejected) => {
                output::report(findings, sources);
                let tally = output::tally(findings).unwrap_or_default();
                tracing::error!(target: TARGET, "not started: {tally}");
            }
            _ if self.log.is_for_people() => output::report(findings, sources),
            _ => log(findings, sources),
        }
    }
}

/// An event for each finding.
fn log(findings: &Findings, sources: &Sources) {
    for finding in findings.in_order(sources) {
        let place = finding.place.as_ref().map(|place| place.origin(sources).to_string());
        let (place, help) = (place.as_deref(), finding.help.as_deref());
        let (code, message) = (finding.code.code, finding.message.as_str());
        match finding.severity {
            Severity::Error => tracing::error!(target: TARGET, code, place, help, "{message}"),
            Severity::Warning => tracing::warn!(target: TARGET, code, place, help, "{message}"),
            Severity::Note => tracing::info!(target: TARGET, code, place, help, "{message}"),
        }
    }
}

fn announce(outcome: &Outcome) {
    let cause = match outcome.cause {
        Cause::Start => "the start",
        Cause::Files => "files that changed",
        Cause::Signal => "a signal",
        Cause::Api(dialect) => dialect,
    };
    let (revision, ms) =
        (outcome.revision, u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX));
    let (errors, warnings) = (outcome.errors, outcome.warnings);
    match outcome.verdict {
        Verdict::Applied => {
            tracing::info!(target: TARGET, cause, revision, warnings, ms, "configuration applied")
        }
        Verdict::Unchanged => {
            tracing::info!(target: TARGET, cause, revision, "configuration unchanged")
        }
        Verdict::Rejected => {
            tracing::error!(
                cause,
                errors,
                "configuration refused; revision {revision} keeps running"
            );
        }
    }
}
