use super::*;

fn read(file: &str, environment: &[(&str, &str)]) -> (Settings, Vec<String>) {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let (settings, findings) =
        Settings::read(Some(("kong.conf", file)), environment, &Overrides::default());
    (settings, findings.iter().map(ToString::to_string).collect())
}

#[test]
fn defaults_are_silent() {
    let (settings, findings) = Settings::read(None, [], &Overrides::default());
    assert_eq!(findings.to_string(), "");
    let addresses: Vec<_> =
        settings.proxy_listen.iter().map(|listen| listen.address.to_string()).collect();
    assert_eq!(addresses, ["0.0.0.0:8000", "0.0.0.0:8443"]);
    assert_eq!(settings.admin_listen[0].address.to_string(), "127.0.0.1:8001");
    assert_eq!(settings.http.limits.header_line, 8192);
    assert_eq!(settings.http.limits.head, 32768);
    assert_eq!(settings.http.keepalive, std::time::Duration::from_secs(75));
    assert_eq!(settings.http.keepalive_requests, 10_000);
    assert_eq!(settings.voice.charset.as_deref(), Some("UTF-8"));
    assert!(settings.voice.headers.server && settings.voice.headers.request_id);
    assert!(settings.upstream_tls.trust_system && !settings.upstream_tls.verify);
}

#[test]
fn every_default_may_be_written_out() {
    let fixed = properties().filter(|property| !property.name.contains("XXX"));
    let file: String = fixed.map(|p| format!("{} = {}\n", p.name, p.default)).collect();
    let (_, findings) = read(&file, &[]);
    assert_eq!(findings, [""; 0]);
}

#[test]
fn the_environment_counts_more_than_the_file_and_the_command_line_most() {
    let file = "prefix = /a\nlog_level = info\n";
    let environment = [("KONG_PREFIX".to_owned(), "/b".to_owned())];
    let overrides = Overrides { properties: vec![("prefix".into(), "/c".into(), "-p /c".into())] };
    let (settings, _) =
        Settings::read(Some(("kong.conf", file)), environment.clone(), &Overrides::default());
    assert_eq!((settings.prefix.to_str(), settings.log_level), (Some("/b"), LogLevel::Info));
    let (settings, _) = Settings::read(Some(("kong.conf", file)), environment, &overrides);
    assert_eq!(settings.prefix.to_str(), Some("/c"));
}

#[test]
fn what_cannot_be_done_is_an_error() {
    let (_, findings) = read("database = postgres\n", &[("KONG_ROUTER_FLAVOR", "expressions")]);
    assert_eq!(
        findings,
        [
            "error[TRI1506]: `database = postgres`: databases are not supported yet; the configuration comes from files (`database = off`), which is the default here and not `postgres` (kong.conf:1:12)",
            "error[TRI1506]: `router_flavor = expressions`: only `traditional_compatible` is supported yet (environment variable KONG_ROUTER_FLAVOR)",
        ]
    );
}

#[test]
fn what_has_no_meaning_is_named() {
    let (_, findings) = read(
        "mem_cache_size = 512m\nnginx_http_ssl_conf_command = x\nenforce_rbac = on\nproxy_listner = 0.0.0.0:80\n",
        &[],
    );
    assert_eq!(
        findings,
        [
            "warning[TRI1507]: `enforce_rbac` is a property of Kong Enterprise and has no effect here (kong.conf:3:16)",
            "note[TRI1505]: `mem_cache_size` has no effect here: the configuration is in the memory of the process; there is no cache of it (kong.conf:1:18)",
            "warning[TRI1505]: `nginx_http_ssl_conf_command` has no effect here: it is a command for OpenSSL, which is not here (kong.conf:2:31)",
            "warning[TRI1503]: Kong has no property `proxy_listner` (kong.conf:4:17)",
        ]
    );
}

#[test]
fn names_are_resolved_by_the_client_that_is_chosen() {
    use model::RecordKind::{A, Aaaa, Srv};

    let resolver = |text: &str| {
        let (settings, findings) = read(text, &[]);
        (settings.resolver, findings)
    };
    let (default, _) = resolver("");
    assert_eq!((default.order, default.servers.len()), (vec![Srv, A, Aaaa], 0));
    assert_eq!(default.hosts_file.as_deref(), Some("/etc/hosts"));
    let (old, _) = resolver("dns_order = LAST,A,CNAME\ndns_resolver = 10.0.0.2, [::1]:54, ::2\n");
    let servers: Vec<_> = old.servers.iter().map(ToString::to_string).collect();
    assert_eq!((old.order, servers.join(" ")), (vec![A], "10.0.0.2:53 [::1]:54 [::2]:53".into()));
    let (new, _) = resolver("new_dns_client = on\nresolver_family = SRV,A,AAAA\n");
    assert_eq!(new.order, [A, Aaaa, Srv]);
    let (wrong, findings) = resolver("dns_order = A,MX\ndns_resolver = ns.test\n");
    assert_eq!((wrong.order, wrong.servers.len(), findings.len()), (vec![A], 0, 2));
}

#[test]
fn unknown_names_come_with_the_one_that_was_meant() {
    let (_, findings) =
        Settings::read(Some(("kong.conf", "proxy_listner = off\n")), [], &Overrides::default());
    let help = findings.iter().next().and_then(|finding| finding.help.clone());
    assert_eq!(help.as_deref(), Some("did you mean `proxy_listen` (KONG_PROXY_LISTEN)?"));
}

#[test]
fn variables_of_kubernetes_and_of_tools_are_no_properties() {
    let (_, findings) = read(
        "",
        &[
            ("KONG_PROXY_SERVICE_HOST", "10.0.0.1"),
            ("KONG_PROXY_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("KONG_PROXY_PORT", "tcp://10.0.0.1:80"),
            ("KONG_PROXY_SERVICE_PORT_KONG_PROXY", "80"),
            ("KONG_LICENSE_DATA", "x"),
        ],
    );
    assert_eq!(findings, [""; 0]);
    let (_, findings) = read("", &[("KONG_PG_PORT", "x")]);
    assert_eq!(findings.len(), 1, "pg_port is a property");
}

#[test]
fn injected_directives_are_understood() {
    let (settings, findings) = read(
        "nginx_proxy_client_max_body_size = 2k\nnginx_http_keepalive_timeout = 10s 9s\n",
        &[
            ("KONG_NGINX_HTTP_CLIENT_MAX_BODY_SIZE", "1k"),
            ("KONG_NGINX_HTTP_LARGE_CLIENT_HEADER_BUFFERS", "8 16k"),
            ("KONG_NGINX_HTTP_CLIENT_BODY_TIMEOUT", "5s"),
            ("KONG_NGINX_HTTP_IGNORE_INVALID_HEADERS", "off"),
        ],
    );
    assert_eq!(findings, [""; 0]);
    assert_eq!(settings.http.limits.body, 2048, "the inner context counts");
    assert_eq!(settings.http.keepalive, std::time::Duration::from_secs(10));
    assert_eq!(
        (settings.http.limits.header_line, settings.http.limits.head),
        (16 << 10, 128 << 10)
    );
    assert_eq!(settings.http.limits.body_timeout, std::time::Duration::from_secs(5));
    assert!(!settings.http.plain_header_names);
}

#[test]
fn directives_that_would_refuse_requests_are_errors() {
    let (_, findings) = read("nginx_http_deny = all\nnginx_http_gzip = on\n", &[]);
    assert_eq!(
        findings,
        [
            "error[TRI1508]: `nginx_http_deny`: the nginx directive `deny` has no effect here: requests would pass that it was to refuse; use the plugin `ip-restriction` or a firewall (kong.conf:1:19)",
            "warning[TRI1508]: `nginx_http_gzip`: the nginx directive `gzip` has no effect here: responses are passed on as the upstream encoded them (kong.conf:2:19)",
        ]
    );
}

#[test]
fn invalid_values_are_named_and_secrets_are_not_shown() {
    let (settings, findings) = read(
        "upstream_keepalive_pool_size = many\nproxy_listen = 8000\nredis_url = hunter2\ntrusted_ips = 10.0.0.0/8, x\n",
        &[],
    );
    assert_eq!(
        findings,
        [
            "error[TRI1504]: `proxy_listen`: `8000` names no port, in `8000` (kong.conf:2:16)",
            "error[TRI1504]: `upstream_keepalive_pool_size`: `many` is not a number (kong.conf:1:32)",
            "error[TRI1504]: `trusted_ips`: `x` is neither an address nor a network (kong.conf:4:15)",
            "error[TRI1504]: `redis_url`: its value is not `redis://[user:password@]host[:port][/database]`, or the same with `rediss://` for TLS (kong.conf:3:13)",
        ]
    );
    assert_eq!(settings.http.pool.max_idle, 512);
}

#[test]
fn old_tls_is_reported_and_new_tls_honoured() {
    let (settings, findings) = read("ssl_protocols = TLSv1.1 TLSv1.2\n", &[]);
    assert_eq!(settings.tls.versions, [model::TlsVersion::Tls12]);
    assert_eq!(
        findings,
        [
            "warning[TRI1509]: `ssl_protocols`: cannot be spoken: TLSv1.1 (RFC 8996) (kong.conf:1:17)"
        ]
    );
    let (_, findings) = read("ssl_protocols = TLSv1\n", &[]);
    assert!(
        findings[0].starts_with("error[TRI1504]: `ssl_protocols`: `TLSv1` is not a list with"),
        "{findings:?}"
    );
    let (settings, _) = read("ssl_cipher_suite = modern\n", &[]);
    assert_eq!(settings.tls.versions, [model::TlsVersion::Tls13]);
}

#[test]
fn secrets_come_from_the_environment_by_reference() {
    let (settings, findings) = read(
        "redis_url = {vault://env/redis-url}\npg_password = {vault://env/none}\nlog_level = {vault://aws/x}\n",
        &[("REDIS_URL", "redis://cache.test")],
    );
    assert_eq!(settings.redis.map(|redis| redis.host).as_deref(), Some("cache.test"));
    assert_eq!(
        findings,
        [
            "error[TRI1510]: `log_level`: the vault `aws` is not supported, `env` is (kong.conf:3:13)",
            "error[TRI1510]: `pg_password`: the environment variable NONE is not set (kong.conf:2:15)",
        ]
    );
}

#[test]
fn certificates_need_their_keys() {
    let (_, findings) =
        read("ssl_cert = a.pem, b.pem\nssl_cert_key = a.key\nclient_ssl = on\n", &[]);
    assert_eq!(
        findings,
        [
            "error[TRI1504]: `ssl_cert` names 2 certificates and `ssl_cert_key` names 1 key: each certificate needs its key (kong.conf:1:12)",
            "error[TRI1504]: `client_ssl = on` needs `client_ssl_cert` and `client_ssl_cert_key` (kong.conf:3:14)",
        ]
    );
}

#[test]
fn effective_values_are_typed_and_secrets_starred() {
    let (settings, _) = read("pg_password = hunter2\ntrusted_ips = 10.0.0.0/8, ::1\n", &[]);
    let effective = settings.effective();
    assert_eq!(effective["pg_password"], "******");
    assert_eq!(effective["trusted_ips"], serde_json::json!(["10.0.0.0/8", "::1"]));
    assert_eq!(effective["upstream_keepalive_pool_size"], 512);
    assert_eq!(effective["allow_debug_header"], false);
    assert_eq!(effective["declarative_config"], serde_json::Value::Null);
}

proptest::proptest! {
    #[test]
    fn no_value_breaks_the_reader(index in 0usize..215, value in "\\PC{0,20}") {
        let name = properties().nth(index).map(|property| property.variable()).unwrap_or_default();
        read("", &[(&name, &value)]);
    }
}
