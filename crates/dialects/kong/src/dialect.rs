//! Kong as one of the gateway's dialects.

use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac};
use config::{Document, Findings, Sources};
use control::{Dialect, Documents, Translation, View};
use uuid::Uuid;

use crate::declarative::{self, Loaded};
use crate::entities::Entities;
use crate::schema::{Catalogue, RouterFlavor};
use crate::settings::{Redis, Settings};
use crate::tables::Tables;
use crate::translate;

/// Kong's declarative configuration, as the settings of `kong.conf` and the environment have it
/// understood.
#[derive(Debug)]
pub struct Kong {
    settings: Settings,
    options: Options,
    /// When the settings were read, in seconds since the epoch: when entities are created that do
    /// not say it themselves.
    now: i64,
}

/// What the command line says about Kong's documents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Leave out plugins that cannot run here, with a warning, instead of refusing the document.
    pub skip_unknown_plugins: bool,
    /// The Redis of plugins that ask for one and name none. It counts more than that of the
    /// settings.
    pub redis: Option<RedisDefault>,
    /// Serve an empty configuration if there is no document, as Kong does.
    pub without_document: bool,
}

/// A Redis for plugins that ask for one and name none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisDefault {
    /// Where it is.
    pub redis: Redis,
    /// What named it, for messages: "`--redis`".
    pub source: String,
}

impl RedisDefault {
    /// Reads `redis://[user:password@]host[:port][/database]`, or the same with `rediss://` for
    /// TLS. `source` is what named it.
    pub fn parse(url: &str, source: &str) -> Option<Self> {
        Some(Self { redis: Redis::parse(url)?, source: source.to_owned() })
    }
}

/// What runs, as Kong's management API shows it: the dialect's view ([`control::View`]).
pub struct Configuration {
    /// All entities.
    pub(crate) tables: Tables,
    /// 32 hexadecimal digits that change with the documents; zeros if there is none.
    pub hash: String,
}

impl Configuration {
    pub(crate) fn new(entities: Entities, hash: String) -> Self {
        let tables = Tables::of(entities, Catalogue::of(FLAVOR));
        Self { tables, hash }
    }
}

/// Which router routes are written for.
const FLAVOR: RouterFlavor = RouterFlavor::TraditionalCompatible;

impl Kong {
    /// The dialect under these settings, whose files have been read
    /// ([`Settings::load_files`]).
    pub fn new(settings: Settings, options: Options) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { settings, options, now: i64::try_from(now).unwrap_or(i64::MAX) }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Reads entities out of documents, as a translation does.
    pub fn load(&self, sources: &Sources, documents: &[&Document]) -> Loaded {
        declarative::load(sources, documents, &self.declarative())
    }

    /// How documents are read.
    pub(crate) fn declarative(&self) -> declarative::Options<'static> {
        declarative::Options {
            now: self.now,
            flavor: FLAVOR,
            runnable: &translate::is_offered,
            skip_unknown_plugins: self.options.skip_unknown_plugins
                || self.settings.skip_unknown_plugins,
            redis_default: self.default_redis().is_some(),
            secret: &made_up,
        }
    }

    fn default_redis(&self) -> Option<RedisDefault> {
        self.options.redis.clone().or_else(|| {
            let redis = self.settings.redis.clone()?;
            Some(RedisDefault { redis, source: "`redis_url`".into() })
        })
    }
}

impl Dialect for Kong {
    fn name(&self) -> &'static str {
        "kong"
    }

    fn recognises(&self, document: &Document) -> bool {
        declarative::recognises(document)
    }

    fn mark(&self) -> &'static str {
        "`_format_version` at its top"
    }

    fn stands_alone(&self) -> bool {
        self.options.without_document
            || self.settings.declarative_config.is_some()
            || self.settings.declarative_config_string.is_some()
    }

    fn translate(&self, documents: &Documents<'_>) -> Translation {
        let Loaded { entities, mut findings, .. } = match documents.items.as_slice() {
            [] => {
                Loaded { entities: Entities::default(), findings: Findings::new(), refusal: None }
            }
            items => self.load(documents.sources, items),
        };
        let redis = self.default_redis();
        let input = translate::Input { entities: &entities, settings: &self.settings, redis };
        let model = translate::translate(input, &mut findings);
        let hash = hash(documents);
        let view = || -> View { Arc::new(Configuration::new(entities, hash)) };
        Translation { model, findings, view: Some(Box::new(view)) }
    }
}

/// A digest of the texts. Kong's is the MD5 of one; who reads it compares it with another of the
/// same gateway only.
pub(crate) fn hash(documents: &Documents<'_>) -> String {
    if documents.items.is_empty() {
        return "0".repeat(32);
    }
    let mut context = digest::Context::new(&digest::SHA256);
    for document in &documents.items {
        context.update(documents.sources.slice(document.root.span).as_bytes());
        context.update(&[0]);
    }
    hex::encode(&context.finish().as_ref()[..16])
}

/// A secret for a purpose: the same for as long as the process runs.
fn made_up(purpose: &str) -> String {
    static KEY: OnceLock<hmac::Key> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        let random = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        hmac::Key::new(hmac::HMAC_SHA256, &random)
    });
    hex::encode(&hmac::sign(key, purpose.as_bytes()).as_ref()[..16])
}
