//! Configurations of a given size.

use std::fmt::Write;

/// The host of the route that is asked for.
pub(super) const HOST: &str = "bench.example.com";

/// The path that is asked for.
pub(super) const PATH: &str = "/bench";

/// A Kong document with so many routes, ten to a service, and so many callers with a JWT secret
/// each. The first route is the one that [`HOST`] and [`PATH`] ask for; the others are mixed: exact
/// and wildcard hosts, path prefixes, regular expressions, methods.
pub(super) fn document(routes: usize, callers: usize, upstream: u16) -> String {
    let mut text = String::from("_format_version: \"3.0\"\nservices:\n");
    for route in 0..routes {
        if route % 10 == 0 {
            let service = route / 10;
            push(&mut text, format_args!("- name: s{service}\n"));
            push(&mut text, format_args!("  url: http://127.0.0.1:{upstream}\n  routes:\n"));
        }
        push(&mut text, format_args!("  - name: r{route}\n    {}\n", asks(route)));
    }
    if callers > 0 {
        text.push_str("consumers:\n");
    }
    for caller in 0..callers {
        push(&mut text, format_args!("- username: u{caller}\n  jwt_secrets:\n"));
        push(&mut text, format_args!("  - {{key: k{caller}, secret: s{caller:032}}}\n"));
    }
    text
}

/// What a route asks of a request.
fn asks(n: usize) -> String {
    if n == 0 {
        return format!("hosts: [{HOST}]\n    paths: [{PATH}]\n    strip_path: false");
    }
    match n % 10 {
        0..4 => format!("hosts: [h{n}.example.com]\n    paths: [/a{}/b{n}]", n % 97),
        4 | 5 => format!("paths: [/p{}/q{n}]\n    methods: [GET, POST]", n % 1000),
        6 => format!("hosts: [\"*.w{n}.example.com\"]\n    paths: [/w{n}]"),
        7 => format!("hosts: [x{}.example.com]\n    paths: ['~/x{n}/(?<id>\\d+)$']", n % 500),
        8 => format!("hosts: [h{n}.example.com, g{n}.example.com]\n    methods: [GET]"),
        _ => format!("hosts: [m{}.example.com]\n    paths: [/m{n}]\n    methods: [PUT]", n % 300),
    }
}

fn push(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).expect("a String takes whatever it is given");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_what_was_asked_for() {
        let text = document(21, 3, 80);
        assert_eq!(text.matches("- name: r").count(), 21);
        assert_eq!(text.matches("- name: s").count(), 3);
        assert_eq!(text.matches("- username: ").count(), 3);
        assert!(!document(1, 0, 80).contains("consumers"));
    }
}
