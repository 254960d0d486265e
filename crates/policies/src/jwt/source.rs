//! Where a request's token stands.

use std::borrow::Cow;

use filter::{Headers, Request};

use crate::query;

/// The places where a token may stand, in the order in which they are looked at.
pub(super) struct Sources {
    /// Query arguments.
    pub(super) query: Vec<String>,
    /// Cookies.
    pub(super) cookies: Vec<String>,
    /// Headers, in which `Bearer` goes before the token.
    pub(super) headers: Vec<String>,
}

/// Two different tokens were sent, so that two readers of the request could take different
/// callers for its sender.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Multiple;

impl Sources {
    /// The only token of the request, however often it stands there.
    pub(super) fn token<'a>(
        &'a self,
        request: &'a Request,
    ) -> Result<Option<Cow<'a, [u8]>>, Multiple> {
        let mut found: Option<Cow<'a, [u8]>> = None;
        for token in self.tokens(request).filter(|token| !token.is_empty()) {
            if found.as_ref().is_some_and(|found| *found != token) {
                return Err(Multiple);
            }
            found = Some(token);
        }
        Ok(found)
    }

    /// Removes all tokens from the request.
    pub(super) fn remove(&self, request: &mut Request) {
        if let Some(query) = request.query()
            && let Some(rest) = query::without(query, &self.query)
        {
            request.set_query(Some(&rest));
        }
        for name in &self.headers {
            if request.headers.get_all(name).any(|value| bearer(value).is_some()) {
                request.headers.remove(name);
            }
        }
        self.remove_cookies(&mut request.headers);
    }

    fn tokens<'a>(&'a self, request: &'a Request) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let query = request.query().into_iter().flat_map(|query| {
            self.query.iter().flat_map(move |name| query::values(query, name))
        });
        let cookies = self
            .cookies
            .iter()
            .flat_map(|name| cookies(&request.headers).filter(move |(n, _)| *n == name.as_bytes()))
            .map(|(_, value)| Cow::Borrowed(value));
        let headers = self
            .headers
            .iter()
            .flat_map(|name| request.headers.get_all(name))
            .filter_map(bearer)
            .map(Cow::Borrowed);
        query.chain(cookies).chain(headers)
    }

    fn remove_cookies(&self, headers: &mut Headers) {
        let is_token = |name: &[u8]| self.cookies.iter().any(|cookie| name == cookie.as_bytes());
        if !cookies(headers).any(|(name, _)| is_token(name)) {
            return;
        }
        let mut kept = Vec::new();
        for (name, value) in cookies(headers).filter(|(name, _)| !is_token(name)) {
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(name);
            kept.push(b'=');
            kept.extend_from_slice(value);
        }
        if kept.is_empty() {
            headers.remove("cookie");
        } else {
            headers.set("cookie", kept);
        }
    }
}

/// The token of `Bearer` credentials (RFC 6750 section 2.1; schemes ignore case, RFC 9110
/// section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer";
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    let token = rest.trim_ascii();
    let separated = rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    (scheme.eq_ignore_ascii_case(SCHEME) && separated && !token.is_empty()).then_some(token)
}

/// The cookies of a request (RFC 6265 section 4.2.1). Names are case-sensitive.
fn cookies(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers.get_all("cookie").flat_map(|value| value.split(|byte| *byte == b';')).filter_map(
        |pair| {
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            Some((pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii()))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Sources {
            query: names(&["jwt", "t"]),
            cookies: names(&["session"]),
            headers: names(&["authorization", "x-jwt"]),
        }
    }

    fn request(query: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::default();
        request.set_target(&format!("/{query}"), "/");
        for (name, value) in headers {
            request.headers.push(name, value);
        }
        request
    }

    fn token(query: &str, headers: &[(&str, &str)]) -> Result<Option<String>, Multiple> {
        let request = request(query, headers);
        let token = sources().token(&request)?.map(|token| String::from_utf8_lossy(&token).into());
        Ok(token)
    }

    #[test]
    fn a_token_may_stand_in_many_places() {
        let found = Ok(Some("a.b.c".to_owned()));
        assert_eq!(token("?x=1&jwt=a.b.c&y", &[]), found);
        assert_eq!(token("?t=a%2eb.c", &[]), found);
        assert_eq!(token("", &[("Cookie", "x=1; session=a.b.c")]), found);
        assert_eq!(token("", &[("Cookie", "x=1"), ("Cookie", " session = a.b.c ")]), found);
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", "Bearer\ta.b.c"] {
            assert_eq!(token("", &[("Authorization", value)]), found, "{value}");
        }
        assert_eq!(token("", &[("X-JWT", "Bearer a.b.c")]), found);
    }

    #[test]
    fn what_is_no_token_is_not_found() {
        assert_eq!(token("?JWT=a.b.c&jwt=&jwt", &[]), Ok(None));
        assert_eq!(token("", &[("Cookie", "Session=a.b.c; session; session=")]), Ok(None));
        for value in ["Basic abc", "Bearer", "Bearer ", "Bearera.b.c", "a.b.c", "x Bearer a.b.c"] {
            assert_eq!(token("", &[("Authorization", value)]), Ok(None), "{value}");
        }
    }

    #[test]
    fn one_token_may_stand_there_twice_but_not_two() {
        let header = [("Authorization", "Bearer a.b.c")];
        assert_eq!(token("?jwt=a.b.c&t=a.b.c", &header), Ok(Some("a.b.c".into())));
        assert_eq!(token("?jwt=a.b.d", &header), Err(Multiple));
        assert_eq!(token("?jwt=a.b.c&jwt=a.b.d", &[]), Err(Multiple));
        let headers = [("Authorization", "Bearer a.b.c"), ("Authorization", "Bearer x")];
        assert_eq!(token("", &headers), Err(Multiple));
    }

    #[test]
    fn tokens_can_be_removed() {
        let headers = [
            ("Cookie", "a=1; session=x"),
            ("Authorization", "Bearer x"),
            ("Cookie", "b=2"),
            ("X-Jwt", "Basic y"),
        ];
        let mut request = request("?a=1&jwt=x&b=2&t=x", &headers);
        sources().remove(&mut request);
        assert_eq!(request.target(), "/?a=1&b=2");
        let left: Vec<_> = request.headers.iter().collect();
        assert_eq!(left, [("Cookie", &b"a=1; b=2"[..]), ("X-Jwt", b"Basic y")]);
    }

    #[test]
    fn the_only_cookie_takes_its_header_with_it() {
        let mut request = request("", &[("Cookie", "session=x")]);
        sources().remove(&mut request);
        assert!(request.headers.is_empty());
    }
}
