//! Reading the format of main.cf, which the files of lookup tables share (postconf(5)).

/// The parameters of a file in order: comments left out, continued lines put together.
pub fn parameters(text: &str) -> Vec<(String, String)> {
    let mut logical: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        match logical.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => logical.push(line.trim().to_owned()),
        }
    }
    logical
        .iter()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// Numbers of the lines that end in `\` and are no comment, counted from 1. main.cf knows no such continuation.
pub fn lines_with_backslash(text: &str) -> Vec<usize> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| line.trim_end().ends_with('\\') && !line.trim_start().starts_with('#'))
        .map(|(i, _)| i + 1)
        .collect()
}

/// The words of a list: separated by white space and commas, what stands in braces being one word.
pub fn words(value: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut depth) = (None, 0_usize);
    for (i, c) in value.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let separates = depth == 0 && (c.is_whitespace() || c == ',');
        match (separates, start) {
            (false, None) => start = Some(i),
            (true, Some(from)) => {
                words.push(&value[from..i]);
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| &value[from..]));
    words
}

/// The file of a lookup table in MySQL, `mysql:/path` or `proxy:mysql:/path`.
pub fn mysql_file(word: &str) -> Option<&str> {
    word.strip_prefix("proxy:").unwrap_or(word).strip_prefix("mysql:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_continued_by_white_space_and_comments_do_not_end_them() {
        let text = "# x\na = 1,\n  2\n# between\n\t3\n\nb=\nquery = SELECT 'a=b'\n";
        let found = parameters(text);
        assert_eq!(
            found,
            [
                ("a".to_owned(), "1, 2 3".to_owned()),
                ("b".to_owned(), String::new()),
                ("query".to_owned(), "SELECT 'a=b'".to_owned()),
            ]
        );
    }

    #[test]
    fn a_backslash_at_the_end_of_a_line_is_found() {
        assert_eq!(lines_with_backslash("a = b, \\\n  c\n# d \\\ne = f\\\n"), [1, 4]);
    }

    #[test]
    fn what_stands_in_braces_is_one_word() {
        assert_eq!(
            words("inline:{ {a = b}, c }, mysql:/x.cf  check_x { y, z },"),
            ["inline:{ {a = b}, c }", "mysql:/x.cf", "check_x", "{ y, z }"]
        );
        assert!(words(" , ").is_empty());
    }

    #[test]
    fn a_table_in_mysql_is_recognised_through_its_proxy() {
        assert_eq!(
            mysql_file("proxy:mysql:/etc/postfix/a.cf"),
            Some("/etc/postfix/a.cf")
        );
        assert_eq!(mysql_file("mysql:/a.cf"), Some("/a.cf"));
        assert_eq!(mysql_file("hash:/a"), None);
    }
}
