//! `file-log`: records are appended to a file.

use super::super::logging;
use super::{Offer, Reader};

pub(super) const OFFER: Offer = Offer { plugin: "file-log", kind: "file-log", translate };

/// The file is always opened anew, whatever `reopen` says.
fn translate(reader: &mut Reader<'_, '_>) {
    reader.copy_or("path", "path", "");
    logging::translate(reader);
}
