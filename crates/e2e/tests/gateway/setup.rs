//! What many tests start with.

use tripylon_e2e::{Gateway, Start, Upstream};

/// A document that forwards everything to one upstream.
pub(crate) fn proxy_to(upstream: &Upstream) -> String {
    service(upstream.port(), "", "")
}

/// One service with one route for all paths, each with further lines (four spaces deep).
pub(crate) fn service(port: u16, of_service: &str, of_route: &str) -> String {
    format!(
        "_format_version: '3.0'\n\
         services:\n\
         - name: only\n  \
           url: http://127.0.0.1:{port}\n\
         {of_service}  routes:\n  \
           - name: all\n    \
             paths: [/]\n\
         {of_route}"
    )
}

/// A gateway that forwards everything to one upstream.
pub(crate) fn gateway(upstream: &Upstream) -> Gateway {
    Start::kong(proxy_to(upstream)).go()
}
