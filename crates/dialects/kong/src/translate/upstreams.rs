//! Where the requests of a service go.

use std::collections::{HashMap, HashSet};

use config::{Finding, quote};
use model::{
    AuthorityId, Balance, ClientCertificate, Endpoint, Health, Resolution, UpstreamId,
    UpstreamProtocol, UpstreamTls,
};

use super::certificates::{Pairs, authority, client_certificate_of, trusted_authority};
use super::routes::is_http;
use super::{Context, balancer, balancing, codes, named};
use crate::entities::{Id, Protocol, Reference, Service, Target, Upstream};

/// The upstreams of services and of upstream entities.
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

/// Makes the upstream of every upstream entity, and of every service that is in force and has one of
/// its own. Services share that of an entity, but those that speak TLS: what they show and trust may
/// differ.
pub(super) fn upstreams(context: &mut Context<'_>, pairs: &Pairs) -> Upstreams {
    let entities = context.entities;
    let mut targets: HashMap<&Id, Vec<&Target>> = HashMap::new();
    for target in &entities.targets {
        targets.entry(&target.upstream.id).or_default().push(target);
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
    for upstream in &entities.upstreams {
        made.upstreams.push(making.of_entity(upstream));
    }
    for service in entities.services.iter().filter(|service| service.enabled) {
        making.service(service, &mut made);
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
    fn service(&mut self, service: &'c Service, made: &mut Upstreams) {
        match service.protocol {
            Protocol::Grpc | Protocol::Grpcs => self.say(grpc(service)),
            protocol if !is_http(protocol) => return self.say(stream(service)),
            _ => {}
        }
        let entity = self.by_name.get(service.host.as_str()).copied();
        let tls = self.tls(service, entity);
        let id = match entity {
            Some(entity) if tls.is_none() => balancer(entity.id.as_str()),
            _ => named("service", &service.id).into(),
        };
        made.by_service.insert(service.id.clone(), id.clone());
        let origin = service.origins.entity().clone();
        let upstream = match entity {
            Some(_) if tls.is_none() => return,
            Some(entity) => {
                let same = self.of_entity(entity);
                model::Upstream { id, group: Some(same.id.clone()), tls, origin, ..same }
            }
            None => model::Upstream {
                id,
                name: service.host.clone(),
                endpoints: vec![endpoint(service)],
                resolution: Resolution::WhenConnecting,
                resolver: Some(self.context.settings.resolver.id.clone()),
                balance: Balance::default(),
                group: None,
                health: Health::default(),
                protocol: UpstreamProtocol::Http1,
                tls,
                host_header: None,
                pool: self.context.settings.http.pool.clone(),
                origin,
            },
        };
        made.upstreams.push(upstream);
    }

    /// The upstream of an entity, without TLS.
    fn of_entity(&mut self, entity: &'c Upstream) -> model::Upstream {
        model::Upstream {
            id: balancer(entity.id.as_str()),
            name: entity.name.clone(),
            endpoints: self.endpoints(entity),
            resolution: Resolution::Ahead { srv_names: entity.use_srv_name == Some(true) },
            resolver: Some(self.context.settings.resolver.id.clone()),
            balance: balancing::balance(entity),
            group: None,
            health: balancing::health(entity, self.default_tls(Some(entity))),
            protocol: UpstreamProtocol::Http1,
            tls: None,
            host_header: entity.host_header.clone(),
            pool: self.context.settings.http.pool.clone(),
            origin: entity.origins.entity().clone(),
        }
    }

    fn endpoints(&mut self, upstream: &Upstream) -> Vec<Endpoint> {
        let targets = self.targets.get(&upstream.id).map_or(&[][..], Vec::as_slice);
        targets.iter().filter_map(|target| endpoint_of(target)).collect()
    }

    fn tls(&mut self, service: &'c Service, entity: Option<&'c Upstream>) -> Option<UpstreamTls> {
        if !matches!(service.protocol, Protocol::Https | Protocol::Grpcs) {
            return None;
        }
        let mut tls = self.default_tls(entity);
        if let Some(own) = service.ca_certificates.as_ref().filter(|own| !own.is_empty()) {
            tls.authorities = self.authorities(service, own);
            tls.system_authorities = false;
        }
        if let Some(verify) = service.tls_verify {
            tls.verify = verify;
        }
        if let Some(depth) = service.tls_verify_depth {
            tls.verify_depth = Some(depth);
        }
        if let Some(own) = self.certificate(&service.client_certificate) {
            tls.client_certificate = Some(own);
        }
        Some(tls)
    }

    /// TLS where no service says otherwise.
    fn default_tls(&self, entity: Option<&Upstream>) -> UpstreamTls {
        let settings = &self.context.settings.upstream_tls;
        let of_entity = entity.and_then(|entity| self.certificate(&entity.client_certificate));
        let of_settings = || client_certificate_of(settings.client_certificate.as_ref()?);
        UpstreamTls {
            verify: settings.verify,
            verify_depth: Some(settings.verify_depth),
            authorities: (0..settings.trusted.len()).map(trusted_authority).collect(),
            system_authorities: settings.trust_system,
            client_certificate: of_entity.or_else(of_settings),
        }
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

    fn certificate(&self, reference: &Option<Reference>) -> Option<ClientCertificate> {
        self.pairs.for_client(&reference.as_ref()?.id)
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
