//! An answer for people.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::answer::{ActionView, Answer, CandidateView, Outcome, PolicyView, UpstreamView};
use super::config::Setting;
use crate::output::{ERROR, FAINT, GOOD, HEADING, styled};
use crate::words;

/// The answer on a screen.
pub(super) fn show(answer: &Answer) -> String {
    let mut out = format!("{} {}\n", styled(HEADING, &answer.method), answer.url);
    let listener = &answer.listener;
    let origin = styled(FAINT, &listener.origin.to_string());
    let _ = writeln!(out, "arrives at {}  {origin}", listener.address);
    if let Some(reason) = &answer.refused {
        let _ = writeln!(
            out,
            "{} with 400 before any route is looked at: {reason}",
            styled(ERROR, "refused")
        );
        return out;
    }
    if answer.path != path_of(&answer.url) {
        let _ = writeln!(out, "its path is read as {}", answer.path);
    }
    candidates(&answer.candidates, &mut out);
    if !answer.is_taken() {
        others(answer.others, &mut out);
    }
    if let Some(unmet) = &answer.unmet {
        let _ = writeln!(out, "\n{} {unmet}", styled(ERROR, "But"));
    } else if let Some(action) = &answer.action {
        policies(&answer.policies, &mut out);
        show_action(action, &mut out);
    }
    out
}

fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    path.split_once('?').map_or(path, |(path, _)| path)
}

fn heading(text: &str, out: &mut String) {
    let _ = writeln!(out, "\n{}", styled(HEADING, text));
}

fn candidates(candidates: &[CandidateView], out: &mut String) {
    heading("Routes, in matching order", out);
    if !candidates.iter().any(|candidate| candidate.outcome == Outcome::Won) {
        let _ = writeln!(out, "  {}", styled(ERROR, "no route takes it"));
    }
    let name_width = width(candidates.iter().map(|candidate| candidate.route.as_str()));
    for candidate in candidates {
        let (style, word) = match candidate.outcome {
            Outcome::Won => (GOOD, "takes it"),
            Outcome::Outranked => (FAINT, "outranked"),
            Outcome::Lost => (FAINT, "no"),
            Outcome::Broken => (ERROR, "broken"),
        };
        let _ = writeln!(
            out,
            "  {}  {:name_width$}  {}",
            styled(style, &format!("{word:9}")),
            candidate.route,
            styled(FAINT, &candidate.origin.to_string()),
        );
        for reason in &candidate.because {
            let _ = writeln!(out, "             {reason}");
        }
    }
}

/// Routes that are not shown, where one that was expected may be among them.
fn others(others: usize, out: &mut String) {
    let _ = match others {
        0 => return,
        1 => writeln!(out, "  1 other route is further off: see `tripylon routes`"),
        more => writeln!(out, "  {more} other routes are further off: see `tripylon routes`"),
    };
}

fn policies(policies: &[PolicyView], out: &mut String) {
    heading("Policies, in the order in which they run", out);
    if policies.is_empty() {
        let _ = writeln!(out, "  none");
    }
    for policy in policies {
        let mut name = policy.name.clone();
        if policy.kind != policy.name {
            let _ = write!(name, " ({})", policy.kind);
        }
        if let Some(callers) = &policy.callers {
            let _ = write!(name, " for {callers}");
        }
        let origin = styled(FAINT, &policy.origin.to_string());
        let _ = writeln!(out, "  {name}  {origin}");
        settings(&policy.settings, out);
    }
}

fn settings(settings: &[Setting], out: &mut String) {
    let lines: Vec<_> = settings.iter().map(|setting| (name(setting), value(setting))).collect();
    let names = width(lines.iter().map(|(name, _)| name.as_str()));
    let values = width(lines.iter().map(|(_, value)| value.as_str())).min(40);
    for ((name, value), setting) in lines.iter().zip(settings) {
        let origin = setting.origin.as_ref().map_or("default".to_owned(), ToString::to_string);
        let origin = styled(FAINT, &origin);
        let _ = writeln!(out, "    {name:names$}  {value:values$}  {origin}");
    }
}

/// The pointer as a path with dots.
fn name(setting: &Setting) -> String {
    let path = setting.pointer.trim_start_matches('/').replace('/', ".");
    path.replace("~1", "/").replace("~0", "~")
}

fn value(setting: &Setting) -> String {
    match &setting.value {
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => plain(other),
    }
}

/// A value as one would say it: `minute=5`, `X-Consumer-ID={PrincipalId}`.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if !text.is_empty() && !text.contains(char::is_control) => text.clone(),
        Value::Array(items) => match serde_json::from_value(value.clone()) {
            Ok(template) => words::template(&template),
            Err(_) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        },
        Value::Object(members) => address(members).unwrap_or_else(|| {
            let values: Vec<_> = members.values().map(plain).collect();
            values.join("=")
        }),
        other => other.to_string(),
    }
}

/// `host:port`, if the object is just these two.
fn address(members: &Map<String, Value>) -> Option<String> {
    let (host, port) = (members.get("host")?.as_str()?, members.get("port")?.as_u64()?);
    let port = u16::try_from(port).ok()?;
    (members.len() == 2).then(|| words::authority(host, port))
}

fn show_action(action: &ActionView, out: &mut String) {
    match action {
        ActionView::Forward { upstreams, timeouts, retries } => {
            heading("Then it is sent to", out);
            for upstream in upstreams {
                show_upstream(upstream, upstreams.len() > 1, out);
            }
            let retries = match retries {
                0 => "not tried again".to_owned(),
                1 => "tried again once if that fails".to_owned(),
                more => format!("tried again up to {more} times if that fails"),
            };
            let _ = writeln!(out, "  {timeouts}; {retries}");
        }
        ActionView::Redirect { status, location } => {
            heading("Then the client is sent elsewhere", out);
            let _ = writeln!(out, "  {status} {location}");
        }
        ActionView::Reply { reason } => {
            heading("Then the gateway answers", out);
            let _ = writeln!(out, "  {reason}");
        }
    }
}

fn show_upstream(upstream: &UpstreamView, one_of_several: bool, out: &mut String) {
    let origin = |origin: &model::Origin| styled(FAINT, &origin.to_string());
    if one_of_several || upstream.endpoints.len() != 1 {
        let share =
            if one_of_several { format!(" ({})", percent(upstream.share)) } else { String::new() };
        let _ = writeln!(out, "  {}{share}  {}", upstream.name, origin(&upstream.origin));
    }
    if upstream.endpoints.is_empty() {
        let _ = writeln!(out, "  nothing: it has no endpoints, so the gateway answers 503");
    }
    let several = upstream.endpoints.len() > 1;
    for endpoint in &upstream.endpoints {
        let share = if several { format!(" ({})", percent(endpoint.share)) } else { String::new() };
        let _ = writeln!(out, "  {}{share}  {}", endpoint.url, origin(&endpoint.origin));
        let _ = writeln!(out, "    Host: {}", endpoint.host);
        if let Some(detour) = &endpoint.connects_to {
            let _ = writeln!(out, "    connects to {detour} instead");
        }
    }
    for line in upstream.chosen.iter().chain(&upstream.checks) {
        let _ = writeln!(out, "  {line}");
    }
}

fn percent(share: f64) -> String {
    let text = format!("{share:.1}");
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

fn width<'t>(texts: impl Iterator<Item = &'t str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_as_one_would_say_them() {
        let shown =
            |item: Value| value(&Setting { pointer: String::new(), value: item, origin: None });
        assert_eq!(shown(json!([])), "none");
        assert_eq!(shown(json!(["a", "b"])), "a, b");
        assert_eq!(shown(json!([{"period": "minute", "limit": 5}])), "minute=5");
        assert_eq!(shown(json!([{"host": "::1", "port": 6379}])), "[::1]:6379");
        let header = json!([{"name": "X-Id", "value": [{"Text": "id "}, {"Var": "PrincipalId"}]}]);
        assert_eq!(shown(header), "X-Id=id {PrincipalId}");
        assert_eq!(shown(json!("a\u{1b}")), r#""a\u001b""#);
    }

    #[test]
    fn shares_have_a_decimal_if_they_need_one() {
        assert_eq!((percent(50.0), percent(100.0 / 3.0)), ("50 %".into(), "33.3 %".into()));
    }
}
