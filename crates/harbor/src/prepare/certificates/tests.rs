//! Which certificate the front gets, when one is made, and that clients accept it.

use std::fs;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use time::{Duration, OffsetDateTime};

use crate::prepare::prepare;
use crate::prepare::tests::fixture::{Fixture, now};

const HTTPS: &str = "hostname = reg.example.com:8443\nui_url_protocol = https\n";

fn read(fixture: &Fixture, name: &str) -> String {
    fs::read_to_string(fixture.path(name)).unwrap()
}

/// Whether a client that knows the authority connects to `host`.
fn is_accepted(fixture: &Fixture, host: &str, at: OffsetDateTime) -> bool {
    let certificate =
        |name: &str| CertificateDer::from_pem_slice(read(fixture, name).as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate("data/ca_download/ca.crt")).unwrap();
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let seconds = u64::try_from(at.unix_timestamp()).unwrap();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let leaf = certificate("config/proxy/cert/server.crt");
    verifier.unwrap().verify_server_cert(&leaf, &[], &name, &[], at).is_ok()
}

/// A certificate of the operator's, put where harbor.cfg names it.
fn give(fixture: &Fixture, names: &[&str], life: Duration, lines: &str) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = now() - Duration::days(90);
    params.not_after = now() + life;
    fs::write(fixture.path("own.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(fixture.path("own.key"), key.serialize_pem()).unwrap();
    let (certificate, key) = (fixture.path("own.crt"), fixture.path("own.key"));
    fixture.configure(&format!(
        "{lines}ssl_cert = {}\nssl_cert_key = {}\n",
        certificate.display(),
        key.display()
    ));
}

fn given(names: &[&str], life: Duration) -> Fixture {
    let fixture = Fixture::new("");
    give(&fixture, names, life, HTTPS);
    fixture
}

#[track_caller]
fn refuses(fixture: &Fixture, told: &str) {
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(error.contains(told), "{error}");
    assert!(!fixture.path("config").exists() && !fixture.path("data").exists());
}

#[test]
fn clients_that_know_the_authority_accept_what_is_made() {
    let fixture = Fixture::new(HTTPS);
    let told = fixture.prepare().join("\n");
    assert!(is_accepted(&fixture, "reg.example.com", now()));
    assert!(!is_accepted(&fixture, "other.example.com", now()));
    assert!(told.contains("  sudo mkdir -p /etc/docker/certs.d/reg.example.com:8443\n"), "{told}");
    assert!(
        read(&fixture, "config/ui/config.yml").contains("ca_certificate: \"/ca_download/ca.crt\"")
    );
}

#[test]
fn addresses_are_names_too() {
    for (hostname, host) in [("10.0.0.7", "10.0.0.7"), ("[fd00::7]:8443", "fd00::7")] {
        let fixture = Fixture::new(&format!("hostname = {hostname}\nui_url_protocol = https\n"));
        fixture.prepare();
        assert!(is_accepted(&fixture, host, now()), "{hostname}");
    }
}

#[test]
fn a_certificate_of_ours_is_made_anew_for_another_hostname_by_the_same_authority() {
    let fixture = Fixture::new(HTTPS);
    fixture.prepare();
    let authority = read(&fixture, "data/ca_download/ca.crt");
    fixture.configure(&HTTPS.replace("reg.example", "new.example"));
    fixture.prepare();
    assert!(is_accepted(&fixture, "new.example.com", now()));
    assert_eq!(read(&fixture, "data/ca_download/ca.crt"), authority);
}

#[test]
fn a_certificate_of_ours_is_made_anew_when_it_nears_its_end() {
    let fixture = Fixture::new(HTTPS);
    fixture.prepare();
    let first = read(&fixture, "data/cert/server.crt");
    prepare(&fixture.options(), now() + Duration::days(760)).unwrap();
    assert_eq!(read(&fixture, "data/cert/server.crt"), first);
    let late = now() + Duration::days(780);
    prepare(&fixture.options(), late).unwrap();
    assert_ne!(read(&fixture, "data/cert/server.crt"), first);
    assert!(is_accepted(&fixture, "reg.example.com", late));
}

#[test]
fn a_certificate_of_ours_needs_the_key_of_its_authority_to_be_made_anew() {
    let fixture = Fixture::new(HTTPS);
    fixture.prepare();
    fs::remove_file(fixture.path("data/cert/ca.key")).unwrap();
    // As long as it is good, it is used.
    fixture.prepare();
    fixture.configure(&HTTPS.replace("reg.example", "new.example"));
    let error = fixture.try_prepare().unwrap_err().to_string();
    assert!(error.contains("ca.key, is gone; put the key back"), "{error}");
}

#[test]
fn an_operators_certificate_is_used_as_it_is() {
    let fixture = given(&["reg.example.com"], Duration::days(90));
    let told = fixture.prepare().join("\n");
    assert!(!told.contains("Warning"), "{told}");
    assert_eq!(read(&fixture, "config/proxy/cert/server.crt"), read(&fixture, "own.crt"));
    assert_eq!(read(&fixture, "config/proxy/cert/server.key"), read(&fixture, "own.key"));
    assert!(!fixture.path("data/cert/ca.key").exists());
    assert!(!read(&fixture, "config/ui/config.yml").contains("ca_certificate"));
}

#[test]
fn an_operators_certificate_at_the_usual_place_is_never_replaced() {
    let fixture = Fixture::new(HTTPS);
    fixture.prepare();
    // He puts his own there, for another name and near its end.
    give(&fixture, &["old.example.com"], Duration::days(3), HTTPS);
    for (own, usual) in [("own.crt", "data/cert/server.crt"), ("own.key", "data/cert/server.key")] {
        fs::copy(fixture.path(own), fixture.path(usual)).unwrap();
    }
    fixture.configure(HTTPS);
    let told = fixture.prepare().join("\n");
    assert_eq!(read(&fixture, "data/cert/server.crt"), read(&fixture, "own.crt"));
    assert!(
        told.contains("expires on 2026-11-28") && told.contains("is not for reg.example.com"),
        "{told}"
    );
    // Ours has not signed it, so nobody needs ours any more.
    assert!(!read(&fixture, "config/ui/config.yml").contains("ca_certificate"));
}

#[test]
fn an_authority_that_an_operator_puts_there_is_offered() {
    let fixture = given(&["*.example.com"], Duration::days(90));
    fs::create_dir_all(fixture.path("data/ca_download")).unwrap();
    fs::copy(fixture.path("own.crt"), fixture.path("data/ca_download/ca.crt")).unwrap();
    fixture.prepare();
    assert!(read(&fixture, "config/ui/config.yml").contains("ca_certificate"));
}

#[test]
fn what_no_client_would_accept_is_refused() {
    refuses(
        &given(&["reg.example.com"], -Duration::days(1)),
        "the certificate expired on 2026-11-24; put a new one there",
    );
    let fixture = given(&["reg.example.com"], Duration::days(90));
    fs::write(fixture.path("own.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    refuses(&fixture, "it is the key of another certificate than that of ssl_cert");
    fs::write(fixture.path("own.key"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n").unwrap();
    refuses(&fixture, "the key is protected by a passphrase");
    fs::write(fixture.path("own.key"), "").unwrap();
    refuses(&fixture, "there is no private key in it");
    fs::write(fixture.path("own.crt"), "nothing").unwrap();
    refuses(&fixture, "there is no certificate in it");
    fs::remove_file(fixture.path("own.crt")).unwrap();
    refuses(&fixture, "harbor.cfg:3: ssl_cert = ");
    refuses(&fixture, "there is no such file; put the file there; or remove ssl_cert");
}

#[test]
fn a_chain_that_is_none_is_warned_of() {
    let fixture = given(&["reg.example.com"], Duration::days(90));
    let first = read(&fixture, "own.crt");
    give(&fixture, &["reg.example.com"], Duration::days(90), HTTPS);
    let other = rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap();
    let mut params = CertificateParams::new(["b.example.com".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "another");
    let another = params.self_signed(&other.signing_key).unwrap().pem();
    fixture.edit("own.crt", |text| format!("{text}{another}"));
    assert!(!first.is_empty());
    let told = fixture.prepare().join("\n");
    assert!(told.contains("is no chain: the server's certificate comes first"), "{told}");
}
