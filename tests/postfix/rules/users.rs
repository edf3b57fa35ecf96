//! Of mailboxes.

use super::Does::{Answers, Brings};
use super::rows::{alias, backup, hosted, relay, relocated, user, user_at};
use super::{DENIED, MOVED, Oracle, UNKNOWN};

pub(super) const USERS: &[Oracle] = &[
    Oracle {
        rule: "PW139",
        about: &[("users", "joe@r139.test")],
        rows: &[
            hosted("r139.test"),
            user("joe@r139.test", "r139.test/joe/"),
            user("ann@r139.test", "r139.test/ann/"),
            alias("@r139.test", "ann@r139.test"),
            alias("ann@r139.test", "ann@r139.test"),
        ],
        does: &[
            Brings("joe@r139.test", &["mailbox r139.test/ann/"]),
            Brings("ann@r139.test", &["mailbox r139.test/ann/"]),
        ],
    },
    Oracle {
        rule: "PW149",
        about: &[("users", "joe@r149.test")],
        rows: &[user("joe@r149.test", "r149.test/joe/")],
        does: &[Answers("joe@r149.test", DENIED)],
    },
    Oracle {
        rule: "PW149",
        about: &[("users", "@r149a.test")],
        rows: &[hosted("r149a.test"), user("@r149a.test", "r149a.test/all/")],
        does: &[Brings("any@r149a.test", &["mailbox r149a.test/all/"])],
    },
    Oracle {
        rule: "PW151",
        about: &[("users", "joe@r151.test")],
        rows: &[hosted("r151.test"), user("joe@r151.test", "")],
        does: &[Answers("joe@r151.test", UNKNOWN)],
    },
    Oracle {
        rule: "PW151",
        about: &[("users", "joe@r151a.test")],
        rows: &[hosted("r151a.test"), user("joe@r151a.test", "/")],
        does: &[Answers("joe@r151a.test", UNKNOWN)],
    },
    Oracle {
        rule: "PW151",
        about: &[("users", "joe@r151b.test")],
        rows: &[hosted("r151b.test"), user("joe@r151b.test", "/r151b.test/joe/")],
        does: &[Brings("joe@r151b.test", &["mailbox r151b.test/joe/"])],
    },
    Oracle {
        rule: "PW152",
        about: &[("users", "joe@r152.test")],
        rows: &[hosted("r152.test"), user("joe@r152.test", "../r152/")],
        does: &[Answers("joe@r152.test", UNKNOWN)],
    },
    Oracle {
        rule: "PW153",
        about: &[("users", "ann@r153.test"), ("users", "joe@r153.test")],
        rows: &[
            hosted("r153.test"),
            user("joe@r153.test", "r153.test/blah/"),
            user("ann@r153.test", "r153.test/blah"),
            user("eve@r153.test", "r153.test/eve/"),
        ],
        does: &[
            Brings("joe@r153.test", &["mailbox r153.test/blah/"]),
            Brings("ann@r153.test", &["mailbox r153.test/blah/"]),
        ],
    },
    Oracle {
        rule: "PW153",
        about: &[("users", "ann@r153a.test"), ("users", "joe@r153a.test")],
        rows: &[
            hosted("r153a.test"),
            user("joe@r153a.test", "r153a.test/blah/"),
            user("ann@r153a.test", "./r153a.test//blah/"),
            user("eve@r153a.test", "r153a.test/eve/"),
        ],
        does: &[
            Brings("joe@r153a.test", &["mailbox r153a.test/blah/"]),
            Brings("ann@r153a.test", &["mailbox r153a.test/blah/"]),
        ],
    },
    Oracle {
        rule: "PW156",
        about: &[("users", "joe@r156.test")],
        rows: &[
            backup("r156.test", ":[mail.friend.com]"),
            relay("@r156.test", "OK"),
            user("joe@r156.test", "r156.test/joe/"),
        ],
        does: &[Brings("joe@r156.test", &["primary joe@r156.test"])],
    },
    Oracle {
        rule: "PW224",
        about: &[("users", "joe@r224.test")],
        rows: &[hosted("r224.test").off(), user("joe@r224.test", "r224.test/joe/")],
        does: &[Answers("joe@r224.test", DENIED)],
    },
    Oracle {
        rule: "PW227",
        about: &[("users", "joe@r227.test")],
        rows: &[
            hosted("r227.test"),
            user("joe@r227.test", "r227.test/joe/"),
            user("ann@r227.test", "r227.test/ann/"),
            relocated("joe@r227.test", "joe@far.test"),
        ],
        does: &[
            Answers("joe@r227.test", MOVED),
            Brings("ann@r227.test", &["mailbox r227.test/ann/"]),
        ],
    },
    Oracle {
        rule: "PW155",
        about: &[("users", "joe@r155.test")],
        rows: &[
            hosted("r155.test"),
            user_at("joe@r155.test", "r155.test/joe/", "/home/mail"),
            user("ann@r155.test", "r155.test/ann/"),
        ],
        does: &[Brings("joe@r155.test", &["mailbox r155.test/joe/"])],
    },
    Oracle {
        rule: "PW225",
        about: &[("users", "joe@r225.test")],
        rows: &[
            hosted("r225.test"),
            user("joe@r225.test", "r225.test/joe $HOME/"),
            user("ann@r225.test", "r225.test/ann/"),
        ],
        does: &[Brings("joe@r225.test", &["mailbox r225.test/joe $HOME/"])],
    },
];
