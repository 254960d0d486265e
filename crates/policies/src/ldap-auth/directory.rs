//! An LDAP directory, asked whether somebody has a password.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use filter::{Problem, WorkerCx};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings};
use rustls::ClientConfig;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::config::{ServerConfig, TlsConfig};
use crate::tls::{self, Trust};

/// A directory, as it is configured.
pub(super) struct Directory {
    server: ServerConfig,
    url: String,
    /// Whose certificates are believed; any will do without.
    trust: Option<Trust>,
    tls: OnceCell<Arc<ClientConfig>>,
}

/// A worker's connections to a directory.
pub(super) struct Links {
    directory: Arc<Directory>,
    cx: WorkerCx,
    idle: RefCell<Vec<Idle>>,
}

struct Idle {
    link: Ldap,
    /// Until when it is kept, in microseconds of [`filter::Now::mono_us`].
    until: u64,
}

/// More connections than this are not kept.
const KEPT: usize = 32;

/// Results of a bind that say something about name and password (RFC 4511 section 4.1.9): not so
/// for `busy`, `unavailable` and their like.
const REFUSALS: [u32; 6] = [
    32, // noSuchObject
    34, // invalidDNSyntax
    48, // inappropriateAuthentication
    49, // invalidCredentials
    50, // insufficientAccessRights
    53, // unwillingToPerform
];

impl Directory {
    pub(super) fn prepare(server: ServerConfig, problems: &mut Vec<Problem>) -> Self {
        let verified = server.verify && server.tls != TlsConfig::None;
        let trust = verified.then(|| {
            tls::trust(&server.authorities, "/server/authorities", "`verify`", problems)
        });
        let scheme = if server.tls == TlsConfig::Tls { "ldaps" } else { "ldap" };
        let url = match server.host.parse() {
            Ok(IpAddr::V6(address)) => format!("{scheme}://[{address}]:{}", server.port),
            _ => format!("{scheme}://{}:{}", server.host, server.port),
        };
        Self { server, url, trust, tls: OnceCell::new() }
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(self.server.timeout_ms)
    }

    async fn settings(&self) -> Result<LdapConnSettings, String> {
        let settings = LdapConnSettings::new();
        if self.server.tls == TlsConfig::None {
            return Ok(settings);
        }
        let config = self.tls.get_or_try_init(|| self.tls_config()).await?;
        let starts = self.server.tls == TlsConfig::StartTls;
        Ok(settings.set_config(Arc::clone(config)).set_starttls(starts))
    }

    /// Reading the system's authorities takes a while: once, and not on the worker's thread.
    async fn tls_config(&self) -> Result<Arc<ClientConfig>, String> {
        let Some(trust) = self.trust.clone() else { return Ok(Arc::new(tls::trusting())) };
        let roots = tokio::task::spawn_blocking(move || tls::roots(&trust)).await;
        tls::verifying(roots.map_err(|error| error.to_string())?).map(Arc::new)
    }
}

impl Links {
    pub(super) fn new(directory: Arc<Directory>, cx: &WorkerCx) -> Self {
        Self { directory, cx: cx.clone(), idle: RefCell::default() }
    }

    /// Whether the directory lets an entry bind with a password (RFC 4513 section 5.1.3).
    ///
    /// # Errors
    /// Why the directory gave no answer.
    pub(super) async fn binds(&self, entry: &str, password: &str) -> Result<bool, String> {
        // One that was kept may have been closed meanwhile.
        while let Some(link) = self.kept() {
            if let Ok(answer) = self.ask(link, entry, password).await {
                return answer;
            }
        }
        let link = self.dial().await?;
        self.ask(link, entry, password).await?
    }

    /// The outer error is one of the connection, the inner one what the directory says.
    async fn ask(
        &self,
        mut link: Ldap,
        entry: &str,
        password: &str,
    ) -> Result<Result<bool, String>, String> {
        let bound = link.with_timeout(self.directory.limit()).simple_bind(entry, password).await;
        let result = bound.map_err(|error| format!("no answer: {error}"))?;
        self.keep(link);
        Ok(match result.rc {
            0 => Ok(true),
            code if REFUSALS.contains(&code) => Ok(false),
            code => Err(format!("result {code}: {}", result.text)),
        })
    }

    async fn dial(&self) -> Result<Ldap, String> {
        let limit = self.directory.limit();
        let dial = async {
            let settings = self.directory.settings().await?;
            let link = LdapConnAsync::with_settings(settings, &self.directory.url).await;
            link.map_err(|error| format!("no connection: {error}"))
        };
        let late = || Err(format!("no connection within {} ms", limit.as_millis()));
        let (driver, link) = timeout(limit, dial).await.unwrap_or_else(|_| late())?;
        (self.cx.spawn)(Box::pin(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "a connection to a directory broke");
            }
        }));
        Ok(link)
    }

    fn kept(&self) -> Option<Ldap> {
        let now = self.cx.clock.now().mono_us;
        let mut idle = self.idle.borrow_mut();
        idle.retain(|idle| idle.until > now);
        idle.pop().map(|idle| idle.link)
    }

    fn keep(&self, link: Ldap) {
        let keepalive = self.directory.server.keepalive_ms.saturating_mul(1000);
        let until = self.cx.clock.now().mono_us.saturating_add(keepalive);
        let mut idle = self.idle.borrow_mut();
        if idle.len() < KEPT {
            idle.push(Idle { link, until });
        }
    }
}
