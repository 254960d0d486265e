//! `udp-log`: each record is a datagram.

use super::super::logging;
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "udp-log", kind: "udp-log", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("host", "host", "");
    reader.copy_or("port", "port", 0);
    reader.milliseconds("timeout", "timeout_ms", 10_000);
    logging::translate(reader);
}
