//! `harbor reset-password`: for when nobody can sign in any more who could set a password.
//!
//! Whoever can read the database can do this anyway; beside a running server it holds within seconds. What registry clients got
//! for the old one stays good until it expires: tokens are judged by what they say.

use std::io::{BufRead, stdin};

use anyhow::{Context, Result, bail, ensure};
use auth::{password, secret};
use domain::db::Location;
use domain::users::{self, User};
use domain::{Clock, Db, backup};

use crate::data_dir::DataDir;
use crate::output::print;
use crate::settings::ResetPassword;
use crate::settings::services::{self, Ui};

pub(crate) async fn run(settings: &ResetPassword) -> Result<()> {
    let location = location(settings)?;
    let given = settings.password_stdin.then(first_line).transpose()?;
    // As it is: another password needs no newer schema than the server has.
    let db = Db::connect(&location).await.context("cannot open the database")?;
    let reset = reset(&db, &settings.account, given).await;
    db.close().await;
    let Reset { name, made, administrators } = reset?;
    match made {
        Some(made) => print(&format!("The password of {name} is now {made}")),
        None => print(&format!("The password of {name} was changed.")),
    }
    print("Whoever was signed in on the pages with the old one is signed out.");
    if let Some(administrators) = administrators {
        print(&format!("{name} is no system administrator; those are: {administrators}"));
    }
    Ok(())
}

/// What was done.
struct Reset {
    name: String,
    /// The password, if it was made here.
    made: Option<String>,
    /// Who they are, if this account is none.
    administrators: Option<String>,
}

fn location(settings: &ResetPassword) -> Result<Location> {
    if let Some(file) = &settings.config {
        return services::read::<Ui>(file)?.database.location();
    }
    let data = DataDir::existing(settings.standalone.data()?)?;
    if let Some(location) = &settings.standalone.database_url {
        return Ok(location.clone());
    }
    let file = data.database();
    ensure!(
        file.is_file(),
        "there is no {}: name the instance's PostgreSQL database with --database-url",
        file.display()
    );
    Ok(Location::Sqlite(file))
}

fn first_line() -> Result<String> {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn reset(db: &Db, account: &str, given: Option<String>) -> Result<Reset> {
    let mut tx = db.begin().await?;
    if backup::current(&mut tx).await?.is_none() {
        bail!("there is no instance of harbor in this database");
    }
    drop(tx);
    let user = find(db, account).await?;
    let (text, made) = match given {
        Some(given) => {
            password::check(&given).context("this cannot be a password")?;
            (given, None)
        }
        None => {
            let made = secret::generate();
            (made.clone(), Some(made))
        }
    };
    let hashed = tokio::task::spawn_blocking(move || password::hash(&text)).await?;
    let hashed = hashed.context("cannot hash the password")?;
    let mut tx = db.begin().await?;
    let now = Clock::System.now();
    users::reset_password(&mut tx, "harbor reset-password", user.id, &hashed, now).await?;
    tx.commit().await?;
    let administrators = match user.system_admin {
        true => None,
        false => Some(users::admins(db).await?.join(", ")),
    };
    Ok(Reset { name: user.name, made, administrators })
}

async fn find(db: &Db, account: &str) -> Result<User> {
    if let Some(user) = users::by_login(db, account).await? {
        return Ok(user);
    }
    let admins = users::admins(db).await?.join(", ");
    if admins.is_empty() {
        bail!("there are no accounts yet: the first start of the server makes them");
    }
    bail!("there is no account {account:?}; system administrators are: {admins}")
}

#[cfg(test)]
mod tests;
