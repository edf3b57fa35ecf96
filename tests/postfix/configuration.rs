//! The configuration under test: what the program generates, to the letter.

use std::fs;
use std::process::Command;

use crate::bed::Site;

/// Runs `postwarden postfix generate` and answers with the lines for `main.cf`.
pub fn generated(site: &Site) -> String {
    let made = Command::new(env!("CARGO_BIN_EXE_postwarden"))
        .args(["postfix", "generate", "--force", "--out"])
        .arg(&site.etc)
        .arg("--password-file")
        .arg(&site.password_file)
        .args(["--user", &site.user, "--dbname", &site.database.name, "--hosts"])
        .arg(format!("inet:127.0.0.1:{}", site.database_port))
        .env_clear()
        .env("POSTWARDEN_CONFIG", "/dev/null")
        .env("DATABASE_URL", &site.database.url)
        .output()
        .expect("the program");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::read_to_string(site.etc.join("main.cf.postwarden")).expect("main.cf.postwarden")
}
