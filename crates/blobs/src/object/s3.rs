//! Amazon S3, and the servers that speak its protocol.

use object_store::aws::AmazonS3Builder;

use super::{
    client::{Patience, Transport, misconfigured},
    library::Library,
    provider::{Limits, Provider},
    remote::Remote,
};
use crate::{Result, settings::S3};

pub(super) const PROVIDER: Provider = Provider {
    limits: Limits {
        part: S3::MIN_CHUNK..=S3::MAX_CHUNK,
        remedy: "from 5242880 to 5368709120 bytes, as S3 takes parts",
        parts: 10_000,
        bytes: 5 << 40,
        growth: 17,
    },
    refusals: &[
        ("InvalidAccessKeyId", "accesskey", UNKNOWN),
        ("SignatureDoesNotMatch", "secretkey", "it is not the one that belongs to the accesskey"),
        (
            "NoSuchBucket",
            "bucket",
            "the server has no bucket of this name: create it, or correct it",
        ),
        ("NotSignedUp", "accesskey", UNKNOWN),
        ("AccessDenied", DENIED.0, DENIED.1),
        ("AuthorizationHeaderMalformed", "region", ELSEWHERE),
        ("PermanentRedirect", "region", ELSEWHERE),
        ("IllegalLocationConstraintException", "region", ELSEWHERE),
        ("InvalidBucketName", "bucket", "no bucket can have this name: correct it"),
        (
            "RequestTimeTooSkewed",
            "clock",
            "that of this host and that of the server differ: set them",
        ),
    ],
    denied: DENIED,
    silent: ("regionendpoint", "no S3 server answers there: correct it, or start the server"),
    lost: &["InvalidPart", "InvalidPartOrder", "EntityTooSmall"],
};
const UNKNOWN: &str = "the server does not know this key: correct it";
const ELSEWHERE: &str = "the bucket is in another one: correct it";
const DENIED: (&str, &str) = (
    "accesskey",
    "its owner must be allowed to get, put, list and delete objects of the bucket and to abort multipart uploads",
);

pub(super) fn connect(settings: &S3, patience: Patience) -> Result<Remote> {
    let plain = match &settings.regionendpoint {
        Some(endpoint) => endpoint.scheme() == "http",
        None => !settings.secure,
    };
    let cafile = settings.cafile.as_deref();
    let transport = Transport { plain, skipverify: settings.skipverify, cafile };
    let builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_virtual_hosted_style_request(!path_style(settings))
        // Not every server knows how to remove several at once, and some want sums for it that others refuse.
        .with_disable_bulk_delete(true)
        .with_client_options(transport.options()?)
        .with_retry(patience.retry());
    let builder = credentials(settings, builder)?;
    let builder = match endpoint(settings, plain) {
        Some(endpoint) => builder.with_endpoint(endpoint),
        None => builder,
    };
    Library::new(builder.build(), &PROVIDER).map(Remote::Library)
}

fn path_style(settings: &S3) -> bool {
    settings.forcepathstyle.unwrap_or(settings.regionendpoint.is_some())
}

/// With the bucket in the host's name, the client wants it there.
fn endpoint(settings: &S3, plain: bool) -> Option<String> {
    let bucket = &settings.bucket;
    let Some(endpoint) = &settings.regionendpoint else {
        let host = format!("s3.{}.amazonaws.com", settings.region);
        return plain.then(|| match path_style(settings) {
            true => format!("http://{host}"),
            false => format!("http://{bucket}.{host}"),
        });
    };
    let text = endpoint.as_str().trim_end_matches('/');
    Some(match (path_style(settings), text.split_once("://")) {
        (false, Some((scheme, host))) => format!("{scheme}://{bucket}.{host}"),
        _ => text.to_owned(),
    })
}

fn credentials(settings: &S3, builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
    match (&settings.accesskey, &settings.secretkey) {
        (Some(access), Some(secret)) => {
            Ok(builder.with_access_key_id(access).with_secret_access_key(secret.reveal()))
        }
        (None, None) => Ok(builder),
        (Some(_), None) => Err(misconfigured("secretkey", "it is missing: add it", "not there")),
        (None, Some(_)) => Err(misconfigured("accesskey", "it is missing: add it", "not there")),
    }
}
