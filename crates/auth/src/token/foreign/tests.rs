//! Tokens that other issuers sign, and those that pretend to be.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use oci::RepositoryName;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Value, json};

use super::keys::fingerprint;
use super::{Issuer, TrustedKeys, Untrusted};
use crate::scope::RegistryAction;
use crate::token::{Invalid, KeyRing, SigningKey, VerifyingKeys};
use crate::{Grant, Outsider};

const NOW: i64 = 1_800_000_000;
const SERVICE: &str = "our registry";

/// A key with its certificate, as an operator has them.
struct Signer {
    pair: KeyPair,
    certificate: rcgen::Certificate,
    algorithm: Algorithm,
}

impl Signer {
    fn new(kind: &'static rcgen::SignatureAlgorithm, algorithm: Algorithm) -> Self {
        let pair = KeyPair::generate_for(kind).unwrap();
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        Self { pair, certificate, algorithm }
    }

    fn rsa() -> Self {
        Self::new(&PKCS_RSA_SHA256, Algorithm::RS256)
    }

    fn issuer(&self) -> Issuer {
        issuer(TrustedKeys::from_pem(self.certificate.pem().as_bytes()).unwrap())
    }

    fn key(&self) -> EncodingKey {
        let pem = self.pair.serialize_pem();
        let read = match self.algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_pem,
            Algorithm::ES256 => EncodingKey::from_ec_pem,
            _ => EncodingKey::from_ed_pem,
        };
        read(pem.as_bytes()).unwrap()
    }

    fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.key()).unwrap()
    }

    fn token(&self) -> String {
        self.sign(&Header::new(self.algorithm), &claims())
    }
}

fn issuer(keys: TrustedKeys) -> Issuer {
    Issuer { name: "their issuer".into(), keys }
}

fn claims() -> Value {
    json!({
        "iss": "their issuer", "sub": "dora", "aud": "our registry",
        "exp": NOW + 60, "nbf": NOW - 10, "iat": NOW - 10, "jti": "1",
        "access": [
            { "type": "repository", "name": "a/b", "actions": ["pull", "push", "scanner-pull"] },
            { "type": "repository", "class": "plugin", "name": "c", "actions": ["*"] },
            { "type": "registry", "name": "catalog", "actions": ["*"] },
            { "type": "weather", "name": "today", "actions": ["change"] },
        ],
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[key] = value;
    claims
}

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

#[test]
fn a_token_of_each_kind_of_key_is_believed() {
    for (kind, algorithm) in [
        (&PKCS_RSA_SHA256, Algorithm::RS256),
        (&PKCS_ECDSA_P256_SHA256, Algorithm::ES256),
        (&PKCS_ED25519, Algorithm::EdDSA),
    ] {
        let signer = Signer::new(kind, algorithm);
        let verified = signer.issuer().verify(&signer.token(), SERVICE, NOW).unwrap();
        assert_eq!((verified.outsider.name.as_str(), verified.expires), ("dora", NOW + 60));
    }
}

#[test]
fn it_grants_what_it_lists_and_nothing_else() {
    let signer = Signer::rsa();
    let Outsider { grant, .. } =
        signer.issuer().verify(&signer.token(), SERVICE, NOW).unwrap().outsider;
    assert!(grant.permits(&name("a/b"), RegistryAction::Push));
    assert!(!grant.permits(&name("a/b"), RegistryAction::Delete));
    assert!(grant.permits(&name("c"), RegistryAction::Delete));
    assert!(!grant.permits(&name("a"), RegistryAction::Pull));
    assert!(grant.permits_catalog());
    // Harbor's for a mere login says null.
    for none in [json!([]), Value::Null] {
        let nothing = signer.sign(&Header::new(Algorithm::RS256), &with("access", none));
        let verified = signer.issuer().verify(&nothing, SERVICE, NOW).unwrap();
        assert_eq!(verified.outsider.grant, Grant::Listed(Vec::new()));
        assert!(!verified.outsider.grant.permits_catalog());
    }
}

#[test]
fn a_key_is_found_by_the_name_that_the_token_gives_it() {
    let (mine, other) = (Signer::rsa(), Signer::rsa());
    let bundle = format!("{}{}", other.certificate.pem(), mine.certificate.pem());
    let trusting = issuer(TrustedKeys::from_pem(bundle.as_bytes()).unwrap());
    let docker = fingerprint(&rcgen::PublicKeyData::subject_public_key_info(&mine.pair));
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(docker);
    trusting.verify(&mine.sign(&header, &claims()), SERVICE, NOW).unwrap();
    header.kid = Some("another".into());
    let refused = trusting.verify(&mine.sign(&header, &claims()), SERVICE, NOW);
    assert!(matches!(refused, Err(Invalid::KeyUnknown)), "{refused:?}");
}

#[test]
fn dockers_name_of_a_key_is_libtrusts() {
    let (_, pem) = x509_parser::pem::parse_x509_pem(include_bytes!("testdata/issuer.crt")).unwrap();
    let certificate = pem.parse_x509().unwrap();
    // By openssl and base32 from the same certificate.
    assert_eq!(
        fingerprint(certificate.public_key().raw),
        "YE5W:M6PM:PTNQ:SXHX:UVVD:2D2C:EKAX:MB3B:WEPS:P5CP:FCC2:SZ57"
    );
}

#[test]
fn a_token_may_bring_its_key_only_if_that_is_trusted_anyway() {
    let (mine, stranger) = (Signer::rsa(), Signer::rsa());
    for (signer, believed) in [(&mine, true), (&stranger, false)] {
        let mut header = Header::new(Algorithm::RS256);
        header.x5c = Some(vec![BASE64_STANDARD.encode(signer.certificate.der())]);
        let token = signer.sign(&header, &claims());
        assert_eq!(mine.issuer().verify(&token, SERVICE, NOW).is_ok(), believed);
    }
    let mut header = Header::new(Algorithm::RS256);
    header.x5c = Some(vec![BASE64_STANDARD.encode(mine.certificate.der())]);
    let forged = mine.issuer().verify(&stranger.sign(&header, &claims()), SERVICE, NOW);
    assert!(matches!(forged, Err(Invalid::Signature(_))), "{forged:?}");
}

/// CVE-2015-9235: the public key as the secret of an HMAC.
#[test]
fn no_token_chooses_how_a_key_is_used() {
    let signer = Signer::rsa();
    let secret = EncodingKey::from_secret(signer.certificate.pem().as_bytes());
    let forged = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &secret).unwrap();
    assert!(matches!(signer.issuer().verify(&forged, SERVICE, NOW), Err(Invalid::Algorithm)));
    let elliptic = Signer::new(&PKCS_ECDSA_P256_SHA256, Algorithm::ES256);
    let refused = signer.issuer().verify(&elliptic.token(), SERVICE, NOW);
    assert!(matches!(refused, Err(Invalid::Algorithm)), "{refused:?}");
    let none = "eyJhbGciOiJub25lIn0.e30.";
    assert!(signer.issuer().verify(none, SERVICE, NOW).is_err());
}

#[test]
fn issuer_audience_and_time_must_be_right() {
    let signer = Signer::rsa();
    let header = Header::new(Algorithm::RS256);
    let verify =
        |claims: &Value| signer.issuer().verify(&signer.sign(&header, claims), SERVICE, NOW);
    assert!(matches!(verify(&with("iss", json!("another"))), Err(Invalid::Issuer)));
    assert!(matches!(verify(&with("aud", json!("another"))), Err(Invalid::Audience)));
    assert!(matches!(verify(&with("aud", json!(["x"]))), Err(Invalid::Audience)));
    verify(&with("aud", json!(["x", SERVICE]))).unwrap();
    assert!(matches!(verify(&with("exp", json!(NOW - 60))), Err(Invalid::Expired)));
    assert!(matches!(verify(&with("nbf", json!(NOW + 61))), Err(Invalid::NotYetValid)));
    assert!(matches!(verify(&with("exp", Value::Null)), Err(Invalid::Signature(_))));
}

#[test]
fn the_keys_of_our_own_token_service_are_a_set_like_any_other() {
    let ring = KeyRing::new(SigningKey::generate().unwrap(), VerifyingKeys::default());
    let text = serde_json::to_vec(&ring.verifying().jwks()).unwrap();
    let trusting = issuer(TrustedKeys::from_jwks(&text).unwrap());
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(ring.signing().kid().to_owned());
    let token = jsonwebtoken::encode(&header, &claims(), ring.signing().encoding()).unwrap();
    trusting.verify(&token, SERVICE, NOW).unwrap();
}

#[test]
fn what_holds_no_key_is_refused_with_its_place() {
    #[track_caller]
    fn check(read: Result<TrustedKeys, Untrusted>, words: &str) {
        assert_eq!(read.map(drop).map_err(|error| error.to_string()), Err(words.to_owned()));
    }
    check(TrustedKeys::from_pem(b"nothing"), &Untrusted::Empty.to_string());
    check(
        TrustedKeys::from_pem(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        "entry 0 is damaged",
    );
    check(TrustedKeys::from_jwks(b"{}"), "not a JSON Web Key Set");
    check(TrustedKeys::from_jwks(br#"{"keys":[]}"#), &Untrusted::Empty.to_string());
    let shared = br#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#;
    check(TrustedKeys::from_jwks(shared), &Untrusted::Kind { entry: 0 }.to_string());
}
