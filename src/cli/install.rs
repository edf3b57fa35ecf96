//! Putting files with a password in them into a directory: all of them or none, with the rights Postfix needs, and
//! nothing of what was there lost.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use similar::TextDiff;
use tempfile::{Builder, NamedTempFile};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::postfix::File;
use crate::postfix::live::number_in;

/// Root writes, group postfix reads (docs/postfix.md 1.19).
const MODE: u32 = 0o640;

/// What became of a file.
#[derive(Debug)]
pub enum Outcome {
    /// It is new.
    Written,
    /// It was there and is the same.
    Unchanged,
    /// Another one was there; it has this name now, and this is how they differ, passwords hidden.
    Replaced {
        /// Where the old one is.
        kept: PathBuf,
        /// A unified diff.
        diff: String,
    },
}

/// Whether something is in the directory already.
///
/// # Errors
/// It cannot be read, or is no directory. One that does not exist is empty.
pub fn is_occupied(dir: &Path) -> io::Result<bool> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts the files into the directory, which is made where it is missing. Nothing is replaced before every file is on the
/// disk.
///
/// # Errors
/// Something of a file's name is no regular file, or whatever the system said, with the file's name.
pub fn put(dir: &Path, files: &[File]) -> io::Result<Vec<(PathBuf, Outcome)>> {
    let about = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"))
    };
    fs::create_dir_all(dir).map_err(about(dir))?;
    let mut found = Vec::new();
    for file in files {
        let path = dir.join(&file.name);
        let old = existing(&path).map_err(about(&path))?;
        found.push((path, old, file));
    }
    let mut staged = Vec::new();
    for (path, old, file) in found {
        let new = stage(dir, &file.text).map_err(about(&path))?;
        staged.push((path, old, new, file));
    }
    let mut outcomes = Vec::new();
    for (path, old, new, file) in staged {
        let outcome = match old {
            Some((_, text)) if text == file.text => Outcome::Unchanged,
            Some((old, text)) => {
                let kept = keep(&path, &old).map_err(about(&path))?;
                let diff = difference(&path, &text, &file.text);
                Outcome::Replaced { kept, diff }
            }
            None => Outcome::Written,
        };
        // One that is the same gets its rights anew.
        new.persist(&path).map_err(|e| about(&path)(e.error))?;
        outcomes.push((path, outcome));
    }
    fs::File::open(dir)
        .and_then(|d| d.sync_all())
        .map_err(about(dir))?;
    Ok(outcomes)
}

/// The file and what it has in it, where there is one.
fn existing(path: &Path) -> io::Result<Option<(fs::File, String)>> {
    let kind = match path.symlink_metadata() {
        Ok(about) => about.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !kind.is_file() {
        let what = if kind.is_symlink() {
            "a symbolic link"
        } else if kind.is_dir() {
            "a directory"
        } else {
            "a pipe, socket or device"
        };
        return Err(io::Error::other(format!(
            "this is {what}, and only a regular file is replaced; move it away, or name another directory"
        )));
    }
    // Should it be swapped meanwhile, no link is followed and no pipe waited for.
    let mut file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Some((file, String::from_utf8_lossy(&bytes).into_owned())))
}

/// Writes a text beside its final place, for nobody but its owner and group postfix.
fn stage(dir: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = Builder::new().prefix(".postwarden-").tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    close_to_others(&file)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Leaves a file to root and group postfix. Its name is not gone by: whoever owns the directory can let it lead to
/// another file meanwhile.
fn close_to_others(file: &NamedTempFile) -> io::Result<()> {
    // Only root may give files away, and only where Postfix is installed is there a group to give them to.
    if let Some(group) = number_in("/etc/group", "postfix") {
        let _ = fchown(file.as_file(), Some(0), Some(group));
    }
    file.as_file().set_permissions(fs::Permissions::from_mode(MODE))
}

/// Gives the file a second name that says when it was replaced, and takes rights away that a password must not have.
fn keep(path: &Path, file: &fs::File) -> io::Result<PathBuf> {
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o7777 & !MODE != 0 {
        file.set_permissions(fs::Permissions::from_mode(mode & MODE))?;
    }
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let now = OffsetDateTime::now_utc()
        .format(&format)
        .map_err(io::Error::other)?;
    for attempt in 1.. {
        let suffix = if attempt == 1 {
            format!(".bak-{now}")
        } else {
            format!(".bak-{now}-{attempt}")
        };
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let kept = PathBuf::from(name);
        match fs::hard_link(path, &kept) {
            Ok(()) => return Ok(kept),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// How two versions of a file differ, with every password hidden, in use or not.
fn difference(path: &Path, old: &str, new: &str) -> String {
    let hidden = |text: &str| -> String {
        let mut secret = false;
        let mut shown = String::new();
        for line in text.lines() {
            let comment = line.trim_start().starts_with('#');
            // postconf(5): what begins with white space goes on with the line before, over comments and empty lines.
            let goes_on = comment || line.trim().is_empty() || line.starts_with(char::is_whitespace);
            if secret && goes_on {
                continue;
            }
            // A query may name a column `password`; a comment has its secrets anywhere.
            let told = if comment {
                line
            } else {
                line.split('=').next().unwrap_or(line)
            };
            let told = told.to_lowercase();
            secret = ["pass", "pwd", "secret"].iter().any(|word| told.contains(word));
            shown += match (secret, comment) {
                (true, true) => "# ****",
                (true, false) => "password = ****",
                (false, _) => line,
            };
            shown.push('\n');
        }
        shown
    };
    let (shown_old, shown_new) = (hidden(old), hidden(new));
    if shown_old == shown_new {
        return "(only white space, a password or what is near one differs)\n".to_owned();
    }
    let path = path.display().to_string();
    TextDiff::from_lines(&shown_old, &shown_new)
        .unified_diff()
        .header(&format!("{path} (before)"), &path)
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    fn file(text: &str) -> [File; 1] {
        [File {
            name: "mysql_alias.cf".to_owned(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn a_different_file_is_kept_and_an_equal_one_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = put(dir.path(), &file("password = one\nquery = a\n")).expect("written");
        assert!(matches!(first[0].1, Outcome::Written));
        let same = put(dir.path(), &file("password = one\nquery = a\n")).expect("written");
        assert!(matches!(same[0].1, Outcome::Unchanged));
        for _ in 0..2 {
            put(dir.path(), &file("password = one\nquery = a\n")).expect("written");
            let changed = put(dir.path(), &file("password = two\nquery = b\n")).expect("written");
            let Outcome::Replaced { kept, diff } = &changed[0].1 else {
                panic!("{changed:?}");
            };
            assert_eq!(
                fs::read_to_string(kept).expect("kept"),
                "password = one\nquery = a\n"
            );
            assert!(diff.contains("-query = a\n+query = b"), "{diff}");
            assert!(!diff.contains("one") && !diff.contains("two"), "{diff}");
        }
        // Nothing else is left behind.
        let others = fs::read_dir(dir.path()).expect("a directory").filter(|e| {
            e.as_ref()
                .is_ok_and(|e| !e.file_name().to_string_lossy().starts_with("mysql_alias.cf"))
        });
        assert_eq!(others.count(), 0);
    }

    #[test]
    fn a_password_on_a_line_of_its_own_is_hidden_too() {
        let old = "user = a\npassword =\n  one\n\ttwo\nquery = a\n";
        let diff = difference(Path::new("x.cf"), old, "user = a\npassword = three\nquery = b\n");
        assert!(diff.contains("-query = a\n+query = b"), "{diff}");
        for word in ["one", "two", "three"] {
            assert!(!diff.contains(word), "{diff}");
        }
    }

    #[test]
    fn no_password_is_shown_that_is_continued_commented_out_or_named_otherwise() {
        for secret in [
            "password=\n# hunter1\n hunter2\n\n\t# hunter3\n \n\thunter4\n",
            "# password = hunter1\n#password=hunter2\n",
            "#PassWord : hunter1\n# hunter2\n",
            "  # the old password was hunter1\n",
            "#\tpassword =\n#  hunter1\n",
            "password hunter1\n",
            "  password = hunter1\n",
            "db_passwd=hunter1\n",
        ] {
            let old = format!("user = a\n{secret}query = SELECT password\noption_file = /etc/a.cnf\n");
            let new = "user = a\npassword = hunter9\nquery = b\n";
            for (before, after) in [(old.as_str(), new), (new, &old)] {
                let diff = difference(Path::new("x.cf"), before, after);
                assert!(!diff.contains("hunter"), "{secret:?}: {diff}");
                for word in ["query = SELECT password", "query = b", "option_file = /etc/a.cnf"] {
                    assert!(diff.contains(word), "{secret:?}: {word}: {diff}");
                }
            }
        }
    }

    #[test]
    fn what_is_kept_has_no_more_rights_than_before_and_none_for_others() {
        let dir = tempfile::tempdir().expect("a directory");
        for (before, after) in [(0o644, 0o640), (0o777, 0o640), (0o600, 0o600), (0o440, 0o440)] {
            let path = dir.path().join("mysql_alias.cf");
            fs::write(&path, "password = old\n").expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).expect("opened");
            let changed = put(dir.path(), &file("password = new\n")).expect("written");
            let Outcome::Replaced { kept, .. } = &changed[0].1 else {
                panic!("{changed:?}");
            };
            let mode = |path: &Path| fs::metadata(path).expect("a file").mode() & 0o7777;
            assert_eq!((mode(kept), mode(&path)), (after, MODE), "{before:o}");
        }
    }

    #[test]
    fn only_the_file_itself_is_given_away_whatever_its_name_leads_to() {
        let dir = tempfile::tempdir().expect("a directory");
        let other = dir.path().join("other");
        fs::write(&other, "of somebody else").expect("written");
        let about = |path: &Path| {
            let found = fs::metadata(path).expect("a file");
            (found.uid(), found.gid(), found.mode())
        };
        let before = about(&other);
        let file = NamedTempFile::new_in(dir.path()).expect("a file");
        fs::remove_file(file.path()).expect("removed");
        symlink(&other, file.path()).expect("a link");
        close_to_others(&file).expect("closed");
        assert_eq!(about(&other), before);
        let closed = file.as_file().metadata().expect("the file");
        assert_eq!(closed.mode() & 0o7777, MODE);
        // Nobody but root could tell by the group.
        if before.0 == 0
            && let Some(group) = number_in("/etc/group", "postfix")
        {
            assert_eq!(closed.gid(), group);
        }
    }

    #[test]
    fn a_file_is_closed_to_everybody_but_its_owner_and_group() {
        let dir = tempfile::tempdir().expect("a directory");
        put(&dir.path().join("new/one"), &file("x")).expect("written");
        let made = fs::metadata(dir.path().join("new/one/mysql_alias.cf")).expect("a file");
        assert_eq!(made.permissions().mode() & 0o7777, 0o640);
    }
}
