//! Who is in the shop when it is first looked at.
//!
//! Visitors have come and gone for ever, each at a moment of their own. So many
//! are in a pause of some kind at any moment as such pauses take of all visitors'
//! time. A fixed number of visits is therefore laid out as one line of time, and
//! visitors are dropped on it: one who falls into a pause is in it, with the rest
//! of it still to come.
//!
//! Invariant: the work follows the number of those who are there, not how long
//! they have been. Who they are is drawn for each; several may fall into the
//! same pause, and then go different ways.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Generator;
use crate::journey::Visit;
use crate::random::whole;
use crate::visitor::Visitor;

/// So many that the shares of pages and pauses are right to a few thousandths.
const VISITS: u32 = 20_000;

/// Above the number of visitors at once, for each of rate × pause in seconds.
const ROOM: f64 = 1.3;

impl Generator {
    /// Lets those in who came before the start and are still there then. False if
    /// `is_stopped`, which is asked after every visit.
    pub(crate) fn let_earlier_visitors_in(&mut self, mut is_stopped: impl FnMut() -> bool) -> bool {
        let arrivals_us = self.gap_ns / 1e3;
        let distance_us = f64::from(VISITS) * arrivals_us;
        let room = usize::try_from(whole(ROOM * self.rate * self.pause_us / 1e6)).unwrap_or(0);
        self.visits.reserve(room);
        let mut agenda = Vec::with_capacity(room);
        let mut next_us = self.random.exponential(distance_us);
        for _ in 0..VISITS {
            if is_stopped() {
                return false;
            }
            let mut visit = Visit::new(Visitor::ANYONE, 0, &self.scenario, &mut self.random);
            while let Some(mut rest_us) =
                visit.advance(&self.scenario, self.pause_us, &mut self.random)
            {
                while next_us < rest_us {
                    rest_us -= next_us;
                    next_us = self.random.exponential(distance_us);
                    let slot = self.let_in(visit);
                    agenda.push(Reverse((rest_us, slot)));
                }
                next_us -= rest_us;
            }
        }
        self.agenda = BinaryHeap::from(agenda);
        self.next_arrival_ns = self.random.exponential(self.gap_ns);
        true
    }

    /// Seats somebody in the middle of a visit such as `visit`.
    fn let_in(&mut self, mut visit: Visit) -> u32 {
        self.sessions = self.sessions.wrapping_add(1);
        visit.session = self.sessions;
        visit.product = self.scenario.popularity.draw(&mut self.random);
        visit.source = self.scenario.sources.draw_small(&mut self.random);
        visit.visitor = self.somebody();
        self.seat(visit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    /// The walks that an opening takes.
    fn walks(rate: f64) -> u32 {
        let mut walks = 0;
        let options = Options { rate, ..Options::default() };
        let generator = Generator::new_unless(options, || {
            walks += 1;
            false
        });
        assert!(generator.expect("valid options").is_some());
        walks
    }

    #[test]
    fn a_high_rate_takes_no_more_walks() {
        assert_eq!(walks(20_000.0), walks(2.0));
    }

    #[test]
    fn an_opening_can_be_stopped() {
        let mut left = 10;
        let stopped =
            Generator::new_unless(Options { rate: 1_000.0, ..Options::default() }, || {
                left -= 1;
                left == 0
            });
        assert!(stopped.expect("valid options").is_none());
        assert_eq!(left, 0);
    }
}
