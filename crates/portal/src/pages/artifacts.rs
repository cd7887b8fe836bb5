//! One artifact: what it is, how to pull it, its tags, its children, its layers.

use askama::Template;
use auth::{Action, Resource};
use domain::artifacts::{self, Artifact, Child};
use domain::permit::{self, RepositoryPermit};
use domain::{Entity, tags};
use oci::{Descriptor, Digest, Manifest, Reference, RepositoryName, Tag};

use super::access::Access;
use super::answer::Answer;
use super::confirm::ConfirmPage;
use super::error::Error;
use super::form::Form;
use super::format::{self, Moment};
use super::repositories;
use super::visit::Visit;
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

/// `GET /projects/{project}/repositories/{repository}/artifacts/{digest}`
pub(super) async fn show(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let found = find(&visit, &access).await?;
    let stored = artifacts::by_reference(
        &visit.app.db,
        found.artifact.repository,
        &Reference::Digest(found.artifact.digest.clone()),
    )
    .await?
    .ok_or(Error::missing(Entity::Artifact))?;
    Answer::page(&page(&visit, &access, &found, &stored.content))
}

/// `GET …/artifacts/{digest}/delete`
pub(super) async fn confirm_delete(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    permit(&visit, &access, Resource::Artifact, Action::Delete).await?;
    let found = find(&visit, &access).await?;
    let ui = &visit.ui;
    let names: Vec<&str> = found.artifact.tags.iter().map(|tag| tag.name.as_str()).collect();
    let mut consequences = vec![ui.t("cannot-undo"), ui.t("space-later")];
    if !names.is_empty() {
        consequences.insert(0, ui.with("also-tagged", &names.join(", ")));
    }
    Answer::page(&ConfirmPage {
        ui,
        heading: ui.t("delete-artifact"),
        question: ui.with("ask-delete-artifact", found.artifact.digest.short()),
        consequences,
        obstacle: None,
        label: ui.t("delete-artifact"),
        action: format!("{}/delete", found.address()),
        cancel: found.address(),
        dangerous: true,
    })
}

/// `POST …/artifacts/{digest}/delete`
pub(super) async fn delete(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let permit = permit(&visit, &access, Resource::Artifact, Action::Delete).await?;
    let digest = digest(&visit)?;
    let back = repositories::address(permit.name());
    let mut tx = visit.app.db.begin().await?;
    match artifacts::delete(&mut tx, &permit, &digest, visit.now).await {
        Ok(_tags) => tx.commit().await?,
        Err(domain::Error::Precondition { reason }) => {
            let here = format!("{back}/artifacts/{digest}");
            return Ok(Answer::undone(here, "flash-error", &reason));
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(Answer::done(back, "flash-artifact-deleted", digest.short()))
}

/// `POST …/artifacts/{digest}/tags`
pub(super) async fn add_tag(visit: Visit, form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let found = find(&visit, &access).await?;
    let permit = permit(&visit, &access, Resource::Tag, Action::Create).await?;
    let Ok(tag) = form.word("tag").parse::<Tag>() else {
        return Ok(Answer::undone(found.address(), "fault-tag", ""));
    };
    let mut tx = visit.app.db.begin().await?;
    match tags::create(&mut tx, &permit, found.artifact.id, &tag, visit.now).await {
        Ok(_id) => tx.commit().await?,
        Err(domain::Error::Conflict(_)) => {
            return Ok(Answer::undone(found.address(), "fault-taken", ""));
        }
        Err(failure) => return Err(failure.into()),
    }
    Ok(Answer::done(found.address(), "flash-tag-added", tag.as_str()))
}

/// `GET …/artifacts/{digest}/tags/{tag}/delete`
pub(super) async fn confirm_untag(visit: Visit) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    permit(&visit, &access, Resource::Tag, Action::Delete).await?;
    let found = find(&visit, &access).await?;
    let tag = tag(&visit)?;
    let ui = &visit.ui;
    Answer::page(&ConfirmPage {
        ui,
        heading: ui.t("delete-tag"),
        question: ui.with("ask-delete-tag", tag.as_str()),
        consequences: vec![ui.t("tag-stays")],
        obstacle: None,
        label: ui.t("delete-tag"),
        action: format!("{}/tags/{tag}/delete", found.address()),
        cancel: found.address(),
        dangerous: true,
    })
}

/// `POST …/artifacts/{digest}/tags/{tag}/delete`
pub(super) async fn untag(visit: Visit, _form: Form) -> Result<Answer, Error> {
    let access = Access::open(&visit).await?;
    let found = find(&visit, &access).await?;
    let permit = permit(&visit, &access, Resource::Tag, Action::Delete).await?;
    let tag = tag(&visit)?;
    // It may have moved to another artifact since the page was shown.
    if !found.artifact.tags.iter().any(|own| own.name == tag) {
        return Err(Error::missing(Entity::Tag));
    }
    let mut tx = visit.app.db.begin().await?;
    tags::delete(&mut tx, &permit, &tag, visit.now).await?;
    tx.commit().await?;
    Ok(Answer::done(found.address(), "flash-tag-deleted", tag.as_str()))
}

/// An artifact and the name it is found under.
struct Found {
    repository: RepositoryName,
    artifact: Artifact,
}

impl Found {
    fn address(&self) -> String {
        let base = repositories::address(&self.repository);
        format!("{base}/artifacts/{}", self.artifact.digest)
    }
}

async fn find(visit: &Visit, access: &Access) -> Result<Found, Error> {
    let repository = repositories::find(visit, access).await?;
    let reference = Reference::Digest(digest(visit)?);
    let artifact = artifacts::find(&visit.app.db, repository.id, &reference).await?;
    let artifact = artifact.ok_or(Error::missing(Entity::Artifact))?;
    Ok(Found { repository: repository.name, artifact })
}

async fn permit(
    visit: &Visit,
    access: &Access,
    resource: Resource,
    action: Action,
) -> Result<RepositoryPermit, Error> {
    let name = access.repository(visit)?;
    let (db, who) = (&visit.app.db, &visit.principal);
    Ok(permit::authorize_repository(db, who, &name, resource, action).await?)
}

fn digest(visit: &Visit) -> Result<Digest, Error> {
    visit.segment("digest").parse().map_err(|_invalid| Error::missing(Entity::Artifact))
}

fn tag(visit: &Visit) -> Result<Tag, Error> {
    visit.segment("tag").parse().map_err(|_invalid| Error::missing(Entity::Tag))
}

fn page<'a>(visit: &'a Visit, access: &Access, found: &Found, content: &[u8]) -> ShowPage<'a> {
    let artifact = &found.artifact;
    let host = &visit.ui.host;
    let repository = found.repository.as_str();
    let manifest = Manifest::parse(Some(artifact.media_type.as_str()), content).ok();
    let layers = manifest.as_ref().map(Manifest::layers).unwrap_or_default();
    ShowPage {
        ui: &visit.ui,
        project: access.name().to_owned(),
        path: found.repository.path().unwrap_or_default().to_owned(),
        repository: repository.to_owned(),
        base: repositories::address(&found.repository),
        here: found.address(),
        digest: artifact.digest.to_string(),
        short: artifact.digest.short().to_owned(),
        kind: repositories::kind(&visit.ui, artifact),
        platform: artifact.platform.as_ref().map(format::platform).unwrap_or_default(),
        size: format::size_of(artifact.size),
        pushed: visit.moment(artifact.pushed_at),
        pulled: artifact.pulled_at.map(|at| visit.moment(at)),
        media_type: artifact.media_type.as_str().to_owned(),
        artifact_type: artifact.artifact_type.clone(),
        subject: artifact.subject.as_ref().map(ToString::to_string),
        pull_commands: commands(artifact, &repositories::reference(host, repository, artifact)),
        tags: artifact.tags.iter().map(|tag| TagLine::new(visit, repository, tag)).collect(),
        children: artifact.children.iter().map(ChildLine::new).collect(),
        layers: layers.iter().map(LayerLine::new).collect(),
        annotations: artifact.annotations.clone().into_iter().collect(),
        manifest: format::indented(&String::from_utf8_lossy(content)),
        may_delete: access.may(Resource::Artifact, Action::Delete),
        may_tag: access.may(Resource::Tag, Action::Create),
        may_untag: access.may(Resource::Tag, Action::Delete),
    }
}

/// What to paste to pull it with the usual tool for what it is.
pub(super) fn pull_command(artifact: &Artifact, reference: &str) -> String {
    match artifact.kind.as_str() {
        "IMAGE" => format!("docker pull {reference}"),
        "CHART" => helm(reference),
        _ => format!("oras pull {reference}"),
    }
}

fn commands(artifact: &Artifact, reference: &str) -> Vec<LabelledCommand> {
    let skopeo = format!("skopeo copy docker://{reference} oci:.");
    let of = |label, text| LabelledCommand { label, text };
    match artifact.kind.as_str() {
        "IMAGE" => vec![
            of("Docker", format!("docker pull {reference}")),
            of("Podman", format!("podman pull {reference}")),
            of("Skopeo", skopeo),
        ],
        "CHART" => vec![of("Helm", helm(reference)), of("Skopeo", skopeo)],
        _ => vec![of("ORAS", format!("oras pull {reference}")), of("Skopeo", skopeo)],
    }
}

/// Helm wants the version apart; a tag is one, a digest is not.
fn helm(reference: &str) -> String {
    match reference.rsplit_once(':').filter(|(name, _)| !name.contains('@')) {
        Some((name, version)) => format!("helm pull oci://{name} --version {version}"),
        None => format!("helm pull oci://{reference}"),
    }
}

impl TagLine {
    fn new(visit: &Visit, repository: &str, tag: &tags::Tag) -> Self {
        Self {
            name: tag.name.to_string(),
            reference: format!("{}/{repository}:{}", visit.ui.host, tag.name),
            pushed: visit.moment(tag.pushed_at),
            pulled: tag.pulled_at.map(|at| visit.moment(at)),
        }
    }
}

impl ChildLine {
    fn new(child: &Child) -> Self {
        Self {
            platform: child.platform.as_ref().map(format::platform).unwrap_or_default(),
            digest: child.digest.to_string(),
            short: child.digest.short().to_owned(),
            size: format::size_of(child.size),
        }
    }
}

impl LayerLine {
    fn new(layer: &Descriptor) -> Self {
        Self {
            digest: layer.digest.to_string(),
            short: layer.digest.short().to_owned(),
            media_type: layer.media_type.clone(),
            size: format::size_of(layer.size),
        }
    }
}
