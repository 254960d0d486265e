//! `TUNING & BEHAVIOR`, `MISCELLANEOUS`, `REQUEST DEBUGGING`, `VAULTS` and `WEBASSEMBLY`.

use super::{Section, rows};

pub(super) const TUNING: Section = Section {
    title: "Tuning and behaviour",
    properties: rows! {
        router_flavor: Text = "traditional_compatible", Error "only `traditional_compatible` is supported yet";
        worker_consistency: Text = "eventual", Note "a change is always taken whole by every worker, before it is reported as applied" ["strict"];
        worker_state_update_frequency: Number = "5", Note "workers are told of a change at once";
        worker_events_max_payload: Number = "65535", Note "workers share the configuration and do not send it to each other";
        lua_max_req_headers: Number = "100", Used "above 128 it raises the number of header lines that a request may have";
        lua_max_resp_headers: Number = "100", Note "all headers of a response are seen";
        lua_max_uri_args: Number = "100", Note "all arguments of a query are seen";
        lua_max_post_args: Number = "100", Note "all arguments of a form are seen";
        lua_socket_pool_size: Number = "256", Note "there are no Lua sockets";
    },
};

pub(super) const EXTENSIONS: Section = Section {
    title: "Lua, Wasm, vaults and the rest",
    properties: rows! {
        lua_ssl_trusted_certificate: List = "system", Used "authorities that upstreams are judged by where a service names none, and Redis servers: `system` and PEM files";
        lua_ssl_verify_depth: Number = "1", Used "how many intermediate certificates an upstream may show where a service does not say";
        lua_ssl_protocols: Text = "TLSv1.2 TLSv1.3", Note "the gateway speaks TLS 1.2 and 1.3 to upstreams";
        lua_package_path: Text = "./?.lua;./?/init.lua;", Warning "Lua plugins are not hosted yet";
        lua_package_cpath: Text = "", Warning "Lua plugins are not hosted yet";
        untrusted_lua: Text = "sandbox", Note "Lua in plugin configurations is not run yet" ["off"];
        untrusted_lua_sandbox_requires: List = "", Note "Lua in plugin configurations is not run yet";
        untrusted_lua_sandbox_environment: List = "", Note "Lua in plugin configurations is not run yet";
        openresty_path: Text = "", Note "there is no OpenResty to be found";
        node_id: Text = "", Used "the UUID that the management API gives for this node";
        vault_env_prefix: Text = "", Used "what the names of environment variables start with that `{vault://env/…}` looks for";
        request_debug: Bool = "on", Note "`X-Kong-Request-Debug` is not answered; the log and `/metrics` say where time goes" ["off"];
        request_debug_token: Secret = "", Note "`X-Kong-Request-Debug` is not answered";
        wasm: Bool = "off", Error "Wasm filters are not supported yet, and a request must not pass without a filter that was to see it";
        wasm_filters_path: Text = "", Note "means something only with `wasm = on`, which is not supported yet";
        wasm_filters: List = "bundled,user", Note "means something only with `wasm = on`, which is not supported yet";
        wasm_dynamic_module: Text = "", Note "there is no nginx to load a module";
    },
};
