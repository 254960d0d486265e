//! `bot-detection`: programs that crawl are refused, by the name they give.

use serde_json::json;

use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "bot-detection", kind: "bot-detection", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("allow", "allow", json!([]));
    reader.copy_or("deny", "deny", json!([]));
}
