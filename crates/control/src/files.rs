//! Which files the given paths mean, and what stands in them.
//!
//! The rules, for every path in the order in which it was given:
//!
//! - A file is read whatever it is called.
//! - A folder stands for all files within it whose names end in one of [`EXTENSIONS`], at any
//!   depth. Entries are taken in the order of their names, byte by byte, a folder's content in
//!   the place of its name; so `10-services.yml` is read before `20-routes.yml`.
//! - Within a folder, names that begin with a dot are passed over. That covers editors' swap
//!   files, version control, and the `..data` folders by which Kubernetes mounts a ConfigMap.
//! - Other files of a folder are not read, and a finding says so.
//! - Symbolic links are followed. A file or folder that is reached a second time is not read again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Budget, Finding, Findings, Place, Severity};

use crate::codes;

/// How names of documents end, without the dot and in lower case.
pub const EXTENSIONS: &[&str] = &["yaml", "yml", "json"];

/// The texts that the given paths mean.
#[derive(Debug, Default)]
pub struct Collected {
    /// In the order in which they are read.
    pub texts: Vec<Text>,
    /// What is to be said about the paths.
    pub findings: Findings,
}

/// A text that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Where it was found: the given path, with names added.
    pub label: Arc<str>,
    /// What stands there. Longer than [`Budget::FILES`] allows if the file is, so that the reader
    /// refuses it, but not by much.
    pub text: Arc<str>,
}

/// Finds and reads the files that the paths mean. Everything that cannot be used is a finding.
pub fn collect(paths: &[PathBuf]) -> Collected {
    let mut walk = Walk::default();
    for path in paths {
        walk.given(path);
    }
    let mut collected = Collected { texts: Vec::new(), findings: walk.findings };
    for path in walk.files {
        collected.add(&path);
    }
    collected
}

impl Collected {
    fn add(&mut self, path: &Path) {
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            Err(error) => return self.findings.push(unreadable(path, &error)),
        };
        let label: Arc<str> = label(path).into();
        if let Some(text) = config::decode(&label, &bytes, &mut self.findings) {
            self.texts.push(Text { label, text: text.into() });
        }
    }
}

/// The files and folders that the paths mean at present, without reading any file: what has to
/// be watched to notice that [`collect`] would find something else.
pub fn survey(paths: &[PathBuf]) -> Survey {
    let mut walk = Walk::default();
    for path in paths {
        walk.given(path);
    }
    Survey { files: walk.files, folders: walk.folders }
}

/// What paths mean at present.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Files that would be read.
    pub files: Vec<PathBuf>,
    /// Folders that were entered.
    pub folders: Vec<PathBuf>,
}

#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    findings: Findings,
    /// Resolved paths of what was taken, and how it was reached.
    taken: BTreeMap<PathBuf, PathBuf>,
}

impl Walk {
    fn given(&mut self, path: &Path) {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => {
                let before = (self.files.len(), self.serious());
                self.folder(path);
                if before == (self.files.len(), self.serious()) {
                    let message = format!("no document in the folder `{}`", path.display());
                    self.say(&codes::EMPTY_FOLDER, path, message);
                }
            }
            Ok(_) => self.file(path),
            Err(error) => self.findings.push(unreadable(path, &error)),
        }
    }

    fn folder(&mut self, folder: &Path) {
        if !self.take(folder) {
            return;
        }
        self.folders.push(folder.to_owned());
        let mut names = match list(folder) {
            Ok(names) => names,
            Err(error) => return self.findings.push(unreadable(folder, &error)),
        };
        names.sort_unstable();
        for path in names {
            self.entry(&path);
        }
    }

    fn entry(&mut self, path: &Path) {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            return;
        }
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => self.folder(path),
            Ok(meta) if meta.is_file() && has_extension(path) => self.file(path),
            Ok(meta) => {
                let what = if meta.is_file() { "it has another ending" } else { "it is no file" };
                let message = format!("`{}` is not read: {what}", path.display());
                self.say(&codes::IGNORED_FILE, path, message);
            }
            Err(error) => self.findings.push(unreadable(path, &error)),
        }
    }

    fn file(&mut self, path: &Path) {
        if self.take(path) {
            self.files.push(path.to_owned());
        }
    }

    /// Notes that a file or folder is taken; says false if it was before.
    fn take(&mut self, path: &Path) -> bool {
        // What cannot be resolved, such as a pipe of the shell, is only itself.
        let resolved = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let Some(first) = self.taken.get(&resolved) else {
            self.taken.insert(resolved, path.to_owned());
            return true;
        };
        let message = format!("`{}` has been read already", path.display());
        let finding = Finding::new(&codes::SAME_FILE, message)
            .at(whole(path))
            .also(whole(first), "the same, first reached here");
        self.findings.push(finding);
        false
    }

    /// How many findings there are that explain why a folder gave no file.
    fn serious(&self) -> usize {
        self.findings.len() - self.findings.count(Severity::Note)
    }

    fn say(&mut self, code: config::Code, path: &Path, message: String) {
        self.findings.push(Finding::new(code, message).at(whole(path)));
    }
}

/// How a path is written in messages.
pub fn label(path: &Path) -> String {
    path.display().to_string()
}

/// The file or folder as a whole.
fn whole(path: &Path) -> Place {
    Place::File(label(path).into())
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

fn has_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let limit = Budget::FILES.bytes as u64 + 1;
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    let shown = path.display();
    let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    let finding = match error.kind() {
        io::ErrorKind::NotFound if is_link => {
            let target = fs::read_link(path).unwrap_or_default();
            let message =
                format!("`{shown}` is a link to `{}`, where nothing is", target.display());
            Finding::new(&codes::NO_SUCH_PATH, message)
        }
        io::ErrorKind::NotFound => {
            Finding::new(&codes::NO_SUCH_PATH, format!("there is no file or folder `{shown}`"))
        }
        _ => Finding::new(&codes::UNREADABLE, format!("`{shown}` cannot be read: {error}")),
    };
    finding.at(whole(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[&str]) -> Self {
            let folder = Self(tempfile::tempdir().expect("a temporary folder can be made"));
            for name in files {
                let path = folder.path(name);
                fs::create_dir_all(path.parent().expect("it has a parent")).expect("made");
                fs::write(path, name).expect("written");
            }
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// What is found from here, as names relative to the folder, and the codes of findings.
        fn collect(&self, names: &[&str]) -> (Vec<String>, Vec<&'static str>) {
            let paths: Vec<_> = names.iter().map(|name| self.path(name)).collect();
            let collected = collect(&paths);
            let files = collected.texts.iter().map(|text| {
                let path = Path::new(&*text.label);
                label(path.strip_prefix(self.0.path()).expect("it is in the folder"))
            });
            (files.collect(), collected.findings.iter().map(|f| f.code.name).collect())
        }
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_names_at_any_depth() {
        let folder =
            Folder::new(&["b.yml", "a.yaml", "B.JSON", "aa/z.json", "aa/.git/c.yml", ".d.yml"]);
        let (files, findings) = folder.collect(&[""]);
        assert_eq!(files, ["B.JSON", "a.yaml", "aa/z.json", "b.yml"]);
        assert!(findings.is_empty());
    }

    #[test]
    fn paths_keep_their_order_and_a_file_may_have_any_name() {
        let folder = Folder::new(&["z/b.yml", "gateway.conf"]);
        let (files, findings) = folder.collect(&["z", "gateway.conf"]);
        assert_eq!(files, ["z/b.yml", "gateway.conf"]);
        assert!(findings.is_empty());
    }

    #[test]
    fn what_is_not_read_is_said() {
        let folder = Folder::new(&["a.yml", "README.md", "a.yml~"]);
        let (files, findings) = folder.collect(&[""]);
        assert_eq!(files, ["a.yml"]);
        assert_eq!(findings, ["ignored-file", "ignored-file"]);
    }

    #[test]
    fn nothing_and_an_empty_folder_are_findings() {
        let folder = Folder::new(&["sub/.hidden.yml"]);
        assert_eq!(
            folder.collect(&["none", "sub"]),
            (vec![], vec!["no-such-path", "empty-folder"])
        );
    }

    #[test]
    fn a_broken_link_is_an_error_and_not_an_empty_folder() {
        let folder = Folder::new(&[]);
        symlink("gone", folder.path("a.yml")).expect("linked");
        assert_eq!(folder.collect(&[""]), (vec![], vec!["no-such-path"]));
        let finding = collect(&[folder.path("a.yml")]).findings.into_iter().next().expect("one");
        assert!(finding.message.contains("is a link to `gone`"), "{}", finding.message);
    }

    #[test]
    fn links_are_followed_once() {
        let folder = Folder::new(&["real/a.yml"]);
        symlink(".", folder.path("real/loop")).expect("linked");
        symlink("real", folder.path("other")).expect("linked");
        let (files, findings) = folder.collect(&["other", "real"]);
        assert_eq!(files, ["other/a.yml"]);
        assert_eq!(findings, ["same-file", "same-file"]);
    }

    #[test]
    fn a_mounted_config_map_is_read_once() {
        let folder = Folder::new(&["..2026/a.yml"]);
        symlink("..2026", folder.path("..data")).expect("linked");
        symlink("..data/a.yml", folder.path("a.yml")).expect("linked");
        assert_eq!(folder.collect(&[""]), (vec!["a.yml".to_owned()], vec![]));
    }

    #[test]
    fn an_unreadable_file_is_an_error() {
        let folder = Folder::new(&["a.yml"]);
        fs::set_permissions(folder.path("a.yml"), fs::Permissions::from_mode(0o0))
            .expect("changed");
        // The superuser may read everything.
        if fs::read(folder.path("a.yml")).is_err() {
            assert_eq!(folder.collect(&[""]), (vec![], vec!["unreadable"]));
        }
    }
}
