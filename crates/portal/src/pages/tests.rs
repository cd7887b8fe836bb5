//! Every page rendered from fixtures into `target/pages/<look>/`, to be looked at, and checked for
//! what no page may have.

mod fixtures;
mod browser;
mod visits;
mod images;

use std::fs;
use std::path::{Path, PathBuf};

use crate::assets;
use crate::i18n::Language;
use crate::viewer::{Shell, Theme, Viewer};

fn shell(language: Language, theme: Theme) -> Shell {
    Shell {
        language,
        theme,
        viewer: Viewer { name: Some("admin".to_owned()), system_admin: true },
        csrf: "proof".to_owned(),
        flash: None,
        here: "/projects".to_owned(),
        host: "registry.example.com".to_owned(),
        read_only: false,
        banner: None,
        service_logs: true,
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pages")
}

fn write(look: &str, name: &str, html: &str) {
    let path = folder().join(look).join(format!("{name}.html"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, html).unwrap();
}

/// What the content policy forbids would silently not work; unlabelled texts would be shown as such.
#[track_caller]
fn check(name: &str, html: &str) {
    for forbidden in [" style=", " onclick=", "<style", "javascript:", "Unknown localization"] {
        assert!(!html.contains(forbidden), "{name} has {forbidden}");
    }
    for form in html.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
        let form = form.split("</form>").next().unwrap();
        let proven = form.contains("name=\"csrf\"") || form.contains("action=\"/preferences\"");
        assert!(proven, "{name} has a form without proof: {form}");
    }
}

#[test]
fn every_page_renders_in_every_look() {
    let looks = [
        ("light", Language::English, Theme::Light),
        ("dark", Language::English, Theme::Dark),
        ("chinese", Language::Chinese, Theme::Light),
    ];
    for (look, language, theme) in looks {
        for (name, html) in fixtures::pages(&shell(language, theme)) {
            check(name, &html);
            write(look, name, &html);
        }
    }
    for asset in assets::all() {
        let path = folder().join(asset.path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, asset.content).unwrap();
    }
}

#[test]
fn what_a_user_typed_is_shown_as_text() {
    let mut ui = shell(Language::English, Theme::System);
    ui.viewer.name = Some("<img src=x>".to_owned());
    for (name, html) in fixtures::pages(&ui) {
        assert!(!html.contains("<img src=x"), "{name}");
        assert!(!html.contains("<script>alert"), "{name}");
    }
}
