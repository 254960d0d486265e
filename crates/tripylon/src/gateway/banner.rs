//! What a gateway says when it begins to serve.

use std::net::SocketAddr;

use control::State;

use super::TARGET;
use super::log::ErrorLog;
use crate::output;

/// What is served, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Serving {
    /// How many routes there are.
    routes: usize,
    /// Where they come from, by label.
    documents: Vec<String>,
    /// Where requests are taken: `http://0.0.0.0:8000`.
    pub(crate) proxy: Vec<String>,
    /// Where else something answers, and what.
    others: Vec<(&'static str, String)>,
}

impl Serving {
    /// Of an engine, what runs on it, its management API and its status address.
    pub(crate) fn new(
        engine: &dataplane::Gateway,
        state: &State,
        admin: impl Iterator<Item = String>,
        status: Option<SocketAddr>,
    ) -> Self {
        let tls = |id: &model::ListenerId| {
            state.listeners.iter().any(|listener| listener.id == *id && listener.tls)
        };
        let url = |(id, address): (model::ListenerId, SocketAddr)| {
            format!("{}://{address}", if tls(&id) { "https" } else { "http" })
        };
        Self {
            routes: state.routes,
            documents: state.documents.iter().map(ToString::to_string).collect(),
            proxy: engine.addresses().into_iter().map(url).collect(),
            others: admin
                .map(|url| ("admin API", url))
                .chain(status.map(|address| ("status", format!("http://{address}"))))
                .collect(),
        }
    }

    /// Says it in the error log.
    pub(crate) fn announce(&self, log: &ErrorLog) {
        if log.is_for_people() {
            tracing::info!(target: TARGET, "{}", self.line());
            return;
        }
        let (proxy, documents) = (self.proxy.join(" "), self.documents.join(" "));
        tracing::info!(target: TARGET, routes = self.routes, proxy, documents, "serving");
    }

    fn line(&self) -> String {
        let documents = match self.documents.as_slice() {
            [] => "no document".to_owned(),
            few @ ([_] | [_, _] | [_, _, _]) => few.join(", "),
            many => output::count(many.len(), "document"),
        };
        let routes = output::count(self.routes, "route");
        let mut line = format!("serving {routes} of {documents} on {}", self.proxy.join(" and "));
        for (what, url) in &self.others {
            line += &format!("; {what} on {url}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_says_what_is_served_where() {
        let mut serving = Serving {
            routes: 1,
            documents: vec!["kong.yml".into()],
            proxy: vec!["http://0.0.0.0:8000".into(), "https://0.0.0.0:8443".into()],
            others: vec![("status", "http://127.0.0.1:8100".into())],
        };
        assert_eq!(
            serving.line(),
            "serving 1 route of kong.yml on http://0.0.0.0:8000 and https://0.0.0.0:8443; \
             status on http://127.0.0.1:8100"
        );
        serving.documents = vec!["a".into(); 4];
        assert!(serving.line().contains("1 route of 4 documents on"));
    }
}
