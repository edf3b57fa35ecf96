//! Something long on its way out of the database, piece by piece: a task reads, whoever takes the pieces sets the pace, and
//! memory holds a few of them, however many rows there are.

use std::time::Duration;

use sqlx::{Connection, Executor, MySqlConnection};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Store;
use super::connect::classify;
use crate::error::{Error, Result};

/// Bytes of a piece, about.
pub(super) const PIECE: usize = 64 * 1024;

/// Pieces that wait to be taken.
const WAITING: usize = 4;

/// What makes a connection one that is read from for long: the server would otherwise hang up on a reader that pauses for
/// a minute.
const SNAPSHOT: [&str; 3] = [
    "SET SESSION net_write_timeout = 86400",
    "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

/// How long a reader may take, where it is not the machine's own.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one piece of some ten thousand bytes.
    pub piece: Duration,
    /// For all of it.
    pub whole: Duration,
}

/// Pieces of something that is read.
#[derive(Debug)]
pub struct Outgoing {
    pieces: mpsc::Receiver<Piece>,
    first: Option<Piece>,
    ended: bool,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    End,
    Failed(Error),
}

impl Outgoing {
    /// Starts to read, and waits for the first piece: what goes wrong before it is an error of the beginning.
    ///
    /// # Errors
    /// Whatever stops it before there is a first piece.
    pub(super) async fn start<F>(patience: Option<Patience>, work: impl FnOnce(Feed) -> F) -> Result<Self>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let (sender, mut pieces) = mpsc::channel(WAITING);
        let feed = Feed {
            pieces: sender.clone(),
            patience,
            until: patience.map(|patience| Instant::now() + patience.whole),
        };
        let work = work(feed);
        tokio::spawn(async move {
            let last = match work.await {
                Ok(()) => Piece::End,
                Err(error) => Piece::Failed(error),
            };
            // Nobody may be there any more.
            let _ = sender.send(last).await;
        });
        let first = match pieces.recv().await {
            Some(Piece::Failed(error)) => return Err(error),
            first => first,
        };
        Ok(Self {
            pieces,
            first,
            ended: false,
        })
    }

    /// The next piece; `None` after the last.
    ///
    /// # Errors
    /// It broke off: what came before is not all of it.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let next = match self.first.take() {
            Some(first) => Some(first),
            None => self.pieces.recv().await,
        };
        match next {
            Some(Piece::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Piece::End) => {
                self.ended = true;
                Ok(None)
            }
            Some(Piece::Failed(error)) => Err(error),
            // A task that panicked says nothing.
            None => Err(Error::Unexpected("reading broke off".to_owned())),
        }
    }
}

/// Where the pieces go.
pub(super) struct Feed {
    pieces: mpsc::Sender<Piece>,
    patience: Option<Patience>,
    until: Option<Instant>,
}

impl Feed {
    /// Hands on a piece as soon as there is room for it.
    ///
    /// # Errors
    /// Nobody takes it any more, or not in time.
    pub async fn send(&self, bytes: Vec<u8>) -> Result<()> {
        let sent = self.pieces.send(Piece::Bytes(bytes));
        let gone = |_| Error::Unexpected("whoever was reading has left".to_owned());
        let (Some(patience), Some(until)) = (self.patience, self.until) else {
            return sent.await.map_err(gone);
        };
        let deadline = until.min(Instant::now() + patience.piece);
        match tokio::time::timeout_at(deadline, sent).await {
            Ok(sent) => sent.map_err(gone),
            Err(_) => Err(Error::TookTooLong),
        }
    }
}

impl Store {
    /// A connection of its own, so that long reading takes none of those that requests wait for, with all tables as they are
    /// at this moment. Dropped it hangs up.
    pub(super) async fn snapshot(&self) -> Result<MySqlConnection> {
        let mut connection = self.pool.acquire().await.map_err(classify)?.detach();
        for statement in SNAPSHOT {
            connection.execute(statement).await.map_err(classify)?;
        }
        Ok(connection)
    }
}

/// Says good-bye to the server.
pub(super) async fn hang_up(connection: MySqlConnection) {
    // Everything has been read: that the server did not hear it is no matter.
    let _ = connection.close().await;
}
