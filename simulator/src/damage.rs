//! What happens to events on their way: disorder, lateness, second copies,
//! breakage.
//!
//! An event happens at one time and arrives at another. Those that do not
//! arrive at once wait in a heap by arrival, as events and not as text. With
//! nothing of the sort asked for, nothing waits.
//!
//! Invariants: records leave in the order of their arrival; the damage does not
//! change what happens in the shop, since it has random numbers of its own; as
//! many records are admitted as were asked for, and all of them leave. It does
//! not break anything itself: `breakage` does, when the text is made.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::breakage::Breakage;
use crate::event::Event;
use crate::options::Options;
use crate::random::{Random, Share, Stream};

/// The state in which a record arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it was meant.
    Whole,
    /// The same bytes as a record before.
    Duplicate,
    /// Not readable as an event.
    Malformed(Breakage),
}

/// An event with its fate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) event: Event,
    /// When it arrives, microseconds since the start.
    pub(crate) due_us: u64,
    pub(crate) condition: Condition,
    pub(crate) held_back: bool,
    /// The order of admission: decides between arrivals at the same moment.
    order: u64,
}

impl Record {
    pub(crate) fn breakage(&self) -> Option<Breakage> {
        match self.condition {
            Condition::Malformed(breakage) => Some(breakage),
            Condition::Whole | Condition::Duplicate => None,
        }
    }

    fn key(&self) -> (u64, u64) {
        (self.due_us, self.order)
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Record {}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Record {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// The way from the shop to the log.
#[derive(Debug)]
pub(crate) struct Delivery {
    random: Random,
    disorder_us: u64,
    late: Share,
    duplicate: Share,
    malformed: Share,
    waiting: BinaryHeap<Reverse<Record>>,
    admitted: u64,
    limit: u64,
}

/// How long an event is held back, microseconds: beyond the allowed disorder
/// that is usual, and in half of all cases beyond the usual lateness.
const HELD_BACK_US: (u64, u64) = (5_000_000, 1_200_000_000);
/// How long a second copy takes, microseconds: a retry after a lost answer.
const SECOND_COPY_US: u64 = 3_000_000;

/// How long after it has happened an event arrives at most.
pub(crate) fn longest_delay_us(options: &Options) -> u64 {
    let disorder_us = options.disorder_ms * 1000;
    let held_back_us = if options.late_share > 0.0 { HELD_BACK_US.1 } else { 0 };
    disorder_us.max(held_back_us) + SECOND_COPY_US
}

impl Delivery {
    pub(crate) fn new(options: &Options) -> Self {
        Delivery {
            random: Random::new(options.seed, Stream::Damage),
            disorder_us: options.disorder_ms * 1000,
            late: Share::new(options.late_share),
            duplicate: Share::new(options.duplicate_share),
            malformed: Share::new(options.malformed_share),
            waiting: BinaryHeap::new(),
            admitted: 0,
            limit: options.events.unwrap_or(u64::MAX),
        }
    }

    /// Whether as many records are on their way or gone as were asked for.
    pub(crate) fn is_closed(&self) -> bool {
        self.admitted >= self.limit
    }

    /// The next record that arrives no later than `horizon_us`.
    pub(crate) fn take_due(&mut self, horizon_us: u64) -> Option<Record> {
        if self.waiting.peek()?.0.due_us > horizon_us {
            return None;
        }
        self.waiting.pop().map(|Reverse(record)| record)
    }

    /// Takes an event in. Returns its record if it arrives at once.
    pub(crate) fn admit(&mut self, event: Event) -> Option<Record> {
        let random = &mut self.random;
        let held_back = random.chance(self.late);
        let delay_us = if held_back {
            random.between(HELD_BACK_US.0, HELD_BACK_US.1)
        } else if self.disorder_us > 0 {
            random.between(0, self.disorder_us)
        } else {
            0
        };
        let condition = if random.chance(self.malformed) {
            Condition::Malformed(Breakage::draw(random))
        } else {
            Condition::Whole
        };
        let second = random.chance(self.duplicate).then(|| random.between(0, SECOND_COPY_US));
        let due_us = event.at_us + delay_us;
        let record = Record { event, due_us, condition, held_back, order: self.admitted };
        self.admitted += 1;
        if let Some(after_us) = second
            && condition == Condition::Whole
            && !self.is_closed()
        {
            self.waiting.push(Reverse(Record {
                due_us: due_us + after_us,
                condition: Condition::Duplicate,
                order: self.admitted,
                ..record
            }));
            self.admitted += 1;
        }
        if delay_us == 0 && self.disorder_us == 0 {
            return Some(record);
        }
        self.waiting.push(Reverse(record));
        None
    }
}
