//! `syslog`: records are told to the log of this machine.

use super::super::logging;
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "syslog", kind: "syslog", translate };

fn translate(reader: &mut Reader<'_, '_>) {
    reader.config.insert("ident".into(), "kong".into());
    reader.copy_or("facility", "facility", "user");
    logging::severities(reader);
    logging::translate(reader);
}
