//! Numbers that policies count.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A number that only goes up, counted by one worker without contention.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Adds to the number.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
}

/// All numbers of a node. Every worker counts in a cell of its own; reading sums them.
#[derive(Default)]
pub struct Counters {
    cells: Mutex<BTreeMap<Key, Cells>>,
}

type Key = (&'static str, Vec<(&'static str, String)>);

#[derive(Default)]
struct Cells {
    help: &'static str,
    live: Vec<Arc<AtomicU64>>,
    /// What cells counted whose filters are gone.
    past: u64,
}

/// One number with its name and labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The metric's name, without a prefix.
    pub name: &'static str,
    /// What it counts, for people.
    pub help: &'static str,
    /// Labels that tell this number from others by the name.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: u64,
}

impl Counters {
    /// A new cell of the number by this name and these labels.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
    ) -> Counter {
        let labels = labels.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        let counter = Counter::default();
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.entry((name, labels)).or_default();
        cell.help = help;
        cell.collect();
        cell.live.push(Arc::clone(&counter.0));
        counter
    }

    /// All numbers, by name and labels.
    pub fn samples(&self) -> Vec<Sample> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells
            .iter_mut()
            .map(|((name, labels), cell)| Sample {
                name,
                help: cell.help,
                labels: labels.clone(),
                value: cell.collect(),
            })
            .collect()
    }
}

impl Cells {
    /// Sums the cells and lets go of those that nobody counts in any more.
    fn collect(&mut self) -> u64 {
        let past = &mut self.past;
        self.live.retain(|cell| {
            let alive = Arc::strong_count(cell) > 1;
            if !alive {
                *past += cell.load(Ordering::Relaxed);
            }
            alive
        });
        let live: u64 = self.live.iter().map(|cell| cell.load(Ordering::Relaxed)).sum();
        self.past + live
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_summed_and_outlive_their_filters() {
        let counters = Counters::default();
        let first = counters.counter("n", "numbers", &[("a", "1")]);
        let second = counters.counter("n", "numbers", &[("a", "1")]);
        first.add(2);
        second.add(3);
        assert_eq!(counters.samples()[0].value, 5);
        drop(first);
        assert_eq!(counters.samples()[0].value, 5);
        second.add(1);
        assert_eq!(counters.samples()[0].value, 6);
        assert_eq!(counters.samples().len(), 1);
    }
}
