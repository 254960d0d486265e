//! `/config`: the configuration as a document, and new documents in its place.

use std::sync::Arc;

use config::{Budget, Document, Finding, Findings, Place, Sources};
use control::{Documents, Verdict};
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::api::{Admin, DIALECT, Snapshot};
use super::dump;
use super::failure::Failure;
use super::request::{Payload, Request};
use crate::declarative::Refusal;
use crate::dialect::hash;
use crate::tables::text;

/// What a document is called in findings.
const LABEL: &str = "POST /config";

/// Answers a request for `/config`.
pub(super) async fn answer(api: &Admin, request: &Request) -> Result<Answer, Failure> {
    if request.method != Method::POST {
        return Ok(Answer::ok(json!({ "config": dump::document(api.snapshot().tables()) })));
    }
    let text: Arc<str> = document(request)?.into();
    let Ok(_turn) = api.loading.try_acquire() else {
        let said = "Currently loading previous configuration";
        return Ok(
            Answer::message(StatusCode::TOO_MANY_REQUESTS, said).with_header("retry-after", "1")
        );
    };
    let read = Read::of(&text);
    if request.switch("check_hash") && read.hash() == api.snapshot().configuration.hash {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED));
    }
    let flatten = request.switch("flatten_errors");
    if let Some(refusal) = read.refusal(api) {
        return Ok(Answer::json(StatusCode::BAD_REQUEST, refusal.body(flatten)));
    }
    let Some(report) = api.control.post(DIALECT, LABEL, &text).await else {
        return Ok(Answer::message(StatusCode::SERVICE_UNAVAILABLE, "the gateway is ending"));
    };
    if report.outcome.verdict == Verdict::Rejected {
        let refusal = refusal(&report.findings, &report.sources);
        return Ok(Answer::json(StatusCode::BAD_REQUEST, refusal.body(flatten)));
    }
    Ok(Answer::json(StatusCode::CREATED, loaded(&api.snapshot())))
}

/// The text of the document that a request brings.
fn document(request: &Request) -> Result<String, Failure> {
    let whole = || String::from_utf8_lossy(&request.body).into_owned();
    let missing = || Failure::BadRequest("expected a declarative configuration".into());
    match request.payload()? {
        Payload::None => Err(missing()),
        Payload::Yaml => Ok(whole()),
        Payload::Json(body) => match body.get("config") {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Ok(whole()),
        },
        Payload::Form(mut form) => match form.0.remove("config") {
            Some(Value::String(text)) => Ok(text),
            _ => Err(missing()),
        },
    }
}

/// A document that is looked at before it is put in place of what runs: the control side would say
/// what is wrong with it, but not as the tree that Kong answers.
struct Read {
    sources: Sources,
    findings: Findings,
    documents: Vec<Document>,
}

impl Read {
    fn of(text: &Arc<str>) -> Self {
        let (mut sources, mut findings) = (Sources::new(), Findings::new());
        let text = Arc::clone(text);
        let mut documents =
            config::read_auto(&mut sources, LABEL, text, &Budget::NETWORK, &mut findings);
        documents.retain(|document| !document.root.is_null());
        Self { sources, findings, documents }
    }

    fn hash(&self) -> String {
        hash(&Documents { sources: &self.sources, items: self.documents.iter().collect() })
    }

    fn refusal(&self, api: &Admin) -> Option<Refusal> {
        if let Some(error) = self.findings.iter().find(|finding| finding.is_error()) {
            return Some(Refusal::unreadable(&unreadable(error, &self.sources)));
        }
        if self.documents.is_empty() {
            return Some(Refusal::unreadable("expected an object"));
        }
        let items: Vec<&Document> = self.documents.iter().collect();
        let loaded = api.kong.load(&self.sources, &items);
        let errors = loaded.findings.has_errors();
        let other = || errors.then(|| refusal(&loaded.findings, &self.sources));
        loaded.refusal.or_else(other)
    }
}

/// The line, the column and the problem, as Kong's YAML reader writes them: columns count from 0.
fn unreadable(finding: &Finding, sources: &Sources) -> String {
    match &finding.place {
        Some(place) => {
            let origin = place.origin(sources);
            format!("{}:{}: {}", origin.line, origin.column.saturating_sub(1), finding.message)
        }
        None => finding.message.clone(),
    }
}

/// A refusal for reasons that Kong does not know.
fn refusal(findings: &Findings, sources: &Sources) -> Refusal {
    let errors: Vec<String> = findings
        .in_order(sources)
        .into_iter()
        .filter(|finding| finding.is_error())
        .map(|finding| match &finding.place {
            Some(Place::Span(span)) => format!("{}: {}", sources.origin(*span), finding.message),
            Some(Place::Origin(origin)) => format!("{origin}: {}", finding.message),
            Some(Place::File(path)) => format!("{path}: {}", finding.message),
            None => finding.message.clone(),
        })
        .collect();
    Refusal::elsewhere(&errors)
}

/// The entities that run now, by kind and id.
fn loaded(snapshot: &Snapshot<'_>) -> Value {
    let kinds = snapshot.tables().each().map(|(entity, table)| {
        let by_id: Map<String, Value> = table
            .rows()
            .filter_map(|row| Some((text(&row, &entity.primary_key)?.to_owned(), row.into())))
            .collect();
        (entity.name.to_owned(), Value::Object(by_id))
    });
    kinds.collect::<Map<String, Value>>().into()
}
