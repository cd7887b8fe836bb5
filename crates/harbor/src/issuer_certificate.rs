//! `harbor issuer-certificate`: the key that signs tokens, as other registries want to be given it.
//!
//! distribution's `auth.token.rootcertbundle` takes certificates, of which it uses the key and nothing else. So this one is
//! made anew each time, and signs itself.

use anyhow::{Context, Result};
use rcgen::{CertificateParams, DnType, KeyPair};

use crate::output::print;
use crate::settings::KeysPlace;

pub(crate) fn run(place: &KeysPlace) -> Result<()> {
    let ring = place.files()?.load()?;
    let key = KeyPair::from_pem(&ring.signing().to_pem()).context("the key is damaged")?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, auth::token::ISSUER);
    let certificate = params.self_signed(&key).context("cannot make a certificate")?;
    print(certificate.pem().trim_end());
    Ok(())
}
