//! Room for what many people may want at once and each of which takes a connection to the database or two: so much for
//! everybody, and so much for one account, so that nobody takes all of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Places, some of which are taken.
#[derive(Debug)]
pub struct Room {
    all: Arc<Semaphore>,
    of_one: usize,
    own: Mutex<HashMap<u32, Arc<Semaphore>>>,
}

/// A place, taken until it is dropped.
#[derive(Debug)]
#[expect(dead_code, reason = "it is held, and never looked at")]
pub struct Place(OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Room {
    /// So many places, of which one account has so many.
    pub fn new(places: usize, of_one: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(places)),
            of_one,
            own: Mutex::default(),
        }
    }

    /// Takes a place if there is one.
    pub fn take(&self, account: u32) -> Option<Place> {
        let own = self.own(account).try_acquire_owned().ok()?;
        Some(Place(own, Arc::clone(&self.all).try_acquire_owned().ok()?))
    }

    /// Takes a place as soon as there is one.
    pub fn wait(&self, account: u32) -> impl Future<Output = Result<Place, AcquireError>> + Send + use<> {
        let (own, all) = (self.own(account), Arc::clone(&self.all));
        async move { Ok(Place(own.acquire_owned().await?, all.acquire_owned().await?)) }
    }

    fn own(&self, account: u32) -> Arc<Semaphore> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let places = own
            .entry(account)
            .or_insert_with(|| Arc::new(Semaphore::new(self.of_one)));
        Arc::clone(places)
    }
}
