//! The scripts that count.

use std::sync::LazyLock;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind};

use super::super::limit::{Current, Verdict};
use super::key::Key;

/// A script, and the hash by which servers know it once they have seen its code.
struct Known {
    code: &'static str,
    hash: LazyLock<String>,
}

/// Counts a request against all limits, or against none if one is reached.
///
/// `KEYS` are the counters; `ARGV` holds for each its limit and how many milliseconds it lives.
/// Answers whether the request is admitted (1 or 0), then what is used of each.
const COUNT: &str = r"local answer = {1}
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

/// Adds what was counted elsewhere.
///
/// `KEYS` are the counters; `ARGV` holds for each how many requests to add and how many
/// milliseconds it lives. Answers what is used of each.
const ADD: &str = r"local answer = {}
for i, key in ipairs(KEYS) do
  local added = tonumber(ARGV[2 * i - 1])
  local used = redis.call('INCRBY', key, added)
  answer[i] = used
  if used == added then redis.call('PEXPIRE', key, ARGV[2 * i]) end
end
return answer
";

static COUNTING: Known = Known { code: COUNT, hash: LazyLock::new(|| hash(COUNT)) };
static ADDING: Known = Known { code: ADD, hash: LazyLock::new(|| hash(ADD)) };

/// One run of a script.
pub(crate) struct Run {
    script: &'static Known,
    keys: Vec<Key>,
    /// By key: the limit or how many to add, and how many milliseconds it lives.
    arguments: Vec<(u64, u64)>,
}

impl Run {
    /// Counts a request; a key for each limit, at least one.
    pub(super) fn count(keys: Vec<Key>, currents: &[Current], unix_ms: u64) -> Self {
        let limit = |current: &Current| (current.limit.max, current.window.lifetime(unix_ms));
        Self { script: &COUNTING, keys, arguments: currents.iter().map(limit).collect() }
    }

    /// Adds requests: for each key, at least one, how many, and how many milliseconds it lives.
    pub(super) fn add(keys: Vec<Key>, requests: Vec<(u64, u64)>) -> Self {
        Self { script: &ADDING, keys, arguments: requests }
    }

    /// The key that says where in a cluster it runs; all of a run stand together.
    pub(super) fn key(&self) -> &Key {
        &self.keys[0]
    }

    /// Runs it by its hash, or by its code if the server does not know it. In a cluster that is
    /// being moved around, a node may have to be told that it is asked on purpose.
    pub(super) async fn on(
        &self,
        connection: &mut MultiplexedConnection,
        asking: bool,
    ) -> RedisResult<Vec<u64>> {
        let numbers: Vec<i64> = if asking {
            let mut pipe = redis::pipe();
            pipe.cmd("ASKING").ignore().add_command(self.by_code());
            let (numbers,) = pipe.query_async(connection).await?;
            numbers
        } else {
            match self.by_hash().query_async(connection).await {
                Err(error) if is_unknown(&error) => self.by_code().query_async(connection).await?,
                answered => answered?,
            }
        };
        // A counter is negative only if somebody else has written to it.
        Ok(numbers.into_iter().map(|number| u64::try_from(number).unwrap_or(0)).collect())
    }

    fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", &self.script.hash)
    }

    fn by_code(&self) -> Cmd {
        self.command("EVAL", self.script.code)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len());
        for key in &self.keys {
            command.arg(key.as_bytes());
        }
        for (argument, lifetime) in &self.arguments {
            command.arg(argument).arg(lifetime);
        }
        command
    }
}

/// Runs the script without counting anything; the server knows it afterwards.
pub(super) fn probe() -> Cmd {
    Run { script: &COUNTING, keys: Vec::new(), arguments: Vec::new() }.by_code()
}

/// Whether a server does not know the script (any longer).
fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn hash(code: &str) -> String {
    Script::new(code).get_hash().to_owned()
}

/// Reads the answer to a request that was to be counted.
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
