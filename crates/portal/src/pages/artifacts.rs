//! One artifact: what it is, how to pull it, its tags, its children, its layers.

use askama::Template;

use super::format::Moment;
use crate::viewer::Shell;

pub(crate) struct LabelledCommand {
    pub(crate) label: &'static str,
    pub(crate) text: String,
}

pub(crate) struct TagLine {
    pub(crate) name: String,
    /// Whole, to be pasted: `registry.example.com/library/alpine:3.20`.
    pub(crate) reference: String,
    pub(crate) pushed: Moment,
    pub(crate) pulled: Option<Moment>,
}

pub(crate) struct ChildLine {
    pub(crate) platform: String,
    pub(crate) digest: String,
    pub(crate) short: String,
    pub(crate) size: String,
}

pub(crate) struct LayerLine {
    pub(crate) digest: String,
    pub(crate) short: String,
    pub(crate) media_type: String,
    pub(crate) size: String,
}

#[derive(Template)]
#[template(path = "artifacts/show.html")]
pub(crate) struct ShowPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) project: String,
    pub(crate) path: String,
    pub(crate) repository: String,
    /// The address of the repository.
    pub(crate) base: String,
    /// The address of the artifact.
    pub(crate) here: String,
    pub(crate) digest: String,
    pub(crate) short: String,
    pub(crate) kind: String,
    pub(crate) platform: String,
    pub(crate) size: String,
    pub(crate) pushed: Moment,
    pub(crate) pulled: Option<Moment>,
    pub(crate) media_type: String,
    pub(crate) artifact_type: String,
    pub(crate) subject: Option<String>,
    pub(crate) pull_commands: Vec<LabelledCommand>,
    pub(crate) tags: Vec<TagLine>,
    pub(crate) children: Vec<ChildLine>,
    pub(crate) layers: Vec<LayerLine>,
    pub(crate) annotations: Vec<(String, String)>,
    /// Indented for reading.
    pub(crate) manifest: String,
    pub(crate) may_delete: bool,
    pub(crate) may_tag: bool,
    pub(crate) may_untag: bool,
}
