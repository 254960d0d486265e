//! The script that counts.

use std::sync::LazyLock;

use redis::{Cmd, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind};

use super::super::limit::{Current, Verdict};
use super::key::Key;

/// Counts a request against all limits, or against none if one is reached.
///
/// `KEYS` are the counters; `ARGV` holds for each its limit and how many milliseconds it lives.
/// Answers whether the request is admitted (1 or 0), then what is used of each.
const CODE: &str = r"local answer = {1}
for i, key in ipairs(KEYS) do
  local used = tonumber(redis.call('GET', key) or 0)
  answer[i + 1] = used
  if used >= tonumber(ARGV[2 * i - 1]) then answer[1] = 0 end
end
if answer[1] == 1 then
  for i, key in ipairs(KEYS) do
    local used = redis.call('INCR', key)
    answer[i + 1] = used
    if used == 1 then redis.call('PEXPIRE', key, ARGV[2 * i]) end
  end
end
return answer
";

/// The hash by which servers know the script once they have seen its code.
static HASH: LazyLock<String> = LazyLock::new(|| Script::new(CODE).get_hash().to_owned());

/// One run of the script.
pub(crate) struct Run {
    keys: Vec<Key>,
    /// By key: the limit, and how many milliseconds it lives.
    limits: Vec<(u64, u64)>,
}

impl Run {
    /// For a request; a key for each limit.
    pub(super) fn new(keys: Vec<Key>, currents: &[Current], unix_ms: u64) -> Self {
        let limit = |current: &Current| (current.limit.max, current.window.lifetime(unix_ms));
        Self { keys, limits: currents.iter().map(limit).collect() }
    }

    /// The key that says where in a cluster it runs; all of a request stand together.
    pub(super) fn key(&self) -> &Key {
        &self.keys[0]
    }

    /// Runs it by its hash, which costs the least.
    pub(super) fn by_hash(&self) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(HASH.as_str());
        self.arguments(command)
    }

    /// Runs it by its code, which the server then knows.
    pub(super) fn by_code(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(CODE);
        self.arguments(command)
    }

    fn arguments(&self, mut command: Cmd) -> Cmd {
        command.arg(self.keys.len());
        for key in &self.keys {
            command.arg(key.as_bytes());
        }
        for (limit, lifetime) in &self.limits {
            command.arg(limit).arg(lifetime);
        }
        command
    }
}

/// Runs the script without counting anything; the server knows it afterwards.
pub(super) fn probe() -> Cmd {
    Run { keys: Vec::new(), limits: Vec::new() }.by_code()
}

/// Whether a server does not know the script (any longer).
pub(super) fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Reads the script's answer.
pub(super) fn read(answer: &[u64], currents: &mut [Current]) -> RedisResult<Verdict> {
    let Some((admitted, used)) = answer.split_first().filter(|it| it.1.len() == currents.len())
    else {
        let message = "the script answered something else";
        return Err((ErrorKind::UnexpectedReturnType, message).into());
    };
    for (current, used) in currents.iter_mut().zip(used) {
        current.used = *used;
    }
    Ok(if *admitted == 1 { Verdict::Admitted } else { Verdict::Refused })
}
