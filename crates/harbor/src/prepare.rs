//! `harbor prepare`: from a harbor.cfg to everything that `docker-compose up` needs.
//!
//! The order makes a bad harbor.cfg harmless: everything is read and checked, then rendered in memory and loaded with
//! the types of the services, then written beside the old files; only what has passed all of that takes their place.
//! Secrets are made once, and kept before a file that uses them is. Running it again changes nothing.

mod config;
mod machine;
mod secrets;
mod certificates;
mod keys;
mod render;
mod check;
mod place;
mod environment;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use time::OffsetDateTime;

use crate::output;
use crate::settings::prepare::Prepare;
use certificates::Certificates;
use config::{Config, Problems, Refusal};
use machine::{Machine, Owner};
use render::{Rendered, Variables};
use secrets::Secrets;

/// Runs the subcommand and tells what it did.
pub(crate) fn run(options: &Prepare, now: OffsetDateTime) -> Result<()> {
    if let Some(root) = &options.host_root {
        enter(root)?;
    }
    prepare(options, now)?.iter().for_each(|line| output::print(line));
    Ok(())
}

/// From here on all paths are those of the host, also where links lead; the working directory stays where it is.
fn enter(root: &Path) -> Result<()> {
    let failed =
        || format!("cannot enter {}: is the host's file system mounted there?", root.display());
    rustix::process::chroot(root).with_context(failed)?;
    let inside = std::env::current_dir().is_ok_and(|folder| folder.is_absolute());
    if !inside {
        bail!("run it in a folder below {}, where the paths begin", root.display());
    }
    Ok(())
}

/// What is to be written once everything is known to be good.
struct Plan {
    config: Config,
    secrets: Secrets,
    certificates: Option<Certificates>,
    rendered: Rendered,
    notices: Vec<String>,
}

/// Prepares; returns the lines for the operator.
fn prepare(options: &Prepare, now: OffsetDateTime) -> Result<Vec<String>> {
    absent(options.with_notary, "--with-notary", "Notary, which signs images,")?;
    absent(options.with_clair, "--with-clair", "Clair, which scans images,")?;
    let machine = Machine::new(options.user_owned)?;
    let _alone = machine::lock(&options.conf)?;
    let plan = plan(options, now)?;
    let staged = place::Staged::write(machine, &options.output, &plan.rendered)?;
    check::front(&plan.rendered, &staged.folder(), machine)?;
    directories(machine, &plan.config)?;
    plan.secrets.save(machine)?;
    if let Some(certificates) = &plan.certificates {
        certificates.save(machine)?;
    }
    staged.place()?;
    write_environment(machine, options, &plan)?;
    Ok(tell(options, plan))
}

fn absent(asked: bool, option: &str, what: &str) -> Result<()> {
    if asked {
        bail!("{option}: {what} is not part of this version: run it without {option}");
    }
    Ok(())
}

fn plan(options: &Prepare, now: OffsetDateTime) -> Result<Plan> {
    let conf = &options.conf;
    let bytes = machine::bytes(conf)?.with_context(|| {
        format!(
            "there is no {}: copy harbor.cfg.example to it and set hostname, or name another with --conf",
            conf.display()
        )
    })?;
    let mut problems = Problems::of(conf.display().to_string());
    // Comments may be in any encoding; values are checked.
    let (config, notices) = config::parse(&String::from_utf8_lossy(&bytes), &mut problems);
    if !problems.is_empty() {
        look_further(&config, now, &mut problems);
        return Err(problems.into());
    }
    let secrets = secrets::find(&config, &mut problems)?;
    let certificates = certificates::find(&config, now, &mut problems)?;
    refuse_old_data(&config, &mut problems);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let offers_authority = certificates::offers_authority(&config, certificates.as_ref())?;
    let variables = Variables::new(&config, &secrets, offers_authority);
    let rendered = render::render(&options.templates, &config, &variables, certificates.as_ref())?;
    check::check(&rendered, &options.templates)?;
    Ok(Plan { config, secrets, certificates, rendered, notices })
}

/// Adds what is wrong beside the file, as far as it says where to look; for a run that fails anyway.
fn look_further(config: &Config, now: OffsetDateTime, problems: &mut Problems) {
    if problems.spare(&["data_volume", "secretkey_path"]) {
        drop(secrets::find(config, problems));
    }
    let of_certificate = ["hostname", "ui_url_protocol", "data_volume", "ssl_cert", "ssl_cert_key"];
    if problems.spare(&of_certificate) {
        drop(certificates::find(config, now, problems));
    }
    if problems.spare(&["data_volume", "db_host"]) {
        refuse_old_data(config, problems);
    }
}

/// What Harbor 1.x has in its directory of the database, and of which server it is.
const OF_HARBOR_1: [(&str, &str); 2] = [("ibdata1", "MySQL"), ("PG_VERSION", "PostgreSQL")];

/// The database of Harbor 1.x is another one: beside it the platform would start empty, and nobody would know why.
fn refuse_old_data(config: &Config, problems: &mut Problems) {
    let database = config.data.join("database");
    let is_bundled = matches!(config.database, config::Database::Bundled { .. });
    let found = OF_HARBOR_1.iter().find(|(file, _)| database.join(file).exists());
    let Some((_, server)) = found.filter(|_| is_bundled) else { return };
    let shown = database.display();
    let what = format!(
        "{shown} is the {server} of Harbor 1.x, whose users and images this version does not take over"
    );
    let remedy =
        format!("choose another data_volume; or move it away: mv {shown} {shown}.harbor-1");
    problems.key("data_volume", &config.data.display().to_string(), Refusal::new(what, remedy));
}

/// What the containers have mounted.
fn directories(machine: Machine, config: &Config) -> Result<()> {
    let data = &config.data;
    machine.ensure(data, 0o755, Owner::ROOT)?;
    machine.own(&data.join("registry"), 0o750, Owner::SERVICES)?;
    machine.own(&data.join("keys"), 0o700, Owner::SERVICES)?;
    let accepted = data.join("keys/accepted");
    machine.ensure(&accepted, 0o700, Owner::SERVICES)?;
    machine.settle(&accepted, 0o700, Owner::SERVICES)?;
    keys::ensure(machine, &data.join("keys"))?;
    machine.own(&data.join("ca_download"), 0o755, Owner::SERVICES)?;
    machine.own(&data.join("database"), 0o700, Owner::DATABASE)?;
    machine.own(&secrets::directory(config), 0o700, Owner::ROOT)?;
    machine.ensure(&data.join("cert"), 0o755, Owner::ROOT)?;
    if let Some(parent) = config.secretkey.parent() {
        machine.ensure(parent, 0o755, Owner::ROOT)?;
    }
    machine.own_logs(&config.logs.directory)
}

fn write_environment(machine: Machine, options: &Prepare, plan: &Plan) -> Result<()> {
    let present = machine::read(&options.env_file)?.unwrap_or_default();
    let folder = options.env_file.parent().map(Path::to_path_buf).unwrap_or_default();
    let text = environment::text(&plan.config, &plan.rendered, &folder, &present);
    // There is no secret in it, and whoever may use Docker has to read it.
    machine.rewrite(&options.env_file, &text, 0o644)
}

/// The lines of Harbor's own `prepare`, which scripts look for, and ours between them.
fn tell(options: &Prepare, plan: Plan) -> Vec<String> {
    let mut lines = plan.notices;
    lines.extend(plan.secrets.told);
    lines.extend(plan.certificates.into_iter().flat_map(|certificates| certificates.told));
    for path in plan.rendered.keys() {
        lines.push(format!(
            "Generated configuration file: {}",
            shown(&options.output, path).display()
        ));
    }
    lines.push(
        "The configuration files are ready, please use docker-compose to start the service."
            .to_owned(),
    );
    lines
}

fn shown(output: &Path, path: &str) -> PathBuf {
    let relative = output.is_relative() && !output.starts_with(".");
    if relative { Path::new(".").join(output).join(path) } else { output.join(path) }
}

#[cfg(test)]
mod tests;
