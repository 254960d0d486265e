//! The story of one exchange, from a request's head to the last byte of its response.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, ready};

use filter::{BodyLength, Clock, Exchange, Headers, LocalReply, Method, Version};
use model::{Answered, RequirementKind, Scheme, Unmet, reason};

use crate::chain::{Choices, CompiledChain};
use crate::client_address;
use crate::downstream::{Body, Downstream};
use crate::forward::{self, Answer, Broken, Failure};
use crate::http1::head::split_authority;
use crate::live::Live;
use crate::router::{Found, RouteQuery};
use crate::snapshot::{CompiledAction, CompiledListener};
use crate::telemetry::Limit;
use crate::tunnel;
use crate::voice::Voice;
use crate::worker::Worker;

/// Serves a request whose head has been read. Says whether client and gateway agree where the
/// exchange ended, so that another may follow on the connection.
pub(crate) async fn run<D: Downstream>(
    worker: &Worker,
    live: &Rc<Live>,
    listener: u32,
    x: &mut Exchange,
    choices: &mut Choices,
    down: &mut D,
) -> bool {
    let mut story = Story::new(worker, live, listener, x, choices, down);
    let decided = story.decide().await;
    story.finish(decided).await
}

/// Answers a request whose head was refused.
pub(crate) async fn refuse<D: Downstream>(
    worker: &Worker,
    live: &Rc<Live>,
    listener: u32,
    x: &mut Exchange,
    choices: &mut Choices,
    down: &mut D,
    reason: &'static str,
) {
    let mut story = Story::new(worker, live, listener, x, choices, down);
    client_address::judge(&story.listener.client_address, story.x);
    let reply = LocalReply::new(refusal_status(reason), reason, "the request is not served");
    story.finish(Err(Failure::Reply(Box::new(reply), Answered::Local))).await;
}

fn refusal_status(reason: &str) -> u16 {
    match reason {
        reason::URI_TOO_LONG => 414,
        reason::HEAD_TOO_LARGE => 431,
        reason::VERSION => 505,
        reason::EXPECTATION => 417,
        reason::METHOD_NOT_ALLOWED => 405,
        reason::NOT_IMPLEMENTED => 501,
        reason::REQUEST_TIMEOUT => 408,
        reason::MISDIRECTED => 421,
        _ => 400,
    }
}

struct Story<'a, D> {
    worker: &'a Worker,
    live: &'a Rc<Live>,
    listener: &'a CompiledListener,
    x: &'a mut Exchange,
    choices: &'a mut Choices,
    down: &'a mut D,
    /// The chain of the route, or of requests that no route took.
    chain: &'a CompiledChain,
    voice: &'a Voice,
}

impl<D> Drop for Story<'_, D> {
    fn drop(&mut self) {
        self.worker.telemetry.ended();
    }
}

impl<'a, D: Downstream> Story<'a, D> {
    fn new(
        worker: &'a Worker,
        live: &'a Rc<Live>,
        listener: u32,
        x: &'a mut Exchange,
        choices: &'a mut Choices,
        down: &'a mut D,
    ) -> Self {
        let listener = live.listener(listener);
        let chain = &live.snapshot.chains[listener.unrouted as usize];
        let voice = &live.snapshot.voices[listener.voice as usize];
        worker.telemetry.begun();
        x.voice = listener.voice;
        Self { worker, live, listener, x, choices, down, chain, voice }
    }

    /// Finds the route, runs its policies and does what it says, up to the response's head.
    async fn decide(&mut self) -> Result<Answer, Failure> {
        self.voice.strip_reserved(&mut self.x.request.headers);
        client_address::judge(&self.listener.client_address, self.x);
        let limit = self.down.limits().max_body();
        if matches!(self.x.request.body, BodyLength::Known(length) if length > limit) {
            return Err(local(413, reason::BODY_TOO_LARGE, "the request's body is too large"));
        }
        let found = self.route()?;
        let route = &self.live.snapshot.routes[found.route as usize];
        for requirement in &route.requirements {
            if !self.meets(requirement.kind) {
                return Err(self.unmet(&requirement.unmet));
            }
        }
        let live: &'a Live = self.live;
        self.chain
            .request(live, self.x, self.choices)
            .await
            .map_err(|reply| Failure::Reply(reply, Answered::Local))?;
        if let Some(limit) = self.x.request.body_limit() {
            self.down.limit_body(limit.bytes);
        }
        match &route.action {
            CompiledAction::Forward(forward) => {
                let (worker, voice) = (self.worker, self.voice);
                forward::forward(worker, live, forward, voice, found, self.x, self.down).await
            }
            CompiledAction::Reply(reason) => {
                Err(local(503, String::from(reason.clone()), "the route answers by itself"))
            }
            CompiledAction::Redirect { status, location } => {
                let location = location.render(self.x, self.worker.now_us());
                let reply = LocalReply::new(*status, reason::REDIRECT, "the resource is elsewhere")
                    .header("Location", location);
                Err(Failure::Reply(Box::new(reply), Answered::Local))
            }
        }
    }

    /// The route, and how it matched the path. The story goes on with its chain and voice.
    fn route(&mut self) -> Result<Found<'a>, Failure> {
        let x = &*self.x;
        let query = RouteQuery {
            host: x.request.host(),
            port: x.request.port().unwrap_or(self.listener.public_port),
            path: x.request.path(),
            method: &x.request.method,
            headers: &x.request.headers,
            query: x.request.query(),
            sni: x.client.sni.as_deref(),
            scheme: x.client.scheme,
            client: x.client.address,
        };
        let Some(found) = self.listener.router.find(&query) else {
            return Err(local(404, reason::NO_ROUTE, "no route takes this request"));
        };
        (self.x.route, self.x.matched) = (Some(found.route), found.matched);
        let compiled = &self.live.snapshot.routes[found.route as usize];
        self.chain = &self.live.snapshot.chains[compiled.chain as usize];
        self.voice = &self.live.snapshot.voices[compiled.voice as usize];
        self.x.voice = compiled.voice;
        Ok(found)
    }

    fn meets(&self, requirement: RequirementKind) -> bool {
        let request = &self.x.request;
        match requirement {
            RequirementKind::Tls => self.came_over_tls(),
            RequirementKind::Http2 => request.version >= Version::Http2,
            RequirementKind::GrpcContentType => {
                request.headers.get("content-type").is_some_and(|media_type| {
                    media_type
                        .get(..16)
                        .is_some_and(|t| t.eq_ignore_ascii_case(b"application/grpc"))
                })
            }
        }
    }

    /// By the listener, or by the word of a trusted peer where TLS has ended.
    fn came_over_tls(&self) -> bool {
        let client = &self.x.client;
        let word = self.x.request.headers.get("x-forwarded-proto").filter(|_| client.trusted);
        client.scheme == Scheme::Https || word.is_some_and(|it| it.eq_ignore_ascii_case(b"https"))
    }

    fn unmet(&self, unmet: &Unmet) -> Failure {
        match unmet {
            Unmet::Reply(reason) => {
                let status = if reason == reason::TLS_REQUIRED { 426 } else { 415 };
                local(status, reason.clone(), "the route asks for more")
            }
            Unmet::RedirectToHttps(status) => {
                let location = format!("https://{}{}", self.public_host(), self.x.request.target());
                let reply = LocalReply::new(*status, reason::TLS_REDIRECT, "use https")
                    .header("Location", location);
                Failure::Reply(Box::new(reply), Answered::Local)
            }
        }
    }

    /// The host that the client asked for: the request's, or by the word of a trusted peer.
    fn public_host(&self) -> &str {
        let request = &self.x.request;
        let word = request.headers.get("x-forwarded-host").filter(|_| self.x.client.trusted);
        let word = word.and_then(split_authority).map(|(host, _)| host);
        word.filter(|host| !host.is_empty()).unwrap_or_else(|| request.host())
    }

    /// Sends the response and lets it be known.
    async fn finish(&mut self, decided: Result<Answer, Failure>) -> bool {
        let whole = match decided {
            Ok(answer) => self.pass_on(answer).await,
            Err(Failure::Reply(reply, answered)) => {
                self.count_limit(&reply.reason);
                let body = self.word(&reply);
                let (body, answered) = match self.respond().await {
                    Ok(()) => (body, answered),
                    Err(reply) => (self.word(&reply), Answered::Local),
                };
                self.reply(body, answered).await
            }
            Err(Failure::Gone) => {
                self.x.response.status = CLIENT_GONE;
                false
            }
        };
        self.log();
        whole
    }

    /// Takes note if the request is answered so because it wanted too much.
    fn count_limit(&self, reason: &str) {
        let limit = match reason {
            reason::URI_TOO_LONG => Limit::Target,
            reason::HEAD_TOO_LARGE => Limit::Head,
            reason::BODY_TOO_LARGE => Limit::Body,
            reason::REQUEST_TIMEOUT if self.x.route.is_none() => Limit::HeadTime,
            reason::REQUEST_TIMEOUT => Limit::BodyTime,
            _ => return,
        };
        self.worker.telemetry.limit_reached(limit);
    }

    fn word(&mut self, reply: &LocalReply) -> Vec<u8> {
        self.voice.word(reply, self.x, self.worker.now_us())
    }

    /// Runs the response phase.
    async fn respond(&mut self) -> Result<(), Box<LocalReply>> {
        if !self.chain.sees_responses() {
            return Ok(());
        }
        self.chain.response(self.live, self.x, self.choices).await
    }

    /// Passes an upstream's response on.
    async fn pass_on(&mut self, answer: Answer) -> bool {
        if let Err(reply) = self.respond().await {
            let body = self.word(&reply);
            return self.reply(body, Answered::Local).await;
        }
        if self.x.response.status == 101 {
            return Box::pin(self.switch(answer)).await;
        }
        let body = answer.body(&self.x.response);
        self.begin(Answered::Upstream, body);
        match answer.relay(self.worker, self.down).await {
            Ok(()) => true,
            Err(Broken::Client) => false,
            Err(Broken::Upstream { endpoint, error }) => {
                let error = format!("the response broke off: {error}");
                let (worker, now) = (self.worker, self.worker.now());
                worker.telemetry.upstream_failed(self.x, &endpoint, "broken", &error, now);
                false
            }
        }
    }

    /// Queues the response's head.
    fn begin(&mut self, answered: Answered, body: Body) {
        // An upstream's head was read a moment ago, and so was the clock.
        let now = match answered {
            Answered::Upstream => self.worker.recent(),
            Answered::Failure | Answered::Local => self.worker.now(),
        };
        self.x.timings.begun = now.mono_us;
        self.x.answered = Some(answered);
        self.down.begin(self.x, self.voice, answered, body);
    }

    /// Makes the connection a tunnel.
    async fn switch(&mut self, answer: Answer) -> bool {
        self.begin(Answered::Upstream, Body::Tunnel);
        let idle = answer.read_timeout();
        let mut link = answer.into_link();
        let deadline = self.down.deadline().clone();
        if let Some(client) = self.down.tunnel() {
            tunnel::run(self.worker, client, &mut link.conn, &deadline, idle).await;
        }
        false
    }

    /// Sends a response of the gateway's own.
    async fn reply(&mut self, body: Vec<u8>, answered: Answered) -> bool {
        let length = body.len() as u64;
        let bodiless = matches!(self.x.response.status, 100..200 | 204 | 304);
        let to_head = self.x.request.method == Method::Head;
        let framing = match () {
            () if bodiless => Body::None,
            () if to_head => Body::Named(length),
            () => Body::Length(length),
        };
        self.begin(answered, framing);
        let mut rest = if bodiless || to_head { &[] } else { &body[..] };
        let limit = self.down.limits().send_timeout;
        let (worker, down) = (self.worker, &mut *self.down);
        down.deadline().arm(worker.now_us(), limit);
        let no_trailers = Headers::new();
        poll_fn(|cx| {
            if down.deadline().poll_passed(cx) {
                worker.telemetry.limit_reached(Limit::SendTime);
                return Poll::Ready(false);
            }
            while !rest.is_empty() {
                let Ok(sent) = ready!(down.poll_send(cx, rest)) else { return Poll::Ready(false) };
                rest = &rest[sent..];
                down.deadline().arm(worker.now_us(), limit);
            }
            down.poll_end(cx, &no_trailers).map(|ended| ended.is_ok())
        })
        .await
    }

    /// Tells of the exchange: the log phase, the access log, the numbers.
    fn log(&mut self) {
        let now = self.worker.clock.now();
        self.x.timings.end = now.mono_us;
        let traffic = self.down.take_traffic();
        self.x.timings.received = traffic.received;
        self.x.timings.sent = traffic.sent;
        self.x.timings.sent_head = traffic.heads;
        self.chain.log(self.live, self.x, self.choices);
        let series = self.x.route.map(|route| self.live.series(route));
        self.worker.telemetry.done(self.x, series, now);
    }
}

fn local(
    status: u16,
    reason: impl Into<std::borrow::Cow<'static, str>>,
    message: &'static str,
) -> Failure {
    Failure::Reply(Box::new(LocalReply::new(status, reason, message)), Answered::Local)
}

/// What logs show for a request whose client went away before there was a response.
const CLIENT_GONE: u16 = 499;
