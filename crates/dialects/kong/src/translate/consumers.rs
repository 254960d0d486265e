//! Consumers and their credentials.

use std::collections::HashMap;

use config::Finding;
use model::{Credential, CredentialData, Principal, PrincipalId};
use serde_json::json;

use super::{Context, codes, logging, named};
use crate::entities::{Id, JwtSecret, KeyauthCredential, Origins, Record, Reference};

/// The principals that consumers are.
pub(super) fn principals(context: &Context<'_>) -> Vec<Principal> {
    let mut groups = groups(context);
    let consumers = context.entities.consumers.iter().map(|consumer| Principal {
        id: principal(&consumer.id),
        public_id: consumer.id.to_string(),
        name: consumer.username.clone(),
        external_id: consumer.custom_id.clone(),
        groups: groups.remove(consumer.id.as_str()).unwrap_or_default(),
        described: context.writes_records.then(|| logging::describe(consumer)),
        origin: consumer.origins.entity().clone(),
    });
    consumers.collect()
}

/// The groups of each consumer, in the order in which Kong names them: by the ids of the entities.
fn groups(context: &Context<'_>) -> HashMap<String, Vec<String>> {
    let mut memberships: Vec<&Record> = records(context, "acls").iter().collect();
    memberships.sort_by_key(|membership| membership.id.as_str());
    let mut groups: HashMap<String, Vec<String>> = HashMap::new();
    for membership in memberships {
        let of_consumer = groups.entry(membership.reference("consumer").to_owned()).or_default();
        of_consumer.push(membership.text("group").to_owned());
    }
    groups
}

fn records<'c>(context: &Context<'c>, entity: &str) -> &'c [Record] {
    context.entities.others.get(entity).map_or(&[], Vec::as_slice)
}

/// The name of the principal that a consumer is.
pub(super) fn principal(consumer: &Id) -> PrincipalId {
    named("consumer", consumer).into()
}

/// The credentials by which consumers are known.
pub(super) fn credentials(context: &mut Context<'_>) -> Vec<Credential> {
    let entities = context.entities;
    remark_on_others(context);
    for credential in entities.keyauth_credentials.iter().filter(|key| key.ttl.is_some()) {
        let message = "a key that expires is not offered yet: it would be valid for ever";
        context.findings.push(
            Finding::new(&codes::KEY_EXPIRES, message)
                .at(credential.origins.at("/ttl"))
                .help("remove the key, or its `ttl`"),
        );
    }
    let basic_auth = records(context, "basicauth_credentials").iter().map(basic_auth);
    let hmac_auth = records(context, "hmacauth_credentials").iter().map(hmac_auth);
    let jwt = entities.jwt_secrets.iter().map(jwt);
    let key_auth = entities.keyauth_credentials.iter().map(key_auth);
    basic_auth.chain(hmac_auth).chain(jwt).chain(key_auth).collect()
}

/// Kong hashes a password together with the id of its consumer.
fn basic_auth(record: &Record) -> Credential {
    let data = json!({ "sha1": record.text("password"), "suffix": record.reference("consumer") });
    Credential { data: CredentialData(data), ..by_user_name("basic-auth", record) }
}

fn hmac_auth(record: &Record) -> Credential {
    let data = json!({ "secret": record.text("secret") });
    Credential { data: CredentialData(data), ..by_user_name("hmac-auth", record) }
}

/// A credential of which upstreams are told the user name.
fn by_user_name(kind: &str, record: &Record) -> Credential {
    let name = record.text("username").to_owned();
    let consumer = Reference { id: record.reference("consumer").into() };
    Credential {
        display: name.clone(),
        ..credential(kind, &record.id, name, &consumer, &record.origins)
    }
}

fn jwt(secret: &JwtSecret) -> Credential {
    let algorithm = secret.algorithm.as_deref().unwrap_or("HS256");
    let data = match algorithm.starts_with("HS") {
        true => json!({ "algorithm": algorithm, "secret": secret.secret }),
        false => json!({ "algorithm": algorithm, "public_key": secret.rsa_public_key }),
    };
    let key = secret.key.clone().unwrap_or_default();
    Credential {
        display: key.clone(),
        data: CredentialData(data),
        ..credential("jwt", &secret.id, key, &secret.consumer, &secret.origins)
    }
}

fn key_auth(key: &KeyauthCredential) -> Credential {
    let KeyauthCredential { id, consumer, key, origins, .. } = key;
    credential("key-auth", id, key.clone().unwrap_or_default(), consumer, origins)
}

/// A credential of which upstreams are told the id.
fn credential(
    kind: &str,
    id: &Id,
    key: String,
    consumer: &Reference,
    origins: &Origins,
) -> Credential {
    Credential {
        id: named(kind, id).into(),
        public_id: id.to_string(),
        kind: kind.into(),
        key,
        display: id.to_string(),
        principal: principal(&consumer.id),
        data: CredentialData(json!({})),
        origin: origins.entity().clone(),
    }
}

/// Says that nothing looks at the credentials of plugins that are not offered.
fn remark_on_others(context: &mut Context<'_>) {
    for (entity, records) in &context.entities.others {
        if OFFERED.contains(entity) {
            continue;
        }
        let Some(first) = records.first() else { continue };
        let message = format!("nothing looks at `{entity}`: their plugin is not offered yet");
        let finding = Finding::new(&codes::UNUSED_CREDENTIALS, message);
        context.findings.push(finding.at(first.origins.entity()));
    }
}

/// Entities of plugins that are offered and that have no type of their own.
const OFFERED: [&str; 3] = ["acls", "basicauth_credentials", "hmacauth_credentials"];
