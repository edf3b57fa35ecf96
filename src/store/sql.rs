//! Pieces of SQL that every query is built from.

use sqlx::{MySql, QueryBuilder};

use super::schema::{Column, Table};
use crate::access::Scope;
use crate::resource::{OwnerRights, Part, Resource};

/// Name of the generated, indexed column that holds the domain of a row's subject, where a table has it.
const GENERATED_DOMAIN: &str = "dom";

/// A quoted identifier.
pub(super) fn ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The domain of a column as SQL: the indexed generated column where the table has one for its subject, else what
/// stands after the last `@`.
pub(super) fn domain_expression(table: &Table, column: &str, subject: &str) -> String {
    // Whoever made the column, it must be what it is taken for: scopes are judged by it.
    let is_domain = |c: &Column| {
        let expression = c.expression.as_deref().unwrap_or_default().to_lowercase();
        expression.contains("substring_index") && expression.contains(&subject.to_lowercase())
    };
    let generated = column == subject && table.column(GENERATED_DOMAIN).is_some_and(is_domain);
    if generated {
        ident(GENERATED_DOMAIN)
    } else {
        format!("SUBSTRING_INDEX({}, '@', -1)", ident(column))
    }
}

/// Restricts to rows that the resource is about and the scope covers.
pub(super) fn push_scope(query: &mut QueryBuilder<MySql>, scope: &Scope, table: &Table, resource: &Resource) {
    let subject = resource.subject;
    if resource.part == Part::Overrides {
        query.push(format!(" AND {} LIKE '_%@%'", ident(subject)));
    }
    push_granted(query, scope, table, resource);
    // Rows of a whole domain's table that are about one address override its transport, and have pages of their own.
    if resource.owners == OwnerRights::Read && *scope != Scope::Everything {
        query.push(format!(" AND {} NOT LIKE '%@%'", ident(subject)));
    }
}

/// Restricts to rows about the domains of the scope, whichever page they have: what of the table decides about their mail.
pub(super) fn push_granted(
    query: &mut QueryBuilder<MySql>,
    scope: &Scope,
    table: &Table,
    resource: &Resource,
) {
    let Scope::Domains(domains) = scope else {
        return;
    };
    let subject = resource.subject;
    let names: Vec<&str> = domains.iter().map(|grant| grant.domain.as_str()).collect();
    query.push(" AND ");
    push_domains(query, &domain_expression(table, subject, subject), &names);
    if let OwnerRights::WriteWhere(column, value) = resource.owners {
        query.push(format!(" AND {} = ", ident(column)));
        query.push_bind(value);
    }
}

/// Leaves out what a list of the resource does not show, though its pages can be opened.
pub(super) fn push_part(query: &mut QueryBuilder<MySql>, table: &Table, resource: &Resource) {
    if resource.part != Part::Lists {
        return;
    }
    if table.has("destination") {
        query.push(" AND destination LIKE '%@%@%' AND destination REGEXP '@[^@]*[,;[:space:]][^@]*@'");
    } else {
        query.push(" AND FALSE");
    }
}

/// A list of bound values: `?, ?, ?`.
pub(super) fn push_list<T: AsRef<str>>(query: &mut QueryBuilder<MySql>, values: &[T]) {
    let mut list = query.separated(", ");
    for value in values {
        list.push_bind(value.as_ref().to_owned());
    }
}

/// Restricts to rows whose domain is one of these.
///
/// The plain comparison uses an index where there is one. It follows the collation of the column, in which `bücher` and
/// `bucher` may be equal, so a second, exact one stands beside it: nobody sees a neighbour's rows for an accent. For ASCII
/// names that one is made in ASCII, since the server lowers `İ` to `i`.
pub(super) fn push_domains(query: &mut QueryBuilder<MySql>, domain: &str, names: &[&str]) {
    if names.is_empty() {
        query.push("FALSE");
        return;
    }
    query.push(format!("({domain} IN ("));
    push_list(query, names);
    let folded = if names.iter().all(|name| name.is_ascii()) {
        format!("LOWER(CONVERT({domain} USING ascii))")
    } else {
        format!("LOWER({domain})")
    };
    query.push(format!(
        ") AND CONVERT({folded} USING utf8mb4) COLLATE utf8mb4_bin IN ("
    ));
    push_list(query, names);
    query.push("))");
}

/// A pattern for `LIKE … ESCAPE '!'` that finds a fragment literally.
pub(super) fn fragment(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// A column in a form in which a fragment is found whatever the column's collation.
pub(super) fn searchable(column: &str) -> String {
    format!(
        "CONVERT({} USING utf8mb4) COLLATE utf8mb4_general_ci",
        ident(column)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_a_fragment_are_taken_literally() {
        assert_eq!(fragment("50%_off!"), "%50!%!_off!!%");
    }

    #[test]
    fn a_quote_cannot_leave_an_identifier() {
        assert_eq!(ident("a`b"), "`a``b`");
    }
}
