//! A page's load time, as it is kept.
//!
//! Percentiles are taken over the kept values, so these are few by design:
//! eight significant bits, wrong by less than 0.8 %, and defined exactly, so
//! that other programs come to the same percentiles. Slow pages are kept
//! however slow: nothing is capped.

use super::number::Decimal;

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
    let low_bits = (i64::BITS - ms.leading_zeros()).saturating_sub(8);
    ms >> low_bits << low_bits
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
}
