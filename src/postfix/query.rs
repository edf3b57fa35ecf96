//! What a file of `mysql_table(5)` asks the database for a key, as Postfix 3.7 puts it together.

use super::syntax;

/// The question a lookup table puts to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The statement, with `%s` and the like.
    pub template: String,
    /// Whether `query` was given, and not the parts Postfix made it of before version 2.2.
    pub is_whole: bool,
    /// Further parameters of the file.
    parameters: Vec<(String, String)>,
}

impl Query {
    /// Reads the text of a file; `None` where it has neither a `query` nor the old `table`, `select_field`,
    /// `where_field`.
    pub fn parse(text: &str) -> Option<Self> {
        let parameters = syntax::parameters(text);
        let find = |name: &str| last(&parameters, name);
        if let Some(query) = find("query") {
            return Some(Self {
                template: query.to_owned(),
                is_whole: true,
                parameters,
            });
        }
        let template = format!(
            "SELECT {} FROM {} WHERE {} = '%s' {}",
            find("select_field")?,
            find("table")?,
            find("where_field")?,
            find("additional_conditions").unwrap_or_default()
        );
        Some(Self {
            template: template.trim_end().to_owned(),
            is_whole: false,
            parameters,
        })
    }

    /// A parameter of the file, where it is set and not empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        last(&self.parameters, name)
    }

    /// Whether the statement has quotes around it, which MySQL takes for a text (rule 74).
    pub fn is_quoted(&self) -> bool {
        self.template.starts_with(['"', '\''])
    }

    /// Whether it is a plain SELECT, which can be run to see what it answers.
    pub fn is_select(&self) -> bool {
        let words: Vec<String> = self
            .template
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .map(str::to_ascii_uppercase)
            .collect();
        words.first().is_some_and(|w| w == "SELECT")
            && !self.template.contains(';')
            && !words
                .iter()
                .any(|w| ["INTO", "SLEEP", "GET_LOCK", "FOR"].contains(&w.as_str()))
    }

    /// The tables it names after FROM and JOIN, lower case.
    pub fn tables(&self) -> Vec<String> {
        let plain = self.template.replace('`', "").replace(['(', ')', ','], " ");
        let words: Vec<&str> = plain.split_whitespace().collect();
        words
            .windows(2)
            .filter(|pair| pair[0].eq_ignore_ascii_case("FROM") || pair[0].eq_ignore_ascii_case("JOIN"))
            .map(|pair| {
                pair[1]
                    .rsplit('.')
                    .next()
                    .unwrap_or_default()
                    .to_ascii_lowercase()
            })
            .collect()
    }

    /// The statement for a key; `None` where Postfix does not ask.
    ///
    /// `%s` is the key, `%u` what stands before its last `@`, `%d` what stands after; a statement with `%u` is not run for
    /// a key without local part, one with `%d` or `%1`… not for one without domain (or so many labels). With `domain =` only
    /// full addresses in one of the domains are asked for.
    pub fn sql(&self, key: &str) -> Option<String> {
        let (local, domain) = parts(key);
        let is_elsewhere = |domains| local.is_empty() || !syntax::words(domains).contains(&domain);
        if self.parameter("domain").is_some_and(is_elsewhere) {
            return None;
        }
        filled(&self.template, key)
    }

    /// The same for a key of a row that is made up, whose domain counts as one of those in `domain =`. Tables are named without
    /// their database, which would be a way past made-up tables to the real ones.
    pub fn sql_for_model(&self, key: &str, database: &str) -> Option<String> {
        let (local, domain) = parts(key);
        if self.parameter("domain").is_some() && (local.is_empty() || domain.is_empty()) {
            return None;
        }
        filled(&without_qualifier(&self.template, database), key)
    }
}

/// What stands before the last `@` of a key, and what stands after.
fn parts(key: &str) -> (&str, &str) {
    key.rsplit_once('@').unwrap_or((key, ""))
}

/// A statement with the key put in; `None` where the key lacks what it asks for.
fn filled(template: &str, key: &str) -> Option<String> {
    let (local, domain) = parts(key);
    let labels: Vec<&str> = domain.split('.').rev().collect();
    let mut sql = String::new();
    let mut rest = template.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            sql.push(c);
            continue;
        }
        let value = match rest.next()? {
            '%' => "%",
            's' | 'S' => key,
            'u' | 'U' if !local.is_empty() => local,
            'd' | 'D' if !domain.is_empty() => domain,
            digit @ '1'..='9' if !domain.is_empty() => labels.get(digit.to_digit(10)? as usize - 1)?,
            _ => return None,
        };
        if value == "%" {
            sql.push('%');
        } else {
            escape(value, &mut sql);
        }
    }
    Some(sql)
}

/// A statement that names no table with its database.
fn without_qualifier(sql: &str, database: &str) -> String {
    let qualifier = format!("{database}.");
    let sql = sql.replace(&format!("`{database}`."), "");
    let mut plain = String::new();
    let mut rest = sql.as_str();
    while let Some((before, after)) = rest.split_once(&qualifier) {
        plain.push_str(before);
        // The end of a longer name, or of an address.
        if before.ends_with(|c: char| c.is_alphanumeric() || "_$@.-".contains(c)) {
            plain.push_str(&qualifier);
        }
        rest = after;
    }
    plain + rest
}

/// As `mysql_real_escape_string` does.
fn escape(value: &str, sql: &mut String) {
    for c in value.chars() {
        match c {
            '\'' | '"' | '\\' => sql.extend(['\\', c]),
            '\n' => sql.push_str("\\n"),
            '\r' => sql.push_str("\\r"),
            '\0' => sql.push_str("\\0"),
            '\u{1a}' => sql.push_str("\\Z"),
            _ => sql.push(c),
        }
    }
}

/// The last value of a parameter, as Postfix takes it; an empty one counts as unset.
fn last<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters
        .iter()
        .rev()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text).expect("a query")
    }

    #[test]
    fn the_old_parts_make_the_same_statement_as_postfix_makes_of_them() {
        let old = query(
            "table=users\nselect_field=maildir\nwhere_field=id\nadditional_conditions = and enabled = 1\n",
        );
        assert_eq!(
            old.sql("o'brien@a.b").as_deref(),
            Some("SELECT maildir FROM users WHERE id = 'o\\'brien@a.b' and enabled = 1")
        );
        assert!(!old.is_whole && old.is_select());
        assert_eq!(old.tables(), ["users"]);
    }

    #[test]
    fn a_file_that_asks_nothing_is_none() {
        assert_eq!(Query::parse("user = mail\ntable = users\n"), None);
        assert_eq!(Query::parse("query =\n"), None);
    }

    #[test]
    fn a_key_without_local_part_or_domain_is_not_asked_with_what_it_lacks() {
        let both = query("query = SELECT 1 FROM t WHERE a IN ('%s','@%d') AND '%u'<>'' AND b LIKE '%%x'");
        assert_eq!(
            both.sql("u@d.e").as_deref(),
            Some("SELECT 1 FROM t WHERE a IN ('u@d.e','@d.e') AND 'u'<>'' AND b LIKE '%x'")
        );
        assert_eq!(both.sql("@d.e"), None);
        assert_eq!(both.sql("d.e"), None);
        let labels = query("query = SELECT '%2' FROM t WHERE a='%1'");
        assert_eq!(
            labels.sql("u@d.e").as_deref(),
            Some("SELECT 'd' FROM t WHERE a='e'")
        );
        assert_eq!(labels.sql("u@e"), None);
    }

    #[test]
    fn a_domain_list_keeps_everything_but_full_addresses_away() {
        let limited = query("query = SELECT 1 FROM aliases WHERE mail='%s'\ndomain = a.b, c.d\n");
        assert!(limited.sql("x@a.b").is_some() && limited.sql("x@c.d").is_some());
        assert_eq!(limited.sql("@a.b"), None);
        assert_eq!(limited.sql("a.b"), None);
        assert_eq!(limited.sql("x@e.f"), None);
    }

    #[test]
    fn a_made_up_row_is_in_any_domain_of_the_list_but_no_catch_all_is() {
        let limited = query("query = SELECT 1 FROM aliases WHERE mail='%s'\ndomain = a.b\n");
        assert!(limited.sql_for_model("x@e.f", "maildb").is_some());
        assert_eq!(limited.sql_for_model("@e.f", "maildb"), None);
        assert_eq!(limited.sql_for_model("e.f", "maildb"), None);
    }

    #[test]
    fn only_the_database_is_taken_from_the_names_of_tables() {
        let named = query(
            "query = SELECT mail.t.a FROM mail.t, `mail`.`u`, webmail.v WHERE b='%s' AND c LIKE '%%@mail.x' AND d=(mail.t.d)",
        );
        assert_eq!(
            named.sql_for_model("u@mail.invalid", "mail").as_deref(),
            Some(
                "SELECT t.a FROM t, `u`, webmail.v WHERE b='u@mail.invalid' AND c LIKE '%@mail.x' AND d=(t.d)"
            )
        );
    }

    #[test]
    fn only_a_plain_select_is_ever_run() {
        assert!(query("query = select 1 from t").is_select());
        for other in [
            "CALL p('%s')",
            "\"SELECT 1\"",
            "SELECT 1; DROP TABLE t",
            "SELECT a INTO OUTFILE '/x' FROM t",
        ] {
            assert!(!query(&format!("query = {other}")).is_select(), "{other}");
        }
        assert!(query("query = \"SELECT 1\"").is_quoted());
    }

    #[test]
    fn the_tables_a_query_reads_are_named() {
        let joined = query(
            "query = SELECT a FROM `maildb`.`Domains` d JOIN customers c ON 1 WHERE x IN (SELECT y FROM t)",
        );
        assert_eq!(joined.tables(), ["domains", "customers", "t"]);
    }
}
