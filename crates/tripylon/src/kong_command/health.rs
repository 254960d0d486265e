//! `kong health`.

use anyhow::bail;

use super::Conf;
use super::node::Node;
use crate::output;

pub(super) fn run(conf: &Conf) -> anyhow::Result<()> {
    let node = Node::find(conf);
    let prefix = node.prefix().display();
    if !node.prefix().exists() {
        bail!("no such prefix: {prefix}");
    }
    // The service is called as Kong calls its own, for scripts that look for it.
    if node.running().is_none() {
        output::print("nginx.......not running\n\n")?;
        bail!("Kong is not running at {prefix}");
    }
    Ok(output::print(&format!("nginx.......running\n\nKong is healthy at {prefix}\n"))?)
}
