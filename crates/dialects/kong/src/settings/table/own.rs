//! Properties that Kong does not have.

use super::{Section, rows};

pub(super) const SECTION: Section = Section {
    title: "Of this gateway",
    properties: rows! {
        redis_url: Secret = "", Used "`redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS: the Redis that plugins use which ask for one and name no host; `--redis` says the same";
        skip_unknown_plugins: Bool = "off", Used "whether the gateway starts although a plugin is configured that it does not have; `--skip-unknown-plugins` says the same";
    },
};
