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

    /// A plugin that the settings do not allow.
    PLUGIN_NOT_ENABLED = {
        code: "TRI1205",
        name: "kong-plugin-not-enabled",
        severity: Error,
        title: "plugin that the settings do not allow",
        means: "The property `plugins` (`KONG_PLUGINS`) lists the plugins that may be configured, and this one is not among them.",
        mend: "Add the plugin, or `bundled` for all that Kong comes with, to the property; or remove the plugin.",
        example: "plugins = key-auth     # in kong.conf; the document uses `jwt`\n",
    }

    /// An option of a plugin.
    PLUGIN_OPTION = {
        code: "TRI1206",
        name: "kong-plugin-option",
        severity: Error,
        title: "option of a plugin that is not offered",
        means: "Kong's schema takes the option, and this gateway cannot do what it asks for. It is an error, because requests would be treated differently.",
        mend: "Remove the option, or do what the message proposes.",
        example: "plugins:\n- name: key-auth\n  config:\n    key_in_body: true\n",
    }

    /// A Redis that is not named.
    DEFAULT_REDIS = {
        code: "TRI1207",
        name: "kong-default-redis",
        severity: Warning,
        title: "plugin that uses the gateway's Redis",
        means: "The plugin asks for Redis and does not say where it is. Kong refuses that; here the Redis that `--redis` or the property `redis_url` names stands in.",
        mend: "Write the Redis into the plugin's `config`, if Kong is to run it too.",
        example: "plugins:\n- name: rate-limiting\n  config:\n    minute: 100\n    policy: redis     # and no `redis: {host: …}`\n",
    }

    /// Credentials that nothing looks at.
    UNUSED_CREDENTIALS = {
        code: "TRI1208",
        name: "kong-unused-credentials",
        severity: Warning,
        title: "credentials of a plugin that is not offered yet",
        means: "The entities belong to a plugin that this gateway cannot run yet. They were checked, and nothing looks at them.",
        mend: "Nothing has to be done; the plugin itself is an error where it is used.",
        example: "consumers:\n- username: alice\n  oauth2_credentials:\n  - name: app\n",
    }

    /// A key that expires.
    KEY_EXPIRES = {
        code: "TRI1209",
        name: "kong-key-expires",
        severity: Error,
        title: "key that expires",
        means: "The key of a consumer is to expire after some seconds (`ttl`). Keys do not expire here yet, so that it would be valid for as long as it stands in the document.",
        mend: "Remove `ttl`, and the key itself when its time has come.",
        example: "consumers:\n- username: alice\n  keyauth_credentials:\n  - key: secret\n    ttl: 3600\n",
    }
}
