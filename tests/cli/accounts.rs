//! `postwarden account`, against a panel that runs.

use crate::program::{Running, create_account, on, run, run_with_input, sign_in};
use crate::support::{Database, PASSWORD};

#[tokio::test]
async fn a_password_from_standard_input_works_at_once() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    create_account(&database, "joe", "operator", &[]);
    let joe = panel.signed_in("joe", PASSWORD).await;
    assert_eq!(joe.get("aliases").await.status, 200);
    assert_eq!(sign_in(&panel.browser(), "joe", "wrong").await.status, 422);
}

#[tokio::test]
async fn a_made_up_password_is_printed_once_and_works() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    let printed = on(&database, &["account", "create", "joe", "--role", "auditor"]).done();
    let password = printed.lines().last().and_then(|l| l.strip_prefix("password: "));
    let first = password.expect(&printed);
    assert_eq!(printed, format!("created auditor joe\npassword: {first}\n"));
    panel.signed_in("joe", first).await;

    let stored = database.rows("SELECT * FROM pw_accounts").await;
    assert!(!format!("{stored:?}").contains(first));
    assert!(!on(&database, &["account", "list"]).done().contains(first));

    let printed = on(&database, &["account", "password", "joe"]).done();
    let second = printed.trim_end().rsplit(' ').next().expect(&printed);
    assert_ne!(first, second);
    panel.signed_in("joe", second).await;
    assert_eq!(sign_in(&panel.browser(), "joe", first).await.status, 422);
}

#[tokio::test]
async fn a_new_password_and_disabling_end_live_sessions() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    create_account(&database, "joe", "operator", &[]);

    let joe = panel.signed_in("joe", PASSWORD).await;
    let printed = run_with_input(
        &["account", "password", "joe", "--password-stdin"],
        &[("DATABASE_URL", &database.url)],
        "another long password\r\nand a second line\n",
    )
    .done();
    assert_eq!(printed, "changed the password of joe\n");
    assert_eq!(joe.get("aliases").await.status, 303);

    let joe = panel.signed_in("joe", "another long password").await;
    assert_eq!(
        on(&database, &["account", "disable", "joe"]).done(),
        "disabled joe\n"
    );
    let answer = joe.get("aliases").await;
    assert_eq!(
        (answer.status, answer.location()),
        (303, "/login?next=%2Faliases")
    );
    let refused = sign_in(&panel.browser(), "joe", "another long password").await;
    assert_eq!(refused.status, 422);

    assert_eq!(
        on(&database, &["account", "enable", "joe"]).done(),
        "enabled joe\n"
    );
    panel.signed_in("joe", "another long password").await;
}

#[tokio::test]
async fn the_list_has_every_account_on_a_line() {
    let database = Database::fresh().await;
    create_account(&database, "zoe", "operator", &[]);
    create_account(&database, "ann@example.org", "owner", &["b.example", "A.Example"]);
    on(&database, &["account", "disable", "zoe"]).done();
    assert_eq!(
        on(&database, &["account", "list"]).done(),
        "ann@example.org\towner\tenabled\tnever\ta.example,b.example\nzoe\toperator\tdisabled\tnever\n"
    );
}

#[tokio::test]
async fn a_grant_reaches_a_live_session() {
    let database = Database::howto().await;
    let panel = Running::serve_on(&database);
    create_account(&database, "ann", "owner", &["blobber.org"]);
    let ann = panel.signed_in("ann", PASSWORD).await;
    let sees = async |text: &str| ann.get("aliases").await.body.contains(text);
    assert!(sees("karl@blobber.org").await && !sees("postmaster@whopper.nu").await);

    let printed = on(&database, &["account", "grant", "ann", "--domain", "Whopper.NU"]).done();
    assert_eq!(printed, "granted whopper.nu to ann\n");
    assert!(sees("karl@blobber.org").await && sees("postmaster@whopper.nu").await);

    let printed = on(
        &database,
        &["account", "revoke", "ann", "--domain", "blobber.org"],
    )
    .done();
    assert_eq!(printed, "took blobber.org back from ann\n");
    assert!(!sees("karl@blobber.org").await && sees("postmaster@whopper.nu").await);
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_one_line() {
    let database = Database::fresh().await;
    create_account(&database, "joe", "operator", &[]);
    let long = "x".repeat(65);
    let refused = |arguments: &[&str], part: &str| {
        let run = on(&database, arguments);
        assert!(matches!(run.code, Some(1 | 2)), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        assert!(run.stderr.contains(part) && run.stdout.is_empty(), "{run:?}");
    };
    let create = |name, rest: &[&'static str]| [&["account", "create", name, "--role"], rest].concat();
    refused(&create("joe", &["operator"]), "joe");
    for name in ["Joe", "joe bloggs", "", "jürgen", "a/b", "a\nb", &long] {
        refused(&create(name, &["operator"]), "account name");
    }
    refused(&create("new", &["king"]), "king");
    refused(&create("new", &["operator", "--domain", "a.example"]), "--domain");
    refused(&create("new", &["auditor", "--domain", "a.example"]), "--domain");
    refused(&create("new", &["owner", "--domain", "not a domain"]), "domain");
    for command in [
        "password",
        "disable",
        "enable",
        "invite",
        "sign-out",
        "demand-password",
        "remove-second-factor",
        "delete",
    ] {
        refused(&["account", command, "nobody"], "nobody");
        refused(&["account", command, "jürgen"], "jürgen");
    }
    refused(&["account", "grant", "nobody", "--domain", "a.example"], "nobody");
    refused(&["account", "grant", "joe", "--domain", "a.example"], "owners");
    refused(&["account", "revoke", "joe", "--domain", "a.example"], "owners");
    assert_eq!(database.count("SELECT COUNT(*) FROM pw_accounts").await, 1);
    assert_eq!(database.count("SELECT COUNT(*) FROM pw_grants").await, 0);
}

#[tokio::test]
async fn an_account_without_a_password_is_refused() {
    let database = Database::fresh().await;
    for input in ["", "\n", "\nsecond line\n"] {
        let line = run_with_input(
            &[
                "account",
                "create",
                "joe",
                "--role",
                "operator",
                "--password-stdin",
            ],
            &[("DATABASE_URL", &database.url)],
            input,
        )
        .refused(1);
        assert!(line.contains("password on standard input"), "{line}");
    }
    assert_eq!(database.count("SELECT COUNT(*) FROM pw_accounts").await, 0);
}

#[tokio::test]
async fn an_account_needs_a_migrated_database() {
    let database = Database::empty("").await;
    let line = on(&database, &["account", "list"]).refused(1);
    assert!(line.contains("postwarden migrate"), "{line}");
    let line = on(&database, &["changes"]).refused(1);
    assert!(line.contains("postwarden migrate"), "{line}");
}

#[tokio::test]
async fn an_invitation_is_a_link_with_which_the_person_chooses_a_password() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    let address = panel.browser().base;
    let created = run(
        &[
            "account",
            "create",
            "ann",
            "--role",
            "owner",
            "--domain",
            "a.example",
            "--invite",
        ],
        &[
            ("DATABASE_URL", &database.url),
            ("POSTWARDEN_PUBLIC_URL", &address),
        ],
    );
    let printed = created.done();
    let link = printed
        .strip_prefix("created owner ann\n")
        .expect(&printed)
        .trim_end();
    assert!(link.starts_with(&format!("{address}invitation?token=")), "{link}");

    let browser = panel.browser();
    let page = browser
        .get(link.strip_prefix(&address).expect("a link of the panel"))
        .await;
    assert_eq!(page.status, 200);
    let answer = browser
        .submit(
            &page,
            &[("new_password", PASSWORD), ("repeat_password", PASSWORD)],
        )
        .await;
    assert_eq!((answer.status, answer.location()), (303, "/login?set=1"));
    panel.signed_in("ann", PASSWORD).await;

    let again = on(&database, &["account", "invite", "ann"]).done();
    assert!(
        again.contains("/invitation?token=") && !again.contains(link),
        "{again}"
    );
    let refused = on(
        &database,
        &["account", "invite", "ann", "--mail", "ann@a.example"],
    )
    .refused(1);
    assert!(refused.contains("smtp.url"), "{refused}");
    on(
        &database,
        &[
            "account",
            "create",
            "bob",
            "--role",
            "owner",
            "--mail",
            "b@b.example",
        ],
    )
    .refused(2);
}

#[tokio::test]
async fn limits_are_options_of_a_grant_and_go_with_the_next_one() {
    let database = Database::fresh().await;
    create_account(&database, "ann", "owner", &["a.example"]);
    let grant = |options: &[&str]| {
        on(
            &database,
            &[&["account", "grant", "ann", "--domain", "a.example"], options].concat(),
        )
    };
    let limits = "20 aliases, no catch-all, overrides smtp:[*.out.example], no block rules";
    assert_eq!(
        grant(&[
            "--aliases",
            "20",
            "--no-catch-all",
            "--transport",
            "smtp:[*.out.example]",
            "--no-blocks"
        ])
        .done(),
        format!("granted a.example to ann: {limits}\n")
    );
    assert_eq!(
        database
            .count("SELECT COUNT(*) FROM pw_limits WHERE aliases = 20")
            .await,
        1
    );
    assert_eq!(grant(&[]).done(), "granted a.example to ann\n");
    assert_eq!(database.count("SELECT COUNT(*) FROM pw_limits").await, 0);
    for (options, part) in [
        (&["--aliases", "-1"][..], "-1"),
        (&["--aliases", "many"], "many"),
        (&["--transport", ":[]"], ":[]"),
        (
            &["--transport", "smtp:[x.example]", "--no-overrides"],
            "--no-overrides",
        ),
    ] {
        let refused = grant(options);
        assert!(
            refused.stderr.contains(part) && refused.code != Some(0),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn what_an_operator_does_to_an_account_can_be_done_at_the_command_line() {
    let database = Database::fresh().await;
    let panel = Running::serve_on(&database);
    create_account(&database, "ann", "owner", &["a.example"]);
    let done = |arguments: &[&str], printed: &str| {
        assert_eq!(on(&database, &[&["account"], arguments].concat()).done(), printed);
    };

    let ann = panel.signed_in("ann", PASSWORD).await;
    done(&["sign-out", "ann"], "ended every session of ann\n");
    assert_eq!(ann.get("aliases").await.status, 303);

    let ann = panel.signed_in("ann", PASSWORD).await;
    done(&["demand-password", "ann"], "ann has to choose a new password\n");
    assert_eq!(ann.get("aliases").await.location(), "/account/password");
    done(&["role", "ann", "auditor"], "ann is an auditor\n");
    assert_eq!(ann.get("aliases").await.location(), "/login?next=%2Faliases");
    assert_eq!(database.count("SELECT COUNT(*) FROM pw_grants").await, 0);

    done(&["expire", "ann", "2020-02-29"], "ann expires after 2020-02-29\n");
    assert!(on(&database, &["account", "list"]).done().contains("\texpired\t"));
    assert_eq!(sign_in(&panel.browser(), "ann", PASSWORD).await.status, 422);
    done(&["expire", "ann", "never"], "ann does not expire\n");
    panel.signed_in("ann", PASSWORD).await;
    done(
        &["remove-second-factor", "ann"],
        "ann has no second factor any more\n",
    );
    done(&["delete", "ann"], "deleted ann\n");
    assert_eq!(on(&database, &["account", "list"]).done(), "");

    let events = "SELECT event FROM pw_account_events WHERE account = 'ann' AND origin = 'command line'";
    let events = database.rows(events).await;
    let events: Vec<&str> = events.iter().filter_map(|row| row[0].as_deref()).collect();
    assert_eq!(
        events,
        [
            "created as owner of a.example",
            "ended every session",
            "has to choose a new password",
            "owner became auditor",
            "expires after 2020-02-29",
            "does not expire",
            "second factor removed",
            "deleted",
        ]
    );
}

#[tokio::test]
async fn a_weak_password_at_the_command_line_is_taken_with_a_warning() {
    let database = Database::fresh().await;
    let run = run_with_input(
        &[
            "account",
            "create",
            "joe",
            "--role",
            "operator",
            "--password-stdin",
        ],
        &[("DATABASE_URL", &database.url)],
        "short\n",
    );
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "created operator joe\n")
    );
    assert!(
        run.stderr
            .starts_with("postwarden: warning: This password has 5 characters"),
        "{run:?}"
    );
}
