//! Of what the howto's own configuration does, where the generated one does something else.

use super::Does::{Answers, Brings, Says};
use super::rows::{alias, backup, hosted, relay, relocated, user};
use super::{Oracle, UNKNOWN};

pub(super) const BY_HOWTO: &[Oracle] = &[
    Oracle {
        rule: "PW125",
        about: &[("relays", "joe@sub.h125.test")],
        rows: &[
            backup("h125.test", ":[mail.friend.com]"),
            relay("joe@sub.h125.test", "OK"),
            relay("joe@h125.test", "OK"),
        ],
        does: &[
            Brings("joe@sub.h125.test", &["outside joe@sub.h125.test"]),
            Brings("joe@h125.test", &["primary joe@h125.test"]),
        ],
    },
    Oracle {
        rule: "PW136",
        about: &[("aliases", "h136.test")],
        rows: &[
            hosted("h136.test"),
            user("mary@h136.test", "h136.test/mary/"),
            alias("h136.test", "joe@far.test"),
        ],
        does: &[Answers(
            "mary@h136.test",
            "550 5.1.1 <mary@h136.test>: Recipient address rejected: User unknown in virtual alias table",
        )],
    },
    Oracle {
        rule: "PW150",
        about: &[("users", "ann@h150.test"), ("users", "joe@h150.test")],
        rows: &[
            hosted("h150.test"),
            user("joe@h150.test", "h150.test/joe"),
            user("ann@h150.test", "h150-ann"),
            user("eve@h150.test", "h150/eve/"),
        ],
        does: &[
            Says("joe@h150.test", &["deferred"], "unable to create lock file"),
            Brings("ann@h150.test", &["file h150-ann"]),
            Brings("eve@h150.test", &["mailbox h150/eve/"]),
        ],
    },
    Oracle {
        rule: "PW151",
        about: &[("users", "joe@h151.test")],
        rows: &[
            hosted("h151.test"),
            user("joe@h151.test", "/"),
            user("ann@h151.test", "h151.test/ann/"),
        ],
        does: &[
            Brings("joe@h151.test", &["mailbox "]),
            Brings("ann@h151.test", &["mailbox h151.test/ann/"]),
        ],
    },
    Oracle {
        // It goes where the rights of the mailboxes' owner let it.
        rule: "PW152",
        about: &[("users", "ann@h152.test"), ("users", "joe@h152.test")],
        rows: &[
            hosted("h152.test"),
            user("joe@h152.test", "h152.test/../h152-up/"),
            user("ann@h152.test", "../h152/"),
        ],
        does: &[
            Brings("joe@h152.test", &["mailbox h152-up/"]),
            Says("ann@h152.test", &["deferred"], "mail/../h152/tmp/"),
        ],
    },
    Oracle {
        rule: "PW157",
        about: &[("relays", "joe@h157.test")],
        rows: &[
            backup("h157.test", ":[mail.friend.com]"),
            relay("joe@h157.test", "YES"),
            relay("ann@h157.test", "OK"),
        ],
        does: &[
            Brings("joe@h157.test", &["primary joe@h157.test"]),
            Answers("eve@h157.test", UNKNOWN),
        ],
    },
    Oracle {
        rule: "PW161",
        about: &[("relocated", "joe@h161.test")],
        rows: &[
            hosted("h161.test"),
            alias("joe@h161.test", "ann@far.test"),
            relocated("joe@h161.test", "joe@far.test"),
            relocated("eve@h161.test", "eve@far.test"),
        ],
        does: &[
            Brings("joe@h161.test", &["outside ann@far.test"]),
            Answers("eve@h161.test", "550 5.1.6"),
        ],
    },
];
