//! Finds the plugins that are offered: every file of `src/translate/plugins` but `mod.rs` is one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")).join("src/translate/plugins");
    println!("cargo::rerun-if-changed={}", folder.display());
    fs::write(Path::new(&variable("OUT_DIR")).join("plugins.rs"), offers(&files(&folder)?))
}

/// The files of all plugins, sorted by name.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let is_plugin = file.extension().is_some_and(|extension| extension == "rs")
            && !file.ends_with("mod.rs");
        if is_plugin {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// The module of each plugin, and the list of what they offer.
fn offers(files: &[PathBuf]) -> String {
    let (mut modules, mut offers) = (String::new(), String::new());
    for file in files {
        let module = file.file_stem().expect("a file has a name").to_string_lossy();
        let _ = writeln!(modules, "#[path = {file:?}]\nmod {module};");
        let _ = write!(offers, "{module}::OFFER, ");
    }
    format!("{modules}\n/// Every plugin that is offered.\nconst OFFERS: &[Offer] = &[{offers}];\n")
}

fn variable(name: &str) -> String {
    env::var(name).expect("cargo sets it for build scripts")
}
