//! Rules for whole records, lists and maps.

use serde_json::Value;

use super::{Refusal, Url};

const PERIODS: [&str; 6] = ["second", "minute", "hour", "day", "month", "year"];

/// The smallest interval, in seconds, at which counters may be synchronised.
const SHORTEST_SYNC: f64 = 0.02;

/// A longer period allows at least as much as a shorter one; counters are synchronised only if
/// there is something to synchronise them with.
pub(super) fn check_periods(config: &Value) -> Result<(), Refusal> {
    for (index, shorter) in PERIODS.iter().enumerate() {
        let Some(least) = config[shorter].as_f64() else { continue };
        for longer in &PERIODS[index + 1..] {
            if let Some(limit) = config[longer].as_f64()
                && limit < least
            {
                return Err(format!(
                    "The limit for {longer}({limit:.1}) cannot be lower than the limit for {shorter}({least:.1})"
                )
                .into());
            }
        }
    }
    // Only `rate-limiting` has a rate of synchronisation.
    match config["sync_rate"].as_f64() {
        None | Some(-1.0) => Ok(()),
        Some(_) if config["policy"] != "redis" => {
            Err("sync_rate can only be used with the redis policy".into())
        }
        Some(rate) if rate < SHORTEST_SYNC => {
            Err("sync_rate must be greater than 0.02, or -1 to disable".into())
        }
        Some(_) => Ok(()),
    }
}

pub(super) fn check_termination(config: &Value) -> Result<(), Refusal> {
    let is_set = |name: &str| config[name].as_str().is_some_and(|text| !text.is_empty());
    let (message, content_type, body) = (is_set("message"), is_set("content_type"), is_set("body"));
    if message && (content_type || body) {
        return Err("message cannot be used with content_type or body".into());
    }
    if content_type && !body {
        return Err("content_type requires a body".into());
    }
    if config["echo"] == true && (content_type || body) {
        return Err("echo cannot be used with content_type and body".into());
    }
    Ok(())
}

pub(super) fn check_http_log(config: &Value) -> Result<(), Refusal> {
    let has_userinfo = config["http_endpoint"]
        .as_str()
        .and_then(Url::parse)
        .is_some_and(|endpoint| endpoint.userinfo.is_some());
    let has_header = config["headers"].as_object().is_some_and(|headers| {
        headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"))
    });
    if has_userinfo && has_header {
        return Err("specifying both an 'Authorization' header and user info in 'http_endpoint' is not allowed".into());
    }
    Ok(())
}

pub(super) fn check_flows(config: &Value) -> Result<(), Refusal> {
    let flows = [
        "enable_authorization_code",
        "enable_implicit_grant",
        "enable_client_credentials",
        "enable_password_grant",
    ];
    if flows.iter().any(|flow| config[flow] == true) {
        return Ok(());
    }
    Err(format!("at least one of these fields must be true: {}", flows.join(", ")).into())
}

pub(super) fn check_attributes(attributes: &Value) -> Result<(), Refusal> {
    for value in attributes.as_object().into_iter().flat_map(|map| map.values()) {
        let problem = match value {
            Value::String(text) if text.is_empty() => "required field missing",
            Value::String(_) | Value::Number(_) | Value::Bool(_) => continue,
            Value::Null => "invalid type of value: userdata",
            Value::Array(_) | Value::Object(_) => "invalid type of value: table",
        };
        return Err(problem.into());
    }
    Ok(())
}

pub(super) fn check_static_tags(tags: &Value) -> Result<(), Refusal> {
    let mut seen = std::collections::HashSet::new();
    for name in tags.as_array().into_iter().flatten().filter_map(|tag| tag["name"].as_str()) {
        if !seen.insert(name) {
            return Err(format!("repeated tags are not allowed: {name}").into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn longer_periods_allow_more() {
        let said = check_periods(&json!({"minute": 10, "hour": 5}));
        let expected = "The limit for hour(5.0) cannot be lower than the limit for minute(10.0)";
        assert_eq!(said, Err(expected.into()));
        assert_eq!(check_periods(&json!({"minute": 10, "hour": null, "day": 10})), Ok(()));
    }

    #[test]
    fn only_redis_is_synchronised() {
        let said = |policy, rate| check_periods(&json!({"policy": policy, "sync_rate": rate}));
        assert_eq!(said("local", -1.0), Ok(()));
        assert_eq!(said("redis", 0.02), Ok(()));
        assert_eq!(
            said("local", 1.0),
            Err("sync_rate can only be used with the redis policy".into())
        );
        assert_eq!(
            said("redis", 0.01),
            Err("sync_rate must be greater than 0.02, or -1 to disable".into())
        );
    }

    #[test]
    fn a_terminated_request_is_answered_one_way() {
        let said = |config: Value| check_termination(&config);
        assert_eq!(said(json!({"message": "a", "body": null, "echo": false})), Ok(()));
        assert_eq!(
            said(json!({"message": "a", "body": "b"})),
            Err("message cannot be used with content_type or body".into())
        );
        assert_eq!(said(json!({"content_type": "a"})), Err("content_type requires a body".into()));
        assert_eq!(
            said(json!({"body": "a", "echo": true})),
            Err("echo cannot be used with content_type and body".into())
        );
    }
}
