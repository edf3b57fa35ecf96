//! Of what harms other mail, and of other databases than the panel makes: each on a Postfix of its own.

use std::time::Duration;

use postwarden::lint::judge;

use super::Does::{Answers, AnswersFrom, Brings, BringsInside, Says, Warns};
use super::rows::{access, alias, backup, domain, hosted, relay, user};
use super::{DENIED, Oracle, TAKEN, UNKNOWN, goes, show, write};
use crate::bed::Bed;
use crate::configuration::generated;
use crate::howto;
use crate::support::Database;

/// Longer than mail that is not held up takes.
const A_WHILE: Duration = Duration::from_secs(4);

/// As in the howto's tables a domain may be there twice, and as elsewhere upper case is not lower case.
const OTHER_TABLES: &str = "
    ALTER TABLE domains DROP INDEX domain;
    ALTER TABLE aliases CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
    ALTER TABLE relays CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
";

pub(super) const ALONE: &[Oracle] = &[
    Oracle {
        rule: "PW102",
        about: &[("aliases", "Joe@r102.test")],
        rows: &[
            hosted("r102.test"),
            alias("Joe@r102.test", "joe@far.test"),
            alias("ann@r102.test", "ann@far.test"),
        ],
        does: &[
            Answers("joe@r102.test", UNKNOWN),
            Answers("Joe@r102.test", UNKNOWN),
            Answers("Ann@r102.test", TAKEN),
        ],
    },
    Oracle {
        rule: "PW228",
        about: &[("relays", "joe@r228.test")],
        rows: &[
            backup("r228.test", ":[mail.friend.com]"),
            relay("joe@r228.test", "ok"),
            relay("ann@r228.test", "OK"),
        ],
        does: &[Answers("joe@r228.test", UNKNOWN), Answers("ann@r228.test", TAKEN)],
    },
    Oracle {
        rule: "PW113",
        about: &[("domains", "localhost.localdomain")],
        rows: &[
            hosted("localhost.localdomain"),
            user("joe@localhost.localdomain", "local/joe/"),
            hosted("r113.test"),
        ],
        does: &[
            Answers(
                "joe@localhost.localdomain",
                "550 5.1.1 <joe@localhost.localdomain>: Recipient address rejected: User unknown in local recipient table",
            ),
            Answers("root@localhost.localdomain", TAKEN),
            Warns(
                "do not list domain localhost.localdomain in BOTH mydestination and virtual_mailbox_domains",
            ),
        ],
    },
    Oracle {
        rule: "PW115",
        about: &[("domains", "joe@r115.test"), ("domains", "joe@r115.test")],
        rows: &[
            hosted("r115.test"),
            alias("joe@r115.test", "joe@r115.test"),
            domain("joe@r115.test", "smtp:[mail.friend.com]"),
            domain("joe@r115.test", "smtp:[aspmx.l.google.com]"),
        ],
        does: &[Brings("joe@r115.test", &["primary joe@r115.test"])],
    },
    Oracle {
        rule: "PW232",
        about: &[("access_rules", "<>")],
        rows: &[
            hosted("r232.test"),
            alias("joe@r232.test", "joe@far.test"),
            access("sender", "<>", "REJECT"),
            access("sender", "spammer@far.test", "REJECT"),
        ],
        does: &[
            AnswersFrom("", "joe@r232.test", DENIED),
            Answers("joe@r232.test", TAKEN),
        ],
    },
];

/// Mailboxes are delivered to by LMTP there.
pub(super) const BY_LMTP: &[Oracle] = &[Oracle {
    rule: "PW202",
    about: &[("domains", "r202.test")],
    rows: &[
        domain("r202.test", ":[mail.friend.com]"),
        user("joe@r202.test", "r202.test/joe/"),
        hosted("r202a.test"),
        user("joe@r202a.test", "r202a.test/joe/"),
    ],
    does: &[
        Says("joe@r202.test", &["deferred"], ":24: Connection refused"),
        Says("joe@r202a.test", &["deferred"], "private/nobody"),
    ],
}];

pub(super) const MALFORMED: &[Oracle] = &[Oracle {
    rule: "PW126",
    about: &[("backups", "r126.test")],
    rows: &[
        backup("r126.test", "smtp:[mail.friend.com"),
        relay("@r126.test", "OK"),
        backup("r126a.test", "smtp:[mail.friend.com]"),
        relay("@r126a.test", "OK"),
    ],
    does: &[],
}];

pub(super) const EVERYBODY: &[Oracle] = &[Oracle {
    rule: "PW114",
    about: &[("backups", "*")],
    rows: &[backup("*", "smtp:[mail.friend.com]")],
    does: &[BringsInside("karl@far.test", &["primary karl@far.test"])],
}];

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn what_is_told_of_other_tables_and_of_malformed_hosts_happens() {
    let database = Database::fresh().await;
    database.script(OTHER_TABLES).await;
    let all = [ALONE, BY_LMTP, MALFORMED];
    for oracles in all {
        write(&database, oracles).await;
    }
    let bed = Bed::start(database, |site| {
        let own = "mydestination = localhost.localdomain\nlocal_recipient_maps = unix:passwd.byname\n\
                   virtual_transport = lmtp:unix:private/nobody\n";
        generated(site) + own
    })
    .await;
    for oracles in all {
        show(&bed, oracles, judge).await;
    }
    others_wait_for_a_malformed_host(&bed).await;
}

async fn others_wait_for_a_malformed_host(bed: &Bed) {
    // A process that dies at its first mail, as most do, is what master(8) takes for a broken program.
    bed.reload();
    let bad = bed.stranger().send(&["joe@r126.test"]).await;
    for complaint in [
        "fatal: missing \"]\" in server description: [mail.friend.com",
        "bad command startup -- throttling",
    ] {
        bed.wait(complaint, || bed.logged(complaint).pop()).await;
    }
    let other = bed.inside().send(&["joe@r126a.test"]).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(bed.places(&other).is_empty());
    let queue = bed.queue();
    for waiting in [&bad, &other] {
        let id = waiting.id();
        assert!(queue.iter().any(|mail| mail.queue_id == id), "{queue:?}");
    }
    // What another program delivers goes on.
    let third = bed.stranger().send(&["ann@r228.test"]).await;
    assert_eq!(
        goes(bed, &third, "another program").await,
        ["primary ann@r228.test"]
    );
}

#[tokio::test]
#[ignore = "needs root: run by make test"]
async fn with_the_howtos_configuration_a_row_for_everything_takes_all_outgoing_mail() {
    let (database, account) = howto::database().await;
    write(&database, EVERYBODY).await;
    let bed = Bed::start(database, |site| howto::literal(site, &account)).await;
    show(&bed, EVERYBODY, judge).await;
}
