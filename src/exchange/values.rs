//! Values in a tuple of an INSERT. They are read, never calculated.

use sqlparser::ast::{Expr, UnaryOperator, Value};
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    /// A value; `None` is NULL.
    Value(Option<String>),
    /// Bytes, which may be text.
    Bytes(Vec<u8>),
    /// DEFAULT: the column is left out.
    Default,
    /// Nothing that can be read, in words.
    Unreadable(String),
}

/// Reads `(1, 'x', NULL)`.
///
/// # Errors
/// It is no list of values; in words.
pub(super) fn tuple(sql: &str) -> Result<Vec<Given>, String> {
    let broken = |fault: &dyn std::fmt::Display| {
        let text = fault.to_string();
        let text = text
            .rsplit_once(" at Line")
            .map_or(text.as_str(), |(words, _)| words);
        format!("This is no list of values: {text}.")
    };
    let mut parser = Parser::new(&MySqlDialect {})
        .try_with_sql(sql)
        .map_err(|fault| broken(&fault))?;
    match parser.parse_expr().map_err(|fault| broken(&fault))? {
        Expr::Tuple(values) => Ok(values.into_iter().map(given).collect()),
        Expr::Nested(value) => Ok(vec![given(*value)]),
        other => Err(broken(&other)),
    }
}

fn given(expr: Expr) -> Given {
    match expr {
        Expr::Value(value) => literal(value.value),
        Expr::UnaryOp {
            op: op @ (UnaryOperator::Minus | UnaryOperator::Plus),
            expr,
        } => match given(*expr) {
            Given::Value(Some(number)) if op == UnaryOperator::Minus => Given::Value(Some(format!("-{number}"))),
            other => other,
        },
        Expr::Prefixed { prefix, value } if prefix.value.eq_ignore_ascii_case("_binary") => match given(*value) {
            Given::Value(Some(text)) => Given::Bytes(text.into_bytes()),
            other => other,
        },
        // `_utf8mb4 'x'` and the like say how the bytes are meant; the text is the same.
        Expr::Prefixed { prefix, value } if prefix.value.starts_with('_') => given(*value),
        Expr::Collate { expr, .. } | Expr::Nested(expr) => given(*expr),
        Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("DEFAULT") => {
            Given::Default
        }
        Expr::Function(function) => Given::Unreadable(format!(
            "The value is the function `{}`, which a server would have to run. Nothing of a file is run: write the value \
             itself.",
            function.name
        )),
        _ => Given::Unreadable(
            "The value is an expression, which a server would have to calculate. Nothing of a file is run: write the value \
             itself."
                .to_owned(),
        ),
    }
}

fn literal(value: Value) -> Given {
    Given::Value(Some(match value {
        Value::Null => return Given::Value(None),
        Value::Number(number, _) => number,
        Value::Boolean(is) => if is { "1" } else { "0" }.to_owned(),
        Value::HexStringLiteral(digits) => {
            return hex::decode(&digits).map_or_else(
                |_| {
                    Given::Unreadable("There is half a byte at the end of the hexadecimal digits.".to_owned())
                },
                Given::Bytes,
            );
        }
        // b'101'
        Value::SingleQuotedByteStringLiteral(bits) => match u64::from_str_radix(&bits, 2) {
            Ok(number) => number.to_string(),
            Err(_) => return Given::Unreadable("The value is no number of bits.".to_owned()),
        },
        Value::Placeholder(_) => {
            return Given::Unreadable("The value is missing: there is a `?`.".to_owned());
        }
        other => match other.into_string() {
            Some(text) => text,
            None => return Given::Unreadable("The value is of no kind that MySQL has.".to_owned()),
        },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(sql: &str) -> Vec<String> {
        let tell = |given| match given {
            Given::Value(value) => value.unwrap_or_else(|| "NULL".to_owned()),
            Given::Bytes(bytes) => format!("bytes {}", String::from_utf8_lossy(&bytes)),
            Given::Default => "DEFAULT".to_owned(),
            Given::Unreadable(reason) => format!("({})", reason.split(" which").next().unwrap_or_default()),
        };
        tuple(sql).expect(sql).into_iter().map(tell).collect()
    }

    #[test]
    fn values_are_what_the_server_would_store() {
        for (sql, expected) in [
            ("(1,-2,'x',NULL)", &["1", "-2", "x", "NULL"][..]),
            (
                r"('it\'s','it''s','a\\b','l\nf')",
                &["it's", "it's", "a\\b", "l\nf"],
            ),
            ("(0x6d6179,X'6d6179',b'101')", &["bytes may", "bytes may", "5"]),
            ("(_binary 'x',_utf8mb4'ü')", &["bytes x", "ü"]),
            ("(TRUE,false,DEFAULT)", &["1", "0", "DEFAULT"]),
            ("(\"a'b\",('x'))", &["a'b", "x"]),
            ("('%\\_')", &["%\\_"]),
            ("(1.50)", &["1.50"]),
        ] {
            assert_eq!(values(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_a_server_would_calculate_is_not_read() {
        assert_eq!(
            values("(NOW(),ENCRYPT('x'),1+1,CONCAT('a','b'),0xfff)"),
            [
                "(The value is the function `NOW`,)",
                "(The value is the function `ENCRYPT`,)",
                "(The value is an expression,)",
                "(The value is the function `CONCAT`,)",
                "(There is half a byte at the end of the hexadecimal digits.)",
            ]
        );
        assert!(tuple("()").is_err());
        assert!(tuple("(1,)").is_err());
        assert!(tuple("(SELECT 1)").is_err());
        assert!(tuple(&format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000))).is_err());
    }
}
