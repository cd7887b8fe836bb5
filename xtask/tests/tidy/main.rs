//! Rules of the tree that no compiler checks. Each message names the file and the remedy.
//!
//! The rules are those of `docs/style.md` and of the diagram in `ARCHITECTURE.md`; whoever wants to break one changes
//! the rule here, in the same review.

mod edges;
mod dependencies;
mod sources;
mod migrations;
mod documents;

use std::path::{Path, PathBuf};

/// The folder that holds the workspace's `Cargo.toml`.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace")
}

/// Every file of the tree whose name ends in one of `extensions`, in order, without what is built, fetched or vendored.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    const SKIPPED: [&str; 4] = [".git", "target", "vendor", "node_modules"];
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = folder.read_dir().expect("folders of the tree are readable");
        for entry in entries {
            let path = entry.expect("a readable folder entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() && !SKIPPED.contains(&name) {
                folders.push(path);
            } else if extensions.iter().any(|extension| name.ends_with(extension)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// As an editor's "go to file" wants it.
fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Fails with every complaint at once, so that one run is enough to mend them all.
#[track_caller]
fn report(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}
