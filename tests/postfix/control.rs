//! The control: the same bed, the same forms and the same assertions, with the howto's own configuration in place of the
//! generated one. If these did not go wrong here, that they go right elsewhere would prove nothing.
//!
//! | docs/postfix.md | what goes wrong here | where it is seen to go right |
//! |---|---|---|
//! | 1.1, rule 22 | one `:[]` stops the mail of all backup MX entries | `transports::empty_brackets_..` |
//! | 1.2, rule 58 | a REJECT row among the relay recipients accepts | `backups::a_wildcard_takes_everybody_but_..` |
//! | 1.3 | an override in `domains` is not looked up, joe bounces | `overrides::joe_is_at_google_..` |
//! | 1.5, rule 50 | without its slash a maildir is deferred for ever, or a file | `mailboxes::a_directory_..` |
//! | 1.7, rule 71 | `\` at line ends: 451 for every stranger | `access_rules::a_blocked_address_under_..` |
//! | 1.8 | `check_relay_domains` is on its way out | `files::postfix_has_nothing_to_say_..` |
//! | 1.9 | a relocation that is switched off goes on | `relocated::senders_are_told_..` |
//! | 1.10, rule 61 | a catch-all hides a relocation | `relocated::a_catch_all_an_alias_and_..` |
//! | 1.11, rule 25 | subdomains of a backup MX entry are taken | `backups::neither_subdomains_nor_..` |
//! | 1.13 | people inside reach blocked addresses | `access_rules::a_blocked_address_under_..` |
//! | 1.18, rule 36 | a bare domain among the aliases: its mailboxes are unknown | `mailboxes::a_bare_domain_..` |
//! | 1.19, rule 70 | a file that only root can read: deferred, or 451 | `files::every_lookup_table_is_answered_..` |
//! | 1.21 | the 17th recipient is one too many | `a_mail_may_have_seventeen_recipients` here |
//!
//! The same with both: without a row among the relay recipients a backup MX entry takes nothing (1.12, rule 23). And what
//! the howto gets right works here too.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use crate::bed::{Bed, Client};
use crate::ground::{Site, site};
use crate::howto::{self, BLOCKING_PORT, MENDED_BLOCKING_PORT, at, howto};

const OK: &str = "250 2.1.5 Ok";

/// Longer than mail that is not held up takes.
const A_WHILE: Duration = Duration::from_secs(4);

/// A domain with a catch-all that mary gets, and the place of what it catches.
async fn caught(site: &Site, domain: &str) -> [String; 1] {
    site.domain(domain).await;
    site.mailbox(&format!("mary@{domain}")).await;
    site.alias(&format!("@{domain}"), &format!("mary@{domain}")).await;
    [format!("mailbox {domain}/mary/")]
}

fn unknown(address: &str) -> String {
    format!("550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table")
}

/// What a stranger's session with so many recipients is answered for the last of them.
async fn last_of(stranger: Client, domain: &str, recipients: u32) -> String {
    let mut session = stranger.session().await;
    session.command("MAIL FROM:<writer@far.test>").await;
    let mut reply = String::new();
    for n in 1..=recipients {
        assert!(n == 1 || reply == OK, "{n}: {reply}");
        reply = session.command(&format!("RCPT TO:<r{n}@{domain}>")).await;
    }
    reply
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_mailboxes_aliases_catch_alls_and_backups_work() {
    let site = howto().await;
    let stranger = site.bed.stranger();
    for (to, place) in [
        ("xandros@blobber.org", "mailbox xandros/"),
        ("any@whopper.nu", "mailbox xandros/"),
        ("any@lala.com", "mailbox xandros/"),
        ("karl@blobber.org", "outside karl.vovianda@gmail.com"),
        ("joe@friend1.com", "primary joe@friend1.com"),
    ] {
        assert_eq!(site.delivered(stranger, &[to]).await, [place], "{to}");
    }
    assert_eq!(
        stranger.recipient("nobody@blobber.org").await,
        unknown("nobody@blobber.org")
    );
    assert_eq!(
        stranger.recipient("joe@far.test").await,
        "554 5.7.1 <joe@far.test>: Relay access denied"
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_mail_for_localhost_leaves() {
    let site = howto().await;
    // Without a compatibility level append_dot_mydomain is on: what the howto sends to root@localhost is not there.
    assert_eq!(
        site.delivered(site.bed.stranger(), &["abuse@whopper.nu"]).await,
        ["outside abuse@localhost.self.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_rows_of_the_panel_are_found() {
    let site = howto().await;
    let place = caught(&site, "typed.test").await;
    for to in ["mary@typed.test", "any@typed.test"] {
        assert_eq!(site.delivered(site.bed.stranger(), &[to]).await, place);
    }
    site.switch("domains", "domain", "typed.test", false).await;
    assert_eq!(
        site.bed.stranger().recipient("mary@typed.test").await,
        "554 5.7.1 <mary@typed.test>: Relay access denied"
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_one_default_row_stops_the_mail_of_all_backups() {
    // On a Postfix of its own: no mail leaves it for a minute.
    let (database, account) = howto::database().await;
    let rows = "INSERT INTO backups (domain) VALUES ('default.test'); \
                INSERT INTO relays (recipient) VALUES ('@default.test')";
    database.script(rows).await;
    let bed = Bed::start(database, |site| howto::literal(site, &account)).await;
    let before = bed.stranger().send(&["before@friend1.com"]).await;
    bed.arrives(&before, &["primary before@friend1.com"]).await;
    // A process that dies at its first mail, as most do, is what master(8) takes for a broken program.
    bed.reload();
    let bad = bed.stranger().send(&["joe@default.test"]).await;
    assert_eq!(bad.recipients, [OK]);
    for complaint in [
        "fatal: valid hostname or network address required in server description: []",
        "warning: private/relay socket: malformed response",
        "bad command startup -- throttling",
    ] {
        bed.wait(complaint, || bed.logged(complaint).pop()).await;
    }
    let after = bed.stranger().send(&["after@friend1.com"]).await;
    assert_eq!(after.recipients, [OK]);
    tokio::time::sleep(A_WHILE).await;
    assert!(bed.places(&after).is_empty());
    let queue = bed.queue();
    for waiting in [&bad, &after] {
        assert!(
            queue.iter().any(|mail| mail.queue_id == waiting.id()),
            "{queue:?}"
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_a_rejected_relay_recipient_is_accepted() {
    let site = howto().await;
    site.backup("wild.test", ":[mail.friend.com]").await;
    site.relay("@wild.test", "OK").await;
    site.relay("support@wild.test", "REJECT").await;
    // The howto's own row, without a wildcard beside it.
    site.backup("example.org", ":[mail.friend.com]").await;
    for to in ["support@wild.test", "support@example.org"] {
        assert_eq!(
            site.delivered(site.bed.stranger(), &[to]).await,
            [format!("primary {to}")]
        );
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_an_override_among_the_domains_is_never_looked_up() {
    let site = howto().await;
    // The howto's own joe, and another by the panel's form.
    site.domain("bloggs.test").await;
    site.moved_away("joe@bloggs.test", "smtp:[aspmx.l.google.com]")
        .await;
    for to in ["joe@bloggs.com", "joe@bloggs.test"] {
        let sent = site.bed.stranger().send(&[to]).await;
        assert_eq!(site.accepted(&sent, &[to]).await, [format!("bounced {to}")]);
        let said = site.bed.logged(&format!("{}: to=<{to}>", sent.id()));
        let reason = format!("dsn=5.1.1, status=bounced (unknown user: \"{to}\")");
        assert!(said.iter().any(|line| line.contains(&reason)), "{said:?}");
    }
    assert!(site.bed.google.mails().is_empty());
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_a_directory_without_its_slash_is_no_maildir() {
    let site = howto().await;
    // The howto's own mary has a directory in a directory that is not there.
    let to = ["mary@bloggs.com"];
    let sent = site.bed.stranger().send(&to).await;
    assert_eq!(site.accepted(&sent, &to).await, ["deferred"]);
    let said = site.bed.logged(&format!("{}: to=<mary@bloggs.com>", sent.id()));
    for part in [
        "dsn=4.2.0, status=deferred (delivery failed to mailbox ",
        "mail/bloggs.com/mary: unable to create lock file ",
        "mary.lock: No such file or directory)",
    ] {
        assert!(said.iter().any(|line| line.contains(part)), "{part}: {said:?}");
    }
    site.domain("slash.test").await;
    let row = "INSERT INTO users (id, maildir) VALUES ('top@slash.test', 'slash-top')";
    site.bed.database.script(row).await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["top@slash.test"]).await,
        ["file slash-top"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_backslashes_every_stranger_is_answered_451() {
    let site = howto().await;
    caught(&site, "backslash.test").await;
    let to = "mary@backslash.test";
    let stranger = at(site.bed.stranger(), BLOCKING_PORT);
    assert_eq!(
        stranger.recipient(to).await,
        "451 4.3.5 Server configuration error"
    );
    let warning = "unknown smtpd restriction: \"\\\"";
    site.bed.wait(warning, || site.bed.logged(warning).pop()).await;
    // That is all that is wrong there.
    let mended = at(site.bed.stranger(), MENDED_BLOCKING_PORT);
    assert_eq!(mended.recipient(to).await, OK);
    assert_eq!(at(site.bed.inside(), BLOCKING_PORT).recipient(to).await, OK);
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_blocking_postfix_warns_of_check_relay_domains() {
    let site = howto().await;
    caught(&site, "warned.test").await;
    let stranger = at(site.bed.stranger(), MENDED_BLOCKING_PORT);
    assert_eq!(stranger.recipient("mary@warned.test").await, OK);
    let warning = "support for restriction \"check_relay_domains\" will be removed from Postfix; use \
                   \"reject_unauth_destination\" instead";
    site.bed.wait(warning, || site.bed.logged(warning).pop()).await;
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_blocking_people_inside_reach_blocked_addresses() {
    let site = howto().await;
    let place = caught(&site, "block.test").await;
    let trap = "trap@block.test";
    site.rule("recipient", trap, "REJECT", "").await;
    let stranger = at(site.bed.stranger(), MENDED_BLOCKING_PORT);
    assert_eq!(
        stranger.recipient(trap).await,
        format!("554 5.7.1 <{trap}>: Recipient address rejected: Access denied")
    );
    let inside = at(site.bed.inside(), MENDED_BLOCKING_PORT);
    assert_eq!(site.delivered(inside, &[trap]).await, place);
    // Without that chapter nothing is blocked at all.
    assert_eq!(site.delivered(site.bed.stranger(), &[trap]).await, place);
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_a_disabled_relocation_still_turns_mail_away() {
    let site = howto().await;
    site.domain("moved.test").await;
    site.mailbox("pete@moved.test").await;
    site.relocated("pete@moved.test", "pete@new.test").await;
    site.switch("relocated", "oldadr", "pete@moved.test", false).await;
    assert_eq!(
        site.bed.stranger().recipient("pete@moved.test").await,
        "550 5.1.6 <pete@moved.test>: Recipient address rejected: User has moved to pete@new.test"
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_a_catch_all_hides_a_relocation() {
    let site = howto().await;
    let place = caught(&site, "hidden.test").await;
    site.relocated("pete@hidden.test", "pete@new.test").await;
    assert_eq!(
        site.delivered(site.bed.stranger(), &["pete@hidden.test"]).await,
        place
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_subdomains_of_a_backup_are_relayed_for_strangers() {
    let site = howto().await;
    site.relay("@sub.friend1.com", "OK").await;
    let to = "joe@sub.friend1.com";
    assert_eq!(
        site.delivered(site.bed.stranger(), &[to]).await,
        [format!("outside {to}")]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_either_configuration_a_backup_without_relay_recipients_refuses_everybody() {
    for site in [howto().await, site().await] {
        site.backup("unlisted.test", ":[mail.friend.com]").await;
        let stranger = site.bed.stranger();
        for to in ["joe@unlisted.test", "postmaster@unlisted.test"] {
            assert_eq!(
                stranger.recipient(to).await,
                format!(
                    "550 5.1.1 <{to}>: Recipient address rejected: User unknown in relay recipient table"
                )
            );
        }
    }
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_a_bare_domain_among_the_aliases_makes_its_mailboxes_unknown() {
    let site = howto().await;
    site.domain("bare-alias.test").await;
    site.mailbox("mary@bare-alias.test").await;
    let row = "INSERT INTO aliases (mail, destination) VALUES ('bare-alias.test', 'joe@far.test')";
    // By hand: the form wants an @.
    site.bed.database.script(row).await;
    let to = "mary@bare-alias.test";
    assert_eq!(
        site.bed.stranger().recipient(to).await,
        format!("550 5.1.1 <{to}>: Recipient address rejected: User unknown in virtual alias table")
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_file_that_only_root_can_read_defers_mail_or_answers_451() {
    let (database, account) = howto::database().await;
    let bed = Bed::start(database, |site| {
        // As it is, and as it would be through proxymap(8).
        let proxied = "proxy:mysql:/etc/postfix/mysql_mailbox.cf";
        let service = format!(
            "\nADDRESS:2519 inet n - n - - smtpd\n  -o max_use=1\n  -o virtual_mailbox_maps={proxied}\n"
        );
        howto::add_services(site, &service);
        let lines = howto::literal(site, &account);
        let file = site.etc.join("mysql_mailbox.cf");
        chown(&file, Some(0), Some(0)).expect("its owner");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
        format!("{lines}\nproxy_read_maps = {proxied}\n")
    })
    .await;
    let to = "vivita@blobber.org";
    let sent = bed.stranger().send(&[to]).await;
    assert_eq!(sent.recipients, [OK]);
    assert_eq!(bed.outcome(&sent).await, ["deferred"]);
    let said = bed.logged(&format!("{}: to=<{to}>", sent.id()));
    let reason = "dsn=4.3.5, status=deferred (mail system configuration error)";
    assert!(said.iter().any(|line| line.contains(reason)), "{said:?}");
    let denied = "open /etc/postfix/mysql_mailbox.cf: Permission denied";
    assert!(
        bed.logged("postfix/virtual")
            .iter()
            .any(|line| line.contains(denied))
    );
    // Somebody without an alias, which would be enough.
    let (stranger, nobody) = (at(bed.stranger(), 2519), "nobody@blobber.org");
    assert_eq!(
        stranger.recipient(nobody).await,
        format!("451 4.3.0 <{nobody}>: Temporary lookup failure")
    );
    // What rule 70 advises.
    bed.command(
        "chown root:postfix /etc/postfix/mysql_mailbox.cf && chmod 640 /etc/postfix/mysql_mailbox.cf",
    );
    bed.reload();
    bed.flush();
    bed.arrives(&sent, &["mailbox vivita/"]).await;
    assert_eq!(stranger.recipient(nobody).await, unknown(nobody));
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_the_seventeenth_recipient_is_one_too_many() {
    let site = howto().await;
    caught(&site, "many.test").await;
    let stranger = site.bed.stranger();
    assert_eq!(last_of(stranger, "many.test", 16).await, OK);
    assert_eq!(
        last_of(stranger, "many.test", 17).await,
        "452 4.5.3 Error: too many recipients"
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn a_mail_may_have_seventeen_recipients() {
    let site = site().await;
    caught(&site, "seventeen.test").await;
    assert_eq!(last_of(site.bed.stranger(), "seventeen.test", 17).await, OK);
}
