//! `docs/cli.md` is written from the command line itself. `TRIPYLON_BLESS=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

use super::Cli;

#[test]
fn the_page_says_what_the_command_line_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = page();
    if std::env::var_os("TRIPYLON_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/cli.md is old; TRIPYLON_BLESS=1 writes it anew");
}

fn page() -> String {
    let mut program = Cli::command();
    program.build();
    let mut page = String::from(HEAD);
    page += "\n| command | |\n|---|---|\n";
    for command in program.get_subcommands() {
        let _ = writeln!(page, "| `{}` | {} |", command.get_name(), about(command));
    }
    for command in program.get_subcommands() {
        section(command, 2, &mut page);
    }
    page
}

fn section(command: &Command, level: usize, page: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let _ = write!(page, "\n{} {name}\n\n{}.\n", "#".repeat(level), about(command));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace("\n       ", "\n    ");
    let _ = write!(page, "\n    {usage}\n");
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help");
    let shown: Vec<_> = shown.filter(|arg| level < 3 || !arg.is_global_set()).collect();
    if !shown.is_empty() {
        page.push_str("\n| | |\n|---|---|\n");
    }
    for arg in shown {
        let _ = writeln!(page, "| `{}` | {} |", name_of(arg).replace('|', "\\|"), help(arg));
    }
    if let Some(after) = command.get_after_help() {
        let after = after.to_string();
        // Angle brackets would be markup.
        let _ = write!(page, "\n{}\n", after.replace('<', "\\<"));
    }
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        section(command, level + 1, page);
    }
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn name_of(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    let value = match arg.get_action().takes_values() {
        true => names.join(" "),
        false => String::new(),
    };
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags: Vec<_> = short.into_iter().chain(long).collect();
    format!("{} {value}", flags.join(", ")).trim().to_owned()
}

fn help(arg: &Arg) -> String {
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if arg.get_action().takes_values() && !arg.is_hide_possible_values_set() {
        let values = arg.get_possible_values();
        let names: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        if !names.is_empty() {
            let _ = write!(help, ": {}", names.join(", "));
        }
    }
    let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    let defaults: Vec<_> = defaults.collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(help, " [default: {}]", defaults.join(" "));
    }
    help.replace('|', "\\|").replace('<', "\\<")
}

const HEAD: &str = "\
# The command line

This page is written from the program itself: `TRIPYLON_BLESS=1 cargo test -p tripylon cli`. `tripylon COMMAND --help` says the same,
`tripylon man` as a manual page, and `tripylon completions SHELL` teaches it to a shell.

**Documents.** `run`, `check`, `routes` and `explain` read the same files in the same way. A folder stands for all files below it that end in
`.yaml`, `.yml` or `.json`, in the order of their names. What a document is is recognised from its content; one that is not recognised is an
error. `KONG_DECLARATIVE_CONFIG` names a document too, and one that is also given as a PATH is read once.

**Settings.** Every `KONG_*` variable, and the properties of a `kong.conf`, are understood or named in a finding: see
[kong-settings.md](kong-settings.md). With any of them, `run` needs no document: the Admin API takes one. The command line counts more than
variables, and they more than a file.

**Findings** go to standard output with `check` and to standard error with all others. Each has a code; `tripylon explain CODE` says more.
There are colours only on a terminal, and none if `NO_COLOR` is set.

**Exit status.** 0: all is well. 1: the documents have errors, or what was asked for is not so. 2: the command line makes no sense. 128 and
the number of a signal: a second signal cut the work off.

**Logs, status and metrics** have a [page of their own](metrics.md).

**Another version without a lost request.** Put the new program in the place of the old one, and send SIGUSR2. The process starts the same
command line anew and hands it its listening sockets, those of the status listener and the Admin API too; both accept connections until the
new one serves. Then the new one writes the `--pid-file`, and the old one takes no more connections, ends those it has when their requests
are answered, within `--drain`, and exits. A process that does not come to serve, because the documents have errors for example, changes
nothing: the old one says so and goes on. Files are read again; a document that was posted to the Admin API is handed over if there are no
files. Counters in memory (rate limits, metrics) begin anew. A service manager that follows the first process by its number needs the
`--pid-file`: with systemd `PIDFile=` and `ExecReload=/bin/kill -USR2 $MAINPID`.

**Sockets of a service manager** are used if it passes some (systemd's socket activation, `LISTEN_FDS`): each goes to the listener, status
listener or Admin API on exactly its address, so `ListenStream=0.0.0.0:8000` and not `ListenStream=8000`. Workers share a socket if
there are fewer than workers.
";
