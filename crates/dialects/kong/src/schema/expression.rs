//! Routes as expressions of Kong's router language, and whether they are sound.
//!
//! Kong compiles the fields of a route into an expression and refuses the route if that fails. The
//! words of such a refusal show the expression, so it is built here in the same form; the language is
//! read by the crate that Kong itself uses.

use std::sync::OnceLock;

use atc_router::ast::{Expression, LogicalExpression, Type};
use atc_router::schema::Schema;
use atc_router::semantics::Validate;
use serde_json::{Map, Value};

use super::catalogue::RouterFlavor;
use super::complete::is_nonempty;

type Record = Map<String, Value>;

/// The most operators and parentheses of an expression. Each is a level of nesting to its reader.
const MOST_LEVELS: usize = 1000;

/// The fields that an expression stands instead of.
const CLASSIC: [&str; 7] =
    ["methods", "hosts", "paths", "headers", "snis", "sources", "destinations"];

/// What Kong's router says against a route; `None` if nothing.
pub(super) fn check(route: &Record, flavor: RouterFlavor) -> Option<String> {
    let refusal = match route.get("expression") {
        None | Some(Value::Null) => check_priority(route).or_else(|| check_classic(route).err()),
        Some(Value::String(expression)) if flavor == RouterFlavor::Expressions => {
            check_alone(route).or_else(|| validate(route, expression).err())
        }
        Some(_) => None,
    };
    refusal.map(|refusal| format!("Router Expression failed validation: {refusal}"))
}

/// Nothing of a classic route can fail but its regular expressions and headers without values.
/// Only then the whole expression is built, to show it.
fn check_classic(route: &Record) -> Result<(), String> {
    let paths = strings(route, "paths").filter(|path| path.starts_with('~')).map(path_term);
    let mut terms: Vec<String> = paths.collect();
    for (name, values) in headers(route) {
        if values.is_empty() {
            return validate(route, &classic_expression(route));
        }
        let regexes = values.iter().filter_map(Value::as_str).filter(|v| v.starts_with("~*"));
        terms.extend(regexes.map(|regex| header_term(name, regex)));
    }
    match terms.iter().find_map(|term| validate(route, term).err()) {
        None => Ok(()),
        Some(of_term) => Err(validate(route, &classic_expression(route)).err().unwrap_or(of_term)),
    }
}

fn check_priority(route: &Record) -> Option<String> {
    let has_classic = CLASSIC.iter().any(|name| is_nonempty(route.get(*name)));
    let has_priority = route.get("priority").and_then(Value::as_i64).is_some_and(|p| p != 0);
    (has_classic && has_priority).then(|| {
        "cannot set 'priority' with 'methods', 'hosts', 'paths', 'headers', 'snis', 'sources' or \
         'destinations' simultaneously"
            .to_owned()
    })
}

fn check_alone(route: &Record) -> Option<String> {
    if CLASSIC.iter().any(|name| is_nonempty(route.get(*name))) {
        return Some(
            "cannot set 'expression' with 'methods', 'hosts', 'paths', 'headers', 'snis', \
             'sources' or 'destinations' simultaneously"
                .to_owned(),
        );
    }
    let regex_priority = route.get("regex_priority").and_then(Value::as_i64);
    regex_priority
        .is_some_and(|priority| priority != 0)
        .then(|| "cannot set 'regex_priority' with 'expression' simultaneously".to_owned())
}

fn validate(route: &Record, expression: &str) -> Result<(), String> {
    let levels = ["(", "!", "&&", "||"].iter().map(|level| expression.matches(level).count());
    if levels.sum::<usize>() > MOST_LEVELS {
        return Err(format!("more than {MOST_LEVELS} operators and parentheses"));
    }
    // `net.port` is an older name of `net.dst.port`.
    let expression = expression.replace("net.port", "net.dst.port");
    let parsed = atc_router::parser::parse(&expression).map_err(|error| error.to_string())?;
    parsed.validate(if is_stream(route) { stream_schema() } else { http_schema() })?;
    if fields(&parsed).iter().all(|field| is_sound_segment(field)) {
        return Ok(());
    }
    Err("illformed http.path.segments.* field".to_owned())
}

/// `len`, the number of a segment, or two with the lower one first.
fn is_sound_segment(field: &str) -> bool {
    let Some(suffix) = field.strip_prefix("http.path.segments.") else { return true };
    let number = |text: &str| -> Option<u64> {
        let is_plain = text == "0" || !text.starts_with('0');
        (is_plain && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    match suffix.split_once('_') {
        None => suffix == "len" || number(suffix).is_some(),
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) => from < to,
            _ => false,
        },
    }
}

fn fields(expression: &Expression) -> Vec<&str> {
    let mut found = Vec::new();
    let mut open = vec![expression];
    while let Some(expression) = open.pop() {
        match expression {
            Expression::Predicate(predicate) => found.push(&*predicate.lhs.var_name),
            Expression::Logical(logical) => match &**logical {
                LogicalExpression::And(left, right) | LogicalExpression::Or(left, right) => {
                    open.extend([left, right]);
                }
                LogicalExpression::Not(inner) => open.push(inner),
            },
        }
    }
    found
}

fn http_schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut schema = Schema::default();
        for name in [
            "net.protocol",
            "tls.sni",
            "http.method",
            "http.host",
            "http.path",
            "http.path.segments.*",
            "http.headers.*",
            "http.queries.*",
        ] {
            schema.add_field(name, Type::String);
        }
        for name in ["net.src.port", "net.dst.port", "http.path.segments.len"] {
            schema.add_field(name, Type::Int);
        }
        for name in ["net.src.ip", "net.dst.ip"] {
            schema.add_field(name, Type::IpAddr);
        }
        schema
    })
}

fn stream_schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut schema = Schema::default();
        for name in ["net.protocol", "tls.sni"] {
            schema.add_field(name, Type::String);
        }
        for name in ["net.src.port", "net.dst.port"] {
            schema.add_field(name, Type::Int);
        }
        for name in ["net.src.ip", "net.dst.ip"] {
            schema.add_field(name, Type::IpAddr);
        }
        schema
    })
}

fn classic_expression(route: &Record) -> String {
    let mut terms = Vec::new();
    if let Some(snis) = any_of(strings(route, "snis").map(sni_term)) {
        let encrypted = if is_stream(route) { "tls" } else { "https" };
        terms.push(format!("(net.protocol != {} || {snis})", literal(encrypted)));
    }
    terms.extend(any_of(addresses(route, "sources", "src")));
    terms.extend(any_of(addresses(route, "destinations", "dst")));
    if !is_stream(route) {
        let method = |method| format!("http.method == {}", literal(method));
        terms.extend(any_of(strings(route, "methods").map(method)));
        terms.extend(any_of(strings(route, "hosts").map(host_term)));
        terms.extend(any_of(strings(route, "paths").map(path_term)));
        for (name, values) in headers(route) {
            let values = values.iter().filter_map(Value::as_str);
            // A header without values makes an empty group, which Kong refuses.
            let group = any_of(values.map(|value| header_term(name, value)));
            terms.push(group.unwrap_or_else(|| "()".to_owned()));
        }
    }
    terms.join(" && ")
}

fn is_stream(route: &Record) -> bool {
    strings(route, "protocols")
        .next()
        .is_some_and(|protocol| matches!(protocol, "tcp" | "udp" | "tls" | "tls_passthrough"))
}

fn strings<'r>(route: &'r Record, name: &str) -> impl Iterator<Item = &'r str> {
    route.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn headers(route: &Record) -> impl Iterator<Item = (&str, &[Value])> {
    let headers = route.get("headers").and_then(Value::as_object).into_iter().flatten();
    headers.filter_map(|(name, values)| Some((name.as_str(), values.as_array()?.as_slice())))
}

fn any_of(terms: impl Iterator<Item = String>) -> Option<String> {
    let terms: Vec<String> = terms.collect();
    (!terms.is_empty()).then(|| format!("({})", terms.join(" || ")))
}

fn sni_term(sni: &str) -> String {
    if let Some(suffix) = sni.strip_prefix('*') {
        let suffix = suffix.strip_suffix('.').unwrap_or(suffix);
        return format!("tls.sni =^ {}", literal(suffix));
    }
    match sni.strip_suffix('*') {
        Some(prefix) => format!("tls.sni ^= {}", literal(prefix)),
        None => format!("tls.sni == {}", literal(sni.strip_suffix('.').unwrap_or(sni))),
    }
}

fn host_term(host: &str) -> String {
    let (name, port) = match host.split_once(':') {
        Some((name, port)) if port.parse::<u32>().is_ok() => (name, Some(port)),
        _ => (host, None),
    };
    let term = match (name.strip_prefix('*'), name.strip_suffix('*')) {
        (Some(suffix), _) => format!("http.host =^ r#\"{suffix}\"#"),
        (None, Some(prefix)) => format!("http.host ^= r#\"{prefix}\"#"),
        (None, None) => format!("http.host == r#\"{name}\"#"),
    };
    port.map_or(term.clone(), |port| format!("({term} && net.dst.port == {port})"))
}

fn path_term(path: &str) -> String {
    match path.strip_prefix('~') {
        Some(regex) => {
            format!("http.path ~ {}", literal(&format!("^{}", regex.replace("?<", "?P<"))))
        }
        None => format!("http.path ^= {}", literal(path)),
    }
}

fn header_term(name: &str, value: &str) -> String {
    let name = name.replace('-', "_").to_ascii_lowercase();
    let (operator, value) = match value.strip_prefix("~*") {
        Some(regex) => ("~", regex),
        None => ("==", value),
    };
    let value = value.to_ascii_lowercase();
    format!("any(lower(http.headers.{name})) {operator} {}", literal(&value))
}

fn addresses<'r>(
    route: &'r Record,
    name: &str,
    side: &'r str,
) -> impl Iterator<Item = String> + use<'r> {
    let elements = route.get(name).and_then(Value::as_array).into_iter().flatten();
    elements.map(move |element| {
        let ip = element["ip"].as_str().map(|ip| {
            let operator = if ip.contains('/') { "in" } else { "==" };
            format!("net.{side}.ip {operator} {}", without_host_bits(ip))
        });
        let port = element["port"].as_i64().map(|port| format!("net.{side}.port == {port}"));
        match (ip, port) {
            (Some(ip), Some(port)) => format!("({ip} && {port})"),
            (ip, port) => ip.or(port).unwrap_or_default(),
        }
    })
}

fn without_host_bits(range: &str) -> String {
    match range.parse::<ipnet::Ipv4Net>() {
        Ok(range) => range.trunc().to_string(),
        Err(_) => range.to_owned(),
    }
}

fn literal(text: &str) -> String {
    if text.contains("\"#") {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    format!("r#\"{text}\"#")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(route: Value, flavor: RouterFlavor) -> Option<String> {
        check(route.as_object().expect("a route is an object"), flavor)
    }

    fn classic(route: Value) -> Option<String> {
        said(route, RouterFlavor::TraditionalCompatible)
    }

    #[test]
    fn a_header_needs_values() {
        assert_eq!(
            classic(json!({"headers": {"x": []}})).as_deref(),
            Some(
                "Router Expression failed validation:  --> 1:2\n  |\n1 | ()\n  |  ^---\n  |\n  = expected term"
            )
        );
    }

    #[test]
    fn what_only_pcre_knows_is_refused() {
        assert_eq!(classic(json!({"paths": ["~/a/(?<id>[0-9]+)$"]})), None);
        let refusal = classic(json!({"paths": ["~/a(?=b)"]})).unwrap_or_default();
        assert!(refusal.contains("look-around"), "{refusal}");
    }

    #[test]
    fn the_expression_has_all_fields_in_order() {
        let route = json!({
            "protocols": ["https"],
            "snis": ["*.s.test", "t.*", "u.test."],
            "sources": [{"ip": "10.1.2.3/8"}, {"ip": "::1", "port": 9}, {"port": 8}],
            "methods": ["GET", "PUT"],
            "hosts": ["a.test", "*.b.test", "c.*", "d.test:99"],
            "paths": ["/p", "~/q\"#"],
            "headers": {"X-A": ["V", "~*w+"]},
        });
        let expected = "(net.protocol != r#\"https\"# || (tls.sni =^ r#\".s.test\"# || tls.sni ^= r#\"t.\"# || tls.sni == r#\"u.test\"#)) \
            && (net.src.ip in 10.0.0.0/8 || (net.src.ip == ::1 && net.src.port == 9) || net.src.port == 8) \
            && (http.method == r#\"GET\"# || http.method == r#\"PUT\"#) \
            && (http.host == r#\"a.test\"# || http.host =^ r#\".b.test\"# || http.host ^= r#\"c.\"# || (http.host == r#\"d.test\"# && net.dst.port == 99)) \
            && (http.path ^= r#\"/p\"# || http.path ~ \"^/q\\\"#\") \
            && (any(lower(http.headers.x_a)) == r#\"v\"# || any(lower(http.headers.x_a)) ~ r#\"w+\"#)";
        let route = route.as_object().expect("a route is an object");
        assert_eq!(classic_expression(route), expected);
        assert_eq!(check(route, RouterFlavor::TraditionalCompatible), None);
    }

    #[test]
    fn expressions_stand_alone() {
        let expressions = |route| said(route, RouterFlavor::Expressions);
        assert_eq!(expressions(json!({"expression": "http.path ^= \"/a\""})), None);
        assert_eq!(
            expressions(json!({"expression": "net.src.port == \"80\""})).as_deref(),
            Some(
                "Router Expression failed validation: Type mismatch between the LHS and RHS values of predicate"
            )
        );
        assert!(expressions(json!({"expression": "http.path == \"/\"", "paths": ["/"]})).is_some());
        assert!(expressions(json!({"expression": "http.path.segments.2_1 == \"a\""})).is_some());
        assert_eq!(expressions(json!({"expression": "http.path.segments.0_1 == \"a/b\""})), None);
    }
}
