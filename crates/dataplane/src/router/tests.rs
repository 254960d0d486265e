//! The index against plain evaluation of every route, and each kind of match by itself.

use std::sync::Arc;

use ipnet::IpNet;
use model::{
    Action, Chain, HeaderMatch, HostMatch, HostPattern, Labels, Origin, Predicate, QueryMatch,
    Rank, SniMatch, ValueMatch,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

/// A request, owned.
#[derive(Debug, Clone)]
struct Asked {
    host: String,
    port: u16,
    path: String,
    method: Method,
    headers: Headers,
    query: Option<String>,
    sni: Option<String>,
    scheme: Scheme,
    client: IpAddr,
}

impl Asked {
    fn new(host: &str, path: &str) -> Self {
        Self {
            host: host.into(),
            port: 80,
            path: path.into(),
            method: Method::Get,
            headers: Headers::new(),
            query: None,
            sni: None,
            scheme: Scheme::Http,
            client: IpAddr::from([192, 0, 2, 1]),
        }
    }

    fn as_query(&self) -> RouteQuery<'_> {
        RouteQuery {
            host: &self.host,
            port: self.port,
            path: &self.path,
            method: &self.method,
            headers: &self.headers,
            query: self.query.as_deref(),
            sni: self.sni.as_deref(),
            scheme: self.scheme,
            client: self.client,
        }
    }
}

fn route(rank: u128, when: Predicate) -> Route {
    Route {
        id: "r".into(),
        table: "t".into(),
        when,
        rank: Rank::from_parts(&[rank]),
        requirements: vec![],
        chain: Arc::new(Chain::default()),
        action: Action::Reply("none".into()),
        voice: "v".into(),
        labels: Arc::new(Labels::default()),
        origin: Origin::default(),
    }
}

fn indexed(routes: &[Route]) -> Vec<(u32, &Route)> {
    (0..).zip(routes).collect()
}

/// The router of routes given in descending order of rank.
fn router(whens: Vec<Predicate>) -> Router {
    let routes: Vec<Route> =
        (0..).zip(whens).map(|(ix, when)| route(u128::MAX - ix, when)).collect();
    let (router, problems) = Router::compile(&indexed(&routes));
    assert_eq!(problems, []);
    router
}

fn found(router: &Router, asked: &Asked) -> Option<(u32, usize)> {
    router.find(&asked.as_query()).map(|found| (found.route, found.matched))
}

fn path(path: PathMatch) -> Predicate {
    Predicate { paths: vec![path], ..Predicate::default() }
}

fn host(pattern: HostPattern) -> Predicate {
    Predicate { hosts: vec![HostMatch { pattern, port: None }], ..Predicate::default() }
}

/// Evaluates every route as the model's documentation reads.
mod plain {
    use super::*;

    pub(super) fn winner(routes: &[(u32, &Route)], asked: &Asked) -> Option<(u32, usize)> {
        let holding = routes
            .iter()
            .filter_map(|(ix, route)| Some((*ix, route, matched(&route.when, asked)?)));
        let mut best: Option<(u32, &Route, usize)> = None;
        for (ix, route, matched) in holding {
            if best.is_none_or(|(_, other, _)| route.rank > other.rank) {
                best = Some((ix, route, matched));
            }
        }
        best.map(|(ix, _, matched)| (ix, matched))
    }

    fn matched(when: &Predicate, asked: &Asked) -> Option<usize> {
        let hosts = when.hosts.is_empty() || when.hosts.iter().any(|host| host_fits(host, asked));
        let methods =
            when.methods.is_empty() || when.methods.iter().any(|m| m == asked.method.as_str());
        let schemes = when.schemes.is_empty() || when.schemes.contains(&asked.scheme);
        let sources =
            when.sources.is_empty() || when.sources.iter().any(|net| net.contains(&asked.client));
        let snis = when.snis.is_empty()
            || asked.scheme == Scheme::Http
            || asked.sni.as_deref().is_some_and(|sni| when.snis.iter().any(|s| sni_fits(s, sni)));
        let headers = when.headers.iter().all(|header| {
            let values = asked.headers.get_all(&header.name);
            let values: Vec<String> =
                values.map(|v| String::from_utf8(v.into()).expect("text")).collect();
            any_fits(&header.any_of, &values)
        });
        let queries = when.queries.iter().all(|argument| {
            let query = asked.query.as_deref().unwrap_or("");
            let pairs = query.split('&').filter(|pair| !pair.is_empty());
            let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let values: Vec<String> = pairs
                .filter(|(name, _)| *name == argument.name)
                .map(|(_, value)| value.replace('+', " "))
                .collect();
            any_fits(&argument.any_of, &values)
        });
        if !(hosts && methods && schemes && sources && snis && headers && queries) {
            return None;
        }
        if when.paths.is_empty() {
            return Some(1);
        }
        when.paths.iter().find_map(|pattern| path_fits(pattern, &asked.path))
    }

    fn host_fits(host: &HostMatch, asked: &Asked) -> bool {
        let name = asked.host.as_str();
        let fits = match &host.pattern {
            HostPattern::Exact(text) => name == text,
            HostPattern::Suffix(text) => name.ends_with(text.as_str()) && name != text,
            HostPattern::Prefix(text) => name.starts_with(text.as_str()),
            HostPattern::Regex(text) => regex(&format!("^(?:{text})$")).is_match(name),
        };
        fits && (host.port.is_none() || host.port == Some(asked.port))
    }

    fn path_fits(pattern: &PathMatch, path: &str) -> Option<usize> {
        let prefix = |text: &str| path.starts_with(text).then_some(text.len());
        match pattern {
            PathMatch::Exact(text) => (path == text).then_some(path.len()),
            PathMatch::Prefix(text) => prefix(text),
            PathMatch::Segments(text) if text.ends_with('/') => prefix(text),
            PathMatch::Segments(text) if path == text => Some(path.len()),
            PathMatch::Segments(text) => prefix(&format!("{text}/")).map(|len| len - 1),
            PathMatch::Regex(text) => regex(&format!("^(?:{text})")).find(path).map(|m| m.end()),
        }
    }

    fn sni_fits(pattern: &SniMatch, sni: &str) -> bool {
        match pattern {
            SniMatch::Exact(text) => sni == text,
            SniMatch::Suffix(text) => sni.ends_with(text.as_str()) && sni != text,
            SniMatch::Prefix(text) => sni.starts_with(text.as_str()),
        }
    }

    fn any_fits(any_of: &[ValueMatch], values: &[String]) -> bool {
        any_of.iter().any(|test| match test {
            ValueMatch::Exact(text) => values.contains(text),
            ValueMatch::IgnoreCase(text) => {
                values.iter().any(|v| v.to_lowercase() == text.to_lowercase())
            }
            ValueMatch::Regex(text) => values.iter().any(|v| regex(text).is_match(v)),
            ValueMatch::Present => !values.is_empty(),
            ValueMatch::Absent => values.is_empty(),
        })
    }

    fn regex(text: &str) -> regex::Regex {
        regex::Regex::new(text).expect("a valid expression")
    }
}

const HOSTS: [&str; 8] =
    ["", "test", "a.test", "b.test", "x.a.test", "y.x.a.test", "a.b.org", "x.org"];
const PATHS: [&str; 9] = ["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/b", "/b/a%20b", "/c.d"];
const EXPRESSIONS: [&str; 8] =
    ["/a", "/a/[^/]+$", "/(a|b)/(?<rest>.*)", ".*", "/b|/a/b", "/[a-c]+", "(?i)/A", "/a/b$"];

fn host_matches() -> impl Strategy<Value = HostMatch> {
    let text = |texts: &'static [&str]| select(texts).prop_map(str::to_owned);
    let pattern = prop_oneof![
        3 => text(&HOSTS[1..]).prop_map(HostPattern::Exact),
        2 => text(&[".test", ".a.test", ".x.a.test", ".org"]).prop_map(HostPattern::Suffix),
        1 => text(&["a.", "x.", "x.a.", "a.b."]).prop_map(HostPattern::Prefix),
        1 => text(&["[ab]\\.test", "x\\..*", "a|a.test", ".*"]).prop_map(HostPattern::Regex),
    ];
    (pattern, select(&[None, None, Some(80), Some(81)][..]))
        .prop_map(|(pattern, port)| HostMatch { pattern, port })
}

fn path_matches() -> impl Strategy<Value = PathMatch> {
    let literal = || select(&PATHS[..]).prop_map(str::to_owned);
    prop_oneof![
        1 => literal().prop_map(PathMatch::Exact),
        3 => literal().prop_map(PathMatch::Prefix),
        1 => literal().prop_map(PathMatch::Segments),
        1 => select(&EXPRESSIONS[..]).prop_map(|text| PathMatch::Regex(text.into())),
    ]
}

fn value_matches() -> impl Strategy<Value = Vec<ValueMatch>> {
    let text = || select(&["1", "on", "a b"][..]).prop_map(str::to_owned);
    let one = prop_oneof![
        2 => text().prop_map(ValueMatch::Exact),
        1 => text().prop_map(|text| ValueMatch::IgnoreCase(text.to_uppercase())),
        1 => Just(ValueMatch::Regex("^o".into())),
        1 => Just(ValueMatch::Present),
        1 => Just(ValueMatch::Absent),
    ];
    prop::collection::vec(one, 1..3)
}

/// Mostly nothing, sometimes something: or no route would ever hold.
fn rarely<T: std::fmt::Debug + Clone + 'static>(
    some: impl Strategy<Value = Vec<T>> + 'static,
) -> impl Strategy<Value = Vec<T>> {
    prop_oneof![4 => Just(vec![]), 1 => some]
}

fn predicates() -> impl Strategy<Value = Predicate> {
    let names = || select(&["x-a", "x-b"][..]).prop_map(str::to_owned);
    let headers =
        (names(), value_matches()).prop_map(|(name, any_of)| HeaderMatch { name, any_of });
    let queries = (names(), value_matches()).prop_map(|(name, any_of)| QueryMatch { name, any_of });
    let snis = vec![
        SniMatch::Exact("a.test".into()),
        SniMatch::Suffix(".test".into()),
        SniMatch::Prefix("a.".into()),
    ];
    let nets: Vec<IpNet> = ["192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0"]
        .map(|net| net.parse().expect("a network"))
        .into();
    let methods: Vec<String> = ["GET", "POST", "get", "PURGE"].map(str::to_owned).into();
    (
        prop_oneof![1 => Just(vec![]), 3 => prop::collection::vec(host_matches(), 1..4)],
        prop_oneof![1 => Just(vec![]), 3 => prop::collection::vec(path_matches(), 1..4)],
        rarely(subsequence(methods, 1..3)),
        rarely(prop::collection::vec(headers, 1..3)),
        rarely(prop::collection::vec(queries, 1..2)),
        rarely(subsequence(snis, 1..2)),
        rarely(subsequence(vec![Scheme::Http, Scheme::Https], 1..3)),
        rarely(subsequence(nets, 1..3)),
    )
        .prop_map(|(hosts, paths, methods, headers, queries, snis, schemes, sources)| {
            Predicate { hosts, paths, methods, headers, queries, snis, schemes, sources }
        })
}

fn requests() -> impl Strategy<Value = Asked> {
    let values = || select(&["", "1", "on", "ON", "a b"][..]);
    let pairs = || prop::collection::vec((select(&["x-a", "x-b"][..]), values()), 0..3);
    let methods = ["GET", "POST", "get", "PURGE"]
        .map(|name| Method::parse(name.as_bytes()).expect("a token"));
    let clients: [IpAddr; 3] =
        [[192, 0, 2, 1].into(), [10, 0, 0, 1].into(), "2001:db8::1".parse().expect("an address")];
    (
        (select(&HOSTS[..]), select(&[80u16, 81][..]), select(&PATHS[..])),
        (select(methods.to_vec()), pairs(), pairs()),
        select(&[None, Some("a.test"), Some("b.org")][..]),
        select(&[Scheme::Http, Scheme::Https][..]),
        select(clients.to_vec()),
    )
        .prop_map(|((host, port, path), (method, fields, arguments), sni, scheme, client)| {
            let mut headers = Headers::new();
            for (name, value) in fields {
                headers.push(name, value);
            }
            let pairs =
                arguments.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+")));
            Asked {
                host: host.into(),
                port,
                path: path.into(),
                method,
                headers,
                query: Some(pairs.collect::<Vec<_>>().join("&")),
                sni: sni.map(str::to_owned),
                scheme,
                client,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_index_agrees_with_plain_evaluation(
        whens in prop::collection::vec((0u128..6, predicates()), 0..24),
        asked in prop::collection::vec(requests(), 1..8),
    ) {
        let routes: Vec<Route> = whens.into_iter().map(|(rank, when)| route(rank, when)).collect();
        let routes = indexed(&routes);
        let (router, problems) = Router::compile(&routes);
        prop_assert_eq!(problems, []);
        for asked in asked {
            let expected = plain::winner(&routes, &asked);
            prop_assert_eq!(found(&router, &asked), expected, "{:?}", asked);
            let candidates = explain(&routes, &asked.as_query());
            let won = candidates.iter().find_map(|candidate| match candidate.verdict {
                Verdict::Won { matched } => Some((candidate.route, matched)),
                _ => None,
            });
            prop_assert_eq!(won, expected);
        }
    }
}

#[test]
fn each_kind_of_path_matches_its_own_way() {
    let router = router(vec![
        path(PathMatch::Exact("/exact".into())),
        path(PathMatch::Segments("/seg".into())),
        path(PathMatch::Regex(r"/users/(?<id>\d+)".into())),
        path(PathMatch::Prefix("/pre".into())),
        path(PathMatch::Prefix("/sp ace".into())),
    ]);
    let found = |path| found(&router, &Asked::new("", path));
    assert_eq!(found("/exact"), Some((0, 6)));
    assert_eq!(found("/exact/"), None);
    assert_eq!(found("/seg"), Some((1, 4)));
    assert_eq!(found("/seg/x"), Some((1, 4)));
    assert_eq!(found("/segx"), None);
    assert_eq!(found("/users/42/x"), Some((2, 9)));
    assert_eq!(found("/users/x"), None);
    assert_eq!(found("/prefix"), Some((3, 4)));
    assert_eq!(found("/sp%20ace/x"), Some((4, 9)));
    assert_eq!(found("/other"), None);

    let asked = Asked::new("", "/users/42/x");
    let found = router.find(&asked.as_query()).expect("a route");
    let captures = found.captures(&asked.path).expect("an expression");
    assert_eq!(captures.name("id").map(|group| group.as_bytes()), Some(&b"42"[..]));
}

#[test]
fn the_root_as_segments_takes_all_paths() {
    let router = router(vec![path(PathMatch::Segments("/".into()))]);
    assert_eq!(found(&router, &Asked::new("", "/a/b")), Some((0, 1)));
}

#[test]
fn the_first_pattern_of_a_route_that_holds_counts() {
    let both = |first, second| {
        router(vec![Predicate { paths: vec![first, second], ..Predicate::default() }])
    };
    let (short, long) = (PathMatch::Prefix("/a".into()), PathMatch::Prefix("/a/b".into()));
    let asked = Asked::new("", "/a/b/c");
    assert_eq!(found(&both(short.clone(), long.clone()), &asked), Some((0, 2)));
    assert_eq!(found(&both(long, short), &asked), Some((0, 4)));
}

#[test]
fn each_kind_of_host_matches_its_own_way() {
    let router = router(vec![
        host(HostPattern::Exact("a.test".into())),
        host(HostPattern::Suffix(".example.com".into())),
        host(HostPattern::Prefix("api.".into())),
        host(HostPattern::Regex(r"v\d+\.org".into())),
        Predicate {
            hosts: vec![HostMatch {
                pattern: HostPattern::Exact("p.test".into()),
                port: Some(8080),
            }],
            ..Predicate::default()
        },
    ]);
    let found = |host: &str, port| {
        found(&router, &Asked { port, ..Asked::new(host, "/") }).map(|(route, _)| route)
    };
    assert_eq!(found("a.test", 80), Some(0));
    assert_eq!(found("x.y.example.com", 80), Some(1));
    assert_eq!(found(".example.com", 80), None);
    assert_eq!(found("example.com", 80), None);
    assert_eq!(found("api.anything.net", 80), Some(2));
    assert_eq!(found("v12.org", 80), Some(3));
    assert_eq!(found("xv12.org", 80), None);
    assert_eq!(found("p.test", 8080), Some(4));
    assert_eq!(found("p.test", 80), None);
    assert_eq!(found("", 80), None);
}

#[test]
fn server_names_are_only_asked_for_over_tls() {
    let snis = vec![SniMatch::Exact("a.test".into()), SniMatch::Suffix(".b.test".into())];
    let router = router(vec![Predicate { snis, ..Predicate::default() }]);
    let found = |scheme, sni: Option<&str>| {
        let asked = Asked { scheme, sni: sni.map(str::to_owned), ..Asked::new("", "/") };
        found(&router, &asked).is_some()
    };
    assert!(found(Scheme::Http, None));
    assert!(!found(Scheme::Https, None));
    assert!(found(Scheme::Https, Some("a.test")) && found(Scheme::Https, Some("x.b.test")));
    assert!(!found(Scheme::Https, Some("b.test")));
}

#[test]
fn ipv4_clients_of_ipv6_sockets_are_ipv4_clients() {
    let sources = vec!["192.0.2.0/24".parse().expect("a network")];
    let router = router(vec![Predicate { sources, ..Predicate::default() }]);
    let client = "::ffff:192.0.2.7".parse().expect("an address");
    assert!(found(&router, &Asked { client, ..Asked::new("", "/") }).is_some());
}

#[test]
fn a_route_with_a_problem_is_left_out() {
    let routes = [
        route(3, path(PathMatch::Regex("/(".into()))),
        route(2, host(HostPattern::Suffix("example.com".into()))),
        route(1, Predicate::default()),
    ];
    let (router, problems) = Router::compile(&indexed(&routes));
    let places: Vec<_> = problems.iter().map(|problem| (problem.route, problem.part)).collect();
    assert_eq!(places, [(0, "paths"), (1, "hosts")]);
    assert_eq!(
        problems[1].to_string(),
        "hosts: the suffix `example.com` does not start with a dot"
    );
    assert_eq!(router.len(), 1);
    assert_eq!(found(&router, &Asked::new("x.example.com", "/")), Some((2, 1)));

    let verdicts = explain(&indexed(&routes), &Asked::new("x.example.com", "/").as_query());
    assert!(matches!(verdicts[0].verdict, Verdict::Broken(_)));
    assert!(matches!(verdicts[1].verdict, Verdict::Broken(_)));
    assert_eq!(verdicts[2].verdict, Verdict::Won { matched: 1 });
}

#[test]
fn explanations_say_what_failed() {
    let on_a = |paths: &[&str]| Predicate {
        paths: paths.iter().map(|text| PathMatch::Prefix((*text).into())).collect(),
        ..host(HostPattern::Exact("a.test".into()))
    };
    let header =
        HeaderMatch { name: "x-a".into(), any_of: vec![ValueMatch::IgnoreCase("1".into())] };
    let routes = [
        route(9, Predicate { methods: vec!["POST".into(), "PUT".into()], ..on_a(&["/x"]) }),
        route(8, Predicate { headers: vec![header], ..on_a(&[]) }),
        route(7, on_a(&["/y", "/z"])),
        route(6, on_a(&["/x"])),
        route(5, path(PathMatch::Prefix("/X/y".into()))),
        route(4, path(PathMatch::Prefix("/unrelated".into()))),
        route(3, host(HostPattern::Exact("b.test".into()))),
        route(2, Predicate::default()),
    ];
    let candidates = explain(&indexed(&routes), &Asked::new("a.test", "/x").as_query());
    let words: Vec<String> = candidates
        .iter()
        .map(|candidate| match &candidate.verdict {
            Verdict::Lost(misses) => {
                let misses: Vec<_> = misses.iter().map(Miss::to_string).collect();
                format!("{} {}", candidate.route, misses.join("; "))
            }
            verdict => format!("{} {verdict:?}", candidate.route),
        })
        .collect();
    assert_eq!(
        words,
        [
            "0 method: asks for `POST` or `PUT`, but sees `GET`",
            "1 header `x-a`: asks for `1` in any case, but sees none",
            "2 path: asks for the prefix `/y` or the prefix `/z`, but sees `/x`",
            "3 Won { matched: 2 }",
            "4 path: asks for the prefix `/X/y`, but sees `/x`",
            "7 Outranked",
        ]
    );
}

#[test]
fn if_no_route_comes_near_the_first_ones_are_explained() {
    let routes: Vec<Route> =
        (0..12).map(|rank| route(rank, path(PathMatch::Prefix("/orders".into())))).collect();
    let candidates = explain(&indexed(&routes), &Asked::new("a.test", "/users").as_query());
    let shown: Vec<u32> = candidates.iter().map(|candidate| candidate.route).collect();
    assert_eq!(shown, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let lost =
        |candidate: &Candidate| matches!(&candidate.verdict, Verdict::Lost(m) if m.len() == 1);
    assert!(candidates.iter().all(lost));
}

impl Router {
    /// Bytes on the heap.
    fn heap_size(&self) -> usize {
        let patterns = self.rules.iter().map(|rule| match &rule.path {
            PathTest::Regex(pattern) => pattern.heap_size(),
            _ => 0,
        });
        self.hosts.heap_size()
            + self.trie.heap_size()
            + size_of_val(&*self.rules)
            + size_of_val(&*self.conditions)
            + patterns.sum::<usize>()
    }

    /// How many rules a request could have to try.
    fn reach(&self, asked: &Asked) -> usize {
        let mut reach = 0;
        self.hosts.visit(&asked.host, asked.port, |root| {
            self.trie.walk(root, asked.path.as_bytes(), |rules| reach += rules.len());
        });
        reach
    }
}

const MANY: u32 = 100_000;

/// What a hundred thousand routes cost in memory, and how many of them one request meets.
#[track_caller]
fn check_many(when: impl Fn(u32) -> Predicate, asked: impl Fn(u32) -> Asked) {
    let routes: Vec<Route> =
        (0..MANY).map(|ix| route(u128::from(ix.wrapping_mul(0x9E37_79B1)), when(ix))).collect();
    let (router, problems) = Router::compile(&indexed(&routes));
    assert_eq!(problems, []);
    assert!(router.trie.node_count() <= 2 * MANY as usize, "{} nodes", router.trie.node_count());
    let each = router.heap_size() / MANY as usize;
    assert!(each <= 400, "{each} bytes a route");
    for ix in (0..MANY).step_by(997) {
        let asked = asked(ix);
        assert_eq!(found(&router, &asked).map(|(route, _)| route), Some(ix));
        assert_eq!(router.reach(&asked), 1);
    }
}

#[test]
fn many_hosts_stay_small() {
    let name = |ix: u32| format!("tenant-{ix}.api.example.com");
    let when = |ix| Predicate {
        paths: vec![PathMatch::Prefix("/".into())],
        ..host(HostPattern::Exact(name(ix)))
    };
    check_many(when, |ix| Asked::new(&name(ix), "/orders/12"));
}

#[test]
fn many_paths_stay_small() {
    let when = |ix: u32| path(PathMatch::Prefix(format!("/services/{:x}/v{}/", ix >> 3, ix & 7)));
    check_many(when, |ix| Asked::new("a.test", &format!("/services/{:x}/v{}/x", ix >> 3, ix & 7)));
}

#[test]
fn many_expressions_stay_small() {
    let when =
        |ix: u32| path(PathMatch::Regex(format!(r"/things/{ix:06}/(?<id>[^/]+)/parts/\d+$")));
    check_many(when, |ix| Asked::new("", &format!("/things/{ix:06}/a/parts/7")));
}
