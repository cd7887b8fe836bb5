//! The pages say what is so: options, variables, settings, rights, addresses, names and files are those of the code.
//!
//! Their commands are run by `tests/e2e/docs.sh`, but for blocks that name the test which runs them; here it is checked
//! that there is no third kind.

mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use auth::{Action, Resource, Role, public_permits, role_permits};
use harbor::settings::command_line;
use testkit::TestApp;

use page::{Page, exists, page, pages, quoted, read, root, sources};

/// Languages of blocks that are no commands.
const SHOWN: [&str; 5] = ["text", "json", "ini", "toml", "rust"];

#[test]
fn every_command_is_run_by_a_test() {
    for page in pages() {
        // What `tests/e2e/docs.sh` goes through.
        let is_played = page.name != "CHANGELOG.md";
        for block in page.blocks() {
            match block.info.split_once(' ') {
                None if block.info == "sh" && is_played => {}
                None if SHOWN.contains(&block.info) => {}
                Some(("sh", test)) => {
                    let test = (test, with_libraries(test));
                    block.lines.iter().for_each(|line| is_in(line, &page.name, &test));
                }
                _ => panic!("{}: nobody runs a block of {:?}", page.name, block.info),
            }
        }
    }
}

/// A test with the files of words that it begins with.
fn with_libraries(test: &str) -> String {
    let mut text = read(test);
    let named = text.split("lib/").skip(1).filter_map(|rest| rest.split_once(".sh"));
    let names: BTreeSet<_> = named.map(|(name, _)| format!("tests/e2e/lib/{name}.sh")).collect();
    names.iter().filter(|name| exists(name)).for_each(|name| text.push_str(&read(name)));
    text
}

/// The test runs the program with every option of the line; Compose, which it has a word for, with the very arguments.
#[track_caller]
fn is_in(line: &str, page: &str, (name, text): &(&str, String)) {
    if let Some(arguments) = line.strip_prefix("docker-compose ") {
        let arguments = arguments.split(['<', '>']).next().expect("a line has a command").trim();
        let run = format!("compose {arguments}");
        assert!(text.contains(&run), "{page}: {name} does not run {run:?}");
        return;
    }
    let mut words = line.split_whitespace();
    let program = words.next().expect("a line has a command").trim_start_matches("./");
    for word in words.filter(|word| word.starts_with('-')).chain([program]) {
        assert!(text.contains(word), "{page}: {name} does not run {word:?} of {line:?}");
    }
}

#[test]
fn commands_of_harbor_are_understood() {
    for page in pages() {
        let blocks = page.blocks().into_iter().filter(|block| block.info != "text");
        let shown = blocks.flat_map(|block| block.lines);
        let lines: Vec<&str> = shown.chain(page.words()).collect();
        for line in lines {
            let line = line.trim_start_matches("ExecStart=");
            // Variables may stand before a command, files behind it.
            let words = line.split_whitespace().skip_while(|word| is_variable(word));
            let words: Vec<&str> = words.take_while(|word| !word.starts_with(['<', '>'])).collect();
            let is_program = |word: &&str| {
                *word == "harbor" || *word == "/harbor" || word.ends_with("/bin/harbor")
            };
            // In a container it stands behind Compose's own words.
            let at = match words.first() {
                Some(&"docker-compose") => words.iter().position(|word| *word == "/harbor"),
                first => first.filter(|word| is_program(word)).map(|_| 0),
            };
            if let Some(words) = at.and_then(|at| words.get(at..)).filter(|words| words.len() > 1) {
                is_understood(&page, words);
            }
        }
    }
}

fn is_variable(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.bytes().all(|it| it.is_ascii_uppercase() || it == b'_'))
}

fn is_understood(page: &Page, words: &[&str]) {
    let Err(error) = command_line().try_get_matches_from(words) else { return };
    let kind = format!("{:?}", error.kind());
    // In prose a command may stand without what it requires.
    let incomplete = ["DisplayHelp", "DisplayVersion", "MissingRequiredArgument"];
    assert!(incomplete.contains(&kind.as_str()), "{}: {words:?}: {error}", page.name);
}

/// An option as a page or the program tells of it.
type Options = BTreeMap<String, (Option<String>, Option<String>)>;

#[test]
fn configuration_tells_every_option_with_its_variable_and_default() {
    let page = page("docs/configuration.md");
    let mut command_line = command_line();
    command_line.build();
    assert_eq!(told(&page, "### All commands"), options(&command_line, true), "all commands");
    compare(&page, "harbor", &command_line);
}

/// Each command below `above` has its own heading and table.
fn compare(page: &Page, above: &str, command: &clap::Command) {
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("{above} {}", command.get_name());
        let heading = format!("### `{name}`");
        let options = options(command, false);
        if options.is_empty() {
            assert!(page.text.contains(&heading), "{}: no {heading:?}", page.name);
        } else {
            assert_eq!(told(page, &heading), options, "{heading}");
        }
        compare(page, &name, command);
    }
}

fn options(command: &clap::Command, global: bool) -> Options {
    let ours = command.get_arguments().filter(|option| option.is_global_set() == global);
    let visible = ours.filter(|option| !option.is_hide_set());
    let named = visible.filter_map(|option| Some((option.get_long()?, option)));
    named
        .filter(|(name, _)| !["help", "version"].contains(name))
        .map(|(name, option)| {
            let variable = option.get_env().map(|name| name.to_string_lossy().into_owned());
            let takes_value = option.get_action().takes_values();
            let default = option.get_default_values().first().filter(|_| takes_value);
            let default = default.map(|value| value.to_string_lossy().into_owned());
            (format!("--{name}"), (variable, default))
        })
        .collect()
}

fn told(page: &Page, under: &str) -> Options {
    let word = |cell: &str| quoted(cell).first().map(|word| (*word).to_owned());
    let rows = page.rows(under).into_iter();
    rows.filter_map(|row| match row.as_slice() {
        // A variable without an option is for `variables_are_those_of_the_program_and_all_are_told`.
        [option, variable, default, _meaning] => {
            Some((word(option)?, (word(variable), word(default))))
        }
        _ => None,
    })
    .collect()
}

#[test]
fn variables_are_those_of_the_program_and_all_are_told() {
    let known = &variables(&help()) | &variables(&deployment());
    for page in pages() {
        let unknown: Vec<_> = variables(&page.text).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{}: the program knows no {unknown:?}", page.name);
    }
    let told = variables(&read("docs/configuration.md"));
    assert_eq!(known.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// What `--help` says of all commands.
fn help() -> String {
    let mut command_line = command_line();
    command_line.build();
    let mut text = command_line.render_long_help().to_string();
    for command in command_line.get_subcommands_mut() {
        text.push_str(&command.render_long_help().to_string());
    }
    text
}

/// What names the variables of `.env`.
fn deployment() -> String {
    let files = [
        "docker-compose.yml",
        "deploy/compose/https.yml",
        "crates/harbor/src/prepare/environment.rs",
    ];
    files.map(read).concat()
}

fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|it: char| !(it.is_ascii_uppercase() || it == '_'));
    words.filter(|word| word.starts_with("HARBOR_")).map(str::to_owned).collect()
}

#[test]
fn configuration_tells_every_setting_with_its_default() {
    let settings = serde_json::to_value(domain::settings::Settings::default());
    let settings = settings.expect("settings are JSON");
    let settings = settings.as_object().expect("settings are an object").iter();
    let real: BTreeMap<_, _> =
        settings.map(|(key, value)| (key.clone(), value.to_string())).collect();
    let rows = page("docs/configuration.md").rows("## Settings of the system");
    let word = |cell: &str| quoted(cell).concat();
    let told: BTreeMap<_, _> = rows.iter().map(|row| (word(&row[0]), word(&row[1]))).collect();
    assert_eq!(told, real);
}

#[test]
fn the_table_of_roles_is_that_of_the_code() {
    for row in page("docs/users-and-rights.md").rows("## Roles") {
        let right = quoted(&row[1]).concat();
        let (resource, action) = right.split_once(": ").expect("a right is `resource: action`");
        let resource: Resource = resource.parse().expect("a resource");
        let action: Action = action.parse().expect("an action");
        let roles = Role::ALL.into_iter().map(|role| role_permits(role, resource, action));
        let real: Vec<bool> = roles.chain([public_permits(resource, action)]).collect();
        let told: Vec<bool> = row[2..].iter().map(|cell| cell == "yes").collect();
        assert_eq!(told, real, "{right}");
    }
}

#[test]
fn installation_tells_every_option_of_the_script() {
    let help = Command::new(root().join("install.sh")).arg("--help").output();
    let help = String::from_utf8(help.expect("the script runs").stdout).expect("help is text");
    let words = help.split_whitespace().map(|word| word.trim_matches(['[', ']', ';', ',']));
    let real = words.filter(|word| word.starts_with("--")).map(str::to_owned);
    let real: BTreeSet<String> = real.collect();
    let rows = page("docs/installation.md").rows("## Options of install.sh");
    let told = rows.iter().flat_map(|row| quoted(&row[0])).map(str::to_owned);
    assert_eq!(told.collect::<BTreeSet<_>>(), real);
}

#[test]
fn lines_of_harbor_cfg_have_keys_of_the_example() {
    let example = read("harbor.cfg.example");
    for page in pages() {
        let shown = page.blocks().into_iter().filter(|block| block.info == "ini");
        // Files of other programs have sections.
        let ours = shown.filter(|block| !block.lines.iter().any(|line| line.starts_with('[')));
        for line in ours.flat_map(|block| block.lines) {
            let (key, _) = line.split_once(" = ").expect("a line is `key = value`");
            let known = example.lines().any(|line| {
                line.trim_start_matches('#').split_once(" = ").is_some_and(|(name, _)| name == key)
            });
            assert!(known, "{}: harbor.cfg.example has no {key:?}", page.name);
        }
    }
}

#[test]
fn files_that_pages_name_are_in_the_tree() {
    const FOLDERS: [&str; 8] =
        ["crates/", "xtask/", "tests/", "docs/", "migrations/", "deploy/", "benches/", ".ci/"];
    for page in pages() {
        for word in page.words() {
            if FOLDERS.iter().any(|folder| word.starts_with(folder)) {
                assert!(exists(word), "{}: there is no {word}", page.name);
            }
        }
    }
}

#[test]
fn names_that_pages_say_are_in_the_code() {
    let mut crates = BTreeMap::new();
    for page in pages() {
        for word in page.words() {
            let Some((krate, rest)) = word.split_once("::") else { continue };
            if !exists(&format!("crates/{krate}/src")) || word.contains(' ') {
                continue;
            }
            let folder = root().join(format!("crates/{krate}/src"));
            let texts = crates.entry(krate.to_owned()).or_insert_with(|| sources(&folder));
            let name = rest.rsplit("::").next().expect("a name has an end");
            let known = ["fn", "struct", "enum", "mod", "const", "trait", "type"]
                .iter()
                .any(|kind| texts.iter().any(|text| is_declared(text, kind, name)));
            assert!(known, "{}: there is no {word}", page.name);
        }
    }
}

fn is_declared(text: &str, kind: &str, name: &str) -> bool {
    let declared = format!("{kind} {name}");
    text.match_indices(&declared).any(|(at, found)| {
        let rest = text.get(at + found.len()..).unwrap_or_default();
        !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
    })
}

#[test]
fn every_library_has_its_reason() {
    let manifest = read("Cargo.toml");
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("there are some");
    let section = section.split("\n[").next().expect("it has an end");
    let foreign = section.lines().filter(|line| !line.contains("path = "));
    let used: BTreeSet<_> = foreign
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.to_owned())
        .collect();
    let rows = page("docs/design/006-libraries.md").rows("## Decision");
    let told = rows.iter().flat_map(|row| quoted(&row[1])).map(str::to_owned);
    assert_eq!(told.collect::<BTreeSet<_>>(), used);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_pages_name_are_answered() {
    let app = TestApp::start().await;
    let routes = app.routes.list();
    for page in pages() {
        for word in page.words() {
            let address = word.rsplit(' ').next().expect("a word");
            if address.starts_with("/api/") || address.starts_with("/service/") {
                let address = address.split('?').next().expect("an address");
                let known = routes.iter().any(|(_, pattern)| matches(pattern, address));
                let is_prefix = routes.iter().any(|(_, pattern)| pattern.starts_with(address));
                assert!(known || is_prefix, "{}: nobody answers {word}", page.name);
            }
        }
    }
}

fn matches(pattern: &str, address: &str) -> bool {
    let (pattern, address): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), address.split('/').collect());
    let pairs = || pattern.iter().zip(&address);
    pattern.len() == address.len()
        && pairs().all(|(want, got)| want.starts_with('{') || want == got)
}
