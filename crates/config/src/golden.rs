//! Golden tests of findings: a document beside what is said about it.
//!
//! A folder has one folder a case. Its name is the name of a code, such as `unknown-field`, or that with a remark after two
//! dashes, `unknown-field--in-a-list`; the finding must occur. In it stand the documents, under any names, and `expected.txt`,
//! which [`Format::Human`](crate::Format::Human) must give without colours. With `TRIPYLON_BLESS=1` in the environment the
//! expectations are written instead of compared; read them before you commit them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::{Code, Colour, Findings, Format, Sources, render};

/// The file with the expectation.
const EXPECTED: &str = "expected.txt";

/// One case.
#[derive(Debug)]
pub struct Case {
    /// The name of the folder.
    pub name: String,
    /// The documents, by name.
    pub inputs: Vec<Input>,
    folder: PathBuf,
}

/// A document of a case.
#[derive(Debug)]
pub struct Input {
    /// The name of the file, without its folder; use it as the label.
    pub name: String,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

/// Checks every case below `folder`, and that every code of `catalogue` has one.
///
/// # Panics
/// With all that is wrong: cases whose findings differ from what is expected or lack the code that names the case, codes
/// without a case, unreadable files.
pub fn check(
    folder: impl AsRef<Path>,
    catalogue: &[Code],
    read: impl Fn(&Case) -> (Sources, Findings),
) {
    let cases = cases(folder.as_ref()).expect("the folder of golden cases can be read");
    let bless = env::var_os("TRIPYLON_BLESS").is_some_and(|value| value == "1");
    let mut failures = String::new();
    let mut covered = BTreeSet::new();
    for case in &cases {
        let (sources, findings) = read(case);
        let code = case.name.split("--").next().unwrap_or_default();
        covered.insert(code.to_owned());
        if !findings.iter().any(|finding| finding.code.name == code) {
            let _ = writeln!(failures, "{}: no finding is called {code}", case.name);
        }
        compare(
            case,
            &render(&findings, &sources, Format::Human, Colour::Never),
            bless,
            &mut failures,
        );
    }
    for code in catalogue.iter().filter(|code| !covered.contains(code.name)) {
        let _ = writeln!(failures, "{} ({}) has no case", code.name, code.code);
    }
    assert!(failures.is_empty(), "{failures}\nTRIPYLON_BLESS=1 writes what is found as expected");
}

fn cases(folder: &Path) -> io::Result<Vec<Case>> {
    sorted(folder)?
        .into_iter()
        .filter(|path| path.is_dir())
        .map(|folder| Ok(Case { name: file_name(&folder), inputs: inputs(&folder)?, folder }))
        .collect()
}

fn inputs(folder: &Path) -> io::Result<Vec<Input>> {
    sorted(folder)?
        .into_iter()
        .filter(|path| file_name(path) != EXPECTED)
        .map(|path| Ok(Input { name: file_name(&path), bytes: fs::read(&path)? }))
        .collect()
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn compare(case: &Case, found: &str, bless: bool, failures: &mut String) {
    let path = case.folder.join(EXPECTED);
    if bless {
        fs::write(&path, found).expect("expectations can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if expected != found {
        let _ = writeln!(failures, "{}: expected\n\n{expected}\nbut found\n\n{found}", case.name);
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
