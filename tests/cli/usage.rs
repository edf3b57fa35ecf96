//! Help, version, and what is no command.

use crate::program::run;

#[test]
fn help_and_version_are_answers() {
    let help = run(&["--help"], &[]).done();
    for command in [
        "serve", "migrate", "account", "changes", "postfix", "config", "demo",
    ] {
        assert!(help.contains(command), "{command} in {help}");
    }
    let version = run(&["--version"], &[]).done();
    assert_eq!(version, format!("postwarden {}\n", env!("CARGO_PKG_VERSION")));
    assert!(
        run(&["account", "create", "--help"], &[])
            .done()
            .contains("--password-stdin")
    );
}

#[test]
fn what_is_no_command_is_one_line_and_exit_code_2() {
    for arguments in [
        &["serv"][..],
        &["--nonsense"],
        &["account", "create", "joe"],
        &["account", "create", "joe", "--role", "king"],
        &["changes", "--limit", "many"],
        &["migrate", "now"],
        &["postfix"],
        &["postfix", "generate"],
    ] {
        let line = run(arguments, &[]).refused(2);
        assert!(line.starts_with("postwarden: "), "{arguments:?}: {line}");
        assert!(line.contains("--help"), "{arguments:?}: {line}");
    }
}

#[test]
fn a_command_without_the_one_behind_it_says_in_one_line_which_there_are() {
    for (arguments, begins, names) in [
        (&[][..], "postwarden: choose one of ", ["serve", "demo"]),
        (
            &["account"],
            "postwarden: account: choose one of ",
            ["create", "revoke"],
        ),
        (
            &["postfix"],
            "postwarden: postfix: choose one of ",
            ["generate", "verify"],
        ),
        (
            &["schema"],
            "postwarden: schema: choose one of ",
            ["doctor", "upgrade"],
        ),
    ] {
        let line = run(arguments, &[]).refused(2);
        assert!(line.starts_with(begins), "{line}");
        assert!(names.iter().all(|name| line.contains(name)), "{line}");
    }
}

#[test]
fn a_table_that_is_not_known_is_a_mistake_of_usage_for_import_as_for_export() {
    for arguments in [&["import", "nosuch", "file.csv"][..], &["export", "nosuch"]] {
        let line = run(arguments, &[]).refused(2);
        assert!(
            line.contains("nosuch") && line.contains("aliases") && line.contains("overrides"),
            "{line}"
        );
    }
}

#[test]
fn no_option_takes_a_password() {
    for arguments in [
        [
            "account",
            "create",
            "joe",
            "--role",
            "operator",
            "--password=secret words",
        ]
        .as_slice(),
        &["account", "password", "joe", "--password=secret words"],
        &["postfix", "generate", "--out=d", "--password=secret words"],
    ] {
        let line = run(arguments, &[]).refused(2);
        assert!(!line.contains("secret words"), "{line}");
    }
}
