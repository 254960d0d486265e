//! How the gateway speaks, in Kong's words: error bodies, headers that upstreams are sent, headers
//! that responses bear.
//!
//! What Kong 3.9.3 was seen to do is copied to the byte, since clients parse it; where it was not,
//! `docs/kong-differences.md` says so.

mod ambient;
mod formats;
mod forwarding;
mod wording;

pub(crate) use wording::GRPC_TLS_REQUIRED;

use model::{Charset, Voice, VoiceId};

use crate::settings::Settings;

/// The version of Kong whose behaviour is offered, as `Server` and `Via` name it.
pub const VERSION: &str = "3.9.3";

/// The name of the one voice there is.
pub(crate) fn id() -> VoiceId {
    "kong".into()
}

/// The voice that settings ask for.
pub(crate) fn voice(settings: &Settings) -> Voice {
    Voice {
        id: id(),
        wording: wording::wording(),
        fallback: wording::plugin(),
        formats: formats::formats(&settings.voice),
        forwarding: forwarding::forwarding(settings),
        ambient: ambient::ambient(&settings.voice),
        charset: settings.voice.charset.as_deref().map(charset),
        origin: settings.origin("headers"),
    }
}

/// What nginx does with its directive `charset`.
fn charset(name: &str) -> Charset {
    let media_types = [
        "text/html",
        "text/xml",
        "text/plain",
        "text/vnd.wap.wml",
        "application/javascript",
        "application/rss+xml",
    ];
    Charset {
        charset: name.into(),
        media_types: media_types.map(Into::into).into(),
        except_statuses: vec![301, 302],
    }
}
