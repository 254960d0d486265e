//! Values of the model in few words, for tables.

use std::collections::BTreeSet;

use model::{
    Action, Candidate, Chain, HostMatch, HostPattern, Model, Part, PathMatch, PolicyId, Predicate,
    Scheme, Slot, SniMatch, Template, Upstream, UpstreamId, ValueMatch, Var,
};

/// `api.example.com`, `*.example.com:8080`, `~expression`.
pub(crate) fn host(host: &HostMatch) -> String {
    let name = match &host.pattern {
        HostPattern::Exact(text) => text.clone(),
        HostPattern::Suffix(text) => format!("*{text}"),
        HostPattern::Prefix(text) => format!("{text}*"),
        HostPattern::Regex(text) => format!("~{text}"),
    };
    match host.port {
        Some(port) => format!("{name}:{port}"),
        None => name,
    }
}

/// `/orders` for exactly this, `/orders*` for what begins so, `/orders/*` for it and what is below
/// it, `~expression`.
pub(crate) fn path(path: &PathMatch) -> String {
    match path {
        PathMatch::Exact(text) => text.clone(),
        PathMatch::Prefix(text) => format!("{text}*"),
        PathMatch::Segments(text) => format!("{}/*", text.trim_end_matches('/')),
        PathMatch::Regex(text) => format!("~{text}"),
    }
}

/// What a predicate asks for beside host, method and path, one condition an item.
pub(crate) fn conditions(when: &Predicate) -> Vec<String> {
    let schemes = when.schemes.iter().map(|scheme| scheme_name(*scheme).to_owned());
    let headers = when.headers.iter().map(|header| values("", &header.name, &header.any_of));
    let queries = when.queries.iter().map(|query| values("?", &query.name, &query.any_of));
    let snis = when.snis.iter().map(|sni| match sni {
        SniMatch::Exact(text) => text.clone(),
        SniMatch::Suffix(text) => format!("*{text}"),
        SniMatch::Prefix(text) => format!("{text}*"),
    });
    let sources = when.sources.iter().map(ToString::to_string);
    [one_of("", schemes), one_of("SNI ", snis), one_of("from ", sources)]
        .into_iter()
        .flatten()
        .chain(headers)
        .chain(queries)
        .collect()
}

fn one_of(prefix: &str, items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then(|| format!("{prefix}{}", items.join("|")))
}

fn values(prefix: &str, name: &str, any_of: &[ValueMatch]) -> String {
    let value = |value: &ValueMatch| match value {
        ValueMatch::Exact(text) | ValueMatch::IgnoreCase(text) => text.clone(),
        ValueMatch::Regex(text) => format!("~{text}"),
        ValueMatch::Present => "*".to_owned(),
        ValueMatch::Absent => "(absent)".to_owned(),
    };
    let values: Vec<_> = any_of.iter().map(value).collect();
    format!("{prefix}{name}={}", values.join("|"))
}

/// `http` or `https`.
pub(crate) fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    }
}

/// Where an action leads: `http://host:port/base`, `301 https://…`, or the reason of an answer.
pub(crate) fn target(action: &Action, model: &Model) -> String {
    match action {
        Action::Forward(forward) => {
            let upstreams = forward.upstreams.iter().map(|weighted| {
                upstream(model, &weighted.value).map_or_else(
                    || weighted.value.to_string(),
                    |upstream| format!("{}{}", base(upstream), forward.path.base),
                )
            });
            upstreams.collect::<Vec<_>>().join(" or ")
        }
        Action::Redirect(redirect) => {
            format!("{} {}", redirect.status, template(&redirect.location))
        }
        Action::Reply(reason) => format!("answers {reason}"),
    }
}

/// The upstream by this id.
pub(crate) fn upstream<'m>(model: &'m Model, id: &UpstreamId) -> Option<&'m Upstream> {
    model.upstreams.iter().find(|upstream| upstream.id == *id)
}

/// `http://name:80` of the only endpoint, or `http://name` of a group.
fn base(upstream: &Upstream) -> String {
    let scheme = if upstream.tls.is_some() { "https" } else { "http" };
    match upstream.endpoints.as_slice() {
        [one] => format!("{scheme}://{}", authority(&one.host, one.port)),
        _ => format!("{scheme}://{}", upstream.name),
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn authority(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// The slots of a chain, first those that the request visits, in its order, then those that only
/// the response or the log does.
pub(crate) fn visited(chain: &Chain) -> Vec<&Slot> {
    let mut seen = BTreeSet::new();
    let order = chain.request.iter().chain(&chain.response).chain(&chain.log);
    let order = order.filter(|index| seen.insert(**index));
    order.filter_map(|index| chain.slots.get(usize::from(*index))).collect()
}

/// The policies that a candidate may choose.
pub(crate) fn choices(candidate: &Candidate) -> Vec<&PolicyId> {
    match candidate {
        Candidate::Always(id) => vec![id],
        Candidate::ByPrincipal(map) => map.values().collect(),
    }
}

/// The text with variables in braces: `https://{Host}{Target}`.
pub(crate) fn template(template: &Template) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Var(Var::RequestHeader(name)) => format!("{{header {name}}}"),
        Part::Var(var) => format!("{{{var:?}}}"),
    };
    template.0.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use model::HeaderMatch;

    use super::*;

    #[test]
    fn patterns_look_like_what_they_match() {
        let pattern = |pattern, port| host(&HostMatch { pattern, port });
        assert_eq!(pattern(HostPattern::Exact("a.test".into()), None), "a.test");
        assert_eq!(pattern(HostPattern::Suffix(".a.test".into()), Some(80)), "*.a.test:80");
        assert_eq!(pattern(HostPattern::Prefix("a.".into()), None), "a.*");
        assert_eq!(path(&PathMatch::Exact("/a".into())), "/a");
        assert_eq!(path(&PathMatch::Prefix("/a".into())), "/a*");
        assert_eq!(path(&PathMatch::Segments("/a/".into())), "/a/*");
        assert_eq!(path(&PathMatch::Regex("^/a$".into())), "~^/a$");
    }

    #[test]
    fn other_conditions_are_items() {
        let when = Predicate {
            schemes: vec![Scheme::Https],
            headers: vec![HeaderMatch {
                name: "x-version".into(),
                any_of: vec![ValueMatch::Exact("1".into()), ValueMatch::Regex("^2".into())],
            }],
            sources: vec!["10.0.0.0/8".parse().expect("a network")],
            ..Predicate::default()
        };
        assert_eq!(conditions(&when), ["https", "from 10.0.0.0/8", "x-version=1|~^2"]);
        assert!(conditions(&Predicate::default()).is_empty());
    }

    #[test]
    fn variables_of_templates_stand_in_braces() {
        let location = Template::text("https://").then_var(Var::Host).then("/x");
        assert_eq!(template(&location), "https://{Host}/x");
    }
}
