//! What the sample is put together from. Names reserved for examples only: domains under `.example` and `.test` (RFC
//! 2606), addresses of RFC 5737 and RFC 3849, and telephone numbers that are kept free for fiction.

use super::{Kind, Site};

/// The hosted domains that have mailboxes.
pub(super) const SITES: &[Site] = &[
    site("harbour-cafe.example", Kind::Company, 14),
    site("northwind-cycles.example", Kind::Company, 38),
    site("the-okafors.example", Kind::Family, 6),
    site("brightwater-dental.example", Kind::Company, 16),
    site("westport-rowing-club.example", Kind::Club, 12),
    site("tallinn-timber.example", Kind::Company, 22),
    site("oakridge-surveyors.example", Kind::Company, 19),
    site("saffron-kitchen.example", Kind::Company, 9),
    site("lumen-architects.example", Kind::Company, 31),
    site("kestrel-couriers.example", Kind::Company, 64),
    site("lindqvist-family.example", Kind::Family, 5),
    site("meridian-optics.example", Kind::Company, 47),
    site("blue-lantern-books.example", Kind::Company, 8),
    // käserei-alpenblick.example
    site("xn--kserei-alpenblick-qqb.example", Kind::Company, 6),
    site("st-brides-choir.example", Kind::Club, 9),
    site("copperfield-brewing.example", Kind::Company, 18),
    site("fjord-seafood.example", Kind::Company, 26),
    site("granite-and-sons.example", Kind::Company, 12),
    site(BIG_CLUB, Kind::Club, 14),
    site("highland-physio.example", Kind::Company, 11),
    site("ivy-lane-nursery.example", Kind::Company, 17),
    site("juniper-analytics.example", Kind::Company, 58),
    site("nguyen-household.example", Kind::Family, 4),
    site("kopje-safaris.example", Kind::Company, 13),
    site("lagos-print-house.example", Kind::Company, 21),
    site("valley-chess.example", Kind::Club, 6),
    site("mapletree-accounting.example", Kind::Company, 24),
    site("nara-paper.example", Kind::Company, 10),
    site("sunrise-judo.example", Kind::Club, 8),
    site("okonkwo-legal.example", Kind::Company, 15),
    site("porto-ceramics.example", Kind::Company, 12),
    site("quarry-street-studios.example", Kind::Company, 9),
    site("old-town-allotments.example", Kind::Club, 7),
    site("riverbend-hydro.example", Kind::Company, 112),
    site("familie-brandt.example", Kind::Family, 5),
    site("seoul-stringworks.example", Kind::Company, 7),
    site("parkside-primary-pta.example", Kind::Club, 10),
    site("tidewater-marine.example", Kind::Company, 33),
    site("umbra-lighting.example", Kind::Company, 20),
    site("montevideo-tango.example", Kind::Club, 5),
    site("vesper-hotels.example", Kind::Company, 96),
    // fleurs-zoé.example
    site("xn--fleurs-zo-j4a.example", Kind::Company, 4),
    site("patel-and-patel.example", Kind::Family, 7),
    site("staging.riverbend-hydro.test", Kind::Company, 3),
    site("lab.juniper-analytics.test", Kind::Company, 5),
    site("workshop.test", Kind::Company, 4),
];

/// The club whose list of members is the longest there is.
pub(super) const BIG_CLUB: &str = "great-northern-model-railway-and-tramway-society.example";

const fn site(domain: &'static str, kind: Kind, mailboxes: usize) -> Site {
    Site {
        domain,
        kind,
        mailboxes,
    }
}

/// Domains in which one mailbox takes what no other row takes.
pub(super) const WITH_CATCH_ALL: &[&str] = &[
    "harbour-cafe.example",
    "the-okafors.example",
    "lindqvist-family.example",
    "blue-lantern-books.example",
    "granite-and-sons.example",
    "nguyen-household.example",
    "porto-ceramics.example",
    "familie-brandt.example",
    "patel-and-patel.example",
];

/// Former names of a domain with a catch-all: all their mail goes there.
pub(super) const FORMER_NAMES: &[(&str, &str)] = &[
    ("harbourcafe.example", "harbour-cafe.example"),
    ("blue-lantern.example", "blue-lantern-books.example"),
    ("okafor.example", "the-okafors.example"),
    ("ceramica-porto.example", "porto-ceramics.example"),
];

/// Domains that are kept and switched off.
pub(super) const PARKED: &[&str] = &["old-orchard.example", "winter-fair.example"];

/// A domain whose people have all moved.
pub(super) const CLOSED: (&str, &str) = (
    "corner-bakery.example",
    "our new shop, hello@harbour-cafe.example",
);

/// Domains this server is backup MX of, and their primary servers.
pub(super) const BACKUPS: &[(&str, &str)] = &[
    ("canal-museum.example", ":[mail.canal-museum.example]"),
    ("delta-freight.example", "smtp:[mx1.delta-freight.example]"),
    ("elm-grove-school.example", ":[mail.elm-grove-school.example]"),
    ("foxglove-florists.example", ""),
    ("glasshouse-media.example", ":[192.0.2.25]"),
    (
        "hilltop-observatory.example",
        ":[mail.hilltop-observatory.example]",
    ),
    ("island-ferries.example", "smtp:[mx.island-ferries.example]:2525"),
    ("jade-river-tea.example", ":[IPv6:2001:db8:25::1]"),
    ("kiln-lane-pottery.example", ""),
    ("lakeside-clinic.example", ":[mail.lakeside-clinic.example]"),
    ("monsoon-textiles.example", "smtp:[mx.monsoon-textiles.example]"),
    ("night-market.example", ":[mail.night-market.example]"),
];

/// Where the mailboxes of transport overrides are; `{}` is the domain with hyphens for dots.
pub(super) const ELSEWHERE: &[&str] = &[
    "smtp:[aspmx.l.google.com]",
    "smtp:[smtp.google.com]",
    "smtp:[{}.mail.protection.outlook.com]",
];

/// Mail providers of people outside.
pub(super) const OUTSIDE: &[&str] = &[
    "freepost.example",
    "inbox-mail.example",
    "webmail.example",
    "uni-north.example",
    "telecom.example",
    "quickmail.test",
];

impl Kind {
    /// Local parts of addresses that are not a person's.
    pub(super) const fn roles(self) -> &'static [&'static str] {
        match self {
            Self::Company => &[
                "info",
                "sales",
                "support",
                "accounts",
                "jobs",
                "orders",
                "webmaster",
            ],
            Self::Club => &["info", "secretary", "treasurer", "events"],
            Self::Family => &["photos"],
        }
    }

    /// Local parts of mailing lists.
    pub(super) const fn lists(self) -> &'static [&'static str] {
        match self {
            Self::Company => &["team", "night-shift", "managers"],
            Self::Club => &["committee", "volunteers"],
            Self::Family => &["everybody"],
        }
    }
}

/// Given names, one word each; where the local part of an address is written differently, it stands behind a slash.
pub(super) const GIVEN: &str = "
    Aaliyah Abebe Adaeze Agnieszka Aiko Alejandro Amara Amir Ana Anders Anh Anneke Aoife Arjun Astrid
    Ayşe/ayse Beatriz Björn/bjorn Camille Chiara Chidi Dafydd Daniel Deepika Dmitri Eilidh Elif Emeka Emma
    Farah Fatima Finn François/francois Freya Giulia Grace Hana Hassan Hiroshi Ingrid Isabel Ivan Jakub
    James Jin Joanna José/jose Jürgen/juergen Kaveh Keiko Kwame Lars Leila Liam Linh Lucía/lucia Magdalena
    Mahmoud Malia Marek Mateo Mei Mihai Min-jun Nadia Niamh Nikos Nneka Olga Omar Oona Pavel Pedro Priya
    Rachel Ravi Rosa Ruth Sanjay Sara Siobhán/siobhan Sofia Søren/soeren Tadesse Takeshi Tamar Thandiwe
    Tomás/tomas Ulrike Valentina Wanjiru Wei Yasmin Yusuf Zanele Zoë/zoe
";

/// Family names, written as [`GIVEN`].
pub(super) const FAMILY: &str = "
    Abdullah Achterberg Adeyemi Ahmed Andersson Asante Bakker Banerjee Bauer Becker Bianchi Brandt Castro
    Chen Costa Das Diallo Dlamini Dubois Dvořák/dvorak Eriksen Fernandes Ferrari Fischer Flores Fraser
    García/garcia Ghorbani Goldberg Gupta Haddad Hansen Herrera Horvat Hughes Ibrahim Ito Ivanova Jansen
    Johnson Kamau Kapoor Kaya Keller Khan Kim Kowalski Kruger Lee Lefèvre/lefevre Lindqvist Lopez MacLeod
    Maharaj Martin Mbeki Mehta Mendoza Moreau Müller/mueller Murphy Nakamura Ncube Nguyen Nielsen
    Novák/novak O'Brien/obrien Okafor Okonkwo Oliveira Osei Papadopoulos Park Patel Petrov Popescu Quispe
    Rahman Reyes Rossi Sánchez/sanchez Santos Sato Schmidt Shapiro Silva Singh Smith Sokolov Suzuki Tanaka
    Taylor Tesfaye Thomas Torres Tran Van-Dijk Vargas Virtanen Walsh Wang Weber Williams Wong Yamamoto
    Yilmaz Zhang Zimmermann
";

/// What senders are told instead of a new address.
pub(super) const MOVED_TEXTS: &[&str] = &[
    "please call +44 20 7946 0018",
    "retired; for orders write to the office",
    "please call +1 212 555 0142",
    "nobody: the department was closed",
    "see the contact page of our site",
];

/// Rules about whom mail is taken from: kind, pattern, action, message. Those about recipients are made up from the
/// hosted domains.
pub(super) const ACCESS: &[(&str, &str, &str, &str)] = &[
    (
        "client",
        "198.51.100.0/24",
        "REJECT",
        "Your network sends nothing but spam",
    ),
    (
        "client",
        "203.0.113.64/26",
        "REJECT",
        "Dial-up addresses may not send mail here",
    ),
    (
        "client",
        "2001:db8:bad::/48",
        "REJECT",
        "Your network sends nothing but spam",
    ),
    (
        "client",
        "2001:db8:f00d::/64",
        "DEFER",
        "Too many attempts, try again later",
    ),
    ("client", "192.0.2.128/25", "HOLD", ""),
    ("client", "203.0.113.7", "REJECT", "Scanned our ports"),
    ("client", "203.0.113.19", "REJECT", ""),
    ("client", "203.0.113.25", "OK", ""),
    ("client", "192.0.2.25", "OK", ""),
    ("client", "192.0.2.40", "DUNNO", ""),
    ("client", "2001:db8:25::1", "OK", ""),
    (
        "client",
        "dsl.cheap-hosting.example",
        "REJECT",
        "Use the mail server of your provider",
    ),
    (
        "client",
        "pool.cheap-hosting.example",
        "REJECT",
        "Use the mail server of your provider",
    ),
    ("client", "mail.island-ferries.example", "OK", ""),
    ("client", "scanner.probe.test", "REJECT", ""),
    ("client", "relay.kiln-lane-pottery.example", "DUNNO", ""),
    (
        "sender",
        "bulk-offers.example",
        "REJECT",
        "We do not want your offers",
    ),
    (
        "sender",
        "win-a-prize.example",
        "REJECT",
        "We do not want your prizes",
    ),
    ("sender", "cheap-pills.example", "REJECT", ""),
    ("sender", "news.bulk-offers.example", "DISCARD", ""),
    (
        "sender",
        "lottery@telecom.example",
        "REJECT",
        "This account has been taken over",
    ),
    ("sender", "billing@quickmail.test", "HOLD", ""),
    ("sender", "prince@freepost.example", "REJECT", "No, thank you"),
    ("sender", "crypto-signals.example", "REJECT", ""),
    ("sender", "double-your-coins.example", "REJECT", ""),
    (
        "sender",
        "seo-experts.example",
        "REJECT",
        "Our pages rank well enough",
    ),
    ("sender", "cold-calls.example", "DEFER", "Try again later"),
    ("sender", "surveys.example", "REJECT", ""),
    ("sender", "no-reply@surveys-online.example", "DISCARD", ""),
    ("sender", "invoice-department@", "HOLD", ""),
    ("sender", "ceo-urgent@", "HOLD", ""),
    ("sender", "partners@island-ferries.example", "DUNNO", ""),
    ("sender", "alerts@telecom.example", "DUNNO", ""),
    ("sender", "webinars.example", "REJECT", ""),
    ("sender", "office-chairs.example", "REJECT", ""),
    ("sender", "toner-deals.example", "REJECT", "We have toner"),
    ("sender", "link-exchange.example", "REJECT", ""),
    ("sender", "fake-courier.example", "REJECT", "We expect no parcel"),
    ("sender", "your-mailbox-is-full.example", "REJECT", "Phishing"),
    ("sender", "account-verify.example", "REJECT", "Phishing"),
];

/// What rules about recipients answer.
pub(super) const RECIPIENT_RULES: &[(&str, &str, &str)] = &[
    ("trap", "REJECT", "Recipient address blocked"),
    ("old-newsletter", "REJECT", "This newsletter has ended"),
    ("fax", "DEFER", "The fax machine is being repaired"),
    ("no-reply", "DISCARD", ""),
    ("complaints", "HOLD", ""),
];

/// Rows that somebody once typed into phpMyAdmin, for the panel to find: table, then its columns as in
/// [`Sample::new`](super::Sample::new).
pub(super) const MISTAKES: &[(&str, &[&str])] = &[
    // An override at a port that server does not listen on, without the alias that makes the address known.
    (
        "domains",
        &[
            "frank.visser@tidewater-marine.example",
            "smtp:[aspmx.l.google.com]:587",
            "1",
        ],
    ),
    (
        "aliases",
        &["Press@kestrel-couriers.example", "newsroom@webmail.example", "1"],
    ),
    ("aliases", &["webshop@saffron-kitchen.example", "", "1"]),
    // An mbox file instead of a folder, or mail deferred for ever.
    (
        "users",
        &[
            "reader@lumen-architects.example",
            "Reading room",
            "lumen-architects.example/reader",
            super::CRYPT,
            "1",
        ],
    ),
    // The howto's default: the password is ChangeMe.
    (
        "users",
        &[
            "scanner@umbra-lighting.example",
            "Scanner",
            "umbra-lighting.example/scanner/",
            "sdtrusfX0Jj66",
            "1",
        ],
    ),
    ("backups", &["depot.example", "mail.depot.example", "1"]),
    ("relays", &["sales@depot.example", "YES", "1"]),
    (
        "relocated",
        &["joan@oakridge-surveyors.example.", "joan@webmail.example", "1"],
    ),
    (
        "access_rules",
        &["sender", "@bulk-offers.example", "", "", "REJECT", "", "1"],
    ),
    // A bare number means OK.
    (
        "access_rules",
        &[
            "recipient",
            "fax@umbra-lighting.example",
            "",
            "",
            "550",
            "No fax here",
            "1",
        ],
    ),
];
