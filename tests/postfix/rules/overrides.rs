//! Of overrides.

use super::Does::{Answers, Brings, BringsInside};
use super::rows::{alias, backup, domain, hosted, relay, relocated, user};
use super::{DENIED, MOVED, Oracle, UNKNOWN};

const FRIEND: &str = "smtp:[mail.friend.com]";

pub(super) const OVERRIDES: &[Oracle] = &[
    Oracle {
        rule: "PW118",
        about: &[("domains", "ann@r118.test"), ("domains", "joe@r118.test")],
        rows: &[
            hosted("r118.test"),
            domain("joe@r118.test", FRIEND),
            domain("ann@r118.test", FRIEND),
            alias("ann@r118.test", "ann@far.test"),
            domain("eve@r118.test", FRIEND),
            alias("eve@r118.test", "eve@r118.test"),
        ],
        does: &[
            Answers("joe@r118.test", UNKNOWN),
            Brings("ann@r118.test", &["outside ann@far.test"]),
            Brings("eve@r118.test", &["primary eve@r118.test"]),
        ],
    },
    Oracle {
        rule: "PW118",
        about: &[("domains", "joe@r118a.test")],
        rows: &[
            hosted("r118a.test"),
            user("mary@r118a.test", "r118a.test/mary/"),
            alias("@r118a.test", "mary@r118a.test"),
            alias("mary@r118a.test", "mary@r118a.test"),
            domain("joe@r118a.test", FRIEND),
        ],
        does: &[Brings("joe@r118a.test", &["mailbox r118a.test/mary/"])],
    },
    Oracle {
        rule: "PW118",
        about: &[("backups", "joe@r118b.test")],
        rows: &[
            backup("r118b.test", ""),
            relay("ann@r118b.test", "OK"),
            backup("joe@r118b.test", FRIEND),
            backup("ann@r118b.test", FRIEND),
        ],
        does: &[
            Answers("joe@r118b.test", UNKNOWN),
            Brings("ann@r118b.test", &["primary ann@r118b.test"]),
        ],
    },
    Oracle {
        rule: "PW119",
        about: &[("domains", "joe@r119.test")],
        rows: &[domain("joe@r119.test", FRIEND)],
        does: &[
            Answers("joe@r119.test", DENIED),
            BringsInside("joe@r119.test", &["primary joe@r119.test"]),
            BringsInside("ann@r119.test", &["outside ann@r119.test"]),
        ],
    },
    Oracle {
        rule: "PW201",
        about: &[("domains", "joe@r201.test")],
        rows: &[
            hosted("r201.test"),
            domain("joe@r201.test", FRIEND),
            alias("joe@r201.test", "joe@r201.test"),
            relocated("joe@r201.test", "joe@far.test"),
            alias("via@r201.test", "joe@r201.test"),
        ],
        does: &[
            Answers("joe@r201.test", MOVED),
            Brings("via@r201.test", &["bounced joe@r201.test"]),
        ],
    },
    Oracle {
        rule: "PW204",
        about: &[("domains", "ann@r204.test"), ("domains", "joe@r204.test")],
        rows: &[
            hosted("r204.test"),
            user("joe@r204.test", "r204.test/joe/"),
            user("ann@r204.test", "r204.test/ann/"),
            domain("joe@r204.test", "virtual:"),
            domain("ann@r204.test", ""),
        ],
        does: &[
            Brings("joe@r204.test", &["mailbox r204.test/joe/"]),
            Brings("ann@r204.test", &["mailbox r204.test/ann/"]),
        ],
    },
    Oracle {
        // Without a transport the domain is looked up instead.
        rule: "PW204",
        about: &[("domains", "joe@r204a.test")],
        rows: &[
            domain("r204a.test", FRIEND),
            user("joe@r204a.test", "r204a.test/joe/"),
            domain("joe@r204a.test", ""),
        ],
        does: &[Brings("joe@r204a.test", &["primary joe@r204a.test"])],
    },
    Oracle {
        rule: "PW206",
        about: &[("backups", "joe@r206.test")],
        rows: &[
            hosted("r206.test"),
            alias("joe@r206.test", "joe@r206.test"),
            domain("joe@r206.test", FRIEND),
            backup("joe@r206.test", "smtp:[aspmx.l.google.com]"),
        ],
        does: &[Brings("joe@r206.test", &["primary joe@r206.test"])],
    },
];
