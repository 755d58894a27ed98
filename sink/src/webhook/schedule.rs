//! What is sent next: deliveries of one webhook that are not answered yet.
//!
//! Deliveries of one alert stand in a line, and only the first of a line can be sent. It
//! knows no clock and no queue, and holds no bodies, so its memory follows the number of
//! deliveries alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Its place in the queue: later ones have higher numbers.
    pub(super) id: i64,
    /// What the receiver knows it by, however often it is sent.
    pub(super) key: String,
    /// The alert.
    pub(super) alert: String,
    /// Attempts that have failed.
    pub(super) attempts: u32,
    /// When the first was made, ms.
    pub(super) first_ms: Option<i64>,
    /// When to send it, ms.
    pub(super) due_ms: i64,
}

#[derive(Default)]
pub(super) struct Schedule {
    all: BTreeMap<i64, Delivery>,
    lines: BTreeMap<String, VecDeque<i64>>,
    /// The first of each line, unless it is under way: when it is due, and its number.
    ready: BTreeSet<(i64, i64)>,
    under_way: usize,
}

impl Schedule {
    /// Number of deliveries, those under way among them.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Number of those under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Takes in a delivery behind all others.
    pub(super) fn add(&mut self, delivery: Delivery) {
        let line = self.lines.entry(delivery.alert.clone()).or_default();
        line.push_back(delivery.id);
        if line.len() == 1 {
            self.ready.insert((delivery.due_ms, delivery.id));
        }
        self.all.insert(delivery.id, delivery);
    }

    /// The delivery that has been due longest, from now on under way.
    pub(super) fn next(&mut self, now_ms: i64) -> Option<Delivery> {
        let first = *self.ready.first().filter(|(due_ms, _)| *due_ms <= now_ms)?;
        self.ready.remove(&first);
        self.under_way += 1;
        self.all.get(&first.1).cloned()
    }

    /// A delivery is over, for good or ill: the next of its line can go.
    pub(super) fn over(&mut self, id: i64) {
        let Some(delivery) = self.all.remove(&id) else { return };
        self.under_way -= 1;
        let Some(line) = self.lines.get_mut(&delivery.alert) else { return };
        line.pop_front();
        match line.front().and_then(|next| self.all.get(next)) {
            Some(next) => {
                self.ready.insert((next.due_ms, next.id));
            }
            None => {
                self.lines.remove(&delivery.alert);
            }
        }
    }

    /// A delivery that was under way is to be sent again.
    pub(super) fn again(&mut self, delivery: Delivery) {
        self.under_way -= 1;
        self.ready.insert((delivery.due_ms, delivery.id));
        self.all.insert(delivery.id, delivery);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: i64, alert: &str) -> Delivery {
        let (alert, key) = (alert.to_owned(), id.to_string());
        Delivery { id, key, alert, attempts: 0, first_ms: None, due_ms: 0 }
    }

    fn next(schedule: &mut Schedule, now_ms: i64) -> Option<i64> {
        schedule.next(now_ms).map(|delivery| delivery.id)
    }

    #[test]
    fn a_line_waits_for_its_first_and_others_do_not() {
        let mut schedule = Schedule::default();
        for (id, alert) in [(1, "a"), (2, "b"), (3, "a"), (4, "a")] {
            schedule.add(delivery(id, alert));
        }
        assert_eq!([next(&mut schedule, 0), next(&mut schedule, 0)], [Some(1), Some(2)]);
        assert_eq!(next(&mut schedule, 0), None, "3 waits for 1");
        schedule.again(Delivery { due_ms: 10, ..delivery(1, "a") });
        schedule.over(2);
        assert_eq!((next(&mut schedule, 9), schedule.under_way()), (None, 0));
        assert_eq!(next(&mut schedule, 10), Some(1));
        schedule.over(1);
        assert_eq!(next(&mut schedule, 10), Some(3));
        assert_eq!(next(&mut schedule, 10), None);
        schedule.over(3);
        assert_eq!(next(&mut schedule, 10), Some(4));
        schedule.over(4);
        assert_eq!((schedule.len(), schedule.under_way(), schedule.lines.len()), (0, 0, 0));
    }

    #[test]
    fn what_has_been_due_longest_goes_first() {
        let mut schedule = Schedule::default();
        for (id, due_ms) in [(1, 30), (2, 10), (3, 20)] {
            schedule.add(Delivery { due_ms, ..delivery(id, &id.to_string()) });
        }
        let all: Vec<_> = std::iter::from_fn(|| next(&mut schedule, 25)).collect();
        assert_eq!(all, [2, 3]);
    }
}
