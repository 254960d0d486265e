//! Findings about settings: `TRI15xx`.

config::codes! {
    /// A line of `kong.conf` that sets nothing.
    CONF_SYNTAX = {
        code: "TRI1501",
        name: "kong-conf-syntax",
        severity: Error,
        title: "line of kong.conf that sets nothing",
        means: "A line of `kong.conf` is empty, a comment, or `name = value`. This one is none of them, so that what it was to set is not set.",
        mend: "Write `name = value`, or put `#` in front of the line. A `#` within a value is written `\\#`.",
        example: "proxy_listen 0.0.0.0:8000     # `proxy_listen = 0.0.0.0:8000`\n",
    }

    /// A property that is set twice in one file.
    DUPLICATE_PROPERTY = {
        code: "TRI1502",
        name: "duplicate-property",
        severity: Warning,
        title: "property set twice",
        means: "The file sets the property more than once. The last line counts, as in Kong.",
        mend: "Remove all lines but one.",
        example: "log_level = info\nlog_level = debug     # this one counts\n",
    }

    /// A property that neither Kong nor this gateway has.
    UNKNOWN_PROPERTY = {
        code: "TRI1503",
        name: "unknown-property",
        severity: Warning,
        title: "unknown property",
        means: "Kong has no property of this name, in `kong.conf` or as an environment variable `KONG_<NAME>`. It is a warning and not an error, because environments hold variables of other programs too.",
        mend: "Correct the name, or remove it.",
        example: "KONG_PROXY_LISTENER=0.0.0.0:8000     # KONG_PROXY_LISTEN\n",
    }

    /// A value that the property does not take.
    INVALID_VALUE = {
        code: "TRI1504",
        name: "invalid-property",
        severity: Error,
        title: "invalid value of a property",
        means: "The value is not of the form that the property takes. The gateway does not start with a guess.",
        mend: "Write the value as the message says.",
        example: "upstream_keepalive_pool_size = many     # a number\n",
    }

    /// A property that is understood and has no meaning here.
    NO_MEANING = {
        code: "TRI1505",
        name: "property-without-meaning",
        severity: Note,
        title: "property without meaning",
        means: "The property is one of Kong's that has nothing to act on in this gateway. As a note, nothing is lost; as a warning, something will be different from Kong: the message says what. `docs/kong-settings.md` lists every property.",
        mend: "Remove the property where only this gateway reads it, or do what the message proposes.",
        example: "mem_cache_size = 512m     # there is no cache of the configuration here\n",
    }

    /// A property that asks for what the gateway cannot do.
    UNSUPPORTED = {
        code: "TRI1506",
        name: "unsupported-setting",
        severity: Error,
        title: "setting that is not supported",
        means: "The property asks for something that this gateway does not do yet, and going on without it would serve other traffic, or serve it otherwise, than was asked for.",
        mend: "Remove the property, or give it a value that is supported; the message names one.",
        example: "stream_listen = 0.0.0.0:9000     # off\n",
    }

    /// A property of Kong Enterprise.
    ENTERPRISE_PROPERTY = {
        code: "TRI1507",
        name: "enterprise-property",
        severity: Warning,
        title: "property of Kong Enterprise",
        means: "Only Kong Enterprise and Konnect have this property. What it controls is not here, so that it has no effect.",
        mend: "Remove it where only this gateway reads it.",
        example: "enforce_rbac = on\n",
    }

    /// An nginx directive that has nothing to act on.
    DIRECTIVE = {
        code: "TRI1508",
        name: "nginx-directive",
        severity: Warning,
        title: "nginx directive without effect",
        means: "Kong writes `nginx_<context>_<directive>` into the configuration of nginx. There is no nginx here: some directives are understood, the others have no effect. One that would refuse requests (`deny`, `auth_basic`, …) is an error, because without it they would pass.",
        mend: "Do what the message proposes, or remove the property.",
        example: "nginx_http_gzip = on     # responses are not compressed\n",
    }

    /// A version of TLS or a cipher suite that is not offered.
    WEAK_TLS = {
        code: "TRI1509",
        name: "weak-tls",
        severity: Warning,
        title: "TLS version or cipher suite that is not offered",
        means: "The gateway speaks TLS 1.2 and 1.3 with suites that have forward secrecy and authenticated encryption. Older versions and other suites are not built in, so clients that know nothing better cannot connect.",
        mend: "Remove the version or suite from the list.",
        example: "ssl_protocols = TLSv1.1 TLSv1.2     # TLSv1.2 TLSv1.3\n",
    }

    /// A vault reference that leads nowhere.
    VAULT_REFERENCE = {
        code: "TRI1510",
        name: "vault-reference",
        severity: Error,
        title: "vault reference that leads nowhere",
        means: "The value is a reference of the form `{vault://…}`, and what it refers to could not be had: the reference is malformed, its vault is not supported (`env` is), or the vault has no such secret.",
        mend: "Correct the reference, or set the environment variable that it names.",
        example: "pg_password = {vault://env/db-password}     # DB_PASSWORD is not set\n",
    }

    /// A file that a setting names and that cannot be used.
    SETTING_FILE = {
        code: "TRI1511",
        name: "setting-file",
        severity: Error,
        title: "file of a setting cannot be used",
        means: "A property names a file (a certificate, a key, an error layout) that cannot be read or does not hold what it should.",
        mend: "Correct the path, or the file and its permissions.",
        example: "ssl_cert = /etc/kong/missing.pem\n",
    }
}
