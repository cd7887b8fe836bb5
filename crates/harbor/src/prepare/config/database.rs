//! Which PostgreSQL: the bundled one, or one that the operator runs.

use super::form::Form;
use super::problems::Refusal;
use super::{host, values};
use crate::settings::Secret;

/// What `db_host` is in harbor.cfg files of Harbor 1.x that use the bundled database, and here.
const BUNDLED: [&str; 4] = ["db", "harbor-db", "mysql", "postgresql"];
/// The database and its owner, bundled or, unless harbor.cfg says otherwise, not; Harbor 1.x's names.
const NAME: &str = "registry";
const USER: &str = "postgres";
const MYSQL_PORT: u16 = 3306;
const PORT: u16 = 5432;
/// What Harbor 1.x ships; everybody knows it.
const WELL_KNOWN: &str = "root123";

#[derive(Clone, Debug)]
pub(in crate::prepare) enum Database {
    /// The container `harbor-db`. Without a password one is made.
    Bundled {
        password: Option<Secret>,
    },
    External(External),
}

/// A server that the operator runs.
#[derive(Clone, Debug)]
pub(in crate::prepare) struct External {
    pub(in crate::prepare) host: String,
    pub(in crate::prepare) port: u16,
    pub(in crate::prepare) user: String,
    pub(in crate::prepare) password: Secret,
    pub(in crate::prepare) name: String,
    pub(in crate::prepare) sslmode: &'static str,
}

impl Database {
    /// Where the bundled server is, and what is in it.
    pub(in crate::prepare) const BUNDLED_HOST: &str = "/run/postgresql";
    pub(in crate::prepare) const BUNDLED_NAME: &str = NAME;
    pub(in crate::prepare) const BUNDLED_USER: &str = USER;
    pub(in crate::prepare) const BUNDLED_PORT: u16 = PORT;

    pub(super) fn read(form: &mut Form<'_>, notices: &mut Vec<String>) -> Self {
        let host = form.read("db_host", |text| {
            if BUNDLED.contains(&text) { Ok(None) } else { host::parse(text).map(Some) }
        });
        let password = form.read("db_password", |text| Ok(Secret(text.to_owned())));
        if password.as_ref().is_some_and(|password| password.0 == WELL_KNOWN) {
            notices.push(format!(
                "Warning: db_password is {WELL_KNOWN}, which everybody knows; leave it out and one is made"
            ));
        }
        match host.flatten() {
            None => Self::bundled(form, password, notices),
            Some(host) => Self::external(form, host.bare(), password),
        }
    }

    fn bundled(form: &Form<'_>, password: Option<Secret>, notices: &mut Vec<String>) -> Self {
        let others = ["db_port", "db_user", "db_name", "db_sslmode"];
        let set: Vec<&str> = others.into_iter().filter(|key| form.is_set(key)).collect();
        if !set.is_empty() {
            notices.push(format!(
                "Note: has an effect only where db_host names a PostgreSQL server of your own: {}",
                set.join(", ")
            ));
        }
        Self::Bundled { password }
    }

    fn external(form: &mut Form<'_>, host: String, password: Option<Secret>) -> Self {
        let port = form.read("db_port", values::port).unwrap_or(PORT);
        if port == MYSQL_PORT {
            let what = "this is the port of MySQL, and the platform works on PostgreSQL";
            form.refuse(
                "db_port",
                Refusal::new(what, "name a PostgreSQL server, or remove db_host"),
            );
        }
        if !form.is_set("db_password") {
            let what = "it is needed for the database that db_host names";
            form.refuse("db_password", Refusal::new(what, "write `db_password = …`"));
        }
        let modes = ["disable", "prefer", "require", "verify-ca", "verify-full"];
        let sslmode = form.read("db_sslmode", |text| values::choice(text, &modes));
        let mut name = |key, default: &str| {
            form.read(key, values::identifier).unwrap_or_else(|| default.to_owned())
        };
        Self::External(External {
            host,
            port,
            user: name("db_user", USER),
            name: name("db_name", NAME),
            password: password.unwrap_or(Secret(String::new())),
            sslmode: sslmode.unwrap_or("prefer"),
        })
    }
}
