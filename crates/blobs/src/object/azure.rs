//! Block blobs in a container of Azure.
//!
//! A blob's blocks have random names and belong to the name of the blob; those that no list of blocks names are forgotten
//! after a week, so that nothing has to be aborted.
//! A list of blocks that is committed may replace a blob that is there: of two processes that end one upload, the second
//! would change what the row of the first names. So it is committed only if there is no blob yet, see [`Once`].

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderValue, header};
use object_store::{
    ClientOptions,
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential, MicrosoftAzureBuilder},
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
        HttpService, ReqwestConnector,
    },
};

use super::{
    client::{Patience, Transport, misconfigured},
    library::Library,
    provider::{Limits, Provider},
    remote::Remote,
};
use crate::{Result, settings::Azure};

pub(super) const PROVIDER: Provider = Provider {
    limits: Limits {
        part: Azure::MIN_CHUNK..=Azure::MAX_CHUNK,
        remedy: "from 1048576 to 4194304000 bytes, as Azure takes blocks",
        // Azure takes 50000; nobody needs the difference.
        parts: 10_000,
        bytes: 5 << 40,
        growth: 17,
    },
    refusals: &[
        ("AuthenticationFailed", "accountkey", KEY),
        ("InvalidAuthenticationInfo", "accountkey", KEY),
        (
            "AccountIsDisabled",
            "accountname",
            "the account is disabled: enable it, or name another one",
        ),
        (
            "ContainerNotFound",
            "container",
            "the account has no container of this name: create it, or correct it",
        ),
        (
            "ContainerBeingDeleted",
            "container",
            "it is being deleted: name another one, or wait and create it again",
        ),
        ("InvalidResourceName", "container", "no container can have this name: correct it"),
        ("AuthorizationFailure", DENIED.0, DENIED.1),
        ("AuthorizationPermissionMismatch", DENIED.0, DENIED.1),
        ("InsufficientAccountPermissions", DENIED.0, DENIED.1),
    ],
    denied: DENIED,
    silent: (
        "accountname",
        "no server of Azure answers for it: correct it, or the realm, or the serviceurl",
    ),
    // The second two say that another process has ended this very upload.
    lost: &["InvalidBlockList", "InvalidBlockId", "BlobAlreadyExists", "ConditionNotMet"],
};
const KEY: &str = "the server does not accept it: correct it, and the clock of this host";
const DENIED: (&str, &str) = (
    "accountkey",
    "its owner must be allowed to read, write, list and delete blobs of the container",
);

pub(super) fn connect(settings: &Azure, patience: Patience) -> Result<Remote> {
    let service = settings.service();
    let plain = service.starts_with("http://");
    let cafile = settings.cafile.as_deref();
    let transport = Transport { plain, skipverify: settings.skipverify, cafile };
    let builder = MicrosoftAzureBuilder::new()
        .with_account(&settings.accountname)
        .with_container_name(&settings.container)
        .with_endpoint(service)
        .with_client_options(transport.options()?)
        .with_retry(patience.retry());
    let (builder, credential) = credentials(settings, builder)?;
    let account = settings.accountname.clone();
    let built = builder.with_http_connector(Connector { account, credential }).build();
    Library::new(built, &PROVIDER).map(Remote::Library)
}

/// With the credential whose signature covers the headers of a request, if it is such.
fn credentials(
    settings: &Azure,
    builder: MicrosoftAzureBuilder,
) -> Result<(MicrosoftAzureBuilder, Option<Arc<AzureCredential>>)> {
    match (&settings.accountkey, &settings.credentials) {
        (Some(key), None) => {
            let remedy = "it is not the key that Azure shows, which is in Base64: copy it again";
            let parsed = AzureAccessKey::try_new(key.reveal())
                .map_err(|error| misconfigured("accountkey", remedy, error))?;
            let builder = builder.with_access_key(key.reveal());
            Ok((builder, Some(Arc::new(AzureCredential::AccessKey(parsed)))))
        }
        (None, Some(application)) => {
            let (client, secret) = (&application.clientid, application.secret.reveal());
            let tenant = &application.tenantid;
            Ok((builder.with_client_secret_authorization(client, secret, tenant), None))
        }
        (None, None) => Ok((builder, None)),
        (Some(_), Some(_)) => {
            let remedy = "there is an accountkey as well: keep one of the two";
            Err(misconfigured("credentials", remedy, "two ways to log in"))
        }
    }
}

#[derive(Debug)]
struct Connector {
    account: String,
    credential: Option<Arc<AzureCredential>>,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        let (account, credential) = (self.account.clone(), self.credential.clone());
        Ok(HttpClient::new(Once { client, account, credential }))
    }
}

/// Sends requests, and makes those that end an upload fail if it has ended already.
///
/// `object_store` has no such condition for a list of blocks; and the header is signed, so that adding it means to sign again.
#[derive(Debug)]
struct Once {
    client: HttpClient,
    account: String,
    credential: Option<Arc<AzureCredential>>,
}

impl HttpService for Once {
    // As the trait's macro writes it.
    fn call<'a, 'async_trait>(
        &'a self,
        mut req: HttpRequest,
    ) -> BoxFuture<'async_trait, Result<HttpResponse, HttpError>>
    where
        'a: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            if ends_upload(&req) {
                self.only_once(&mut req)?;
            }
            self.client.execute(req).await
        })
    }
}

impl Once {
    fn only_once(&self, req: &mut HttpRequest) -> Result<(), HttpError> {
        req.headers_mut().insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        let Some(credential) = &self.credential else { return Ok(()) };
        req.headers_mut().remove(header::AUTHORIZATION);
        AzureAuthorizer::new(credential, &self.account)
            .try_authorize(req)
            .map_err(|error| HttpError::new(HttpErrorKind::Request, error))
    }
}

fn ends_upload(req: &HttpRequest) -> bool {
    let query = req.uri().query().unwrap_or_default();
    req.method() == http::Method::PUT && query.split('&').any(|pair| pair == "comp=blocklist")
}
