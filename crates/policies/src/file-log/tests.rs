//! Files that are there, are moved away, or cannot be.

use std::fs;

use serde_json::json;

use super::NAME;
use crate::testing::{Gateway, run, until};

#[test]
fn each_record_is_a_line_of_the_file_that_has_the_name() {
    run(async {
        let gateway = Gateway::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let record = json!({"object": [["status", {"fact": "status"}]]});
        let filter = gateway.start(NAME, json!({"path": path, "record": record}));
        let mut exchange = gateway.exchange();
        for status in [200, 404] {
            exchange.response.status = status;
            filter.log(&exchange);
        }
        until("two are sent", || gateway.counted("log_entries_sent") == 2).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"status\":200}\n{\"status\":404}\n");
        fs::rename(&path, folder.path().join("log.1")).unwrap();
        filter.log(&exchange);
        until("a third is sent", || gateway.counted("log_entries_sent") == 3).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"status\":404}\n");
    });
}

#[test]
fn what_cannot_be_written_is_counted() {
    run(async {
        let gateway = Gateway::new();
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "path": folder.path(), "record": {"constant": 1}, "queue": {"max_retry_time": -1},
        });
        let filter = gateway.start(NAME, config);
        filter.log(&gateway.exchange());
        until("it is given up", || gateway.counted("log_entries_dropped") == 1).await;
    });
    assert_eq!(Gateway::new().problems(NAME, json!({"path": "", "record": {"constant": 1}}))[0].pointer, "/path");
}
