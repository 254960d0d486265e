//! `docs/performance.md`.

use std::fmt::Write;
use std::process::Command;

use anyhow::Result;

use super::instructions::Counted;
use super::peer::Peer;
use super::process::version;
use super::scale::Size;
use super::swap::{self, Latency, Swap};
use super::{Bench, LOAD, ROUNDS, upstream};

/// Writes the page.
pub(super) fn write(
    bench: &Bench,
    sizes: &[Size],
    swap: &Swap,
    peer: Option<&Peer>,
    counted: Option<&Counted>,
) -> Result<()> {
    let mut page = String::new();
    head(&mut page, peer, counted)?;
    scale(&mut page, sizes)?;
    changes(&mut page, swap)?;
    beside(&mut page, peer)?;
    instructions(&mut page, counted)?;
    let file = bench.workspace.root.join("docs/performance.md");
    std::fs::write(&file, page)?;
    println!("wrote {}", file.display());
    Ok(())
}

fn head(page: &mut String, peer: Option<&Peer>, counted: Option<&Counted>) -> Result<()> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown", |(_, name)| name);
    let cores = std::thread::available_parallelism()?;
    let missing = "not installed";
    write!(
        page,
        "# Performance\n\n\
        Written by `cargo xtask bench` (`--accept` also renews the table of instruction counts). Do not edit it.\n\n\
        | | |\n|---|---|\n\
        | date | {} |\n| commit | {} |\n| machine | {model}, {cores} cores, loopback |\n| kernel | {} |\n\
        | rustc | {} |\n| nginx | {} |\n| valgrind | {} |\n\n\
        Client and upstream are small ones of the bench's own, in its process: 8 connections, each opened anew after 100 requests, \
        5 bytes of body, no pipelining. Costs are CPU time of the proxy's process, kernel included, per request: the median of {ROUNDS} interleaved rounds of \
        {} s. Absolute times depend on the machine and on what else it does; compare within a table.\n\n",
        said("date", &["-u", "+%Y-%m-%d"]),
        said("git", &["rev-parse", "--short", "HEAD"]),
        said("uname", &["-sr"]),
        version("rustc", "--version").as_deref().unwrap_or(missing),
        peer.map_or(missing, |peer| &peer.version),
        counted.map_or(missing, |counted| &counted.version),
        LOAD.as_secs(),
    )?;
    Ok(())
}

fn scale(page: &mut String, sizes: &[Size]) -> Result<()> {
    page.push_str(
        "## Size of the configuration\n\n\
        A Kong file with mixed routes: exact and wildcard hosts, prefixes, regular expressions, methods. `check` is the best of 3. \
        *Ready* is from the start of the process to the first answer. Memory per route and per caller (one consumer with one \
        `jwt_secrets`) is resident memory above that of the smallest size, once it changes no longer. *Compile* is from the model to the snapshot \
        that workers share, as the gateway logs it (`snapshot compiled`).\n\n\
        | routes | `tripylon check` | compile | ready | memory | most | per route | per caller | cost | × one route |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    let Some(first) = sizes.first() else { return Ok(()) };
    for size in sizes {
        let per = |memory: u64, least: u64| match size.count {
            1 => "–".to_owned(),
            count => format!("{:.2} KiB", memory.saturating_sub(least) as f64 / count as f64),
        };
        writeln!(
            page,
            "| {} | {:.2} s | {:.2} s | {:.2} s | {} MiB | {} MiB | {} | {} | {:.1} µs | {:.2} |",
            size.count,
            size.check.as_secs_f64(),
            size.compile as f64 / 1e3,
            size.ready.as_secs_f64(),
            size.memory / 1024,
            size.peak / 1024,
            per(size.memory, first.memory),
            per(size.callers_memory, first.callers_memory),
            size.cost,
            size.cost / first.cost,
        )?;
    }
    page.push_str(
        "\nBars: `check` of 100,000 routes 3 s, compile 1 s, 1 KiB a route, 0.5 KiB a caller, cost 1.1 × one route.\n\n",
    );
    Ok(())
}

fn changes(page: &mut String, swap: &Swap) -> Result<()> {
    let Swap { quiet, changing, took, memory } = swap;
    write!(
        page,
        "## Changes under load\n\n\
        {} routes, of which one changes {} times (`kill -HUP`), the next time as soon as all is served. Meanwhile {} connections send a request \
        each {} ms, and before that for {} s without a change.\n\n\
        | | requests | median | p99 | most |\n|---|---|---|---|---|\n",
        swap::ROUTES,
        swap::SWAPS,
        swap::CONNECTIONS,
        upstream::PACE.as_millis(),
        swap::QUIET.as_secs(),
    )?;
    for (name, Latency { requests, median, p99, most }) in [("before", quiet), ("during", changing)]
    {
        let [median, p99, most] = [median, p99, most].map(|time| time.as_secs_f64() * 1e3);
        writeln!(page, "| {name} | {requests} | {median:.2} ms | {p99:.2} ms | {most:.2} ms |")?;
    }
    let times: Vec<_> = took.iter().map(|ms| format!("{:.1}", *ms as f64 / 1e3)).collect();
    let [before, after, most] = memory.map(|kib| kib / 1024);
    write!(
        page,
        "\nA change took {} s until all workers served it. Memory: {before} MiB before the first, {after} MiB after the last, {most} MiB at the most.\n\n\
        Bar: p99 during changes at most 5 ms above that before.\n\n",
        times.join(", ")
    )?;
    Ok(())
}

fn beside(page: &mut String, peer: Option<&Peer>) -> Result<()> {
    page.push_str("## Beside nginx\n\n");
    let Some(peer) = peer else {
        page.push_str("Not measured: nginx is not installed.\n\n");
        return Ok(());
    };
    write!(
        page,
        "One route, one worker each, connections kept on both sides, no access log.\n\n\
        | | cost |\n|---|---|\n| gateway | {:.1} µs |\n| nginx | {:.1} µs |\n| ratio of the rounds | {:.2} |\n\n\
        HAProxy, TLS, HTTP/2 and policies are not measured here.\n\n",
        peer.gateway, peer.nginx, peer.ratio
    )?;
    Ok(())
}

fn instructions(page: &mut String, counted: Option<&Counted>) -> Result<()> {
    page.push_str("## Instructions\n\n");
    let Some(counted) = counted else {
        page.push_str("Not counted: valgrind is not installed.\n");
        return Ok(());
    };
    page.push_str(
        "User-space instructions per request by callgrind: the difference of two runs of different length. The table is \
        `crates/xtask/instructions.json`; more than 3 % above it fails the command.\n\n\
        | scenario | instructions | in the table | change |\n|---|---|---|---|\n",
    );
    for row in &counted.rows {
        let known = row.known.map_or("–".to_owned(), |known| known.to_string());
        let change = row.change().map_or("–".to_owned(), |c| format!("{:+.1} %", c * 100.0));
        writeln!(page, "| {} | {} | {known} | {change} |", row.name, row.now)?;
    }
    Ok(())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".to_owned())
}
