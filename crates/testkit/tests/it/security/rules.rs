//! Where each rule is tested that the faults of other registries taught, and each of those faults: a table whose names
//! are looked up in the sources, so that a test which is renamed or removed is missed here.

use std::collections::BTreeMap;
use std::path::Path;

/// A rule or a fault, and its tests: a file below the root, and a function or scenario in it.
type Row = (&'static str, &'static [(&'static str, &'static str)]);

const SECURITY: &str = "crates/testkit/tests/it/security.rs";
const BROWSERS: &str = "crates/testkit/tests/it/security/browsers.rs";
const FORGERY: &str = "crates/testkit/tests/it/security/forgery.rs";
const INPUTS: &str = "crates/testkit/tests/it/security/inputs.rs";
const ACCOUNTS: &str = "crates/testkit/tests/it/accounts.rs";
const BLOBS: &str = "crates/testkit/tests/it/blobs.rs";
const LIMITS: &str = "crates/testkit/tests/it/limits.rs";
const LISTS: &str = "crates/testkit/tests/it/lists.rs";
const MANIFESTS: &str = "crates/testkit/tests/it/manifests.rs";
const MOUNTS: &str = "crates/testkit/tests/it/mounts.rs";
const RIGHTS: &str = "crates/testkit/tests/it/rights.rs";
const ROBOTS: &str = "crates/testkit/tests/it/robots.rs";
const TOKENS: &str = "crates/testkit/tests/it/tokens.rs";
const CACHE: &str = "crates/cache/src/tests/proofs.rs";
const PROOFS: &str = "crates/cache/src/upstream/tokens/tests.rs";
const CLIENT: &str = "crates/web/src/client/tests.rs";
const JSON: &str = "crates/oci/src/json/tests.rs";
const ALONE: &str = "tests/e2e/distribution.sh";

const RULES: [Row; 13] = [
    (
        "1: a blob is reached by repository and digest, never by digest alone",
        &[
            (SECURITY, "who_knows_a_digest_reaches_nothing_by_it"),
            (SECURITY, "a_mount_reads_its_source_with_the_token_s_own_scopes"),
            (MOUNTS, "who_may_not_read_the_source_uploads"),
            (BLOBS, "a_blob_is_deleted_in_its_repository_alone"),
            (RIGHTS, "what_became_private_or_moved_a_moment_ago_is_not_served_from_memory"),
        ],
    ),
    (
        "2: an upload belongs to who opened it, in its repository",
        &[(SECURITY, "an_upload_is_its_opener_s_and_its_repository_s_alone")],
    ),
    (
        "3: a token is believed by one family of algorithms, an exact key, and all of its claims",
        &[
            (FORGERY, "a_token_that_brings_its_own_key_is_refused"),
            (FORGERY, "no_other_algorithm_is_accepted"),
            (FORGERY, "a_token_for_others_or_of_others_is_refused"),
            (FORGERY, "a_registry_token_is_none_of_the_api_s"),
            ("crates/auth/src/token/tests.rs", "every_claim_is_required"),
            (TOKENS, "a_token_does_not_outlive_the_project_it_was_made_for"),
            (TOKENS, "a_token_does_not_outlive_the_repository_it_was_made_for"),
            (TOKENS, "another_installation_s_token_opens_nothing"),
        ],
    ),
    (
        "4: a manifest is short, unambiguous, whole, and kept as it came",
        &[
            (MANIFESTS, "a_manifest_may_have_four_mebibytes_and_no_more"),
            (MANIFESTS, "two_readers_cannot_take_a_manifest_for_different_things"),
            (MANIFESTS, "what_a_manifest_names_must_be_there"),
            (MANIFESTS, "docker_images_and_lists_come_back_as_they_were"),
            (JSON, "a_duplicate_key_is_refused_at_any_depth"),
            (JSON, "deep_nesting_is_refused"),
        ],
    ),
    (
        "5: what was pushed is served as bytes that no browser runs",
        &[(SECURITY, "what_was_pushed_never_runs_in_a_browser")],
    ),
    (
        "6: no client chooses how much a list, or anything else, takes",
        &[
            (LISTS, "no_client_chooses_how_much_memory_a_list_takes"),
            (INPUTS, "no_client_chooses_how_long_a_page_of_the_api_is"),
            (LIMITS, "what_is_longer_than_any_request_of_a_client_is_refused_unread"),
            (LIMITS, "who_asks_too_often_is_told_when_to_come_back_and_nobody_else_is"),
            (LIMITS, "who_has_many_uploads_open_finishes_one_first"),
            (LIMITS, "who_sends_many_uploads_at_once_waits_for_one_to_end"),
            (LIMITS, "who_drips_is_cut_off_and_who_is_slow_and_steady_is_not"),
        ],
    ),
    (
        "7: what goes out goes through one door that checks every address, and no URL of a client's is fetched",
        &[
            (CLIENT, "an_address_in_the_url_is_checked"),
            (CLIENT, "a_name_is_checked_by_what_it_resolves_to"),
            (CLIENT, "a_redirect_goes_through_the_same_door"),
            (CLIENT, "an_answer_is_read_up_to_a_limit"),
            (INPUTS, "no_url_in_a_manifest_is_ever_fetched"),
            (CACHE, "a_token_service_of_a_stranger_is_not_even_asked_if_there_is_a_password"),
        ],
    ),
    ("8: nothing that was sent is inflated", &[(INPUTS, "nothing_that_is_sent_is_inflated")]),
    (
        "9: a right is asked for where it is used, on every path to it",
        &[
            (SECURITY, "who_may_not_delete_finds_no_way_around"),
            (ALONE, "nothing is deleted unless the file says so"),
            (RIGHTS, "a_read_only_platform_serves_and_takes_nothing"),
        ],
    ),
    (
        "10: what is taken from somebody is gone at once",
        &[
            (ACCOUNTS, "a_new_password_ends_the_old_one_and_every_session"),
            (ACCOUNTS, "who_is_deleted_is_gone_at_once"),
            (ACCOUNTS, "an_administrator_that_is_one_no_more_is_none_at_once"),
            (RIGHTS, "a_right_that_is_taken_is_gone_with_the_next_token"),
            (ROBOTS, "a_robot_that_is_disabled_or_changed_or_gone_is_so_at_once"),
        ],
    ),
    (
        "11: no name leads out of its place",
        &[
            (SECURITY, "no_name_leads_out_of_its_place"),
            (SECURITY, "no_text_of_a_client_becomes_sql"),
        ],
    ),
    (
        "12: no secret has a default, is shown, or is told by time",
        &[
            (INPUTS, "two_installations_have_no_key_in_common"),
            (SECURITY, "no_answer_tells_a_secret"),
            (TOKENS, "a_wrong_password_is_refused_everywhere_alike"),
            ("crates/auth/src/secret/tests.rs", "a_secret_matches_its_digest_only"),
        ],
    ),
    (
        "beside them: browsers, and guesses",
        &[
            (BROWSERS, "a_form_of_another_site_changes_nothing"),
            (BROWSERS, "a_cookie_alone_changes_nothing_through_the_api"),
            (BROWSERS, "nobody_tells_clients_to_get_their_tokens_elsewhere"),
            (ACCOUNTS, "guesses_pile_up_to_a_pause_that_ends"),
        ],
    ),
];

/// Those that a registry like this one could have. What it does not do is not here: it has no way to rotate its keys by
/// HTTP (CVE-2026-123710).
const FAULTS: [Row; 23] = [
    (
        "CVE-2017-11468, distribution",
        &[(MANIFESTS, "a_manifest_may_have_four_mebibytes_and_no_more")],
    ),
    (
        "CVE-2021-41190, distribution",
        &[(MANIFESTS, "two_readers_cannot_take_a_manifest_for_different_things")],
    ),
    ("CVE-2023-2253, distribution", &[(LISTS, "no_client_chooses_how_much_memory_a_list_takes")]),
    ("CVE-2025-24976, distribution", &[(FORGERY, "a_token_that_brings_its_own_key_is_refused")]),
    (
        "CVE-2026-33540, distribution",
        &[
            (CACHE, "a_token_service_of_a_stranger_is_not_even_asked_if_there_is_a_password"),
            (PROOFS, "a_strangers_host_is_not_however_it_is_dressed"),
            (PROOFS, "no_password_goes_over_plain_http_if_the_registry_speaks_https"),
        ],
    ),
    (
        "CVE-2026-35172, distribution",
        &[
            (SECURITY, "who_knows_a_digest_reaches_nothing_by_it"),
            (BLOBS, "a_blob_is_deleted_in_its_repository_alone"),
        ],
    ),
    ("CVE-2026-41888, distribution", &[(ALONE, "nothing is deleted unless the file says so")]),
    ("CVE-2024-39897, zot", &[(SECURITY, "a_mount_reads_its_source_with_the_token_s_own_scopes")]),
    ("CVE-2025-23208, zot", &[(RIGHTS, "a_right_that_is_taken_is_gone_with_the_next_token")]),
    ("CVE-2019-16097, Harbor", &[(SECURITY, "nobody_makes_themselves_an_administrator")]),
    ("CVE-2022-31666 to 31671, Harbor", &[(RIGHTS, "every_role_does_what_the_matrix_says")]),
    ("GHSA-j7jh-fmcm-xxwv, Harbor", &[(INPUTS, "two_installations_have_no_key_in_common")]),
    (
        "CVE-2023-20902, Harbor",
        &[("crates/auth/src/secret/tests.rs", "a_secret_matches_its_digest_only")],
    ),
    ("GO-2024-2915, Harbor", &[(BROWSERS, "signing_in_leads_to_no_other_site")]),
    ("GO-2024-2916, Harbor", &[(SECURITY, "no_text_of_a_client_becomes_sql")]),
    (
        "tokens after a name was given to another project, Harbor",
        &[(TOKENS, "a_token_does_not_outlive_the_project_it_was_made_for")],
    ),
    ("CVE-2026-32589, Quay", &[(SECURITY, "an_upload_is_its_opener_s_and_its_repository_s_alone")]),
    ("CVE-2026-18255, Quay", &[(SECURITY, "no_answer_tells_a_secret")]),
    (
        "CVE-2026-27771, Gitea",
        &[(FORGERY, "a_stranger_s_token_opens_what_is_public_and_nothing_else")],
    ),
    (
        "CVE-2026-117685, Gitea",
        &[(SECURITY, "a_mount_reads_its_source_with_the_token_s_own_scopes")],
    ),
    ("CVE-2026-103667, Gitea", &[(SECURITY, "what_was_pushed_never_runs_in_a_browser")]),
    ("CVE-2026-82329, JFrog", &[(FORGERY, "no_other_algorithm_is_accepted")]),
    ("CVE-2020-15157, containerd", &[(INPUTS, "no_url_in_a_manifest_is_ever_fetched")]),
];

#[test]
fn every_rule_and_every_fault_has_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = BTreeMap::new();
    let mut absent = Vec::new();
    for (row, tests) in RULES.iter().chain(&FAULTS) {
        for (file, name) in *tests {
            let text = texts.entry(*file).or_insert_with(|| {
                let read = std::fs::read_to_string(root.join(file));
                read.unwrap_or_else(|error| panic!("{file}: {error}"))
            });
            if !is_tested(text, file, name) {
                absent.push(format!("{row}: {file} has no test {name}"));
            }
        }
    }
    assert_eq!(absent, Vec::<String>::new());
}

/// A function whose attribute says that it is a test, or a scenario of a script.
fn is_tested(text: &str, file: &str, name: &str) -> bool {
    if file.ends_with(".sh") {
        return text.contains(&format!("scenario \"{name}\""));
    }
    let Some((before, _)) = text.split_once(&format!("fn {name}(")) else { return false };
    let attribute = before.rsplit("\n\n").next().unwrap_or_default();
    attribute.contains("#[test]") || attribute.contains("::test")
}
