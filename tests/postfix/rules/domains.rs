//! Of domains.

use super::Does::{Answers, AnswersInside, Brings, BringsInside, Says, Warns};
use super::rows::{alias, backup, domain, hosted, relay, user};
use super::{DENIED, LOOPS, Oracle, TAKEN, UNKNOWN};

pub(super) const DOMAINS: &[Oracle] = &[
    Oracle {
        rule: "PW111",
        about: &[
            ("backups", "@r111b.test"),
            ("domains", "*.r111a.test"),
            ("domains", "@r111.test"),
            ("domains", "mail.r111c.test"),
        ],
        rows: &[
            hosted("@r111.test"),
            alias("joe@r111.test", "joe@far.test"),
            hosted("*.r111a.test"),
            alias("joe@sub.r111a.test", "joe@far.test"),
            backup("@r111b.test", ""),
            relay("@r111b.test", "OK"),
            hosted("mail.r111c.test"),
            alias("joe@r111c.test", "joe@far.test"),
        ],
        does: &[
            Answers("joe@r111.test", DENIED),
            Answers("joe@sub.r111a.test", DENIED),
            Answers("joe@r111b.test", DENIED),
            Answers("joe@r111c.test", DENIED),
        ],
    },
    Oracle {
        rule: "PW112",
        about: &[("backups", "r112.test"), ("domains", "r112.test")],
        rows: &[
            hosted("r112.test"),
            user("joe@r112.test", "r112.test/joe/"),
            backup("r112.test", ":[mail.friend.com]"),
            relay("ann@r112.test", "OK"),
        ],
        does: &[
            Answers("ann@r112.test", UNKNOWN),
            Warns("do not list domain r112.test in BOTH virtual_mailbox_domains and relay_domains"),
        ],
    },
    Oracle {
        // `*` alone is the howto's: `alone.rs`.
        rule: "PW114",
        about: &[("domains", ".r114.test")],
        rows: &[
            domain(".r114.test", "smtp:[mail.friend.com]"),
            hosted("r114a.test"),
        ],
        does: &[
            BringsInside("joe@sub.r114.test", &["primary joe@sub.r114.test"]),
            BringsInside("joe@r114.test", &["outside joe@r114.test"]),
        ],
    },
    Oracle {
        rule: "PW116",
        about: &[("domains", "r116.test")],
        rows: &[
            domain("r116.test", "smtp:[mail.friend.com]"),
            domain("r116a.test", "smtp:[mail.friend.com]"),
            alias("joe@r116a.test", "joe@r116a.test"),
        ],
        does: &[
            Answers("joe@r116.test", UNKNOWN),
            Brings("joe@r116a.test", &["primary joe@r116a.test"]),
        ],
    },
    Oracle {
        // Their MX is this server.
        rule: "PW117",
        about: &[("domains", "joe@r117a.test"), ("domains", "r117.test")],
        rows: &[
            domain("r117.test", "smtp:"),
            user("joe@r117.test", "r117.test/joe/"),
            hosted("r117a.test"),
            domain("joe@r117a.test", "smtp:"),
            alias("joe@r117a.test", "joe@r117a.test"),
        ],
        does: &[
            Says("joe@r117.test", &["bounced joe@r117.test"], LOOPS),
            Says("joe@r117a.test", &["bounced joe@r117a.test"], LOOPS),
        ],
    },
    Oracle {
        rule: "PW120",
        about: &[("domains", "r120.test")],
        rows: &[
            hosted("r120.test").off(),
            user("joe@r120.test", "r120.test/joe/"),
            hosted("r120a.test").off(),
        ],
        does: &[
            Answers("joe@r120.test", DENIED),
            BringsInside("joe@r120.test", &["outside joe@r120.test"]),
        ],
    },
    Oracle {
        rule: "PW121",
        about: &[("domains", "r121.test")],
        rows: &[
            hosted("r121.test"),
            hosted("r121a.test"),
            alias("@r121a.test", "joe@far.test"),
        ],
        does: &[
            Answers("postmaster@r121.test", UNKNOWN),
            Answers("abuse@r121.test", UNKNOWN),
            Answers("abuse@r121a.test", TAKEN),
        ],
    },
    Oracle {
        // Postfix is told to want more than one word; without that it would take the mail.
        rule: "PW208",
        about: &[("domains", "r208word")],
        rows: &[hosted("r208word"), alias("joe@r208word", "joe@far.test")],
        does: &[
            Answers("joe@r208word", "504 5.5.2"),
            AnswersInside("joe@r208word", "504 5.5.2"),
        ],
    },
];
