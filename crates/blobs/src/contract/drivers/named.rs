//! Servers that somebody started: `tests/e2e/lib/radosgw.sh` Ceph's, `tests/e2e/lib/azurite.sh` Microsoft's emulator,
//! `tests/e2e/lib/swift.sh` Swift.

use std::env;

use uuid::Uuid;

use super::server::install_tls;
use crate::{Azure, S3, Secret, Swift};

/// The value of `TEST_<name>`.
#[expect(clippy::disallowed_methods, reason = "tests are told by the environment alone")]
fn told(name: &str) -> Option<String> {
    install_tls();
    env::var(format!("TEST_{name}")).ok()
}

/// A place of its own for each test.
fn own_root() -> String {
    format!("/test/{}", Uuid::new_v4())
}

pub(crate) fn named_s3() -> Option<S3> {
    let endpoint = told("S3_ENDPOINT")?.parse().expect("TEST_S3_ENDPOINT is a URL");
    Some(S3 {
        regionendpoint: Some(endpoint),
        accesskey: told("S3_ACCESSKEY"),
        secretkey: told("S3_SECRETKEY").map(Secret::new),
        rootdirectory: own_root(),
        ..S3::bucket(&told("S3_BUCKET").expect("TEST_S3_BUCKET is a bucket"))
    })
}

pub(crate) fn named_azure() -> Option<Azure> {
    let url = told("AZURE_SERVICEURL")?.parse().expect("TEST_AZURE_SERVICEURL is a URL");
    let named = |name: &str| told(&format!("AZURE_{name}")).expect("all of TEST_AZURE_.. are set");
    Some(Azure {
        serviceurl: Some(url),
        accountkey: Some(Secret::new(named("ACCOUNTKEY"))),
        rootdirectory: own_root(),
        ..Azure::container(&named("ACCOUNTNAME"), &named("CONTAINER"))
    })
}

pub(crate) fn named_swift() -> Option<Swift> {
    let url = told("SWIFT_AUTHURL")?.parse().expect("TEST_SWIFT_AUTHURL is a URL");
    let named = |name: &str| told(&format!("SWIFT_{name}")).expect("all of TEST_SWIFT_.. are set");
    let (password, container) = (Secret::new(named("PASSWORD")), named("CONTAINER"));
    Some(Swift {
        prefix: own_root(),
        secretkey: Some(Secret::new("the key of URLs")),
        ..Swift::container(url, &named("USERNAME"), password, &container)
    })
}
