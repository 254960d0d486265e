//! Asking name servers.

use std::fs::File;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{Hosts, Resolver, TokioResolver};
use model::RecordKind;

/// Asks name servers by the rules of a resolver. Keeps no answer.
pub(super) struct Names {
    resolver: Option<TokioResolver>,
    hosts: Arc<Hosts>,
    order: Vec<RecordKind>,
    ttl: Option<Duration>,
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) address: IpAddr,
    /// By an SRV record.
    pub(super) srv: Option<Srv>,
}

/// What an SRV record says beside the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Srv {
    pub(super) port: u16,
    /// At least 1.
    pub(super) weight: u32,
    /// The name that it points to, without the last dot.
    pub(super) target: String,
}

/// Addresses, and for how long they are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// At least one.
    pub(super) found: Vec<Found>,
    pub(super) ttl: Duration,
}

/// Why there is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The name servers say that there is none.
    #[error("the name has no address")]
    NotFound,
    /// It could not be found out.
    #[error("{0}")]
    Failed(String),
}

impl Names {
    /// Reads the system's configuration and the hosts file.
    pub(super) fn new(rules: &model::Resolver) -> Self {
        let resolver = match resolver(rules) {
            Ok(resolver) => Some(resolver),
            Err(error) => {
                tracing::warn!(%error, "no name server configuration; only addresses will work");
                None
            }
        };
        let hosts = Arc::new(rules.hosts_file.as_deref().map(hosts).unwrap_or_default());
        Self { resolver, hosts, order: rules.order.clone(), ttl: rules.ttl }
    }

    /// The addresses of a name.
    pub(super) async fn ask(&self, name: &str) -> Result<Answer, NoAnswer> {
        if let Some(answer) = self.in_hosts(name) {
            return Ok(answer);
        }
        let asked = tokio::time::timeout(PATIENCE, self.asked(name)).await;
        let late = || NoAnswer::Failed("the name servers do not answer".to_owned());
        let mut answer = asked.unwrap_or_else(|_| Err(late()))?;
        answer.ttl = self.ttl.unwrap_or(answer.ttl).max(LEAST_TTL);
        Ok(answer)
    }

    fn in_hosts(&self, name: &str) -> Option<Answer> {
        let mut name = Name::from_utf8(name).ok()?.to_lowercase();
        name.set_fqdn(true);
        let kinds = [RecordType::A, RecordType::AAAA].into_iter();
        let listed = kinds.filter_map(|kind| {
            let lookup = self.hosts.lookup_static_host(&Query::query(name.clone(), kind))?;
            Some(addresses(lookup.answers()).0)
        });
        let found: Vec<_> = listed.flatten().map(|address| Found { address, srv: None }).collect();
        (!found.is_empty()).then_some(Answer { found, ttl: HOSTS_TTL })
    }

    /// All kinds at once: one that is not answered holds up no other longer than it has to.
    async fn asked(&self, name: &str) -> Result<Answer, NoAnswer> {
        let of_service = name.starts_with('_') && self.order.contains(&RecordKind::Srv);
        let order = if of_service { &[RecordKind::Srv][..] } else { &self.order };
        let ask = async |kind: RecordKind| match order.contains(&kind) {
            true => self.of_kind(name, kind).await,
            false => Err(NoAnswer::NotFound),
        };
        let (a, aaaa, srv) =
            tokio::join!(ask(RecordKind::A), ask(RecordKind::Aaaa), ask(RecordKind::Srv));
        let mut why = NoAnswer::NotFound;
        for kind in order {
            let answer = match kind {
                RecordKind::A => &a,
                RecordKind::Aaaa => &aaaa,
                RecordKind::Srv => &srv,
            };
            match answer {
                Ok(answer) => return Ok(answer.clone()),
                Err(NoAnswer::NotFound) => {}
                Err(failed) => why = failed.clone(),
            }
        }
        Err(why)
    }

    async fn of_kind(&self, name: &str, kind: RecordKind) -> Result<Answer, NoAnswer> {
        match kind {
            RecordKind::A => self.addresses(name, RecordType::A).await,
            RecordKind::Aaaa => self.addresses(name, RecordType::AAAA).await,
            RecordKind::Srv => self.srv(name).await,
        }
    }

    async fn addresses(&self, name: &str, kind: RecordType) -> Result<Answer, NoAnswer> {
        let records = self.records(name, kind).await?;
        let (found, ttl) = addresses(&records);
        let found: Vec<_> = found.into_iter().map(|address| Found { address, srv: None }).collect();
        if found.is_empty() { Err(NoAnswer::NotFound) } else { Ok(Answer { found, ttl }) }
    }

    /// The servers of the best priority (RFC 2782) and their addresses.
    async fn srv(&self, name: &str) -> Result<Answer, NoAnswer> {
        let records = self.records(name, RecordType::SRV).await?;
        let servers = || {
            records.iter().filter_map(|record| match &record.data {
                RData::SRV(srv) if !srv.target.is_root() => Some((srv, record.ttl)),
                _ => None,
            })
        };
        let best = servers().map(|(srv, _)| srv.priority).min().ok_or(NoAnswer::NotFound)?;
        let mut answer = Answer { found: Vec::new(), ttl: Duration::MAX };
        let mut why = NoAnswer::NotFound;
        for (srv, ttl) in servers().filter(|(srv, _)| srv.priority == best) {
            match self.server(srv).await {
                Ok(server) => {
                    let ttl = Duration::from_secs(ttl.into()).min(server.ttl);
                    answer.ttl = answer.ttl.min(ttl);
                    answer.found.extend(server.found);
                }
                Err(error) => why = error,
            }
        }
        if answer.found.is_empty() { Err(why) } else { Ok(answer) }
    }

    async fn server(&self, srv: &SRV) -> Result<Answer, NoAnswer> {
        let target = srv.target.to_utf8();
        let v4 = self.addresses(&target, RecordType::A).await;
        let mut answer = match v4 {
            Err(_) if self.order.contains(&RecordKind::Aaaa) => {
                self.addresses(&target, RecordType::AAAA).await?
            }
            v4 => v4?,
        };
        for found in &mut answer.found {
            found.srv = Some(Srv {
                port: srv.port,
                weight: u32::from(srv.weight).max(1),
                target: target.trim_end_matches('.').to_owned(),
            });
        }
        Ok(answer)
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, NoAnswer> {
        let Some(resolver) = &self.resolver else {
            return Err(NoAnswer::Failed("no name server is configured".to_owned()));
        };
        match resolver.lookup(name, kind).await {
            Ok(lookup) => Ok(lookup.answers().to_vec()),
            Err(error) if error.is_no_records_found() => Err(NoAnswer::NotFound),
            Err(error) => Err(NoAnswer::Failed(error.to_string())),
        }
    }
}

/// Addresses among records, and how long they are good.
fn addresses(records: &[Record]) -> (Vec<IpAddr>, Duration) {
    let ttl = records.iter().map(|record| record.ttl).min().unwrap_or_default();
    let found = records.iter().filter_map(|record| match &record.data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    });
    (found.collect(), Duration::from_secs(ttl.into()))
}

fn resolver(rules: &model::Resolver) -> Result<TokioResolver, NetError> {
    let (mut config, mut options) = system(rules)?;
    if !rules.servers.is_empty() {
        let servers = rules.servers.iter().map(|server| {
            let at_port = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port);
            NameServerConfig::new(server.ip(), true, connections.into())
        });
        config.name_servers = servers.collect();
    }
    // Answers are kept by whoever asks, by rules of their own.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    let provider = TokioRuntimeProvider::default();
    Resolver::builder_with_config(config, provider).with_options(options).build()
}

/// The system's configuration; none is needed where servers are named.
fn system(rules: &model::Resolver) -> Result<(ResolverConfig, ResolverOpts), NetError> {
    match hickory_resolver::system_conf::read_system_conf() {
        Err(_) if !rules.servers.is_empty() => Ok(Default::default()),
        read => read,
    }
}

fn hosts(path: &str) -> Hosts {
    let mut hosts = Hosts::default();
    let read = File::open(path).and_then(|file| hosts.read_hosts_conf(file));
    if let Err(error) = read {
        tracing::warn!(%error, path, "the hosts file cannot be read");
    }
    hosts
}

/// How long all questions about a name together may take.
const PATIENCE: Duration = Duration::from_secs(6);
/// The least time for which an answer counts.
const LEAST_TTL: Duration = Duration::from_secs(1);
/// How long an entry of the hosts file counts.
const HOSTS_TTL: Duration = Duration::from_secs(3600);
