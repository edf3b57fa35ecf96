//! The `postwarden` program. Everything it does lives in the library; see `ARCHITECTURE.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    postwarden::cli::run()
}
