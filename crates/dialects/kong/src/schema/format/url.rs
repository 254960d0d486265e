//! URLs, taken apart the lenient way that Kong does.

use super::Refusal;

/// The parts of a URL. There is hardly a text that has none; what makes a URL of use is its host.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Url<'t> {
    pub(crate) scheme: Option<&'t str>,
    pub(crate) userinfo: Option<&'t str>,
    pub(crate) host: Option<&'t str>,
    /// Not necessarily a number.
    pub(crate) port: Option<&'t str>,
    pub(crate) path: Option<&'t str>,
    pub(crate) fragment: Option<&'t str>,
}

impl<'t> Url<'t> {
    /// Takes a text apart; `None` if it is empty.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let mut url = Self::default();
        let mut rest = text;
        if let Some((before, fragment)) = rest.split_once('#') {
            (rest, url.fragment) = (before, Some(fragment));
        }
        if let Some((scheme, after)) = rest.split_once(':')
            && is_scheme(scheme)
        {
            (url.scheme, rest) = (Some(scheme), after);
        }
        if let Some(after) = rest.strip_prefix("//") {
            let end = after.find('/').unwrap_or(after.len());
            url.set_authority(&after[..end]);
            rest = &after[end..];
        }
        let end = rest.find(['?', ';']).unwrap_or(rest.len());
        url.path = Some(&rest[..end]).filter(|path| !path.is_empty());
        Some(url)
    }

    fn set_authority(&mut self, authority: &'t str) {
        let mut rest = authority;
        if let Some((userinfo, after)) = rest.split_once('@') {
            (self.userinfo, rest) = (Some(userinfo), after);
        }
        // The colons of an IPv6 address stand before its bracket.
        if let Some((host, port)) = rest.rsplit_once(':')
            && !port.contains(']')
        {
            (rest, self.port) = (host, Some(port));
        }
        let bare = rest.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        self.host = Some(bare.filter(|host| !host.is_empty()).unwrap_or(rest));
        self.host = self.host.filter(|host| !host.is_empty());
    }
}

pub(super) fn check_url(text: &str) -> Result<(), Refusal> {
    let url = Url::parse(text).ok_or("could not parse url. invalid url")?;
    if url.host.is_none() {
        return Err("missing host in url".into());
    }
    if url.scheme.is_none() {
        return Err("missing scheme in url".into());
    }
    Ok(())
}

pub(super) fn check_absolute_uri(text: &str) -> Result<(), Refusal> {
    let url = Url::parse(text).filter(|url| url.host.is_some() && url.scheme.is_some());
    match url {
        None => Err(format!("cannot parse '{text}'").into()),
        Some(Url { fragment: Some(_), .. }) => {
            Err(format!("fragment not allowed in '{text}'").into())
        }
        Some(_) => Ok(()),
    }
}

fn is_scheme(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts() {
        let url = Url::parse("https://u:p@[::1]:8443/a/b;x?q=1#f");
        let expected = Url {
            scheme: Some("https"),
            userinfo: Some("u:p"),
            host: Some("::1"),
            port: Some("8443"),
            path: Some("/a/b"),
            fragment: Some("f"),
        };
        assert_eq!(url, Some(expected));
    }

    #[test]
    fn what_is_no_url_is_a_path() {
        assert_eq!(Url::parse("nope"), Some(Url { path: Some("nope"), ..Url::default() }));
        assert_eq!(Url::parse(""), None);
        assert_eq!(Url::parse("http://").and_then(|url| url.host), None);
    }

    #[test]
    fn hosts_and_schemes_are_asked_for() {
        assert_eq!(check_url("http://h"), Ok(()));
        assert_eq!(check_url("not a url"), Err("missing host in url".into()));
        assert_eq!(check_url("//h"), Err("missing scheme in url".into()));
        assert_eq!(check_absolute_uri("bad#frag"), Err("cannot parse 'bad#frag'".into()));
        assert_eq!(
            check_absolute_uri("http://h/#f"),
            Err("fragment not allowed in 'http://h/#f'".into())
        );
    }
}
