//! `users`: the mailboxes (`virtual_mailbox_maps`, and what IMAP signs people in by).

use super::{
    Applies, Column, Dependent, ENABLED, Input, Kind, LINE, OwnerRights, Part, Place, Relation, Resource,
    Words,
};
use crate::mail::{Fault, MailAddress, Maildir, clean};

/// Most that a user or group id can be: the last one means "no change" to chown(2).
const LARGEST_ID: u32 = u32::MAX - 1;

/// The description.
pub static RESOURCE: Resource = Resource {
    slug: "users",
    table: "users",
    key: "id",
    part: Part::Whole,
    subject: "id",
    unique_with: None,
    directory: Some("maildir"),
    owners: OwnerRights::Write,
    words: Words {
        title: "Mailboxes",
        one: "a mailbox",
        noun: "mailbox",
        many: "mailboxes",
        about: "Addresses whose mail is kept on this server, to be read by IMAP, POP or webmail with the password set \
                here.",
        start: "Add the first mailbox. Its address is also the name people sign in with.",
        deleting: "The files in the mailbox stay on disk: nobody can sign in to read them, and they are there again if \
                   the mailbox comes back.",
        unusual: &[(Applies::ToWildcards, "matches nothing")],
    },
    columns: &[
        Column {
            name: "id",
            label: "Address",
            help: "The full address, such as `mary@example.org`; also the name to sign in with.",
            kind: Kind::Subject,
            sortable: true,
            ..LINE
        },
        Column {
            name: "name",
            label: "Name",
            help: "Of the person; for people only.",
            kind: Kind::Prose,
            empty: "",
            ..LINE
        },
        Column {
            name: "password",
            label: "Password",
            help: "",
            kind: Kind::Password,
            ..LINE
        },
        Column {
            name: "maildir",
            label: "Directory",
            help: "Where its mail is kept, below Postfix's virtual_mailbox_base. Empty means `domain/name/`.",
            kind: Kind::Directory,
            ..LINE
        },
        ENABLED,
        Column {
            name: "uid",
            label: "User id",
            help: "The system user IMAP reads the mail as. Postfix does not read it (virtual_uid_maps).",
            kind: Kind::Number,
            default: "5000",
            rare: true,
            ..LINE
        },
        Column {
            name: "gid",
            label: "Group id",
            help: "The system group IMAP reads the mail as. Postfix does not read it (virtual_gid_maps).",
            kind: Kind::Number,
            default: "5000",
            rare: true,
            ..LINE
        },
        Column {
            name: "home",
            label: "Mail base",
            help: "Where IMAP looks for the directory. It has to be Postfix's virtual_mailbox_base, or mail is written in \
                   one place and read in another.",
            default: "/var/spool/mail/virtual",
            rare: true,
            ..LINE
        },
        Column {
            name: "quota",
            label: "Quota",
            help: "As the IMAP server wants it, such as `10485760S` or `1G`; empty for none. Postfix does not read it.",
            empty: "none",
            rare: true,
            ..LINE
        },
        Column {
            name: "change_password",
            label: "May change the password",
            help: "Read by webmail plug-ins.",
            kind: Kind::Choice(&[("1", "yes"), ("0", "no")]),
            default: "1",
            rare: true,
            ..LINE
        },
    ],
    check,
    dependents: &[
        Dependent {
            applies: Applies::Always,
            place: Place {
                table: "aliases",
                column: "destination",
                relation: Relation::Mentions,
            },
            what: "delivering to {subject}",
        },
        Dependent {
            applies: Applies::Always,
            place: Place {
                table: "domains",
                column: "domain",
                relation: Relation::Same,
            },
            what: "with the same address",
        },
    ],
    cached_by_postfix: false,
    create_table: include_str!("../../migrations/tables/users.sql"),
};

fn check(input: &mut Input<'_>) {
    let id = input.parse("id", MailAddress::parse);
    input.parse("name", clean);
    match (id, input.text("maildir").trim()) {
        (Some(id), "") => input.keep("maildir", Maildir::propose(&id).to_string()),
        (None, "") => {}
        _ => {
            input.parse("maildir", Maildir::parse);
        }
    }
    input.password();
    for column in ["uid", "gid"] {
        input.number(column, 1..=LARGEST_ID, |typed| {
            format!(
                "`{typed}` is no id of a system user or group that mail could belong to: write a number from 1. 0 is \
                 root, whom no mail server should write or read mail as. The howto has 5000."
            )
        });
    }
    input.parse("home", home);
    input.parse("quota", clean);
    input.number("change_password", 0..=1, |typed| {
        format!("`{typed}` is neither 1 (yes) nor 0 (no).")
    });
    input.enabled();
}

/// An absolute path without steps upwards, or nothing.
fn home(text: &str) -> Result<String, Fault> {
    let path = clean(text)?;
    let upwards = path.split('/').any(|part| part == "..");
    if path.is_empty() || (path.starts_with('/') && !upwards) {
        return Ok(path);
    }
    Err(Fault::new(format!(
        "`{path}` is no absolute path: IMAP would look for the mail wherever it happens to be started. Write it from \
         the root and without `..`, such as `/var/spool/mail/virtual`."
    )))
}
