//! The fewest rows that still show a disagreement.

use super::compared;
use super::dataset::Dataset;
use super::world::World;

/// A data set with one mail, less every row without which model and Postfix still disagree about it.
#[derive(Debug)]
pub struct Smallest {
    pub dataset: Dataset,
    /// What they say about it then.
    pub text: String,
}

/// Takes rows away, half of them first and then ever fewer, until each is needed.
pub async fn smallest(world: &'static World, dataset: Dataset) -> Smallest {
    let mut smallest = Smallest {
        dataset,
        text: "not again".to_owned(),
    };
    let mut chunk = smallest.dataset.entries.len();
    while chunk > 0 {
        let dataset = &smallest.dataset;
        let count = dataset.entries.len();
        let starts = (0..count).step_by(chunk);
        let less: Vec<Dataset> = starts
            .map(|start| dataset.without(start, chunk.min(count - start)))
            .collect();
        // All at once, each at a place of its own.
        let trials = world.tried(&less).await;
        let wrong = trials
            .iter()
            .zip(less)
            .find_map(|(trial, less)| Some((compared(world, trial).pop()?, less)));
        match wrong {
            Some((disagreement, dataset)) => {
                smallest = Smallest {
                    dataset,
                    text: disagreement.text,
                };
                chunk = chunk.min(smallest.dataset.entries.len());
            }
            None => chunk /= 2,
        }
    }
    smallest
}
