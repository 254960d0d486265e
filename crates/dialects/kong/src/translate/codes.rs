//! Findings about what a configuration asks for: `TRI12xx`.

config::codes! {
    /// A route or service for something else than HTTP.
    STREAM_ROUTE = {
        code: "TRI1201",
        name: "kong-stream-route",
        severity: Warning,
        title: "route or service that is not for HTTP",
        means: "The route or service is for TCP, TLS or UDP. The gateway listens for HTTP only, as Kong does unless `stream_listen` says otherwise, so that nothing ever comes there.",
        mend: "Remove it, or give it a protocol of HTTP.",
        example: "services:\n- name: db\n  url: tcp://db:5432\n",
    }

    /// A service that speaks gRPC.
    GRPC_SERVICE = {
        code: "TRI1202",
        name: "kong-grpc-service",
        severity: Error,
        title: "service that speaks gRPC",
        means: "gRPC needs HTTP/2 to the upstream, which this gateway does not speak yet. It is an error, because every request to the service would fail.",
        mend: "Remove the service.",
        example: "services:\n- name: orders\n  url: grpc://orders:9000\n",
    }

    /// A way of balancing that is not offered.
    BALANCING = {
        code: "TRI1203",
        name: "kong-balancing",
        severity: Warning,
        title: "way of balancing that is not offered yet",
        means: "The upstream asks for another way of choosing a target than in turn, by weight. Requests are served, but a client may reach another target than Kong would have chosen.",
        mend: "Use `algorithm: round-robin` where any target will do. Where a client has to come back to the same target, wait for the algorithm.",
        example: "upstreams:\n- name: orders\n  algorithm: least-connections\n",
    }

    /// Health checks.
    HEALTHCHECKS = {
        code: "TRI1204",
        name: "kong-healthchecks",
        severity: Warning,
        title: "health checks are not offered yet",
        means: "The upstream asks for health checks. All of its targets count as healthy here: a target that is down is tried, and the request goes on to another one as far as the service's `retries` allow.",
        mend: "Take targets that are down out of the configuration.",
        example: "upstreams:\n- name: orders\n  healthchecks:\n    active:\n      healthy:\n        interval: 5\n",
    }
}
