//! The documents and the packaging against the program: what they name is what there is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use postwarden::config::Config;
use postwarden::lint;
use postwarden::postfix::{Account, Configuration, MAPS, Tables};

const README: &str = include_str!("../../README.md");
const GRANTS: &str = include_str!("../../docs/grants.sql");

#[test]
fn the_readme_has_the_grants_of_their_own_file() {
    let (_, rest) = README
        .split_once("<!-- grants -->\n```sql\n")
        .expect("the beginning");
    let (block, _) = rest.split_once("```\n<!-- /grants -->").expect("the end");
    assert_eq!(block, GRANTS);
}

#[test]
fn the_readme_has_the_commands_that_put_the_files_to_use() {
    let tables: Tables = TABLES
        .iter()
        .map(|(table, columns)| (*table, columns.split(' ').map(str::to_owned).collect()))
        .collect();
    let account = Account::from_url("mysql://postfix@127.0.0.1/maildb").expect("an account");
    let configuration = Configuration::new(account, tables);
    assert_eq!(configuration.maps().count(), MAPS.len());
    let mut commands = String::from(
        "cp -p --backup=numbered /etc/postfix/main.cf /etc/postfix/main.cf.before-postwarden\n\
         install --backup=numbered -o root -g postfix -m 640 postfix-tables/mysql_*.cf /etc/postfix/\n",
    );
    for setting in configuration.settings() {
        commands += &(setting.command() + "\n");
    }
    commands += "postfix reload\n";
    let (_, rest) = README
        .split_once("<!-- postconf -->\n```sh\n")
        .expect("the beginning");
    let (block, _) = rest.split_once("```\n<!-- /postconf -->").expect("the end");
    assert_eq!(block, commands);
}

/// What the lookup tables ask for.
const TABLES: &[(&str, &str)] = &[
    ("domains", "domain transport enabled"),
    ("aliases", "mail destination enabled"),
    ("users", "id maildir enabled"),
    ("backups", "domain transport enabled"),
    ("relays", "recipient status enabled"),
    ("relocated", "oldadr newadr enabled"),
    (
        "access_rules",
        "kind pattern action message cidr_lo cidr_hi enabled",
    ),
];

#[test]
fn the_readme_has_every_setting_with_its_default() {
    let defaults = Config::default().masked();
    let rows: Vec<&str> = README.lines().filter(|line| line.starts_with("| `")).collect();
    for line in defaults.lines() {
        let (key, default) = line.split_once(" = ").expect("a setting");
        let variable = format!("POSTWARDEN_{}", key.to_uppercase().replace('.', "__"));
        let row = rows
            .iter()
            .find(|row| row.starts_with(&format!("| `{key}` |")))
            .unwrap_or_else(|| panic!("README does not list {key}"));
        assert!(row.contains(&format!("`{variable}`")), "{row}");
        let default = default.trim_matches('"');
        assert!(
            matches!(default, "" | "[]") || row.contains(&format!("| `{default}` |")),
            "the default is {default}: {row}"
        );
    }
}

#[test]
fn the_rules_of_the_linter_are_written_down_as_they_are() {
    let written = fs::read_to_string(rules()).expect("docs/rules.md");
    assert!(written == lint::document(), "{REWRITE}");
}

const REWRITE: &str = "run cargo test --test documents write_the_rules -- --ignored";

#[test]
#[ignore = "writes docs/rules.md"]
fn write_the_rules() {
    fs::write(rules(), lint::document()).expect("docs/rules.md");
}

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md")
}

#[test]
fn the_readme_has_every_command() {
    for command in commands(&[]) {
        if command == "account" {
            for verb in commands(&["account"]) {
                let known = README.contains(&format!("`postwarden account {verb}"))
                    || README.contains(&format!("`{verb} NAME"));
                assert!(known, "README does not list account {verb}");
            }
        } else {
            assert!(
                README.contains(&format!("| `postwarden {command}")),
                "README does not list {command}"
            );
        }
    }
}

/// The files that run the program for people, by name.
const PACKAGING: &[(&str, &str)] = &[
    ("Dockerfile", include_str!("../../Dockerfile")),
    ("compose.yaml", include_str!("../../compose.yaml")),
    (
        "postwarden.service",
        include_str!("../../packaging/systemd/postwarden.service"),
    ),
    (
        "postwarden-backup.service",
        include_str!("../../packaging/systemd/postwarden-backup.service"),
    ),
    (
        "postwarden.conf",
        include_str!("../../packaging/apache/postwarden.conf"),
    ),
    (
        "postwarden-path.conf",
        include_str!("../../packaging/apache/postwarden-path.conf"),
    ),
];

#[test]
fn the_packaging_names_only_settings_there_are() {
    let keys: Vec<String> = Config::default()
        .masked()
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(key, _)| key.to_owned()))
        .collect();
    let is_variable = |c: char| c.is_ascii_uppercase() || c == '_';
    let mut checked = 0;
    for (file, text) in PACKAGING {
        for word in text.split(|c| !is_variable(c)) {
            let word = word.strip_suffix("_FILE").unwrap_or(word);
            let Some(name) = word.strip_prefix("POSTWARDEN_") else {
                continue;
            };
            checked += 1;
            let key = name.to_lowercase().replace("__", ".");
            assert!(keys.contains(&key), "{file}: {word}");
        }
        // In the Apache files a comment says what the settings must be.
        for line in text.lines().filter_map(|line| line.strip_prefix("#     ")) {
            if let Some((key, _)) = line.split_once(" = ") {
                checked += 1;
                assert!(keys.contains(&key.to_owned()), "{file}: {key}");
            }
        }
    }
    assert!(checked > 8, "only {checked} names found");
}

#[test]
fn the_packaging_runs_only_commands_there_are() {
    let known = commands(&[]);
    let file = |name: &str| PACKAGING.iter().find(|(file, _)| *file == name).expect(name).1;
    let run =
        file("Dockerfile")
            .lines()
            .filter_map(|line| line.strip_prefix("CMD [\""))
            .chain(
                file("compose.yaml")
                    .lines()
                    .filter_map(|line| line.trim().strip_prefix("command: [\""))
                    .filter(|arguments| !arguments.starts_with('-')),
            )
            .chain(
                file("postwarden.service")
                    .lines()
                    .filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/postwarden ")),
            )
            .chain(file("postwarden-backup.service").lines().filter_map(|line| {
                line.strip_prefix("ExecStart=/bin/sh -c 'exec /usr/local/bin/postwarden ")
            }));
    let run: Vec<&str> = run
        .map(|arguments| {
            arguments
                .split(|c: char| !c.is_ascii_lowercase())
                .next()
                .unwrap_or("")
        })
        .collect();
    assert_eq!(run, ["serve", "migrate", "serve", "backup"]);
    assert!(
        run.iter()
            .all(|command| known.iter().any(|known| known == command)),
        "{known:?}"
    );
}

#[test]
fn the_image_is_built_with_the_rust_version_the_crate_asks_for() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    let dockerfile = include_str!("../../Dockerfile");
    assert!(
        dockerfile.contains(&format!("FROM rust:{version}-")),
        "not rust:{version}"
    );
}

#[test]
fn the_packaging_reaches_the_panel_where_it_listens() {
    let port = Config::default().listen.port();
    for (file, part) in [
        ("Dockerfile", format!("EXPOSE {port}")),
        ("Dockerfile", format!("POSTWARDEN_LISTEN=0.0.0.0:{port}")),
        ("compose.yaml", format!("127.0.0.1:{port}:{port}")),
        ("postwarden.conf", format!("http://127.0.0.1:{port}/ ")),
        (
            "postwarden-path.conf",
            format!("http://127.0.0.1:{port}/postwarden "),
        ),
    ] {
        let (_, text) = PACKAGING.iter().find(|(name, _)| *name == file).expect(file);
        assert!(text.contains(&part), "{file}: {part}");
    }
}

/// The subcommands that `--help` lists.
fn commands(above: &[&str]) -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_postwarden"))
        .args(above)
        .arg("--help")
        .output()
        .expect("the program runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let names: Vec<String> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(!names.is_empty(), "{help}");
    names
}

#[test]
fn every_link_and_path_in_the_documents_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for document in documents(root) {
        let text = fs::read_to_string(&document).expect("a document");
        let folder = document.parent().expect("a folder");
        for target in links(&text) {
            checked += 1;
            // The place within a page is for readers.
            let file = target.split('#').next().unwrap_or_default();
            assert!(folder.join(file).exists(), "{}: {target}", document.display());
        }
    }
    assert!(checked > 10, "only {checked} links found");
}

/// The Markdown files at the top and in `docs`.
fn documents(root: &Path) -> Vec<PathBuf> {
    [root.to_path_buf(), root.join("docs")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|e| e == "md"))
        .collect()
}

/// Where links and pictures point within the repository.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (before, after) in [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"')] {
        found.extend(
            text.split(before)
                .skip(1)
                .filter_map(|rest| rest.split(after).next()),
        );
    }
    // Paths in code: those with a folder that is this repository's.
    found.extend(
        text.split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| {
                [
                    "src/",
                    "tests/",
                    "docs/",
                    "templates/",
                    "migrations/",
                    "packaging/",
                ]
                .iter()
                .any(|f| code.starts_with(f))
            })
            .filter(|code| !code.contains(['{', ' ']) && !code.contains("NAME")),
    );
    found.retain(|target| !target.contains("://") && !target.starts_with('#'));
    found
}

const CHECKLIST: &str = include_str!("../../docs/security-checklist.md");

/// The cells of each requirement in the checklist.
fn requirements() -> Vec<Vec<&'static str>> {
    let rows = CHECKLIST
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|c: char| c.is_ascii_digit()));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The tests that some text names, as `suite::file::name`.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.contains("::"))
}

/// Whether there is a test of this name: `src::access::throttle::x` in src/access/throttle.rs or its mod.rs, others below
/// `tests`.
fn is_test(name: &str) -> bool {
    let mut parts: Vec<&str> = name.split("::").collect();
    let function = parts.pop().unwrap_or_default();
    let folder = if parts.first() == Some(&"src") {
        ""
    } else {
        "tests/"
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("{folder}{}", parts.join("/")));
    let texts = [file.with_extension("rs"), file.join("mod.rs")].map(fs::read_to_string);
    let start = format!("fn {function}(");
    texts.iter().flatten().any(|text| {
        // What stands between the item before and the name: attributes.
        let Some((before, _)) = text.split_once(&start) else {
            return false;
        };
        let attributes = before.rsplit(['}', ';', '{']).next().unwrap_or_default();
        attributes.contains("test]") || attributes.contains("test(")
    })
}

#[test]
fn every_test_in_the_security_checklist_is_there() {
    let named: Vec<&str> = requirements().iter().flat_map(|row| tests_in(row[4])).collect();
    let gone: BTreeSet<&str> = named.iter().copied().filter(|name| !is_test(name)).collect();
    assert!(
        gone.is_empty(),
        "docs/security-checklist.md names no tests: {gone:#?}"
    );
    assert!(named.len() > 100, "only {} tests found", named.len());
    assert!(!is_test("documents::main::is_test"), "a function is no test");
}

#[test]
fn every_requirement_in_the_security_checklist_is_shown_or_said_to_be_not_met() {
    let [mut met, mut in_part, mut not_met] = [0; 3];
    let mut ids = Vec::new();
    for row in requirements() {
        let [id, level, _, answer, shown] = row[..] else {
            panic!("five cells: {row:?}");
        };
        assert!(matches!(level, "1" | "2"), "{id}: level {level}");
        assert!(!ids.contains(&id), "{id} is there twice");
        ids.push(id);
        let is_shown = tests_in(shown).next().is_some() || !links(shown).is_empty();
        match (shown, answer.starts_with("In part: ")) {
            ("not met", false) => not_met += 1,
            (_, partly) => {
                assert!(is_shown, "{id} names neither a test nor a document: {shown}");
                *(if partly { &mut in_part } else { &mut met }) += 1;
            }
        }
    }
    let counted = format!(
        "Of {} requirements {met} are met, {in_part} in part, and {not_met} are not met.",
        ids.len()
    );
    assert!(CHECKLIST.contains(&counted), "{counted}");
}
