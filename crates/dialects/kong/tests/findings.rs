//! A golden test for every code of declarative configurations: `tests/findings/<name of the code>/`.

use config::{Budget, Code, Document, Findings, Sources, decode, golden, read_auto};
use kong::declarative::{self, Options};
use kong::schema::RouterFlavor;

#[test]
fn every_code_has_a_case_and_every_case_its_words() {
    let own = |code: &&Code| code.code.starts_with("TRI10");
    let codes: Vec<Code> = kong::CATALOGUE.iter().filter(own).copied().collect();
    golden::check(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/findings"), &codes, read);
}

fn read(case: &golden::Case) -> (Sources, Findings) {
    let (mut sources, mut findings) = (Sources::new(), Findings::new());
    let mut documents = Vec::new();
    for input in &case.inputs {
        let text = decode(&input.name, &input.bytes, &mut findings).expect("a case is a text");
        let name = input.name.as_str();
        documents.extend(read_auto(&mut sources, name, text, &Budget::FILES, &mut findings));
    }
    let documents: Vec<&Document> = documents.iter().collect();
    let options = Options {
        now: 1_795_411_987,
        flavor: RouterFlavor::default(),
        runnable: &|name| matches!(name, "jwt" | "key-auth" | "rate-limiting"),
        skip_unknown_plugins: case.name.ends_with("--with-skip-unknown-plugins"),
        redis_default: false,
        secret: &str::to_owned,
    };
    let loaded = declarative::load(&sources, &documents, &options);
    findings.merge(loaded.findings);
    (sources, findings)
}
