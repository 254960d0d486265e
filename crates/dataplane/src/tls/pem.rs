//! PEM (RFC 7468), read so that it can be said what is wrong with it, and in which line. Nothing
//! of the text itself is ever repeated: it may be a key.

use filter::Problem;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};

/// A certificate and the line of its text where it begins.
pub(super) struct Placed {
    pub(super) line: usize,
    pub(super) certificate: CertificateDer<'static>,
}

/// All certificates of a text, in order; at least one. Sections of another kind are skipped: a
/// file may hold chain and key together.
pub(super) fn certificates(text: &str) -> Result<Vec<Placed>, Problem> {
    let sections = sections(text)?;
    let mut certificates = Vec::new();
    for section in sections.iter().filter(|section| section.label == "CERTIFICATE") {
        let certificate = CertificateDer::from(section.decode()?.1);
        if let Err(error) = x509_parser::parse_x509_certificate(&certificate) {
            let message = format!("what begins in line {} is no certificate", section.line);
            return Err(Problem::new("", format!("{message}: {error}"))
                .help("copy it again from where it was issued"));
        }
        certificates.push(Placed { line: section.line, certificate });
    }
    match (certificates.is_empty(), sections.first()) {
        (false, _) => Ok(certificates),
        (true, Some(other)) => {
            let (line, label) = (other.line, other.label);
            let message = format!("there is no certificate in it; line {line} begins a `{label}`");
            Err(Problem::new("", message)
                .help("a certificate begins with `-----BEGIN CERTIFICATE-----`"))
        }
        (true, None) => Err(nothing(text, "CERTIFICATE")),
    }
}

/// The first private key of a text.
pub(super) fn private_key(text: &str) -> Result<PrivateKeyDer<'static>, Problem> {
    let sections = sections(text)?;
    let is_key = |section: &&Section<'_>| section.label.ends_with("PRIVATE KEY");
    let Some(section) = sections.iter().find(is_key) else {
        let Some(other) = sections.first() else { return Err(nothing(text, "PRIVATE KEY")) };
        let (line, label) = (other.line, other.label);
        let message = format!("there is no private key in it; line {line} begins a `{label}`");
        return Err(Problem::new("", message)
            .help("a private key begins with `-----BEGIN PRIVATE KEY-----`"));
    };
    let line = section.line;
    if section.label == "ENCRYPTED PRIVATE KEY" || section.is_encrypted() {
        let message = format!("the key that begins in line {line} is protected by a passphrase");
        return Err(Problem::new("", message)
            .help("take the passphrase off: `openssl pkey -in key.pem -out plain.pem`"));
    }
    match section.label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {}
        label => {
            let message = format!("line {line} begins a `{label}`, which TLS has no use for");
            return Err(Problem::new("", message)
                .help("use an RSA, ECDSA or Ed25519 key in PKCS #8, PKCS #1 or SEC 1 form"));
        }
    }
    let (kind, der) = section.decode()?;
    Ok(match kind {
        SectionKind::RsaPrivateKey => PrivatePkcs1KeyDer::from(der).into(),
        SectionKind::EcPrivateKey => PrivateSec1KeyDer::from(der).into(),
        _ => PrivatePkcs8KeyDer::from(der).into(),
    })
}

/// What stands between a BEGIN and an END line.
struct Section<'a> {
    label: &'a str,
    /// The line of BEGIN, from 1.
    line: usize,
    /// All lines, trimmed, BEGIN and END among them.
    lines: Vec<&'a str>,
}

impl Section<'_> {
    fn decode(&self) -> Result<(SectionKind, Vec<u8>), Problem> {
        <(SectionKind, Vec<u8>)>::from_pem_slice(self.lines.join("\n").as_bytes()).map_err(|_| {
            let last = self.line + self.lines.len() - 1;
            let message = format!("lines {} to {last} are not valid base64", self.line);
            Problem::new("", message).help("a line or a character was lost: copy it again")
        })
    }

    /// Whether it has the header of OpenSSL's own encryption (RFC 1421 section 4.6.1.1).
    fn is_encrypted(&self) -> bool {
        self.lines.iter().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
    }
}

fn sections(text: &str) -> Result<Vec<Section<'_>>, Problem> {
    let mut sections = Vec::new();
    let mut open: Option<Section<'_>> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(label) = marker(line, "-----BEGIN ") {
            if let Some(open) = open {
                return Err(unfinished(&open));
            }
            open = Some(Section { label, line: number + 1, lines: vec![line] });
        } else if let Some(section) = &mut open {
            section.lines.push(line);
            if marker(line, "-----END ") == Some(section.label) {
                sections.extend(open.take());
            }
        }
    }
    match open {
        Some(open) => Err(unfinished(&open)),
        None => Ok(sections),
    }
}

/// The label of a BEGIN or END line. Labels are repeated in messages: what does not look like one
/// may be a key whose line breaks were lost.
fn marker<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    let label = line.strip_prefix(start)?.strip_suffix("-----")?;
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ';
    (label.len() <= 40 && label.bytes().all(plain)).then_some(label)
}

fn unfinished(section: &Section<'_>) -> Problem {
    let (line, label) = (section.line, section.label);
    Problem::new("", format!("the `{label}` that begins in line {line} does not end"))
        .help(format!("it must end with a line `-----END {label}-----`"))
}

/// What is wrong with a text that has no section.
fn nothing(text: &str, label: &str) -> Problem {
    let begin = format!("-----BEGIN {label}-----");
    let text = text.trim();
    if text.is_empty() {
        return Problem::new("", "it is empty").help(format!("PEM begins with `{begin}`"));
    }
    if text.contains("-----BEGIN") {
        let how = if text.contains("\\n") {
            "it holds `\\` and `n` where lines should end"
        } else {
            "it has lost its line breaks"
        };
        return Problem::new("", how)
            .help("in YAML, write `|` behind the field's name and the PEM's lines indented below");
    }
    let help = match text.lines().count() {
        1 if text.contains(['/', '.']) => "give what the file holds, not its name".to_owned(),
        _ => format!("PEM begins with `{begin}`"),
    };
    Problem::new("", "it is not PEM").help(help)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::KeyPair;

    use super::*;

    fn certificate() -> String {
        let key = KeyPair::generate().unwrap();
        rcgen::CertificateParams::new(["a.test".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem()
    }

    fn wrong(text: &str) -> (String, String) {
        let problem = certificates(text).err().expect("something is wrong");
        (problem.message, problem.help.unwrap_or_default())
    }

    fn wrong_key(text: &str) -> (String, String) {
        let problem = private_key(text).expect_err("something is wrong");
        (problem.message, problem.help.unwrap_or_default())
    }

    #[test]
    fn chains_are_read_with_their_lines_through_comments_indentation_and_crlf() {
        let (first, second) = (certificate(), certificate());
        let indented = second.replace('\n', "\r\n   ");
        let text = format!("# the leaf\n{first}\n{indented}\n");
        let found = certificates(&text).unwrap();
        let lines: Vec<_> = found.iter().map(|placed| placed.line).collect();
        assert_eq!(lines, [2, 2 + first.lines().count() + 1]);
        assert_ne!(found[0].certificate, found[1].certificate);
    }

    #[test]
    fn what_is_wrong_is_said_with_a_remedy() {
        let pem = certificate();
        assert_eq!(wrong(" ").0, "it is empty");
        assert_eq!(wrong("/etc/cert.pem").1, "give what the file holds, not its name");
        assert_eq!(wrong("secret words\nin lines").0, "it is not PEM");
        assert_eq!(
            wrong(&pem.replace('\n', "\\n")).0,
            "it holds `\\` and `n` where lines should end"
        );
        assert_eq!(wrong(&pem.replace('\n', " ")).0, "it has lost its line breaks");
        let unfinished = pem.replace("-----END", "-----FIN");
        assert_eq!(wrong(&unfinished).0, "the `CERTIFICATE` that begins in line 1 does not end");
        let both = format!("{unfinished}\n{pem}");
        assert_eq!(wrong(&both).0, "the `CERTIFICATE` that begins in line 1 does not end");
        let (message, _) = wrong(&pem.replacen("MII", "!!!", 1));
        assert!(message.ends_with("are not valid base64"), "{message}");
        let (message, _) = wrong("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----");
        assert!(message.starts_with("what begins in line 1 is no certificate"), "{message}");
        let key = KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(wrong(&key).0, "there is no certificate in it; line 1 begins a `PRIVATE KEY`");
    }

    #[test]
    fn keys_that_cannot_be_used_are_named_without_being_shown() {
        assert_eq!(
            wrong_key(&certificate()).0,
            "there is no private key in it; line 1 begins a `CERTIFICATE`"
        );
        let section = |label: &str, body: &str| {
            format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
        };
        let encrypted = section("ENCRYPTED PRIVATE KEY", "c2VjcmV0");
        assert!(wrong_key(&encrypted).1.contains("openssl pkey"));
        let old = section("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nc2VjcmV0");
        assert!(wrong_key(&old).1.contains("openssl pkey"));
        let other = section("OPENSSH PRIVATE KEY", "c2VjcmV0");
        assert!(wrong_key(&other).0.contains("`OPENSSH PRIVATE KEY`, which TLS has no use for"));
        let broken = section("PRIVATE KEY", "c2Vj!cmV0");
        let (message, help) = wrong_key(&broken);
        assert!(!message.contains("c2Vj") && !help.contains("c2Vj"));
        assert_eq!(wrong_key("").0, "it is empty");
    }

    #[test]
    fn curve_parameters_before_a_key_are_skipped() {
        let key = KeyPair::generate().unwrap().serialize_pem();
        let text = format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{key}"
        );
        assert!(matches!(private_key(&text), Ok(PrivateKeyDer::Pkcs8(_))));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(-----(BEGIN|END) [A-Z ]{0,12}-----|[ -~]{0,12}|\n){0,12}") {
            let _ = certificates(&text);
            let _ = private_key(&text);
        }
    }
}
