//! Findings about documents: `TRI10xx`.

config::codes! {
    /// A value that breaks a rule of its field.
    INVALID_FIELD = {
        code: "TRI1001",
        name: "kong-invalid-value",
        severity: Error,
        title: "value that breaks a rule of its field",
        means: "Kong's schema has a rule for the field that the value breaks. The message is the one that Kong gives.",
        mend: "Change the value so that it does what the message says.",
        example: "routes:\n- name: orders\n  paths: [orders]     # /orders\n",
    }

    /// Fields that do not go together.
    FIELDS_DISAGREE = {
        code: "TRI1002",
        name: "kong-fields-disagree",
        severity: Error,
        title: "fields that do not go together",
        means: "Each field is well, but not all of them together: one is missing that another one needs, or two are set of which only one may be.",
        mend: "Set or remove one of the fields that the message names.",
        example: "consumers:\n- tags: [vip]     # neither `username` nor `custom_id`\n",
    }

    /// A field that may not be set here.
    FIELD_NOT_ALLOWED = {
        code: "TRI1003",
        name: "kong-field-not-allowed",
        severity: Error,
        title: "field that may not be set here",
        means: "The field exists, but has no meaning for an entity like this one, for example for its protocol or its plugin.",
        mend: "Remove the field, or change what rules it out.",
        example: "services:\n- host: orders\n  protocol: http\n  tls_verify: true     # only with https and tls\n",
    }

    /// A plugin that does not exist.
    UNKNOWN_PLUGIN = {
        code: "TRI1004",
        name: "kong-unknown-plugin",
        severity: Error,
        title: "unknown plugin",
        means: "Kong has no plugin of this name built in.",
        mend: "Correct the name. A plugin that you wrote yourself or bought cannot run here; `--skip-unknown-plugins` leaves it out, and with it whatever it did for the requests.",
        example: "plugins:\n- name: rate-limit     # rate-limiting\n",
    }

    /// A plugin that Kong has and this gateway has not.
    PLUGIN_NOT_OFFERED = {
        code: "TRI1005",
        name: "kong-plugin-not-offered",
        severity: Error,
        title: "plugin that is not offered yet",
        means: "Kong has this plugin, and its configuration was checked, but this gateway cannot run it yet. It is an error, because without the plugin requests would be treated differently: let through, for example, that the plugin would refuse.",
        mend: "Remove the plugin, or run with `--skip-unknown-plugins` to leave it out.",
        example: "plugins:\n- name: acme\n",
    }

    /// A plugin that was left out.
    PLUGIN_SKIPPED = {
        code: "TRI1006",
        name: "kong-plugin-skipped",
        severity: Warning,
        title: "plugin left out",
        means: "The plugin cannot run here and `--skip-unknown-plugins` is set, so the gateway runs as if the plugin were not written.",
        mend: "Nothing has to be done. Make sure that nothing relies on the plugin, access control above all.",
        example: "plugins:\n- name: acme\n",
    }

    /// A document without a version that is known.
    FORMAT_VERSION = {
        code: "TRI1007",
        name: "kong-format-version",
        severity: Error,
        title: "format version missing or unknown",
        means: "A declarative configuration says at its top in which version of the format it is written: \"1.1\", \"2.1\" or \"3.0\", as a text.",
        mend: "Write `_format_version: \"3.0\"`, with the quotes: without them YAML reads a number.",
        example: "_format_version: 3.0     # \"3.0\"\n",
    }

    /// A field of decK's.
    DECK_FIELD = {
        code: "TRI1008",
        name: "deck-field",
        severity: Error,
        title: "field that only decK understands",
        means: "decK, the tool that synchronises files with a running Kong, has fields of its own. Kong itself refuses them, and so does this gateway, because they change what the rest of the file means.",
        mend: "Let decK resolve them: `deck file render FILE` writes a file without them.",
        example: "_format_version: \"3.0\"\n_info:\n  select_tags: [team-a]\n",
    }

    /// A template of decK's.
    DECK_TEMPLATE = {
        code: "TRI1009",
        name: "deck-template",
        severity: Error,
        title: "template that only decK fills in",
        means: "decK replaces `${{ env \"DECK_NAME\" }}` by an environment variable before Kong sees the file. Kong itself would take the template as it stands, for a password for example, so it is refused here.",
        mend: "Let decK fill it in: `deck file render FILE --populate-env-vars`.",
        example: "consumers:\n- username: ${{ env \"DECK_USER\" }}\n",
    }

    /// A field that should not be used any more.
    DEPRECATED_FIELD = {
        code: "TRI1010",
        name: "kong-deprecated-field",
        severity: Warning,
        title: "deprecated field",
        means: "The field works, but Kong is going to remove it.",
        mend: "Use the field that the message names.",
        example: "plugins:\n- name: rate-limiting\n  config:\n    minute: 5\n    redis_host: redis     # redis: {host: redis}\n",
    }

    /// A plugin that runs before its scope is known.
    PLUGIN_WITHOUT_EFFECT = {
        code: "TRI1011",
        name: "kong-plugin-without-effect",
        severity: Warning,
        title: "plugin without effect",
        means: "The plugin stands within a consumer, but works before it is known who calls, or finds that out itself. Kong accepts it there and never runs it.",
        mend: "Put it into a service or route, or to the top of the document.",
        example: "consumers:\n- username: alice\n  plugins:\n  - name: key-auth\n",
    }
}
