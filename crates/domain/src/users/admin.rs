//! Who administers the system: there is always somebody.

use auth::Principal;

use crate::db::on;
use crate::ids::UserId;
use crate::permit::SystemPermit;
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit};

/// The account that every instance begins with.
pub const ADMIN: &str = "admin";

/// Makes the first administrator, if there is no account of that name.
pub async fn ensure_admin(tx: &mut Tx, password_hash: &str, now: Timestamp) -> Result<UserId> {
    const SQL: &str = "INSERT INTO users \
        (name, real_name, password_hash, system_admin, created_at, updated_at) \
        VALUES ($1, 'system admin', $2, TRUE, $3, $3) \
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id";
    Ok(on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(ADMIN)
        .bind(password_hash)
        .bind(now)
        .fetch_one(connection)
        .await?))
}

/// The names of the first few system administrators.
pub async fn admins(db: &Db) -> Result<Vec<String>> {
    const SQL: &str = "SELECT name FROM users WHERE system_admin ORDER BY id LIMIT 10";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_all(pool).await?))
}

/// Makes somebody a system administrator, or no longer one. The last one stays.
pub async fn set_system_admin(
    tx: &mut Tx,
    permit: &SystemPermit,
    id: UserId,
    system_admin: bool,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE users SET system_admin = $2, epoch = epoch + 1, updated_at = $3 \
        WHERE id = $1 RETURNING name";
    if !system_admin {
        keep_an_admin_beside(tx, id).await?;
    }
    let name: Option<String> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(system_admin)
        .bind(now)
        .fetch_optional(connection)
        .await?);
    let name = name.ok_or(Error::NotFound(Entity::User))?;
    let role = if system_admin { "made" } else { "no longer" };
    let resource = format!("{name} ({role} system administrator)");
    audit::record_system(tx, permit, "update", "user", &resource, now).await
}

/// Deletes the account with its memberships and sessions; its projects stay, without an owner.
pub async fn delete(tx: &mut Tx, permit: &SystemPermit, id: UserId, now: Timestamp) -> Result<()> {
    const SQL: &str = "DELETE FROM users WHERE id = $1 RETURNING name";
    if matches!(permit.principal(), Principal::User(user) if user.id == id.0) {
        return Err(Error::denied("you cannot delete your own account"));
    }
    keep_an_admin_beside(tx, id).await?;
    let name: Option<String> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id)
        .fetch_optional(connection)
        .await?);
    let name = name.ok_or(Error::NotFound(Entity::User))?;
    audit::record_system(tx, permit, "delete", "user", &name, now).await
}

async fn keep_an_admin_beside(tx: &mut Tx, id: UserId) -> Result<()> {
    // The update that changes nothing holds the rows: two administrators cannot remove each other at once.
    const HOLD: &str = "UPDATE users SET epoch = epoch WHERE system_admin RETURNING id";
    let admins: Vec<UserId> =
        on!(tx.connection(), |connection| sqlx::query_scalar(HOLD).fetch_all(connection).await?);
    if admins == [id] {
        return Err(Error::precondition("this is the last system administrator"));
    }
    Ok(())
}
