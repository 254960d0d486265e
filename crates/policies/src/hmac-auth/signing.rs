//! The text that is signed.

use ::filter::Request;

/// Which part of the request stands for `request-line` and `@request-target`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Path and query as received.
    Received,
    /// The canonical path, and the query unless it is empty.
    Canonical,
}

/// Writes the text that `names` ask to be signed: a line for each, joined by line feeds. `None` if
/// one of them stands in the request more than once: of two values, client, gateway and upstream
/// could each mean another.
pub(super) fn write(
    names: &str,
    request: &Request,
    target: Target,
    text: &mut Vec<u8>,
) -> Option<()> {
    text.clear();
    for (ix, name) in names.split(' ').filter(|name| !name.is_empty()).enumerate() {
        if ix > 0 {
            text.push(b'\n');
        }
        match name {
            "request-line" => {
                text.extend_from_slice(request.method.as_str().as_bytes());
                text.push(b' ');
                write_target(request, target, text);
                text.push(b' ');
                text.extend_from_slice(request.version.as_str().as_bytes());
            }
            "@request-target" => {
                text.extend_from_slice(b"@request-target: ");
                let method = request.method.as_str().bytes();
                text.extend(method.map(|byte| byte.to_ascii_lowercase()));
                text.push(b' ');
                write_target(request, target, text);
            }
            name => {
                text.extend_from_slice(name.as_bytes());
                text.push(b':');
                let mut values = request.headers.get_all(name);
                if let Some(value) = values.next() {
                    text.push(b' ');
                    text.extend_from_slice(value);
                }
                if values.next().is_some() {
                    return None;
                }
            }
        }
    }
    Some(())
}

fn write_target(request: &Request, target: Target, text: &mut Vec<u8>) {
    match target {
        Target::Received => text.extend_from_slice(request.target().as_bytes()),
        Target::Canonical => {
            text.extend_from_slice(request.path().as_bytes());
            if let Some(query) = request.query().filter(|query| !query.is_empty()) {
                text.push(b'?');
                text.extend_from_slice(query.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ::filter::Method;

    use super::*;

    fn text(names: &str, target: Target) -> Option<String> {
        let mut request = Request::default();
        request.method = Method::Post;
        request.set_target("/%61?", "/a");
        request.headers.push("Date", "today");
        request.headers.push("X-Empty", "");
        request.headers.push("X-Two", "1");
        request.headers.push("x-two", "2");
        let mut text = b"left over".to_vec();
        write(names, &request, target, &mut text)?;
        Some(String::from_utf8(text).unwrap())
    }

    #[test]
    fn each_name_is_a_line() {
        let signed = text("date request-line  @request-target x-none X-Empty", Target::Received);
        let expected = "date: today\nPOST /%61? HTTP/1.1\n@request-target: post /%61?\nx-none:\nX-Empty: ";
        assert_eq!(signed.as_deref(), Some(expected));
        let signed = text("request-line", Target::Canonical);
        assert_eq!(signed.as_deref(), Some("POST /a HTTP/1.1"));
        assert_eq!(text("", Target::Received).as_deref(), Some(""));
    }

    #[test]
    fn what_is_signed_stands_once() {
        assert_eq!(text("date x-two", Target::Received), None);
    }
}
