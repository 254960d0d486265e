//! Which of several routes wins, in the router flavor `traditional_compatible`.

use model::Rank;
use uuid::Uuid;

use crate::entities::Route;

/// A namespace of Kong's.
const SPLIT: Uuid = Uuid::from_u128(0x7f145bf9_0dce_4f91_98eb_debbce4b9f6b);

/// Some of a route's paths, which weigh the same. A route without paths is one part without any.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'r> {
    /// The paths.
    pub(super) paths: Vec<&'r str>,
    /// What breaks ties.
    pub(super) id: Uuid,
    weight: Weight,
}

/// What kind of paths a part has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// None.
    Any,
    /// Regular expressions.
    Regex,
    /// Prefixes of so many bytes.
    Prefix(usize),
}

/// The parts that Kong splits a route into: one for each length of its prefixes, and one for all
/// of its regular expressions, in the order in which the first of each is written.
pub(super) fn parts(route: &Route) -> Vec<Part<'_>> {
    let mut groups: Vec<(Weight, Vec<&str>)> = Vec::new();
    for path in route.paths.iter().flatten() {
        let weight = if path.starts_with('~') { Weight::Regex } else { Weight::Prefix(path.len()) };
        match groups.iter_mut().find(|(other, _)| *other == weight) {
            Some((_, paths)) => paths.push(path),
            None => groups.push((weight, vec![path])),
        }
    }
    if groups.is_empty() {
        groups.push((Weight::Any, Vec::new()));
    }
    let is_split = groups.len() > 1;
    let parts = groups.into_iter().enumerate().map(|(index, (weight, paths))| {
        let id = match is_split {
            true => Uuid::new_v5(&SPLIT, format!("{}#{}", route.id, index + 1).as_bytes()),
            false => route.id.uuid(),
        };
        Part { paths, id, weight }
    });
    parts.collect()
}

/// A part's rank. Kong packs the same into 64 bits, where a negative `regex_priority` or one of
/// more than 32 bits would run over into what weighs more; here each has a place of its own.
pub(super) fn rank(route: &Route, part: &Part<'_>) -> Rank {
    let hosts = route.hosts.as_deref().unwrap_or_default();
    let headers = route.headers.as_ref().map_or(0, |headers| headers.len());
    let fields = [
        is_given(&route.methods),
        is_given(&route.hosts),
        headers > 0,
        is_given(&route.snis),
        part.weight != Weight::Any,
    ];
    let number_of_fields = fields.into_iter().filter(|given| *given).count();
    let are_hosts_plain = !hosts.is_empty() && hosts.iter().all(|host| !host.contains('*'));
    let (is_regex, regex_priority, length) = match part.weight {
        Weight::Regex => (true, route.regex_priority.unwrap_or(0), 0),
        Weight::Prefix(length) => (false, 0, length),
        Weight::Any => (false, 0, 0),
    };
    let mut bytes = Vec::with_capacity(32);
    bytes.push(narrow(number_of_fields) << 1 | u8::from(are_hosts_plain));
    bytes.push(narrow(headers));
    bytes.push(u8::from(is_regex));
    // With the sign turned round, negative numbers sort below positive ones.
    bytes.extend((regex_priority ^ i64::MIN).to_be_bytes());
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(part.id.into_bytes());
    Rank::from_bytes(bytes)
}

fn is_given(list: &Option<Vec<String>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

fn narrow(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
