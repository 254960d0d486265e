//! Kong's documents: read, translated, and compiled for the data plane. What is refused has a
//! finding; what is not can be served.
#![no_main]

use std::sync::LazyLock;

use config::{Budget, Document, Findings, Sources, read_auto};
use control::{Dialect, Documents};
use filter::Kinds;
use kong::settings::{Overrides, Settings};
use kong::{Kong, Options};

static KONG: LazyLock<Kong> = LazyLock::new(|| {
    let (settings, _) = Settings::read(None, [], &Overrides::default());
    Kong::new(settings, Options { skip_unknown_plugins: true, ..Options::default() })
});
static KINDS: LazyLock<Kinds> = LazyLock::new(policies::kinds);

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (mut sources, mut findings) = (Sources::new(), Findings::new());
    let documents = read_auto(&mut sources, "kong.yml", text, &Budget::NETWORK, &mut findings);
    if findings.has_errors() {
        return;
    }
    let items: Vec<&Document> =
        documents.iter().filter(|document| KONG.recognises(document)).collect();
    if items.is_empty() {
        return;
    }
    let translation = KONG.translate(&Documents { sources: &sources, items });
    if !translation.findings.has_errors() {
        assert_eq!(model::check(&translation.model), []);
        for rejection in dataplane::compile_check(&translation.model, &KINDS, &[]) {
            assert!(!rejection.message.is_empty());
        }
    }
});
