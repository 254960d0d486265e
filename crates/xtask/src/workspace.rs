//! What the workspace consists of.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo;

/// The crates and files of the project.
pub(crate) struct Workspace {
    /// Where it stands.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Its crates.
    pub(crate) members: Vec<Member>,
    /// Every file that is tracked, or would be: relative to the root, ignored files left out.
    pub(crate) files: Vec<PathBuf>,
}

/// A crate of the workspace.
pub(crate) struct Member {
    /// Its name in the code of others: `config`, not `tripylon-config`.
    pub(crate) name: String,
    /// Its name in `Cargo.toml`.
    pub(crate) package: String,
    /// Its folder, relative to the root.
    pub(crate) folder: PathBuf,
    /// `src/lib.rs` or `src/main.rs`, relative to the root.
    pub(crate) crate_root: PathBuf,
}

impl Workspace {
    /// Asks cargo and git.
    pub(crate) fn load() -> Result<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let metadata =
            cargo::output(here, &["metadata", "--format-version", "1", "--no-deps", "--locked"])?;
        let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata")?;
        let root = PathBuf::from(text(&metadata, "workspace_root")?);
        let target = PathBuf::from(text(&metadata, "target_directory")?);
        let packages = metadata["packages"].as_array().context("cargo metadata: no packages")?;
        let mut members =
            packages.iter().map(|p| Member::read(p, &root)).collect::<Result<Vec<_>>>()?;
        members.sort_by(|a, b| a.folder.cmp(&b.folder));
        let files = files(&root)?;
        Ok(Self { root, target, members, files })
    }

    /// The text of a file that `files` lists; `None` if it is no UTF-8, or gone.
    pub(crate) fn read(&self, file: &Path) -> Option<String> {
        String::from_utf8(std::fs::read(self.root.join(file)).ok()?).ok()
    }

    /// The Rust files of a member, as `files` lists them.
    pub(crate) fn sources<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a PathBuf> {
        self.files_of(member).filter(|f| f.extension().is_some_and(|e| e == "rs"))
    }

    /// All files of a member, as `files` lists them.
    pub(crate) fn files_of<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a PathBuf> {
        self.files.iter().filter(|f| f.starts_with(&member.folder))
    }
}

impl Member {
    fn read(package: &Value, root: &Path) -> Result<Self> {
        let targets = package["targets"].as_array().context("cargo metadata: no targets")?;
        let of_kind = |kind: &str| {
            targets
                .iter()
                .find(|t| t["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind)))
        };
        let package_name = text(package, "name")?;
        let target = of_kind("lib")
            .or_else(|| of_kind("bin"))
            .with_context(|| format!("{package_name} has neither a library nor a binary"))?;
        let relative = |path: &str| {
            Path::new(path)
                .strip_prefix(root)
                .map(Path::to_owned)
                .with_context(|| format!("{path} stands outside of the workspace"))
        };
        let manifest = relative(text(package, "manifest_path")?)?;
        Ok(Self {
            name: text(target, "name")?.to_owned(),
            package: package_name.to_owned(),
            folder: manifest.parent().unwrap_or(Path::new("")).to_owned(),
            crate_root: relative(text(target, "src_path")?)?,
        })
    }

    /// Whether this is a dialect, by its place.
    pub(crate) fn is_dialect(&self) -> bool {
        self.folder.starts_with("crates/dialects")
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata: `{key}` is no text"))
}

fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()
        .context("cannot run git, which lists the project's files")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listed = String::from_utf8(output.stdout).context("a file's name is no UTF-8")?;
    let mut files: Vec<PathBuf> = listed
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|file| root.join(file).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}
