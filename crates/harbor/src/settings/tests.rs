//! What the command line takes, and what it does not.

use clap::{CommandFactory, Parser};

use super::{Cli, Command};

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn a_password_is_no_argument() {
    let arguments = ["harbor", "serve", "--data", "d", "--admin-password-from-environment", "x"];
    assert!(Cli::try_parse_from(arguments).is_err());
    let help = Cli::command().find_subcommand_mut("serve").unwrap().render_long_help().to_string();
    assert!(help.contains("HARBOR_ADMIN_PASSWORD"), "{help}");
}

#[test]
fn a_certificate_needs_its_key() {
    assert!(Cli::try_parse_from(["harbor", "serve", "--data", "d", "--cert", "c.pem"]).is_err());
}

#[test]
fn a_collection_keeps_what_clients_were_promised_unless_told_otherwise() {
    let cli = Cli::try_parse_from(["harbor", "gc", "--data", "d"]).unwrap();
    let Command::Gc(gc) = cli.command else { panic!("another command") };
    let window = std::time::Duration::from_secs(u64::from(gc.time_window) * 60 * 60);
    assert!(window >= domain::blobs::LEASE);
}
