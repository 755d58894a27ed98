//! Event time by the caller's clock.
//!
//! The shop has a time of its own, in which visitors come and think. Who wants as
//! many events as can be taken, and at the times at which they are made, says now
//! and then where the clock stands: what happens in the shop after that carries
//! this time. Pauses and delays shrink or stretch with it.
//!
//! Invariants: the order of events stays; an event has the same time whenever it
//! is asked for, so a second copy is one. Without a moment times are the shop's.

use std::collections::VecDeque;

/// Where the shop's time and the clock stood at once, in µs since the start.
#[derive(Clone, Copy, Debug)]
struct Moment {
    shop_us: u64,
    clock_us: u64,
}

/// The moments that an event may still be dated by.
#[derive(Debug)]
pub(crate) struct Moments {
    /// How long after it happened an event may leave, by the shop's time.
    longest_delay_us: u64,
    moments: VecDeque<Moment>,
}

impl Moments {
    pub(crate) fn new(longest_delay_us: u64) -> Self {
        Moments { longest_delay_us, moments: VecDeque::new() }
    }

    /// The clock says `clock_us`, and everything that left has happened no later
    /// than `shop_us`.
    pub(crate) fn note(&mut self, shop_us: u64, clock_us: u64) {
        match self.moments.back_mut() {
            // A clock that is turned back takes nothing back.
            Some(last) if clock_us <= last.clock_us => return,
            // Nothing was dated by the last one yet.
            Some(last) if shop_us <= last.shop_us => {
                last.clock_us = clock_us;
                return;
            }
            _ => self.moments.push_back(Moment { shop_us, clock_us }),
        }
        let oldest_us = shop_us.saturating_sub(self.longest_delay_us);
        while self.moments.get(1).is_some_and(|second| second.shop_us < oldest_us) {
            self.moments.pop_front();
        }
    }

    /// The time of what happened at `shop_us`: that of the last moment before it.
    pub(crate) fn time_us(&self, shop_us: u64) -> u64 {
        let later = self.moments.partition_point(|moment| moment.shop_us < shop_us);
        let moment = self.moments.get(later.saturating_sub(1));
        moment.map_or(shop_us, |moment| moment.clock_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_after_a_moment_has_its_time() {
        let mut moments = Moments::new(100);
        assert_eq!(moments.time_us(7), 7);
        moments.note(0, 5);
        assert_eq!((moments.time_us(0), moments.time_us(900)), (5, 5));
        moments.note(900, 10);
        assert_eq!((moments.time_us(900), moments.time_us(901)), (5, 10));
        moments.note(900, 11);
        moments.note(950, 8);
        assert_eq!((moments.time_us(900), moments.time_us(2_000)), (5, 11));
    }

    #[test]
    fn only_what_can_be_asked_for_is_kept() {
        let mut moments = Moments::new(100);
        (0..1_000).for_each(|at| moments.note(at * 10, at));
        assert!(moments.moments.len() <= 12, "{}", moments.moments.len());
        assert_eq!(moments.time_us(9_990 - 100), 988);
    }
}
