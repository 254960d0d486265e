//! What happens once a policy knows who calls, or that it cannot know.

use std::sync::Arc;

use filter::{
    Caller, CredentialIx, Exchange, Flow, Headers, LocalReply, Method, PrincipalIx, Problem, Step,
};
use model::{Part, Template, Var};
use serde::Deserialize;

/// A header by which upstreams are told who calls. Removed from the request if its value is empty.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityHeader {
    /// Its name, as it is written.
    pub(crate) name: String,
    /// Its value. May refer to the principal (`PrincipalId`, `PrincipalName`,
    /// `PrincipalExternalId`), to `CredentialKey` and to `Anonymous`.
    pub(crate) value: Template,
}

/// The part that is the same for every policy that finds out who calls.
pub(crate) struct Callers {
    kind: &'static str,
    anonymous: Option<String>,
    run_on_preflight: bool,
    headers: Vec<(String, Vec<Piece>)>,
}

/// A piece of an identity header's value.
enum Piece {
    Text(String),
    Id,
    Name,
    ExternalId,
    Credential,
    Anonymous,
}

impl Callers {
    /// Prepares the shared part of a configuration.
    pub(crate) fn prepare(
        kind: &'static str,
        anonymous: Option<String>,
        run_on_preflight: bool,
        headers: Vec<IdentityHeader>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        if anonymous.as_deref() == Some("") {
            problems.push(
                Problem::new("/anonymous", "the name of the anonymous principal is empty")
                    .help("name a principal, or leave `anonymous` out to refuse such callers"),
            );
        }
        let headers = headers.into_iter().enumerate().map(|(ix, header)| {
            let place = format!("/identity_headers/{ix}");
            if !filter::is_token(header.name.as_bytes()) {
                let message = format!("`{}` cannot be a header's name", header.name);
                problems.push(Problem::new(format!("{place}/name"), message));
            }
            (header.name, pieces(header.value, &format!("{place}/value"), problems))
        });
        Self { kind, anonymous, run_on_preflight, headers: headers.collect() }
    }

    /// Whether the exchange goes on without being asked who calls: it is a preflight (`OPTIONS`)
    /// that is let through, or a caller who could also be anonymous has already shown a
    /// credential to an earlier policy.
    pub(crate) fn lets_pass(&self, exchange: &Exchange) -> bool {
        let proven = exchange.external_caller.is_some()
            || exchange.caller.is_some_and(|caller| caller.credential.is_some());
        (self.anonymous.is_some() && proven)
            || (!self.run_on_preflight && exchange.request.method == Method::Options)
    }

    /// Makes the owner of the credential that was found the caller. If none was, the anonymous
    /// principal is if there is one; else `reply` answers.
    pub(crate) fn conclude<R>(
        &self,
        exchange: &mut Exchange,
        found: Result<CredentialIx, R>,
        reply: impl FnOnce(R) -> LocalReply,
    ) -> Step<'static> {
        match found {
            Ok(credential) => {
                self.accept(exchange, credential);
                Step::CONTINUE
            }
            Err(refusal) => self.refuse(exchange, || reply(refusal)),
        }
    }

    fn accept(&self, exchange: &mut Exchange, credential: CredentialIx) {
        let principal = exchange.view.identities().credential(credential).principal;
        self.set(exchange, principal, Some(credential));
    }

    /// Makes somebody the caller whom a directory knows by this name, and who is no principal.
    pub(crate) fn accept_external(&self, exchange: &mut Exchange, name: Arc<str>) {
        let who = Identity { principal: None, credential: Some(&name) };
        self.tell(&mut exchange.request.headers, &who);
        exchange.caller = None;
        exchange.external_caller = Some(name);
    }

    /// Makes the anonymous principal the caller if there is one; else `reply` answers.
    pub(crate) fn refuse(
        &self,
        exchange: &mut Exchange,
        reply: impl FnOnce() -> LocalReply,
    ) -> Step<'static> {
        let Some(name) = &self.anonymous else { return reply().into() };
        match exchange.view.identities().principal_by_name(name) {
            Some(principal) => {
                self.set(exchange, principal, None);
                Step::Done(Flow::Continue)
            }
            None => LocalReply::new(
                500,
                format!("{}/no-anonymous", self.kind),
                "the principal for anonymous callers does not exist",
            )
            .detail("anonymous", name.as_str())
            .into(),
        }
    }

    fn set(
        &self,
        exchange: &mut Exchange,
        principal: PrincipalIx,
        credential: Option<CredentialIx>,
    ) {
        let identities = exchange.view.identities();
        let who = Identity {
            principal: Some(identities.principal(principal)),
            credential: credential.map(|ix| identities.credential(ix).credential.display.as_str()),
        };
        self.tell(&mut exchange.request.headers, &who);
        exchange.external_caller = None;
        exchange.caller = Some(Caller { principal, credential, anonymous: credential.is_none() });
    }

    fn tell(&self, headers: &mut Headers, who: &Identity<'_>) {
        for (name, pieces) in &self.headers {
            match pieces.as_slice() {
                [piece] => write(headers, name, who.text(piece)),
                pieces => {
                    let value: String = pieces.iter().map(|piece| who.text(piece)).collect();
                    write(headers, name, &value);
                }
            }
        }
    }
}

/// The value of `WWW-Authenticate` (RFC 9110 section 11.6.1) for a scheme, with a realm if there
/// is one; a realm that cannot stand in a header is a problem.
pub(crate) fn challenge(scheme: &str, realm: Option<&str>, problems: &mut Vec<Problem>) -> String {
    let Some(realm) = realm else { return scheme.to_owned() };
    if realm.chars().any(char::is_control) {
        let message = "a realm cannot hold control characters (RFC 9110 section 5.6.4)";
        problems.push(Problem::new("/realm", message));
    }
    format!("{scheme} realm=\"{}\"", realm.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Who calls, for writing it down.
struct Identity<'a> {
    principal: Option<&'a model::Principal>,
    credential: Option<&'a str>,
}

impl<'a> Identity<'a> {
    fn of_principal(&self, field: fn(&model::Principal) -> Option<&str>) -> &'a str {
        self.principal.and_then(field).unwrap_or_default()
    }

    fn text<'b: 'a>(&self, piece: &'b Piece) -> &'a str {
        match piece {
            Piece::Text(text) => text,
            Piece::Id => self.principal.map_or("", |principal| &principal.public_id),
            Piece::Name => self.of_principal(|principal| principal.name.as_deref()),
            Piece::ExternalId => self.of_principal(|principal| principal.external_id.as_deref()),
            Piece::Credential => self.credential.unwrap_or_default(),
            Piece::Anonymous if self.credential.is_none() => "true",
            Piece::Anonymous => "",
        }
    }
}

/// What the client sent by the name of an identity header never stays.
fn write(headers: &mut Headers, name: &str, value: &str) {
    if value.is_empty() {
        headers.remove(name);
    } else {
        headers.set(name, value);
    }
}

fn pieces(template: Template, place: &str, problems: &mut Vec<Problem>) -> Vec<Piece> {
    let pieces = template.0.into_iter().filter_map(|part| match part {
        Part::Text(text) => Some(Piece::Text(text)),
        Part::Var(Var::PrincipalId) => Some(Piece::Id),
        Part::Var(Var::PrincipalName) => Some(Piece::Name),
        Part::Var(Var::PrincipalExternalId) => Some(Piece::ExternalId),
        Part::Var(Var::CredentialKey) => Some(Piece::Credential),
        Part::Var(Var::Anonymous) => Some(Piece::Anonymous),
        Part::Var(other) => {
            let message = format!("an identity header cannot hold {other:?}");
            problems.push(Problem::new(place, message).help(
                "it may refer to PrincipalId, PrincipalName, PrincipalExternalId, CredentialKey \
                 and Anonymous",
            ));
            None
        }
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Gateway;

    fn callers(anonymous: Option<&str>, run_on_preflight: bool) -> Callers {
        let header = |name: &str, value| IdentityHeader { name: name.into(), value };
        let headers = vec![
            header("X-Id", Template::var(Var::PrincipalId)),
            header("X-Outer", Template::var(Var::PrincipalExternalId)),
            header(
                "X-Who",
                Template::var(Var::PrincipalName).then("/").then_var(Var::CredentialKey),
            ),
            header("X-Anonymous", Template::var(Var::Anonymous)),
        ];
        let mut problems = Vec::new();
        let anonymous = anonymous.map(str::to_owned);
        let callers = Callers::prepare("test", anonymous, run_on_preflight, headers, &mut problems);
        assert_eq!(problems, []);
        callers
    }

    fn gateway() -> (Gateway, CredentialIx) {
        let mut gateway = Gateway::new();
        let alice = gateway.principal("alice");
        let key = gateway.credential("key-auth", "k", alice, serde_json::json!({}));
        gateway.principal("anon");
        (gateway, key)
    }

    #[test]
    fn the_caller_is_told_to_the_upstream_and_cannot_be_claimed_by_the_client() {
        let (gateway, key) = gateway();
        let mut exchange = gateway.exchange();
        for name in ["x-id", "X-ID", "x-outer", "x-anonymous"] {
            exchange.request.headers.push(name, "forged");
        }
        callers(None, true).accept(&mut exchange, key);
        let headers: Vec<_> = exchange.request.headers.iter().collect();
        assert_eq!(headers, [("x-id", &b"id-alice"[..]), ("X-Who", b"alice/id-k")]);
        let caller = exchange.caller.unwrap();
        assert_eq!((caller.credential, caller.anonymous), (Some(key), false));
    }

    #[test]
    fn who_cannot_be_known_is_anonymous_if_that_is_allowed() {
        let (gateway, _) = gateway();
        let reply = || LocalReply::new(401, "test/missing", "");

        let mut exchange = gateway.exchange();
        let Step::Done(Flow::Reply(answer)) = callers(None, true).refuse(&mut exchange, reply)
        else {
            panic!("refused");
        };
        assert_eq!(answer.reason, "test/missing");

        let mut exchange = gateway.exchange();
        let step = callers(Some("anon"), true).refuse(&mut exchange, reply);
        assert!(matches!(step, Step::Done(Flow::Continue)));
        assert!(exchange.caller.unwrap().anonymous);
        assert_eq!(exchange.request.headers.get_str("X-Anonymous"), Some("true"));

        let mut exchange = gateway.exchange();
        let step = callers(Some("ghost"), true).refuse(&mut exchange, reply);
        let Step::Done(Flow::Reply(answer)) = step else { panic!("refused") };
        assert_eq!((answer.status, &*answer.reason), (500, "test/no-anonymous"));
        assert_eq!(answer.details, [("anonymous", "ghost".to_owned())]);
    }

    #[test]
    fn a_proven_caller_passes_only_where_anonymous_ones_would() {
        let (gateway, key) = gateway();
        let mut exchange = gateway.exchange();
        assert!(!callers(Some("anon"), true).lets_pass(&exchange));
        callers(None, true).accept(&mut exchange, key);
        assert!(callers(Some("anon"), true).lets_pass(&exchange));
        assert!(!callers(None, true).lets_pass(&exchange));
        // Whom an earlier policy could not know may still prove who they are to this one.
        let _ = callers(Some("anon"), true).refuse(&mut exchange, LocalReply::default);
        assert!(!callers(Some("anon"), true).lets_pass(&exchange));
    }

    #[test]
    fn who_is_no_principal_may_be_known_to_a_directory() {
        let (gateway, key) = gateway();
        let mut exchange = gateway.exchange();
        exchange.request.headers.push("X-Who", "forged");
        callers(None, true).accept_external(&mut exchange, "al".into());
        assert_eq!((exchange.caller, exchange.external_caller.as_deref()), (None, Some("al")));
        assert_eq!(exchange.request.headers.get_str("X-Who"), Some("/al"));
        assert!(!exchange.request.headers.contains("X-Anonymous"));
        assert!(callers(Some("anon"), true).lets_pass(&exchange));
        // Whom a later policy knows is the caller.
        callers(None, true).accept(&mut exchange, key);
        assert_eq!(exchange.external_caller, None);
    }

    #[test]
    fn preflights_pass_if_they_may() {
        let (gateway, _) = gateway();
        let mut exchange = gateway.exchange();
        exchange.request.method = Method::Options;
        assert!(callers(None, false).lets_pass(&exchange));
        assert!(!callers(None, true).lets_pass(&exchange));
        exchange.request.method = Method::Get;
        assert!(!callers(None, false).lets_pass(&exchange));
    }

    #[test]
    fn what_cannot_be_written_is_a_problem() {
        let header = IdentityHeader { name: "a b".into(), value: Template::var(Var::Path) };
        let mut problems = Vec::new();
        Callers::prepare("test", Some(String::new()), true, vec![header], &mut problems);
        let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        let expected = ["/anonymous", "/identity_headers/0/name", "/identity_headers/0/value"];
        assert_eq!(places, expected);
    }

    #[test]
    fn realms_are_quoted() {
        let mut problems = Vec::new();
        assert_eq!(challenge("Key", None, &mut problems), "Key");
        assert_eq!(challenge("Key", Some(r#"a"b\"#), &mut problems), r#"Key realm="a\"b\\""#);
        assert_eq!(problems, []);
        challenge("Key", Some("a\nb"), &mut problems);
        assert_eq!(problems[0].pointer, "/realm");
    }
}
