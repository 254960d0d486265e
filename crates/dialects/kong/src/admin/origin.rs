//! Which pages in a browser may talk to the API.
//!
//! Nobody has to log in here, so whatever page a user of this machine looks at could read secrets and
//! change the configuration. Kong lets every page do so; here only pages of this machine and of
//! `admin_gui_url` may.

use std::net::IpAddr;

use hyper::Method;
use hyper::header::ORIGIN;
use serde_json::Value;
use url::{Host, Url};

use super::failure::Failure;
use super::request::Request;
use crate::settings::Settings;

/// The pages that may talk to the API.
pub(super) struct Origins {
    /// As browsers write them: `https://gui.example:8445`.
    named: Vec<String>,
}

impl Origins {
    pub(super) fn of(settings: &Settings) -> Self {
        let property = settings.effective().remove("admin_gui_url");
        let urls = match &property {
            Some(Value::Array(urls)) => urls.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let origin = |url: &str| Some(Url::parse(url).ok()?.origin().ascii_serialization());
        Self { named: urls.into_iter().filter_map(origin).collect() }
    }

    /// Refuses what would change something for a page that may not.
    pub(super) fn check(&self, request: &Request) -> Result<(), Failure> {
        let changes = !matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
        match request.header(ORIGIN) {
            Some(origin) if changes && !self.admit(origin) => Err(Failure::ForeignOrigin),
            _ => Ok(()),
        }
    }

    /// What `Access-Control-Allow-Origin` says to a page, if it may read the answer. Whoever is no
    /// page hears the same as from Kong.
    pub(super) fn allowed<'o>(&self, origin: Option<&'o str>) -> Option<&'o str> {
        match origin {
            None => Some("*"),
            Some(origin) => self.admit(origin).then_some(origin),
        }
    }

    fn admit(&self, origin: &str) -> bool {
        self.named.iter().any(|named| named == origin) || is_of_this_machine(origin)
    }
}

fn is_of_this_machine(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_sites_hear_nothing() {
        let origins = Origins { named: vec!["https://gui.example:8445".into()] };
        for own in [
            "http://localhost:8002",
            "http://[::1]",
            "http://127.1.2.3:1",
            "https://gui.example:8445",
        ] {
            assert_eq!(origins.allowed(Some(own)), Some(own));
        }
        for foreign in ["https://evil.example", "http://localhost.evil.example", "null", ""] {
            assert_eq!(origins.allowed(Some(foreign)), None);
        }
        assert_eq!(origins.allowed(None), Some("*"));
    }
}
