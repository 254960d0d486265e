//! LDAP directories of a test's own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

/// An OpenLDAP `slapd` on loopback, ended on drop. It knows `al` with the password `pass:word` and
/// `b,o+x` with the password `pw`, under `ou=people,dc=example,dc=test`.
pub(super) struct Slapd {
    process: Child,
    pub(super) port: u16,
    scheme: &'static str,
    folder: TempDir,
}

/// How long anything may take before a test fails.
const SOON: Duration = Duration::from_secs(20);

impl Slapd {
    /// Over LDAPS if `tls` says so, else over LDAP; StartTLS is always offered.
    ///
    /// # Panics
    /// If the program is not there.
    pub(super) fn start(tls: bool) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| fs::write(path(name), text).expect("written");
        write("certificate", &cert.pem());
        write("key", &signing_key.serialize_pem());
        write("entries", ENTRIES);
        fs::create_dir(path("data")).expect("made");
        // Its own storage in text files is built into every `slapd`.
        let configuration = format!(
            "include {}\nTLSCertificateFile {}\nTLSCertificateKeyFile {}\n\
             database ldif\nsuffix \"dc=example,dc=test\"\ndirectory {}\n",
            schema().display(),
            path("certificate").display(),
            path("key").display(),
            path("data").display(),
        );
        write("configuration", &configuration);
        let mut add = Command::new(program());
        add.args(["-T", "add", "-f"]).arg(path("configuration")).arg("-l").arg(path("entries"));
        let added = add.output().expect("slapd runs");
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        let scheme = if tls { "ldaps" } else { "ldap" };
        let (process, port) = run(&folder, scheme, free_port());
        Self { process, port, scheme, folder }
    }

    /// Ends it and starts it again: connections that were open are closed.
    pub(super) fn restart(&mut self) {
        self.stop();
        (self.process, _) = run(&self.folder, self.scheme, self.port);
    }

    pub(super) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(folder: &TempDir, scheme: &str, port: u16) -> (Child, u16) {
    let process = Command::new(program())
        // Without the flag it leaves the foreground.
        .args(["-d", "0", "-h", &format!("{scheme}://127.0.0.1:{port}/"), "-f"])
        .arg(folder.path().join("configuration"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("slapd runs");
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < SOON, "slapd does not answer");
        std::thread::yield_now();
    }
    (process, port)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

/// It is a program for administrators, whose folders are not on everyone's PATH.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/opt/openldap/libexec"];
    let folders = std::env::split_paths(&path).chain(more.map(PathBuf::from));
    let found = folders.map(|folder| folder.join("slapd")).find(|path| path.is_file());
    found.expect("slapd is installed; `cargo xtask test` installs it")
}

fn schema() -> &'static Path {
    let places = [
        "/etc/ldap/schema/core.schema",
        "/etc/openldap/schema/core.schema",
        "/usr/local/etc/openldap/schema/core.schema",
        "/opt/homebrew/etc/openldap/schema/core.schema",
    ];
    places.map(Path::new).into_iter().find(|path| path.is_file()).expect("slapd has a schema")
}

const ENTRIES: &str = "\
dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=test
objectClass: organizationalUnit
ou: people

dn: uid=al,ou=people,dc=example,dc=test
objectClass: person
objectClass: uidObject
uid: al
cn: Al
sn: Al
userPassword: pass:word

dn: uid=b\\2Co\\2Bx,ou=people,dc=example,dc=test
objectClass: person
objectClass: uidObject
uid: b,o+x
cn: Bo
sn: Bo
userPassword: pw
";
