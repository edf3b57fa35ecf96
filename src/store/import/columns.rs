//! What the columns of a file are to the table its rows go into.

use crate::access::{Actor, Scope};
use crate::exchange::Refused;
use crate::resource::{Kind, Resource, users};
use crate::store::schema::{Column, Table};

/// What becomes of one column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// It is one that people edit, and is checked.
    Edited(&'static str),
    /// It is the number of the row.
    Key,
    /// It is a password, to be hashed.
    Password,
    /// It is the hash of a password.
    Hash,
    /// It is a readable copy of a password.
    Clear,
    /// The panel does not know it: it is kept as it is given.
    Kept(Column),
    /// It is left out.
    Nothing,
}

/// The columns of a file, in its order.
#[derive(Debug)]
pub(super) struct Columns {
    /// The table the rows go into.
    pub resource: &'static Resource,
    /// As it is right now.
    pub table: Table,
    /// What becomes of each.
    pub targets: Vec<Target>,
    /// Whether every column that people edit is there, so that nothing of a stored row is needed to check one.
    pub is_complete: bool,
    /// Those the actor may not set, which are left as they are.
    pub left: Vec<String>,
    names: Vec<String>,
}

impl Columns {
    /// What the columns of these names are, and those that are refused.
    pub fn of<'a>(
        actor: &Actor,
        resource: &'static Resource,
        table: &Table,
        names: impl Iterator<Item = &'a str>,
    ) -> (Self, Vec<Refused>) {
        let mut columns = Self {
            resource,
            table: table.clone(),
            targets: Vec::new(),
            is_complete: false,
            left: Vec::new(),
            names: names.map(str::to_owned).collect(),
        };
        let mut refused = Vec::new();
        for name in columns.names.clone() {
            let target = target(resource, table, &name);
            let reason = match &target {
                None => Some(format!("the table {} has no column {name}", resource.table)),
                Some(target) if *target != Target::Nothing && columns.targets.contains(target) => {
                    Some(format!("the file has the column {name} twice"))
                }
                Some(_) => None,
            };
            refused.extend(reason.map(|reason| Refused {
                line: 0,
                column: name.clone(),
                reason,
            }));
            let mut target = target.filter(|_| refused.last().is_none_or(|last| last.column != name));
            // Which user writes mail where on the server is not for owners of domains, nor is what nobody checks.
            if actor.scope != Scope::Everything
                && target.as_ref().is_some_and(|target| is_rare(resource, target))
            {
                columns.left.push(name);
                target = None;
            }
            columns.targets.push(target.unwrap_or(Target::Nothing));
        }
        columns.is_complete = resource
            .columns
            .iter()
            .filter(|column| column.kind != Kind::Password && table.has(column.name))
            .all(|column| columns.has(column.name));
        (columns, refused)
    }

    /// Whether these are the columns of those names.
    pub fn are<'a>(&self, resource: &Resource, names: impl Iterator<Item = &'a str>) -> bool {
        std::ptr::eq(self.resource, resource) && names.eq(self.names.iter().map(String::as_str))
    }

    /// Whether a column that people edit is among them.
    pub fn has(&self, column: &'static str) -> bool {
        self.targets.contains(&Target::Edited(column))
    }
}

/// What a column of this name is; `None` where the table has none.
fn target(resource: &'static Resource, table: &Table, name: &str) -> Option<Target> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let edited = resource.columns.iter().find(|column| is(column.name));
    if edited.is_some_and(|column| column.kind == Kind::Password) {
        return table.has("crypt").then_some(Target::Password);
    }
    let live = table.column(name)?;
    let has_passwords = resource.table == users::RESOURCE.table;
    Some(match edited {
        _ if live.expression.is_some() => Target::Nothing,
        Some(column) => Target::Edited(column.name),
        None if is(resource.key) => Target::Key,
        None if has_passwords && is("crypt") => Target::Hash,
        None if has_passwords && is("clear") => Target::Clear,
        None => Target::Kept(live.clone()),
    })
}

fn is_rare(resource: &Resource, target: &Target) -> bool {
    match target {
        Target::Edited(name) => resource.column(name).is_some_and(|column| column.rare),
        Target::Key | Target::Kept(_) => true,
        Target::Password | Target::Hash | Target::Clear | Target::Nothing => false,
    }
}
