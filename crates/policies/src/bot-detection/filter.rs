//! The filter of a `bot-detection` policy, its configuration, and its tests.

use std::rc::Rc;
use std::sync::Arc;

use ::filter::{Exchange, Filter, LocalReply, Phases, Prepared, Problem, Step, WorkerCx};
use regex::bytes::{RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::crawlers::CRAWLERS;

/// The configuration of a `bot-detection` policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    /// Regular expressions: what one of them finds in the client's name lets it in.
    allow: Vec<String>,
    /// Regular expressions: what one of them finds keeps the client out, unless it is let in.
    deny: Vec<String>,
    /// Whether crawlers that are known by name are kept out, unless they are let in.
    known_crawlers: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { allow: Vec::new(), deny: Vec::new(), known_crawlers: true }
    }
}

/// A prepared policy.
pub(super) struct BotDetection {
    allow: RegexSet,
    deny: RegexSet,
}

impl BotDetection {
    pub(super) fn prepare(config: Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let allow = compiled("/allow", &config.allow, &[], &mut problems);
        let known: &[&str] = if config.known_crawlers { CRAWLERS } else { &[] };
        let deny = compiled("/deny", &config.deny, known, &mut problems);
        if problems.is_empty() { Ok(Self { allow, deny }) } else { Err(problems) }
    }
}

/// What a client says it is, over which an expression must not take memory without end.
const COMPILED_BYTES: usize = 4 << 20;

fn compiled(
    pointer: &str,
    given: &[String],
    known: &[&str],
    problems: &mut Vec<Problem>,
) -> RegexSet {
    let compile = |patterns: &[&str]| {
        RegexSetBuilder::new(patterns).unicode(false).size_limit(COMPILED_BYTES).build()
    };
    let mut patterns = Vec::with_capacity(given.len() + known.len());
    for (ix, pattern) in given.iter().enumerate() {
        match compile(&[pattern]) {
            Ok(_) => patterns.push(pattern.as_str()),
            Err(error) => problems.push(unusable(format!("{pointer}/{ix}"), &error)),
        }
    }
    patterns.extend_from_slice(known);
    compile(&patterns).unwrap_or_else(|error| {
        problems.push(unusable(pointer.to_owned(), &error));
        RegexSet::empty()
    })
}

fn unusable(pointer: String, error: &regex::Error) -> Problem {
    let error = error.to_string();
    let reason = error.lines().last().unwrap_or_default();
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    Problem::new(pointer, format!("the regular expression cannot be used: {reason}"))
        .help("expressions have no look-around and no back-references; write it without")
}

impl Prepared for BotDetection {
    fn phases(&self) -> Phases {
        Phases::REQUEST
    }

    fn start(self: Arc<Self>, _: &WorkerCx) -> Rc<dyn Filter> {
        Rc::new(Running(self))
    }
}

struct Running(Arc<BotDetection>);

impl Filter for Running {
    fn request<'a>(&'a self, exchange: &'a mut Exchange) -> Step<'a> {
        let mut agents = exchange.request.headers.get_all("user-agent");
        let Some(agent) = agents.next() else { return Step::CONTINUE };
        if agents.next().is_some() {
            let message = "a client has one name, and more than one was sent";
            return LocalReply::new(400, "bot-detection/ambiguous", message).into();
        }
        let (policy, agent) = (&*self.0, agent.trim_ascii());
        if policy.allow.is_match(agent) || !policy.deny.is_match(agent) {
            return Step::CONTINUE;
        }
        LocalReply::new(403, "bot-detection/refused", "clients of this kind may not call").into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::NAME;
    use crate::testing::{Gateway, answer};

    /// The reason for which a client of these names is refused; empty if it is not.
    fn outcome(config: Value, agents: &[&str]) -> String {
        let gateway = Gateway::new();
        let filter = gateway.start(NAME, config);
        let mut exchange = gateway.exchange();
        for agent in agents {
            exchange.request.headers.push("User-Agent", agent);
        }
        answer(&filter, &mut exchange).map(|reply| reply.reason.into_owned()).unwrap_or_default()
    }

    const REFUSED: &str = "bot-detection/refused";

    #[test]
    fn known_crawlers_are_kept_out() {
        for crawler in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Googlebot/2.1 (+http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "Twitterbot/1.0",
            "facebookexternalhit/1.1",
            "Scrapy/1.0",
            "Mozilla/5.0 (compatible; SomeNewBot/3.4; +http://x.test)",
            "some-spider/1.0",
        ] {
            assert_eq!(outcome(json!({}), &[crawler]), REFUSED, "{crawler}");
            assert_eq!(outcome(json!({"known_crawlers": false}), &[crawler]), "", "{crawler}");
        }
    }

    #[test]
    fn browsers_and_tools_are_not() {
        for agent in [
            "",
            "Mozilla/5.0",
            "curl/8.0",
            "HeadlessChrome",
            "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
            "Mozilla/5.0 (Linux; Android 14; CUBOT X30) AppleWebKit/537.36 Chrome/120.0 Mobile",
        ] {
            assert_eq!(outcome(json!({}), &[agent]), "", "{agent}");
        }
        assert_eq!(outcome(json!({}), &[]), "");
    }

    #[test]
    fn lists_come_before_what_is_known() {
        let config = || json!({"allow": ["Twitterbot/1\\.0"], "deny": ["Twitterbot", "^curl"]});
        assert_eq!(outcome(config(), &["Twitterbot/1.0"]), "");
        assert_eq!(outcome(config(), &["Twitterbot/2.0"]), REFUSED);
        assert_eq!(outcome(config(), &["curl/8.0"]), REFUSED);
        assert_eq!(outcome(config(), &["Curl/8.0"]), "");
        assert_eq!(outcome(json!({"deny": ["^$"]}), &[""]), REFUSED);
    }

    #[test]
    fn two_names_are_refused() {
        assert_eq!(outcome(json!({}), &["a", "b"]), "bot-detection/ambiguous");
        assert_eq!(outcome(json!({"allow": ["a"]}), &["a", "a"]), "bot-detection/ambiguous");
    }

    #[test]
    fn problems_say_what_to_do() {
        let config = json!({"allow": ["(", "a"], "deny": ["(?=a)"]});
        let problems = Gateway::new().problems(NAME, config);
        let places: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(places, ["/allow/0", "/deny/0"]);
        let message = "the regular expression cannot be used: unclosed group";
        assert_eq!(problems[0].message, message);
    }
}
