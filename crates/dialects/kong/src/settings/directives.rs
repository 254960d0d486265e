//! Injected nginx directives: `nginx_<context>_<directive>`, also those that Kong has no value for.

use super::property::Effect::{self, Error, Note, Used, Warning};

/// Contexts of nginx into which Kong injects directives.
const CONTEXTS: &[&str] = &[
    "main",
    "events",
    "http",
    "upstream",
    "proxy",
    "location",
    "status",
    "admin",
    "stream",
    "sproxy",
    "supstream",
];

/// Contexts that hold for proxied requests, the strongest first: `location` stands within `proxy`
/// (a server), which stands within `http`.
pub(super) const PROXY_CONTEXTS: [&str; 3] = ["location", "proxy", "http"];

/// A property's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Injected<'a> {
    pub(super) context: &'a str,
    pub(super) directive: &'a str,
}

/// Takes `nginx_<context>_<directive>` apart.
pub(super) fn injected(name: &str) -> Option<Injected<'_>> {
    let rest = name.strip_prefix("nginx_")?;
    CONTEXTS.iter().find_map(|context| {
        let directive = rest.strip_prefix(context)?.strip_prefix('_')?;
        (!directive.is_empty()).then_some(Injected { context, directive })
    })
}

/// What becomes of an injected directive that has no row of its own among the properties.
pub(super) fn effect(injected: Injected<'_>) -> Effect {
    match injected.context {
        "stream" | "sproxy" | "supstream" => Note("TCP, TLS and UDP are not proxied yet"),
        "status" | "admin" if !refuses(injected.directive) => {
            Note("directives have an effect on proxied requests only")
        }
        "upstream" => {
            Note("connections to upstreams are kept as the `upstream_keepalive_*` properties say")
        }
        _ => known(injected.directive).unwrap_or(Warning(
            "there is no nginx to take the directive, and nothing here does what it does",
        )),
    }
}

/// Names of directives that are understood in [`PROXY_CONTEXTS`], for proposals.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DIRECTIVES.iter().flat_map(|(names, _)| names.iter().copied())
}

fn known(directive: &str) -> Option<Effect> {
    let (_, effect) = DIRECTIVES.iter().find(|(names, _)| names.contains(&directive))?;
    Some(*effect)
}

/// Whether a directive is there to refuse requests.
fn refuses(directive: &str) -> bool {
    matches!(known(directive), Some(Error(_)))
}

const DIRECTIVES: &[(&[&str], Effect)] = &[
    (&["client_max_body_size"], Used("bytes that the body of a request may have")),
    (
        &["client_body_buffer_size"],
        Used("bytes of a request's body that are read before the upstream is bothered"),
    ),
    (&["client_header_timeout"], Used("time for a whole request head, and for a TLS handshake")),
    (&["client_body_timeout"], Used("time between two reads of a request's body")),
    (&["send_timeout"], Used("time between two writes of a response")),
    (&["keepalive_timeout"], Used("time after which an idle connection of a client is closed")),
    (&["keepalive_requests"], Used("requests after which a client's connection is closed")),
    (
        &["large_client_header_buffers"],
        Used("limits of the request line, of a header line and of the head"),
    ),
    (
        &["ignore_invalid_headers"],
        Used(
            "whether headers whose names have other characters than letters, digits, `-` and `_` are dropped",
        ),
    ),
    (&["charset"], Used("charset that is added to the content types of texts")),
    (&["ssl_protocols"], Used("TLS versions that clients may speak")),
    (&["ssl_ciphers"], Used("cipher suites of TLS 1.2 by OpenSSL's names")),
    (&["ssl_session_tickets"], Used("whether TLS sessions can be resumed by tickets")),
    (&["real_ip_header"], Used("where a trusted peer says who the client is")),
    (&["real_ip_recursive"], Used("whether trusted addresses are skipped from the right")),
    (
        &["proxy_ssl_verify"],
        Used("whether certificates of upstreams are verified where a service does not say"),
    ),
    (
        &["proxy_ssl_verify_depth"],
        Used(
            "how many intermediate certificates an upstream may show where a service does not say",
        ),
    ),
    (
        &["worker_processes", "daemon", "worker_rlimit_nofile", "worker_connections", "user"],
        Note("the property `nginx_<directive>` or `nginx_main_<directive>` is the place for it"),
    ),
    (
        &[
            "aio",
            "client_body_in_file_only",
            "client_body_in_single_buffer",
            "client_body_temp_path",
            "client_header_buffer_size",
            "connection_pool_size",
            "directio",
            "lingering_close",
            "lingering_time",
            "lingering_timeout",
            "multi_accept",
            "open_file_cache",
            "output_buffers",
            "pcre_jit",
            "postpone_output",
            "proxy_buffer_size",
            "proxy_buffering",
            "proxy_buffers",
            "proxy_busy_buffers_size",
            "proxy_headers_hash_bucket_size",
            "proxy_headers_hash_max_size",
            "proxy_max_temp_file_size",
            "proxy_request_buffering",
            "proxy_temp_file_write_size",
            "proxy_temp_path",
            "request_pool_size",
            "reset_timedout_connection",
            "sendfile",
            "sendfile_max_chunk",
            "server_names_hash_bucket_size",
            "server_names_hash_max_size",
            "tcp_nodelay",
            "tcp_nopush",
            "thread_pool",
            "timer_resolution",
            "types_hash_bucket_size",
            "types_hash_max_size",
            "use",
            "variables_hash_bucket_size",
            "variables_hash_max_size",
            "worker_aio_requests",
            "worker_cpu_affinity",
            "worker_priority",
        ],
        Note(
            "it tunes how nginx uses memory, disk and system calls; bodies stream through here in bounded memory",
        ),
    ),
    (&["server_tokens"], Note("the property `headers` says whether `Server` and `Via` are sent")),
    (&["merge_slashes"], Note("paths are always normalised, as Kong's router does it")),
    (&["underscores_in_headers"], Note("header names with underscores are accepted, as with Kong")),
    (
        &[
            "lua_max_running_timers",
            "lua_max_pending_timers",
            "lua_shared_dict",
            "lua_code_cache",
            "lua_regex_cache_max_entries",
            "lua_regex_match_limit",
            "lua_socket_log_errors",
            "lua_thread_cache_max_entries",
            "lua_worker_thread_vm_pool_size",
            "lua_malloc_trim",
        ],
        Note("it tunes nginx's Lua, which is not here"),
    ),
    (
        &["access_log", "log_format"],
        Warning("requests are logged as `proxy_access_log` and `--log-format` say"),
    ),
    (&["error_log"], Warning("errors are logged as `proxy_error_log` and `log_level` say")),
    (&["resolver", "resolver_timeout"], Warning("name servers are those of `/etc/resolv.conf`")),
    (
        &[
            "gzip",
            "gzip_types",
            "gzip_comp_level",
            "gzip_min_length",
            "gzip_proxied",
            "gzip_vary",
            "gzip_static",
            "gunzip",
        ],
        Warning("responses are passed on as the upstream encoded them"),
    ),
    (
        &["proxy_read_timeout", "proxy_send_timeout", "proxy_connect_timeout"],
        Note("the timeouts of each service count, as with Kong"),
    ),
    (
        &["proxy_next_upstream", "proxy_next_upstream_timeout", "proxy_next_upstream_tries"],
        Warning("`retries` of the service says how often a request is tried again"),
    ),
    (&["set_real_ip_from"], Warning("name the address in `trusted_ips`")),
    (
        &["limit_req", "limit_req_zone", "limit_conn", "limit_conn_zone", "limit_rate"],
        Error("requests would pass that it was to hold back; use the plugin `rate-limiting`"),
    ),
    (
        &["allow", "deny", "satisfy"],
        Error(
            "requests would pass that it was to refuse; use the plugin `ip-restriction` or a firewall",
        ),
    ),
    (
        &["auth_basic", "auth_basic_user_file", "auth_request", "auth_jwt"],
        Error("requests would pass that it was to refuse; use an authentication plugin"),
    ),
    (
        &[
            "ssl_verify_client",
            "ssl_client_certificate",
            "ssl_trusted_certificate",
            "ssl_verify_depth",
            "ssl_crl",
        ],
        Error(
            "clients would pass without the certificate that it was to demand; client certificates are not supported yet",
        ),
    ),
    (
        &[
            "rewrite",
            "return",
            "if",
            "try_files",
            "error_page",
            "add_header",
            "proxy_set_header",
            "proxy_hide_header",
            "include",
            "map",
            "geo",
            "set",
            "sub_filter",
        ],
        Warning("there is no nginx to take the directive; use routes, services and plugins"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let taken = injected("nginx_proxy_proxy_buffer_size").expect("injected");
        assert_eq!((taken.context, taken.directive), ("proxy", "proxy_buffer_size"));
        let taken = injected("nginx_sproxy_x").expect("injected");
        assert_eq!((taken.context, taken.directive), ("sproxy", "x"));
        assert_eq!(injected("nginx_http_"), None);
        assert_eq!(injected("nginx_user"), None);
        assert_eq!(injected("proxy_listen"), None);
    }

    #[test]
    fn what_would_have_refused_is_an_error_everywhere() {
        for name in ["nginx_http_deny", "nginx_admin_deny", "nginx_status_auth_basic"] {
            let effect = effect(injected(name).expect("injected"));
            assert!(matches!(effect, Error(_)), "{name}: {effect:?}");
        }
        assert!(matches!(effect(injected("nginx_http_gzip").expect("injected")), Warning(_)));
        assert!(matches!(effect(injected("nginx_http_foo").expect("injected")), Warning(_)));
        assert!(matches!(effect(injected("nginx_admin_gzip").expect("injected")), Note(_)));
    }

    #[test]
    fn no_directive_stands_twice() {
        let mut names: Vec<_> = names().collect();
        names.sort_unstable();
        assert_eq!(names.windows(2).find(|pair| pair[0] == pair[1]), None);
    }
}
