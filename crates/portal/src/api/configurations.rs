//! `/configurations`: what an administrator changes while the platform runs.

use std::collections::BTreeMap;

use ::web::{Json, run};
use auth::{Action, Resource};
use domain::settings::{self, Settings};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::Result;
use super::refused::Refused;

/// A value and whether it can be changed here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConfigItem {
    #[schema(value_type = Object)]
    value: Value,
    editable: bool,
}

/// Every key with its value.
#[utoipa::path(get, path = "/configurations", operation_id = "getConfigurations", tag = "configure",
    responses((status = 200, body = BTreeMap<String, ConfigItem>), Refused))]
pub(crate) async fn get(caller: Caller) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::Configuration, Action::Read)?;
        let settings = settings::load(&caller.app.db).await?;
        let items: BTreeMap<String, ConfigItem> = object(&settings)?
            .into_iter()
            .map(|(key, value)| {
                // There is one way to sign in so far.
                let editable = key != "auth_mode";
                (key, ConfigItem { value, editable })
            })
            .collect();
        Answer::json(&items)
    })
    .await
}

/// Changes some keys, all or none. Keys that are not known are passed over, as clients send all that Harbor has.
#[utoipa::path(put, path = "/configurations", operation_id = "updateConfigurations", tag = "configure",
    request_body = BTreeMap<String, Object>, responses((status = 200), Refused))]
pub(crate) async fn update(caller: Caller, body: Json<Map<String, Value>>) -> Result<Answer> {
    run(async move {
        let permit = permit(&caller)?;
        let known = object(&Settings::default())?;
        let wanted = body.0.into_iter();
        let changes: BTreeMap<String, Value> =
            wanted.filter(|(key, value)| known.contains_key(key) && !value.is_null()).collect();
        settings::update(&caller.app.db, &permit, &changes, caller.now()).await?;
        Ok(Answer::done())
    })
    .await
}

/// Not refused in read-only mode: it is ended here.
fn permit(caller: &Caller) -> Result<domain::permit::SystemPermit> {
    caller.reads(Resource::Configuration, Action::Update)
}

fn object(settings: &Settings) -> Result<Map<String, Value>> {
    match serde_json::to_value(settings)? {
        Value::Object(keys) => Ok(keys),
        _ => Ok(Map::new()),
    }
}
