//! Repositories: those of a project, and the artifacts of one.

use askama::Template;
use auth::{Action, Resource};
use domain::Entity;
use domain::artifacts::{self, Artifact, TagFilter};
use domain::listing::Match;
use domain::permit::{self, RepositoryPermit};
use domain::repositories::{self, Repository, Scope};
use oci::RepositoryName;

use super::access::Access;
use super::answer::Answer;
use super::confirm::ConfirmPage;
use super::error::Error;
use super::form::Form;
use super::format::{self, Moment};
use super::pager::Pager;
use super::projects::Head;
use super::visit::Visit;
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

/// Tags and platforms of one line; the artifact's page has the rest.
const SHOWN: usize = 4;

/// `GET /projects/{project}`
pub(super) async fn list(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let query = visit.parameter("q");
    let page = repositories::list(
        &visit.app.db,
        &repositories::Query {
            scope: Scope::Project(access.permit().project().id),
            name: Some(query.clone()).filter(|text| !text.is_empty()).map(Match::Like),
            sort: Vec::new(),
            paging: visit.paging(),
        },
    )
    .await?;
    let pager = visit.pager(page.items.len(), page.total);
    Answer::page(&ListPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "repositories"),
        query,
        rows: page.items.into_iter().map(|row| RepositoryLine::new(&visit, row)).collect(),
        pager,
        may_push: access.may(Resource::Repository, Action::Push),
        may_delete: access.may(Resource::Repository, Action::Delete),
        commands: PushCommands::new(&visit.ui.host, access.name()),
    })
}

/// `GET /projects/{project}/push`
pub(super) async fn push(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    Answer::page(&PushPage {
        ui: &visit.ui,
        head: access.head(&visit.ui, "repositories"),
        commands: PushCommands::new(&visit.ui.host, access.name()),
    })
}

/// `GET /projects/{project}/repositories/{repository}`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let repository = find(&visit, &access).await?;
    let filter = match visit.parameter("tags").as_str() {
        "tagged" => "tagged",
        "untagged" => "untagged",
        _ => "",
    };
    let mut query = artifacts::Query::all(repository.id, visit.paging());
    query.tags = match filter {
        "tagged" => Some(TagFilter::Tagged),
        "untagged" => Some(TagFilter::Untagged),
        _ => None,
    };
    let page = artifacts::list(&visit.app.db, &query).await?;
    let pager = visit.pager(page.items.len(), page.total);
    let name = repository.name.as_str();
    let rows: Vec<ArtifactLine> =
        page.items.iter().map(|artifact| ArtifactLine::new(&visit, name, artifact)).collect();
    Answer::page(&ShowPage {
        ui: &visit.ui,
        project: access.name().to_owned(),
        path: repository.name.path().unwrap_or_default().to_owned(),
        base: address(&repository.name),
        name: name.to_owned(),
        description: repository.description,
        pulls: repository.pulls,
        pull_command: rows.first().map(|row| row.pull_command.clone()),
        filter,
        rows,
        pager,
        may_delete: access.may(Resource::Repository, Action::Delete),
    })
}

/// `GET /projects/{project}/repositories/{repository}/-/delete`
pub(super) async fn confirm_delete(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    permit_deletion(&visit, &access).await?;
    let repository = find(&visit, &access).await?;
    let ui = &visit.ui;
    Answer::page(&ConfirmPage {
        ui,
        heading: ui.t("delete-repository"),
        question: ui.with("ask-delete-repository", repository.name.as_str()),
        consequences: vec![undoing(&visit), ui.t("space-later")],
        obstacle: None,
        label: ui.t("delete-repository"),
        action: format!("{}/-/delete", address(&repository.name)),
        cancel: address(&repository.name),
        dangerous: true,
    })
}

/// Whether, and for how long, it can be undone.
fn undoing(visit: &Visit) -> String {
    match visit.settings.deletion_grace {
        0 => visit.ui.t("cannot-undo"),
        hours => visit.ui.count("can-restore", &i64::from(hours)),
    }
}

/// `POST /projects/{project}/repositories/{repository}/-/delete`
pub(super) async fn delete(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit_deletion(&visit, &access).await?;
    let mut tx = visit.app.db.begin().await?;
    repositories::delete(&mut tx, &permit, visit.now).await?;
    tx.commit().await?;
    Ok(Answer::done(
        format!("/projects/{}", access.name()),
        "flash-repository-deleted",
        permit.name().as_str(),
    ))
}

async fn permit_deletion(visit: &Visit, access: &Access) -> Result<RepositoryPermit, Error> {
    let name = access.repository(visit)?;
    let (db, who) = (&visit.app.db, &visit.principal);
    let (resource, action) = (Resource::Repository, Action::Delete);
    Ok(permit::authorize_repository(db, who, &name, resource, action).await?)
}

/// The repository of the address, if the viewer may list what is in it.
pub(super) async fn find(visit: &Visit, access: &Access) -> Result<Repository, Error> {
    let name = access.repository(visit)?;
    let (db, who) = (&visit.app.db, &visit.principal);
    permit::authorize_repository(db, who, &name, Resource::Artifact, Action::List).await?;
    let repository = repositories::by_name(db, &name).await?;
    repository.ok_or(Error::missing(Entity::Repository))
}

/// The address of a repository's page.
pub(super) fn address(name: &RepositoryName) -> String {
    format!("/projects/{}/repositories/{}", name.project(), name.path().unwrap_or_default())
}

impl RepositoryLine {
    fn new(visit: &Visit, repository: Repository) -> Self {
        Self {
            path: repository.name.path().unwrap_or_default().to_owned(),
            description: repository.description,
            artifacts: repository.artifacts,
            pulls: repository.pulls,
            updated: visit.moment(repository.pushed_at.unwrap_or(repository.updated_at)),
        }
    }
}

impl ArtifactLine {
    fn new(visit: &Visit, repository: &str, artifact: &Artifact) -> Self {
        let platforms = platforms(artifact);
        let tags: Vec<&str> = artifact.tags.iter().map(|tag| tag.name.as_str()).collect();
        let shown = |all: &[&str]| all.iter().take(SHOWN).map(|&text| text.to_owned()).collect();
        let platform_names: Vec<&str> = platforms.iter().map(String::as_str).collect();
        let reference = reference(&visit.ui.host, repository, artifact);
        Self {
            digest: artifact.digest.to_string(),
            short: artifact.digest.short().to_owned(),
            kind: kind(&visit.ui, artifact),
            more_tags: tags.len().saturating_sub(SHOWN),
            tags: shown(&tags),
            more_platforms: platforms.len().saturating_sub(SHOWN),
            platforms: shown(&platform_names),
            size: format::size_of(artifact.size),
            pushed: visit.moment(artifact.pushed_at),
            pulled: artifact.pulled_at.map(|at| visit.moment(at)),
            pull_command: super::artifacts::pull_command(artifact, &reference),
        }
    }
}

/// What the artifact is, in words.
pub(super) fn kind(ui: &Shell, artifact: &Artifact) -> String {
    match artifact.kind.as_str() {
        _ if !artifact.children.is_empty() => ui.t("kind-index"),
        "IMAGE" => ui.t("kind-image"),
        "CHART" => ui.t("kind-chart"),
        "UNKNOWN" => ui.t("kind-other"),
        other => other.to_owned(),
    }
}

/// As `docker pull` wants it: by its newest tag, else by its digest.
pub(super) fn reference(host: &str, repository: &str, artifact: &Artifact) -> String {
    match artifact.tags.first() {
        Some(tag) => format!("{host}/{repository}:{}", tag.name),
        None => format!("{host}/{repository}@{}", artifact.digest),
    }
}

/// Build tools list attestations beside images, for a platform of `unknown/unknown`.
fn platforms(artifact: &Artifact) -> Vec<String> {
    let named = |text: &String| !text.is_empty() && !text.starts_with("unknown");
    let own = artifact.platform.iter();
    let listed = artifact.children.iter().filter_map(|child| child.platform.as_ref());
    own.chain(listed).map(format::platform).filter(named).collect()
}
