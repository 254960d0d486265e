//! Where the requests of a service go.

use std::collections::{HashMap, HashSet};

use config::{Finding, Severity, quote};
use model::{
    AuthorityId, Balance, ClientCertificate, Endpoint, Origin, UpstreamId, UpstreamProtocol,
    UpstreamTls,
};

use super::certificates::{Pairs, authority, client_certificate_of, trusted_authority};
use super::routes::is_http;
use super::{Context, codes, named};
use crate::entities::{
    ActiveHealthcheck, Algorithm, Id, PassiveHealthcheck, Protocol, Reference, Service, Target,
    Upstream,
};

/// The upstreams of services.
pub(super) struct Upstreams {
    upstreams: Vec<model::Upstream>,
    by_service: HashMap<Id, UpstreamId>,
}

impl Upstreams {
    /// The upstream of a service; `None` if it is not one for HTTP.
    pub(super) fn of(&self, service: &Id) -> Option<&UpstreamId> {
        self.by_service.get(service)
    }

    /// All of them.
    pub(super) fn into_model(self) -> Vec<model::Upstream> {
        self.upstreams
    }
}

/// Makes the upstream of every service that is in force.
pub(super) fn upstreams(context: &mut Context<'_>, pairs: &Pairs) -> Upstreams {
    let entities = context.entities;
    let mut targets: HashMap<&Id, Vec<&Target>> = HashMap::new();
    for target in &entities.targets {
        targets.entry(&target.upstream.id).or_default().push(target);
    }
    for upstream in &entities.upstreams {
        remark(upstream, context);
    }
    let by_name = entities.upstreams.iter().map(|upstream| (upstream.name.as_str(), upstream));
    let mut making = Making {
        by_name: by_name.collect(),
        targets,
        pairs,
        authorities: entities.ca_certificates.iter().map(|ca| &ca.id).collect(),
        context,
    };
    let mut made = Upstreams { upstreams: Vec::new(), by_service: HashMap::new() };
    for service in entities.services.iter().filter(|service| service.enabled) {
        if let Some(upstream) = making.upstream(service) {
            made.by_service.insert(service.id.clone(), upstream.id.clone());
            made.upstreams.push(upstream);
        }
    }
    made
}

struct Making<'m, 'c> {
    by_name: HashMap<&'c str, &'c Upstream>,
    targets: HashMap<&'c Id, Vec<&'c Target>>,
    pairs: &'m Pairs,
    authorities: HashSet<&'c Id>,
    context: &'m mut Context<'c>,
}

impl<'c> Making<'_, 'c> {
    fn upstream(&mut self, service: &'c Service) -> Option<model::Upstream> {
        match service.protocol {
            Protocol::Grpc | Protocol::Grpcs => self.say(grpc(service)),
            protocol if !is_http(protocol) => {
                self.say(stream(service));
                return None;
            }
            _ => {}
        }
        let entity = self.by_name.get(service.host.as_str()).copied();
        let endpoints = match entity {
            Some(entity) => self.endpoints(entity),
            None => vec![endpoint(service)],
        };
        Some(model::Upstream {
            id: named("service", &service.id).into(),
            name: entity.map_or(&service.host, |entity| &entity.name).clone(),
            endpoints,
            balance: Balance::RoundRobin,
            protocol: UpstreamProtocol::Http1,
            tls: self.tls(service, entity),
            host_header: entity.and_then(|entity| entity.host_header.clone()),
            pool: self.context.settings.http.pool.clone(),
            origin: service.origins.entity().clone(),
        })
    }

    fn endpoints(&mut self, upstream: &Upstream) -> Vec<Endpoint> {
        let targets = self.targets.get(&upstream.id).map_or(&[][..], Vec::as_slice);
        targets.iter().filter_map(|target| endpoint_of(target)).collect()
    }

    fn tls(&mut self, service: &'c Service, entity: Option<&'c Upstream>) -> Option<UpstreamTls> {
        if !matches!(service.protocol, Protocol::Https | Protocol::Grpcs) {
            return None;
        }
        let settings = &self.context.settings.upstream_tls;
        let own = service.ca_certificates.as_ref().filter(|own| !own.is_empty());
        let (authorities, system_authorities) = match own {
            Some(own) => (self.authorities(service, own), false),
            None => {
                let named = (0..settings.trusted.len()).map(trusted_authority).collect();
                (named, settings.trust_system)
            }
        };
        Some(UpstreamTls {
            verify: service.tls_verify.unwrap_or(settings.verify),
            verify_depth: Some(service.tls_verify_depth.unwrap_or(settings.verify_depth)),
            authorities,
            system_authorities,
            client_certificate: self.client_certificate(service, entity),
        })
    }

    /// The authorities that a service names. One that does not exist is a mistake: without it
    /// others might be trusted.
    fn authorities(&mut self, service: &Service, ids: &[Id]) -> Vec<AuthorityId> {
        for (index, id) in ids.iter().enumerate() {
            if !self.authorities.contains(id) {
                let message =
                    format!("there is no CA certificate with the id {}", quote(id.as_str()));
                let origin = service.origins.at(&format!("/ca_certificates/{index}"));
                self.say(Finding::new(&config::codes::UNKNOWN_REFERENCE, message).at(origin));
            }
        }
        ids.iter().map(authority).collect()
    }

    fn client_certificate(
        &self,
        service: &Service,
        entity: Option<&Upstream>,
    ) -> Option<ClientCertificate> {
        let of_entity =
            |reference: &Option<Reference>| self.pairs.for_client(&reference.as_ref()?.id);
        of_entity(&service.client_certificate)
            .or_else(|| of_entity(&entity?.client_certificate))
            .or_else(|| {
                let settings = &self.context.settings.upstream_tls;
                client_certificate_of(settings.client_certificate.as_ref()?)
            })
    }

    fn say(&mut self, finding: Finding) {
        self.context.findings.push(finding);
    }
}

fn endpoint(service: &Service) -> Endpoint {
    Endpoint {
        host: without_brackets(&service.host).to_owned(),
        port: service.port,
        weight: 1,
        origin: service.origins.at("/host"),
    }
}

/// A target without a port that is a number has been refused by its schema.
fn endpoint_of(target: &Target) -> Option<Endpoint> {
    let (host, port) = target.target.rsplit_once(':')?;
    Some(Endpoint {
        host: without_brackets(host).to_owned(),
        port: port.parse().ok()?,
        weight: u32::from(target.weight.unwrap_or(100)),
        origin: target.origins.at("/target"),
    })
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Says what of an upstream is not done as it asks.
fn remark(upstream: &Upstream, context: &mut Context<'_>) {
    let algorithm = match upstream.algorithm {
        None | Some(Algorithm::RoundRobin) => None,
        Some(Algorithm::ConsistentHashing) => Some("consistent-hashing"),
        Some(Algorithm::LeastConnections) => Some("least-connections"),
        Some(Algorithm::Latency) => Some("latency"),
    };
    let name = &upstream.name;
    if let Some(algorithm) = algorithm {
        let message = format!(
            "the upstream `{name}` asks for `{algorithm}`, which is not offered yet; its targets take turns by weight"
        );
        say(context, &codes::BALANCING, message, upstream.origins.at("/algorithm"));
    }
    let (active, passive) = (&upstream.healthchecks.active, &upstream.healthchecks.passive);
    let kinds = [("active", is_active(active)), ("passive", is_passive(passive))];
    for (kind, _) in kinds.into_iter().filter(|(_, on)| *on) {
        let message = format!(
            "the upstream `{name}` asks for {kind} health checks, which are not offered yet; its targets all count as healthy"
        );
        say(
            context,
            &codes::HEALTHCHECKS,
            message,
            upstream.origins.at(&format!("/healthchecks/{kind}")),
        );
    }
    if upstream.use_srv_name == Some(true) {
        let message = format!(
            "the upstream `{name}` asks for the names of SRV records, which are not looked up; targets are resolved to addresses"
        );
        say(context, &codes::BALANCING, message, upstream.origins.at("/use_srv_name"));
    }
}

fn say(context: &mut Context<'_>, code: config::Code, message: String, origin: Origin) {
    context.findings.push(Finding::new(code, message).severity(Severity::Warning).at(origin));
}

fn is_active(checks: &ActiveHealthcheck) -> bool {
    let runs = |interval: Option<f64>| interval.is_some_and(|seconds| seconds > 0.0);
    runs(checks.healthy.interval) || runs(checks.unhealthy.interval)
}

fn is_passive(checks: &PassiveHealthcheck) -> bool {
    let counts = |number: Option<u8>| number.is_some_and(|number| number > 0);
    let unhealthy = &checks.unhealthy;
    counts(checks.healthy.successes)
        || [unhealthy.tcp_failures, unhealthy.timeouts, unhealthy.http_failures]
            .into_iter()
            .any(counts)
}

fn grpc(service: &Service) -> Finding {
    let message = format!(
        "the service `{}` speaks gRPC, and HTTP/2 to upstreams is not offered yet",
        service.name.as_deref().unwrap_or(service.id.as_str())
    );
    Finding::new(&codes::GRPC_SERVICE, message)
        .at(service.origins.at("/protocol"))
        .help("remove the service")
}

fn stream(service: &Service) -> Finding {
    let message = format!(
        "the service `{}` takes no requests: only HTTP is listened for",
        service.name.as_deref().unwrap_or(service.id.as_str())
    );
    Finding::new(&codes::STREAM_ROUTE, message).at(service.origins.at("/protocol"))
}
