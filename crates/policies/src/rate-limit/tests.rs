//! The policy as a whole, with counters in memory.

use serde_json::{Value, json};

use super::NAME;
use crate::testing::{Gateway, NOON, answer};

/// What a client is told: the status if the gateway answers, else 200, and the headers, sorted.
fn told(gateway: &Gateway, config: &Value, change: impl FnOnce(&mut ::filter::Exchange)) -> String {
    let filter = gateway.start(NAME, config.clone());
    let mut exchange = gateway.exchange();
    change(&mut exchange);
    let status = answer(&filter, &mut exchange).map_or(200, |reply| {
        assert_eq!(reply.reason, "rate-limit/exceeded");
        reply.status
    });
    let headers = exchange.reply_headers.iter();
    let mut headers: Vec<_> = headers
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect();
    headers.sort();
    format!("{status} {}", headers.join(", "))
}

fn status(gateway: &Gateway, config: &Value, change: impl FnOnce(&mut ::filter::Exchange)) -> u16 {
    told(gateway, config, change)[..3].parse().unwrap()
}

fn limits(limits: &[(&str, u64)]) -> Value {
    limits.iter().map(|(period, limit)| json!({"period": period, "limit": limit})).collect()
}

/// The numbers of a recorded run: two a minute, 45 seconds before the next.
#[test]
fn clients_are_told_what_is_left() {
    let gateway = Gateway::new();
    gateway.clock.set(NOON + 15_300);
    let config = json!({"limits": limits(&[("minute", 2)])});
    let told = || told(&gateway, &config, |_| ());
    assert_eq!(
        told(),
        "200 RateLimit-Limit: 2, RateLimit-Remaining: 1, RateLimit-Reset: 45, \
         X-RateLimit-Limit-Minute: 2, X-RateLimit-Remaining-Minute: 1"
    );
    assert_eq!(
        told(),
        "200 RateLimit-Limit: 2, RateLimit-Remaining: 0, RateLimit-Reset: 45, \
         X-RateLimit-Limit-Minute: 2, X-RateLimit-Remaining-Minute: 0"
    );
    let refused = "429 RateLimit-Limit: 2, RateLimit-Remaining: 0, RateLimit-Reset: 45, \
                   Retry-After: 45, X-RateLimit-Limit-Minute: 2, X-RateLimit-Remaining-Minute: 0";
    assert_eq!(told(), refused);
    assert_eq!(told(), refused);
    gateway.clock.advance(45_000);
    assert!(told().starts_with("200 RateLimit-Limit: 2, RateLimit-Remaining: 1"));
}

/// The numbers of a recorded run: three a second, four a minute, a hundred an hour.
#[test]
fn several_limits_are_told_and_the_closest_stands_for_all() {
    let gateway = Gateway::new();
    let config = json!({"limits": limits(&[("hour", 100), ("second", 3), ("minute", 4)])});
    let rows = [
        (200, 2, 3, 99, ""),
        (200, 1, 2, 98, ""),
        (200, 0, 1, 97, ""),
        (429, 0, 1, 97, "Retry-After: 1, "),
        (429, 0, 1, 97, "Retry-After: 1, "),
    ];
    for (status, second, minute, hour, retry_after) in rows {
        let expected = format!(
            "{status} RateLimit-Limit: 3, RateLimit-Remaining: {second}, RateLimit-Reset: 1, \
             {retry_after}X-RateLimit-Limit-Hour: 100, X-RateLimit-Limit-Minute: 4, \
             X-RateLimit-Limit-Second: 3, X-RateLimit-Remaining-Hour: {hour}, \
             X-RateLimit-Remaining-Minute: {minute}, X-RateLimit-Remaining-Second: {second}"
        );
        assert_eq!(told(&gateway, &config, |_| ()), expected);
    }
    // The next second admits one more, the last of the minute.
    gateway.clock.advance(1_000);
    let last = told(&gateway, &config, |_| ());
    assert!(last.starts_with("200 RateLimit-Limit: 4, RateLimit-Remaining: 0, RateLimit-Reset: 59"));
    assert!(told(&gateway, &config, |_| ()).contains("429 RateLimit-Limit: 4, "));
}

/// The numbers of a recorded run: 2,186 seconds before the next hour.
#[test]
fn hours_days_months_and_years_end_with_the_calendars() {
    let reset = |period: &str, at: u64| {
        let gateway = Gateway::new();
        gateway.clock.set(at);
        let told = told(&gateway, &json!({"limits": limits(&[(period, 2)])}), |_| ());
        let (_, rest) = told.split_once("RateLimit-Reset: ").unwrap();
        rest.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(reset("hour", NOON + (3_600 - 2_186) * 1_000), 2_186);
    assert_eq!(reset("day", NOON), 12 * 3_600);
    assert_eq!(reset("month", NOON), (5 * 24 + 12) * 3_600);
    assert_eq!(reset("year", NOON), (36 * 24 + 12) * 3_600);
}

#[test]
fn the_answer_is_as_configured() {
    let gateway = Gateway::new();
    let config = json!({
        "limits": limits(&[("minute", 1)]), "status": 503, "message": "slow down",
    });
    let filter = gateway.start(NAME, config);
    assert_eq!(answer(&filter, &mut gateway.exchange()), None);
    let reply = answer(&filter, &mut gateway.exchange()).unwrap();
    assert_eq!((reply.status, &*reply.message), (503, "slow down"));
    assert_eq!(gateway.counted("rate_limit_exceeded"), 1);
}

#[test]
fn headers_can_be_renamed_left_out_and_hidden() {
    let gateway = Gateway::new();
    let config = json!({"limits": limits(&[("day", 1)]), "headers": {
        "limit": null, "remaining": "X-Left-{Period}", "window_limit": "X-Limit",
        "window_remaining": null, "window_reset": null, "retry_after": "X-Wait",
    }});
    assert_eq!(told(&gateway, &config, |_| ()), "200 X-Left-Day: 0, X-Limit: 1");
    assert_eq!(told(&gateway, &config, |_| ()), "429 X-Left-Day: 0, X-Limit: 1, X-Wait: 43200");
    let hidden = json!({"limits": limits(&[("day", 1)]), "scope": "h", "hide_headers": true});
    assert_eq!(told(&gateway, &hidden, |_| ()), "200 ");
    assert_eq!(told(&gateway, &hidden, |_| ()), "429 ");
}

/// A configuration that lets one request a minute of each through.
fn one_by(by: Value) -> Value {
    json!({"limits": limits(&[("minute", 1)]), "by": by})
}

#[test]
fn callers_are_told_apart_by_principal_or_credential() {
    let mut gateway = Gateway::new();
    let alice = gateway.principal("alice");
    let bob = gateway.principal("bob");
    let keys = ["k1", "k2"].map(|key| gateway.credential("key-auth", key, alice, json!({})));
    let caller = |principal, credential| {
        move |exchange: &mut ::filter::Exchange| {
            exchange.caller = Some(::filter::Caller { principal, credential, anonymous: false });
        }
    };
    let config = one_by(json!({}));
    assert_eq!(status(&gateway, &config, caller(alice, Some(keys[0]))), 200);
    assert_eq!(status(&gateway, &config, caller(alice, Some(keys[1]))), 429);
    assert_eq!(status(&gateway, &config, caller(bob, None)), 200);
    assert_eq!(status(&gateway, &config, |_| ()), 200, "by address");
    assert_eq!(status(&gateway, &config, |_| ()), 429);

    let mut config = one_by(json!({"kind": "credential"}));
    config["scope"] = json!("c");
    assert_eq!(status(&gateway, &config, caller(alice, Some(keys[0]))), 200);
    assert_eq!(status(&gateway, &config, caller(alice, Some(keys[1]))), 200);
    assert_eq!(status(&gateway, &config, caller(alice, Some(keys[1]))), 429);
    assert_eq!(status(&gateway, &config, caller(alice, None)), 200, "by address");
    assert_eq!(status(&gateway, &config, caller(bob, None)), 429);
}

#[test]
fn callers_are_told_apart_by_header_or_address() {
    let gateway = Gateway::new();
    let config = one_by(json!({"kind": "header", "name": "x-client"}));
    let sent = |value: &str| {
        let value = value.to_owned();
        status(&gateway, &config, move |exchange| {
            exchange.request.headers.push("X-Client", value);
        })
    };
    assert_eq!([sent("a"), sent("a"), sent("b")], [200, 429, 200]);
    let long = "x".repeat(100_000);
    assert_eq!([sent(&long), sent(&long), sent(&(long.clone() + "y"))], [200, 429, 200]);
    assert_eq!([(); 2].map(|()| status(&gateway, &config, |_| ())), [200, 429]);

    let config = json!({"limits": limits(&[("minute", 1)]), "scope": "a", "by": {"kind": "address"}});
    let from = |address: &str| {
        let address = address.parse().unwrap();
        status(&gateway, &config, move |exchange| exchange.client.address = address)
    };
    let addresses = ["192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2"];
    assert_eq!(addresses.map(from), [200, 429, 200, 200]);
}

#[test]
fn callers_are_told_apart_by_service_path_or_group() {
    let mut gateway = Gateway::new();
    let other_address = |exchange: &mut ::filter::Exchange| {
        exchange.client.address = [192, 0, 2, 2].into();
    };
    let config = one_by(json!({"kind": "service"}));
    assert_eq!(status(&gateway, &config, |_| ()), 200);
    assert_eq!(status(&gateway, &config, other_address), 429);

    let config = json!({
        "limits": limits(&[("minute", 1)]), "scope": "p", "by": {"kind": "path", "path": "/p"},
    });
    let path = |path: &'static str, address: u8| {
        status(&gateway, &config, move |exchange| {
            exchange.request.set_target(path, path);
            exchange.client.address = [192, 0, 2, address].into();
        })
    };
    assert_eq!([path("/p", 1), path("/p", 2), path("/q", 1), path("/r", 1)], [200, 429, 200, 429]);

    let group = gateway.principal_in("alice", &["free", "gold"]);
    let caller = |exchange: &mut ::filter::Exchange| {
        exchange.caller =
            Some(::filter::Caller { principal: group, credential: None, anonymous: false });
    };
    for (name, scope) in [(json!("gold"), "g1"), (json!(null), "g2")] {
        let config = json!({
            "limits": limits(&[("minute", 1)]), "scope": scope,
            "by": {"kind": "group", "name": name},
        });
        assert_eq!(status(&gateway, &config, caller), 200);
        assert_eq!(status(&gateway, &config, |_| ()), 200, "by address");
        let both = |exchange: &mut ::filter::Exchange| {
            caller(exchange);
            other_address(exchange);
        };
        assert_eq!(status(&gateway, &config, both), 429);
    }
}

#[test]
fn policies_of_one_scope_share_counters_over_workers_and_snapshots() {
    let gateway = Gateway::new();
    let config = |scope: &str| json!({"limits": limits(&[("minute", 2)]), "scope": scope});
    let first = gateway.start_on(0, NAME, config("a"));
    let second = gateway.start_on(1, NAME, config("a"));
    assert!(answer(&first, &mut gateway.exchange()).is_none());
    assert!(answer(&second, &mut gateway.exchange()).is_none());
    assert!(answer(&first, &mut gateway.exchange()).is_some());
    let next = gateway.start_on(0, NAME, config("a"));
    drop((first, second));
    gateway.shared.sweep();
    assert!(answer(&next, &mut gateway.exchange()).is_some());
    let other = gateway.start_on(0, NAME, config("b"));
    assert!(answer(&other, &mut gateway.exchange()).is_none());
}

#[test]
fn problems_say_where_and_what_to_do() {
    let gateway = Gateway::new();
    let places = |config: Value| {
        let problems = gateway.problems(NAME, config);
        problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    let with = |field: &str, value: Value| {
        let mut config = json!({"limits": limits(&[("minute", 1)])});
        config[field] = value;
        places(config)
    };
    assert_eq!(places(json!({"limits": []})), ["/limits"]);
    assert_eq!(places(json!({"limits": limits(&[("week", 1)])})), ["/limits/0/period"]);
    assert_eq!(places(json!({"limits": [{"period": "day", "limit": -1}]})), ["/limits/0/limit"]);
    assert_eq!(with("limit", json!(1)), ["/limit"]);
    assert_eq!(with("status", json!(99)), ["/status"]);
    assert_eq!(with("window", json!("sliding")), ["/window"]);
    assert_eq!(with("window", json!("fixed")), [""; 0]);
    assert_eq!(with("headers", json!({"limit": "a b", "retry_after": ""})).len(), 2);
    assert_eq!(with("by", json!({"kind": "header"})), ["/by/name"]);
    assert_eq!(with("by", json!({"kind": "path"})), ["/by/path"]);
    assert_eq!(with("by", json!({"name": "a", "path": "/"})), ["/by/name", "/by/path"]);
    assert_eq!(with("by", json!({"kind": "consumer"})), ["/by/kind"]);
}
