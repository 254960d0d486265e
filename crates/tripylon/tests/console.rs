//! What the program prints: commands and their output, beside the files they read.
//!
//! Every folder of `tests/console` is a case. Its `console.txt` has lines `$ COMMAND`, run by `sh`
//! in a copy of the folder, and under each what it writes to either stream; `[exit N]` follows if
//! the command fails. `tripylon` and `kong` are the program. With `TRIPYLON_BLESS=1` in the
//! environment the output is written instead of compared; read it before you commit it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, io};

/// The file with commands and output.
const CONSOLE: &str = "console.txt";

#[test]
fn commands_print_what_is_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/console");
    let mut folders: Vec<_> = fs::read_dir(&root)
        .expect("the folder of cases can be read")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    assert!(!folders.is_empty());
    let programs = programs();
    let failures: String =
        folders.iter().filter_map(|folder| failure(folder, programs.path())).collect();
    assert!(failures.is_empty(), "{failures}\nTRIPYLON_BLESS=1 writes what is printed now");
}

/// A folder in which the program is called by its names.
fn programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for name in ["tripylon", "kong"] {
        symlink(env!("CARGO_BIN_EXE_tripylon"), folder.path().join(name)).expect("linked");
    }
    folder
}

fn failure(folder: &Path, programs: &Path) -> Option<String> {
    let file = folder.join(CONSOLE);
    let expected = fs::read_to_string(&file).expect("a case has a console.txt");
    let copy = copy(folder).expect("the case can be copied");
    let mut printed = String::new();
    for command in expected.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let _ = writeln!(printed, "$ {command}");
        printed += &run(command, copy.path(), programs);
    }
    if printed == expected {
        return None;
    }
    if env::var_os("TRIPYLON_BLESS").is_some_and(|value| value == "1") {
        fs::write(&file, printed).expect("the case can be written");
        return None;
    }
    Some(format!("--- {} ---\n{}\n", folder.display(), difference(&expected, &printed)))
}

/// The files of a case where they may be changed.
fn copy(folder: &Path) -> io::Result<tempfile::TempDir> {
    let copy = tempfile::tempdir()?;
    let mut folders = vec![PathBuf::new()];
    while let Some(relative) = folders.pop() {
        fs::create_dir_all(copy.path().join(&relative))?;
        for entry in fs::read_dir(folder.join(&relative))? {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            match entry.file_type()?.is_dir() {
                true => folders.push(path),
                false => fs::copy(entry.path(), copy.path().join(path)).map(drop)?,
            }
        }
    }
    Ok(copy)
}

fn run(command: &str, folder: &Path, programs: &Path) -> String {
    let output = tempfile::tempfile().expect("a temporary file can be made");
    let stream = |file: &File| Stdio::from(file.try_clone().expect("a file can be shared"));
    let path = env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).stdin(Stdio::null());
    shell.stdout(stream(&output)).stderr(stream(&output));
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("KONG_") {
            shell.env_remove(name);
        }
    }
    shell.env("PATH", format!("{}:{path}", programs.display()));
    let status = shell.status().expect("sh runs");
    let mut text = text(output);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    match status.code() {
        Some(0) => {}
        Some(code) => text += &format!("[exit {code}]\n"),
        None => text += "[ended by a signal]\n",
    }
    text
}

fn text(mut output: File) -> String {
    use std::io::{Read, Seek};

    let mut text = String::new();
    output.rewind().expect("a file has a beginning");
    output.read_to_string(&mut text).expect("the output is text");
    text
}

/// The lines from the first that differs.
fn difference(expected: &str, printed: &str) -> String {
    let same = expected.lines().zip(printed.lines()).take_while(|(a, b)| a == b).count();
    let shown = |text: &str, mark: &str| -> String {
        text.lines().skip(same).take(20).map(|line| format!("{mark} {line}\n")).collect()
    };
    format!("from line {}:\n{}{}", same + 1, shown(expected, "-"), shown(printed, "+"))
}
