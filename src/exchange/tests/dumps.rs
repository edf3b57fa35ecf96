//! Dumps of a database.

use super::super::{Format, Reading};
use super::{holds, into, look, material, refuses, told};
use crate::resource::{aliases, users};

const MARIADB_DUMP: &[u8] = include_bytes!("../../../tests/data/exchange/mariadb-dump.sql");
const PHPMYADMIN: &[u8] = include_bytes!("../../../tests/data/exchange/phpmyadmin.sql");

#[test]
fn a_dump_of_mariadb_dump_is_read_whole() {
    let told = told("maildb.sql", MARIADB_DUMP, Reading::default());
    assert_eq!(told.len(), 20 + 2 + 7 + 3 + 1 + 4, "{told:#?}");
    for row in [
        "43 aliases pkid=1 mail=postmaster@localhost destination=root@localhost enabled=1",
        "62 aliases pkid=20 mail=o'brien@blobber.org destination=a\\\\b@x.example,\"q\"@x.example enabled=0",
        "90 backups pkid=1 domain=friend1.com transport=:[mail.friend.com] enabled=1",
        "123 domains pkid=6 domain=joe@bloggs.com transport=smtp:[aspmx.l.google.com]:587 enabled=1",
        "194 relays pkid=3 recipient=support@example.org enabled=1 status=REJECT",
        "259 users id=vivita@blobber.org name=Jörg \"J\" Müller\nzwei; Zeilen -- # uid=5000 gid=5000 \
         home=/var/spool/mail/virtual maildir=vivita/ enabled=1 change_password=1 clear=ChangeMe crypt=$6$salt$hash \
         quota=10485760S",
    ] {
        assert!(told.iter().any(|told| told == row), "{row}\n{told:#?}");
    }
}

#[test]
fn what_is_not_read_of_a_dump_is_counted() {
    let mut source = material("maildb.sql", MARIADB_DUMP, into(&users::RESOURCE))
        .open()
        .expect("a dump");
    let mut rows = 0;
    while source.next().expect("readable").is_some() {
        rows += 1;
    }
    assert_eq!(rows, 4);
    assert_eq!(source.at(), MARIADB_DUMP.len() as u64);
    let skipped = source.skipped();
    let counts: Vec<_> = skipped
        .rows
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    let expected = [
        ("aliases", 20),
        ("backups", 2),
        ("domains", 7),
        ("notes", 1),
        ("relays", 3),
        ("relocated", 1),
    ];
    assert_eq!(counts, expected);
    let changing = "UPDATE aliases SET mail='x;y'; DELETE FROM aliases; CREATE VIEW v AS SELECT 1; DROP TABLE x;\n\
                    DELIMITER ;;\nCREATE PROCEDURE p() BEGIN INSERT INTO aliases VALUES (1,'a','b',1); END;;\nDELIMITER ;\n\
                    INSERT INTO other SELECT 1; INSERT aliases VALUE (1,'a','b',1)";
    let look = look("x.sql", changing.as_bytes(), into(&aliases::RESOURCE));
    assert_eq!(
        (look.skipped.statements.values().sum::<u64>(), look.rows.len()),
        (5, 1)
    );
    assert_eq!(look.format, Format::Sql);
    assert_eq!(look.header, ["pkid", "mail", "destination", "enabled"]);
    assert!(look.is_certain());
}

#[test]
fn a_dump_of_phpmyadmin_is_read() {
    holds(
        "whatever it is called",
        PHPMYADMIN,
        &[
            "43 aliases pkid=1 mail=@lala.com destination=@whopper.nu enabled=1",
            "44 aliases pkid=2 mail=o'brien@lala.com destination=karl@whopper.nu enabled=0",
            "47 aliases mail=info@lala.com destination=karl@whopper.nu",
        ],
    );
}

#[test]
fn comments_are_passed_over_wherever_they_stand() {
    holds(
        "a.sql",
        b"INSERT /*!40000 IGNORE */ INTO aliases /* ( */ (mail, -- )\n destination) VALUES # (1,2)\n\
          (/* it's */ 'a/*b*/', -- ')\n '#c--d' /*!99999 ) */), --\n('--x','y');--",
        &[
            "3 aliases mail=a/*b*/ destination=#c--d",
            "5 aliases mail=--x destination=y",
        ],
    );
}

#[test]
fn columns_without_names_are_those_of_the_table_in_the_dump_or_of_the_howto() {
    holds(
        "a.sql",
        b"CREATE TABLE aliases (mail varchar(9) DEFAULT 'a,b)', `enabled` int, PRIMARY KEY (mail, enabled), KEY k (mail));\n\
          INSERT INTO aliases VALUES ('a@b.example',1);",
        &["2 aliases mail=a@b.example enabled=1"],
    );
    holds(
        "a.sql",
        b"REPLACE LOW_PRIORITY INTO `db`.`aliases` VALUES (7,'a@b.example','c@d.example',1) ON DUPLICATE KEY UPDATE mail='x';\n\
          INSERT IGNORE INTO aliases VALUES (1,2),\n(8,'e@f.example',DEFAULT,0);",
        &[
            "1 aliases pkid=7 mail=a@b.example destination=c@d.example enabled=1",
            "refused 2: There are 2 values for 4 columns. Name the columns, `INSERT INTO table (columns) VALUES ...`: mysqldump \
             does with --complete-insert.",
            "3 aliases pkid=8 mail=e@f.example enabled=0",
        ],
    );
}

#[test]
fn what_a_server_would_have_to_run_refuses_its_row_alone() {
    let told = told(
        "a.sql",
        b"INSERT INTO users (id, crypt) VALUES ('a@b.example', ENCRYPT('x')),\n('c@d.example', 'h');\n\
          INSERT INTO users (id) SELECT mail FROM aliases;\nINSERT INTO users SET id='x';\nINSERT INTO users (id) VALUES ('e@f.example'),\n\
          ('g@h.example' OR 1),\n('\\0')",
        Reading::default(),
    );
    let begins = [
        "refused 1: crypt: The value is the function `ENCRYPT`",
        "2 users id=c@d.example crypt=h",
        "refused 3: Of INSERT and REPLACE only lists of values are read",
        "refused 4: Of INSERT and REPLACE only lists of values are read",
        "5 users id=e@f.example",
        "refused 6: id: The value is an expression",
        "refused 7: id: There is a NUL character",
    ];
    assert_eq!(told.len(), begins.len(), "{told:#?}");
    for (told, begin) in told.iter().zip(begins) {
        assert!(told.starts_with(begin), "{told}: {begin}");
    }
}

#[test]
fn bytes_are_text_in_a_column_that_has_text_and_digits_in_any_other() {
    let told = told(
        "a.sql",
        b"INSERT INTO access_rules (kind, pattern, cidr_lo, cidr_hi) VALUES ('client', 0x41, 0x41414141, _binary '\\0\\n'),\n\
          ('client', 0xff, NULL, NULL)",
        Reading::default(),
    );
    assert_eq!(
        told,
        [
            "1 access_rules kind=client pattern=A cidr_lo=0x41414141 cidr_hi=0x000a",
            "refused 2: pattern: These bytes are no text in UTF-8.",
        ]
    );
}

#[test]
fn a_damaged_dump_is_refused_with_its_line() {
    refuses(
        "a.sql",
        b"-- x\nINSERT INTO aliases VALUES\n(1,'a",
        3,
        "never closed",
    );
    refuses("a.sql", b"INSERT INTO aliases VALUES\n(1,2", 2, "never closed");
    refuses("a.sql", b"SET x;\n/* y", 2, "never closed");
    refuses("a.sql", b"SET x;\n'y", 2, "never closed");
    refuses("a.sql", b"SET x;\nCREATE TABLE aliases (mail", 2, "never closed");
    refuses("a.sql", b"\n(1,2)", 2, "no SQL");
    let long = [
        b"INSERT INTO aliases VALUES\n(1,'".as_slice(),
        &b"x".repeat(2 << 20),
        b"')",
    ]
    .concat();
    refuses("a.sql", &long, 2, "longer than 1 MiB");
    let nested = [
        b"INSERT INTO aliases VALUES\n".as_slice(),
        &b"(".repeat(100_000),
        &b")".repeat(100_000),
    ]
    .concat();
    refuses("a.sql", &nested, 2, "no list of values");
    let many = [
        b"INSERT INTO other VALUES\n(1,'".as_slice(),
        &b"x".repeat(2 << 20),
        b"');INSERT INTO aliases VALUES (1,2",
    ]
    .concat();
    refuses("a.sql", &many, 2, "never closed");
}

#[test]
fn an_insert_of_megabytes_is_read_row_by_row() {
    let rows: Vec<String> = (0..20_000)
        .map(|n| format!("({n},'user{n}@blobber.org','xandros@blobber.org',1)"))
        .collect();
    let dump = format!("INSERT INTO `aliases` VALUES {};\n", rows.join(","));
    assert!(dump.len() > 1 << 20);
    let told = told("a.sql", dump.as_bytes(), Reading::default());
    assert_eq!(told.len(), 20_000);
    assert_eq!(
        told[19_999],
        "1 aliases pkid=19999 mail=user19999@blobber.org destination=xandros@blobber.org enabled=1"
    );
}
