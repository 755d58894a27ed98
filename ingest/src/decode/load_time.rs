//! A page's load time, as it is kept.
//!
//! Percentiles are taken over the kept values, so these are few by design:
//! eight significant bits, wrong by less than 0.8 %, and defined exactly, so
//! that other programs come to the same percentiles. Slow pages are kept
//! however slow: nothing is capped.

use super::number::Decimal;
use serde::{Deserialize, Serialize};

/// What a number in `pageLoadTime` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadTime {
    /// In ms, all but the eight highest bits cleared.
    Kept(i64),
    /// Below zero, which means unknown: as if it were not there.
    Negative,
    /// Beyond 64 bits.
    Bad,
}

/// The load time that a JSON number gives.
pub(super) fn read(number: &str) -> LoadTime {
    let decimal = Decimal::new(number);
    if decimal.is_negative() {
        return LoadTime::Negative;
    }
    decimal.scaled(0).map_or(LoadTime::Bad, |load_ms| LoadTime::Kept(kept_ms(load_ms)))
}

/// A time as it is kept: all but the eight highest bits of a time in ms, which must not
/// be negative, are cleared.
#[must_use]
pub fn kept_ms(ms: i64) -> i64 {
    let low_bits = low_bits(ms);
    ms >> low_bits << low_bits
}

/// How many bits of a time are cleared.
fn low_bits(ms: i64) -> u32 {
    (i64::BITS - ms.leading_zeros()).saturating_sub(8)
}

/// A load time as it is kept, or none, in two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMs {
    high_bits: u8,
    /// How many bits follow, which are cleared; without a time more than there are.
    low_bits: u8,
}

impl KeptMs {
    /// No load time.
    pub const NONE: Self = Self { high_bits: 0, low_bits: u8::MAX };

    /// The time that is kept of one in ms; none of one below zero.
    #[must_use]
    pub fn new(ms: i64) -> Self {
        let low_bits = low_bits(ms);
        match (u8::try_from(ms >> low_bits), u8::try_from(low_bits)) {
            (Ok(high_bits), Ok(low_bits)) => Self { high_bits, low_bits },
            _ => Self::NONE,
        }
    }

    /// The time in ms, if there is one.
    #[must_use]
    pub fn ms(self) -> Option<i64> {
        i64::from(self.high_bits).checked_shl(u32::from(self.low_bits))
    }
}

#[cfg(test)]
mod tests {
    use super::LoadTime::{Bad, Kept, Negative};
    use super::*;

    #[test]
    fn load_times() {
        for (number, expected) in [
            ("0", Kept(0)),
            ("-0", Kept(0)),
            ("-0.0", Kept(0)),
            ("0e50", Kept(0)),
            ("-0e50", Kept(0)),
            ("1", Kept(1)),
            ("12.49999999999999999999999", Kept(12)),
            ("12.5", Kept(13)),
            ("12.75", Kept(13)),
            ("-0.4", Negative),
            ("-5", Negative),
            ("-1e-99999999999999999999", Negative),
            ("-1e400", Negative),
            ("-9223372036854775809", Negative),
            ("255", Kept(255)),
            ("255.49999999999999999999", Kept(255)),
            ("255.5", Kept(256)),
            ("256", Kept(256)),
            ("257", Kept(256)),
            ("258", Kept(258)),
            ("511", Kept(510)),
            ("511.5", Kept(512)),
            ("513", Kept(512)),
            ("1250", Kept(1248)),
            ("1.25e3", Kept(1248)),
            ("65535", Kept(65280)),
            ("9223372036854775807", Kept(9_187_343_239_835_811_840)),
            ("9223372036854775807.4", Kept(9_187_343_239_835_811_840)),
            ("9.2233720368547758074e18", Kept(9_187_343_239_835_811_840)),
            ("9223372036854775807.5", Bad),
            ("9223372036854775808", Bad),
            ("1e400", Bad),
            ("1e99999999999999999999", Bad),
        ] {
            assert_eq!(read(number), expected, "{number}");
        }
    }

    #[test]
    fn kept_values_are_less_than_one_in_128_too_small() {
        for load_ms in (0..70_000).chain(i64::MAX - 1000..=i64::MAX) {
            let kept = kept_ms(load_ms);
            assert!(kept <= load_ms && (load_ms - kept) <= load_ms / 128);
        }
    }

    #[test]
    fn two_bytes_are_enough_for_what_is_kept() {
        let powers = (0..63).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1, 3 << bit]);
        let times_ms = (0..70_000).chain(powers.filter(|ms| *ms >= 0)).chain([i64::MAX]);
        for load_ms in times_ms {
            assert_eq!(KeptMs::new(load_ms).ms(), Some(kept_ms(load_ms)), "{load_ms}");
        }
        for load_ms in [-1, -256, i64::MIN] {
            assert_eq!(KeptMs::new(load_ms), KeptMs::NONE, "{load_ms}");
        }
        assert_eq!((KeptMs::NONE.ms(), size_of::<KeptMs>()), (None, 2));
    }
}
