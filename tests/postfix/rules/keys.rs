//! Of keys, in any table.

use super::Does::{Answers, Brings};
use super::rows::{alias, backup, hosted, relay, relocated, user};
use super::{DENIED, Oracle, TAKEN, UNKNOWN};

pub(super) const KEYS: &[Oracle] = &[
    Oracle {
        rule: "PW101",
        about: &[("aliases", "\tann@r101.test"), ("aliases", " joe@r101.test")],
        rows: &[
            hosted("r101.test"),
            alias(" joe@r101.test", "joe@far.test"),
            alias("\tann@r101.test", "ann@far.test"),
            alias("eve@r101.test", "eve@far.test"),
        ],
        does: &[
            Answers("joe@r101.test", UNKNOWN),
            Answers("ann@r101.test", UNKNOWN),
            Answers("eve@r101.test", TAKEN),
        ],
    },
    Oracle {
        // Forgiven by the bed's collation, which pads.
        rule: "PW101",
        about: &[("domains", "r101a.test ")],
        rows: &[hosted("r101a.test "), alias("joe@r101a.test", "joe@far.test")],
        does: &[Brings("joe@r101a.test", &["outside joe@far.test"])],
    },
    Oracle {
        // The bed's collation folds case; `alone.rs` has one that does not.
        rule: "PW102",
        about: &[("aliases", "Joe@r102.test"), ("domains", "R102.test")],
        rows: &[hosted("R102.test"), alias("Joe@r102.test", "joe@far.test")],
        does: &[Brings("joe@r102.test", &["outside joe@far.test"])],
    },
    Oracle {
        rule: "PW103",
        about: &[("aliases", "joe@r103.test."), ("domains", "r103a.test.")],
        rows: &[
            hosted("r103.test"),
            alias("joe@r103.test.", "joe@far.test"),
            alias("ann@r103.test", "ann@far.test"),
            hosted("r103a.test."),
            alias("joe@r103a.test", "joe@far.test"),
        ],
        does: &[
            Answers("joe@r103.test", UNKNOWN),
            Answers("joe@r103.test.", UNKNOWN),
            Answers("ann@r103.test.", TAKEN),
            Answers("joe@r103a.test", DENIED),
        ],
    },
    Oracle {
        rule: "PW104",
        about: &[("domains", "bücher.r104.test")],
        rows: &[
            hosted("bücher.r104.test"),
            alias("joe@xn--bcher-kva.r104.test", "joe@far.test"),
        ],
        does: &[Answers("joe@xn--bcher-kva.r104.test", DENIED)],
    },
    Oracle {
        rule: "PW105",
        about: &[("aliases", "josé@r105.test")],
        rows: &[hosted("r105.test"), alias("josé@r105.test", "joe@far.test")],
        does: &[Brings("jose@r105.test", &["outside joe@far.test"])],
    },
    Oracle {
        rule: "PW106",
        about: &[("aliases", "joe@r106.test"), ("domains", "r106a.test")],
        rows: &[
            hosted("r106.test"),
            alias("joe@r106.test", "joe@far.test").switched("2"),
            alias("ann@r106.test", "ann@far.test"),
            hosted("r106a.test").switched("-1"),
            alias("joe@r106a.test", "joe@far.test"),
        ],
        does: &[
            Answers("joe@r106.test", UNKNOWN),
            Answers("ann@r106.test", TAKEN),
            Answers("joe@r106a.test", DENIED),
        ],
    },
    Oracle {
        rule: "PW107",
        about: &[
            ("aliases", "*@r107.test"),
            ("aliases", "<joe@r107.test>"),
            ("aliases", "ann"),
            ("users", "mailto:eve@r107.test"),
        ],
        rows: &[
            hosted("r107.test"),
            alias("<joe@r107.test>", "joe@far.test"),
            alias("*@r107.test", "joe@far.test"),
            alias("ann", "joe@far.test"),
            user("mailto:eve@r107.test", "r107.test/eve/"),
        ],
        does: &[
            Answers("joe@r107.test", UNKNOWN),
            Answers("ann@r107.test", UNKNOWN),
            Answers("eve@r107.test", UNKNOWN),
        ],
    },
    Oracle {
        rule: "PW108",
        about: &[("relays", "r108.test"), ("relocated", "r108a.test")],
        rows: &[
            backup("r108.test", ":[mail.friend.com]"),
            relay("r108.test", "OK"),
            hosted("r108a.test"),
            user("joe@r108a.test", "r108a.test/joe/"),
            relocated("r108a.test", "the new office"),
        ],
        does: &[
            Answers("joe@r108.test", UNKNOWN),
            Brings("joe@r108a.test", &["mailbox r108a.test/joe/"]),
        ],
    },
    Oracle {
        rule: "PW203",
        about: &[("aliases", ".joe@r203.test")],
        rows: &[
            hosted("r203.test"),
            alias(".joe@r203.test", "joe@far.test"),
            alias("joe@r203.test", "joe@far.test"),
        ],
        does: &[Brings(".joe@r203.test", &["bounced \".joe\"@r203.test"])],
    },
    Oracle {
        // One letter more than SMTP allows.
        rule: "PW203",
        about: &[(
            "aliases",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@r203a.test",
        )],
        rows: &[
            hosted("r203a.test"),
            alias(
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@r203a.test",
                "joe@far.test",
            ),
            alias("joe@r203a.test", "joe@far.test"),
        ],
        does: &[Brings(
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@r203a.test",
            &["outside joe@far.test"],
        )],
    },
    Oracle {
        rule: "PW203",
        about: &[("aliases", "joe@r_203.test"), ("domains", "r_203.test")],
        rows: &[
            hosted("r_203.test"),
            alias("joe@r_203.test", "joe@far.test"),
            hosted("r203b.test"),
        ],
        does: &[Brings("joe@r_203.test", &["outside joe@far.test"])],
    },
];
