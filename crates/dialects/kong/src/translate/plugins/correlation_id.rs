//! `correlation-id`: requests bear an id that upstreams and clients can name.

use super::{Offer, Reader};

pub(super) const OFFER: Offer =
    Offer { plugin: "correlation-id", kind: "correlation-id", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("header_name", "header", "Kong-Request-ID");
    reader.copy_or("echo_downstream", "echo", false);
    let generator = match reader.text("generator") {
        Some("uuid") => "uuid",
        Some("tracker") => "tracker",
        _ => "uuid-counter",
    };
    reader.set("generator", "generator", generator);
}
