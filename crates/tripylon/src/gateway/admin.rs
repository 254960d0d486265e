//! The management API of the dialect that has one.

use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use control::Control;
use control::Dialect;
use dataplane::{Gateway, InheritedSockets, UndecidedHealth};
use kong::Kong;
use kong::admin::{
    self, Admin, Balancer, BalancerAddress, BalancerTarget, Connections, Listener, Node, Server,
    Undecided,
};
use model::UpstreamId;

/// A running API; it ends when this is dropped.
pub(super) struct Running {
    /// Where it is.
    pub(super) urls: Vec<String>,
    pub(super) server: Server,
}

/// Serves the API if the dialect takes part and its settings name an address.
///
/// # Errors
/// If an address cannot be listened on, or its certificate cannot be used.
pub(super) fn serve(
    kong: Kong,
    control: &Control,
    engine: &Arc<Gateway>,
    inherited: &InheritedSockets,
) -> anyhow::Result<Option<Running>> {
    let listens = kong.settings().admin_listen.clone();
    if listens.is_empty() || !control.state().views.contains_key(kong.name()) {
        return Ok(None);
    }
    let mut listeners = Vec::new();
    for listen in &listens {
        let address = listen.address;
        let socket = match inherited.take(address).pop() {
            Some(socket) => socket,
            None => TcpListener::bind(address)
                .with_context(|| format!("the Admin API cannot listen on {address}"))?,
        };
        let tls = listen.ssl.then(|| admin::tls(kong.settings(), listen.http2)).transpose()?;
        listeners.push(Listener { socket, tls });
    }
    let node = Arc::new(Engine(Arc::clone(engine)));
    let server = admin::serve(listeners, Admin::new(control.clone(), kong, node))
        .context("the Admin API cannot start")?;
    let scheme = |ssl: bool| if ssl { "https" } else { "http" };
    let urls = server.addresses().iter().zip(&listens);
    let urls = urls.map(|(address, listen)| format!("{}://{address}", scheme(listen.ssl)));
    Ok(Some(Running { urls: urls.collect(), server }))
}

/// What the API asks of the engine.
struct Engine(Arc<Gateway>);

impl Node for Engine {
    fn connections(&self) -> Connections {
        let traffic = self.0.traffic();
        // On a connection with HTTP/2 there may be several.
        let writing = traffic.in_flight.min(traffic.active);
        Connections {
            accepted: traffic.accepted,
            handled: traffic.accepted,
            active: traffic.active,
            // A head that has not come whole is no request yet: its connection counts as waiting.
            reading: 0,
            writing,
            waiting: traffic.active - writing,
            requests: traffic.requests,
        }
    }

    fn balancer(&self, upstream: &UpstreamId) -> Option<Balancer> {
        let health = self.0.health(upstream)?;
        let address = |member: dataplane::MemberHealth| BalancerAddress {
            ip: member.address,
            port: member.port,
            weight: member.weight,
            healthy: member.fit,
        };
        let targets = health.endpoints.into_iter().map(|endpoint| BalancerTarget {
            host: endpoint.host,
            port: endpoint.port,
            addresses: endpoint.members.into_iter().map(address).collect(),
        });
        let targets = targets.collect();
        Some(Balancer { checked: health.checked, healthy: health.usable, targets })
    }

    fn set_health(
        &self,
        upstream: &UpstreamId,
        target: (&str, u16),
        address: Option<(IpAddr, u16)>,
        healthy: bool,
    ) -> Result<(), Undecided> {
        let decided = self.0.decide_health(upstream, target, address, healthy);
        decided.map_err(|undecided| match undecided {
            UndecidedHealth::Unknown => Undecided::Unknown,
            UndecidedHealth::Unchecked => Undecided::Unchecked,
        })
    }
}
