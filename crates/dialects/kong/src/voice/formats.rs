//! The layouts of error bodies.

use std::collections::BTreeMap;

use model::{Choice, Escape, Format, Template, Var};

use crate::settings::{ErrorTemplates, ErrorType, VoiceSettings};

/// Of errors that plugins make: by `Accept`, else JSON.
pub(super) const PLUGIN: &str = "plugin";
/// Of errors that the gateway's core makes: by `Accept`, else by the request's own content type,
/// else as `error_default_type` says.
pub(super) const CORE: &str = "core";
/// `{"message":"…"}`, whatever the client accepts.
pub(super) const MESSAGE: &str = "message";
/// The errors of a token's claims, an object by claim.
pub(super) const CLAIMS: &str = "claims";
/// The page that nginx shows for a status.
pub(super) const PAGE: &str = "page";
/// The page that nginx shows to who speaks plain HTTP where TLS is spoken.
pub(super) const PLAIN_ON_TLS: &str = "plain-on-tls";

pub(super) fn formats(settings: &VoiceSettings) -> BTreeMap<String, Format> {
    let layouts = Layouts::new(&settings.error_templates);
    let mut formats = BTreeMap::from([
        (PLUGIN.to_owned(), layouts.negotiated(grpc_of_plugins(), ErrorType::Json, &[])),
        (CORE.to_owned(), {
            let default = settings.error_default_type;
            layouts.negotiated(grpc_of_core(), default, &BY_CONTENT_TYPE)
        }),
        (MESSAGE.to_owned(), Format::Fixed(grpc_of_core())),
        (CLAIMS.to_owned(), Format::Fixed(claims())),
        (PAGE.to_owned(), Format::Fixed(page())),
        (PLAIN_ON_TLS.to_owned(), Format::Fixed(plain_on_tls())),
    ]);
    for (name, choice) in layouts.named() {
        formats.insert(name.to_owned(), Format::Fixed(choice));
    }
    formats
}

/// The layout for a content type of the request, by how it starts.
const BY_CONTENT_TYPE: [(&str, &str); 5] = [
    ("text/plain", "plain"),
    ("text/html", "html"),
    ("application/xml", "xml"),
    ("application/grpc", MESSAGE),
    ("", "json"),
];

/// The four layouts that can be configured.
struct Layouts {
    json: Choice,
    plain: Choice,
    html: Choice,
    xml: Choice,
}

impl Layouts {
    fn new(templates: &ErrorTemplates) -> Self {
        let text = |source: &Option<crate::settings::TextSource>, default: &'static str| {
            source
                .as_ref()
                .and_then(|source| source.text().map(String::from))
                .unwrap_or(default.into())
        };
        let layout = |media_type: &str, text: String, escape| Choice {
            media_type: media_type.into(),
            content_type: format!("{media_type}; charset=utf-8"),
            body: filled(&text),
            escape,
        };
        Self {
            json: layout("application/json", text(&templates.json, JSON), Escape::Json),
            plain: layout("text/plain", text(&templates.plain, PLAIN), Escape::None),
            html: layout("text/html", text(&templates.html, HTML), Escape::Markup),
            xml: layout("application/xml", text(&templates.xml, XML), Escape::Markup),
        }
    }

    fn named(&self) -> [(&'static str, Choice); 4] {
        [
            ("json", self.json.clone()),
            ("plain", self.plain.clone()),
            ("html", self.html.clone()),
            ("xml", self.xml.clone()),
        ]
    }

    /// `text/*` is answered in plain text, `application/*` in JSON: they stand first.
    fn negotiated(
        &self,
        grpc: Choice,
        unasked: ErrorType,
        by_content_type: &[(&str, &str)],
    ) -> Format {
        let choices =
            vec![self.json.clone(), self.plain.clone(), self.html.clone(), self.xml.clone(), grpc];
        let unasked = match unasked {
            ErrorType::Json => 0,
            ErrorType::Plain => 1,
            ErrorType::Html => 2,
            ErrorType::Xml => 3,
        };
        let by_content_type =
            by_content_type.iter().map(|(start, name)| ((*start).into(), (*name).into()));
        Format::Negotiated {
            choices,
            otherwise: 0,
            unasked,
            by_content_type: by_content_type.collect(),
        }
    }
}

/// A layout with places `%s`: the first is the message, the second the request's id, and `%%` is a
/// percent sign.
fn filled(layout: &str) -> Template {
    let mut template = Template::default();
    let mut values = [Var::Message, Var::RequestId].into_iter();
    let mut text = String::new();
    let mut rest = layout;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        rest = match after.strip_prefix('s') {
            Some(after) => {
                if let Some(value) = values.next() {
                    template = template.then(std::mem::take(&mut text)).then_var(value);
                }
                after
            }
            None => {
                text.push('%');
                after.strip_prefix('%').unwrap_or(after)
            }
        };
    }
    text.push_str(rest);
    template.then(text)
}

/// The answer to a gRPC client that speaks HTTP/1: no body, and no type of one.
fn grpc_of_plugins() -> Choice {
    Choice {
        media_type: "application/grpc".into(),
        content_type: String::new(),
        body: Template::default(),
        escape: Escape::None,
    }
}

fn grpc_of_core() -> Choice {
    Choice {
        media_type: "application/grpc".into(),
        content_type: "application/json; charset=utf-8".into(),
        body: Template::text("{\"message\":\"").then_var(Var::Message).then("\"}"),
        escape: Escape::Json,
    }
}

fn claims() -> Choice {
    Choice {
        media_type: "application/json".into(),
        content_type: "application/json; charset=utf-8".into(),
        body: Template::var(Var::Detail("errors".into())),
        escape: Escape::None,
    }
}

fn page() -> Choice {
    let title =
        |template: Template| template.then_var(Var::Status).then(" ").then_var(Var::StatusText);
    let body = title(Template::text("<html>\r\n<head><title>"))
        .then("</title></head>\r\n<body>\r\n<center><h1>");
    html(title(body).then("</h1></center>\r\n</body>\r\n</html>\r\n"))
}

fn plain_on_tls() -> Choice {
    html(Template::text(
        "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n\
         <body>\r\n<center><h1>400 Bad Request</h1></center>\r\n\
         <center>The plain HTTP request was sent to HTTPS port</center>\r\n</body>\r\n</html>\r\n",
    ))
}

fn html(body: Template) -> Choice {
    Choice {
        media_type: "text/html".into(),
        content_type: "text/html".into(),
        body,
        escape: Escape::Markup,
    }
}

const JSON: &str = "{\n  \"message\":\"%s\",\n  \"request_id\":\"%s\"\n}";

const PLAIN: &str = "%s\nrequest_id: %s\n";

const HTML: &str = "<!doctype html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <title>Error</title>\n  </head>\n  <body>\n    <h1>Error</h1>\n    <p>%s.</p>\n    <p>request_id: %s</p>\n  </body>\n</html>\n";

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error>\n  <message>%s</message>\n  <requestid>%s</requestid>\n</error>\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_layout_are_filled_in_order() {
        let message = || Template::text("a ").then_var(Var::Message);
        assert_eq!(
            filled("a %s b %s c"),
            message().then(" b ").then_var(Var::RequestId).then(" c")
        );
        assert_eq!(filled("a %s 100%% %d"), message().then(" 100% %d"));
        assert_eq!(filled("50%"), Template::text("50%"));
        assert_eq!(filled("é%é"), Template::text("é%é"));
    }

    proptest::proptest! {
        /// A layout without places and doubled signs stays as it is.
        #[test]
        fn text_of_a_layout_is_kept(layout in "[^%]{0,40}") {
            proptest::prop_assert_eq!(filled(&layout), Template::text(layout));
        }

        #[test]
        fn no_layout_breaks_the_reader(layout in "(%s|%%|%|[a-z\u{e9}]){0,12}") {
            let _ = filled(&layout);
        }
    }
}
