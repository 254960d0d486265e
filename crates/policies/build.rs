//! Finds the policies: every folder of `src` with a `mod.rs` is one, named like its kind.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let source = Path::new(&variable("CARGO_MANIFEST_DIR")).join("src");
    println!("cargo::rerun-if-changed={}", source.display());
    let folders = policies(&source)?;
    fs::write(Path::new(&variable("OUT_DIR")).join("kinds.rs"), kinds(&folders))
}

/// The folders of all policies, sorted by name.
fn policies(source: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(source)? {
        let folder = entry?.path();
        if folder.join("mod.rs").is_file() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The module of each policy, and the function that lists them.
fn kinds(folders: &[PathBuf]) -> String {
    let mut modules = String::new();
    let mut calls = String::new();
    for folder in folders {
        let name = folder.file_name().expect("a folder of a folder has a name").to_string_lossy();
        let module = name.replace('-', "_");
        let path = folder.join("mod.rs");
        let _ = writeln!(modules, "#[path = {path:?}]\nmod {module};");
        let _ = writeln!(calls, "    kinds.add(std::sync::Arc::new({module}::Kind));");
    }
    format!(
        "{modules}\n\
         /// Every kind of policy in this crate, ready to be offered to the data plane.\n\
         pub fn kinds() -> filter::Kinds {{\n    \
             let mut kinds = filter::Kinds::default();\n\
         {calls}    \
             kinds\n\
         }}\n"
    )
}

fn variable(name: &str) -> String {
    env::var(name).expect("cargo sets it for build scripts")
}
