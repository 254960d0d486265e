//! Small models, and gateways that serve them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dataplane::{Gateway, Rejection, Settings};
use filter::Kinds;
use model::{
    Action, Buffering, Chain, Choice, ClientAddress, EncodedSlash, Endpoint, Escape, Format,
    Forward, Forwarding, HostRule, HttpSettings, Limits, Listener, Model, Origin, PathMatch,
    PathRewrite, PathRules, Predicate, Protocol, Rank, Retry, Route, Template, Timeouts, Upstream,
    Var, Voice, Weighted, Wording,
};

/// A model with one listener on a free port, and a voice that answers with the reason.
pub(crate) struct Build(Model);

/// What is forwarded where.
pub(crate) struct Service {
    prefix: String,
    port: u16,
}

pub(crate) fn service(prefix: &str, port: u16) -> Service {
    Service { prefix: prefix.into(), port }
}

impl Build {
    pub(crate) fn new() -> Self {
        Self(Model { listeners: vec![listener()], voices: vec![voice()], ..Model::default() })
    }

    pub(crate) fn service(mut self, service: Service) -> Self {
        let name = format!("u{}", self.0.routes.len());
        let rank = u128::try_from(service.prefix.len()).expect("short");
        self.0.upstreams.push(Upstream {
            id: name.as_str().into(),
            name: name.clone(),
            endpoints: vec![Endpoint {
                host: "127.0.0.1".into(),
                port: service.port,
                weight: 1,
                origin: Origin::default(),
            }],
            resolution: Default::default(),
            resolver: None,
            balance: Default::default(),
            group: None,
            health: Default::default(),
            protocol: Default::default(),
            tls: None,
            host_header: None,
            pool: Default::default(),
            origin: Origin::default(),
        });
        let limit = Duration::from_secs(10);
        self.0.routes.push(Route {
            id: format!("r{name}").into(),
            table: "t".into(),
            when: Predicate {
                paths: vec![PathMatch::Prefix(service.prefix)],
                ..Predicate::default()
            },
            rank: Rank::from_parts(&[rank]),
            requirements: vec![],
            chain: Arc::new(Chain::default()),
            action: Action::Forward(Forward {
                upstreams: vec![Weighted { value: name.into(), weight: 1 }],
                path: PathRewrite { base: "/".into(), strip: false, join: Default::default() },
                host: HostRule::Endpoint,
                timeouts: Timeouts { connect: limit, send: limit, read: limit },
                retry: Retry { tries: 0 },
                buffering: Buffering { request: 1 << 16 },
            }),
            voice: "v".into(),
            labels: Arc::default(),
            origin: Origin::default(),
        });
        self
    }

    /// Has all routes ask for TLS, and the peers of a network believed.
    pub(crate) fn over_tls_only(mut self, unmet: &model::Unmet, trusted: &str) -> Self {
        for route in &mut self.0.routes {
            let kind = model::RequirementKind::Tls;
            route.requirements.push(model::Requirement { kind, unmet: unmet.clone() });
        }
        let trusted = trusted.parse().expect("a network");
        self.0.listeners[0].client_address.trusted.push(trusted);
        self
    }

    /// Sets what clients are allowed.
    pub(crate) fn limits(mut self, limits: Limits) -> Self {
        let Protocol::Http(http) = &mut self.0.listeners[0].protocol;
        http.limits = limits;
        self
    }

    /// Has the listener speak HTTP/1.1 only.
    pub(crate) fn without_http2(mut self) -> Self {
        let Protocol::Http(http) = &mut self.0.listeners[0].protocol;
        http.http2 = false;
        self
    }

    pub(crate) fn model(self) -> Model {
        self.0
    }

    pub(crate) fn start(self) -> Running {
        self.start_with(Settings { workers: 2, ..Settings::default() })
    }

    pub(crate) fn start_with(self, settings: Settings) -> Running {
        let gateway = Gateway::start(settings, Kinds::default()).expect("threads are to be had");
        gateway.publish(&self.0, 1).expect("the model can be served");
        Running(gateway)
    }
}

/// A gateway with one listener.
pub(crate) struct Running(Gateway);

impl Running {
    pub(crate) fn port(&self) -> u16 {
        self.0.addresses()[0].1.port()
    }

    pub(crate) fn publish(&self, build: Build) {
        self.try_publish(&build.0).expect("the model can be served");
    }

    pub(crate) fn try_publish(&self, model: &Model) -> Result<(), Vec<Rejection>> {
        self.0.publish(model, 2)
    }

    pub(crate) fn drain(&self, limit: Duration) -> bool {
        self.0.drain(limit)
    }
}

fn listener() -> Listener {
    Listener {
        id: "l".into(),
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        public_port: None,
        backlog: 64,
        tls: false,
        tls_settings: Default::default(),
        proxy_protocol: Default::default(),
        protocol: Protocol::Http(HttpSettings {
            http2: true,
            limits: Limits::default(),
            paths: PathRules { merge_slashes: false, encoded_slash: EncodedSlash::Keep },
            keepalive: Duration::from_secs(60),
            keepalive_requests: 0,
        }),
        tables: vec!["t".into()],
        voice: "v".into(),
        client_address: ClientAddress::default(),
        origin: Origin::default(),
    }
}

/// Answers with the message, which the wording sets to the reason for those that tests look at.
fn voice() -> Voice {
    let says = |reason: &str| Wording {
        status: None,
        message: Some(Template::text(reason)),
        format: Some("f".into()),
        headers: vec![],
    };
    let reasons = ["no-route", "bad-gateway", "bad-request", "request-timeout"];
    let choice = Choice {
        media_type: "text/plain".into(),
        content_type: "text/plain".into(),
        body: Template::var(Var::Message),
        escape: Escape::None,
    };
    Voice {
        id: "v".into(),
        wording: reasons.iter().map(|reason| ((*reason).into(), says(reason))).collect(),
        fallback: says("fallback"),
        formats: [("f".into(), Format::Fixed(choice))].into(),
        forwarding: Forwarding::default(),
        ambient: vec![],
        charset: None,
        origin: Origin::default(),
    }
}
