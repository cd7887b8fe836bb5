//! Repositories: those of a project, and the artifacts of one.

use askama::Template;

use super::format::Moment;
use super::pager::Pager;
use super::projects::Head;
use crate::viewer::Shell;

pub(crate) struct RepositoryLine {
    /// Below the project: `tools/builder`.
    pub(crate) path: String,
    pub(crate) description: String,
    pub(crate) artifacts: i64,
    pub(crate) pulls: i64,
    pub(crate) updated: Moment,
}

/// How to push, with the real host.
#[derive(Clone, Default)]
pub(crate) struct PushCommands {
    pub(crate) docker: String,
    pub(crate) podman: String,
    pub(crate) skopeo: String,
}

impl PushCommands {
    pub(crate) fn new(host: &str, project: &str) -> Self {
        let image = format!("{host}/{project}/IMAGE:TAG");
        let with = |tool: &str| {
            format!("{tool} login {host}\n{tool} tag IMAGE:TAG {image}\n{tool} push {image}")
        };
        Self {
            docker: with("docker"),
            podman: with("podman"),
            skopeo: format!(
                "skopeo login {host}\nskopeo copy docker://docker.io/library/alpine:latest docker://{host}/{project}/alpine:latest"
            ),
        }
    }
}

#[derive(Template)]
#[template(path = "projects/repositories.html")]
pub(crate) struct ListPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) query: String,
    pub(crate) rows: Vec<RepositoryLine>,
    pub(crate) pager: Pager,
    pub(crate) may_push: bool,
    pub(crate) may_delete: bool,
    pub(crate) commands: PushCommands,
}

#[derive(Template)]
#[template(path = "projects/push.html")]
pub(crate) struct PushPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) head: Head,
    pub(crate) commands: PushCommands,
}

pub(crate) struct ArtifactLine {
    pub(crate) digest: String,
    pub(crate) short: String,
    pub(crate) kind: String,
    pub(crate) tags: Vec<String>,
    /// Tags beyond those shown.
    pub(crate) more_tags: usize,
    pub(crate) platforms: Vec<String>,
    pub(crate) more_platforms: usize,
    pub(crate) size: String,
    pub(crate) pushed: Moment,
    pub(crate) pulled: Option<Moment>,
    pub(crate) pull_command: String,
}

#[derive(Template)]
#[template(path = "repositories/show.html")]
pub(crate) struct ShowPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) project: String,
    pub(crate) path: String,
    pub(crate) name: String,
    /// The address of this page without its query.
    pub(crate) base: String,
    pub(crate) description: String,
    pub(crate) pulls: i64,
    pub(crate) pull_command: Option<String>,
    /// `tagged`, `untagged` or empty, as in `?tags=`.
    pub(crate) filter: &'static str,
    pub(crate) rows: Vec<ArtifactLine>,
    pub(crate) pager: Pager,
    pub(crate) may_delete: bool,
}
