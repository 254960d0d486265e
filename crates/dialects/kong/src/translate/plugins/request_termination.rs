//! `request-termination`: the gateway answers by itself.

use serde_json::Value;

use super::{Offer, Reader};

pub(super) const OFFER: Offer =
    Offer { plugin: "request-termination", kind: "direct-response", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    let status = reader.final_status("status_code", 503);
    reader.copy_or("trigger", "trigger", Value::Null);
    if reader.get("body").is_some() {
        reader.copy_or("body", "body", Value::Null);
        reader.copy_or("content_type", "content_type", Value::Null);
    } else {
        reader.copy_or("message", "message", message(status));
    }
    if reader.is_on("echo") {
        let message = "`request-termination`: `echo` is not offered yet".to_owned();
        reader.unsupported("echo", message, "ask `tripylon explain` where a request would go");
    }
}

/// What Kong says where nothing is configured.
fn message(status: u16) -> Value {
    let message = match status {
        401 => "Unauthorized",
        404 => "Not found",
        405 => "Method not allowed",
        500 => "An unexpected error occurred",
        502 => "Bad Gateway",
        503 => "Service unavailable",
        _ => return Value::Null,
    };
    message.into()
}
