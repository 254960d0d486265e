//! Texts that a property gives directly or by the name of a file.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use config::{Finding, Findings, Origin, quote};

use super::codes;

/// A text, or the file in which it stands. May be a secret: `Debug` shows paths only.
#[derive(Clone, PartialEq, Eq)]
pub struct TextSource {
    /// Where the property was given.
    pub origin: Origin,
    content: Content,
}

#[derive(Clone, PartialEq, Eq)]
enum Content {
    Text(String),
    File(PathBuf),
}

impl TextSource {
    /// PEM, base64 of it, or a file, as Kong tells them apart.
    pub(super) fn pem(value: &str, origin: Origin) -> Self {
        if is_pem(value) {
            return Self { origin, content: Content::Text(value.to_owned()) };
        }
        let decoded = BASE64_STANDARD
            .decode(value.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match decoded.filter(|text| is_pem(text)) {
            Some(text) => Self { origin, content: Content::Text(text) },
            None => Self::file(value, origin),
        }
    }

    /// A file.
    pub(super) fn file(path: &str, origin: Origin) -> Self {
        Self { origin, content: Content::File(path.into()) }
    }

    /// The text; `None` as long as its file has not been read.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::File(_) => None,
        }
    }

    /// Reads the file, if the text is in one.
    pub(super) fn load(
        &mut self,
        read: &mut impl FnMut(&Path) -> io::Result<String>,
        findings: &mut Findings,
    ) {
        let Content::File(path) = &self.content else { return };
        match read(path) {
            Ok(text) => self.content = Content::Text(text),
            Err(error) => {
                let path = quote(&path.to_string_lossy());
                findings.push(
                    Finding::new(&codes::SETTING_FILE, format!("cannot read {path}: {error}"))
                        .at(&self.origin)
                        .help("correct the path, or the file's permissions"),
                );
            }
        }
    }
}

impl fmt::Debug for TextSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Text(_) => f.write_str("TextSource(…)"),
            Content::File(path) => f.debug_tuple("TextSource").field(path).finish(),
        }
    }
}

fn is_pem(text: &str) -> bool {
    text.contains("-----BEGIN ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";

    #[test]
    fn pem_base64_and_paths_are_told_apart() {
        let source = |value: &str| TextSource::pem(value, Origin::default());
        assert_eq!(source(PEM).text(), Some(PEM));
        assert_eq!(source(&BASE64_STANDARD.encode(PEM)).text(), Some(PEM));
        assert_eq!(source("certs/a.pem").text(), None);
        assert_eq!(format!("{:?}", source(PEM)), "TextSource(…)");
    }

    #[test]
    fn files_are_read_once_and_missing_ones_named() {
        let mut findings = Findings::new();
        let mut source = TextSource::file("a.pem", Origin::document("KONG_SSL_CERT"));
        source.load(&mut |_| Err(io::Error::from(io::ErrorKind::NotFound)), &mut findings);
        assert_eq!(
            findings.to_string(),
            "error[TRI1511]: cannot read `a.pem`: entity not found (KONG_SSL_CERT)"
        );
        source.load(&mut |_| Ok(PEM.into()), &mut findings);
        assert_eq!(source.text(), Some(PEM));
    }
}
