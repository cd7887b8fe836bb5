//! Files as operators of `registry:2` have them, and their mistakes.

use std::time::Duration;

use blobs::Settings as Objects;
use domain::db::Location;
use domain::events::Action;
use registry::Writing;
use web::telemetry::Format;

use super::environment::Change;
use super::{Address, Auth, Config, DEFAULT, parse};

fn read(text: &str) -> (Config, Vec<String>) {
    parse(text, &[]).unwrap()
}

fn with(text: &str, changes: &[(&str, &str)]) -> anyhow::Result<(Config, Vec<String>)> {
    let change =
        |(name, value): &(&str, &str)| Change { name: (*name).into(), value: (*value).into() };
    parse(text, &changes.iter().map(change).collect::<Vec<_>>())
}

#[track_caller]
fn refused(text: &str, words: &str) {
    let error = parse(&format!("version: 0.1\n{text}"), &[]).unwrap_err();
    assert!(format!("{error:#}").contains(words), "{error:#}");
}

const MINIMAL: &str = "version: 0.1\nstorage: inmemory\n";

#[test]
fn without_a_file_it_is_what_registry_2_brings() {
    let (config, remarks) = read(DEFAULT);
    assert_eq!(remarks, Vec::<String>::new());
    assert!(
        matches!(&config.storage.objects, Objects::Filesystem(files) if files.root.ends_with("var/lib/registry"))
    );
    assert!(
        matches!(config.http.address, Address::Tcp(address) if address.ip().is_unspecified() && address.port() == 5000)
    );
    assert!(matches!(config.auth, Auth::None));
    assert_eq!(config.writing, Writing::NoDeletion);
    assert!(config.health.storagedriver.enabled);
    assert_eq!(config.health.storagedriver.times().threshold, 3);
    assert_eq!(config.maintenance.purge_uploads, Some(Duration::from_secs(168 * 3600)));
}

#[test]
fn a_file_without_keys_is_told_how_to_begin() {
    for text in ["", "# nothing\n", "- a\n- b\n", "text"] {
        let error = parse(text, &[]).unwrap_err().to_string();
        assert!(error.starts_with("version is missing: there are no keys"), "{text:?}: {error}");
    }
}

#[test]
fn limits_are_a_section_of_our_own() {
    let text = format!("{MINIMAL}limits: {{requests: 7, burst: 9, more: 1}}\n");
    let error = format!("{:#}", parse(&text, &[]).unwrap_err());
    assert!(error.contains("limits") && error.contains("unknown field `more`"), "{error}");
    let (config, remarks) = read(&text.replace(", more: 1", ""));
    assert_eq!((Ok(config.limits), remarks), ("requests=7,burst=9".parse(), Vec::new()));
    refused("storage: inmemory\nlimits: {url: 1}\n", "limits: url is from 1024 to 60000, not 1");
}

#[test]
fn a_whole_file_is_understood() {
    let (config, remarks) = read(
        "version: 0.1\n\
        log: {level: warning, formatter: logstash, accesslog: {disabled: true}}\n\
        storage:\n  \
          filesystem: {rootdirectory: /data, maxthreads: 100}\n  \
          delete: {enabled: true}\n  \
          redirect: {disable: true}\n  \
          cache: {blobdescriptor: inmemory}\n  \
          maintenance:\n    \
            uploadpurging: {enabled: true, age: 24h, interval: 1h, dryrun: false}\n    \
            readonly: {enabled: false}\n\
        database: {url: 'postgres://u:p@h/d'}\n\
        http:\n  \
          addr: 127.0.0.1:5001\n  \
          prefix: /images/\n  \
          host: https://registry.example.com\n  \
          relativeurls: true\n  \
          secret: asecretforlocaldevelopment\n  \
          tls: {certificate: /c.pem, key: /k.pem, clientcas: [/ca.pem], minimumtls: tls1.2}\n  \
          headers: {X-Content-Type-Options: [nosniff], X-Site: [a, b]}\n  \
          http2: {disabled: false}\n  \
          debug: {addr: 'localhost:5002', prometheus: {enabled: true, path: /metrics}}\n\
        health:\n  \
          file: [{file: /maintenance, interval: 10s}]\n  \
          http: [{uri: 'http://other/', headers: {A: [b]}, statuscode: 204, timeout: 3s}]\n  \
          tcp: [{addr: 'redis:6379', timeout: 3s, interval: 10s, threshold: 3}]\n",
    );
    assert_eq!(remarks, Vec::<String>::new());
    assert_eq!(config.log.level, "warn,access=off");
    assert_eq!(config.log.format, Format::Json);
    assert_eq!(config.writing, Writing::All);
    assert_eq!(config.maintenance.purge_uploads, Some(Duration::from_secs(86_400)));
    assert!(matches!(config.database, Some(Location::Postgres(_))));
    assert_eq!(config.http.dress.prefix, "/images");
    assert_eq!(config.http.dress.headers.len(), 2);
    assert_eq!(config.http.tls.unwrap().client_cas.len(), 1);
    assert_eq!(config.http.debug.unwrap().port(), 5002);
    assert_eq!(config.health.tcp[0].times().threshold, 3);
    assert_eq!(config.health.http[0].statuscode, 204);
}

#[test]
fn variables_change_single_keys() {
    let (config, remarks) = with(
        MINIMAL,
        &[
            ("REGISTRY_HTTP_ADDR", "127.0.0.1:0"),
            ("REGISTRY_HTTP_HEADERS_X-Site", "[here]"),
            ("REGISTRY_LOG_ACCESSLOG_DISABLED", "true"),
            ("REGISTRY_STORAGE_DELETE_ENABLED", "true"),
            ("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING", "{enabled: false}"),
            ("REGISTRY_XYZ", "1"),
        ],
    )
    .unwrap();
    assert_eq!(remarks, ["REGISTRY_XYZ names no key of the configuration"]);
    assert!(matches!(config.storage.objects, Objects::Memory(_)));
    assert!(matches!(config.http.address, Address::Tcp(address) if address.port() == 0));
    assert_eq!(config.http.dress.headers.len(), 1);
    assert_eq!(config.log.level, "info,access=off");
    assert_eq!(config.writing, Writing::All);
    assert_eq!(config.maintenance.purge_uploads, None);
}

#[test]
fn a_variable_may_replace_a_driver_and_an_entry_of_a_list() {
    let (config, _) = with(DEFAULT, &[("REGISTRY_STORAGE", "inmemory")]).unwrap();
    assert!(matches!(config.storage.objects, Objects::Memory(_)));
    let text = format!("{MINIMAL}health: {{tcp: [{{addr: 'a:1'}}]}}\n");
    let (config, _) = with(&text, &[("REGISTRY_HEALTH_TCP_0_ADDR", "b:2")]).unwrap();
    assert_eq!(config.health.tcp[0].addr, "b:2");
    let first = [("REGISTRY_HTTP_TRUSTEDPROXIES_0", "10.0.0.0/8")];
    assert_eq!(with(MINIMAL, &first).unwrap().0.http.trusted_proxies.len(), 3);
    let error = with(&text, &[("REGISTRY_HEALTH_TCP_5_ADDR", "b:2")]).unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "REGISTRY_HEALTH_TCP_5_ADDR cannot be applied: the list has 1 entries"
    );
}

#[test]
fn a_zero_is_the_default_and_no_hot_loop() {
    let text = format!("{MINIMAL}health: {{tcp: [{{addr: 'a:1', interval: 0, timeout: 0s}}]}}\n");
    let times = read(&text).0.health.tcp[0].times();
    assert_eq!((times.interval.as_secs(), times.timeout.as_secs()), (10, 5));
}

#[test]
fn what_is_not_known_is_named_and_does_nothing() {
    let (_, remarks) = read(
        "version: 0.1\nstorage: {inmemory: {}, delete: {enabled: true, twice: 1}}\n\
        http: {tsl: {}, debug: {port: 1}}\nnonsense: 1\nredis: {addr: 'r:1'}\n",
    );
    for word in ["storage.delete.twice", "http.tsl", "http.debug.port", "nonsense", "redis"] {
        assert!(remarks.iter().any(|remark| remark.starts_with(word)), "{word}: {remarks:?}");
    }
}

#[test]
fn mistakes_are_refused_with_their_key_and_a_remedy() {
    let missing = parse("storage: inmemory\n", &[]).unwrap_err();
    assert!(format!("{missing:#}").contains("begin the file with `version: 0.1`"));
    refused("http: {}", "storage is missing");
    refused("storage: {inmemory: {}, filesystem: {}}", "storage names several drivers");
    refused("storage: {ceph: {}}", "storage.ceph is no driver here");
    refused("storage: {delete: {enabled: perhaps}, inmemory: {}}", "storage.delete.enabled: ");
    refused("storage: inmemory\nhttp: {addr: nowhere}", "http.addr: \"nowhere\" is no address");
    refused("storage: inmemory\nhttp: {net: udp}", "neither tcp nor unix");
    refused("storage: inmemory\nhttp: {prefix: images}", "begin it with a slash");
    refused("storage: inmemory\nhttp: {tls: {certificate: /c}}", "http.tls.key is missing");
    refused(
        "storage: inmemory\nhttp: {tls: {letsencrypt: {cachefile: /c}}}",
        "http.tls.letsencrypt: certificates are not fetched here",
    );
    refused("storage: inmemory\nlog: {level: loud}", "log.level: \"loud\"");
    refused("storage: inmemory\nauth: {silly: {realm: r, service: s}}", "auth.silly lets in");
    refused(
        "storage: inmemory\nauth: {htpasswd: {realm: r}}",
        "auth.htpasswd: missing field `path`",
    );
    refused(
        "storage: inmemory\nauth: {token: {realm: r, service: s, issuer: i}}",
        "auth.token has no keys",
    );
    refused(
        "storage: inmemory\nauth: {token: {realm: r, service: s, issuer: i, rootcertbundle: /none}}",
        "auth.token.rootcertbundle: cannot read /none",
    );
    refused("storage: inmemory\nauth: {htpasswd: {}, token: {}}", "auth names several kinds");
    refused(
        "storage: inmemory\nhttp: {tls: {certificate: /c, key: /k, ciphersuites: [A]}}",
        "http.tls.ciphersuites",
    );
    refused("storage: inmemory\npolicy: {repository: {classes: [image]}}", "policy: classes");
    refused(
        "storage: inmemory\nvalidation: {manifests: {urls: {deny: ['.*']}}}",
        "validation.manifests.urls",
    );
    refused(
        "storage: inmemory\nauth: {token: {realm: r, service: s, issuer: i, signingalgorithms: [RS512]}}",
        "auth.token.signingalgorithms cannot be set",
    );
    refused("storage: inmemory\nproxy: {remoteurl: 'hub'}", "proxy.remoteurl");
    refused(
        "storage: {inmemory: {}, maintenance: {readonly: {enabled: true}}}\nproxy: {remoteurl: 'https://hub'}",
        "exclude each other",
    );
    refused(
        "storage: inmemory\nhealth: {storagedriver: {interval: often}}",
        "health.storagedriver.interval: ",
    );
    refused(
        "storage: inmemory\ndatabase: {url: 'mysql://'}",
        "database.url is not a PostgreSQL URL",
    );
}

#[test]
fn endpoints_have_distributions_defaults_and_what_is_disabled_is_none() {
    let (config, remarks) = read(
        "version: 0.1\nstorage: inmemory\nnotifications:\n  events: {includereferences: true}\n  endpoints:\n    \
         - {name: a, url: 'https://u:p@host/path', headers: {Authorization: [Bearer x]}, timeout: 500, threshold: 3, \
           backoff: 2s, ignoredmediatypes: [a/b], ignore: {mediatypes: [c/d], actions: [pull, psuh]}}\n    \
         - {url: 'http://u:p@host/events?key=1'}\n    \
         - {name: unused, disabled: true}\n",
    );
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    assert!(remarks[0].starts_with("notifications.endpoints[0].ignore.actions: action: \"psuh\""));
    assert!(config.notifications.references);
    let [first, second] = config.notifications.endpoints.as_slice() else { panic!("two") };
    assert_eq!(first.receiver.name, "a");
    assert_eq!(first.receiver.ignored_media_types, ["a/b", "c/d"]);
    assert_eq!(first.receiver.ignored_actions, [Action::Pull]);
    assert_eq!(first.headers, [("Authorization".to_owned(), "Bearer x".to_owned())]);
    assert_eq!((first.timeout, first.threshold), (Duration::from_nanos(500), 3));
    assert_eq!(first.backoff, Duration::from_secs(2));
    assert_eq!(second.receiver.name, "host/events", "without what may be secret");
    let second = (second.timeout, second.threshold, second.backoff);
    assert_eq!(second, (Duration::from_secs(1), 10, Duration::from_secs(1)));
}

#[test]
fn endpoints_that_cannot_be_told_apart_or_reached_are_refused() {
    let endpoint =
        |text: &str| format!("storage: inmemory\nnotifications: {{endpoints: [{text}]}}");
    for (text, words) in [
        ("{name: a}", "notifications.endpoints[0].url is missing"),
        ("{url: host}", "notifications.endpoints[0].url is no URL"),
        (
            "{url: 'ftp://host/'}",
            "notifications.endpoints[0].url: events are sent to http and https",
        ),
        ("{url: 'http://a/', headers: {'a b': [c]}}", "\"a b\" is no name of a header"),
        ("{url: 'http://a/', headers: {a: [\"b\\nc\"]}}", "a value that no header can have"),
        (
            "{name: a, url: 'http://a/'}, {name: a, url: 'http://b/'}",
            "two endpoints are called \"a\"",
        ),
        ("{url: 'http://a/', timeout: soon}", "notifications.endpoints"),
    ] {
        refused(&endpoint(text), words);
    }
}

#[test]
fn indexes_may_be_sparse_if_the_file_says_so() {
    let required = |text: &str| {
        read(&format!("{MINIMAL}validation: {{manifests: {{indexes: {text}}}}}\n"))
            .0
            .required
            .to_string()
    };
    assert_eq!(read(MINIMAL).0.required.to_string(), "all");
    assert_eq!(required("{platforms: all}"), "all");
    assert_eq!(required("{platforms: none}"), "none");
    let listed = "{platforms: list, platformlist: [{architecture: amd64, os: linux}, {architecture: arm64, os: linux}]}";
    assert_eq!(required(listed), "linux/amd64,linux/arm64");
    let off = format!("{MINIMAL}validation: {{disabled: true}}\n");
    assert_eq!(read(&off).0.required.to_string(), "none");
    let indexes =
        |text: &str| format!("storage: inmemory\nvalidation: {{manifests: {{indexes: {text}}}}}");
    refused(&indexes("{platforms: some}"), "platforms: \"some\" is none of all, none, list");
    refused(&indexes("{platforms: list}"), "validation.manifests.indexes.platformlist is missing");
}

#[test]
fn a_bucket_is_told_in_distributions_words() {
    let (config, remarks) = read(
        "version: 0.1\nstorage:\n  s3: {region: eu-west-1, bucket: images, accesskey: a, secretkey: s, \
         regionendpoint: 'ceph:7480', secure: false, chunksize: 10485760, v4auth: true, storageclass: COLD}\n  \
         redirect: {disable: true}\n",
    );
    assert_eq!(remarks, ["storage.s3.storageclass is not known here and does nothing"]);
    let Objects::S3(bucket) = config.storage.objects else { panic!("{:?}", config.storage) };
    assert_eq!(bucket.regionendpoint.unwrap().as_str(), "http://ceph:7480/");
    assert!(!config.storage.redirect);
    assert_eq!(config.storage.beside.unwrap().to_str(), Some("/var/lib/registry"));
    refused("storage: {s3: {region: r}}", "storage.s3: bucket is missing in it: add bucket");
    refused("storage: {s3: {bucket: b, chunksize: 5}}", "storage.s3: chunksize is not a size");
}

#[test]
fn other_buckets_are_told_in_distributions_words() {
    let objects = |storage: &str| {
        let (config, remarks) = read(&format!("version: 0.1\nstorage:\n  {storage}\n"));
        assert_eq!(remarks, Vec::<String>::new(), "{storage}");
        assert_eq!(config.storage.beside.unwrap().to_str(), Some("/var/lib/registry"));
        config.storage.objects
    };
    let azure = objects(
        "azure: {accountname: shop, container: images, realm: core.chinacloudapi.cn, max_retries: 5, \
         credentials: {type: client_secret, tenantid: t, clientid: c, secret: s}}",
    );
    let Objects::Azure(azure) = azure else { panic!("{azure:?}") };
    assert_eq!(azure.credentials.unwrap().clientid, "c");
    assert_eq!(azure.realm, "core.chinacloudapi.cn");
    let gcs = objects("gcs: {bucket: images, credentials: {client_email: a@b}, chunksize: 262144}");
    let Objects::Gcs(gcs) = gcs else { panic!("{gcs:?}") };
    assert!(gcs.credentials.is_some());
    assert_eq!(gcs.chunksize, 5_242_880);
    let oss = objects(
        "oss: {region: oss-cn-beijing, bucket: images, accesskeyid: a, accesskeysecret: s}",
    );
    let Objects::S3(oss) = oss else { panic!("{oss:?}") };
    assert_eq!(oss.regionendpoint.unwrap().as_str(), "https://oss-cn-beijing.aliyuncs.com/");
    refused("storage: {azure: {accountname: a}}", "storage.azure: container is missing in it");
    refused("storage: {gcs: images}", "storage.gcs is no section");
}
