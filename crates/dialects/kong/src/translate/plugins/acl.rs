//! `acl`: who may call, by the groups that they are in.

use serde_json::{Value, json};

use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "acl", kind: "acl", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("allow", "allow", json!([]));
    reader.copy_or("deny", "deny", json!([]));
    reader.copy_or("always_use_authenticated_groups", "prefer_vouched", false);
    let shown = !reader.is_on("hide_groups_header");
    for (name, header) in HEADERS {
        let header = if shown { header.into() } else { Value::Null };
        reader.set("hide_groups_header", name, header);
    }
}

/// The headers in which Kong tells upstreams the groups.
const HEADERS: [(&str, &str); 2] =
    [("header", "X-Consumer-Groups"), ("vouched_header", "X-Authenticated-Groups")];
