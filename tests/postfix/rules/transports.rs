//! Of transports that leave other mail alone; `alone.rs` has the others.

use super::Does::{Answers, Brings, Says};
use super::rows::{alias, backup, domain, hosted, relay, user};
use super::{LOOPS, NO_HOST, Oracle, UNKNOWN};

pub(super) const TRANSPORTS: &[Oracle] = &[
    Oracle {
        rule: "PW127",
        about: &[("backups", "r127.test"), ("backups", "r127a.test")],
        rows: &[
            backup("r127.test", "smtp[mail.friend.com]"),
            relay("@r127.test", "OK"),
            backup("r127a.test", "SMTP:[mail.friend.com]"),
            relay("@r127a.test", "OK"),
        ],
        does: &[
            Says("joe@r127.test", &["deferred"], "(mail transport unavailable)"),
            Says("joe@r127a.test", &["deferred"], "(mail transport unavailable)"),
        ],
    },
    Oracle {
        // The MX of the host is this server.
        rule: "PW128",
        about: &[("backups", "r128.test")],
        rows: &[
            backup("r128.test", "smtp:hop.r128.test"),
            relay("@r128.test", "OK"),
            backup("r128a.test", "smtp:[hop.r128.test]"),
            relay("@r128a.test", "OK"),
        ],
        does: &[
            Says("joe@r128.test", &["bounced joe@r128.test"], LOOPS),
            Brings("joe@r128a.test", &["outside joe@r128a.test"]),
        ],
    },
    Oracle {
        rule: "PW129",
        about: &[("backups", "r129.test")],
        rows: &[
            backup("r129.test", ":[127.0.0.1]"),
            relay("@r129.test", "OK"),
            backup("r129a.test", ":[mail.friend.com]"),
            relay("@r129a.test", "OK"),
        ],
        does: &[
            Says("joe@r129.test", &["bounced joe@r129.test"], LOOPS),
            Brings("joe@r129a.test", &["primary joe@r129a.test"]),
        ],
    },
    Oracle {
        // The bed's Postfix listens at some addresses alone: at others of this machine nobody answers.
        rule: "PW129",
        about: &[("backups", "r129b.test"), ("backups", "r129c.test")],
        rows: &[
            backup("r129b.test", ":[127.0.1.1]"),
            relay("@r129b.test", "OK"),
            backup("r129c.test", ":[0.0.0.0]"),
            relay("@r129c.test", "OK"),
        ],
        does: &[
            Brings("joe@r129b.test", &["deferred"]),
            Brings("joe@r129c.test", &["deferred"]),
        ],
    },
    Oracle {
        rule: "PW131",
        about: &[("backups", "r131.test"), ("domains", "r131a.test")],
        rows: &[
            backup("r131.test", "virtual:"),
            relay("@r131.test", "OK"),
            domain("r131a.test", "local:"),
            user("mary@r131a.test", "r131a.test/mary/"),
        ],
        does: &[
            Says(
                "joe@r131.test",
                &["bounced joe@r131.test"],
                "dsn=5.1.1, status=bounced (unknown user",
            ),
            Says(
                "mary@r131a.test",
                &["bounced mary@r131a.test"],
                "(unknown user: \"mary\")",
            ),
        ],
    },
    Oracle {
        rule: "PW132",
        about: &[("backups", "r132.test")],
        rows: &[
            backup("r132.test", "discard:"),
            relay("@r132.test", "OK"),
            backup("r132a.test", "error:5.1.1 No such domain here"),
            relay("@r132a.test", "OK"),
        ],
        does: &[
            Says("joe@r132.test", &[], "relay=none"),
            Answers(
                "joe@r132a.test",
                "550 5.1.1 <joe@r132a.test>: Recipient address rejected: No such domain here",
            ),
        ],
    },
    Oracle {
        rule: "PW133",
        about: &[("backups", "r133.test"), ("domains", "r133a.test")],
        rows: &[
            backup("r133.test", "smtp: [mail.friend.com]"),
            relay("@r133.test", "OK"),
            domain("r133a.test", "virtual"),
            user("mary@r133a.test", "r133a.test/mary/"),
        ],
        does: &[
            Brings("joe@r133.test", &["primary joe@r133.test"]),
            Brings("mary@r133a.test", &["mailbox r133a.test/mary/"]),
        ],
    },
    Oracle {
        rule: "PW134",
        about: &[("backups", "r134.test")],
        rows: &[
            backup("r134.test", "smtp:[aspmx.l.google.com]:587"),
            relay("@r134.test", "OK"),
            backup("r134a.test", "smtp:[aspmx.l.google.com]"),
            relay("@r134a.test", "OK"),
        ],
        does: &[
            Says("joe@r134.test", &["deferred"], ":587: Connection refused"),
            Brings("joe@r134a.test", &["google joe@r134a.test"]),
        ],
    },
    Oracle {
        rule: "PW135",
        about: &[("backups", "r135.test")],
        rows: &[
            backup("r135.test", ":[mail_friend.com]"),
            relay("@r135.test", "OK"),
        ],
        does: &[Brings("joe@r135.test", &["outside joe@r135.test"])],
    },
    Oracle {
        rule: "PW202",
        about: &[("domains", "ann@r202a.test"), ("domains", "r202.test")],
        rows: &[
            domain("r202.test", ":[mail.friend.com]"),
            user("joe@r202.test", "r202.test/joe/"),
            hosted("r202a.test"),
            domain("ann@r202a.test", ":[mail.friend.com]"),
            alias("ann@r202a.test", "ann@r202a.test"),
            user("ann@r202a.test", "r202a.test/ann/"),
            domain("eve@r202a.test", "smtp:[mail.friend.com]"),
            alias("eve@r202a.test", "eve@r202a.test"),
        ],
        does: &[
            Brings("joe@r202.test", &["mailbox r202.test/joe/"]),
            Brings("ann@r202a.test", &["mailbox r202a.test/ann/"]),
            Brings("eve@r202a.test", &["primary eve@r202a.test"]),
            Answers("any@r202.test", UNKNOWN),
        ],
    },
    Oracle {
        rule: "PW205",
        about: &[("backups", "r205.test"), ("domains", "r205a.test")],
        rows: &[
            backup("r205.test", "smtp:[mail.friend.com]:smtp"),
            relay("@r205.test", "OK"),
            domain("r205a.test", "virtual:[]"),
            user("mary@r205a.test", "r205a.test/mary/"),
        ],
        does: &[
            Brings("joe@r205.test", &["primary joe@r205.test"]),
            Brings("mary@r205a.test", &["mailbox r205a.test/mary/"]),
        ],
    },
    Oracle {
        rule: "PW207",
        about: &[("backups", "r207.test")],
        rows: &[
            backup("r207.test", "smtp:[TENANT.mail.nx.test]"),
            relay("@r207.test", "OK"),
        ],
        does: &[Says("joe@r207.test", &["bounced joe@r207.test"], NO_HOST)],
    },
];
