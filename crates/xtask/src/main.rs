//! Chores of the workspace: `cargo xtask tidy`, `cargo xtask test`, `cargo xtask bench`.
//! Never imports: any workspace crate.

mod bench;
mod cargo;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
Chores of the Tripylon workspace.

Usage: cargo xtask COMMAND

Commands:
  tidy             Check the rules of the house that the compiler does not know
  test [STAGE…]    Run everything that must pass before a change lands, or only these stages:
                   format, tidy, lint, unit, e2e
  bench [--instructions] [--accept]
                   Measure a release build, and write docs/performance.md; --instructions only
                   counts instructions per request; --accept takes the counts into the table
                   that later runs are held against
  help             Print this text
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy"] => tidy::run(),
        ["test", stages @ ..] => test::run(stages),
        ["bench", flags @ ..] => bench::run(flags),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(true)
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
