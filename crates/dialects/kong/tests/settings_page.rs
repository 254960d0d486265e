//! `docs/kong-settings.md` is written from the table of properties. `TRIPYLON_BLESS=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use kong::settings::{ENTERPRISE, Effect, Property, SECTIONS};

#[test]
fn the_page_says_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/kong-settings.md");
    let page = page();
    if std::env::var_os("TRIPYLON_BLESS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/kong-settings.md is old; TRIPYLON_BLESS=1 writes it anew");
}

fn page() -> String {
    let mut page = String::from(HEAD);
    for section in SECTIONS {
        let _ = write!(
            page,
            "\n## {}\n\n| property | type | default | here |\n|---|---|---|---|\n",
            section.title
        );
        for property in section.properties {
            let _ = writeln!(page, "{}", row(property));
        }
    }
    page.push_str(ENTERPRISE_HEAD);
    for name in ENTERPRISE {
        let _ = writeln!(page, "- `{name}`");
    }
    page
}

fn row(property: &Property) -> String {
    let default = match property.default {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let prefix = match property.effect {
        Effect::Used(_) => "",
        Effect::Note(_) => "*no effect:* ",
        Effect::Warning(_) => "*no effect (warning):* ",
        Effect::Error(_) => "*other values are an error:* ",
    };
    let (name, kind, text) = (property.name, property.kind, property.effect.text());
    format!("| `{name}` | {kind} | {default} | {prefix}{text} |")
}

const HEAD: &str = "\
# Kong's settings

Every property of `kong.conf` (Kong 3.10), which is also an environment variable `KONG_<NAME>`, and what becomes of it here. This page is
written from the table that the gateway reads settings with: `TRIPYLON_BLESS=1 cargo test -p tripylon-kong --test settings_page`.

The command line counts more than the environment, the environment more than the file, the file more than the defaults. The file is the one
that `-c` names, else `/etc/kong/kong.conf`, else `/etc/kong.conf`. `#` starts a comment, `\\#` is a `#`; an empty value unsets a property;
the items of a list have commas between them. Any value may be a reference `{vault://env/NAME}`.

A property that is set to something else than its default is understood, or named in a finding: a note where nothing is lost, a warning
where something will be different, an error where the gateway would serve other traffic than was asked for. A name that Kong does not have
is a warning with the name that was probably meant.

`nginx_<context>_<directive>` writes into nginx's configuration with Kong. Besides those below these directives are understood in the contexts
`http`, `proxy` and `location`: `client_body_timeout`, `client_header_timeout`, `ignore_invalid_headers`, `keepalive_timeout`,
`proxy_ssl_verify`, `proxy_ssl_verify_depth`, `send_timeout`, `ssl_ciphers`. All others are named in a finding; those that would refuse requests
(`allow`, `deny`, `auth_basic`, `limit_req`, `ssl_verify_client`, …) in an error.
";

const ENTERPRISE_HEAD: &str = "
## Kong Enterprise

These properties of Kong Enterprise 3.15 have no effect here; each that is set is named in a warning.

";
