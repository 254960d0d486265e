//! `ip-restriction`: who may call, by address.

use serde_json::{Value, json};

use super::{Offer, Reader};

pub(super) const OFFER: Offer =
    Offer { plugin: "ip-restriction", kind: "ip-restriction", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("allow", "allow", json!([]));
    reader.copy_or("deny", "deny", json!([]));
    reader.copy_or("message", "message", Value::Null);
    reader.status("status", 403);
}
