//! Reading records that are built like earlier ones without scanning them.
//!
//! A producer sends the same few structures again and again, and most of a scanner's work
//! is to find out about brackets, commas and names what it has found out before. So what
//! stands between the values is learned from records that the scanner has taken; a record
//! that has the same between its values only needs to have it compared, and its values
//! passed over. The invariant: a record that is read here is one the scanner takes, and what is
//! read of it is the same. Any other record is the scanner's: nothing is rejected here, and
//! no event with a field of the wrong type is read.
//!
//! What records look like is up to who sends them, so both learning and trying have to be
//! paid for by success: if each record is built like none before, nearly all go to the
//! scanner at once. None of this shows in any result.

mod graph;
mod learn;
mod values;
mod walk;

use super::draft::Draft;
use super::json::Scanner;
use graph::Graph;
use learn::Learner;

/// To learn a record takes as much as that many records earn, for it costs more than to
/// scan it several times.
const LESSON: u32 = 256;
/// So many lessons can be had at once: a load's usual structures.
const MOST_LESSONS: u32 = 64;
/// A record that is tried in vain costs about twice what one that is read saves, where the
/// two are mixed: so trust lasts only if two of three are read.
const MISS: u32 = 2;
const MOST_TRUST: u32 = 64;
/// Without trust, one record of that many is tried.
const TRIAL: u32 = 32;

/// What is known of the structure of records.
#[derive(Debug)]
pub(super) struct Shapes {
    graph: Graph,
    /// Pays for lessons.
    credit: u32,
    /// Grows with each record that is read, shrinks with each that is tried in vain.
    trust: u32,
    untried: u32,
    /// Whether the last record was tried in vain.
    missed: bool,
}

impl Default for Shapes {
    fn default() -> Self {
        Shapes {
            graph: Graph::default(),
            credit: MOST_LESSONS * LESSON,
            trust: MOST_TRUST,
            untried: 0,
            missed: false,
        }
    }
}

impl Shapes {
    /// Reads a record into `draft` if it is built like earlier ones. If not, the draft is
    /// of no use, and nothing is known of the record.
    pub(super) fn read<'a>(
        &mut self,
        text: &'a str,
        draft: &mut Draft<'a>,
        unescaped: &mut String,
    ) -> bool {
        self.missed = false;
        self.credit = (self.credit + 1).min(MOST_LESSONS * LESSON);
        if self.trust == 0 {
            self.untried += 1;
            if self.untried < TRIAL {
                return false;
            }
            self.untried = 0;
        }
        unescaped.clear();
        if self.graph.walk(text, draft, unescaped).is_some() {
            self.trust = (self.trust + 1).min(MOST_TRUST);
            return true;
        }
        self.missed = true;
        self.trust = self.trust.saturating_sub(MISS);
        false
    }

    /// Learns, if that is due, from the record that could not be read just now and has been
    /// found to be right; `scan` stands at its start.
    #[inline]
    pub(super) fn learn(&mut self, scan: Scanner<'_, '_>) {
        if self.missed && self.credit >= LESSON {
            self.lesson(scan);
        }
    }

    #[cold]
    fn lesson(&mut self, scan: Scanner<'_, '_>) {
        self.credit -= LESSON;
        if self.graph.is_full() {
            // What fills the room is of use as long as most records are read.
            if self.trust > 0 {
                return;
            }
            self.graph = Graph::default();
        }
        // How far it comes does not matter.
        let _ = Learner::new(scan, &mut self.graph).learn();
    }
}

#[cfg(test)]
impl Shapes {
    /// Whether the last record was read. The next is tried, and learned if need be, in any
    /// case; if there is no room for it, all is learned anew.
    pub(super) fn has_read(&mut self) -> bool {
        (self.credit, self.trust, self.untried) = (MOST_LESSONS * LESSON, 0, TRIAL);
        !self.missed
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::*;

    /// A record like no other, with a name of `length` bytes.
    fn new_shape(index: usize, length: usize) -> String {
        format!(r#"{{"timestamp":1,"eventType":"X","userId":"u","{index:0>length$}":1,"n":[1]}}"#)
    }

    fn decode(decoder: &mut Decoder, value: &str) -> bool {
        assert!(decoder.decode(value.as_bytes()).is_ok(), "{value}");
        let shapes = decoder.shapes.as_ref().expect("it learns");
        !shapes.missed && shapes.untried == 0
    }

    #[test]
    fn a_structure_is_read_from_its_second_record_on() {
        let mut decoder = Decoder::new(1 << 20);
        let shape = |user: &str| new_shape(0, 9).replace(":\"u", &format!(":\"{user}"));
        let read =
            ["a", "b", "a longer one", "\\u00e4"].map(|user| decode(&mut decoder, &shape(user)));
        assert_eq!(read, [false, true, true, true]);
    }

    #[test]
    fn new_structures_fill_the_room_and_no_more() {
        let mut decoder = Decoder::new(1 << 20);
        let mut held = Vec::new();
        for index in 0..5000 {
            decode(&mut decoder, &new_shape(index, 110));
            let shapes = decoder.shapes.as_mut().expect("it learns");
            let gaps = shapes.graph.gaps.iter();
            let gaps: usize = gaps.map(|gap| size_of_val(gap) + gap.bytes.len()).sum();
            let states: usize = shapes.graph.states().map(|state| state.len() + 32).sum();
            held.push(gaps + states);
            // At last there is neither room nor trust.
            shapes.has_read();
            shapes.trust = if index == 4998 { 0 } else { MOST_TRUST };
        }
        let fullest = held.iter().max();
        assert!(fullest.is_some_and(|bytes| (1 << 19..1 << 21).contains(bytes)), "{fullest:?}");
        assert!(held.last().is_some_and(|bytes| *bytes < 1 << 12), "{:?}", held.last());
    }

    #[test]
    fn new_structures_are_hardly_tried_and_old_ones_are_found_again() {
        let mut decoder = Decoder::new(1 << 20);
        let (mut tried, mut lessons) = (0, 0);
        for index in 0..100_000 {
            let credit = decoder.shapes.as_ref().map_or(0, |shapes| shapes.credit);
            decode(&mut decoder, &new_shape(index, 9));
            let shapes = decoder.shapes.as_ref().expect("it learns");
            tried += u32::from(shapes.missed);
            lessons += u32::from(shapes.credit < credit);
        }
        assert!(tried < 100_000 / TRIAL + 2 * MOST_TRUST, "{tried}");
        assert!(lessons < 100_000 / LESSON + 2 * MOST_LESSONS, "{lessons}");
        let again = (0..100 * LESSON).find(|_| decode(&mut decoder, &new_shape(0, 5)));
        assert!(again.is_some());
        assert!((0..100).all(|_| decode(&mut decoder, &new_shape(0, 5))));
    }
}
