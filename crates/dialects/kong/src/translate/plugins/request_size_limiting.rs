//! `request-size-limiting`: how large a request's body may be.

use serde_json::Value;

use super::{Offer, Reader};

pub(super) const OFFER: Offer =
    Offer { plugin: "request-size-limiting", kind: "request-size-limit", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    let unit: u64 = match reader.text("size_unit") {
        Some("bytes") => 1,
        Some("kilobytes") => 1 << 10,
        _ => 1 << 20,
    };
    let size = reader.get("allowed_payload_size").and_then(Value::as_f64);
    let size = size.unwrap_or(128.0);
    if size < 0.0 {
        let message = format!("`request-size-limiting`: no body is smaller than {size}");
        reader.unsupported("allowed_payload_size", message, "write 0 to refuse every body");
    }
    // Saturates: no body comes that far.
    reader.set("allowed_payload_size", "bytes", (size as u64).saturating_mul(unit));
    reader.copy_or("require_content_length", "require_length", false);
}
