//! `redirect`: requests are sent elsewhere.

use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "redirect", kind: "redirect", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.final_status("status_code", 301);
    reader.copy_or("location", "location", "");
    reader.copy_or("keep_incoming_path", "keep_path", false);
    reader.config.insert("body".into(), "redirecting".into());
}
