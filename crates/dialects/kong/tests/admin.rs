//! The Admin API over sockets, against what a running Kong 3.9.3 without a database answered.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use config::Findings;
use control::{Cause, Control, Introduction, Process, Report};
use kong::admin::{
    Admin, Balancer, BalancerAddress, BalancerTarget, Connections, Listener, Node, Server,
    Undecided, serve, tls,
};
use kong::settings::{Overrides, Settings};
use kong::{Kong, Options};
use model::{Model, UpstreamId};
use serde_json::{Value, json};

const CONFIG: &str = include_str!("data/admin.yml");

/// A process without workers: every model is well.
struct Idle;

impl Process for Idle {
    fn introduce(&mut self) -> Introduction {
        let kong = Kong::new(settings(), Options::default());
        Introduction { dialects: vec![Box::new(kong)], ..Introduction::default() }
    }

    fn publish(&mut self, _: &Model, _: u64) -> Result<(), Findings> {
        Ok(())
    }

    fn report(&mut self, _: &Report) {}
}

impl Node for Idle {
    fn connections(&self) -> Connections {
        Connections {
            accepted: 3,
            handled: 3,
            active: 2,
            waiting: 2,
            requests: 7,
            ..Default::default()
        }
    }

    fn balancer(&self, _: &UpstreamId) -> Option<Balancer> {
        let address = |port, healthy| BalancerAddress {
            ip: [127, 0, 0, 1].into(),
            port,
            weight: 100,
            healthy,
        };
        let target = BalancerTarget {
            host: "127.0.0.1".into(),
            port: 16080,
            addresses: vec![address(16080, true), address(16081, false)],
        };
        Some(Balancer { checked: true, healthy: true, targets: vec![target] })
    }

    fn set_health(
        &self,
        _: &UpstreamId,
        target: (&str, u16),
        address: Option<(IpAddr, u16)>,
        _: bool,
    ) -> Result<(), Undecided> {
        match (target, address) {
            (("127.0.0.1", 16080), None | Some((_, 16080))) => Ok(()),
            (("127.0.0.1", 16080), _) => Err(Undecided::Unknown),
            _ => Err(Undecided::Unchecked),
        }
    }
}

fn settings() -> Settings {
    let environment = [
        ("KONG_PROXY_LISTEN", "127.0.0.1:1"),
        ("KONG_NODE_ID", "00000000-0000-4000-8000-00000000000a"),
        ("KONG_NGINX_ADMIN_CLIENT_MAX_BODY_SIZE", "64k"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Settings::read(None, environment, &Overrides::default()).0
}

struct Setup {
    server: Server,
    _folder: tempfile::TempDir,
}

impl Setup {
    fn new(config: &str) -> Self {
        Self::with(config, |_| None)
    }

    fn with(config: &str, tls: impl Fn(&Settings) -> Option<Arc<rustls::ServerConfig>>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path: PathBuf = folder.path().join("kong.yml");
        std::fs::write(&path, config).expect("written");
        let control = Control::start(vec![path], Idle).expect("started");
        let report = control.reload(Cause::Start).wait().expect("it runs");
        let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert_eq!(report.outcome.errors, 0, "{findings:?}");
        let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let listener = Listener { socket, tls: tls(&settings()) };
        let kong = Kong::new(settings(), Options::default());
        let admin = Admin::new(control, kong, Arc::new(Idle));
        Self { server: serve(vec![listener], admin).expect("it serves"), _folder: folder }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.addresses()[0]).expect("it listens")
    }

    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut connection = self.connect();
        connection.write_all(request.as_bytes()).expect("sent");
        Answer::read(&mut connection)
    }

    fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], "")
    }

    fn post(&self, target: &str, body: &Value) -> Answer {
        self.send("POST", target, &[("Content-Type", "application/json")], &body.to_string())
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(from: &mut impl Read) -> Self {
        let mut text = String::new();
        from.read_to_string(&mut text).expect("the answer is a text");
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
        let status = head.get(9..12).and_then(|status| status.parse().ok()).expect("a status");
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Without clock readings, without ids that Kong makes up, and without the Lua table in messages,
/// whose keys have no order.
fn comparable(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for clock in ["created_at", "updated_at"] {
                fields.shift_remove(clock);
            }
            if fields.contains_key("key") {
                fields.shift_remove("id");
            }
            if let Some(Value::String(message)) = fields.get_mut("message")
                && let Some(table) = message.find(" is invalid: ")
            {
                message.truncate(table);
            }
            fields.values_mut().for_each(comparable);
        }
        Value::Array(elements) => elements.iter_mut().for_each(comparable),
        _ => {}
    }
}

#[test]
fn answers_are_kongs() {
    let mut wrong = Vec::new();
    for line in include_str!("data/admin.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let setup = Setup::new(CONFIG);
        for step in case["steps"].as_array().expect("a case has steps") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let headers: Vec<(String, String)> = step["headers"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|header| (text(&header[0]), text(&header[1])))
                .collect();
            let headers: Vec<(&str, &str)> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let (method, target, body) =
                (text(&step["method"]), text(&step["target"]), text(&step["body"]));
            let answer = setup.send(&method, &target, &headers, &body);
            let (mut found, mut expected) = (answer.json(), step["answer"].clone());
            comparable(&mut found);
            comparable(&mut expected);
            if json!(answer.status) != step["status"] || found != expected {
                wrong.push(format!(
                    "{}: {method} {target}\n  Kong {} {expected}\n  here {} {found}",
                    case["case"], step["status"], answer.status
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_dump_loads_as_what_it_shows() {
    let setup = Setup::new(CONFIG);
    let dump = setup.get("/config").json()["config"].as_str().expect("it is a text").to_owned();
    assert!(dump.starts_with("_format_version: '3.0'\n_transform: false\nconsumers:\n- id: "));
    let before = setup.get("/routes/r").json();
    let answer = setup.post("/config", &json!({ "config": dump }));
    assert_eq!((answer.status, &answer.json()["routes"]), (201, &json!({ id(&before): before })));
    assert_eq!(setup.get("/config").json()["config"], dump);
}

fn id(entity: &Value) -> String {
    entity["id"].as_str().expect("every entity has an id").to_owned()
}

#[test]
fn documents_come_in_every_form_that_kong_takes() {
    let setup = Setup::new(CONFIG);
    let document =
        |name: &str| format!("_format_version: \"3.0\"\nconsumers:\n- username: {name}\n");
    let forms = [
        ("text/yaml", document("yaml")),
        (
            "multipart/form-data; boundary=B",
            format!(
                "--B\r\nContent-Disposition: form-data; name=config; filename=kong.yml\r\n\r\n{}\r\n--B--\r\n",
                document("multipart")
            ),
        ),
    ];
    for (content_type, body) in forms {
        let answer = setup.send("POST", "/config", &[("Content-Type", content_type)], &body);
        assert_eq!(answer.status, 201, "{content_type}: {}", answer.body);
        let name = content_type.trim_start_matches("text/").split('/').next();
        assert_eq!(setup.get(&format!("/consumers/{}", name.unwrap_or_default())).status, 200);
    }
    let plain = setup.send("POST", "/config", &[("Content-Type", "text/plain")], "x");
    assert_eq!(
        (plain.status, plain.header("content-type")),
        (415, Some("text/html; charset=utf-8"))
    );
    assert_eq!(setup.send("POST", "/config", &[], "").status, 400);
}

#[test]
fn a_document_that_runs_already_can_be_left_out() {
    let setup = Setup::new(CONFIG);
    let body = json!({ "config": CONFIG });
    assert_eq!(setup.post("/config?check_hash=1", &body).status, 304);
    assert_eq!(setup.post("/config?check_hash=0", &body).status, 201);
    let hash = setup.get("/status").json()["configuration_hash"].clone();
    assert_eq!(hash.as_str().map(str::len), Some(32));
    assert_eq!(setup.post("/config", &json!({"_format_version": "3.0"})).status, 201);
    assert_ne!(setup.get("/status").json()["configuration_hash"], hash);
}

#[test]
fn what_cannot_be_read_or_served_is_refused_with_its_place() {
    let setup = Setup::new(CONFIG);
    let answer = setup.post("/config", &json!({"config": "a: b: c: ["}));
    assert_eq!(
        (answer.status, &answer.json()["fields"]["error"]),
        (
            400,
            &json!(
                "failed parsing declarative configuration: 1:4: a value with `: ` cannot stand here"
            )
        )
    );
    let listed = setup.post("/config", &json!({"config": "- 1"}));
    assert_eq!((listed.status, &listed.json()["code"]), (400, &json!(14)));
    assert_eq!(setup.get("/services/s").status, 200);
}

#[test]
fn large_bodies_are_refused() {
    let setup = Setup::new(CONFIG);
    let answer = setup.post("/config", &json!({"config": "x".repeat(70_000)}));
    assert_eq!(answer.status, 413);
}

#[test]
fn pages_of_other_sites_may_not_change_or_read_anything() {
    let setup = Setup::new(CONFIG);
    let foreign =
        [("Origin", "https://evil.example"), ("Content-Type", "application/x-www-form-urlencoded")];
    let form = "config=_format_version%3A%20%223.0%22";
    assert_eq!(setup.send("POST", "/config", &foreign, form).status, 403);
    let read = setup.send("GET", "/services", &foreign, "");
    assert_eq!((read.status, read.header("access-control-allow-origin")), (200, None));
    let own = setup.send("GET", "/services", &[("Origin", "http://localhost:8002")], "");
    assert_eq!(own.header("access-control-allow-origin"), Some("http://localhost:8002"));
    assert_eq!(setup.get("/services/s").status, 200);
}

#[test]
fn lists_come_in_pages() {
    let names = ["a", "b", "c", "d", "e"];
    let consumers =
        names.map(|name| format!("- username: {name}\n  tags: [all, {name}]\n")).concat();
    let setup = Setup::new(&format!("_format_version: \"3.0\"\nconsumers:\n{consumers}"));
    let mut seen = Vec::new();
    let mut next = Some("/consumers?size=2&tags=all".to_owned());
    while let Some(target) = next {
        let page = setup.get(&target).json();
        let data = page["data"].as_array().cloned().unwrap_or_default();
        assert!(data.len() <= 2 && page["offset"].is_string() == page["next"].is_string());
        seen.extend(data.iter().map(id));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert!(seen.len() == 5 && seen.is_sorted());
    for (target, code) in [
        ("/consumers?size=0", 9),
        ("/consumers?size=x", 9),
        ("/consumers?offset=bad", 7),
        ("/consumers?tags=a,b/c", 11),
        ("/consumers?tags=1,2,3,4,5,6", 11),
    ] {
        let answer = setup.get(target);
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(code)), "{target}");
    }
    let either = setup.get("/consumers?tags=a/e").json();
    assert_eq!(either["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(setup.get("/tags/a").json()["data"][0]["entity_name"], "consumers");
    assert_eq!(setup.get("/tags").json()["data"].as_array().map(Vec::len), Some(10));
}

#[test]
fn what_may_be_done_is_told() {
    let setup = Setup::new(CONFIG);
    for (target, methods) in [
        ("/services", "get, head, options, post"),
        ("/services/s", "delete, get, head, options, patch, put"),
        ("/config", "get, head, options, post"),
        ("/", "get, head, options"),
    ] {
        let answer = setup.send("OPTIONS", target, &[], "");
        assert_eq!((answer.status, answer.header("allow")), (204, Some(methods)), "{target}");
    }
    for (method, target) in [("DELETE", "/services"), ("POST", "/"), ("PUT", "/config")] {
        let answer = setup.send(method, target, &[], "");
        assert_eq!(answer.json(), json!({"message": "Method not allowed"}), "{target}");
    }
    assert_eq!(setup.send("TRACE", "/services", &[], "").status, 405);
    let head = setup.send("HEAD", "/services/s/", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.header("content-length").is_some_and(|length| length != "0"));
}

#[test]
fn a_node_tells_of_itself() {
    let setup = Setup::new(CONFIG);
    let node = setup.get("/").json();
    assert_eq!(node["node_id"], "00000000-0000-4000-8000-00000000000a");
    assert_eq!(node["plugins"]["enabled_in_cluster"], json!(["key-auth"]));
    assert!(node["plugins"]["available_on_server"]["jwt"]["priority"].is_number());
    let status = setup.get("/status");
    assert_eq!(status.json()["server"]["connections_active"], 2);
    assert!(status.header("server").is_some_and(|server| server.starts_with("kong/")));
    assert_eq!(setup.get("/status?unit=zz").status, 400);
    let paths = setup.get("/endpoints").json();
    let paths = paths["data"].as_array().expect("it is a list");
    assert!(paths.contains(&json!("/services/{services}/routes")));
    assert_eq!(setup.get("/consumer_groups").status, 404);
    assert_eq!(setup.get("/targets").status, 404);
}

#[test]
fn writes_are_judged_before_they_are_refused() {
    let setup = Setup::new(CONFIG);
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let refused = |method: &str, target: &str, body: &str| {
        let answer = setup.send(method, target, &form, body);
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    let unsupported = |what: &str| (405, format!("cannot {what} when not using a database"));
    assert_eq!(
        refused("POST", "/services", "name=x&host=h&port=80&tags=a"),
        unsupported("create 'services' entities")
    );
    assert_eq!(
        refused("PATCH", "/services/s", "port=x"),
        (400, "schema violation (port: expected an integer)".into())
    );
    assert_eq!(
        refused("PATCH", "/services/s", "port=81"),
        unsupported("update 'services' entities by 'name'")
    );
    assert_eq!(refused("PATCH", "/services/nobody", "port=81"), (404, "Not found".into()));
    assert_eq!(setup.send("DELETE", "/services/nobody", &[], "").status, 204);
    assert_eq!(
        refused("POST", "/routes", "paths=/&service.name=nobody"),
        (
            400,
            "foreign key unresolved (service.name: the foreign key cannot be resolved with \
             '{name=\"nobody\"}' for an existing 'services' entity)"
                .into()
        )
    );
    assert_eq!(
        refused("POST", "/routes", "paths=/&service.name=s"),
        unsupported("create 'routes' entities")
    );
    assert_eq!(refused("POST", "/consumers/alice/key-auth", "ttl=-1").0, 400);
    assert_eq!(refused("DELETE", "/routes/r/service", ""), (405, "Method not allowed".into()));
}

#[test]
fn schemas_are_kongs() {
    let setup = Setup::new(CONFIG);
    let mut wrong = Vec::new();
    for line in include_str!("data/schemas.jsonl").lines() {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let target = case["target"].as_str().unwrap_or_default();
        let (mut found, mut expected) = (setup.get(target).json(), case["answer"].clone());
        settle(&mut found);
        settle(&mut expected);
        if found != expected {
            wrong.push(format!("{target}\n  Kong {expected}\n  here {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Leaves out Kong's prose, what says nothing, what its schemas acquire with use, and what belongs to
/// its own releases and its keyring. Sets of fields have no order.
fn settle(value: &mut Value) {
    const NOTHING: [(&str, Value); 3] = [
        ("required", Value::Bool(false)),
        ("unique", Value::Bool(false)),
        ("default", Value::Null),
    ];
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| {
                let prose = name == "description" && value.is_string();
                let acquired = name == "len_min" && *value == 1;
                let own = matches!(name.as_str(), "encrypted" | "removal_in_version");
                let nothing = NOTHING.iter().any(|(key, of)| key == name && of == value);
                !(prose || acquired || own || nothing)
            });
            if let Some(Value::Object(element)) = fields.get_mut("elements") {
                element.retain(|name, value| !(name == "required" && *value == true));
            }
            for set in ["mutually_exclusive", "at_least_one_of"] {
                if let Some(Value::Array(names)) = fields.get_mut(set) {
                    names.sort_by_key(Value::to_string);
                }
            }
            fields.values_mut().for_each(settle);
        }
        Value::Array(elements) => elements.iter_mut().for_each(settle),
        _ => {}
    }
}

#[test]
fn answers_come_over_tls_too() {
    let made = rcgen::generate_simple_self_signed(vec!["admin.test".into()]).expect("made");
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let environment = [("KONG_ADMIN_SSL_CERT", pem), ("KONG_ADMIN_SSL_CERT_KEY", key)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let (own, _) = Settings::read(None, environment, &Overrides::default());
    let setup = Setup::with(CONFIG, |_| Some(tls(&own, true).expect("the certificate is well")));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("it is a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "admin.test".try_into().expect("it is a name");
    let session = rustls::ClientConnection::new(Arc::new(client), name).expect("it can begin");
    let mut connection = rustls::StreamOwned::new(session, setup.connect());
    let request = "GET /services/s HTTP/1.1\r\nHost: admin.test\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).expect("sent");
    let answer = Answer::read(&mut connection);
    assert_eq!((answer.status, &answer.json()["name"]), (200, &json!("s")));
}
