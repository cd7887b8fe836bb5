//! Things for one question: made when a path names them, and used by nobody else.

use std::time::Duration;

use auth::{Action, Resource, Role};
use domain::ids::UserId;
use domain::members;
use domain::queue::{self, NewJob, Task, Trigger};
use oci::Digest;
use reqwest::Method;
use testkit::{Actor, Image, TestApp};

const NO_UPLOAD: &str = "00000000-0000-4000-8000-000000000000";

pub(super) struct Scene<'a> {
    app: &'a TestApp,
    pub(super) actor: Actor,
    role: Option<Role>,
    pub(super) n: usize,
    project: Option<String>,
    image: Option<Image>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(app: &'a TestApp, actor: Actor, role: Option<Role>, n: usize) -> Self {
        Self { app, actor, role, n, project: None, image: None }
    }

    /// The address that the pattern stands for.
    pub(super) async fn fill(&mut self, pattern: &str) -> String {
        if pattern.starts_with("/service/token") {
            return format!("{pattern}?service=harbor-registry&scope=repository:library/app:pull");
        }
        let query = match pattern {
            "/api/v2.0/users/search" => "?username=a".to_owned(),
            "/api/v2.0/search" => "?q=a".to_owned(),
            "/api/v2.0/projects" => "?project_name=library".to_owned(),
            _ if pattern.ends_with("/blobs/uploads/{id}") => format!("?digest={}", Digest::of(b"")),
            _ => String::new(),
        };
        let mut path = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            path.push_str(before);
            let end = closing(after);
            let name = after[..end].split(':').next().unwrap_or_default();
            let value = self.value(pattern, before, name).await;
            path.push_str(&value);
            rest = &after[end + 1..];
        }
        format!("{path}{rest}{query}")
    }

    async fn value(&mut self, pattern: &str, before: &str, name: &str) -> String {
        match name {
            "project" | "project_name" | "project_name_or_id" => self.project().await,
            "name" if pattern.starts_with("/v2/") => {
                self.image().await;
                format!("{}/app", self.project().await)
            }
            "repository" | "repository_name" => {
                self.image().await;
                "app".to_owned()
            }
            "reference" | "tag" | "tag_name" => "1".to_owned(),
            "digest" if pattern.contains("/blobs/") => self.loose_blob().await,
            "digest" => self.image().await.digest().to_string(),
            "meta_name" => self.metadata().await,
            "id" if before.ends_with("/uploads/") => self.upload().await,
            "mid" => self.member().await,
            "id" if before.ends_with("/members/") => self.member().await,
            "robot_id" => self.robot().await,
            "id" if before.ends_with("/robots/") => self.robot().await,
            "user_id" => self.user().await.0.to_string(),
            "id" if before.ends_with("/users/") => self.user().await.0.to_string(),
            "id" if before.ends_with("/quotas/") => self.project_id().await,
            "gc_id" | "job_id" => self.job(collection()).await,
            "id" if before.ends_with("/jobs/") => self.job(collection()).await,
            "purge_id" => self.job(purge()).await,
            "deleted_id" => self.deleted().await,
            "id" if before.ends_with("/deleted/") => self.deleted().await,
            "scrub_id" => self.job(Task::Scrub { bytes_per_sec: 0 }).await,
            "job_type" => "all".to_owned(),
            "service" => "registry".to_owned(),
            "file" => "no-such-file.css".to_owned(),
            _ => panic!("{pattern}: say in scene.rs what {{{name}}} is"),
        }
    }

    /// A private project, in which the caller has their role.
    pub(super) async fn project(&mut self) -> String {
        if let Some(project) = &self.project {
            return project.clone();
        }
        let project = format!("p{}", self.n);
        self.app.project(&project, false).await;
        if let Some(role) = self.role {
            let asker = domain::users::by_name(&self.app.instance.db, "asker").await.unwrap();
            self.app.join(&project, asker.unwrap().id, role).await;
        }
        self.project = Some(project.clone());
        project
    }

    pub(super) async fn project_id(&mut self) -> String {
        let project = self.project().await;
        let permit = self.app.permit(&project, Resource::Project, Action::Read).await;
        permit.project().id.0.to_string()
    }

    /// An image with the tag `1` in the repository `app`.
    pub(super) async fn image(&mut self) -> Image {
        if let Some(image) = &self.image {
            return image.clone();
        }
        let name = format!("{}/app:1", self.project().await);
        let image = Image::unique();
        self.app.admin().push(&name, &image).await.created();
        self.image = Some(image.clone());
        image
    }

    /// A blob that no image of the repository needs.
    async fn loose_blob(&mut self) -> String {
        let repository = format!("{}/app", self.project().await);
        let blob = testkit::image::unique_bytes(16);
        self.app.admin().push_blob(&repository, &blob).await.created();
        Digest::of(&blob).to_string()
    }

    /// An upload of the caller's, if they may open one.
    async fn upload(&mut self) -> String {
        let path = format!("/v2/{}/app/blobs/uploads/", self.project().await);
        let opened = self.actor.send(self.actor.request(Method::POST, &path)).await;
        let id = opened.header("docker-upload-uuid");
        if id.is_empty() { NO_UPLOAD.to_owned() } else { id.to_owned() }
    }

    async fn metadata(&mut self) -> String {
        let project = self.project().await;
        let path = format!("/projects/{project}/metadatas");
        let body = serde_json::json!({ "auto_scan": "true" });
        self.app.admin().api(Method::POST, &path, Some(body)).await;
        "auto_scan".to_owned()
    }

    async fn member(&mut self) -> String {
        let project = self.project().await;
        let user = self.user().await;
        self.app.join(&project, user, Role::Guest).await;
        let permit = self.app.permit(&project, Resource::Member, Action::List).await;
        let paging = domain::listing::Paging::first(100);
        let db = &self.app.instance.db;
        let members = members::list(db, permit.project().id, None, paging).await.unwrap();
        let member = members.items.into_iter().find(|member| member.user == user);
        member.expect("they joined").id.0.to_string()
    }

    async fn robot(&mut self) -> String {
        let project = self.project().await;
        let rights = [(Resource::Repository, Action::Pull)];
        self.app.robot(&project, "bot", &rights).await.id.0.to_string()
    }

    pub(super) async fn user(&self) -> UserId {
        self.app.account(&format!("user{}", self.n)).await
    }

    /// A repository that can be restored.
    async fn deleted(&mut self) -> String {
        self.image().await;
        let name = format!("{}/app", self.project().await);
        let permit = self.app.repository_permit(&name, Action::Delete).await;
        self.app.delete_repository(&name).await;
        permit.repository().unwrap().to_string()
    }

    /// A job that waits.
    async fn job(&self, task: Task) -> String {
        let now = self.app.now();
        let later = now.plus(Duration::from_secs(24 * 60 * 60));
        let new = NewJob::now(&task, Trigger::Manual, "test", now);
        let new = NewJob { run_at: later, unique_key: None, ..new };
        let mut tx = self.app.instance.db.begin().await.unwrap();
        let id = queue::enqueue(&mut tx, &new, now).await.unwrap();
        tx.commit().await.unwrap();
        id.0.to_string()
    }
}

fn collection() -> Task {
    Task::CollectGarbage { dry_run: true, delete_untagged: false, window_secs: 7_200 }
}

fn purge() -> Task {
    Task::PurgeAudit { retention_hours: 24, operations: Vec::new(), dry_run: true }
}

/// Where a parameter ends whose pattern may hold braces of its own.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return at,
            '}' => depth -= 1,
            _ => {}
        }
    }
    panic!("{text} has no end")
}
