//! What a person meets who walks through the pages.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::browser::{PASSWORD, Portal};

#[actix_web::test]
async fn one_signs_in_and_out() {
    let portal = Portal::start().await;
    let mut browser = portal.signed_in("alice").await;
    browser.get("/account").await.is(200).shows("alice@example.com");
    browser.post("/logout", &[]).await.leads_to("/login");
    assert!(!browser.cookies.contains_key("sid"));
    browser.get("/login").await.shows("You are signed out.");
    browser.get("/account").await.leads_to("/login?return=%2Faccount");
}

#[actix_web::test]
async fn a_wrong_password_is_told_on_the_form() {
    let portal = Portal::start().await;
    let mut browser = portal.browser();
    browser.get("/login").await;
    let fields = [("username", "alice"), ("password", "Wrong-Horse-1")];
    let seen = browser.post("/login", &fields).await;
    seen.is(401).shows("The username or the password is wrong.").shows("value=\"alice\"");
    seen.hides("Wrong-Horse-1");
}

#[actix_web::test]
async fn after_signing_in_one_is_where_one_wanted_to_be() {
    let portal = Portal::start().await;
    let mut browser = portal.browser();
    browser.get("/login?return=%2Fsystem").await.shows("value=\"/system\"");
    let fields = [("username", "alice"), ("password", PASSWORD), ("return", "/system")];
    browser.post("/login", &fields).await.leads_to("/system");
    browser.get("/system").await.is(200).hides("Storage used");
}

#[actix_web::test]
async fn a_form_without_proof_or_from_elsewhere_is_refused() {
    let portal = Portal::start().await;
    let mut browser = portal.signed_in("admin").await;
    browser.get("/projects").await;
    browser.post_from("https://evil.example.com", "/projects").await.is(403);
    browser.post_from("http://localhost:8080", "/logout").await.leads_to("/login");

    let mut browser = portal.signed_in("admin").await;
    let proof = std::mem::replace(&mut browser.proof, "guess".to_owned());
    browser.post("/projects", &[("name", "a")]).await.is(403).shows("This form is out of date");
    browser.proof = proof;
    browser.post("/projects", &[("name", "a")]).await.leads_to("/projects/a");

    // The proof of one browser is nothing to another.
    let stolen = browser.proof.clone();
    let mut other = portal.signed_in("alice").await;
    other.proof = stolen;
    other.post("/projects", &[("name", "b")]).await.is(403);
}

#[actix_web::test]
async fn a_project_lives_from_its_creation_to_its_deletion() {
    let portal = Portal::start().await;
    let mut browser = portal.signed_in("alice").await;
    browser.post("/projects", &[("name", "Team")]).await.is(422).shows("lower case letters");
    browser.post("/projects", &[("name", "team")]).await.leads_to("/projects/team");
    let seen = browser.get("/projects/team").await;
    seen.shows("Project team is created.").shows("docker push localhost:8080/team/IMAGE:TAG");
    browser.get("/projects/team").await.hides("is created");
    browser.post("/projects", &[("name", "team")]).await.is(422).shows("This is taken already.");
    browser.get("/projects?public=true").await.hides("/projects/team\"");
    browser.get("/projects?q=TEA").await.shows("/projects/team\"");

    portal.browser().get("/projects/team").await.leads_to("/login?return=%2Fprojects%2Fteam");
    let fields = [("public", "true")];
    browser.post("/projects/team/settings", &fields).await.leads_to("/projects/team/settings");
    portal.browser().get("/projects/team").await.is(200).hides("/projects/team/settings");

    browser.get("/projects/team/delete").await.shows("Delete the project team?");
    browser.post("/projects/team/delete", &[]).await.leads_to("/projects");
    browser.get("/projects/team").await.is(404);
}

#[actix_web::test]
async fn a_private_project_is_not_there_for_others() {
    let portal = Portal::start().await;
    let mut admin = portal.signed_in("admin").await;
    admin.post("/projects", &[("name", "secret")]).await.leads_to("/projects/secret");
    let mut alice = portal.signed_in("alice").await;
    let (hidden, absent) =
        (alice.get("/projects/secret").await, alice.get("/projects/absent").await);
    assert_eq!((hidden.status, absent.status), (absent.status, hidden.status));
    hidden.is(404);
    alice.get("/projects").await.hides("secret");
    alice.get("/search?q=sec").await.hides("/projects/secret");
}

#[actix_web::test]
async fn members_are_added_changed_and_removed() {
    let portal = Portal::start().await;
    let mut admin = portal.signed_in("admin").await;
    admin.post("/projects", &[("name", "team")]).await;
    let members = "/projects/team/members";
    admin.get("/projects/team/members/new").await.is(200).shows("Limited guest");
    let nobody = [("username", "nobody"), ("role", "2")];
    admin.post(members, &nobody).await.is(422).shows("There is no such user.");
    let alice = [("username", "alice"), ("role", "3")];
    admin.post(members, &alice).await.leads_to(members);
    admin.post(members, &alice).await.is(422).shows("They are a member already.");

    let mut guest = portal.signed_in("alice").await;
    guest.get("/projects/team").await.is(200).hides("Push your first image").hides("/logs\"");
    guest.get(members).await.is(200).hides("/members/new");
    guest.post(members, &[("username", "admin"), ("role", "3")]).await.is(403);

    let id = admin.get(members).await.html;
    let id = id.split("id=\"role-").nth(1).unwrap().split('"').next().unwrap().to_owned();
    admin.post(&format!("{members}/{id}"), &[("role", "1")]).await.leads_to(members);
    guest.get("/projects/team/logs").await.is(200).shows("alice (projectAdmin)");
    admin.post(&format!("{members}/{id}/delete"), &[]).await.leads_to(members);
    guest.get("/projects/team").await.is(404);
}

#[actix_web::test]
async fn a_robots_secret_is_shown_once() {
    let portal = Portal::start().await;
    let mut admin = portal.signed_in("admin").await;
    admin.post("/projects", &[("name", "team")]).await;
    let robots = "/projects/team/robots";
    admin.get(robots).await.shows("No robot accounts");
    admin.post(robots, &[("name", "ci"), ("duration", "30")]).await.is(422).shows("at least one");
    let fields = [("name", "ci"), ("duration", "30"), ("pull", "true"), ("push", "true")];
    let seen = admin.post(robots, &fields).await;
    seen.is(200).shows("robot$team+ci").shows("docker login localhost:8080 -u");
    let secret = seen.html.split("data-copy=\"").nth(2).unwrap().split('"').next().unwrap();
    let peer = [127, 0, 0, 1].into();
    let who = portal.app.authenticator.basic("robot$team+ci", secret, peer).await.unwrap();
    assert_eq!(who.name(), "robot$team+ci");

    let list = admin.get(robots).await;
    list.shows("robot$team+ci").hides(secret);
    let id = list.html.split("/robots/").find_map(|it| it.split('"').next()?.parse::<i64>().ok());
    let robot = format!("{robots}/{}", id.unwrap());
    admin.post(&robot, &[("disabled", "true")]).await.leads_to(robots);
    admin.get(robots).await.shows("Disabled");
    portal.app.authenticator.basic("robot$team+ci", secret, peer).await.unwrap_err();
    admin.post(&format!("{robot}/delete"), &[]).await.leads_to(robots);
    admin.get(robots).await.shows("No robot accounts");
}

#[actix_web::test]
async fn changing_ones_password_ends_other_sessions() {
    let portal = Portal::start().await;
    let mut here = portal.signed_in("alice").await;
    let mut elsewhere = portal.signed_in("alice").await;
    here.get("/account").await;
    let new = "Better-Horse-2";
    let change =
        |current, again| [("current", current), ("password", new), ("confirmation", again)];
    let path = "/account/password";
    here.post(path, &change("Wrong-Horse-1", new)).await.is(422).shows("not your current");
    here.post(path, &change(PASSWORD, "Other-Horse-3")).await.is(422).shows("passwords differ");
    here.post(path, &change(PASSWORD, new)).await.leads_to("/account");
    here.get("/account").await.is(200).shows("The password is changed.");
    elsewhere.get("/account").await.leads_to("/login?return=%2Faccount");
}

#[actix_web::test]
async fn administration_is_for_administrators() {
    let portal = Portal::start().await;
    let mut alice = portal.signed_in("alice").await;
    alice.get("/nowhere").await.is(404).hides("/login");
    for path in ["/users", "/users/new", "/jobs", "/gc", "/configuration"] {
        alice.get(path).await.is(403).shows("You may not do this");
        portal.browser().get(path).await.is(303);
    }
    alice.post("/gc/run", &[("dry_run", "false")]).await.is(403);
    alice.get("/projects").await.hides("href=\"/users\"");
}

#[actix_web::test]
async fn users_are_made_raised_reset_and_deleted() {
    let portal = Portal::start().await;
    let mut admin = portal.signed_in("admin").await;
    let weak = [("username", "bob"), ("email", "bob@example.com"), ("password", "x")];
    let seen = admin.post("/users", &weak).await;
    seen.is(422).shows("8 to 128 characters").shows("passwords differ").shows("value=\"bob\"");
    let strong = [
        ("username", "bob"),
        ("email", "bob@example.com"),
        ("password", PASSWORD),
        ("confirmation", PASSWORD),
    ];
    admin.post("/users", &strong).await.leads_to("/users");
    admin.post("/users", &strong).await.is(422).shows("This is taken already.");
    admin.post("/users/3/admin", &[("system_admin", "true")]).await.leads_to("/users");
    admin.get("/users").await.shows("bob is a system administrator now.");
    let new = [("password", "Better-Horse-2"), ("confirmation", "Better-Horse-2")];
    admin.post("/users/3/password", &new).await.leads_to("/users");
    admin.post("/users/1/delete", &[]).await.leads_to("/users");
    admin.get("/users").await.shows("you cannot delete your own account");
    admin.get("/users/3/delete").await.shows("Delete the user bob?");
    admin.post("/users/3/delete", &[]).await.leads_to("/users");
    admin.get("/users?q=bo").await.shows("Nothing found");
}

#[actix_web::test]
async fn one_signs_up_where_it_is_allowed() {
    let portal = Portal::start().await;
    let mut stranger = portal.browser();
    stranger.get("/login").await.hides("/signup");
    stranger.get("/signup").await.is(303);
    configure(&portal, &[("self_registration", Value::Bool(true))]).await;
    stranger.get("/login").await.shows("/signup");
    stranger.get("/signup").await.is(200);
    let fields = [
        ("username", "carol"),
        ("email", "carol@example.com"),
        ("password", PASSWORD),
        ("confirmation", PASSWORD),
    ];
    stranger.post("/signup", &fields).await.leads_to("/login");
    stranger.get("/login").await.shows("Welcome, carol.");
    portal.signed_in("carol").await.get("/account").await.is(200);
}

async fn configure(portal: &Portal, changes: &[(&str, Value)]) {
    let changes: BTreeMap<String, Value> =
        changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let permit = domain::permit::authorize_system(
        &domain::testing::admin(),
        auth::Resource::Configuration,
        auth::Action::Update,
    );
    let now = portal.app.clock.now();
    domain::settings::update(portal.db(), &permit.unwrap(), &changes, now).await.unwrap();
}

#[actix_web::test]
async fn the_configuration_is_changed_and_read_only_mode_is_left_again() {
    let portal = Portal::start().await;
    let mut admin = portal.signed_in("admin").await;
    let fields = |timeout, read_only| {
        [
            ("project_creation_restriction", "adminonly"),
            ("token_expiration", "30"),
            ("session_timeout", timeout),
            ("robot_token_duration", "-1"),
            ("robot_name_prefix", "bot$"),
            ("deletion_grace", "48"),
            ("quota_per_project_enable", "true"),
            ("storage_per_project", "1.5"),
            ("required_platforms", "linux/amd64"),
            ("banner_message", "Moving on <Sunday>"),
            ("banner_kind", "warning"),
            ("read_only", read_only),
        ]
    };
    let path = "/configuration";
    admin.post(path, &fields("0", "true")).await.is(422).shows("A number of minutes");
    admin.post(path, &fields("45", "true")).await.leads_to(path);
    admin
        .get(path)
        .await
        .shows("value=\"48\"")
        .shows("value=\"45\"")
        .shows("value=\"1.5\"")
        .shows("value=\"linux/amd64\"")
        .shows("The system is read only");
    let settings = domain::settings::load(portal.db()).await.unwrap();
    assert_eq!(settings.storage_per_project, 3 << 29);
    admin.post("/projects", &[("name", "team")]).await.is(403).shows("read only");
    admin.post(path, &fields("45", "false")).await.leads_to(path);
    admin.get(path).await.hides("The system is read only");
    // Everybody sees the banner, as text.
    let banner = "Moving on &#60;Sunday&#62;";
    portal.browser().get("/login").await.shows(banner).shows("flash banner warn");
    let over = json!({"message": "Moving on <Sunday>", "toDate": "2020-01-01"}).to_string();
    configure(&portal, &[("banner_message", over.into())]).await;
    portal.browser().get("/login").await.hides(banner);
    portal.signed_in("alice").await.get("/projects/-/new").await.is(403);
}

#[actix_web::test]
async fn a_collection_is_started_once_scheduled_and_stopped() {
    let portal = Portal::start().await;
    let mut admin = portal.signed_in("admin").await;
    admin.get("/gc").await.shows("Nothing has been collected yet");
    admin.post("/gc/run", &[("dry_run", "true")]).await.leads_to("/gc");
    admin.get("/gc").await.shows("Job #1 is queued.").shows("Waiting").shows("Dry run");
    admin.post("/gc/run", &[("dry_run", "false")]).await.leads_to("/gc");
    admin.get("/gc").await.shows("One is running or waiting already.");
    admin.get("/jobs").await.shows("/jobs/1").shows("data-live");
    admin.get("/jobs/1").await.shows("Cancel job");
    admin.post("/jobs/1/cancel", &[]).await.leads_to("/jobs/1");
    admin.get("/jobs/1").await.shows("Stopped").hides("Cancel job");
    admin.get("/jobs/99").await.is(404);

    admin.get("/gc").await.shows("No damaged blobs");
    admin.post("/gc/scrub", &[]).await.leads_to("/gc");
    admin.get("/gc").await.shows("Job #2 is queued.");
    admin.get("/jobs/2").await.shows("Scrub of the storage");
    admin.post("/gc/scrub", &[]).await.leads_to("/gc");
    admin.get("/gc").await.shows("One is running or waiting already.");

    let schedule = |cron| [("kind", "Custom"), ("cron", cron)];
    let path = "/gc/schedule";
    admin.post(path, &schedule("nonsense")).await.is(422).shows("not a cron expression");
    admin.post(path, &schedule("0 0 3 * * 0")).await.leads_to("/gc");
    admin.get("/gc").await.shows("value=\"0 0 3 * * 0\"").shows("Next run");
    admin.post(path, &[("kind", "None")]).await.leads_to("/gc");
    admin.get("/gc").await.hides("Next run");
}

#[actix_web::test]
async fn language_and_theme_are_remembered_without_an_account() {
    let portal = Portal::start().await;
    let mut stranger = portal.browser();
    let fields = [("language", "zh-CN"), ("return", "/login?return=%2Fsystem")];
    stranger.post("/preferences", &fields).await.leads_to("/login?return=%2Fsystem");
    stranger.get("/login").await.shows("lang=\"zh-CN\"").shows("登录 Harbor");
    let fields = [("theme", "dark"), ("return", "https://evil.example.com/")];
    stranger.post("/preferences", &fields).await.leads_to("/projects");
    stranger.get("/projects").await.shows("data-theme=\"dark\"").shows("项目");
    stranger.get("/nowhere").await.is(404).shows("页面不存在").shows("data-theme=\"dark\"");
}

#[actix_web::test]
async fn assets_are_kept_for_ever_and_pages_are_not_kept() {
    let portal = Portal::start().await;
    let mut stranger = portal.browser();
    let page = stranger.get("/login").await;
    assert_eq!(page.headers.get("cache-control").unwrap(), "no-store");
    for asset in crate::assets::all() {
        let seen = stranger.get(&asset.path).await;
        let kept = seen.is(200).headers.get("cache-control").unwrap().to_str().unwrap();
        assert!(kept.contains("immutable"));
    }
    stranger.get("/assets/app.css").await.is(404);
}

#[actix_web::test]
async fn administrators_see_the_last_lines_of_a_service() {
    let mut portal = Portal::start().await;
    portal.signed_in("admin").await.get("/users").await.hides("/service-logs");
    let directory = tempfile::TempDir::new().unwrap();
    portal.app.service_logs = Some(directory.path().to_owned());
    let mut browser = portal.signed_in("admin").await;
    browser.get("/service-logs").await.is(200).shows("No logs yet").shows("href=\"/service-logs\"");
    std::fs::write(directory.path().join("proxy.log"), "first\n").unwrap();
    std::fs::write(directory.path().join("registry.log"), "id=1 <b>\nid=2\n").unwrap();
    browser.get("/service-logs").await.is(200).shows("first").hides("id=2");
    let seen = browser.get("/service-logs?service=registry&q=id%3D1&lines=500").await;
    seen.is(200).shows("id=1 &#60;b&#62;").hides("id=2").shows("value=\"500\" selected");
    seen.shows("/api/v2.0/system/logs/registry?lines=500&#38;q=id%3D1");
    browser.get("/service-logs?service=absent").await.is(404);
    browser.get("/service-logs?service=..%2Fregistry").await.is(404);
    portal.signed_in("alice").await.get("/service-logs").await.is(403);
    portal.browser().get("/service-logs").await.leads_to("/login?return=%2Fservice-logs");
}

#[actix_web::test]
async fn the_certificate_of_the_authority_is_offered_where_there_is_one() {
    let mut portal = Portal::start().await;
    portal.signed_in("alice").await.get("/system").await.hides("ca.crt");
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("ca.crt");
    std::fs::write(&file, "certificate").unwrap();
    portal.app.ca_certificate = Some(file);
    portal.signed_in("alice").await.get("/system").await.shows("/api/v2.0/systeminfo/getcert");
}
