//! Of aliases.

use super::Does::{Answers, Brings, BringsInside, Ends};
use super::rows::{alias, backup, hosted, relay, user};
use super::{DENIED, LOOP, Oracle, UNKNOWN};

pub(super) const ALIASES: &[Oracle] = &[
    Oracle {
        rule: "PW136",
        about: &[("aliases", "r136.test")],
        rows: &[
            hosted("r136.test"),
            user("mary@r136.test", "r136.test/mary/"),
            alias("r136.test", "joe@far.test"),
        ],
        does: &[
            Brings("mary@r136.test", &["mailbox r136.test/mary/"]),
            Answers("any@r136.test", UNKNOWN),
        ],
    },
    Oracle {
        rule: "PW137",
        about: &[("aliases", "a@r137.test"), ("aliases", "b@r137.test")],
        rows: &[
            hosted("r137.test"),
            alias("a@r137.test", "b@r137.test"),
            alias("b@r137.test", "a@r137.test"),
            alias("c@r137.test", "joe@far.test"),
        ],
        does: &[
            Ends("a@r137.test", LOOP),
            Brings("c@r137.test", &["outside joe@far.test"]),
        ],
    },
    Oracle {
        rule: "PW138",
        about: &[("aliases", "joe@r138.test")],
        rows: &[
            hosted("r138.test"),
            alias("joe@r138.test", "gone@r138.test"),
            alias("via@r138.test", "joe@r138.test"),
        ],
        does: &[
            Answers("gone@r138.test", UNKNOWN),
            Brings("joe@r138.test", &["bounced gone@r138.test"]),
        ],
    },
    Oracle {
        rule: "PW138",
        about: &[("aliases", "@r138a.test")],
        rows: &[
            hosted("r138a.test"),
            hosted("r138b.test"),
            user("mary@r138b.test", "r138b.test/mary/"),
            alias("@r138a.test", "@r138b.test"),
        ],
        does: &[
            Brings("mary@r138a.test", &["mailbox r138b.test/mary/"]),
            Brings("any@r138a.test", &["bounced any@r138b.test"]),
        ],
    },
    Oracle {
        rule: "PW140",
        about: &[("aliases", "joe@r140.test")],
        rows: &[
            hosted("r140.test"),
            user("joe@r140.test", "r140.test/joe/"),
            user("ann@r140.test", "r140.test/ann/"),
            alias("joe@r140.test", "joe@far.test"),
            alias("ann@r140.test", "ann@far.test,ann@r140.test"),
        ],
        does: &[
            Brings("joe@r140.test", &["outside joe@far.test"]),
            Brings(
                "ann@r140.test",
                &["mailbox r140.test/ann/", "outside ann@far.test"],
            ),
        ],
    },
    Oracle {
        rule: "PW141",
        about: &[("aliases", "none@r141.test")],
        rows: &[hosted("r141.test"), alias("none@r141.test", "")],
        does: &[Answers("none@r141.test", UNKNOWN)],
    },
    Oracle {
        rule: "PW141",
        about: &[("aliases", "word@r141a.test")],
        rows: &[hosted("r141a.test"), alias("word@r141a.test", "vivita")],
        does: &[Brings("word@r141a.test", &["bounced vivita@mx.self.test"])],
    },
    Oracle {
        rule: "PW141",
        about: &[("aliases", "none@r141b.test")],
        rows: &[
            hosted("r141b.test"),
            alias("none@r141b.test", " , ;"),
            alias("joe@r141b.test", "joe@far.test,"),
        ],
        does: &[
            Ends("none@r141b.test", "451 4.3.0 Error: queue file write error"),
            Brings("joe@r141b.test", &["outside joe@far.test"]),
        ],
    },
    Oracle {
        rule: "PW142",
        about: &[("aliases", "joe@r142.test")],
        rows: &[
            hosted("r142.test"),
            user("mary@r142.test", "r142.test/mary/"),
            alias("joe@r142.test", "mailto:mary@r142.test"),
            alias("ann@r142.test", "Mary <mary@r142.test>"),
        ],
        does: &[
            Brings("joe@r142.test", &["bounced \"mailto:mary\"@r142.test"]),
            Brings("ann@r142.test", &["mailbox r142.test/mary/"]),
        ],
    },
    Oracle {
        rule: "PW142",
        about: &[("aliases", "joe@r142a.test")],
        rows: &[hosted("r142a.test"), alias("joe@r142a.test", "|/bin/cat")],
        does: &[Brings("joe@r142a.test", &["bounced |/bin/cat@mx.self.test"])],
    },
    Oracle {
        rule: "PW143",
        about: &[("aliases", "joe@r143.test")],
        rows: &[
            hosted("r143.test"),
            hosted("r143a.test"),
            user("joe@r143a.test", "r143a.test/joe/"),
            alias("joe@r143.test", "ann@far.test,@r143a.test"),
        ],
        does: &[Brings(
            "joe@r143.test",
            &["outside ann@far.test", "bounced \"\"@r143a.test"],
        )],
    },
    Oracle {
        // What it makes of them is an address of the last domain.
        rule: "PW143",
        about: &[("aliases", "@r143b.test"), ("aliases", "joe@r143d.test")],
        rows: &[
            hosted("r143b.test"),
            hosted("r143c.test"),
            hosted("r143d.test"),
            hosted("r143e.test"),
            user("joe@r143c.test", "r143c.test/joe/"),
            alias("@r143b.test", "@r143c.test,ann@far.test"),
            alias("joe@r143d.test", " @r143c.test"),
            alias("@r143e.test", "@r143c.test"),
        ],
        does: &[
            Brings("joe@r143b.test", &["outside \"joe@r143c.test,ann\"@far.test"]),
            Brings("joe@r143d.test", &["bounced \"\"@r143c.test"]),
            Brings("joe@r143e.test", &["mailbox r143c.test/joe/"]),
        ],
    },
    Oracle {
        rule: "PW146",
        about: &[("aliases", "boss@r146.test")],
        rows: &[alias("boss@r146.test", "joe@far.test")],
        does: &[
            Answers("boss@r146.test", DENIED),
            BringsInside("boss@r146.test", &["outside joe@far.test"]),
            BringsInside("other@r146.test", &["outside other@r146.test"]),
        ],
    },
    Oracle {
        rule: "PW147",
        about: &[("aliases", "@r147.test")],
        rows: &[
            hosted("r147.test"),
            user("mary@r147.test", "r147.test/mary/"),
            alias("@r147.test", "@r147.test"),
        ],
        does: &[
            Brings("mary@r147.test", &["mailbox r147.test/mary/"]),
            Brings("any@r147.test", &["bounced any@r147.test"]),
        ],
    },
    Oracle {
        rule: "PW220",
        about: &[("aliases", "joe@r220.test")],
        rows: &[
            hosted("r220.test"),
            alias("joe@r220.test", "ann@far.test;eve@far.test"),
        ],
        does: &[Brings(
            "joe@r220.test",
            &["outside ann@far.test", "outside eve@far.test"],
        )],
    },
    Oracle {
        rule: "PW221",
        about: &[("aliases", "joe@r221.test")],
        rows: &[hosted("r221.test").off(), alias("joe@r221.test", "joe@far.test")],
        does: &[
            Answers("joe@r221.test", DENIED),
            BringsInside("joe@r221.test", &["outside joe@far.test"]),
        ],
    },
    Oracle {
        rule: "PW222",
        about: &[("aliases", "joe@r222.test")],
        rows: &[
            backup("r222.test", ":[mail.friend.com]"),
            relay("@r222.test", "OK"),
            alias("joe@r222.test", "joe@far.test"),
        ],
        does: &[
            Brings("joe@r222.test", &["outside joe@far.test"]),
            Brings("ann@r222.test", &["primary ann@r222.test"]),
        ],
    },
    Oracle {
        // As long as the howto's column: the rest of joe's domain is lost.
        rule: "PW144",
        about: &[("aliases", "all@r144.test")],
        rows: &[
            hosted("r144.test"),
            alias(
                "all@r144.test",
                "ann01@far.test,ann02@far.test,ann03@far.test,ann04@far.test,ann05@far.test,ann06@far.test,bbbbbbbb@far.test,joe@sales.el",
            ),
            alias("one@r144.test", "joe@sales.else.test"),
        ],
        does: &[Brings(
            "all@r144.test",
            &[
                "outside ann01@far.test",
                "outside ann02@far.test",
                "outside ann03@far.test",
                "outside ann04@far.test",
                "outside ann05@far.test",
                "outside ann06@far.test",
                "outside bbbbbbbb@far.test",
                "outside joe@sales.el",
            ],
        )],
    },
    Oracle {
        rule: "PW223",
        about: &[("aliases", "joe@r223.test")],
        rows: &[
            hosted("r223.test"),
            alias("joe@r223.test", ".joe@far.test"),
            alias("ann@r223.test", "ann@far.test"),
        ],
        does: &[Brings("joe@r223.test", &["outside \".joe\"@far.test"])],
    },
];
