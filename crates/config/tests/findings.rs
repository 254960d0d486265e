//! A golden test for every code of this crate: `tests/findings/<name of the code>/`.
//!
//! All cases are read by one small schema, a gateway of services and routes, and with a small budget.

use std::sync::Arc;

use config::{
    Budget, CATALOGUE, Fields, Finding, Findings, Names, Reader, Rejection, Sources, Span, codes,
    decode, golden, read_auto,
};

const BUDGET: Budget = Budget { bytes: 2000, depth: 8, nodes: 80, alias_nodes: 40 };

#[test]
fn every_code_has_a_case_and_every_case_its_words() {
    golden::check(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/findings"), CATALOGUE, read);
}

fn read(case: &golden::Case) -> (Sources, Findings) {
    let (mut sources, mut findings) = (Sources::new(), Findings::new());
    let mut documents = Vec::new();
    for input in &case.inputs {
        if let Some(text) = decode(&input.name, &input.bytes, &mut findings) {
            documents.extend(read_auto(
                &mut sources,
                input.name.as_str(),
                text,
                &BUDGET,
                &mut findings,
            ));
        }
    }
    let gateways: Vec<Gateway> = documents
        .iter()
        .filter_map(|document| gateway(Fields::new(&document.root, "gateway", &mut findings)?))
        .collect();
    link(&gateways, &mut findings);
    (sources, findings)
}

#[derive(Default)]
struct Gateway {
    services: Vec<(Arc<str>, Span)>,
    routes: Vec<Route>,
}

struct Route {
    service: Option<(Arc<str>, Span)>,
    stream: Option<Span>,
    paths: Option<Span>,
}

fn gateway(mut f: Fields<'_, '_>) -> Option<Gateway> {
    let services =
        f.list("services", |item| item.object("service").and_then(service)).default(Vec::new());
    let routes = f.list("routes", |item| item.object("route").and_then(route)).default(Vec::new());
    let _ = f.map("labels", |_, _, mut value| value.string()).optional();
    f.finish();
    Some(Gateway { services, routes })
}

fn service(fields: Fields<'_, '_>) -> Option<(Arc<str>, Span)> {
    let mut f = fields.hints(&[("paths", "it belongs to a route")]);
    let name = f.string("name").not_empty().length(..=16);
    let name = name.with_span();
    f.string("host").required();
    let _ = f.parse("url", url).optional();
    let _: u16 = f.integer("port").range(1..).default(80);
    let _: u32 = f.integer("retries").default(5);
    let _ = f.number("weight").range(0.0..=1.0).default(1.0);
    let _ = f.one_of("protocol", &[("http", 1), ("https", 2), ("tcp", 3)]).default(1);
    let _ = f.secret("password").length(8..).optional();
    let _ = f.boolean("tls_verify").optional();
    let _: Option<u8> = f.integer("tls_verify_depth").optional();
    let _: Option<u32> = f.integer("timeout").optional();
    f.deprecated("timeout", "use `connect_timeout`, in milliseconds");
    let _: Option<u32> = f.integer("connect_timeout").optional();
    f.exclusive("url", "host");
    f.needs("tls_verify_depth", "tls_verify");
    f.finish();
    name
}

fn route(mut f: Fields<'_, '_>) -> Option<Route> {
    let service = f.string("service").with_span();
    let protocol = f.one_of("protocol", &[("http", false), ("tcp", true)]).with_span();
    let paths = f.list("paths", path).not_empty().with_span();
    let _ = f.set("methods", |mut item: Reader<'_, '_>| item.string()).optional();
    let _ = f.set("hosts", |mut item: Reader<'_, '_>| item.string()).optional();
    let _ = f.boolean("strip_path").default(true);
    f.at_least_one_of(&["paths", "hosts", "methods"]);
    f.finish();
    let stream = protocol.filter(|(stream, _)| *stream).map(|(_, span)| span);
    Some(Route { service, stream, paths: paths.map(|(_, span)| span) })
}

fn path(mut item: Reader<'_, '_>) -> Option<Arc<str>> {
    item.parse(|text| match text.starts_with('/') {
        true => Ok(Arc::from(text)),
        false => Err(Rejection::new("a path begins with a slash", format!("write `/{text}`"))),
    })
}

fn url(text: &str) -> Result<(), &'static str> {
    if text.contains("://") { Ok(()) } else { Err("a URL begins with a scheme, such as `http://`") }
}

fn link(gateways: &[Gateway], findings: &mut Findings) {
    let mut services = Names::new("service");
    for (name, span) in gateways.iter().flat_map(|gateway| &gateway.services) {
        services.define(name, *span, (), findings);
    }
    for route in gateways.iter().flat_map(|gateway| &gateway.routes) {
        if let Some((service, span)) = &route.service {
            services.find(service, *span, findings);
        }
        if let (Some(stream), Some(paths)) = (route.stream, route.paths) {
            findings.push(
                Finding::new(&codes::CONFLICT, "`paths` cannot be used on a route for streams")
                    .at(paths)
                    .label("only HTTP requests have a path")
                    .also(stream, "this route takes TCP connections")
                    .help("match on `sources` or `destinations` instead, or change `protocol`"),
            );
        }
    }
}
