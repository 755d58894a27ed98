//! Where bindings turn: the last that is not such, and the first that is.

use super::ResultError;
use std::ops::Range;
use streamgauge_ingest::binding::Binding;

/// The two bindings, one after the other, between which something turns true.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// The last for which it is false.
    pub before: Option<Binding>,
    /// The first for which it is true.
    pub first: Option<Binding>,
}

impl Around {
    /// Finds them, and the place of the first that is such, by halving places, which are
    /// offsets or epochs: `next` gives the first binding in a range of places, and its own.
    pub(super) fn find(
        places: Range<u64>,
        is_such: &dyn Fn(&Binding) -> bool,
        mut next: impl FnMut(Range<u64>) -> Result<Option<(u64, Binding)>, ResultError>,
    ) -> Result<(Self, Option<u64>), ResultError> {
        let (mut low, mut high) = (places.start, places.end);
        let (mut found, mut first) = (Self::default(), None);
        while low < high {
            let middle = low + (high - low) / 2;
            match next(middle..high)? {
                Some((place, binding)) if !is_such(&binding) => {
                    low = place + 1;
                    found.before = Some(binding);
                }
                // Between the middle and it there is none.
                Some((place, binding)) => {
                    high = middle;
                    (found.first, first) = (Some(binding), Some(place));
                }
                None => high = middle,
            }
        }
        Ok((found, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first in a range of so many bindings of epochs 0, 2, 4, … at places three apart.
    fn next(range: Range<u64>, count: u64) -> Option<(u64, Binding)> {
        let place = range.start.next_multiple_of(3);
        let binding = Binding { epoch: place / 3 * 2, ..Binding::default() };
        (place < range.end && place / 3 < count).then_some((place, binding))
    }

    #[test]
    fn both_are_found_whatever_lies_between() {
        for count in 0..20 {
            for turn in 0..45 {
                let around =
                    Around::find(0..60, &|b| b.epoch >= turn, |range| Ok(next(range, count)));
                let epochs: Vec<u64> = (0..count).map(|i| i * 2).collect();
                let expected = (
                    epochs.iter().copied().rfind(|epoch| *epoch < turn),
                    epochs.iter().copied().find(|epoch| *epoch >= turn),
                );
                let (Around { before, first }, place) = around.expect("found");
                let epochs = (before.map(|b| b.epoch), first.map(|b| b.epoch));
                assert_eq!(epochs, expected, "{count} bindings, turning at {turn}");
                assert_eq!(place, expected.1.map(|epoch| epoch / 2 * 3));
            }
        }
    }
}
