//! People with an account, their passwords' hashes, and who of them administers the system.
//!
//! Names and addresses differ by more than case, and no name is another one's address: signing in takes either.
//! Passwords are hashed by the caller, before the transaction. Whatever changes credentials or rights raises the epoch.

mod admin;
mod list;
mod name;

use auth::UserIdentity;

pub use admin::{ADMIN, admins, delete, ensure_admin, set_system_admin};
pub use list::{Field, Query, count, list};
pub use name::{check_email, check_name};

use crate::db::on;
use crate::ids::UserId;
use crate::permit::SystemPermit;
use crate::sql::is_storable;
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit, error, sessions};

#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: Option<String>,
    pub real_name: String,
    pub comment: String,
    pub password_hash: String,
    pub system_admin: bool,
    pub epoch: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl User {
    /// Who it is, as rights see it.
    pub fn identity(&self) -> UserIdentity {
        UserIdentity {
            id: self.id.0,
            name: self.name.clone(),
            system_admin: self.system_admin,
            epoch: self.epoch,
        }
    }
}

/// An account to be made. Nobody is born a system administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct New<'a> {
    pub name: &'a str,
    pub email: Option<&'a str>,
    pub real_name: &'a str,
    pub comment: &'a str,
    pub password_hash: &'a str,
}

/// What people tell of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile<'a> {
    pub email: Option<&'a str>,
    pub real_name: &'a str,
    pub comment: &'a str,
}

pub async fn by_id(db: &Db, id: UserId) -> Result<Option<User>> {
    const SQL: &str = "SELECT * FROM users WHERE id = $1";
    Ok(on!(db.read(), |pool| sqlx::query_as(SQL).bind(id).fetch_optional(pool).await?))
}

pub async fn by_name(db: &Db, name: &str) -> Result<Option<User>> {
    const SQL: &str = "SELECT * FROM users WHERE name = $1";
    if !is_storable(name) {
        return Ok(None);
    }
    Ok(on!(db.read(), |pool| sqlx::query_as(SQL).bind(name).fetch_optional(pool).await?))
}

/// Whom a name or an address of email stands for.
pub async fn by_login(db: &Db, login: &str) -> Result<Option<User>> {
    const SQL: &str = "SELECT * FROM users WHERE name = $1 OR LOWER(email) = $2";
    if !is_storable(login) {
        return Ok(None);
    }
    let folded = login.to_ascii_lowercase();
    Ok(on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(login)
        .bind(folded)
        .fetch_optional(pool)
        .await?))
}

/// Whether anybody has an account; nobody has before the first start.
pub async fn any(db: &Db) -> Result<bool> {
    Ok(count(db).await? > 0)
}

pub async fn create(
    tx: &mut Tx,
    permit: &SystemPermit,
    new: &New<'_>,
    now: Timestamp,
) -> Result<UserId> {
    check_name(new.name)?;
    let profile = Profile { email: new.email, real_name: new.real_name, comment: new.comment };
    let profile = clean(&profile)?;
    refuse_ambiguous(tx, new.name, profile.email, None).await?;
    let id = insert(tx, new.name, &profile, new.password_hash, now).await?;
    audit::record_system(tx, permit, "create", "user", new.name, now).await?;
    Ok(id)
}

async fn insert(
    tx: &mut Tx,
    name: &str,
    profile: &Profile<'_>,
    password_hash: &str,
    now: Timestamp,
) -> Result<UserId> {
    const SQL: &str = "INSERT INTO users \
        (name, email, real_name, comment, password_hash, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id";
    on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(name)
        .bind(profile.email)
        .bind(profile.real_name)
        .bind(profile.comment)
        .bind(password_hash)
        .bind(now)
        .fetch_one(connection)
        .await
        .map_err(error::conflict(Entity::User)))
}

pub async fn update(
    tx: &mut Tx,
    permit: &SystemPermit,
    id: UserId,
    profile: &Profile<'_>,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE users SET email = $2, real_name = $3, comment = $4, updated_at = $5 \
        WHERE id = $1 RETURNING name";
    let profile = clean(profile)?;
    refuse_ambiguous(tx, "", profile.email, Some(id)).await?;
    let name: Option<String> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(profile.email)
        .bind(profile.real_name)
        .bind(profile.comment)
        .bind(now)
        .fetch_optional(connection)
        .await
        .map_err(error::conflict(Entity::User))?);
    let name = name.ok_or(Error::NotFound(Entity::User))?;
    audit::record_system(tx, permit, "update", "user", &name, now).await
}

/// Sets the hash of a new password and ends every session of the account: whoever knew the old one is out.
pub async fn set_password(
    tx: &mut Tx,
    permit: &SystemPermit,
    id: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<()> {
    replace_password(tx, permit.actor(), id, password_hash, now).await
}

/// As [`set_password`], for a command of the host, whose user has the database in their hands and no permit of anybody.
/// The audit log says that it was done `by` the command.
pub async fn reset_password(
    tx: &mut Tx,
    by: &str,
    id: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<()> {
    replace_password(tx, by, id, password_hash, now).await
}

async fn replace_password(
    tx: &mut Tx,
    by: &str,
    id: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE users SET password_hash = $2, epoch = epoch + 1, updated_at = $3 \
        WHERE id = $1 RETURNING name";
    let name: Option<String> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(password_hash)
        .bind(now)
        .fetch_optional(connection)
        .await?);
    let name = name.ok_or(Error::NotFound(Entity::User))?;
    sessions::delete_all_of(tx, id).await?;
    audit::record_system_by(tx, by, "update", "user", &format!("{name} (password)"), now).await
}

/// One person's name must not be another one's address: whoever signs in with it would be mistaken for the other.
async fn refuse_ambiguous(
    tx: &mut Tx,
    name: &str,
    email: Option<&str>,
    except: Option<UserId>,
) -> Result<()> {
    const SQL: &str = "SELECT COUNT(*) FROM users \
        WHERE (LOWER(email) = $1 OR LOWER(name) = $2) AND id <> $3";
    let taken: i64 = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(name.to_ascii_lowercase())
        .bind(email.unwrap_or_default().to_ascii_lowercase())
        .bind(except.map_or(-1, |id| id.0))
        .fetch_one(connection)
        .await?);
    if taken == 0 { Ok(()) } else { Err(Error::Conflict(Entity::User)) }
}

/// The profile as it is kept: without blanks around, an empty address is none.
fn clean<'a>(profile: &Profile<'a>) -> Result<Profile<'a>> {
    let email = profile.email.map(str::trim).filter(|email| !email.is_empty());
    if let Some(email) = email {
        check_email(email)?;
    }
    name::check_text("realname", profile.real_name, 255)?;
    name::check_text("comment", profile.comment, 255)?;
    let (real_name, comment) = (profile.real_name.trim(), profile.comment.trim());
    Ok(Profile { email, real_name, comment })
}

#[cfg(test)]
mod tests;
