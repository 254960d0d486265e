//! `GENERAL`.

use super::{Section, rows};

pub(super) const SECTION: Section = Section {
    title: "General",
    properties: rows! {
        prefix: Text = "/usr/local/kong/", Used "folder of the pid file, the log files and the sockets; relative log paths start here";
        log_level: Text = "notice", Used "level of the error log; `crit`, `alert` and `emerg` count as `error`";
        proxy_access_log: Text = "logs/access.log", Used "file of the access log, relative to `prefix`, or `off`; a second word names the format (`combined`, `json`)";
        proxy_error_log: Text = "logs/error.log", Used "file of the error log, relative to `prefix`; a second word is its level";
        proxy_stream_access_log: Text = "logs/access.log basic", Note "TCP and UDP are not proxied yet, so there is nothing to log" ["off"];
        proxy_stream_error_log: Text = "logs/error.log", Note "TCP and UDP are not proxied yet; there is one error log" ["off"];
        admin_access_log: Text = "logs/admin_access.log", Note "requests to the management API are told in the error log, at level `info`" ["off"];
        admin_error_log: Text = "logs/error.log", Note "there is one error log: `proxy_error_log`" ["off"];
        status_access_log: Text = "off", Note "requests to the status listener are not logged";
        status_error_log: Text = "logs/status_error.log", Note "there is one error log: `proxy_error_log`" ["off"];
        vaults: List = "bundled", Used "which vaults may be asked for secrets; of those bundled, `env` is here";
        plugins: List = "bundled", Used "which plugins may be configured: `bundled`, `off`, names";
        dedicated_config_processing: Bool = "on", Note "configuration is always translated outside the workers";
        pluginserver_names: List = "", Error "external plugin servers are not supported yet, and a request must not pass without a plugin that was to see it" ["off"];
        pluginserver_XXX_socket: Text = "<prefix>/<XXX>.socket", Note "means something only with `pluginserver_names`";
        pluginserver_XXX_start_cmd: Text = "/usr/local/bin/<XXX>", Note "means something only with `pluginserver_names`";
        pluginserver_XXX_query_cmd: Text = "/usr/local/bin/query_<XXX>", Note "means something only with `pluginserver_names`";
        port_maps: List = "", Used "`published:listening` pairs of ports: upstreams are told the published one";
        host_ports: Text = "", Note "Kong's own result of `port_maps`; set that instead";
        anonymous_reports: Bool = "on", Used "nothing is ever reported to anyone, whatever this says";
        proxy_server: Text = "", Warning "no plugin here is told to go through it; upstreams are always connected to directly, with Kong too";
        proxy_server_ssl_verify: Bool = "on", Note "means something only with `proxy_server`";
        error_template_html: Text = "", Used "file with the HTML layout of errors; `%s` twice: message, request id";
        error_template_json: Text = "", Used "file with the JSON layout of errors; `%s` twice: message, request id";
        error_template_xml: Text = "", Used "file with the XML layout of errors; `%s` twice: message, request id";
        error_template_plain: Text = "", Used "file with the plain text layout of errors; `%s` twice: message, request id";
        tracing_instrumentations: List = "off", Warning "requests are not traced yet";
        tracing_sampling_rate: Number = "0.01", Note "requests are not traced yet";
        opentelemetry_tracing: Text = "off", Warning "Kong removed it; `tracing_instrumentations` is its successor, and requests are not traced yet here";
        opentelemetry_tracing_sampling_rate: Number = "0.01", Note "Kong removed it; requests are not traced yet here";
        kic: Bool = "off", Note "changed only what Kong reported";
    },
};
