//! What a request's path names, parsed before any handler runs.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth::{Action, Principal, Resource};
use domain::ids::ProjectId;
use domain::permit::{self, Permit, ProjectKey, RepositoryPermit};
use domain::{Db, Entity};
use oci::{Reference, RepositoryName};
use percent_encoding::percent_decode_str;

use super::error::{Error, Result};

const IS_RESOURCE_NAME: &str = "x-is-resource-name";

/// `{project_name_or_id}`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Project {
    Name(String),
    Id(ProjectId),
}

/// `{project_name}/repositories/{repository_name}`
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    project: Project,
    name: String,
}

/// `…/artifacts/{reference}`
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    pub(crate) repository: Repository,
    pub(crate) reference: Reference,
}

impl Project {
    /// Digits are an id, unless the client says that they are a name.
    fn parse(text: &str, is_name: Option<&str>) -> Self {
        match text.parse() {
            Ok(id) if is_name != Some("true") => Self::Id(ProjectId(id)),
            _ => Self::Name(text.to_owned()),
        }
    }

    pub(crate) fn key(&self) -> ProjectKey<'_> {
        match self {
            Self::Name(name) => ProjectKey::Name(name),
            Self::Id(id) => ProjectKey::Id(*id),
        }
    }

    pub(crate) async fn authorize(
        &self,
        db: &Db,
        principal: &Principal,
        resource: Resource,
        action: Action,
    ) -> Result<Permit> {
        Ok(permit::authorize(db, principal, self.key(), resource, action).await?)
    }
}

impl Repository {
    pub(crate) async fn authorize(
        &self,
        db: &Db,
        principal: &Principal,
        resource: Resource,
        action: Action,
    ) -> Result<RepositoryPermit> {
        let name = match &self.project {
            Project::Name(project) => self.within(project)?,
            Project::Id(_) => {
                let permit = self.project.authorize(db, principal, resource, action).await?;
                self.within(&permit.project().name)?
            }
        };
        Ok(permit::authorize_repository(db, principal, &name, resource, action).await?)
    }

    fn within(&self, project: &str) -> Result<RepositoryName> {
        RepositoryName::within(project, &self.name)
            .map_err(|_invalid| Error::not_found(Entity::Repository))
    }
}

/// A segment; what is escaped twice, as `%252F`, is unescaped twice: no name holds a percent sign.
pub(crate) fn segment(req: &HttpRequest, name: &str) -> String {
    let raw = req.match_info().query(name);
    let once = percent_decode_str(raw).decode_utf8_lossy();
    percent_decode_str(&once).decode_utf8_lossy().into_owned()
}

fn project(req: &HttpRequest) -> Project {
    let header = req.headers().get(IS_RESOURCE_NAME).and_then(|value| value.to_str().ok());
    let text = segment(req, "project_name_or_id");
    if text.is_empty() {
        // The other spelling in Harbor's paths takes names only, but clients send ids as well.
        return Project::parse(&segment(req, "project_name"), header);
    }
    Project::parse(&text, header)
}

fn repository(req: &HttpRequest) -> Repository {
    Repository { project: project(req), name: segment(req, "repository_name") }
}

fn artifact(req: &HttpRequest) -> Result<Artifact> {
    let text = segment(req, "reference");
    let reference = text.parse().map_err(|_invalid| {
        Error::bad_request(format!("{text:?} is neither a tag nor a digest"))
    })?;
    Ok(Artifact { repository: repository(req), reference })
}

/// A segment that is an id.
fn id(req: &HttpRequest, name: &str) -> Result<i64> {
    let text = segment(req, name);
    i64::from_str(&text).map_err(|_invalid| {
        Error::new(
            super::error::Code::UnprocessableEntity,
            format!("{name} in path must be of type int64: {text:?}"),
        )
    })
}

/// Implements the extractor of a path type by one parsing function.
macro_rules! from_path {
    ($path:ident, $parse:expr) => {
        impl FromRequest for $path {
            type Error = Error;
            type Future = Ready<Result<Self>>;

            fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
                let parse: fn(&HttpRequest) -> Result<Self> = $parse;
                ready(parse(req))
            }
        }
    };
}

/// Makes a path type of one segment that is an id.
macro_rules! ids {
    ($($path:ident = $segment:literal),* $(,)?) => {$(
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $path(pub(crate) i64);

        from_path!($path, |req| Ok(Self(id(req, $segment)?)));
    )*};
}

/// Makes a path type of one segment that is a word.
macro_rules! words {
    ($($path:ident = $segment:literal),* $(,)?) => {$(
        #[derive(Clone, Debug)]
        pub(crate) struct $path(pub(crate) String);

        from_path!($path, |req| Ok(Self(segment(req, $segment))));
    )*};
}

from_path!(Project, |req| Ok(project(req)));
from_path!(Repository, |req| Ok(repository(req)));
from_path!(Artifact, artifact);

/// How Harbor's description names the segments above.
macro_rules! described {
    ($($params:ident($($segment:literal),+) = [$($kind:ty),+]),* $(,)?) => {$(
        #[derive(utoipa::IntoParams)]
        #[into_params(parameter_in = Path, names($($segment),+))]
        #[expect(dead_code, reason = "for the description of the API only")]
        pub(crate) struct $params($($kind),+);
    )*};
}

described!(
    ProjectParams("project_name_or_id") = [String],
    ProjectNameParams("project_name") = [String],
    RepositoryParams("project_name", "repository_name") = [String, String],
    ArtifactParams("project_name", "repository_name", "reference") = [String, String, String],
);
ids!(
    User = "user_id",
    Member = "mid",
    Robot = "robot_id",
    Gc = "gc_id",
    Purge = "purge_id",
    Scrub = "scrub_id",
    Deleted = "deleted_id",
    Quota = "id"
);
words!(
    Tag = "tag_name",
    Metadata = "meta_name",
    Job = "job_id",
    JobType = "job_type",
    Service = "service"
);

#[cfg(test)]
mod tests;
