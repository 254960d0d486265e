//! `tripylon explain`.

mod address;
mod answer;
mod balancing;
mod code;
mod config;
mod show;

use std::net::IpAddr;
use std::path::PathBuf;

use ::config::Code;
use clap::Args;

use self::address::Ask;
use super::routes::Format;
use crate::codes;
use crate::documents::Documents;
use crate::gateway::Detours;
use crate::output::{self, Exit, Usage};
use crate::settings::SettingsFlags;

/// Say what becomes of a request, and why, or what a finding means
#[derive(Debug, Args)]
#[command(
    override_usage = "tripylon explain [OPTIONS] [METHOD] URL [PATH]...\n       tripylon explain CODE\n       tripylon explain --list",
    after_help = "\
Nothing is sent: the answer comes from the documents alone.

    tripylon explain GET http://api.example.com/orders/7 kong.yml
    tripylon explain /orders/7 -H 'Host: api.example.com' -H 'X-Version: 2' --as alice kong.yml
    tripylon explain TRI0102

Exit status: 0 if a route takes the request, 1 if none does or the documents have errors, 2 for wrong usage."
)]
pub(crate) struct Explain {
    /// A method, a URL or path, and the files and folders to read; or the code of a finding, such as TRI0102 or unknown-field
    #[arg(value_name = "WHAT", required_unless_present = "list")]
    what: Vec<String>,
    /// List all codes
    #[arg(long, conflicts_with = "what")]
    list: bool,
    /// A header of the request, as curl's -H; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", help_heading = "Request")]
    headers: Vec<String>,
    /// The client's address
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", help_heading = "Request")]
    from_ip: IpAddr,
    /// The TLS server name of an https request, if it is not the URL's host
    #[arg(long, value_name = "NAME", help_heading = "Request")]
    sni: Option<String>,
    /// The caller that the request is from once it is authenticated, by name or id
    #[arg(long = "as", value_name = "CALLER", help_heading = "Request")]
    caller: Option<String>,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    #[command(flatten)]
    settings: SettingsFlags,
    #[command(flatten)]
    detours: Detours,
}

impl Explain {
    pub(crate) fn run(&self) -> anyhow::Result<Exit> {
        if self.list {
            output::print(&code::list())?;
            return Ok(Exit::Done);
        }
        match Question::read(&self.what)? {
            Question::Code(code) => {
                output::print(&code::page(code))?;
                Ok(Exit::Done)
            }
            Question::Request { method, url, paths } => self.request(method, url, paths),
        }
    }

    fn request(&self, method: &str, url: &str, paths: Vec<PathBuf>) -> anyhow::Result<Exit> {
        let mut ask = Ask::read(method, url, &self.headers)?;
        ask.client = self.from_ip;
        ask.connect_to = self.detours.connect_to.clone();
        ask.sni = self.sni.clone().or(ask.sni);
        let (settings, detours) = (self.settings.clone(), self.detours.clone());
        let documents = Documents { paths, settings, detours };
        let Some(build) = documents.sound()? else { return Ok(Exit::Failed) };
        let answer = answer::answer(&build.model, &ask, self.caller.as_deref())?;
        output::print(&match self.format {
            Format::Human => show::show(&answer),
            Format::Json => serde_json::to_string_pretty(&answer)? + "\n",
        })?;
        Ok(if answer.is_taken() { Exit::Done } else { Exit::Failed })
    }
}

/// What the words of the command line ask for.
#[derive(Debug, PartialEq)]
enum Question<'a> {
    Code(Code),
    Request { method: &'a str, url: &'a str, paths: Vec<PathBuf> },
}

impl<'a> Question<'a> {
    fn read(words: &'a [String]) -> anyhow::Result<Self> {
        let (first, rest) = words.split_first().ok_or_else(|| Usage::error(FORM))?;
        let paths = |words: &[String]| words.iter().map(PathBuf::from).collect();
        if is_url(first) {
            return Ok(Self::Request { method: "GET", url: first, paths: paths(rest) });
        }
        if let Some((url, rest)) = rest.split_first().filter(|(url, _)| is_url(url)) {
            return Ok(Self::Request { method: first, url, paths: paths(rest) });
        }
        match codes::find(first) {
            Some(code) if rest.is_empty() => Ok(Self::Code(code)),
            Some(_) => Err(Usage::error(format!("`{first}` is a code, and nothing follows one"))),
            None if codes::looks_like_one(first) => {
                let message =
                    format!("there is no code `{first}`; `tripylon explain --list` shows all");
                Err(Usage::error(message))
            }
            None => Err(Usage::error(format!("`{first}` is neither a URL nor a code; {FORM}"))),
        }
    }
}

const FORM: &str = "give a request (`GET http://host/path`) or a code (`TRI0102`)";

fn is_url(word: &str) -> bool {
    word.starts_with('/') || word.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question<'a>(words: &'a [String]) -> Result<Question<'a>, String> {
        Question::read(words).map_err(|error| error.to_string())
    }

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_request_has_a_method_a_url_and_paths() {
        let request = |method, url, paths: &[&str]| {
            Ok(Question::Request { method, url, paths: paths.iter().map(PathBuf::from).collect() })
        };
        let all = words("POST http://a/b kong.yml more");
        assert_eq!(question(&all), request("POST", "http://a/b", &["kong.yml", "more"]));
        assert_eq!(question(&words("/b kong.yml")), request("GET", "/b", &["kong.yml"]));
        assert_eq!(question(&words("PURGE /b")), request("PURGE", "/b", &[]));
    }

    #[test]
    fn a_code_stands_alone() {
        let code = &control::NO_SUCH_PATH;
        assert_eq!(question(&words("tri0301")), Ok(Question::Code(code)));
        assert_eq!(question(&words("no-such-path")), Ok(Question::Code(code)));
        assert!(question(&words("TRI0301 kong.yml")).is_err());
        assert!(question(&words("TRI9999")).expect_err("unknown").contains("no code `TRI9999`"));
        assert!(question(&words("kong.yml")).expect_err("a file").contains("neither"));
    }
}
