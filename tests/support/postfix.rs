//! A configuration of Postfix in a directory of its own, as the program generates it for a test's database, to be
//! changed and looked at. No Postfix runs on it; `postconf` and `postmap` read it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use postwarden::postfix::{Account, Configuration, MAIN_CF};
use tempfile::TempDir;

use super::Database;

/// The directory of a configuration, removed with the test.
#[derive(Debug)]
pub struct ConfigDir(TempDir);

impl ConfigDir {
    /// What the program generates for this database, put to use.
    pub async fn generated(database: &Database) -> Self {
        let dir = Self(tempfile::tempdir().expect("a directory"));
        let tables = database.store().await.schema().await.expect("a schema").names();
        let account = Account::from_url(&database.url).expect("an account");
        for file in Configuration::new(account, tables).files() {
            dir.write(&file.name, &file.text);
        }
        let settings = dir
            .read(MAIN_CF)
            .replace("/etc/postfix/", &format!("{}/", dir.path().display()));
        dir.write(
            "main.cf",
            &format!("compatibility_level = 3.6\nmydestination =\n{settings}"),
        );
        dir.write("master.cf", "");
        dir
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A file of it.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect(name)
    }

    /// Writes a file of it. It is not new to Postfix, whose programs wait two seconds for one that has just been changed.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect(name);
        let file = fs::File::options().write(true).open(self.file(name)).expect(name);
        file.set_modified(SystemTime::now() - Duration::from_mins(1))
            .expect(name);
    }

    /// Changes a text in a file, which has to be there.
    pub fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{from} is not in {name}:\n{text}");
        self.write(name, &text.replace(from, to));
    }

    /// Sets a parameter of main.cf in place of what it was, or takes it out.
    pub fn set(&self, name: &str, value: Option<&str>) {
        let mut kept = String::new();
        let mut dropping = false;
        for line in self.read("main.cf").lines() {
            if !line.starts_with([' ', '\t']) {
                dropping = line.split('=').next().is_some_and(|n| n.trim() == name);
            }
            if !dropping {
                kept += line;
                kept += "\n";
            }
        }
        kept += &value.map_or_else(String::new, |v| format!("{name} = {v}\n"));
        self.write("main.cf", &kept);
    }

    /// Has `transport_maps` read one table only.
    pub fn reading_overrides_from(&self, table: &str) {
        let file = if table == "domains" {
            "mysql_transport.cf"
        } else {
            "mysql_transport_backups.cf"
        };
        let map = format!("proxy:mysql:{}", self.file(file).display());
        self.set("transport_maps", Some(&map));
    }
}
