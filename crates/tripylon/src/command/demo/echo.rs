//! An upstream that answers with what it has seen.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::{io, thread};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::IntoResponse;
use serde_json::json;

/// Starts it on a free port of the loopback address, on a thread that ends with the process.
///
/// # Errors
/// If the system gives no port or no thread.
pub(super) fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("echo".into()).spawn(move || {
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, Router::new().fallback(echo)).await
        });
        if let Err(error) = served {
            tracing::error!("the sample's upstream has ended: {error}");
        }
    })?;
    Ok(address)
}

async fn echo(method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in &headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        fields
            .entry(name.as_str())
            .and_modify(|values| *values = format!("{values}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    let seen = json!({
        "method": method.as_str(),
        "target": uri.to_string(),
        "headers": fields,
        "body": String::from_utf8_lossy(&body),
    });
    ([(CONTENT_TYPE, "application/json")], format!("{seen:#}\n"))
}
