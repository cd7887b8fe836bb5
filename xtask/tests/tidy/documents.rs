//! Pages point at what is there: every relative link in a Markdown file names a file or folder of the tree.

use std::fs;

use crate::{files, relative, report};

#[test]
fn links_lead_somewhere() {
    let mut complaints = Vec::new();
    for path in files(&[".md"]) {
        let text = fs::read_to_string(&path).expect("pages are UTF-8");
        let folder = path.parent().expect("a file has a folder");
        for target in links(&text) {
            if !folder.join(target).exists() {
                complaints.push(format!(
                    "{}: the link to `{target}` leads nowhere; mend it, or add the file",
                    relative(&path)
                ));
            }
        }
    }
    report(&complaints);
}

/// What stands in `](..)`, without addresses on the web, mail, and places within a page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains(':') && !target.contains(' '))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
}

#[test]
fn only_links_into_the_tree_are_followed() {
    let text = "[a](b.md#part) ![c](d.png) [e](https://example.com) [f](#here) f(x)[1](2)";
    assert_eq!(links(text).collect::<Vec<_>>(), ["b.md", "d.png", "2"]);
}
