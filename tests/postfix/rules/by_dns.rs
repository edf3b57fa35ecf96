//! Of what only DNS can tell.

use super::Does::{Brings, Says};
use super::rows::{alias, backup, domain, hosted, relay, user};
use super::{LOOPS, NO_HOST, Oracle};

pub(super) const BY_DNS: &[Oracle] = &[
    Oracle {
        rule: "PW117",
        about: &[("domains", "d117.test")],
        rows: &[
            domain("d117.test", "smtp:"),
            user("joe@d117.test", "d117.test/joe/"),
            domain("d117a.test", "smtp:"),
            alias("joe@d117a.test", "joe@d117a.test"),
        ],
        does: &[
            Says("joe@d117.test", &["bounced joe@d117.test"], LOOPS),
            Brings("joe@d117a.test", &["outside joe@d117a.test"]),
        ],
    },
    Oracle {
        rule: "PW128",
        about: &[("backups", "d128.test")],
        rows: &[
            backup("d128.test", "smtp:hop.d128.test"),
            relay("@d128.test", "OK"),
            backup("d128a.test", "smtp:far.test"),
            relay("@d128a.test", "OK"),
        ],
        does: &[
            Says("joe@d128.test", &["bounced joe@d128.test"], LOOPS),
            Brings("joe@d128a.test", &["outside joe@d128a.test"]),
        ],
    },
    Oracle {
        rule: "PW129",
        about: &[("backups", "d129.test")],
        rows: &[
            backup("d129.test", ":[mx.self.test]"),
            relay("@d129.test", "OK"),
            backup("d129a.test", ":[mail.friend.com]"),
            relay("@d129a.test", "OK"),
        ],
        does: &[
            Says("joe@d129.test", &["bounced joe@d129.test"], LOOPS),
            Brings("joe@d129a.test", &["primary joe@d129a.test"]),
        ],
    },
    Oracle {
        rule: "PW130",
        about: &[("backups", "d130.test")],
        rows: &[
            backup("d130.test", ":[mail.nx.test]"),
            relay("@d130.test", "OK"),
            backup("d130a.test", ":[mail.friend.com]"),
            relay("@d130a.test", "OK"),
        ],
        does: &[
            Says("joe@d130.test", &["bounced joe@d130.test"], NO_HOST),
            Brings("joe@d130a.test", &["primary joe@d130a.test"]),
        ],
    },
    Oracle {
        rule: "PW148",
        about: &[("aliases", "joe@d148.test")],
        rows: &[
            hosted("d148.test"),
            alias("joe@d148.test", "joe@nx.test"),
            alias("ann@d148.test", "ann@far.test"),
        ],
        does: &[
            Says("joe@d148.test", &["bounced joe@nx.test"], NO_HOST),
            Brings("ann@d148.test", &["outside ann@far.test"]),
        ],
    },
];
