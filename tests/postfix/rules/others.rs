//! Of relay recipients, relocations and access rules.

use super::Does::{Answers, AnswersFrom, AnswersInside, Brings};
use super::rows::{access, access_saying, alias, backup, hosted, relay, relocated, user};
use super::{BLOCKED, DENIED, MOVED, Oracle, TAKEN, UNKNOWN};

pub(super) const OTHERS: &[Oracle] = &[
    Oracle {
        rule: "PW157",
        about: &[("relays", "joe@r157.test")],
        rows: &[
            backup("r157.test", ":[mail.friend.com]"),
            relay("joe@r157.test", "YES"),
            relay("ann@r157.test", "OK"),
        ],
        does: &[Answers("joe@r157.test", UNKNOWN), Answers("ann@r157.test", TAKEN)],
    },
    Oracle {
        rule: "PW159",
        about: &[("relays", "joe@r159.test")],
        rows: &[
            backup("r159.test", ":[mail.friend.com]"),
            relay("@r159.test", "OK"),
            relay("joe@r159.test", "REJECT").off(),
            relay("ann@r159.test", "REJECT"),
        ],
        does: &[Answers("joe@r159.test", TAKEN), Answers("ann@r159.test", UNKNOWN)],
    },
    Oracle {
        rule: "PW160",
        about: &[("relays", "joe@r160.test")],
        rows: &[relay("joe@r160.test", "OK")],
        does: &[Answers("joe@r160.test", DENIED)],
    },
    Oracle {
        rule: "PW229",
        about: &[("relays", "@r229.test")],
        rows: &[
            backup("r229.test", ":[mail.friend.com]"),
            relay("@r229.test", "REJECT"),
            relay("joe@r229.test", "OK"),
        ],
        does: &[Answers("joe@r229.test", TAKEN), Answers("any@r229.test", UNKNOWN)],
    },
    Oracle {
        rule: "PW230",
        about: &[("relays", "@r230.test")],
        rows: &[
            backup("r230.test", ":[mail.friend.com]"),
            relay("@r230.test", "OK"),
        ],
        does: &[Answers("any@r230.test", TAKEN)],
    },
    Oracle {
        rule: "PW161",
        about: &[("relocated", "joe@r161.test")],
        rows: &[
            hosted("r161.test"),
            alias("joe@r161.test", "ann@far.test"),
            relocated("joe@r161.test", "joe@far.test"),
            relocated("eve@r161.test", "eve@far.test"),
        ],
        does: &[Answers("joe@r161.test", MOVED)],
    },
    Oracle {
        rule: "PW162",
        about: &[("relocated", "@r162.test")],
        rows: &[
            hosted("r162.test"),
            user("joe@r162.test", "r162.test/joe/"),
            relocated("@r162.test", "the new office"),
        ],
        does: &[Answers("joe@r162.test", MOVED)],
    },
    Oracle {
        rule: "PW163",
        about: &[("relocated", "boss@r163.test")],
        rows: &[relocated("boss@r163.test", "boss@far.test")],
        does: &[
            AnswersInside("boss@r163.test", MOVED),
            AnswersInside("joe@r163.test", TAKEN),
        ],
    },
    Oracle {
        rule: "PW164",
        about: &[("relocated", "joe@r164.test")],
        rows: &[hosted("r164.test"), relocated("joe@r164.test", "")],
        does: &[Answers("joe@r164.test", UNKNOWN)],
    },
    Oracle {
        rule: "PW165",
        about: &[("relocated", "@r165.test")],
        rows: &[hosted("r165.test"), relocated("@r165.test", "@new.test")],
        does: &[Answers("joe@r165.test", "User has moved to @new.test")],
    },
    Oracle {
        rule: "PW166",
        about: &[("access_rules", "joe@r166.test")],
        rows: &[
            hosted("r166.test"),
            alias("@r166.test", "joe@far.test"),
            access("recipient", "joe@r166.test", "deny"),
            access("recipient", "ann@r166.test", "reject"),
        ],
        does: &[Answers("joe@r166.test", TAKEN), Answers("ann@r166.test", BLOCKED)],
    },
    Oracle {
        // The queries of Postwarden pass on neither.
        rule: "PW166",
        about: &[("access_rules", "joe@r166s.test"), ("access_rules", "r166joe@")],
        rows: &[
            hosted("r166a.test"),
            alias("@r166a.test", "joe@far.test"),
            access("sender", "joe@r166s.test", "deny"),
            access("sender", "r166joe@", "550"),
            access("sender", "r166s.test", "REJECT"),
        ],
        does: &[
            AnswersFrom("joe@r166s.test", "joe@r166a.test", DENIED),
            AnswersFrom("r166joe@r166t.test", "joe@r166a.test", TAKEN),
        ],
    },
    Oracle {
        rule: "PW103",
        about: &[("access_rules", "r103s.test.")],
        rows: &[
            hosted("r103s.test"),
            alias("@r103s.test", "joe@far.test"),
            access("sender", "r103s.test.", "REJECT"),
        ],
        does: &[AnswersFrom("joe@r103s.test", "joe@r103s.test", TAKEN)],
    },
    Oracle {
        rule: "PW104",
        about: &[("access_rules", "bücher.r104s.test")],
        rows: &[
            hosted("r104s.test"),
            alias("@r104s.test", "joe@far.test"),
            access("sender", "bücher.r104s.test", "REJECT"),
        ],
        does: &[AnswersFrom(
            "joe@xn--bcher-kva.r104s.test",
            "joe@r104s.test",
            TAKEN,
        )],
    },
    Oracle {
        rule: "PW167",
        about: &[("access_rules", "@r167.test")],
        rows: &[
            hosted("r167.test"),
            alias("@r167.test", "joe@far.test"),
            access("recipient", "@r167.test", "REJECT"),
        ],
        does: &[Answers("any@r167.test", TAKEN)],
    },
    Oracle {
        rule: "PW167",
        about: &[("access_rules", "r167label")],
        rows: &[
            hosted("some.r167label"),
            alias("@some.r167label", "joe@far.test"),
            access("recipient", "r167label", "REJECT"),
        ],
        does: &[Answers("any@some.r167label", BLOCKED)],
    },
    Oracle {
        rule: "PW169",
        about: &[("access_rules", "trap@r169.test")],
        rows: &[
            hosted("r169.test"),
            user("trap@r169.test", "r169.test/trap/"),
            alias("info@r169.test", "trap@r169.test"),
            access("recipient", "trap@r169.test", "REJECT"),
            access("recipient", "eve@r169.test", "REJECT"),
        ],
        does: &[
            Answers("trap@r169.test", BLOCKED),
            Brings("info@r169.test", &["mailbox r169.test/trap/"]),
        ],
    },
    Oracle {
        rule: "PW233",
        about: &[("access_rules", "r233.test")],
        rows: &[
            hosted("sub.r233.test"),
            alias("@sub.r233.test", "joe@far.test"),
            access("recipient", "r233.test", "REJECT"),
        ],
        does: &[Answers("any@sub.r233.test", BLOCKED)],
    },
    Oracle {
        // The bed's collation ignores case; `alone.rs` has one that does not.
        rule: "PW228",
        about: &[("relays", "joe@r228.test")],
        rows: &[
            backup("r228.test", ":[mail.friend.com]"),
            relay("joe@r228.test", "ok"),
            relay("ann@r228.test", "OK"),
        ],
        does: &[Answers("joe@r228.test", TAKEN)],
    },
    Oracle {
        rule: "PW231",
        about: &[("relocated", "joe@r231.test")],
        rows: &[
            hosted("r231.test"),
            relocated("joe@r231.test", "chez José"),
            relocated("ann@r231.test", "ann@far.test"),
        ],
        does: &[Answers("joe@r231.test", "User has moved to chez José")],
    },
    Oracle {
        // Whoever writes a sender of the domain passes the ban on the name.
        rule: "PW168",
        about: &[("access_rules", "r168.test")],
        rows: &[
            hosted("r168a.test"),
            alias("joe@r168a.test", "joe@far.test"),
            access("sender", "r168joe@", "REJECT"),
            access("sender", "r168.test", "OK"),
        ],
        does: &[
            AnswersFrom("r168joe@far.test", "joe@r168a.test", DENIED),
            AnswersFrom("r168joe@r168.test", "joe@r168a.test", TAKEN),
        ],
    },
    Oracle {
        rule: "PW234",
        about: &[("access_rules", "joe@r234.test")],
        rows: &[
            hosted("r234.test"),
            alias("@r234.test", "joe@far.test"),
            access_saying("recipient", "joe@r234.test", "REJECT", "schön weg"),
            access_saying("recipient", "ann@r234.test", "REJECT", "gone"),
        ],
        does: &[
            Answers("joe@r234.test", "rejected: schön weg"),
            Answers("ann@r234.test", "rejected: gone"),
        ],
    },
];
