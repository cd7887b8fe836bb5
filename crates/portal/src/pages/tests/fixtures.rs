//! Pages with something in each of their corners.

mod repositories;
mod administration;

use std::time::Duration;

use askama::Template;
use domain::Timestamp;

use crate::i18n::Language;
use crate::pages::form::Form;
use crate::pages::format::Moment;
use crate::pages::pager::Pager;
use crate::pages::projects::Head;
use crate::pages::{error, login, logs, members, projects, robots, signup};
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
    pages.extend(repositories::in_repositories(&at(ui, "/projects/library/repositories/alpine")));
    pages.extend(administration::people(&at(ui, "/users")));
    pages.extend(administration::machinery(ui));
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
