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

    /// Whether it is a SELECT, and not a call of something that might write.
    pub fn is_select(&self) -> bool {
        let first = self.template.split(|c: char| !c.is_ascii_alphabetic()).next();
        first.is_some_and(|word| word.eq_ignore_ascii_case("SELECT"))
    }

    /// Whether it can be tried: a SELECT from tables of this database that does nothing but compare and put together. What
    /// else a statement may do, such as to write a file or to wait, it would do with the rights of the panel's account.
    pub fn can_be_tried(&self, database: &str) -> bool {
        let sql = without_texts(&without_qualifier(&self.template, database));
        let words = words(&sql);
        let is_known = |pair: &[&str]| {
            pair[1] != "(" || KNOWN_BEFORE_PARENTHESIS.contains(&&*pair[0].to_ascii_uppercase())
        };
        let is_here = |pair: &[&str]| {
            !["FROM", "JOIN"].contains(&&*pair[0].to_ascii_uppercase()) || !pair[1].contains('.')
        };
        let formats = self.parameter("result_format").unwrap_or("%s");
        self.is_select()
            && !["/*", "--", "#", ";", "@"].iter().any(|sign| sql.contains(sign))
            && !words.iter().any(|w| NEVER.contains(&&*w.to_ascii_uppercase()))
            && words.windows(2).all(|pair| is_known(pair) && is_here(pair))
            && !formats.replace("%%", "").replace("%s", "").contains('%')
    }

    /// What Postfix makes of the rows there are: each put into `result_format`, with commas between them.
    pub fn result(&self, rows: &[String]) -> String {
        let format = self.parameter("result_format").unwrap_or("%s");
        let formatted: Vec<String> = rows
            .iter()
            .map(|row| format.replace("%%", "\0").replace("%s", row).replace('\0', "%"))
            .collect();
        formatted.join(",")
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

    /// Whether it names this table.
    pub fn reads(&self, table: &str) -> bool {
        self.tables().iter().any(|read| read == table)
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

/// Words that stand before a parenthesis in a query that only compares and puts together.
const KNOWN_BEFORE_PARENTHESIS: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "AS",
    "BETWEEN",
    "BINARY",
    "BY",
    "CASE",
    "CAST",
    "CHAR_LENGTH",
    "COALESCE",
    "CONCAT",
    "CONCAT_WS",
    "CONVERT",
    "COUNT",
    "CURDATE",
    "DISTINCT",
    "ELSE",
    "EXISTS",
    "FROM",
    "GROUP_CONCAT",
    "HAVING",
    "HEX",
    "IF",
    "IFNULL",
    "IN",
    "INET6_ATON",
    "INET6_NTOA",
    "INET_ATON",
    "INET_NTOA",
    "INSTR",
    "JOIN",
    "LCASE",
    "LEFT",
    "LENGTH",
    "LIKE",
    "LOCATE",
    "LOWER",
    "LTRIM",
    "MAX",
    "MIN",
    "NOT",
    "NOW",
    "NULLIF",
    "ON",
    "OR",
    "POSITION",
    "REGEXP",
    "REPLACE",
    "REVERSE",
    "RIGHT",
    "RTRIM",
    "SELECT",
    "SUBSTR",
    "SUBSTRING",
    "SUBSTRING_INDEX",
    "THEN",
    "TRIM",
    "UCASE",
    "UNHEX",
    "UNION",
    "UNIX_TIMESTAMP",
    "UPPER",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "=",
    "<",
    ">",
    "+",
    "-",
    "*",
    "/",
    ",",
    "(",
];

/// Words of queries that write, wait or lock, or that name an index, which made-up tables have not.
const NEVER: &[&str] = &["FOR", "INDEX", "INTO", "LOCK", "PROCEDURE"];

/// A statement with every text in quotes empty.
fn without_texts(sql: &str) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut chars = sql.chars();
    while let Some(c) = chars.next() {
        match quote {
            None => {
                plain.push(c);
                quote = Some(c).filter(|c| ['\'', '"'].contains(c));
            }
            Some(_) if c == '\\' => drop(chars.next()),
            Some(end) if c == end => {
                plain.push(c);
                quote = None;
            }
            Some(_) => {}
        }
    }
    plain.replace('`', "")
}

/// Names, numbers and signs, each by itself.
fn words(sql: &str) -> Vec<&str> {
    let is_name = |c: char| c.is_alphanumeric() || "_$.".contains(c);
    let mut words = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if is_name(first) {
            rest.find(|c| !is_name(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// A value as a text in a statement.
pub fn quoted(value: &str) -> String {
    let mut sql = String::from("'");
    escape(value, &mut sql);
    sql.push('\'');
    sql
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
    fn only_a_select_that_compares_is_ever_tried() {
        for fine in [
            "select 1 from t",
            "SELECT TRIM(CONCAT(a,' (no) ')) FROM maildb.t WHERE b='%s' AND (c=1 OR d IN ('x','y'))",
            "SELECT CASE WHEN (a=1) THEN b ELSE (c) END FROM `maildb`.`t` JOIN u ON (t.x = u.x)",
            "SELECT a FROM t WHERE b='it''s -- no comment; /* nor this */ # or this'",
        ] {
            assert!(query(&format!("query = {fine}")).can_be_tried("maildb"), "{fine}");
        }
        for map in crate::postfix::MAPS {
            let shipped = map.as_query(&crate::postfix::Tables::all()).expect(map.name);
            assert!(shipped.can_be_tried("maildb"), "{}", map.name);
        }
        for other in [
            "CALL p('%s')",
            "\"SELECT 1\"",
            "(SELECT 1)",
            "SELECT 1; DROP TABLE t",
            "SELECT a INTO OUTFILE '/x' FROM t",
            "SELECT a FROM t /*!50000 INTO OUTFILE '/x' */",
            "SELECT a FROM t -- x",
            "SELECT LOAD_FILE('/etc/passwd')",
            "SELECT BENCHMARK(9,9)",
            "SELECT own_function('%s')",
            "SELECT a FROM t WHERE b='%s' UNION SELECT authentication_string FROM mysql.user",
            "SELECT a FROM t FOR UPDATE",
            "SELECT a FROM t FORCE INDEX (a)",
            "SELECT @a",
        ] {
            assert!(
                !query(&format!("query = {other}")).can_be_tried("maildb"),
                "{other}"
            );
        }
        assert!(!query("query = SELECT a FROM t\nresult_format = %u\n").can_be_tried("maildb"));
        assert!(query("query = \"SELECT 1\"").is_quoted());
    }

    #[test]
    fn answers_are_put_into_the_format_of_the_file() {
        let plain = query("query = SELECT 1");
        assert_eq!(plain.result(&["a".to_owned(), "b".to_owned()]), "a,b");
        let formatted = query("query = SELECT 1\nresult_format = 550 100%% gone to %s\n");
        assert_eq!(formatted.result(&["x".to_owned()]), "550 100% gone to x");
    }

    #[test]
    fn the_tables_a_query_reads_are_named() {
        let joined = query(
            "query = SELECT a FROM `maildb`.`Domains` d JOIN customers c ON 1 WHERE x IN (SELECT y FROM t)",
        );
        assert_eq!(joined.tables(), ["domains", "customers", "t"]);
    }
}
