//! The keys that a harbor.cfg may have.

/// The keys that mean something; `harbor.cfg.example` explains each.
pub(super) const EFFECTIVE: &[&str] = &[
    "hostname",
    "ui_url_protocol",
    "http_port",
    "https_port",
    "ssl_cert",
    "ssl_cert_key",
    "external_url",
    "trusted_proxies",
    "data_volume",
    "secretkey_path",
    "registry_storage_provider_name",
    "registry_storage_provider_config",
    "storage_redirect",
    "harbor_admin_password",
    "auth_mode",
    "self_registration",
    "token_expiration",
    "project_creation_restriction",
    "customize_crt",
    "db_host",
    "db_port",
    "db_user",
    "db_password",
    "db_name",
    "db_sslmode",
    "registry_replicas",
    "max_job_workers",
    "metrics",
    "limits",
    "log_level",
    "log_location",
    "log_rotate_count",
    "log_rotate_size",
    "log_forward",
];

/// Keys of Harbor 1.x for what this version does not have, or needs no setting for: accepted, named once, ignored.
pub(super) const WITHOUT_EFFECT: &[&str] = &[
    "_version",
    "admiral_url",
    "cfg_expiration",
    "chart_absolute_url",
    "clair_db",
    "clair_db_host",
    "clair_db_password",
    "clair_db_port",
    "clair_db_username",
    "clair_updaters_interval",
    "crt_commonname",
    "crt_country",
    "crt_email",
    "crt_location",
    "crt_organization",
    "crt_organizationalunit",
    "crt_state",
    "email_from",
    "email_identity",
    "email_insecure",
    "email_password",
    "email_server",
    "email_server_port",
    "email_ssl",
    "email_username",
    "http_proxy",
    "https_proxy",
    "ldap_basedn",
    "ldap_filter",
    "ldap_group_admin_dn",
    "ldap_group_basedn",
    "ldap_group_filter",
    "ldap_group_gid",
    "ldap_group_scope",
    "ldap_scope",
    "ldap_search_pwd",
    "ldap_searchdn",
    "ldap_timeout",
    "ldap_uid",
    "ldap_url",
    "ldap_verify_cert",
    "no_proxy",
    "redis_db_index",
    "redis_host",
    "redis_password",
    "redis_port",
    "redis_url",
    "registry_custom_ca_bundle",
    "reload_config",
    "skip_reload_env_pattern",
    "uaa_ca_cert",
    "uaa_ca_root",
    "uaa_clientid",
    "uaa_clientsecret",
    "uaa_endpoint",
    "uaa_verify_cert",
    "use_compressed_js",
    "verify_remote_cert",
];

/// Other spellings of an effective key.
const ALIASES: &[(&str, &str)] = &[
    ("storage_driver", "registry_storage_provider_name"),
    ("storage_driver_config", "registry_storage_provider_config"),
];

/// What is taken for a mistyped key.
const ALIKE: f64 = 0.88;

/// The key that `written` stands for; its nearest neighbour if there is none.
pub(super) fn known(written: &str) -> Result<&'static str, Option<&'static str>> {
    if let Some((_, key)) = ALIASES.iter().find(|(alias, _)| *alias == written) {
        return Ok(key);
    }
    let all = || EFFECTIVE.iter().chain(WITHOUT_EFFECT).copied();
    let exact = all().find(|key| *key == written);
    exact.ok_or_else(|| {
        let scored = all().map(|key| (strsim::jaro_winkler(key, written), key));
        let near = scored.filter(|(score, _)| *score >= ALIKE);
        near.max_by(|(left, _), (right, _)| left.total_cmp(right)).map(|(_, key)| key)
    })
}

/// Whether no message may show the value.
pub(super) fn is_secret(key: &str) -> bool {
    let words = ["password", "secret", "_pwd", "storage_provider_config"];
    words.iter().any(|word| key.contains(word)) && key != "secretkey_path"
}

#[cfg(test)]
mod tests;
