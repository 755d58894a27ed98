//! How a visitor moves: a graph of pages, pauses between them, and an end.
//!
//! A session is a walk. Where it goes next depends on the page it is on alone,
//! with chances chosen so that 15 : 70 : 5 : 10 of starts, views, conversions
//! and ends come out of it on average; a test solves the graph for that. The
//! visitor has one product in mind, by popularity: the category and the search
//! lead to it, and after it is seen or bought another comes to mind.
//!
//! Invariant: a session begins with its start and a view; nothing follows its
//! end; a purchase follows the confirmation page.

use crate::event::Action;
use crate::random::Random;
use crate::scenario::Scenario;
use crate::visitor::Visitor;

/// A kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Home,
    Category,
    Product,
    Search,
    Article,
    Cart,
    Checkout,
    Confirmation,
    Register,
}

const PLACES: [Place; 9] = [
    Place::Home,
    Place::Category,
    Place::Product,
    Place::Search,
    Place::Article,
    Place::Cart,
    Place::Checkout,
    Place::Confirmation,
    Place::Register,
];

/// Of a thousand sessions, how many begin at each place.
const LANDINGS: [u64; 9] = [400, 180, 300, 50, 70, 0, 0, 0, 0];

/// Of a thousand views of a place (row), how many are followed by a view of
/// another (column); the rest were the last of their session.
#[rustfmt::skip]
const MOVES: [[u64; 9]; 9] = [
    // Home Cat. Prod. Srch Art. Cart Chk. Conf. Reg.
    [  0, 394, 150, 120,  40,   0,   0,   0,  30], // Home
    [ 40, 110, 594,  50,  10,   0,   0,   0,   0], // Category
    [ 25, 184, 379,  55,  15, 185,   0,   0,  10], // Product
    [ 20,  80, 600, 130,   0,   0,   0,   0,   0], // Search
    [110, 170, 210,   0, 100,   0,   0,   0,  40], // Article
    [ 20,  50, 110,   0,   0,   0, 560,   0,   0], // Cart
    [  0,   0,  40,   0,   0,  60,   0, 660,   0], // Checkout
    [ 90,  40,  40,   0,  30,   0,   0,   0,  60], // Confirmation
    [150, 150, 150,   0,   0,   0,   0,   0,   0], // Register
];

/// Of a thousand views, how many are followed by the conversion the place offers.
fn offer(place: Place) -> Option<(Conversion, u64)> {
    match place {
        Place::Confirmation => Some((Conversion::Purchase, 1000)),
        Place::Register => Some((Conversion::Signup, 600)),
        Place::Home | Place::Category | Place::Article => Some((Conversion::Newsletter, 103)),
        Place::Product | Place::Search | Place::Cart | Place::Checkout => None,
    }
}

/// Of three who leave, so many are seen leaving; the others fall silent.
const SEEN_LEAVING_OF_3: u64 = 2;

/// How many events a session has on average: 1 + 14/3 + 1/3 + 2/3.
pub(crate) const EVENTS_PER_SESSION: f64 = 20.0 / 3.0;

/// The spread of pauses: the mean is 1.5 times the median, one in a hundred is
/// eight times as long.
const PAUSE_SIGMA: f64 = 0.9;

/// What a visitor can do that the shop is glad of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    Purchase,
    Signup,
    Newsletter,
}

/// A session under way. `action` is what happens next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) visitor: Visitor,
    pub(crate) session: u32,
    pub(crate) sequence: u16,
    pub(crate) action: Action,
    pub(crate) place: Place,
    pub(crate) product: u32,
    pub(crate) source: u8,
}

impl Visit {
    pub(crate) fn new(
        visitor: Visitor,
        session: u32,
        scenario: &Scenario,
        random: &mut Random,
    ) -> Self {
        Visit {
            visitor,
            session,
            sequence: 0,
            action: Action::Start,
            place: draw(&LANDINGS, random).unwrap_or(Place::Home),
            product: scenario.popularity.draw(random),
            source: scenario.sources.draw_small(random),
        }
    }

    /// Lets `action` have happened and decides on the next one: microseconds
    /// until then, or `None` if there is none.
    pub(crate) fn advance(
        &mut self,
        scenario: &Scenario,
        pause_us: f64,
        random: &mut Random,
    ) -> Option<u64> {
        self.sequence = self.sequence.saturating_add(1);
        match self.action {
            Action::Start => {
                self.action = Action::View { landing: true };
                Some(random.between(30_000, 250_000))
            }
            Action::View { .. } => match self.convert(random) {
                Some(conversion) => {
                    self.action = Action::Convert(conversion);
                    // A form takes a moment, the thank-you page reports at once.
                    let slow = if conversion == Conversion::Purchase { 0.02 } else { 0.5 };
                    Some(random.log_normal(pause_us * slow, PAUSE_SIGMA))
                }
                None => self.move_on(scenario, pause_us, random),
            },
            Action::Convert(_) => self.move_on(scenario, pause_us, random),
            Action::End => None,
        }
    }

    fn convert(&self, random: &mut Random) -> Option<Conversion> {
        // A crawler follows links and fills in no forms.
        let (conversion, of_thousand) = offer(self.place)?;
        let taken = random.below(1000) < of_thousand && !self.visitor.is_crawler();
        taken.then_some(conversion)
    }

    fn move_on(&mut self, scenario: &Scenario, pause_us: f64, random: &mut Random) -> Option<u64> {
        match draw(&MOVES[self.place as usize], random) {
            Some(next) => {
                let settled = matches!(self.place, Place::Product | Place::Confirmation);
                if settled && next != Place::Cart {
                    self.product = scenario.popularity.draw(random);
                }
                self.place = next;
                self.action = Action::View { landing: false };
            }
            None if random.below(3) < SEEN_LEAVING_OF_3 => self.action = Action::End,
            None => return None,
        }
        Some(random.log_normal(pause_us, PAUSE_SIGMA))
    }
}

fn draw(of_thousand: &[u64; 9], random: &mut Random) -> Option<Place> {
    let mut rest = random.below(1000);
    for (place, &chances) in PLACES.iter().zip(of_thousand) {
        if rest < chances {
            return Some(*place);
        }
        rest -= chances;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each place is seen in a session on average: the landings, and
    /// what follows from them, step by step until nothing is left.
    fn expected_views() -> [f64; 9] {
        let mut step = LANDINGS.map(|landing| landing as f64 / 1000.0);
        let mut views = step;
        for _ in 0..500 {
            let mut next = [0.0; 9];
            for (from, row) in MOVES.iter().enumerate() {
                for (to, &chances) in row.iter().enumerate() {
                    next[to] += step[from] * chances as f64 / 1000.0;
                }
            }
            step = next;
            views.iter_mut().zip(step).for_each(|(sum, more)| *sum += more);
        }
        views
    }

    #[test]
    fn the_graph_has_the_wanted_proportions() {
        let views = expected_views();
        let offers = PLACES.map(|place| offer(place).map_or(0.0, |(_, n)| n as f64 / 1000.0));
        let conversions: f64 = views.iter().zip(offers).map(|(views, offer)| views * offer).sum();
        let total: f64 = views.iter().sum();
        let check = |name: &str, found: f64, wanted: f64| {
            assert!((found / wanted - 1.0).abs() < 0.01, "{name}: {found}, not {wanted}");
        };
        check("views", total, 14.0 / 3.0);
        check("conversions", conversions, 1.0 / 3.0);
        let ends = SEEN_LEAVING_OF_3 as f64 / 3.0;
        check("events", 1.0 + total + conversions + ends, EVENTS_PER_SESSION);
        assert!(views.iter().all(|&views| views > 0.0), "a place nobody reaches: {views:?}");
    }

    #[test]
    fn rows_leave_a_way_out() {
        assert_eq!(LANDINGS.iter().sum::<u64>(), 1000);
        for (place, row) in PLACES.iter().zip(MOVES) {
            assert!(row.iter().sum::<u64>() < 1000, "{place:?} is never left");
        }
        for (index, place) in PLACES.iter().enumerate() {
            assert_eq!(*place as usize, index);
        }
    }
}
