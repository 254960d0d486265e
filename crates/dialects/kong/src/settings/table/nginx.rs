//! `NGINX`, and the nginx directives that Kong itself has values for.

use super::{Section, rows};

pub(super) const LISTENERS: Section = Section {
    title: "Listeners",
    properties: rows! {
        proxy_listen: List = "0.0.0.0:8000 reuseport backlog=16384, 0.0.0.0:8443 http2 ssl reuseport backlog=16384", Used "where requests are accepted; flags `ssl`, `http2`, `proxy_protocol`, `backlog=`; `reuseport` and `bind` always hold";
        stream_listen: List = "off", Error "TCP, TLS and UDP are not proxied yet";
        admin_listen: List = "127.0.0.1:8001 reuseport backlog=16384, 127.0.0.1:8444 http2 ssl reuseport backlog=16384", Used "where the management API listens, or `off`";
        status_listen: List = "127.0.0.1:8007 reuseport backlog=16384", Used "where `/status`, `/status/ready` and `/metrics` are served, or `off`";
        nginx_user: Text = "kong kong", Note "the gateway keeps the user that it was started by; start it as the one that it should run as";
        nginx_worker_processes: Text = "auto", Used "number of workers (threads here), or `auto` for one per core";
        nginx_daemon: Text = "on", Used "whether `kong start` returns and leaves the gateway running";
        nginx_main_daemon: Text = "on", Used "the same as `nginx_daemon`";
        nginx_main_user: Text = "kong kong", Note "the gateway keeps the user that it was started by; start it as the one that it should run as";
        nginx_main_worker_processes: Text = "auto", Used "the same as `nginx_worker_processes`";
        nginx_main_worker_rlimit_nofile: Text = "auto", Note "the gateway raises its limit of open files as far as the system lets it";
        nginx_events_worker_connections: Text = "auto", Note "connections are limited by the limit of open files only";
        nginx_events_multi_accept: Text = "on", Note "every waiting connection is accepted at once";
        mem_cache_size: Text = "128m", Note "the configuration is in the memory of the process; there is no cache of it";
    },
};

pub(super) const TLS: Section = Section {
    title: "TLS",
    properties: rows! {
        ssl_cert: List = "", Used "certificates for `proxy_listen … ssl` that are shown where no SNI fits: PEM files, PEM or base64 of it; one is made if there is none";
        ssl_cert_key: List = "", Used "the keys of `ssl_cert`, in the same order";
        admin_ssl_cert: List = "", Used "certificates for `admin_listen … ssl`; one is made if there is none";
        admin_ssl_cert_key: List = "", Used "the keys of `admin_ssl_cert`, in the same order";
        status_ssl_cert: List = "", Note "the status listener speaks plain HTTP";
        status_ssl_cert_key: List = "", Note "the status listener speaks plain HTTP";
        debug_ssl_cert: List = "", Note "there is no debug listener";
        debug_ssl_cert_key: List = "", Note "there is no debug listener";
        client_ssl: Bool = "off", Used "whether upstreams that ask for a certificate are shown `client_ssl_cert`";
        client_ssl_cert: Text = "", Used "the certificate that upstreams are shown where a service names none";
        client_ssl_cert_key: Text = "", Used "the key of `client_ssl_cert`";
        ssl_cipher_suite: Text = "intermediate", Used "`modern` (TLS 1.3 only), `intermediate`, `old` (as `intermediate`: what else it had is not safe), `fips`, or `custom`";
        ssl_ciphers: Text = "", Used "with `ssl_cipher_suite = custom`: cipher suites of TLS 1.2 by OpenSSL's names";
        ssl_protocols: Text = "TLSv1.2 TLSv1.3", Used "TLS versions that clients may speak; of these 1.2 and 1.3 are possible";
        ssl_prefer_server_ciphers: Text = "on", Note "the gateway's own order of cipher suites counts; all that it offers are safe" ["off"];
        ssl_dhparam: Text = "", Note "finite field Diffie-Hellman is not offered, only elliptic curves";
        ssl_session_tickets: Text = "on", Used "whether TLS sessions can be resumed by tickets";
        ssl_session_timeout: Text = "1d", Note "tickets are good for at most 12 hours; their keys change that often";
        ssl_session_cache_size: Text = "10m", Note "sessions are resumed by tickets, which need no cache";
        nginx_http_ssl_protocols: Text = "", Used "the same as `ssl_protocols`, and stronger";
        nginx_http_ssl_prefer_server_ciphers: Text = "", Note "the gateway's own order of cipher suites counts; all that it offers are safe";
        nginx_http_ssl_dhparam: Text = "", Note "finite field Diffie-Hellman is not offered, only elliptic curves";
        nginx_http_ssl_session_tickets: Text = "", Used "the same as `ssl_session_tickets`, and stronger";
        nginx_http_ssl_session_timeout: Text = "", Note "tickets are good for at most 12 hours; their keys change that often";
        nginx_http_ssl_conf_command: Text = "", Warning "it is a command for OpenSSL, which is not here";
        nginx_http_proxy_ssl_conf_command: Text = "", Warning "it is a command for OpenSSL, which is not here";
        nginx_http_lua_ssl_conf_command: Text = "", Note "there are no Lua sockets";
        nginx_http_grpc_ssl_conf_command: Text = "", Warning "it is a command for OpenSSL, which is not here";
        nginx_stream_ssl_protocols: Text = "", Note "TCP, TLS and UDP are not proxied yet";
        nginx_stream_ssl_prefer_server_ciphers: Text = "", Note "TCP, TLS and UDP are not proxied yet";
        nginx_stream_ssl_dhparam: Text = "", Note "TCP, TLS and UDP are not proxied yet";
        nginx_stream_ssl_session_tickets: Text = "", Note "TCP, TLS and UDP are not proxied yet";
        nginx_stream_ssl_session_timeout: Text = "", Note "TCP, TLS and UDP are not proxied yet";
        nginx_stream_ssl_conf_command: Text = "", Note "TCP, TLS and UDP are not proxied yet";
        nginx_stream_proxy_ssl_conf_command: Text = "", Note "TCP, TLS and UDP are not proxied yet";
        nginx_stream_lua_ssl_conf_command: Text = "", Note "TCP, TLS and UDP are not proxied yet";
    },
};

pub(super) const BEHAVIOUR: Section = Section {
    title: "Requests and responses",
    properties: rows! {
        headers: List = "server_tokens, latency_tokens, x-kong-request-id", Used "which headers responses bear: `server_tokens`, `latency_tokens`, names, or `off`";
        headers_upstream: List = "x-kong-request-id", Used "which headers upstreams are sent: `X-Kong-Request-Id`, or `off`";
        trusted_ips: List = "", Used "peers whose forwarding headers and PROXY protocol are believed";
        real_ip_header: Text = "X-Real-IP", Used "where a trusted peer says who the client is: a header, or `proxy_protocol`";
        real_ip_recursive: Bool = "off", Used "whether trusted addresses in that header are skipped from the right";
        nginx_proxy_real_ip_header: Text = "X-Real-IP", Used "the same as `real_ip_header`, and stronger";
        nginx_proxy_real_ip_recursive: Bool = "off", Used "the same as `real_ip_recursive`, and stronger";
        error_default_type: Text = "text/plain", Used "layout of the engine's own errors for clients that say neither what they accept nor what they send";
        allow_debug_header: Bool = "off", Used "whether `Kong-Debug` in a request is answered with the ids and names of route and service";
        upstream_keepalive_pool_size: Number = "512", Used "idle connections kept to one endpoint, per worker; 0 keeps none";
        upstream_keepalive_max_requests: Number = "10000", Used "requests after which a connection to an upstream is closed; 0 for no limit";
        upstream_keepalive_idle_timeout: Number = "60", Used "seconds after which an idle connection to an upstream is closed; 0 never closes it";
    },
};

pub(super) const INJECTED: Section = Section {
    title: "Injected nginx directives that have a default",
    properties: rows! {
        nginx_http_client_max_body_size: Text = "0", Used "bytes that the body of a request may have, else 413; 0 for no limit";
        nginx_http_client_header_buffer_size: Text = "1k", Note "`nginx_http_large_client_header_buffers` is the limit; what a head needs is taken as it comes";
        nginx_http_large_client_header_buffers: Text = "4 8k", Used "the size is the limit of the request line (else 414) and of one header line, number times size that of the whole head (else 400)";
        nginx_http_client_body_buffer_size: Text = "8k", Used "bytes of a request's body that are read before the upstream is bothered, at least 64k; what is longer streams and does not go to the disk";
        client_body_buffer_size: Text = "8k", Used "the same as `nginx_http_client_body_buffer_size`";
        nginx_http_keepalive_requests: Text = "10000", Used "requests after which a client's connection is closed";
        nginx_http_charset: Text = "UTF-8", Used "charset that is added to the content types of texts, or `off`";
        nginx_http_lua_regex_match_limit: Text = "100000", Note "regular expressions take linear time here, whatever they look like";
        nginx_http_lua_regex_cache_max_entries: Text = "8192", Note "regular expressions are compiled once, with the configuration";
        nginx_admin_client_max_body_size: Text = "10m", Used "bytes that the body of a request to the management API may have";
        nginx_admin_client_body_buffer_size: Text = "10m", Note "bodies of the management API are read whole, up to `nginx_admin_client_max_body_size`";
    },
};
