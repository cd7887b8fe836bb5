//! First starts and those after them.

use domain::{Clock, users};
use tempfile::TempDir;

use super::{FirstPassword, ensure};
use crate::data_dir::DataDir;
use crate::instance::Instance;
use crate::keys::KeyFiles;
use crate::settings::{Secret, Store};

struct Fixture {
    data: DataDir,
    instance: Instance,
    _directory: TempDir,
}

async fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDir::open(directory.path()).unwrap();
    let store = Store { data: data.path().to_owned(), database_url: None, storage: None };
    let files = KeyFiles::new(data.keys());
    let instance = Instance::open(&data, &store, &files, Clock::System).await.unwrap();
    Fixture { data, instance, _directory: directory }
}

impl Fixture {
    async fn ensure(&self, given: Option<&str>) -> anyhow::Result<FirstPassword> {
        let given = given.map(|text| Secret(text.to_owned()));
        ensure(&self.instance, &self.data, given.as_ref()).await
    }

    fn kept(&self) -> Option<String> {
        std::fs::read_to_string(self.data.admin_password()).ok()
    }

    async fn is_password(&self, password: &str) -> bool {
        let peer = std::net::Ipv4Addr::LOCALHOST.into();
        self.instance.authenticator.basic("admin", password, peer).await.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_a_password_and_the_next_ones_leave_it() {
    let fixture = fixture().await;
    let FirstPassword::Generated(password) = fixture.ensure(None).await.unwrap() else {
        panic!("none was given")
    };
    assert_eq!(fixture.kept(), Some(format!("{password}\n")));
    assert!(fixture.is_password(&password).await);
    let again = fixture.ensure(Some("Another1word")).await.unwrap();
    assert!(matches!(again, FirstPassword::Known));
    assert_eq!(fixture.kept(), Some(format!("{password}\n")));
    assert!(!fixture.is_password("Another1word").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_password_is_taken() {
    let fixture = fixture().await;
    let first = fixture.ensure(Some("Given1word")).await.unwrap();
    assert!(matches!(first, FirstPassword::Given));
    assert!(fixture.is_password("Given1word").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_password_is_refused_and_leaves_nothing_behind() {
    let fixture = fixture().await;
    let refusal = format!("{:#}", fixture.ensure(Some("weak")).await.unwrap_err());
    assert!(refusal.starts_with("HARBOR_ADMIN_PASSWORD cannot be the password"), "{refusal}");
    assert!(!refusal.contains("weak"), "{refusal}");
    assert_eq!(fixture.kept(), None);
    assert!(!users::any(&fixture.instance.db).await.unwrap());
}
