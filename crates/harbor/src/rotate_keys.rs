//! `harbor rotate-keys`: tokens are signed with a new key, and no client notices.
//!
//! The next key is accepted everywhere before it signs anything: processes read the keys every few seconds, and a token
//! of a key that the registry has not read yet would be refused.

use anyhow::{Context, Result};

use crate::keys::{KeyFiles, SPREAD};
use crate::output::print;
use crate::settings::KeysPlace;

pub(crate) async fn run(place: &KeysPlace) -> Result<()> {
    let (files, served) = match place.data_dir()? {
        Some(data) => (KeyFiles::new(data.keys()), data.try_lock()?.is_none()),
        None => (place.files()?, true),
    };
    let next = files.announce()?;
    if served {
        print(&format!("waiting {} s, until every process accepts the new key", SPREAD.as_secs()));
        tokio::time::sleep(SPREAD).await;
    }
    files.promote(&next).context("the old key still signs; run the command again")?;
    print(&format!("Tokens are signed with key {} from now on.", next.kid()));
    Ok(())
}
