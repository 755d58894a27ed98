//! Who comes: known visitors who return, and guests.
//!
//! A known visitor is a number. Where they live and what they use follow from
//! it and the seed, so a pool of millions needs no memory for them but a count
//! of their open sessions. Guests are drawn afresh, crawlers among them.
//!
//! Invariant: a known visitor has the same country, city and address in every
//! session, and mostly the same device.

use crate::random::{Random, Stream, mix};
use crate::scenario::{COUNTRIES, Country, DEVICES, Device, FIRST_CRAWLER, Scenario};
use crate::weighted::Weighted;

/// One person (or crawler) for the length of one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    /// The place in the pool; `None` is a guest.
    pub(crate) member: Option<u32>,
    country: u8,
    city: u8,
    device: u8,
    /// The last two numbers of the address, over the three documentation nets.
    address: (u8, u8),
}

/// One guest in so many is a crawler.
const CRAWLER_ONE_IN: u64 = 12;
/// In one session of so many, a known visitor uses some other device.
const OTHER_DEVICE_ONE_IN: u64 = 5;

impl Visitor {
    /// Stands in where it does not matter yet who it is.
    pub(crate) const ANYONE: Visitor =
        Visitor { member: None, country: 0, city: 0, device: 0, address: (0, 1) };

    pub(crate) fn member(index: u32, seed: u64, scenario: &Scenario, now: &mut Random) -> Self {
        let mut fixed = Random::new(seed ^ mix(u64::from(index)), Stream::Members);
        let mut visitor = Visitor::person(scenario, &mut fixed);
        visitor.member = Some(index);
        if now.below(OTHER_DEVICE_ONE_IN) == 0 {
            visitor.device = scenario.devices.draw_small(now);
        }
        visitor
    }

    pub(crate) fn guest(scenario: &Scenario, random: &mut Random) -> Self {
        let mut visitor = Visitor::person(scenario, random);
        if random.below(CRAWLER_ONE_IN) == 0 {
            let crawler = FIRST_CRAWLER + random.index(DEVICES.len() - FIRST_CRAWLER);
            visitor.device = u8::try_from(crawler).expect("a small table");
        }
        visitor
    }

    fn person(scenario: &Scenario, random: &mut Random) -> Self {
        let country = scenario.countries.draw_small(random);
        let bits = random.next();
        Visitor {
            member: None,
            country,
            city: scenario.cities[usize::from(country)].draw_small(random),
            device: scenario.devices.draw_small(random),
            // The first and the last number of a net are no host's.
            address: ((bits >> 32 & 0xff) as u8 % 3, 1 + (bits & 0xff) as u8 % 254),
        }
    }

    pub(crate) fn country(&self) -> &'static Country {
        &COUNTRIES[usize::from(self.country)]
    }

    pub(crate) fn city(&self) -> &'static str {
        self.country().cities[usize::from(self.city)]
    }

    pub(crate) fn device(&self) -> &'static Device {
        &DEVICES[usize::from(self.device)]
    }

    pub(crate) fn is_crawler(&self) -> bool {
        usize::from(self.device) >= FIRST_CRAWLER
    }

    /// The net, as far as its last point, and the host in it.
    pub(crate) fn address(&self) -> (&'static str, u8) {
        (NETS[usize::from(self.address.0)], self.address.1)
    }
}

/// The nets reserved for documentation: nobody's address is ever written.
const NETS: [&str; 3] = ["192.0.2.", "198.51.100.", "203.0.113."];

/// The known visitors, and how many sessions each has open.
#[derive(Debug)]
pub(crate) struct Pool {
    activity: Weighted,
    open: Vec<u8>,
    /// How many have no session open.
    away: u32,
}

/// So often a busy visitor is passed over for another.
const TRIES: u32 = 16;

impl Pool {
    pub(crate) fn new(users: u32, skew: f64) -> Self {
        Pool { activity: Weighted::zipf(users, skew), open: vec![0; users as usize], away: users }
    }

    /// Somebody who is not on the site, if that can be found soon; else
    /// somebody who opens a second session beside the first.
    pub(crate) fn arrive(&mut self, random: &mut Random) -> u32 {
        let mut index = self.activity.draw(random);
        for _ in 1..TRIES {
            if self.open[index as usize] == 0 || self.away == 0 {
                break;
            }
            index = self.activity.draw(random);
        }
        let open = &mut self.open[index as usize];
        self.away -= u32::from(*open == 0);
        *open = open.saturating_add(1);
        index
    }

    pub(crate) fn leave(&mut self, index: u32) {
        let open = &mut self.open[index as usize];
        self.away += u32::from(*open == 1);
        *open = open.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_who_they_are() {
        let scenario = Scenario::new(10, 1.0);
        let mut now = Random::new(1, Stream::Visits);
        for index in 0..50 {
            let first = Visitor::member(index, 9, &scenario, &mut now);
            let again = Visitor::member(index, 9, &scenario, &mut now);
            assert_eq!(first.city(), again.city());
            assert_eq!(first.address(), again.address());
            assert!(!first.is_crawler());
        }
    }

    #[test]
    fn busy_members_are_passed_over_while_others_are_free() {
        let mut random = Random::new(1, Stream::Visits);
        let mut pool = Pool::new(100, 1.0);
        let first: Vec<u32> = (0..20).map(|_| pool.arrive(&mut random)).collect();
        assert_eq!(pool.open.iter().filter(|&&open| open > 1).count(), 0);
        first.iter().for_each(|&index| pool.leave(index));
        assert!(pool.open.iter().all(|&open| open == 0));
        // A pool that is too small is used beyond its size rather than refused.
        (0..500).for_each(|_| {
            pool.arrive(&mut random);
        });
        assert!(pool.open.iter().any(|&open| open > 1));
    }
}
