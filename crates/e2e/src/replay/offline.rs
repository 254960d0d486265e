//! Recorded cases asked of `tripylon explain`: offline it must say what was seen on the wire.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::case::{Case, Listener, Step};
use super::compare::Difference;
use crate::gateway::run_to_end;

/// How what is explained differs from what was recorded.
pub(super) fn explain(case: &Case) -> Vec<Difference> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("kong.yml"), &case.config).expect("the folder is new");
    let steps = case.steps.iter().enumerate();
    steps
        .filter_map(|(n, step)| {
            let (wanted, got) = (wanted(step)?, explained(case, step, &folder));
            let differs = wanted != got;
            let difference = Difference::new("explain", wanted, got);
            differs.then_some(Difference { step: Some(n), ..difference })
        })
        .collect()
}

/// Where the recorded request was sent, or `nowhere` if no route took it; `None` if what came of
/// it was not decided by routes alone.
fn wanted(step: &Step) -> Option<String> {
    match (step.response.status, step.upstream_saw.as_slice()) {
        (200, [seen]) => Some(format!("http://127.0.0.1:{}{}", seen.port, seen.target)),
        (404, []) => Some("nowhere".to_owned()),
        _ => None,
    }
}

fn explained(case: &Case, step: &Step, folder: &TempDir) -> String {
    let request = &step.request;
    let scheme = match request.listener {
        Listener::ProxyTls => "https",
        _ => "http",
    };
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = host.map_or("localhost", |(_, value)| value.as_str());
    let name = host.split(':').next().unwrap_or_default();
    let url = match request.target.starts_with('/') {
        true => format!("{scheme}://{name}{}", request.target),
        false => request.target.clone(),
    };
    let mut arguments = vec!["explain", "--format", "json", &request.method, &url];
    let fields: Vec<String> = request.headers.iter().map(|(n, v)| format!("{n}: {v}")).collect();
    arguments.extend(fields.iter().flat_map(|field| ["-H", field]));
    if let Some(sni) = &request.sni {
        arguments.extend(["--sni", sni]);
    }
    let document = folder.path().join("kong.yml");
    arguments.push(document.to_str().expect("temporary folders have plain names"));
    let environment: Vec<(&str, &str)> =
        case.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let output = run_to_end(&arguments, &environment);
    let Ok(answer) = serde_json::from_slice::<Value>(&output.stdout) else {
        return String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    };
    let endpoint = &answer["action"]["upstreams"][0]["endpoints"][0]["url"];
    endpoint.as_str().unwrap_or("nowhere").to_owned()
}
