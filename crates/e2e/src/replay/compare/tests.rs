use serde_json::json;

use super::*;

const ID: &str = "b472362af9826730555f863901b6fe76";
const NOW: &str = "00000000000000000000000000000001";

fn recorded(headers: Value, body: &str, varies: Value) -> Step {
    serde_json::from_value(json!({
        "request": {"listener": "proxy", "method": "GET", "target": "/", "version": "HTTP/1.1",
            "headers": [], "body": null},
        "response": {"status": 200, "headers": headers, "body": body},
        "upstream_saw": [],
        "varies": varies,
    }))
    .expect("a step")
}

fn answer(headers: Value, body: &str) -> Message {
    serde_json::from_value(json!({"status": 200, "headers": headers, "body": body})).expect("one")
}

fn received(headers: Value) -> Received {
    serde_json::from_value(json!({"port": 1, "method": "GET", "target": "/", "version": "HTTP/1.1",
        "headers": headers, "body": ""}))
    .expect("a request")
}

/// The paths at which an answer differs, links learnt as a run learns them.
fn paths(recorded: &Step, answer: Message) -> Vec<String> {
    let mut links = Links::default();
    links.learn_from(recorded, &answer);
    step(recorded, &Ok(answer), &[], &links).into_iter().map(|d| d.path).collect()
}

#[test]
fn fields_are_a_multimap_without_framing() {
    let headers = json!([["A", "1"], ["a", "2"], ["Content-Length", "3"], ["Connection", "close"]]);
    let step = recorded(headers, "x", json!([]));
    let same = json!([["a", "2"], ["A", "1"], ["Transfer-Encoding", "chunked"]]);
    assert!(paths(&step, answer(same, "x")).is_empty());
    let other = json!([["a", "2"], ["a", "2"], ["Connection", "Upgrade, keep-alive"]]);
    let differ = ["response.headers.a", "response.headers.connection"];
    assert_eq!(paths(&step, answer(other, "x")), differ);
}

#[test]
fn what_varies_is_free_but_there() {
    let varies = json!(["response.headers.date", "response.headers.x-n"]);
    let step = recorded(json!([["Date", "then"], ["X-N", "7"], ["X-M", "7"]]), "", varies);
    assert!(
        paths(&step, answer(json!([["Date", "now"], ["X-N", "8"], ["X-M", "7"]]), "")).is_empty()
    );
    let differ = ["response.headers.date", "response.headers.x-m"];
    assert_eq!(paths(&step, answer(json!([["X-N", "8"], ["X-M", "8"]]), "")), differ);
}

#[test]
fn json_is_compared_by_value() {
    let step = recorded(json!([]), r#"{"a": 1, "b": [true, {}], "c": null}"#, json!([]));
    assert!(paths(&step, answer(json!([]), r#"{"b":[true,{}],"c":null,"a":1}"#)).is_empty());
    let differ = ["response.body.a", "response.body.b[1]", "response.body.c"];
    assert_eq!(paths(&step, answer(json!([]), r#"{"a":"1","b":[true,[]]}"#)), differ);
}

#[test]
fn the_error_template_is_a_text() {
    let body = |gap: &str, id: &str| {
        format!("{{\n  \"message\":\"No\",\n{gap}\"request_id\":\"{id}\"\n}}")
    };
    let varies = json!(["response.headers.x-kong-request-id", "response.body.request_id"]);
    let step = recorded(json!([["X-Kong-Request-Id", ID]]), &body("  ", ID), varies);
    let answered =
        |gap: &str, id: &str| answer(json!([["X-Kong-Request-Id", NOW]]), &body(gap, id));
    assert!(paths(&step, answered("  ", NOW)).is_empty());
    assert_eq!(paths(&step, answered("", NOW)), ["response.body"]);
    assert_eq!(paths(&step, answered("  ", ID)), ["response.body"]);
}

#[test]
fn an_id_without_its_header_is_free() {
    let text = |id: &str| format!("Bad request\nrequest_id: {id}\n");
    let step = recorded(json!([]), &text(ID), json!(["response.body"]));
    assert!(paths(&step, answer(json!([]), &text(NOW))).is_empty());
    assert_eq!(paths(&step, answer(json!([]), &text("none"))), ["response.body"]);
}

#[test]
fn an_echo_must_be_unchanged() {
    let step =
        recorded(json!([]), "<<echo of upstream_saw[0] as JSON>>", json!(["upstream_saw.count"]));
    let seen = [received(json!([["Host", "h"]]))];
    let differences =
        |body: String| super::step(&step, &Ok(answer(json!([]), &body)), &seen, &Links::default());
    assert!(differences(seen[0].echoed().to_string()).is_empty());
    assert_eq!(differences(received(json!([])).echoed().to_string()).len(), 1);
}

#[test]
fn upstreams_see_what_was_recorded_with_this_runs_ids() {
    let varies =
        json!(["response.headers.x-kong-request-id", "upstream_saw[0].headers.x-kong-request-id"]);
    let mut step = recorded(json!([["X-Kong-Request-Id", ID]]), "", varies);
    let uuid = "20d4e2f8-11a0-40cd-b557-2e958bcdefcf";
    step.upstream_saw =
        vec![received(json!([["X-Kong-Request-Id", ID], ["X-Credential-Identifier", uuid]]))];
    let answered = answer(json!([["X-Kong-Request-Id", NOW]]), "");
    let mut links = Links::default();
    links.learn_from(&step, &answered);
    let differences = |id: &str, credential: &str| {
        let headers = json!([["X-Kong-Request-Id", id], ["X-Credential-Identifier", credential]]);
        let found = super::step(&step, &Ok(answered.clone()), &[received(headers)], &links);
        found.into_iter().map(|d| d.path).collect::<Vec<_>>()
    };
    let other = uuid.replace('2', "3");
    assert!(differences(NOW, &other).is_empty());
    assert_eq!(differences(ID, uuid), ["upstream_saw[0].headers.x-kong-request-id"]);
    assert_eq!(differences(NOW, "alice"), ["upstream_saw[0].headers.x-credential-identifier"]);
    let none = super::step(&step, &Ok(answered.clone()), &[], &links);
    assert_eq!(none[0].path, "upstream_saw.count");
}

#[test]
fn no_response_is_a_difference() {
    let step = recorded(json!([]), "", json!([]));
    let found = super::step(&step, &Err("closed".to_owned()), &[], &Links::default());
    assert_eq!(found, [Difference::new("response", "status 200", "closed")]);
}

#[test]
fn refusals_agree_but_for_the_dump() {
    let refused = |message: &str, field: &str| {
        let body = json!({"message": format!("declarative config is invalid: {message}"),
            "code": 14, "fields": {"a": field}});
        answer(json!([["Date", message], ["X-Kong-Admin-Latency", message]]), &body.to_string())
    };
    let differences =
        |answer| refusal(&refused("{x=1,y=2}", "bad"), &Ok(answer), &Links::default());
    assert!(differences(refused("{y=2,x=1}", "bad")).is_empty());
    assert_eq!(differences(refused("{y=2,x=1}", "worse"))[0].path, "config_load.body.fields.a");
    assert_eq!(differences(answer(json!([]), "no"))[0].path, "config_load.headers.date");
}

#[test]
fn the_process_of_an_admin_answer_is_its_own() {
    let body = |pid: u32, version: &str| {
        let settings = if pid == 1 { json!({"a": 1}) } else { json!({"b": null}) };
        let pids = json!({"workers": [pid]});
        json!({"pids": pids, "configuration": settings, "node_id": pid, "version": version})
            .to_string()
    };
    let mut step = recorded(json!([]), &body(1, "3.9.3"), json!([]));
    step.request.listener = Listener::Admin;
    assert!(paths(&step, answer(json!([]), &body(2, "3.9.3"))).is_empty());
    assert_eq!(paths(&step, answer(json!([]), &body(1, "4"))), ["response.body.version"]);
    step.request.listener = Listener::Proxy;
    assert_eq!(paths(&step, answer(json!([]), &body(2, "3.9.3"))).len(), 4);
}
