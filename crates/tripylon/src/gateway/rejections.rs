//! What the engine refuses, as findings.

use config::{Finding, Findings};
use dataplane::{Rejection, RejectionKind};

/// Findings for people out of the engine's words.
pub(crate) fn findings(rejections: Vec<Rejection>) -> Findings {
    let mut findings = Findings::new();
    findings.extend(rejections.into_iter().map(finding));
    findings
}

fn finding(rejection: Rejection) -> Finding {
    let code = match rejection.kind {
        RejectionKind::Refused => &control::REFUSED,
        RejectionKind::CannotListen => &control::CANNOT_LISTEN,
    };
    let mut finding = Finding::new(code, rejection.message);
    if rejection.origin != model::Origin::default() {
        finding = finding.at(&rejection.origin);
    }
    if let Some(other) = &rejection.other {
        finding = finding.also(other, "the other one");
    }
    match rejection.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}
