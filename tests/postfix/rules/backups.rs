//! Of backup MX domains.

use super::Does::{Answers, Brings};
use super::rows::{backup, relay};
use super::{DENIED, Oracle, UNKNOWN};

pub(super) const BACKUPS: &[Oracle] = &[
    Oracle {
        rule: "PW123",
        about: &[("backups", "r123.test")],
        rows: &[
            backup("r123.test", ":[mail.friend.com]"),
            backup("r123a.test", ":[mail.friend.com]"),
            relay("joe@r123a.test", "OK"),
        ],
        does: &[
            Answers("joe@r123.test", UNKNOWN),
            Answers("postmaster@r123.test", UNKNOWN),
            Brings("joe@r123a.test", &["primary joe@r123a.test"]),
        ],
    },
    Oracle {
        // Recipients that are refused, or that Postfix never asks for.
        rule: "PW123",
        about: &[("backups", "r123b.test"), ("backups", "r123c.test")],
        rows: &[
            backup("r123b.test", ":[mail.friend.com]"),
            relay("joe@r123b.test", "REJECT"),
            relay("ann@r123b.test", "YES"),
            backup("r123c.test", ":[mail.friend.com]"),
            relay("r123c.test", "OK"),
        ],
        does: &[
            Answers("joe@r123b.test", "550 5.1.1"),
            Answers("ann@r123b.test", UNKNOWN),
            Answers("joe@r123c.test", UNKNOWN),
        ],
    },
    Oracle {
        // Refused with its own words, whoever is a recipient; to be thrown away, mail has to be accepted first.
        rule: "PW123",
        about: &[("backups", "r123e.test")],
        rows: &[
            backup("r123d.test", "error:5.2.1 closed for good"),
            backup("r123e.test", "discard:"),
        ],
        does: &[
            Answers("joe@r123d.test", "closed for good"),
            Answers("joe@r123e.test", UNKNOWN),
        ],
    },
    Oracle {
        // The primary server does not know nobody.
        rule: "PW124",
        about: &[("backups", "r124.test")],
        rows: &[
            backup("r124.test", ":[mail.friend.com]"),
            relay("@r124.test", "OK"),
            backup("r124a.test", ":[mail.friend.com]"),
            relay("joe@r124a.test", "OK"),
        ],
        does: &[
            Brings("nobody@r124.test", &["bounced nobody@r124.test"]),
            Answers("nobody@r124a.test", UNKNOWN),
        ],
    },
    Oracle {
        rule: "PW125",
        about: &[("relays", "joe@sub.r125.test")],
        rows: &[
            backup("r125.test", ":[mail.friend.com]"),
            relay("joe@sub.r125.test", "OK"),
            relay("joe@r125.test", "OK"),
        ],
        does: &[
            Answers("joe@sub.r125.test", DENIED),
            Brings("joe@r125.test", &["primary joe@r125.test"]),
        ],
    },
];
