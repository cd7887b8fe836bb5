//! A page of the documentation, taken apart: blocks, tables, and words in backticks.

use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file of the tree.
pub(super) struct Page {
    pub(super) name: String,
    pub(super) text: String,
}

/// What stands between two fences.
pub(super) struct Block<'a> {
    /// `sh`, or `sh tests/e2e/install.sh`.
    pub(super) info: &'a str,
    pub(super) lines: Vec<&'a str>,
}

/// The root of the tree.
pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(super) fn read(path: &str) -> String {
    assert!(exists(path), "there is no {path}");
    fs::read_to_string(root().join(path)).expect("the file is text")
}

/// Every page for users and for those who change the code, but those about the code's style.
pub(super) fn pages() -> Vec<Page> {
    let mut names: Vec<String> =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned).into();
    for folder in ["docs", "docs/design"] {
        for entry in fs::read_dir(root().join(folder)).expect("the folder is there") {
            let path = entry.expect("the folder can be read").path();
            let file = path.file_name().and_then(|name| name.to_str()).expect("names are text");
            if path.extension().is_some_and(|extension| extension == "md") && file != "style.md" {
                names.push(format!("{folder}/{file}"));
            }
        }
    }
    names.sort();
    names.into_iter().map(|name| Page { text: read(&name), name }).collect()
}

pub(super) fn page(name: &str) -> Page {
    Page { name: name.to_owned(), text: read(name) }
}

impl Page {
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        let mut open: Option<Block<'_>> = None;
        for line in self.text.lines() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(info), None) => open = Some(Block { info: info.trim(), lines: Vec::new() }),
                (Some(_), Some(block)) => blocks.push(block),
                (None, Some(mut block)) => {
                    block.lines.push(line);
                    open = Some(block);
                }
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{}: a block has no end", self.name);
        blocks
    }

    /// What stands in backticks outside of blocks.
    pub(super) fn words(&self) -> Vec<&str> {
        let prose = self.text.split("```").step_by(2);
        prose
            .flat_map(|part| part.lines())
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .collect()
    }

    /// The rows of the tables between the heading `under` and the next one, without the tables' heads.
    pub(super) fn rows(&self, under: &str) -> Vec<Vec<String>> {
        let lines = self.text.lines().skip_while(|line| *line != under).skip(1);
        let section = lines.take_while(|line| !line.starts_with('#'));
        let rows: Vec<_> = section
            .filter(|line| line.starts_with('|') && !line.starts_with("|---"))
            .skip(1)
            .map(cells)
            .collect();
        assert!(!rows.is_empty(), "{}: no table under {under:?}", self.name);
        rows
    }
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The words in backticks of a cell.
pub(super) fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

pub(super) fn exists(path: &str) -> bool {
    Path::new(&root().join(path)).exists()
}

/// The Rust files below a folder, with their texts.
pub(super) fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(fs::read_to_string(&path).expect("sources are UTF-8"));
        }
    }
    texts
}
