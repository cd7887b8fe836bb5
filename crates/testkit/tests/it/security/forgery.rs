//! Tokens that nobody of ours signed, or signed for something else.

use auth::scope::Access;
use auth::token::{Claims, KeyRing, SigningKey, VerifyingKeys};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::json;
use testkit::{Answer, Image, TestApp};

/// An administrator's token for the catalog, as an attacker would write it.
async fn wished(app: &TestApp) -> Claims {
    let root = app.root().await;
    Claims::new("harbor-registry", &root, vec![Access::catalog()], 1800, app.now().secs())
}

async fn present(app: &TestApp, token: &str) -> Answer {
    let anyone = app.anonymous();
    anyone.send(anyone.plain(Method::GET, "/v2/_catalog").bearer_auth(token)).await
}

fn key(ring: &KeyRing) -> EncodingKey {
    EncodingKey::from_ec_pem(ring.signing().to_pem().as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_key_opens_the_catalog() {
    // So that the refusals below are refusals of what is forged.
    let app = TestApp::start().await;
    let token = app.instance.keys.current().issue(&wished(&app).await).unwrap();
    present(&app, &token).await.ok();
}

/// CVE-2025-24976 (distribution).
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_brings_its_own_key_is_refused() {
    let app = TestApp::start().await;
    let ours = app.instance.keys.current();
    let theirs = KeyRing::new(SigningKey::generate().unwrap(), VerifyingKeys::default());
    let jwk: Jwk = serde_json::from_value(theirs.verifying().jwks()["keys"][0].clone()).unwrap();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(ours.signing().kid().to_owned());
    let claims = wished(&app).await;
    for (jwk, jku, x5u) in [
        (Some(jwk), None, None),
        (None, Some("https://evil.example.com/keys".to_owned()), None),
        (None, None, Some("https://evil.example.com/chain".to_owned())),
        (None, None, None),
    ] {
        let header = Header { jwk, jku, x5u, ..header.clone() };
        let token = jsonwebtoken::encode(&header, &claims, &key(&theirs)).unwrap();
        present(&app, &token).await.unauthorized();
    }
    present(&app, &theirs.issue(&claims).unwrap()).await.unauthorized();
}

/// CVE-2026-82329 (`JFrog`), and the oldest tricks of all.
#[tokio::test(flavor = "multi_thread")]
async fn no_other_algorithm_is_accepted() {
    let app = TestApp::start().await;
    let ours = app.instance.keys.current();
    let claims = wished(&app).await;
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(ours.signing().kid().to_owned());
    let public = ours.signing().verifying().to_pem();
    for secret in [public.as_bytes(), public.trim().as_bytes(), b""] {
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret));
        present(&app, &token.unwrap()).await.unauthorized();
    }
    let good = ours.issue(&claims).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    for alg in ["none", "None", "ES384", "RS256"] {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": ours.signing().kid() });
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
        present(&app, &format!("{header}.{}.", parts[1])).await.unauthorized();
        present(&app, &format!("{header}.{}.{}", parts[1], parts[2])).await.unauthorized();
    }
    for damaged in ["", ".", "..", "a.b.c", &good[..good.len() - 2], &format!("{good}x")] {
        present(&app, damaged).await.unauthorized();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_others_or_of_others_is_refused() {
    let app = TestApp::start().await;
    let ours = app.instance.keys.current();
    let good = wished(&app).await;
    let forged = [
        Claims { aud: "another-registry".to_owned(), ..good.clone() },
        Claims { iss: "another-issuer".to_owned(), ..good.clone() },
        Claims { exp: good.iat - 61, ..good.clone() },
        Claims { nbf: good.nbf + 600, ..good.clone() },
        Claims { iat: good.iat + 600, ..good.clone() },
    ];
    for claims in forged {
        present(&app, &ours.issue(&claims).unwrap()).await.unauthorized();
    }
}

/// CVE-2026-27771 (Gitea): a token of nobody opens what nobody may open.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_token_opens_what_is_public_and_nothing_else() {
    let app = TestApp::start().await;
    app.project("secret", false).await;
    for name in ["library/app:1", "secret/app:1"] {
        app.admin().push(name, &Image::unique()).await.created();
    }
    let stranger = app.anonymous();
    let scopes = [
        "repository:library/app:pull,push,delete",
        "repository:secret/app:pull",
        "registry:catalog:*",
    ];
    let token = stranger.token(&scopes).await;
    let get = |path: &str| stranger.plain(Method::GET, path).bearer_auth(&token);
    stranger.send(get("/v2/library/app/manifests/1")).await.ok();
    for path in ["/v2/secret/app/manifests/1", "/v2/secret/app/tags/list", "/v2/_catalog"] {
        let refused = stranger.send(get(path)).await;
        assert!([401, 403].contains(&refused.status), "{path}: {}", refused.status);
    }
    let delete = stranger.plain(Method::DELETE, "/v2/library/app/manifests/1").bearer_auth(&token);
    let refused = stranger.send(delete).await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_token_is_none_of_the_api_s() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let token = admin.token(&["registry:catalog:*"]).await;
    for path in ["/api/v2.0/users/current", "/api/v2.0/users", "/api/v2.0/projects"] {
        admin.send(admin.plain(Method::GET, path).bearer_auth(&token)).await.unauthorized();
    }
}
