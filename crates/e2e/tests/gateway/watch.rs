//! Files and folders that change under a running gateway.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tripylon_e2e::{Client, Gateway, Start, Upstream, wait};

use crate::setup::proxy_to;

/// A document with one service, reached under one path.
fn serving(upstream: &Upstream, path: &str) -> String {
    format!(
        "_format_version: '3.0'\nservices:\n- name: s{0}\n  url: http://{1}\n  routes:\n  - name: r{0}\n    \
         paths: [/{0}]\n    strip_path: false\n",
        path,
        upstream.address()
    )
}

fn status(gateway: &Gateway, path: &str) -> u16 {
    let mut client = Client::connect(gateway.proxy()).unwrap();
    client.exchange("GET", path, &[]).unwrap().status
}

fn comes_to_answer(gateway: &Gateway, path: &str, wanted: u16) {
    let answered = wait::holds(wait::SOON, || status(gateway, path) == wanted);
    assert!(answered, "{path} is never answered {wanted}; the gateway said:\n{}", gateway.said());
}

#[test]
fn files_come_into_a_folder_and_go_from_it() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(serving(&upstream, "a")).whole_folder().go();
    assert_eq!((status(&gateway, "/a"), status(&gateway, "/b")), (200, 404));
    let added = gateway.documents().join("b.yaml");
    fs::write(&added, serving(&upstream, "b")).unwrap();
    comes_to_answer(&gateway, "/b", 200);
    assert_eq!(status(&gateway, "/a"), 200);
    fs::remove_file(&added).unwrap();
    comes_to_answer(&gateway, "/b", 404);
    assert_eq!(status(&gateway, "/a"), 200);
}

#[test]
fn a_file_that_goes_away_leaves_the_old_configuration() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(serving(&upstream, "a")).go();
    fs::remove_file(gateway.document()).unwrap();
    gateway.wait_to_say("kong.yml");
    assert_eq!(status(&gateway, "/a"), 200);
    gateway.rewrite(&serving(&upstream, "b"));
    comes_to_answer(&gateway, "/b", 200);
}

/// As Kubernetes mounts a ConfigMap: `kong.yml` leads by `..data` into a folder of one version,
/// and an update swaps `..data`.
#[test]
fn a_mounted_config_map_is_followed() {
    let upstream = Upstream::echo();
    let mount = tempfile::tempdir().unwrap();
    let version = |name: &str, path: &str| {
        let folder = mount.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mounted.yml"), serving(&upstream, path)).unwrap();
        symlink(name, mount.path().join("..new")).unwrap();
        fs::rename(mount.path().join("..new"), mount.path().join("..data")).unwrap();
    };
    version("..1", "a");
    symlink(Path::new("..data/mounted.yml"), mount.path().join("mounted.yml")).unwrap();
    let mounted = mount.path().join("mounted.yml");
    let other = proxy_to(&upstream).replace("paths: [/]", "paths: [/other]");
    let gateway = Start::kong(other).arguments(&[&mounted]).go();
    assert_eq!((status(&gateway, "/a"), status(&gateway, "/b")), (200, 404));
    version("..2", "b");
    comes_to_answer(&gateway, "/b", 200);
    assert_eq!(status(&gateway, "/a"), 404);
    version("..3", "c");
    comes_to_answer(&gateway, "/c", 200);
}

#[test]
fn many_changes_at_once_end_in_the_last() {
    let upstream = Upstream::echo();
    let gateway = Start::kong(serving(&upstream, "start")).go();
    for n in 0..200 {
        gateway.rewrite(&serving(&upstream, &format!("v{n}")));
    }
    comes_to_answer(&gateway, "/v199", 200);
    assert_eq!(status(&gateway, "/start"), 404);
}
