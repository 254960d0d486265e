//! `kong start`.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser};
use kong::settings::LogTarget;

use super::Conf;
use super::node::Node;
use super::wait::wait;
use crate::cli::{self, Cli};
use crate::gateway::{log, takes_over};
use crate::output::{self, Exit};

/// How long a gateway may take to begin.
const PATIENCE: Duration = Duration::from_secs(60);

/// What Kong's command of this name takes.
#[derive(Debug, Args)]
pub(super) struct Start {
    #[command(flatten)]
    pub(super) conf: Conf,
    /// Take no notice of this: nothing is rendered from templates
    #[arg(long, value_name = "FILE", hide = true)]
    nginx_conf: Option<PathBuf>,
    /// Take no notice of this: there is no database
    #[arg(long, hide = true)]
    run_migrations: bool,
    /// Take no notice of this: there is no database
    #[arg(long, value_name = "SECONDS", hide = true)]
    db_timeout: Option<u32>,
    /// Take no notice of this: there is no database
    #[arg(long, value_name = "SECONDS", hide = true)]
    lock_timeout: Option<u32>,
    /// Start although a socket of an earlier process was left
    #[arg(short, long, hide = true)]
    force: bool,
}

impl Start {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if self.nginx_conf.is_some() {
            eprintln!("--nginx-conf has no effect: there is no nginx to be configured");
        }
        let node = Node::find(&self.conf).sound()?;
        if node.running().is_some() && !takes_over() {
            bail!("Kong is already running in {}", node.prefix().display());
        }
        node.prepare()?;
        let arguments = arguments(&node)?;
        match node.settings.daemon {
            true => daemon(&node, &arguments),
            false => foreground(&arguments),
        }
    }
}

/// The command line of the process that serves.
fn arguments(node: &Node) -> anyhow::Result<Vec<PathBuf>> {
    let mut arguments: Vec<PathBuf> = vec!["run".into(), "--no-watch".into()];
    arguments.extend(["--kong-prefix".into(), node.prefix().to_owned()]);
    arguments.extend(["--pid-file".into(), node.pid_file()]);
    if let Some(conf) = node.link_conf()? {
        arguments.extend(["--kong-conf".into(), conf]);
    }
    Ok(arguments)
}

fn foreground(arguments: &[PathBuf]) -> anyhow::Result<()> {
    let program = PathBuf::from("tripylon");
    let cli = Cli::parse_from([&program].into_iter().chain(arguments));
    let cli::Command::Run(run) = cli.command else {
        unreachable!("the arguments begin with `run`")
    };
    match run.run()? {
        Exit::Done => Ok(()),
        _ => bail!("Kong was not started"),
    }
}

fn daemon(node: &Node, arguments: &[PathBuf]) -> anyhow::Result<()> {
    let mut output = Output::of(node)?;
    let mut command =
        Command::new(env::current_exe().context("the program's own path is unknown")?);
    command.args(arguments).stdin(Stdio::null()).process_group(0);
    output.give(&mut command)?;
    let mut child = command.spawn().context("could not start Kong")?;
    let begun = serves(node, &mut child);
    if !begun {
        // It would come up later, and nobody would expect it to.
        let _ = child.kill();
        let said = output.said();
        let gap = if said.is_empty() { "" } else { "\n" };
        bail!(
            "could not start Kong{}{gap}{}",
            if said.is_empty() { "" } else { ":" },
            said.trim_end()
        );
    }
    Ok(output::print("Kong started\n")?)
}

/// Waits until the process serves; false if it does not.
fn serves(node: &Node, child: &mut Child) -> bool {
    let begun = wait(PATIENCE, || {
        // In this order: what has ended after it was seen to serve has served.
        let ended = child.try_wait().map_or(true, |status| status.is_some());
        let serves = node.running().is_some_and(|running| running.is(child.id()));
        (serves || ended).then_some(serves)
    });
    begun == Some(true)
}

/// Where the process writes that outlives this one.
enum Output {
    /// Where this one does.
    Inherited,
    /// At the end of its error log, behind this many bytes.
    Log(PathBuf, u64),
}

impl Output {
    fn of(node: &Node) -> anyhow::Result<Self> {
        match &node.settings.error_log.target {
            LogTarget::File(path) => {
                let length = log::open(path)?.metadata()?.len();
                Ok(Self::Log(path.clone(), length))
            }
            LogTarget::Off | LogTarget::Stdout | LogTarget::Stderr => Ok(Self::Inherited),
        }
    }

    fn give(&self, command: &mut Command) -> anyhow::Result<()> {
        if let Self::Log(path, _) = self {
            let file: File = log::open(path)?;
            command.stdout(file.try_clone()?).stderr(file);
        }
        Ok(())
    }

    /// What the process wrote, if that is not on the terminal already.
    fn said(&mut self) -> String {
        match self {
            Self::Inherited => String::new(),
            Self::Log(path, length) => tail(path, *length).unwrap_or_default(),
        }
    }
}

fn tail(path: &Path, from: u64) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
