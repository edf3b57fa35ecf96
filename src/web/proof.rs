//! That people are who they say: passwords and codes, each guess counted before it is looked at, each failure one line in
//! the log; and once more before what matters most.

use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;

use super::App;
use super::request::{Fields, Visitor, unavailable};
use crate::access::passkey::Challenge;
use crate::access::strength::LONGEST;
use crate::access::{self, Failure, Guess, Reason};
use crate::config::LogFormat;
use crate::error::{Error, Lack, Result};
use crate::store::{Admission, Proof, SignIn, VISIT};

/// For how long nobody is asked again who has just signed in or proved who they are: ten minutes.
const FRESH: i64 = 10 * 60;

/// How long a password that there is no room for waits for others to be looked at, and how often.
const MOMENT: Duration = Duration::from_millis(400);
const MOMENTS: u32 = 3;

/// Whether somebody had the right thing.
#[derive(Debug)]
pub enum Shown<T> {
    /// Yes.
    Right(T),
    /// No.
    Wrong,
    /// There were too many attempts: so many seconds until the next.
    Wait(u64),
}

/// Whether a name and a password belong together. Unknown names, wrong passwords, accounts that are disabled or have
/// expired cost the same and answer alike; only the log tells them apart.
///
/// # Errors
/// The database does not answer, or too many passwords are being checked.
pub async fn password(app: &App, from: Option<IpAddr>, typed: &str, password: &str) -> Result<Shown<SignIn>> {
    let name = typed.trim().to_lowercase();
    let guess = Guess::Password { name: &name, from };
    let mut admission = app.store.admit(&guess, OffsetDateTime::now_utc()).await?;
    for _ in 0..MOMENTS {
        if matches!(admission, Admission::Go(_)) {
            break;
        }
        // Right ones that are being looked at count until that is done: of many that come at once from one place, all
        // get in, if a moment later.
        tokio::time::sleep(MOMENT).await;
        admission = app.store.admit(&guess, OffsetDateTime::now_utc()).await?;
    }
    let ticket = match admission {
        Admission::Go(ticket) => ticket,
        Admission::Wait(wait) => return Ok(refused(app, from, typed, Reason::Throttled, Some(wait))),
    };
    match check(app, &name, password).await? {
        Ok(account) => {
            app.store.succeeded(ticket).await?;
            Ok(Shown::Right(account))
        }
        Err(reason) => Ok(refused(app, from, typed, reason, None)),
    }
}

async fn check(app: &App, name: &str, password: &str) -> Result<Result<SignIn, Reason>> {
    if password.len() > LONGEST {
        return Ok(Err(Reason::BadPassword));
    }
    let Some(account) = app.store.sign_in(name).await? else {
        access::verify_nobody(password.to_owned()).await?;
        return Ok(Err(Reason::UnknownName));
    };
    let right = access::verify(password.to_owned(), account.hash.clone()).await?;
    Ok(match (right, account.enabled, account.expired) {
        (false, ..) => Err(Reason::BadPassword),
        (true, false, _) => Err(Reason::Disabled),
        (true, true, true) => Err(Reason::Expired),
        (true, true, false) => Ok(account),
    })
}

/// Whether somebody has the second factor of an account: a code of the app, or a recovery code, which is used up.
///
/// # Errors
/// As [`password`].
pub async fn code(app: &App, from: Option<IpAddr>, name: &str, id: u32, typed: &str) -> Result<Shown<Proof>> {
    guessed(app, from, name, app.store.check_second_factor(id, typed)).await
}

/// Whether a passkey of an account signed the challenge that waited for it. A wrong one counts as a wrong code.
///
/// # Errors
/// As [`password`].
pub async fn passkey(
    app: &App,
    from: Option<IpAddr>,
    name: &str,
    id: u32,
    challenge: Option<&Challenge>,
    answer: &str,
) -> Result<Shown<Proof>> {
    let check = async {
        let (Some(party), Some(challenge)) = (app.urls.relying_party(), challenge) else {
            return Ok(None);
        };
        let right = app.store.check_passkey(id, &party, challenge, answer).await?;
        Ok(right.then_some(Proof::Passkey))
    };
    guessed(app, from, name, check).await
}

/// Counts a guess of the second factor, and then checks it.
async fn guessed(
    app: &App,
    from: Option<IpAddr>,
    name: &str,
    check: impl Future<Output = Result<Option<Proof>>>,
) -> Result<Shown<Proof>> {
    let guess = Guess::Code { name, from };
    let ticket = match app.store.admit(&guess, OffsetDateTime::now_utc()).await? {
        Admission::Go(ticket) => ticket,
        Admission::Wait(wait) => return Ok(refused(app, from, name, Reason::Throttled, Some(wait))),
    };
    match check.await? {
        Some(proof) => {
            app.store.succeeded(ticket).await?;
            Ok(Shown::Right(proof))
        }
        None => Ok(refused(app, from, name, Reason::BadCode, None)),
    }
}

/// The line in the log, and the answer.
fn refused<T>(
    app: &App,
    from: Option<IpAddr>,
    name: &str,
    reason: Reason,
    wait: Option<Duration>,
) -> Shown<T> {
    app.metrics.sign_in_failed();
    let failure = Failure { from, name, reason };
    match app.config.log.format {
        LogFormat::Text => failure.print(),
        // A program that reads JSON would stumble over a line that is none.
        LogFormat::Json => tracing::warn!("{failure}"),
    }
    // Whole seconds, after which there is room.
    wait.map_or(Shown::Wrong, |wait| {
        Shown::Wait((wait + Duration::from_nanos(999_999_999)).as_secs())
    })
}

impl Visitor {
    /// That the person behind the session is still the one who signed in. Who did so in the last ten minutes is not asked;
    /// others by `own_password` and, with a second factor, `own_code`, in fields that go with the form they sent.
    ///
    /// # Errors
    /// [`Error::Unproven`] is a page that asks and repeats the form.
    pub async fn prove(&self, fields: &Fields) -> Result<()> {
        if self.is_fresh() {
            return Ok(());
        }
        self.prove_anew(fields).await
    }

    /// Whether the person has just signed in or proved who they are.
    pub fn is_fresh(&self) -> bool {
        OffsetDateTime::now_utc().unix_timestamp() - self.visit.proved < FRESH
    }

    /// As [`Visitor::prove`], however fresh the sign-in is.
    ///
    /// # Errors
    /// As there.
    pub async fn prove_anew(&self, fields: &Fields) -> Result<()> {
        let lacks = |lack| Error::Unproven {
            lack,
            code: self.second_factor,
        };
        let Some(own) = fields.get("own_password").filter(|own| !own.is_empty()) else {
            return Err(lacks(Lack::Missing));
        };
        let (name, from) = (&self.actor.name, self.address());
        match password(&self.app, from, name, own).await? {
            Shown::Right(_) => {}
            Shown::Wrong => return Err(lacks(Lack::Wrong)),
            Shown::Wait(seconds) => return Err(lacks(Lack::Wait(seconds))),
        }
        if self.second_factor {
            match code(&self.app, from, name, self.account, fields.text("own_code")).await? {
                Shown::Right(_) => {}
                Shown::Wrong => return Err(lacks(Lack::Wrong)),
                Shown::Wait(seconds) => return Err(lacks(Lack::Wait(seconds))),
            }
        }
        self.renew().await
    }

    /// Gives the session a new id, and notes that the person has just proved who they are.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn renew(&self) -> Result<()> {
        let mut visit = self.visit.clone();
        visit.proved = OffsetDateTime::now_utc().unix_timestamp();
        self.session.insert(VISIT, visit).await.map_err(unavailable)?;
        self.session.cycle_id().await.map_err(unavailable)
    }
}
