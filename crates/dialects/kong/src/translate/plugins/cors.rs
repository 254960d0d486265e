//! `cors`: which pages of other origins may read responses.

use serde_json::{Value, json};

use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "cors", kind: "cors", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    let origins = origins(reader);
    reader.config.insert("origins".into(), origins);
    reader.copy_or("headers", "allow_headers", json!([]));
    reader.copy_or("exposed_headers", "expose_headers", json!([]));
    reader.copy_or("methods", "allow_methods", json!(METHODS));
    reader.copy_or("max_age", "max_age", Value::Null);
    reader.copy_or("credentials", "credentials", false);
    reader.copy_or("private_network", "private_network", false);
    let preflight = if reader.is_on("preflight_continue") { "forward" } else { "answer" };
    reader.set("preflight_continue", "preflight", preflight);
}

/// Kong takes a single origin that is no expression for what is always said. Of several, one that
/// is no expression is an origin; an expression is held against the host if it has no colon.
fn origins(reader: &mut Reader<'_, '_>) -> Value {
    let entries = reader.get("origins").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let entries: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
    reader.stands("origins", "origins");
    match entries[..] {
        [] | ["*"] => return json!({ "kind": "any" }),
        [origin] if !is_regex(origin) => {
            reader.stands("origins/0", "origins/origin");
            return json!({ "kind": "fixed", "origin": origin });
        }
        _ => {}
    }
    let (mut origins, mut patterns) = (Vec::new(), Vec::new());
    for (ix, entry) in entries.into_iter().enumerate() {
        if entry == "*" {
            let message = "`cors`: `*` beside other origins takes none".to_owned();
            let help = "write `*` alone to allow every origin, or remove it";
            reader.unsupported(&format!("origins/{ix}"), message, help);
        } else if is_regex(entry) {
            let at = format!("origins/patterns/{}/regex", patterns.len());
            reader.stands(&format!("origins/{ix}"), &at);
            let regex = entry.strip_prefix('^').unwrap_or(entry);
            let of = if entry.contains(':') { "origin" } else { "host" };
            patterns.push(json!({ "regex": regex, "of": of }));
        } else {
            origins.push(entry);
        }
    }
    json!({ "kind": "listed", "origins": origins, "patterns": patterns })
}

fn is_regex(origin: &str) -> bool {
    !origin.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:/-".contains(&byte))
}

/// Those of Kong, for `methods: null`.
const METHODS: [&str; 9] =
    ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
