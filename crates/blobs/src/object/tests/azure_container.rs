//! What only Azure can show. On the server that `TEST_AZURE_SERVICEURL` names.

use super::{Settings, refusal};
use crate::contract::drivers::named_azure;
use crate::{Azure, AzureCredentials, Secret};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_named_when_the_store_is_opened() {
    let Some(right) = named_azure() else { return };
    let key = |key: &str| Azure { accountkey: Some(Secret::new(key)), ..right.clone() };
    assert_eq!(refusal(key("d3Jvbmc=")).await, "accountkey");
    assert_eq!(refusal(key("no Base64")).await, "accountkey");
    let container = Azure { container: "no-such-container".to_owned(), ..right.clone() };
    assert_eq!(refusal(container).await, "container");
    let chunksize = Azure { chunksize: 1000, ..right.clone() };
    assert_eq!(refusal(chunksize).await, "chunksize");
    let root = Azure { rootdirectory: "a b".to_owned(), ..right.clone() };
    assert_eq!(refusal(root).await, "rootdirectory");
    let nobody = Some("http://127.0.0.1:1/platform".parse().unwrap());
    assert_eq!(refusal(Azure { serviceurl: nobody, ..right.clone() }).await, "accountname");
    let application = AzureCredentials {
        tenantid: "t".to_owned(),
        clientid: "c".to_owned(),
        secret: Secret::new("s"),
    };
    let both = Azure { credentials: Some(application), ..right };
    assert_eq!(refusal(both).await, "credentials");
}

#[test]
fn the_key_is_not_printed() {
    let key = Some(Secret::new("not-to-be-told"));
    let settings = Settings::from(Azure { accountkey: key, ..Azure::container("a", "c") });
    let printed = format!("{settings:?} {}", settings.place());
    assert!(!printed.contains("not-to-be-told"), "{printed}");
    assert!(printed.contains("https://a.blob.core.windows.net"), "{printed}");
}
