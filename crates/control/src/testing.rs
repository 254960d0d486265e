//! A dialect for tests: `{colour: words}` opens a port and keeps the words.

use std::net::SocketAddr;
use std::sync::Arc;

use config::{Document, Finding, Origin};
use model::Model;

use crate::{Dialect, Documents, Introduction, Translation};

config::codes! {
    /// A word that the dialect does not like.
    BAD_WORD = {
        code: "TRI9901",
        name: "bad-word",
        severity: Error,
        title: "bad word",
        means: "The word is `bad`.",
        mend: "Use another.",
        example: "red: bad",
    }
}

/// What a document said.
pub(crate) struct Words(pub(crate) Vec<String>);

/// The dialect of one colour.
pub(crate) struct Colour {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
}

/// The dialects of these colours.
pub(crate) fn introduction(colours: &[&'static str]) -> Introduction {
    let dialects = colours
        .iter()
        .zip(1..)
        .map(|(name, port)| -> Box<dyn Dialect> { Box::new(Colour { name, port }) });
    Introduction { dialects: dialects.collect(), ..Introduction::default() }
}

impl Dialect for Colour {
    fn name(&self) -> &'static str {
        self.name
    }

    fn recognises(&self, document: &Document) -> bool {
        document.root.get(self.name).is_some()
    }

    fn mark(&self) -> &'static str {
        "its colour"
    }

    fn translate(&self, documents: &Documents<'_>) -> Translation {
        let mut translation = Translation::default();
        let mut words = Vec::new();
        for document in &documents.items {
            let node = document.root.get(self.name).expect("it is recognised by it");
            let word = node.to_json().to_string().replace('"', "");
            if word == "bad" {
                translation.findings.push(Finding::new(&BAD_WORD, "bad").at(node.span));
            }
            words.push(word);
        }
        translation.model = self.model(&words);
        translation.view = Some(Box::new(|| Arc::new(Words(words))));
        translation
    }
}

impl Colour {
    fn model(&self, words: &[String]) -> Model {
        let voice = model::VoiceId::from(self.name);
        let origin = Origin::document(words.concat());
        let listener = model::Listener {
            id: self.name.into(),
            bind: SocketAddr::from(([127, 0, 0, 1], self.port)),
            public_port: None,
            backlog: 1,
            tls: false,
            tls_settings: Default::default(),
            proxy_protocol: Default::default(),
            protocol: model::Protocol::Http(model::HttpSettings {
                http2: false,
                limits: model::Limits::default(),
                paths: model::PathRules {
                    merge_slashes: false,
                    encoded_slash: model::EncodedSlash::Keep,
                },
                keepalive: std::time::Duration::ZERO,
                keepalive_requests: 0,
            }),
            tables: Vec::new(),
            voice: voice.clone(),
            client_address: model::ClientAddress::default(),
            origin: origin.clone(),
        };
        let wording =
            model::Wording { status: None, message: None, format: None, headers: Vec::new() };
        let voice = model::Voice {
            id: voice,
            wording: Default::default(),
            fallback: wording,
            formats: Default::default(),
            forwarding: model::Forwarding::default(),
            ambient: Vec::new(),
            charset: None,
            origin,
        };
        Model { listeners: vec![listener], voices: vec![voice], ..Model::default() }
    }
}
