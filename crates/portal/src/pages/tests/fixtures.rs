//! Pages with something in each of their corners.

use std::time::Duration;

use askama::Template;
use domain::Timestamp;

use crate::i18n::Language;
use crate::pages::form::Form;
use crate::pages::format::Moment;
use crate::pages::pager::Pager;
use crate::pages::projects::Head;
use crate::pages::{
    account, artifacts, configuration, confirm, error, gc, jobs, login, logs, members, projects,
    repositories, robots, search, signup, system, users,
};
use crate::viewer::{Flash, Shell, Tone};

const EVIL: &str = "<script>alert(1)</script>";

fn digest(nth: u8) -> String {
    format!("sha256:{}", format!("{:02x}", nth.wrapping_mul(37)).repeat(32))
}

fn short(nth: u8) -> String {
    digest(nth).chars().take(19).collect()
}

fn moment(secs: u64, language: Language) -> Moment {
    let now = Timestamp::from_secs(1_795_000_000);
    Moment::new(now.minus(Duration::from_secs(secs)), now, language)
}

fn at(ui: &Shell, here: &str) -> Shell {
    Shell { here: here.to_owned(), ..ui.clone() }
}

fn pager() -> Pager {
    Pager::new("/x", "page=2", 2, 20, 57)
}

fn head(ui: &Shell, tab: &'static str) -> Head {
    Head {
        name: "library".to_owned(),
        public: true,
        role: ui.t("role-project-admin"),
        tab,
        sees_members: true,
        sees_robots: true,
        sees_logs: true,
        manages: true,
    }
}

/// Names and documents.
pub(crate) fn pages(ui: &Shell) -> Vec<(&'static str, String)> {
    let mut pages = entrance(ui);
    pages.extend(in_projects(&at(ui, "/projects/library")));
    pages.extend(in_a_project(&at(ui, "/projects/library")));
    pages.extend(in_repositories(&at(ui, "/projects/library/repositories/alpine")));
    pages.extend(people(&at(ui, "/users")));
    pages.extend(machinery(ui));
    pages
}

fn entrance(ui: &Shell) -> Vec<(&'static str, String)> {
    let stranger = Shell { viewer: crate::viewer::Viewer::default(), ..ui.clone() };
    let mut wrong = Form::default().with("username", EVIL);
    wrong.fail("login", ui.t("fault-login"));
    let mut taken = Form::default().with("username", "alice").with("email", "alice");
    taken.fail("email", ui.t("fault-email"));
    taken.fail("password", ui.t("fault-password"));
    vec![
        ("login", login(&stranger, Form::default())),
        ("login-wrong", login(&stranger, wrong)),
        ("signup", signup::SignupPage { ui: &stranger, form: taken }.render().unwrap()),
        ("not-found", error_page(&stranger, 404, None)),
        ("failure", error_page(ui, 500, Some("0192f0c1-77aa-7bbb-8ccc-9ddd0eee1fff".to_owned()))),
    ]
}

fn login(ui: &Shell, form: Form) -> String {
    let destination = "/projects".to_owned();
    login::LoginPage { ui, form, destination, self_registration: true }.render().unwrap()
}

fn error_page(ui: &Shell, status: u16, request_id: Option<String>) -> String {
    let internal = status == 500;
    let heading = ui.t(if internal { "error-internal" } else { "error-not-found" });
    let message = ui.t(if internal { "error-internal-sub" } else { "error-not-found-sub" });
    error::ErrorPage { ui, status, heading, message, request_id }.render().unwrap()
}

fn in_projects(ui: &Shell) -> Vec<(&'static str, String)> {
    let line = |name: &str, public, role: &str, repositories, age| projects::ProjectLine {
        name: name.to_owned(),
        public,
        role: ui.t(role),
        repositories,
        created: moment(age, ui.language),
    };
    let rows = vec![
        line("library", true, "role-project-admin", 42, 86_400 * 400),
        line("payments-backend", false, "role-maintainer", 7, 86_400 * 3),
        line("machine-learning.experiments", false, "role-developer", 128, 3_700),
        line("edge", true, "role-guest", 0, 20),
    ];
    let flashed = Shell {
        flash: Some(Flash {
            tone: Tone::Ok,
            key: "flash-project-created".to_owned(),
            name: "edge".to_owned(),
        }),
        read_only: true,
        ..ui.clone()
    };
    let mut bad_name = Form::default().with("name", EVIL);
    bad_name.fail("name", ui.t("fault-project-name"));
    let list = |ui, rows, filter| projects::ListPage {
        ui,
        query: String::new(),
        filter,
        rows,
        pager: pager(),
        may_create: true,
    };
    vec![
        ("projects", list(&flashed, rows, "").render().unwrap()),
        ("projects-empty", list(ui, Vec::new(), "").render().unwrap()),
        ("projects-none-found", list(ui, Vec::new(), "true").render().unwrap()),
        ("project-new", projects::NewPage { ui, form: bad_name }.render().unwrap()),
        ("project-settings", settings(ui, Some(ui.count("project-not-empty", &3)))),
        ("project-settings-empty", settings(ui, None)),
    ]
}

fn settings(ui: &Shell, obstacle: Option<String>) -> String {
    let storage = "1.2 GiB / 10.0 GiB".to_owned();
    projects::SettingsPage { ui, head: head(ui, "settings"), obstacle, storage }.render().unwrap()
}

fn in_a_project(ui: &Shell) -> Vec<(&'static str, String)> {
    let roles = || -> Vec<members::RoleChoice> {
        [(1, "role-project-admin"), (4, "role-maintainer"), (2, "role-developer")]
            .map(|(id, key)| members::RoleChoice {
                id,
                label: ui.t(key),
                means: ui.t(&format!("{key}-means")),
            })
            .into()
    };
    let member = |id, name: &str, role, label: &str| members::MemberLine {
        id,
        name: name.to_owned(),
        role,
        role_label: ui.t(label),
        since: moment(90_000, ui.language),
        is_viewer: id == 1,
    };
    let members = members::ListPage {
        ui,
        head: head(ui, "members"),
        rows: vec![
            member(1, "admin", 1, "role-project-admin"),
            member(2, "alice", 4, "role-maintainer"),
            member(3, "bob", 2, "role-developer"),
        ],
        roles: roles(),
        pager: pager(),
        may_change: true,
    };
    let mut nobody = Form::default().with("username", "nobody").with("role", "2");
    nobody.fail("username", ui.t("fault-no-user"));
    vec![
        ("members", members.render().unwrap()),
        (
            "member-new",
            members::NewPage { ui, head: head(ui, "members"), form: nobody, roles: roles() }
                .render()
                .unwrap(),
        ),
        ("robots", robots(ui)),
        ("robot-new", robot_new(ui)),
        ("robot-secret", robot_secret(ui)),
        ("logs-project", project_logs(ui)),
    ]
}

fn robots(ui: &Shell) -> String {
    let robot = |id, name: &str, expires: Option<u64>, disabled| robots::RobotLine {
        id,
        name: format!("robot$library+{name}"),
        description: "Pulls from the cluster".to_owned(),
        permissions: vec![ui.t("pull"), ui.t("push")],
        disabled,
        expired: expires.is_some(),
        expires: expires.map(|age| moment(age, ui.language)),
        created: moment(900, ui.language),
    };
    let rows = vec![
        robot(1, "cluster", None, false),
        robot(2, "ci", Some(90_000), false),
        robot(3, "old", None, true),
    ];
    let page =
        robots::ListPage { ui, head: head(ui, "robots"), rows, pager: pager(), may_change: true };
    page.render().unwrap()
}

fn robot_new(ui: &Shell) -> String {
    let form = Form::default().with("duration", "30").with("pull", "true");
    let prefix = "robot$library+".to_owned();
    robots::NewPage { ui, head: head(ui, "robots"), form, prefix }.render().unwrap()
}

fn robot_secret(ui: &Shell) -> String {
    let name = "robot$library+ci".to_owned();
    let secret = "mF4kQpZr8sWvYx2nTb6cLd9gHj3eAa5uRo7iPq1wEy0".to_owned();
    let login_command =
        "docker login registry.example.com -u 'robot$library+ci' --password-stdin".to_owned();
    robots::SecretPage { ui, head: head(ui, "robots"), name, secret, login_command }
        .render()
        .unwrap()
}

fn log_lines(ui: &Shell) -> Vec<logs::LogLine> {
    let line = |username: &str, operation: &str, tone, resource: &str| logs::LogLine {
        username: username.to_owned(),
        operation: operation.to_owned(),
        tone,
        kind: "artifact".to_owned(),
        resource: resource.to_owned(),
        at: moment(300, ui.language),
    };
    vec![
        line("admin", "create", "ok", "library/alpine:3.20"),
        line("robot$library+ci", "pull", "", "library/alpine@sha256:0123456789ab"),
        line("alice", "delete", "bad", EVIL),
    ]
}

fn project_logs(ui: &Shell) -> String {
    let action = "/projects/library/logs".to_owned();
    let (query, rows, pager) = (String::new(), log_lines(ui), pager());
    let head = head(ui, "logs");
    logs::ProjectPage { ui, head, action, query, rows, pager }.render().unwrap()
}

fn in_repositories(ui: &Shell) -> Vec<(&'static str, String)> {
    vec![
        ("repositories", repositories(ui, false)),
        ("repositories-empty", repositories(ui, true)),
        ("push", push(ui)),
        ("repository", repository(ui)),
        ("artifact", artifact(ui, false)),
        ("artifact-index", artifact(ui, true)),
        ("confirm", confirm(ui, None)),
        ("confirm-obstacle", confirm(ui, Some(ui.count("project-not-empty", &3)))),
        ("search", search(ui)),
    ]
}

fn push(ui: &Shell) -> String {
    let commands = repositories::PushCommands::new(&ui.host, "library");
    repositories::PushPage { ui, head: head(ui, "repositories"), commands }.render().unwrap()
}

fn repositories(ui: &Shell, empty: bool) -> String {
    let line = |path: &str, artifacts, pulls| repositories::RepositoryLine {
        path: path.to_owned(),
        description: String::new(),
        artifacts,
        pulls,
        updated: moment(7_300, ui.language),
    };
    let rows = vec![
        line("alpine", 12, 48_211),
        line("tools/builder", 3, 17),
        line("web/frontend", 240, 1_024),
    ];
    repositories::ListPage {
        ui,
        head: head(ui, "repositories"),
        query: String::new(),
        rows: if empty { Vec::new() } else { rows },
        pager: pager(),
        may_push: true,
        may_delete: true,
        commands: repositories::PushCommands::new(&ui.host, "library"),
    }
    .render()
    .unwrap()
}

fn repository(ui: &Shell) -> String {
    let line = |nth: u8, tags: &[&str], platforms: &[&str], pulled: Option<u64>| {
        repositories::ArtifactLine {
            short: short(nth),
            digest: digest(nth),
            kind: ui.t(if platforms.len() > 1 { "kind-index" } else { "kind-image" }),
            tags: tags.iter().map(|&tag| tag.to_owned()).collect(),
            more_tags: usize::from(nth) / 2,
            platforms: platforms.iter().map(|&platform| platform.to_owned()).collect(),
            more_platforms: usize::from(nth == 1) * 4,
            size: "3.4 MiB".to_owned(),
            pushed: moment(3_700 * u64::from(nth), ui.language),
            pulled: pulled.map(|age| moment(age, ui.language)),
            pull_command: "docker pull registry.example.com/library/alpine:3.20".to_owned(),
        }
    };
    repositories::ShowPage {
        ui,
        project: "library".to_owned(),
        path: "alpine".to_owned(),
        name: "library/alpine".to_owned(),
        base: "/projects/library/repositories/alpine".to_owned(),
        description: String::new(),
        pulls: 48_211,
        pull_command: Some("docker pull registry.example.com/library/alpine:3.20".to_owned()),
        filter: "",
        rows: vec![
            line(1, &["3.20", "latest"], &["linux/amd64", "linux/arm64/v8"], Some(30)),
            line(2, &["3.19"], &["linux/amd64"], Some(90_000)),
            line(3, &[], &["linux/arm64/v8"], None),
        ],
        pager: pager(),
        may_delete: true,
    }
    .render()
    .unwrap()
}

fn artifact(ui: &Shell, index: bool) -> String {
    let base = "/projects/library/repositories/alpine".to_owned();
    let tag = |name: &str| artifacts::TagLine {
        name: name.to_owned(),
        reference: format!("registry.example.com/library/alpine:{name}"),
        pushed: moment(3_700, ui.language),
        pulled: None,
    };
    let child = |nth, platform: &str| artifacts::ChildLine {
        platform: platform.to_owned(),
        digest: digest(nth),
        short: short(nth),
        size: "3.4 MiB".to_owned(),
    };
    let layer = |nth| artifacts::LayerLine {
        digest: digest(nth),
        short: short(nth),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        size: "1.2 MiB".to_owned(),
    };
    let command = |label, text: &str| artifacts::LabelledCommand { label, text: text.to_owned() };
    artifacts::ShowPage {
        ui,
        project: "library".to_owned(),
        path: "alpine".to_owned(),
        repository: "library/alpine".to_owned(),
        here: format!("{base}/artifacts/{}", digest(1)),
        base,
        digest: digest(1),
        short: short(1),
        kind: ui.t(if index { "kind-index" } else { "kind-image" }),
        platform: if index { String::new() } else { "linux/amd64".to_owned() },
        size: "3.4 MiB".to_owned(),
        pushed: moment(3_700, ui.language),
        pulled: Some(moment(60, ui.language)),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        artifact_type: "application/vnd.oci.image.config.v1+json".to_owned(),
        subject: None,
        pull_commands: vec![
            command("Docker", "docker pull registry.example.com/library/alpine:3.20"),
            command("Podman", "podman pull registry.example.com/library/alpine:3.20"),
            command(
                "Skopeo",
                "skopeo copy docker://registry.example.com/library/alpine:3.20 dir:alpine",
            ),
        ],
        tags: vec![tag("3.20"), tag("latest")],
        children: if index {
            vec![child(4, "linux/amd64"), child(5, "linux/arm64/v8")]
        } else {
            Vec::new()
        },
        layers: if index { Vec::new() } else { vec![layer(6), layer(7)] },
        annotations: vec![("org.opencontainers.image.source".to_owned(), EVIL.to_owned())],
        manifest: "{\n  \"schemaVersion\": 2\n}".to_owned(),
        may_delete: true,
        may_tag: true,
        may_untag: true,
    }
    .render()
    .unwrap()
}

fn confirm(ui: &Shell, obstacle: Option<String>) -> String {
    confirm::ConfirmPage {
        ui,
        heading: ui.t("delete-tag"),
        question: ui.with("ask-delete-tag", "3.20"),
        consequences: vec![ui.t("tag-stays")],
        obstacle,
        label: ui.t("delete-tag"),
        action: "/x".to_owned(),
        cancel: "/y".to_owned(),
        dangerous: true,
    }
    .render()
    .unwrap()
}

fn search(ui: &Shell) -> String {
    search::SearchPage {
        ui,
        query: EVIL.to_owned(),
        projects: vec![search::ProjectHit { name: "library".to_owned(), public: true }],
        repositories: vec![search::RepositoryHit {
            project: "library".to_owned(),
            path: "alpine".to_owned(),
            artifacts: 1,
            pulls: 2,
        }],
    }
    .render()
    .unwrap()
}

fn people(ui: &Shell) -> Vec<(&'static str, String)> {
    let user = |id, name: &str, system_admin| users::UserLine {
        id,
        name: name.to_owned(),
        real_name: EVIL.to_owned(),
        email: format!("{name}@example.com"),
        system_admin,
        created: moment(86_400 * 12, ui.language),
        is_viewer: id == 1,
    };
    let list = users::ListPage {
        ui,
        query: EVIL.to_owned(),
        rows: vec![user(1, "admin", true), user(2, "alice", false), user(3, "bob", true)],
        pager: pager(),
    };
    let profile = Form::default().with("email", "admin@example.com").with("real_name", "Ada Admin");
    let mut password = Form::default();
    password.fail("current", ui.t("fault-current"));
    vec![
        ("users", list.render().unwrap()),
        ("user-new", users::NewPage { ui, form: Form::default() }.render().unwrap()),
        (
            "user-password",
            users::PasswordPage { ui, id: 2, name: "alice".to_owned(), form: Form::default() }
                .render()
                .unwrap(),
        ),
        (
            "account",
            account::AccountPage { ui: &at(ui, "/account"), profile, password }.render().unwrap(),
        ),
    ]
}

fn machinery(ui: &Shell) -> Vec<(&'static str, String)> {
    let logs = logs::ListPage {
        ui: &at(ui, "/logs"),
        action: "/logs".to_owned(),
        query: String::new(),
        rows: log_lines(ui),
        pager: pager(),
    };
    let rows = vec![
        job(ui, 14, "running"),
        job(ui, 13, "success"),
        job(ui, 12, "error"),
        job(ui, 11, "pending"),
    ];
    let jobs = jobs::ListPage { ui: &at(ui, "/jobs"), rows, pager: pager(), live: true };
    let none = jobs::ListPage {
        ui: &at(ui, "/jobs"),
        rows: Vec::new(),
        pager: Pager::default(),
        live: false,
    };
    vec![
        ("logs", logs.render().unwrap()),
        ("jobs", jobs.render().unwrap()),
        ("jobs-empty", none.render().unwrap()),
        ("job", job_page(&at(ui, "/jobs/14"))),
        ("gc", gc_page(&at(ui, "/gc"))),
        ("system", system_page(&at(ui, "/system"))),
        ("configuration", configuration_page(&at(ui, "/configuration"))),
    ]
}

fn job(ui: &Shell, id: i64, state: &'static str) -> jobs::JobLine {
    jobs::JobLine {
        id,
        kind: ui.t("job-gc"),
        state,
        state_label: ui.t(&format!("state-{state}")),
        trigger: ui.t("trigger-schedule"),
        creator: "admin".to_owned(),
        created: moment(200, ui.language),
        duration: "12 s".to_owned(),
    }
}

fn job_page(ui: &Shell) -> String {
    let line = |text: &str| jobs::JobLogLine {
        iso: "2026-11-23T10:00:00.000Z".to_owned(),
        clock: "10:00:00".to_owned(),
        text: text.to_owned(),
    };
    jobs::ShowPage {
        ui,
        job: job(ui, 14, "running"),
        started: Some(moment(190, ui.language)),
        finished: None,
        attempts: "1 / 3".to_owned(),
        error: Some(EVIL.to_owned()),
        facts: vec![(ui.t("freed"), "1.2 GiB".to_owned()), (ui.t("blobs"), "321".to_owned())],
        log: vec![
            line("looking for blobs without a reference"),
            line("321 blobs, 1.2 GiB"),
            line(EVIL),
        ],
        older_log: None,
        may_cancel: true,
        cancelling: false,
        live: true,
    }
    .render()
    .unwrap()
}

fn gc_page(ui: &Shell) -> String {
    let run = |id, state, dry_run, freed: &str| gc::RunLine {
        id,
        dry_run,
        state,
        state_label: ui.t(&format!("state-{state}")),
        trigger: ui.t("trigger-manual"),
        freed: freed.to_owned(),
        blobs: "321".to_owned(),
        manifests: "12".to_owned(),
        created: moment(86_500, ui.language),
    };
    let mut form = Form::default().with("kind", "Custom").with("cron", "0 0 3 * *");
    form.fail("cron", ui.t("fault-cron"));
    let kinds = [("None", "repeat-none"), ("Daily", "repeat-daily"), ("Custom", "repeat-custom")]
        .map(|(value, key)| gc::Kind { value, label: ui.t(key) });
    gc::GcPage {
        ui,
        form,
        kinds: kinds.into(),
        next_run: Some(moment(0, ui.language)),
        rows: vec![
            run(9, "success", false, "1.2 GiB"),
            run(8, "success", true, "1.2 GiB"),
            run(7, "stopped", false, "–"),
        ],
        pager: pager(),
        live: false,
    }
    .render()
    .unwrap()
}

fn system_page(ui: &Shell) -> String {
    let part = |key: &str, healthy| system::Part { name: ui.t(key), healthy };
    system::SystemPage {
        ui,
        healthy: true,
        projects: 12,
        public_projects: 3,
        repositories: 421,
        public_repositories: 58,
        storage: Some(system::Storage {
            used: "84.2 GiB".to_owned(),
            free: "312.9 GiB".to_owned(),
            percent: Some(38),
        }),
        self_registration: false,
        project_creation: ui.t("everyone"),
        parts: vec![
            part("part-database", true),
            part("part-storage", true),
            part("part-jobs", true),
        ],
        login_command: "docker login registry.example.com".to_owned(),
    }
    .render()
    .unwrap()
}

fn configuration_page(ui: &Shell) -> String {
    let mut form = Form::default()
        .with("self_registration", "true")
        .with("project_creation_restriction", "everyone")
        .with("token_expiration", "30")
        .with("session_timeout", "0")
        .with("robot_token_duration", "30")
        .with("robot_name_prefix", "robot$");
    form.fail("session_timeout", ui.t("fault-number"));
    configuration::ConfigurationPage { ui, form }.render().unwrap()
}
