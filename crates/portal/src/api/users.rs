//! `/users`: accounts of people.

use ::web::{Json, run};
use actix_web::web::Query;
use auth::{Action, Principal, Resource, password};
use domain::ids::UserId;
use domain::listing::Match;
use domain::users::{self, Field, New, Profile, User};
use domain::{Entity, permit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Code, Error, Result};
use super::listing::{ListParams, Listing, PageParams};
use super::path;
use super::refused::Refused;
use super::time::{Time, is_default, or_default};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserResp)]
pub(crate) struct UserView {
    #[serde(skip_serializing_if = "is_default")]
    email: String,
    #[serde(skip_serializing_if = "is_default")]
    realname: String,
    #[serde(skip_serializing_if = "is_default")]
    comment: String,
    user_id: i64,
    username: String,
    sysadmin_flag: bool,
    /// Whether a directory says so; there is none.
    admin_role_in_auth: bool,
    creation_time: Time,
    update_time: Time,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            email: user.email.unwrap_or_default(),
            realname: user.real_name,
            comment: user.comment,
            user_id: user.id.0,
            username: user.name,
            sysadmin_flag: user.system_admin,
            admin_role_in_auth: false,
            creation_time: user.created_at.into(),
            update_time: user.updated_at.into(),
        }
    }
}

/// As little as it takes to name somebody a member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UserSearchRespItem)]
pub(crate) struct UserSearchView {
    user_id: i64,
    username: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = UserCreationReq)]
pub(crate) struct UserRequest {
    #[serde(default, deserialize_with = "or_default")]
    username: String,
    #[serde(default, deserialize_with = "or_default")]
    password: String,
    #[serde(flatten)]
    profile: ProfileRequest,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = UserProfile)]
pub(crate) struct ProfileRequest {
    #[serde(default, deserialize_with = "or_default")]
    email: String,
    #[serde(default, deserialize_with = "or_default")]
    realname: String,
    #[serde(default, deserialize_with = "or_default")]
    comment: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PasswordReq)]
pub(crate) struct PasswordRequest {
    /// Of whoever changes their own.
    #[serde(default, deserialize_with = "or_default")]
    old_password: String,
    #[serde(default, deserialize_with = "or_default")]
    new_password: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = UserSysAdminFlag)]
pub(crate) struct SystemAdminRequest {
    #[serde(default, deserialize_with = "or_default")]
    sysadmin_flag: bool,
}

impl ProfileRequest {
    fn profile(&self) -> Profile<'_> {
        Profile {
            email: Some(self.email.as_str()).filter(|email| !email.is_empty()),
            real_name: &self.realname,
            comment: &self.comment,
        }
    }
}

/// Accounts. Keys of `q`: `username`, `email`, `realname`.
#[utoipa::path(get, path = "/users", operation_id = "listUsers", tag = "user", params(ListParams),
    responses((status = 200, body = Vec<UserView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::User, Action::List)?;
        let query = users::Query {
            name: listing.text("username"),
            email: listing.text("email"),
            real_name: listing.text("realname"),
            sort: listing.sort(field),
            paging: listing.paging(),
        };
        listing.answer(users::list(&caller.app.db, &query).await?, UserView::from)
    })
    .await
}

fn field(key: &str) -> Option<Field> {
    match key {
        "username" => Some(Field::Name),
        "email" => Some(Field::Email),
        "realname" => Some(Field::RealName),
        "sysadmin_flag" => Some(Field::SystemAdmin),
        "creation_time" => Some(Field::CreatedAt),
        "update_time" => Some(Field::UpdatedAt),
        _ => None,
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UserQuery {
    /// A part of the name.
    username: String,
}

/// Names of accounts that contain a text.
#[utoipa::path(get, path = "/users/search", operation_id = "searchUsers", tag = "user",
    params(PageParams, UserQuery),
    responses((status = 200, body = Vec<UserSearchView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn search(
    caller: Caller,
    listing: Listing,
    query: Query<UserQuery>,
) -> Result<Answer> {
    run(async move {
        caller.known()?;
        let name = Some(Match::Like(query.into_inner().username));
        let query = users::Query { name, paging: listing.paging(), ..users::Query::default() };
        let page = users::list(&caller.app.db, &query).await?;
        listing.answer(page, |user| UserSearchView { user_id: user.id.0, username: user.name })
    })
    .await
}

/// Makes an account, which is never a system administrator's.
#[utoipa::path(post, path = "/users", operation_id = "createUser", tag = "user", request_body = UserRequest,
    responses((status = 201, headers(("Location" = String))), Refused))]
pub(crate) async fn create(caller: Caller, body: Json<UserRequest>) -> Result<Answer> {
    run(async move {
        let permit = caller.changes(Resource::User, Action::Create).await?;
        let Json(wanted) = body;
        users::check_name(&wanted.username)?;
        let hash = hash(&caller, &wanted.password).await?;
        let Profile { email, real_name, comment } = wanted.profile.profile();
        let name = wanted.username.as_str();
        let new = New { name, email, real_name, comment, password_hash: &hash };
        let mut tx = caller.app.db.begin().await?;
        let id = users::create(&mut tx, &permit, &new, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::created(format!("/api/v2.0/users/{id}")))
    })
    .await
}

/// What is stored of a new password, if it keeps the rules.
async fn hash(caller: &Caller, password: &str) -> Result<String> {
    password::check(password).map_err(|broken| Error::bad_request(broken.to_string()))?;
    Ok(caller.app.authenticator.hash(password).await?)
}

/// The caller's own account.
#[utoipa::path(get, path = "/users/current", operation_id = "getCurrentUserInfo", tag = "user",
    responses((status = 200, body = UserView), Refused))]
pub(crate) async fn current(caller: Caller) -> Result<Answer> {
    run(async move {
        caller.known()?;
        let Principal::User(user) = &caller.principal else {
            let message = format!("{} is not a user account", caller.principal.name());
            return Err(Error::new(Code::Precondition, message));
        };
        show(&caller, UserId(user.id)).await
    })
    .await
}

/// An account: one's own, or any for a system administrator.
#[utoipa::path(get, path = "/users/{user_id}", operation_id = "getUser", tag = "user",
    params(("user_id" = i64, Path)), responses((status = 200, body = UserView), Refused))]
pub(crate) async fn get(caller: Caller, path::User(id): path::User) -> Result<Answer> {
    run(async move {
        authorize(&caller, id, Action::Read).await?;
        show(&caller, UserId(id)).await
    })
    .await
}

async fn authorize(caller: &Caller, id: i64, action: Action) -> Result<permit::SystemPermit> {
    let decided =
        permit::authorize_account(&caller.app.db, &caller.principal, UserId(id), action).await;
    Ok(decided?)
}

async fn show(caller: &Caller, id: UserId) -> Result<Answer> {
    let found = users::by_id(&caller.app.db, id).await?;
    let user = found.ok_or_else(|| Error::not_found(Entity::User))?;
    Answer::json(&UserView::from(user))
}

/// Changes what somebody tells of themselves.
#[utoipa::path(put, path = "/users/{user_id}", operation_id = "updateUserProfile", tag = "user",
    params(("user_id" = i64, Path)), request_body = ProfileRequest, responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    path::User(id): path::User,
    body: Json<ProfileRequest>,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, id, Action::Update).await?;
        let mut tx = caller.app.db.begin().await?;
        users::update(&mut tx, &permit, UserId(id), &body.0.profile(), caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Deletes an account.
#[utoipa::path(delete, path = "/users/{user_id}", operation_id = "deleteUser", tag = "user",
    params(("user_id" = i64, Path)), responses((status = 200), Refused))]
pub(crate) async fn delete(caller: Caller, path::User(id): path::User) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, id, Action::Delete).await?;
        let mut tx = caller.app.db.begin().await?;
        users::delete(&mut tx, &permit, UserId(id), caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Makes somebody a system administrator, or no longer one.
#[utoipa::path(put, path = "/users/{user_id}/sysadmin", operation_id = "setUserSysAdmin", tag = "user",
    params(("user_id" = i64, Path)), request_body = SystemAdminRequest, responses((status = 200), Refused))]
pub(crate) async fn set_system_admin(
    caller: Caller,
    path::User(id): path::User,
    body: Json<SystemAdminRequest>,
) -> Result<Answer> {
    run(async move {
        let permit = administer(&caller).await?;
        let system_admin = body.0.sysadmin_flag;
        let mut tx = caller.app.db.begin().await?;
        users::set_system_admin(&mut tx, &permit, UserId(id), system_admin, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// A robot with the right to change users must not raise itself by an administrator's account.
async fn administer(caller: &Caller) -> Result<permit::SystemPermit> {
    if matches!(caller.principal, Principal::Robot(_)) {
        return Err(Error::new(Code::Forbidden, "a robot may not do this to an account"));
    }
    caller.changes(Resource::User, Action::Update).await
}

/// Sets a password: one's own with the old one, anybody's for a system administrator.
#[utoipa::path(put, path = "/users/{user_id}/password", operation_id = "updateUserPassword", tag = "user",
    params(("user_id" = i64, Path)), request_body = PasswordRequest, responses((status = 200), Refused))]
pub(crate) async fn set_password(
    caller: Caller,
    path::User(id): path::User,
    body: Json<PasswordRequest>,
) -> Result<Answer> {
    run(async move {
        let permit = match caller.principal {
            Principal::Robot(_) => administer(&caller).await?,
            _ => authorize(&caller, id, Action::Update).await?,
        };
        let PasswordRequest { old_password, new_password } = body.0;
        if let Principal::User(user) = &caller.principal
            && user.id == id
        {
            prove(&caller, &user.name, &old_password).await?;
            if old_password == new_password {
                return Err(Error::bad_request("the new password must differ from the old one"));
            }
        }
        let hash = hash(&caller, &new_password).await?;
        let mut tx = caller.app.db.begin().await?;
        users::set_password(&mut tx, &permit, UserId(id), &hash, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Whoever found a signed-in browser does not know the password.
async fn prove(caller: &Caller, name: &str, old_password: &str) -> Result<()> {
    match caller.app.authenticator.basic(name, old_password, caller.peer).await {
        Ok(_) => Ok(()),
        Err(identity::Error::BadCredentials) => {
            Err(Error::new(Code::Forbidden, "the old password is wrong"))
        }
        Err(error) => Err(error.into()),
    }
}
