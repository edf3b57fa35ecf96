//! Files that people have sent and not yet imported: between the review and the deed they are kept on the disk of this
//! machine, without a name in any directory, so that nothing of them is left when the panel ends, however it ends.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::multipart::Spooled;
use crate::error::{Error, Result};

/// How long a file is kept.
const KEPT: Duration = Duration::from_hours(1);

/// How many an account has at most; the oldest makes room.
const MOST: usize = 3;

/// How many of the largest there may be, of all accounts together.
const MOST_OF_THE_LARGEST: u64 = 8;

/// Bytes of the random name of a file.
const NAME: usize = 16;

/// The files that are kept.
#[derive(Debug, Default)]
pub struct Uploads(Mutex<HashMap<String, Kept>>);

#[derive(Debug)]
struct Kept {
    account: u32,
    since: Instant,
    spooled: Spooled,
}

impl Uploads {
    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| kept.since.elapsed() < KEPT);
        kept
    }

    /// Lets go of files that are too old.
    pub fn delete_expired(&self) {
        drop(self.kept());
    }

    /// Keeps a file and answers with the name under which it is found again. `largest` is that of one file, in bytes.
    ///
    /// # Errors
    /// [`Error::Busy`] where all accounts together have too much.
    pub fn keep(&self, account: u32, spooled: Spooled, largest: u64) -> Result<String> {
        let mut kept = self.kept();
        let of_account = kept.iter().filter(|(_, kept)| kept.account == account);
        if of_account.clone().count() >= MOST
            && let Some(oldest) = of_account
                .min_by_key(|(_, kept)| kept.since)
                .map(|(name, _)| name.clone())
        {
            kept.remove(&oldest);
        }
        let all: u64 = kept.values().map(|kept| kept.spooled.size).sum();
        if all + spooled.size > MOST_OF_THE_LARGEST * largest {
            return Err(Error::Busy);
        }
        let name = hex::encode(rand::random::<[u8; NAME]>());
        let since = Instant::now();
        kept.insert(
            name.clone(),
            Kept {
                account,
                since,
                spooled,
            },
        );
        Ok(name)
    }

    /// A file of this account; `None` where it is not kept any more. It is read by position: whoever else reads it moves
    /// the same mark in it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn find(&self, account: u32, name: &str) -> Result<Option<Spooled>> {
        let kept = self.kept();
        let Some(kept) = kept.get(name).filter(|kept| kept.account == account) else {
            return Ok(None);
        };
        let file = kept.spooled.file.try_clone();
        Ok(Some(Spooled {
            name: kept.spooled.name.clone(),
            file: file.map_err(|error| Error::unexpected("opening an uploaded file", error))?,
            size: kept.spooled.size,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::FileExt;

    use super::*;

    fn file(text: &str) -> Spooled {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        Spooled {
            name: "a.csv".to_owned(),
            file,
            size: text.len() as u64,
        }
    }

    #[test]
    fn a_file_is_found_as_often_as_it_is_asked_for_and_by_its_account_alone() {
        let uploads = Uploads::default();
        let name = uploads.keep(1, file("mail"), 100).expect("kept");
        for _ in 0..2 {
            let found = uploads.find(1, &name).expect("opened").expect("kept");
            let mut bytes = [0; 4];
            found.file.read_exact_at(&mut bytes, 0).expect("read");
            assert_eq!((&bytes, &*found.name), (b"mail", "a.csv"));
        }
        assert!(uploads.find(2, &name).expect("opened").is_none());
        assert!(uploads.find(1, "another").expect("opened").is_none());
    }

    #[test]
    fn an_account_keeps_a_few_files_and_nobody_fills_the_disk() {
        let uploads = Uploads::default();
        let names: Vec<String> = (0..4)
            .map(|_| uploads.keep(1, file("x"), 1).expect("kept"))
            .collect();
        let is_kept = |name: &String| uploads.find(1, name).expect("opened").is_some();
        let kept: Vec<bool> = names.iter().map(is_kept).collect();
        assert_eq!(kept, [false, true, true, true], "the oldest made room");
        for account in 2..7 {
            uploads.keep(account, file("x"), 1).expect("kept");
        }
        assert!(matches!(uploads.keep(9, file("x"), 1), Err(Error::Busy)));
    }
}
