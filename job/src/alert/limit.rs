//! A limit, and what lies beyond it.

use streamgauge_sink::decimal::Decimal;

/// On which side of a limit a value is beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Values that are larger.
    Above,
    /// Values that are smaller.
    Below,
}

impl Side {
    /// Its name in configurations and settings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }
}

/// A limit. Values are compared as they are published, with six decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    /// Where beyond it is.
    pub side: Side,
    /// The limit; a value that equals it is not beyond it.
    pub value: Decimal,
}

impl Limit {
    /// Whether a value lies beyond it.
    #[must_use]
    pub fn is_passed(&self, value: Decimal) -> bool {
        match self.side {
            Side::Above => value > self.value,
            Side::Below => value < self.value,
        }
    }
}
