//! A folder with a harbor.cfg and the templates of the tree, and a place for data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::prepare::{machine, prepare};
use crate::settings::prepare::Prepare;

/// All secrets are given, so that the result is always the same.
pub(in crate::prepare) const HTTP: &str = "hostname = reg.example.com:8080
harbor_admin_password = Chosen-by-me-1
db_password = Chosen-by-me-2
";
pub(in crate::prepare) const HTTPS: &str = "hostname = reg.example.com
ui_url_protocol = https
https_port = 8443
external_url = https://registry.example.org
trusted_proxies = 10.0.0.7, fd00::/8
harbor_admin_password = Chosen-by-me-1
db_password = Chosen-by-me-2
self_registration = on
token_expiration = 60
project_creation_restriction = adminonly
max_job_workers = 3
metrics = on
log_level = debug
log_rotate_count = 7
log_rotate_size = 10k
log_forward = tcp://logs.example.com:514
";

pub(in crate::prepare) fn now() -> OffsetDateTime {
    datetime!(2026-11-25 12:00 UTC)
}

pub(in crate::prepare) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    pub(in crate::prepare) fn new(lines: &str) -> Self {
        let fixture = Self { folder: tempfile::tempdir().unwrap() };
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/templates");
        for file in machine::files(&templates).unwrap() {
            let target = fixture.path("templates").join(&file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(templates.join(&file), target).unwrap();
        }
        fixture.configure(lines);
        fixture
    }

    /// A harbor.cfg of these lines, and of those that keep everything in the folder.
    pub(in crate::prepare) fn configure(&self, lines: &str) {
        let (data, logs) = (self.path("data"), self.path("logs"));
        let own = format!("data_volume = {}\nlog_location = {}\n", data.display(), logs.display());
        fs::write(self.path("harbor.cfg"), format!("{lines}{own}")).unwrap();
    }

    pub(in crate::prepare) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(in crate::prepare) fn options(&self) -> Prepare {
        Prepare {
            conf: self.path("harbor.cfg"),
            templates: self.path("templates"),
            output: self.path("config"),
            env_file: self.path(".env"),
            host_root: None,
            user_owned: true,
            with_notary: false,
            with_clair: false,
        }
    }

    pub(in crate::prepare) fn try_prepare(&self) -> Result<Vec<String>> {
        prepare(&self.options(), now())
    }

    #[track_caller]
    pub(in crate::prepare) fn prepare(&self) -> Vec<String> {
        self.try_prepare().unwrap_or_else(|error| panic!("{error:#}"))
    }

    pub(in crate::prepare) fn edit(&self, name: &str, change: impl Fn(String) -> String) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        fs::write(self.path(name), change(text)).unwrap();
    }

    /// Every file of the folder with its text.
    pub(in crate::prepare) fn contents(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    found.insert(path.clone(), String::new());
                    folders.push(path);
                } else {
                    found.insert(path.clone(), fs::read_to_string(&path).unwrap());
                }
            }
        }
        found
    }

    /// What was rendered, and the variables of Compose, without what differs from run to run.
    pub(in crate::prepare) fn rendered(&self) -> String {
        let mut text = String::new();
        for file in machine::files(&self.path("config")).unwrap() {
            let content = fs::read_to_string(self.path("config").join(&file)).unwrap();
            let content = match file.to_str().unwrap() {
                "proxy/nginx.conf" => self.only_rendered(&content),
                name if name.starts_with("proxy/cert") => "(PEM)\n".to_owned(),
                _ => content,
            };
            text.push_str(&format!("==> config/{}\n{content}\n", file.display()));
        }
        let environment = fs::read_to_string(self.path(".env")).unwrap();
        text.push_str(&format!("==> .env\n{environment}"));
        let folder = self.folder.path().display().to_string();
        let lines = text.replace(&folder, "/folder");
        let digest = |line: &str| match line.split_once("HARBOR_CONFIG=") {
            Some(_) => "HARBOR_CONFIG=(digest)".to_owned(),
            None => line.to_owned(),
        };
        lines.lines().map(digest).collect::<Vec<_>>().join("\n")
    }

    /// The lines that are not so in the template: the others are the proxy's own tests'.
    fn only_rendered(&self, content: &str) -> String {
        let templates = ["nginx.http.conf", "nginx.https.conf"]
            .map(|name| fs::read_to_string(self.path("templates/proxy").join(name)).unwrap());
        let written: BTreeSet<&str> = templates.iter().flat_map(|text| text.lines()).collect();
        let rendered = content.lines().filter(|line| !written.contains(line));
        rendered.map(|line| format!("{line}\n")).collect()
    }
}
