//! The shop in motion: a discrete-event simulation.
//!
//! Visitors arrive at random moments, independent of each other. Each has at
//! most one entry on the agenda, a heap by event time: the next thing they do.
//! The earliest of agenda and arrivals happens, decides what follows it, and
//! goes to `damage`, which says when it arrives and in what state.
//!
//! Invariants: events happen in the order of their times; the same options give
//! the same bytes; one event costs no allocation once the buffers have grown.
//! The shop was open before the start: visits that began earlier and are still
//! under way then are part of it (see `opening`), or the first minutes would be
//! all arrivals and below the rate.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::SimulatorError;
use crate::damage::{Condition, Delivery, Record, longest_delay_us};
use crate::event::{Event, EventType, Key};
use crate::journey::{EVENTS_PER_SESSION, Visit};
use crate::json::Writer;
use crate::moments::Moments;
use crate::options::Options;
use crate::random::{Random, Share, Stream};
use crate::scenario::Scenario;
use crate::visitor::{Pool, Visitor};

/// What is worth knowing of a record besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The event time, ms since the Unix epoch.
    pub timestamp_ms: i64,
    /// When the record is to be sent: microseconds of event time since the start.
    /// Never less than that of the record before. See [`Pace`](crate::Pace).
    pub due_us: u64,
    /// The key to produce it with; also that of a broken one, whose producer
    /// knew it.
    pub key: Key,
    /// What it was meant to be.
    pub event_type: EventType,
    /// Whole, a second copy, or broken in some way.
    pub condition: Condition,
    /// Whether it was held back beyond the ordinary disorder.
    pub held_back: bool,
}

/// The stream of records. Not an iterator, so that the caller keeps the buffer.
#[derive(Debug)]
pub struct Generator {
    pub(crate) scenario: Scenario,
    pool: Pool,
    pub(crate) random: Random,
    guests: Share,
    seed: u64,
    pub(crate) rate: f64,
    pub(crate) pause_us: f64,
    /// The mean time between arrivals.
    pub(crate) gap_ns: f64,
    /// Nanoseconds, because at a high rate whole microseconds would bend it.
    pub(crate) next_arrival_ns: u64,
    pub(crate) sessions: u32,
    pub(crate) visits: Vec<Visit>,
    free: Vec<u32>,
    pub(crate) agenda: BinaryHeap<Reverse<(u64, u32)>>,
    delivery: Delivery,
    /// When the last record left, by the shop's time.
    left_us: u64,
    moments: Moments,
    writer: Writer,
}

impl Generator {
    /// Builds the shop and opens it.
    ///
    /// # Errors
    /// [`SimulatorError::Option`] as from [`Options::validate`].
    pub fn new(options: Options) -> Result<Self, SimulatorError> {
        Ok(Self::new_unless(options, || false)?.expect("nobody stops it"))
    }

    /// As [`new`](Self::new), which takes seconds at the highest rates; `None` if
    /// `is_stopped` says so meanwhile.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn new_unless(
        options: Options,
        is_stopped: impl FnMut() -> bool,
    ) -> Result<Option<Self>, SimulatorError> {
        options.validate()?;
        let mut generator = Generator {
            scenario: Scenario::new(options.pages, options.skew),
            pool: Pool::new(options.users, options.skew),
            random: Random::new(options.seed, Stream::Visits),
            guests: Share::new(options.guest_share),
            seed: options.seed,
            rate: options.rate,
            pause_us: f64::from(options.pause_ms) * 1e3,
            gap_ns: 1e9 * EVENTS_PER_SESSION / options.rate,
            next_arrival_ns: 0,
            sessions: 0,
            visits: Vec::new(),
            free: Vec::new(),
            agenda: BinaryHeap::new(),
            delivery: Delivery::new(&options),
            left_us: 0,
            moments: Moments::new(longest_delay_us(&options)),
            writer: Writer::new(options.start_ms),
        };
        let is_open = generator.let_earlier_visitors_in(is_stopped);
        Ok(is_open.then_some(generator))
    }

    /// Lets what happens from now on have the time `elapsed` after the start,
    /// however far the shop has come by its own time: for a caller who takes
    /// events as fast as possible and wants them at the times of a clock. The
    /// visitors' pauses and the delays on the way shrink or stretch with it.
    pub fn set_clock(&mut self, elapsed: Duration) {
        self.moments.note(self.left_us, u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
    }

    /// Appends the next record to `out`, without a line end, and says what it
    /// is; `None` after the last. A broken record may be of any bytes but a
    /// line feed, or none at all.
    pub fn next_event(&mut self, out: &mut Vec<u8>) -> Option<Emitted> {
        let record = self.next_record()?;
        self.left_us = record.due_us;
        let event = &Event { at_us: self.moments.time_us(record.event.at_us), ..record.event };
        self.writer.write(event, &self.scenario, out, record.breakage());
        Some(Emitted {
            timestamp_ms: self.writer.timestamp_ms(event),
            due_us: record.due_us,
            key: event.key(),
            event_type: event.event_type(),
            condition: record.condition,
            held_back: record.held_back,
        })
    }

    fn next_record(&mut self) -> Option<Record> {
        loop {
            // What is due before anything else can happen has its turn.
            let horizon_us = self.next_at_us();
            if let Some(record) = self.delivery.take_due(horizon_us) {
                return Some(record);
            }
            if self.delivery.is_closed() {
                return self.delivery.take_due(u64::MAX);
            }
            let event = self.happen();
            if let Some(record) = self.delivery.admit(event) {
                return Some(record);
            }
        }
    }

    fn next_at_us(&self) -> u64 {
        let arrival_us = self.next_arrival_ns / 1000;
        self.agenda.peek().map_or(arrival_us, |Reverse((at_us, _))| arrival_us.min(*at_us))
    }

    fn happen(&mut self) -> Event {
        let arrival_us = self.next_arrival_ns / 1000;
        let (at_us, slot) = match self.agenda.peek() {
            Some(&Reverse((at_us, slot))) if at_us < arrival_us => {
                self.agenda.pop();
                (at_us, slot)
            }
            _ => {
                self.next_arrival_ns += self.random.exponential(self.gap_ns);
                let visitor = self.somebody();
                self.sessions = self.sessions.wrapping_add(1);
                let visit = Visit::new(visitor, self.sessions, &self.scenario, &mut self.random);
                (arrival_us, self.seat(visit))
            }
        };
        let visit = &mut self.visits[slot as usize];
        let event = Event {
            at_us,
            nonce: self.random.next(),
            action: visit.action,
            visitor: visit.visitor,
            session: visit.session,
            sequence: visit.sequence,
            place: visit.place,
            product: visit.product,
            source: visit.source,
        };
        match visit.advance(&self.scenario, self.pause_us, &mut self.random) {
            Some(delay_us) => self.agenda.push(Reverse((at_us + delay_us, slot))),
            None => {
                if let Some(member) = visit.visitor.member {
                    self.pool.leave(member);
                }
                self.free.push(slot);
            }
        }
        event
    }

    pub(crate) fn somebody(&mut self) -> Visitor {
        let random = &mut self.random;
        if random.chance(self.guests) {
            return Visitor::guest(&self.scenario, random);
        }
        let index = self.pool.arrive(random);
        Visitor::member(index, self.seed, &self.scenario, random)
    }

    pub(crate) fn seat(&mut self, visit: Visit) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.visits[slot as usize] = visit;
            return slot;
        }
        self.visits.push(visit);
        u32::try_from(self.visits.len() - 1).expect("fewer than 2^32 visits at once")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_is_as_full_at_the_start_as_later() {
        let check = |options: Options| {
            let mut generator = Generator::new(options.clone()).expect("valid options");
            let at_start = generator.agenda.len();
            (0..200_000).for_each(|_| {
                generator.happen();
            });
            let later = generator.agenda.len();
            let change = later as f64 / at_start as f64 - 1.0;
            assert!(change.abs() < 0.1, "{at_start} at the start, {later} later: {options:?}");
            // The number that the documentation of the rate promises.
            let each = later as f64 / options.rate * 11_000.0 / f64::from(options.pause_ms);
            assert!((10.0..14.0).contains(&each), "{each} for each event per second");
        };
        check(Options::default());
        check(Options { pause_ms: 2_000, ..Options::default() });
        check(Options { users: 100, ..Options::default() });
        check(Options { rate: 20_000.0, ..Options::default() });
    }

    #[test]
    fn by_the_callers_clock_events_are_in_order_and_copies_are_copies() {
        let options = Options {
            late_share: 0.05,
            duplicate_share: 0.1,
            disorder_ms: 2_000,
            ..Options::default()
        };
        let start_ms = options.start_ms;
        let mut generator = Generator::new(options.clone()).expect("valid options");
        let mut own = Generator::new(options).expect("valid options");
        let mut pairs = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for index in 0..50_000_u64 {
            // Ten times as fast as in the shop's own time.
            generator.set_clock(Duration::from_micros(index * 500));
            let mut value = Vec::new();
            let emitted = generator.next_event(&mut value).expect("no end");
            let shop = own.next_event(&mut Vec::new()).expect("no end");
            pairs.push((shop.timestamp_ms, emitted.timestamp_ms));
            let now_ms = start_ms + i64::try_from(index / 2).expect("small");
            assert!((start_ms..=now_ms).contains(&emitted.timestamp_ms), "{emitted:?}");
            if emitted.condition == Condition::Duplicate {
                assert!(seen.contains(&value), "a copy of nothing");
            }
            seen.insert(value);
        }
        pairs.sort_by_key(|(shop_ms, _)| *shop_ms);
        let steps = pairs.windows(2);
        assert!(steps.clone().all(|s| s[0].0 == s[1].0 || s[0].1 <= s[1].1), "out of order");
    }
}
