//! A file that is there whole or not at all: written beside its place, brought to the disk, and renamed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, Result};

/// A file that nobody but its owner reads, on its way to its name. Dropped it leaves nothing.
#[derive(Debug)]
pub struct Aside {
    file: NamedTempFile,
    path: PathBuf,
    replaces: bool,
}

impl Aside {
    /// Begins a file that will have this name; one that is there is replaced only where that is wanted.
    ///
    /// # Errors
    /// Something is there that is not to be replaced, or that is no regular file; whatever the system says.
    pub fn of(path: &Path, replaces: bool) -> Result<Self> {
        match path.symlink_metadata() {
            Ok(about) if !about.is_file() => {
                return Err(Error::Usage(format!(
                    "{} is no regular file, and only such a file is replaced: name another, or redirect standard output",
                    path.display()
                )));
            }
            Ok(_) if !replaces => return Err(taken(path)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(about(path, error)),
            _ => {}
        }
        let file = Builder::new().prefix(".postwarden-").tempfile_in(directory(path));
        Ok(Self {
            file: file.map_err(|error| about(path, error))?,
            path: path.to_owned(),
            replaces,
        })
    }

    /// Writes further bytes.
    ///
    /// # Errors
    /// The disk is full, say.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|error| about(&self.path, error))
    }

    /// Gives the file its name, once it is on the disk.
    ///
    /// # Errors
    /// It is not on the disk, or something has the name by now.
    pub fn put(self) -> Result<()> {
        let path = self.path;
        let failed = |error| about(&path, error);
        self.file.as_file().sync_all().map_err(failed)?;
        let put = if self.replaces {
            self.file.persist(&path)
        } else {
            self.file.persist_noclobber(&path)
        };
        match put {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Err(taken(&path)),
            other => other.map(drop).map_err(|error| failed(error.error))?,
        }
        let directory = File::open(directory(&path));
        directory
            .and_then(|directory| directory.sync_all())
            .map_err(failed)
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn taken(path: &Path) -> Error {
    Error::Usage(format!(
        "{} exists already: name another file, or add --force to replace it",
        path.display()
    ))
}

fn about(path: &Path, error: io::Error) -> Error {
    Error::Unexpected(format!("{}: {error}", path.display()))
}
