//! The model of the route explainer against a real Postfix: random tables, random addresses, and no disagreement.
//!
//! Every data set has domains, names and a network of clients of its own, so that hundreds lie in one database and mail for
//! all of them is on its way at the same time. What Postfix answered to RCPT TO and DATA, what its log says became of every
//! final recipient, which directory the mail lies in and which server took it is compared with what
//! `postwarden::route::explain` says about the rows as they were read back. A disagreement is printed with the fewest rows
//! that show it, as a case for `differential/cases.rs`.
//!
//! `POSTWARDEN_DIFFERENTIAL` is the number of data sets, each of twenty mails; `make differential` runs thousands.

mod cases;
mod compare;
mod dataset;
mod generator;
mod lies;
mod log;
mod minimise;
mod random;
mod world;

use std::fmt::Write as _;
use std::sync::LazyLock;

use postwarden::route::{Explanation, Lookups, Site, explain};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::bed::SELF;
use dataset::Dataset;
use generator::Kind;
use lies::{Lie, Lying};
use world::{Trial, World};

/// Data sets that are tried at once.
const BATCH: u32 = 200;
/// Data sets of the howto's configuration.
const HOWTO_SETS: u32 = 40;
/// Disagreements that are made smaller before they are printed.
const SHOWN: usize = 4;

static GENERATED: LazyLock<(World, Runtime)> = LazyLock::new(|| start(Kind::Generated));
static HOWTO: LazyLock<(World, Runtime)> = LazyLock::new(|| start(Kind::Howto));
/// What Postfix did with the first data sets.
static RECORDED: OnceCell<Vec<Trial>> = OnceCell::const_new();

fn start(kind: Kind) -> (World, Runtime) {
    // A test's own runtime ends with the test, and cannot be blocked.
    let starting = std::thread::spawn(move || {
        let runtime = Runtime::new().expect("a runtime");
        let world = runtime.block_on(World::start(kind));
        (world, runtime)
    });
    starting.join().expect("a bed")
}

/// One mail about which model and Postfix disagree.
#[derive(Debug)]
struct Disagreement {
    letter: usize,
    text: String,
}

/// How many data sets are asked for.
fn wanted() -> u32 {
    let text = std::env::var("POSTWARDEN_DIFFERENTIAL").unwrap_or_else(|_| BATCH.to_string());
    text.parse().expect("POSTWARDEN_DIFFERENTIAL is a number")
}

fn datasets(from: u32, to: u32, kind: Kind) -> Vec<Dataset> {
    (from..to)
        .map(|number| generator::dataset(number, kind))
        .collect()
}

fn site() -> Site {
    Site {
        destinations: Vec::new(),
        origin: SELF.to_owned(),
    }
}

async fn recorded() -> &'static [Trial] {
    let first = datasets(0, wanted().min(BATCH), Kind::Generated);
    RECORDED.get_or_init(|| GENERATED.0.tried(&first)).await
}

/// What the panel says that Postfix did not do, and what the model says of the rows at hand that the panel does not say.
fn compared(world: &World, trial: &Trial) -> Vec<Disagreement> {
    let mut found = disagreements(world, trial, |letter| trial.told[letter].clone());
    let tables = trial.tables();
    // Which letters with and without accents are one the database alone knows.
    let is_plain = trial.dataset.is_ascii();
    for (letter, (asked, _)) in trial.results.iter().enumerate() {
        let said = explain(&tables, &site(), asked);
        if is_plain && asked.address.is_ascii() && said != trial.told[letter] {
            let text = format!("the panel {:?}, the model {said:?}", trial.told[letter]);
            found.push(Disagreement { letter, text });
        }
    }
    found
}

/// What is different when the model reads these tables.
fn compared_with(world: &World, trial: &Trial, tables: &dyn Lookups) -> Vec<Disagreement> {
    disagreements(world, trial, |letter| {
        explain(tables, &site(), &trial.results[letter].0)
    })
}

fn disagreements(world: &World, trial: &Trial, said: impl Fn(usize) -> Explanation) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for (letter, (_, seen)) in trial.results.iter().enumerate() {
        for text in compare::differences(&said(letter), seen, &world.bed.names) {
            found.push(Disagreement { letter, text });
        }
    }
    found
}

/// Every disagreement of these trials, the first of them with the fewest rows that show it. `number` is the first data set's.
async fn report(world: &'static World, trials: &[Trial], number: u32) -> String {
    let mut report = String::new();
    let mut shown = 0;
    for (n, trial) in (number..).zip(trials) {
        for wrong in compared(world, trial) {
            let (asked, _) = &trial.results[wrong.letter];
            let sender = asked.sender.as_deref().unwrap_or_default();
            let _ = writeln!(
                report,
                "data set {n}: {sender} to {}: {}",
                asked.address, wrong.text
            );
            if shown < SHOWN {
                shown += 1;
                let small = minimise::smallest(world, trial.dataset.with_letter(wrong.letter)).await;
                let _ = writeln!(report, "{}\n{}\n", small.dataset.source(), small.text);
            }
        }
    }
    report
}

/// Tries data sets in batches; the first may have been tried.
async fn agree(world: &'static World, count: u32, first: Option<&[Trial]>) {
    let mut wrong = String::new();
    for from in (0..count).step_by(usize::try_from(BATCH).expect("a small number")) {
        let fresh;
        let trials = match first {
            Some(trials) if from == 0 => trials,
            _ => {
                fresh = world
                    .tried(&datasets(from, count.min(from + BATCH), world.kind))
                    .await;
                &fresh
            }
        };
        wrong += &report(world, trials, from).await;
    }
    let lines = wrong.lines().filter(|line| line.starts_with("data set")).count();
    assert!(wrong.is_empty(), "{lines} disagreements\n{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root: run by make test"]
async fn the_model_says_what_postfix_does_with_random_tables() {
    agree(&GENERATED.0, wanted(), Some(recorded().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root: run by make test"]
async fn the_model_says_what_postfix_does_with_the_howtos_configuration() {
    agree(&HOWTO.0, wanted().div_ceil(BATCH) * HOWTO_SETS, None).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root: run by make test"]
async fn the_model_says_what_postfix_does_with_these_tables() {
    let world = &GENERATED.0;
    let cases = cases::all();
    let sets: Vec<Dataset> = cases.iter().map(|case| case.dataset.clone()).collect();
    let trials = world.tried(&sets).await;
    let mut wrong = String::new();
    for (case, trial) in cases.iter().zip(&trials) {
        for disagreement in compared(world, trial) {
            let (asked, seen) = &trial.results[disagreement.letter];
            let _ = writeln!(
                wrong,
                "{}: {}: {}\n    {seen:?}",
                case.name, asked.address, disagreement.text
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs root: run by make test"]
async fn a_model_with_one_wrong_rule_disagrees_with_postfix() {
    let trials = recorded().await;
    let unnoticed: Vec<&Lie> = Lie::ALL
        .iter()
        .filter(|lie| {
            trials.iter().all(|trial| {
                let tables = trial.tables();
                let lying = Lying {
                    tables: &tables,
                    lie: **lie,
                };
                compared_with(&GENERATED.0, trial, &lying).is_empty()
            })
        })
        .collect();
    assert!(unnoticed.is_empty(), "nobody notices {unnoticed:?}");
}
