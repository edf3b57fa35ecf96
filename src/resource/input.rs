//! What was typed into a form, and what is wrong with it.
//!
//! The form, the list (which marks rows Postfix would choke on) and every later way in (import, the linter) hand a
//! table's [`check`](super::Resource::check) an [`Input`] and get a [`Draft`] or [`Problem`]s.

use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::mail::{Caution, Fault, MailboxPassword, PasswordHash, PasswordScheme};

/// What checking a row may depend on besides the row itself.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Delivery transports of the server's master.cf beyond the known ones (setting `mail.transports`).
    pub transports: Vec<String>,
    /// How passwords of mailboxes are hashed (setting `mailboxes.password_scheme`).
    pub password_scheme: PasswordScheme,
}

/// Something that keeps a row from being saved, beside the field it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The column, which is also the field's name.
    pub column: &'static str,
    /// What is wrong, what Postfix would have done, how to mend it.
    pub message: String,
}

/// A checked value on its way into a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, normalised.
    Text(String),
    /// A number.
    Number(i64),
    /// Bytes that are no text.
    Bytes(Vec<u8>),
    /// Nothing.
    Null,
}

impl Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Bytes(bytes) => f.write_str(&hex::encode(bytes)),
            Self::Null => Ok(()),
        }
    }
}

/// A row that has been checked: the only thing the store writes. Made by [`Input::finish`] alone, but for [`Draft::of`].
#[derive(Debug, Clone)]
pub struct Draft {
    values: Vec<(&'static str, Value)>,
    password: Option<MailboxPassword>,
    /// What is suspicious about the row by itself.
    pub cautions: Vec<Caution>,
    /// Fields whose stored form differs from what was typed: column, typed, stored.
    pub normalised: Vec<(&'static str, String, String)>,
}

impl Draft {
    /// A row that was there, for what judges drafts. It is unchecked: the store writes none of these.
    pub(crate) fn of(row: &super::Row) -> Self {
        let values = row.fields().into_iter();
        Self {
            values: values.map(|(name, text)| (name, Value::Text(text))).collect(),
            password: None,
            cautions: Vec::new(),
            normalised: Vec::new(),
        }
    }

    /// Columns and values, in the order they were checked.
    pub fn values(&self) -> &[(&'static str, Value)] {
        &self.values
    }

    /// The password that was typed, which is no value until it is [sealed](Self::seal).
    pub fn password(&self) -> Option<&MailboxPassword> {
        self.password.as_ref()
    }

    /// Sets the password of a mailbox; one that was kept readable is emptied with it (docs/postfix.md rule 54).
    pub fn seal(&mut self, hash: &PasswordHash) {
        self.values.push(("crypt", Value::Text(hash.as_str().to_owned())));
        self.values.push(("clear", Value::Text(String::new())));
    }

    /// The value for a column as text; empty where the draft has none.
    pub fn text(&self, column: &str) -> String {
        self.values
            .iter()
            .find(|(name, _)| *name == column)
            .map(|(_, v)| v.to_string())
            .unwrap_or_default()
    }
}

/// Typed text by column, being checked.
#[derive(Debug)]
pub struct Input<'a> {
    /// Settings the check depends on.
    pub rules: &'a Rules,
    fields: Vec<(&'static str, String)>,
    values: Vec<(&'static str, Value)>,
    password: Option<MailboxPassword>,
    problems: Vec<Problem>,
    cautions: Vec<Caution>,
    normalised: Vec<(&'static str, String, String)>,
}

impl<'a> Input<'a> {
    /// The given fields, unchecked.
    pub fn new(rules: &'a Rules, fields: Vec<(&'static str, String)>) -> Self {
        Self {
            rules,
            fields,
            values: Vec::new(),
            password: None,
            problems: Vec::new(),
            cautions: Vec::new(),
            normalised: Vec::new(),
        }
    }

    /// What was typed into a field; empty where nothing was.
    pub fn text(&self, column: &str) -> &str {
        self.fields
            .iter()
            .find(|(name, _)| *name == column)
            .map_or("", |(_, text)| text)
    }

    /// Checks a field with `parse` and keeps the normalised form for its column.
    pub fn parse<T: Display>(
        &mut self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Fault>,
    ) -> Option<T> {
        match parse(self.text(column)) {
            Ok(value) => {
                self.keep(column, value.to_string());
                Some(value)
            }
            Err(fault) => {
                self.refuse(column, fault.message());
                None
            }
        }
    }

    /// Keeps a normalised text for a column and remembers when it is not what was typed.
    pub fn keep(&mut self, column: &'static str, stored: String) {
        let typed = self.text(column).trim().to_owned();
        if typed != stored {
            self.normalised.push((column, typed, stored.clone()));
        }
        self.values.push((column, Value::Text(stored)));
    }

    /// Keeps a comma-separated list that was typed one item per line: line breaks and order are no difference.
    pub fn keep_list(&mut self, column: &'static str, stored: String) {
        let typed = self.text(column).trim().to_owned();
        let sorted = |list: &str| {
            let items = list.split(['\n', ',']).map(str::trim);
            let mut items: Vec<String> = items.filter(|i| !i.is_empty()).map(str::to_owned).collect();
            items.sort();
            items
        };
        if sorted(&typed) != sorted(&stored) {
            self.normalised.push((column, typed, stored.clone()));
        }
        self.values.push((column, Value::Text(stored)));
    }

    /// Keeps a value that is computed from others.
    pub fn compute(&mut self, column: &'static str, value: Value) {
        self.values.push((column, value));
    }

    /// Checks a whole number; `refusal` says what is wrong with what was typed instead.
    pub fn number(
        &mut self,
        column: &'static str,
        range: RangeInclusive<u32>,
        refusal: impl FnOnce(&str) -> String,
    ) {
        let typed = self.text(column).trim();
        match typed.parse::<u32>() {
            Ok(number) if range.contains(&number) => {
                self.values.push((column, Value::Number(number.into())));
            }
            _ => {
                let message = refusal(typed);
                self.refuse(column, message);
            }
        }
    }

    /// Checks a password; an empty field sets none.
    pub fn password(&mut self) {
        if self.text("password").is_empty() {
            return;
        }
        match MailboxPassword::parse(self.rules.password_scheme, self.text("password")) {
            Ok(password) => {
                self.cautions.extend(password.cautions());
                self.password = Some(password);
            }
            Err(fault) => self.refuse("password", fault.message()),
        }
    }

    /// Reads the checkbox every table has: 1 is on, absent is off, all else is what Postfix takes for off.
    pub fn enabled(&mut self) {
        match self.text("enabled").trim() {
            "" | "0" => self.values.push(("enabled", Value::Number(0))),
            "1" => self.values.push(("enabled", Value::Number(1))),
            other => {
                let message = format!(
                    "`{other}` is neither 1 (on) nor 0 (off). Postfix's queries ask for enabled=1, so the row is \
                     off. Switch it on or off."
                );
                self.refuse("enabled", message);
            }
        }
    }

    /// Notes a problem with a field.
    pub fn refuse(&mut self, column: &'static str, message: impl Into<String>) {
        self.problems.push(Problem {
            column,
            message: message.into(),
        });
    }

    /// Notes what is suspicious but may be saved.
    pub fn caution(&mut self, confirm: bool, message: impl Into<String>) {
        self.cautions.push(Caution {
            confirm,
            message: message.into(),
        });
    }

    /// Takes over the cautions of a parsed value.
    pub fn cautions(&mut self, cautions: Vec<Caution>) {
        self.cautions.extend(cautions);
    }

    /// The checked row.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the fields.
    pub fn finish(self) -> Result<Draft, Vec<Problem>> {
        if self.problems.is_empty() {
            Ok(Draft {
                values: self.values,
                password: self.password,
                cautions: self.cautions,
                normalised: self.normalised,
            })
        } else {
            Err(self.problems)
        }
    }
}
