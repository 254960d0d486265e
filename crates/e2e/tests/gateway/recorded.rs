//! What Kong was seen to do, topic by topic.

use tripylon_e2e::replay;

macro_rules! topics {
    ($($test:ident: $topic:literal,)*) => {
        $(
            #[test]
            fn $test() {
                replay::topic($topic);
            }
        )*
    };
}

topics! {
    seed_local: "seed-local",
    seed_redis: "seed-redis",
    acl: "acl",
    basic_auth: "basic-auth",
    bot_detection: "bot-detection",
    correlation_id: "correlation-id",
    cors: "cors",
    hmac_auth: "hmac-auth",
    ip_restriction: "ip-restriction",
    multi_auth: "multi-auth",
    redirect: "redirect",
    request_size_limiting: "request-size-limiting",
    request_termination: "request-termination",
    jwt: "jwt",
    key_auth: "key-auth",
    rate_limiting: "rate-limiting",
    routing_path: "routing-path",
    routing_path_handling: "routing-path-handling",
    routing_host: "routing-host",
    routing_method_header: "routing-method-header",
    routing_priority: "routing-priority",
    proxy_headers: "proxy-headers",
    errors: "errors",
    upstreams: "upstreams",
    upstreams_hashing: "upstreams-hashing",
    http_log: "http-log",
}

/// Offline, where a request would go is where recorded ones went.
#[test]
fn explanations_of_routing() {
    for topic in ["routing-path", "routing-host", "routing-method-header", "routing-priority"] {
        replay::explanations(topic);
    }
}

#[test]
fn explanations_of_path_handling() {
    replay::explanations("routing-path-handling");
}

/// The same exchanges, said in HTTP/2.
#[test]
fn routing_over_http2() {
    for topic in ["routing-path", "routing-host", "routing-method-header", "routing-priority"] {
        replay::topic_over_http2(topic);
    }
}

#[test]
fn policies_over_http2() {
    for topic in ["jwt", "key-auth", "rate-limiting"] {
        replay::topic_over_http2(topic);
    }
}

#[test]
fn access_over_http2() {
    for topic in [
        "acl",
        "basic-auth",
        "bot-detection",
        "correlation-id",
        "cors",
        "ip-restriction",
        "multi-auth",
        "redirect",
        "request-size-limiting",
        "request-termination",
    ] {
        replay::topic_over_http2(topic);
    }
}

#[test]
fn messages_over_http2() {
    for topic in ["proxy-headers", "errors"] {
        replay::topic_over_http2(topic);
    }
}
