//! Where a channel stands.

use std::fmt;

/// The epoch of the last record of a channel and its place among those of the epoch:
/// the same for every reader of one log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seq {
    pub(crate) epoch: u64,
    pub(crate) place: u64,
}

impl Seq {
    /// The number of the next record, which belongs to `epoch`.
    pub(crate) fn next(self, epoch: u64) -> Self {
        let place = if epoch == self.epoch { self.place + 1 } else { 0 };
        Self { epoch, place }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, place) = text.split_once('.')?;
        Some(Self { epoch: epoch.parse().ok()?, place: place.parse().ok()? })
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_within_an_epoch() {
        let seq = Seq { epoch: 7, place: 2 };
        assert_eq!(seq.next(7).to_string(), "7.3");
        assert_eq!(seq.next(9).to_string(), "9.0");
        assert_eq!(Seq::parse("7.2"), Some(seq));
        for text in ["", "7", "7.", ".2", "7.2.1", "-7.2"] {
            assert_eq!(Seq::parse(text), None, "{text}");
        }
    }
}
