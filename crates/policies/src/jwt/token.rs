//! A token in compact form (RFC 7515 section 7.1), taken apart but not yet believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::claims::Times;
use super::json::{Fault, Value, members};
use super::key::Algorithm;

/// The longest token that is looked at, in bytes. Beyond it the work of reading one would be the
/// attacker's to choose.
pub(super) const MAX_TOKEN: usize = 16 * 1024;

/// The longest signature that an algorithm of ours has, in bytes: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;

/// A token's parts.
pub(super) struct Token<'a> {
    /// The signature and what it covers.
    pub(super) jws: Jws<'a>,
    /// The value of the key claim, from the payload or else from the header.
    pub(super) key: Option<Value<'a>>,
    /// When the token says that it is valid.
    pub(super) times: Times,
}

/// A signature and what it covers.
pub(super) struct Jws<'a> {
    /// Header and payload as they were sent.
    pub(super) signed: &'a [u8],
    /// The algorithm that the header names.
    pub(super) algorithm: Algorithm,
    header_key: Option<Value<'a>>,
    payload: &'a [u8],
    signature: [u8; MAX_SIGNATURE],
    signature_len: usize,
}

/// Why something is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// It is longer than [`MAX_TOKEN`].
    TooLong,
    /// Header or payload is missing, no base64url, no UTF-8 or no JSON.
    Json,
    /// Header or payload holds a name twice.
    DuplicateNames,
    /// The header names no algorithm, or one that is unknown. `none` is one.
    Algorithm,
    /// The header has `crit` (RFC 7515 section 4.1.11): there is no extension that we know.
    Critical,
    /// The signature is missing, no base64url or too long, or more follows.
    Signature,
}

impl Malformed {
    /// What is wrong, in two words.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooLong => "too long",
            Self::Json => "invalid JSON",
            Self::DuplicateNames => "duplicate names",
            Self::Algorithm => "invalid alg",
            Self::Critical => "unsupported crit",
            Self::Signature => "invalid signature",
        }
    }
}

/// Memory that is reused from token to token.
#[derive(Default)]
pub(super) struct Scratch {
    header: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart. Nothing in it is believed before its signature is verified; what the
    /// header says about keys (`jwk`, `jku`, `x5c`, `x5u`) is never looked at (RFC 8725
    /// section 3.10).
    pub(super) fn parse(
        text: &'a [u8],
        key_claim: &str,
        scratch: &'a mut Scratch,
    ) -> Result<Self, Malformed> {
        let jws = Jws::parse(text, key_claim, &mut scratch.header)?;
        let payload = decode(jws.payload, &mut scratch.payload)?;
        let [payload_key, exp, nbf] = members(payload, [key_claim, "exp", "nbf"])?;
        // A payload that is no object claims nothing, whatever the header adds.
        let is_object = payload.trim_start().starts_with('{');
        let key = payload_key.or_else(|| jws.header_key.clone()).filter(|_| is_object);
        Ok(Self { jws, key, times: Times::new(exp.as_ref(), nbf.as_ref()) })
    }
}

impl<'a> Jws<'a> {
    /// Takes the signature and the header; the payload is left as it is.
    pub(super) fn parse(
        text: &'a [u8],
        key_claim: &str,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Self, Malformed> {
        if text.len() > MAX_TOKEN {
            return Err(Malformed::TooLong);
        }
        let mut parts = text.splitn(3, |byte| *byte == b'.');
        let mut part = || parts.next().unwrap_or_default();
        let (header, payload, signature) = (part(), part(), part());
        let [algorithm, critical, header_key] =
            members(decode(header, buffer)?, ["alg", "crit", key_claim])?;
        let algorithm = algorithm.as_ref().and_then(Value::text).and_then(Algorithm::parse);
        if critical.is_some() {
            return Err(Malformed::Critical);
        }
        let mut jws = Self {
            signed: &text[..text.len().min(header.len() + 1 + payload.len())],
            algorithm: algorithm.ok_or(Malformed::Algorithm)?,
            header_key,
            payload,
            signature: [0; MAX_SIGNATURE],
            signature_len: 0,
        };
        let len = URL_SAFE_NO_PAD.decode_slice(signature, &mut jws.signature);
        jws.signature_len = len.ok().filter(|len| *len > 0).ok_or(Malformed::Signature)?;
        Ok(jws)
    }

    /// What the header says in place of the payload's key claim.
    #[cfg(test)]
    pub(super) fn header_key(&self) -> Option<&str> {
        self.header_key.as_ref().and_then(Value::text)
    }

    /// The signature's bytes.
    pub(super) fn signature(&self) -> &[u8] {
        &self.signature[..self.signature_len]
    }
}

impl From<Fault> for Malformed {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Syntax => Self::Json,
            Fault::Duplicate => Self::DuplicateNames,
        }
    }
}

/// Decodes base64url as strictly as RFC 7515 section 2 has it: no padding, no other alphabet, no
/// bits left over.
fn decode<'a>(part: &[u8], buffer: &'a mut Vec<u8>) -> Result<&'a str, Malformed> {
    buffer.clear();
    URL_SAFE_NO_PAD.decode_vec(part, buffer).map_err(|_| Malformed::Json)?;
    std::str::from_utf8(buffer).map_err(|_| Malformed::Json)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(text: &str) -> String {
        URL_SAFE_NO_PAD.encode(text)
    }

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.c2ln", encode(header), encode(payload))
    }

    fn parse(text: &str) -> Result<(Algorithm, Option<String>), Malformed> {
        let mut scratch = Scratch::default();
        let token = Token::parse(text.as_bytes(), "iss", &mut scratch)?;
        Ok((token.jws.algorithm, token.key.as_ref().and_then(Value::text).map(str::to_owned)))
    }

    fn fault(text: &str) -> Malformed {
        parse(text).expect_err("malformed")
    }

    #[test]
    fn a_token_has_three_parts() {
        let sound = token(r#"{"alg":"HS256","typ":"at+jwt"}"#, r#"{"iss":"me"}"#);
        assert_eq!(parse(&sound), Ok((Algorithm::Hs256, Some("me".into()))));
        assert_eq!(fault("bad"), Malformed::Json);
        assert_eq!(fault("aaa.bbb"), Malformed::Json);
        assert_eq!(fault(""), Malformed::Json);
        assert_eq!(fault(&format!("{sound}.x")), Malformed::Signature);
        assert_eq!(fault(&format!("{sound}.")), Malformed::Signature);
        let (two, _) = sound.rsplit_once('.').unwrap();
        assert_eq!(fault(two), Malformed::Signature);
        assert_eq!(fault(&format!("{two}.")), Malformed::Signature);
        assert_eq!(fault(&format!("{two}.{}", "A".repeat(2000))), Malformed::Signature);
    }

    #[test]
    fn the_key_claim_stands_in_the_payload_or_the_header() {
        let key = |header: &str, payload: &str| parse(&token(header, payload)).unwrap().1;
        assert_eq!(key(r#"{"alg":"HS256","iss":"h"}"#, r#"{"iss":"p"}"#), Some("p".into()));
        assert_eq!(key(r#"{"alg":"HS256","iss":"h"}"#, "{}"), Some("h".into()));
        assert_eq!(key(r#"{"alg":"HS256","iss":"h"}"#, " {} "), Some("h".into()));
        assert_eq!(key(r#"{"alg":"HS256"}"#, "{}"), None);
        assert_eq!(key(r#"{"alg":"HS256","iss":"h"}"#, "[]"), None);
        assert_eq!(key(r#"{"alg":"HS256","iss":"h"}"#, "\"{\""), None);
    }

    #[test]
    fn headers_are_judged() {
        let header = |header: &str| fault(&token(header, "{}"));
        for algorithm in ["none", "None", "nOnE", "hs256", "XX1", "", "HS256 "] {
            assert_eq!(header(&format!(r#"{{"alg":"{algorithm}"}}"#)), Malformed::Algorithm);
        }
        assert_eq!(header("{}"), Malformed::Algorithm);
        assert_eq!(header(r#"{"alg":5}"#), Malformed::Algorithm);
        assert_eq!(header("[]"), Malformed::Algorithm);
        assert_eq!(header(r#"{"alg":"HS256","crit":["exp"]}"#), Malformed::Critical);
        assert_eq!(header(r#"{"alg":"HS256","alg":"none"}"#), Malformed::DuplicateNames);
        let payload = token(r#"{"alg":"HS256"}"#, r#"{"iss":"a","iss":"b"}"#);
        assert_eq!(fault(&payload), Malformed::DuplicateNames);
    }

    #[test]
    fn base64url_is_strict() {
        let header = encode(r#"{"alg":"HS256"}"#);
        let sound = format!("{header}.e30.c2ln");
        assert!(parse(&sound).is_ok());
        for (payload, signature) in [("e30=", "c2ln"), ("e31", "c2ln"), ("e3 0", "c2ln")] {
            assert_eq!(fault(&format!("{header}.{payload}.{signature}")), Malformed::Json);
        }
        for signature in ["c2lnYQ==", "c2lnYR", "+/ab", "c2ln ", "c2l\n"] {
            assert_eq!(fault(&format!("{header}.e30.{signature}")), Malformed::Signature);
        }
        let too_long = format!("{sound}{}", "A".repeat(MAX_TOKEN));
        assert_eq!(fault(&too_long), Malformed::TooLong);
    }

    proptest! {
        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Token::parse(&text, "iss", &mut Scratch::default());
        }

        #[test]
        fn never_panics_on_what_looks_like_one(header in ".{0,40}", payload in ".{0,40}", tail in "[.A-Za-z0-9_-]{0,20}") {
            let text = format!("{}.{}.{tail}", encode(&header), encode(&payload));
            let _ = Token::parse(text.as_bytes(), "iss", &mut Scratch::default());
        }
    }
}
