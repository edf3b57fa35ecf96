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
    // Nothing at all: the help says what there is.
    let nothing = run(&[], &[]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("serve"), "{nothing:?}");
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
