//! `kong stop`, `quit`, `restart` and `reload`.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use nix::sys::signal::Signal;

use super::node::Node;
use super::start::Start;
use super::wait::{pause, wait};
use super::{Conf, Prefix};
use crate::gateway::pid::Running;
use crate::output;

/// How long a process may take to end; longer than `run` drains by default.
const PATIENCE: Duration = Duration::from_secs(40);

/// What Kong's command of this name takes.
#[derive(Debug, Args)]
pub(super) struct Quit {
    #[command(flatten)]
    prefix: Prefix,
    /// How long requests may take to end
    #[arg(short, long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    /// How long to wait before
    #[arg(short, long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
}

impl Quit {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let running = Node::find(&Conf::from(&self.prefix)).must_run()?;
        pause(Duration::from_secs(self.wait));
        send(running, Signal::SIGQUIT)?;
        let text = match has_ended(running, Duration::from_secs(self.timeout)) {
            true => "Kong stopped (gracefully)\n",
            false => {
                end(running)?;
                "Timeout, Kong stopped forcefully\n"
            }
        };
        Ok(output::print(text)?)
    }
}

pub(super) fn stop(conf: &Conf) -> anyhow::Result<()> {
    stop_running(Node::find(conf).must_run()?)?;
    Ok(output::print("Kong stopped\n")?)
}

pub(super) fn restart(command: Start) -> anyhow::Result<()> {
    let node = Node::find(&command.conf).sound()?;
    if let Some(running) = node.running() {
        stop_running(running)?;
    }
    command.run()
}

pub(super) fn reload(conf: &Conf) -> anyhow::Result<()> {
    let node = Node::find(conf).sound()?;
    let running = node.must_run()?;
    if conf.conf.is_some() {
        node.link_conf()?;
    }
    send(running, Signal::SIGHUP)?;
    Ok(output::print("Kong reloaded\n")?)
}

fn stop_running(running: Running) -> anyhow::Result<()> {
    send(running, Signal::SIGTERM)?;
    match has_ended(running, PATIENCE) {
        true => Ok(()),
        false => end(running),
    }
}

/// Ends a process that is draining already.
fn end(running: Running) -> anyhow::Result<()> {
    send(running, Signal::SIGTERM)?;
    if !has_ended(running, PATIENCE) {
        send(running, Signal::SIGKILL)?;
    }
    Ok(())
}

fn send(running: Running, signal: Signal) -> anyhow::Result<()> {
    running.signal(signal).with_context(|| format!("{signal} cannot be sent"))
}

/// Waits for a process to end, for as long as `limit`.
fn has_ended(running: Running, limit: Duration) -> bool {
    wait(limit, || (!running.is_alive()).then_some(())).is_some()
}
