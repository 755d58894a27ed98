//! A JSON number as an exact integer, rounded half away from zero.
//!
//! Money and load times are written as decimals of any length and with any
//! exponent, and every reader must come to the same integer. A float would
//! not (1.005 has none), so the digits themselves are read. The invariant:
//! the text has already been found to be a JSON number; this is not checked
//! again. No number takes more than one pass over its text.

/// A JSON number, taken apart.
#[derive(Clone, Copy)]
pub(super) struct Decimal<'a> {
    minus: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    /// Saturating: beyond 64 bits it is larger than any text is long.
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Takes the text of a JSON number apart.
    pub(super) fn new(number: &'a str) -> Self {
        let bytes = number.as_bytes();
        let (minus, bytes) = match bytes.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, bytes),
        };
        let whole_len = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let (whole, rest) = bytes.split_at(whole_len);
        let (fraction, rest) = match rest.split_first() {
            Some((b'.', rest)) => {
                rest.split_at(rest.iter().take_while(|b| b.is_ascii_digit()).count())
            }
            _ => (&rest[..0], rest),
        };
        Decimal { minus, whole, fraction, exponent: exponent(rest) }
    }

    /// Below zero: `-0.0` is not, `-1e-99` is.
    pub(super) fn is_negative(&self) -> bool {
        self.minus && self.first_nonzero().is_some()
    }

    /// The number times 10^`places`, rounded half away from zero; `None` where
    /// that does not fit into 64 bits.
    pub(super) fn scaled(&self, places: u8) -> Option<i64> {
        let Some(skipped) = self.first_nonzero() else {
            return Some(0);
        };
        // How many digits, from the first that is not 0, stand before the
        // point once it has been moved; the next one decides the rounding.
        let kept = length(self.whole)
            .saturating_sub(i64::try_from(skipped).unwrap_or(i64::MAX))
            .saturating_add(self.exponent)
            .saturating_add(i64::from(places));
        // Twenty digits could be more than 64 unsigned bits hold.
        if kept > 19 {
            return None;
        }
        let Ok(kept) = usize::try_from(kept) else {
            return Some(0);
        };
        let mut digits = self.digits().skip(skipped).map(|b| u64::from(b - b'0'));
        let mut magnitude = 0;
        for _ in 0..kept {
            magnitude = magnitude * 10 + digits.next().unwrap_or(0);
        }
        magnitude += u64::from(digits.next().unwrap_or(0) >= 5);
        if self.minus {
            0_i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        }
    }

    fn digits(&self) -> impl Iterator<Item = u8> + 'a {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn first_nonzero(&self) -> Option<usize> {
        self.digits().position(|digit| digit != b'0')
    }
}

/// The number as it stands if it is written without point and exponent and
/// fits into 64 bits.
pub(super) fn integer(number: &str) -> Option<i64> {
    // The standard parser takes a leading `+` too; no JSON number has one.
    number.parse().ok()
}

/// The value of what follows the digits: nothing, or `e`, a sign, digits.
fn exponent(text: &[u8]) -> i64 {
    let Some((_, signed)) = text.split_first() else {
        return 0;
    };
    let digits = signed.strip_prefix(b"-").unwrap_or(signed);
    let magnitude = digits
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .fold(0_i64, |sum, byte| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if digits.len() < signed.len() { -magnitude } else { magnitude }
}

fn length(digits: &[u8]) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scaled_rounds_half_away_from_zero() {
        for (number, places, expected) in [
            ("0", 2, Some(0)),
            ("-0", 2, Some(0)),
            ("59.90", 2, Some(5990)),
            ("59.9", 0, Some(60)),
            ("59.9", 3, Some(59_900)),
            ("1.005", 2, Some(101)),
            ("-1.005", 2, Some(-101)),
            ("0.004", 2, Some(0)),
            ("0.005", 2, Some(1)),
            ("-0.005", 2, Some(-1)),
            ("0.00499999999999999999999999999999", 2, Some(0)),
            ("2.675", 2, Some(268)),
            ("1e2", 2, Some(10_000)),
            ("1E+2", 2, Some(10_000)),
            ("1.5E1", 0, Some(15)),
            ("1E-3", 2, Some(0)),
            ("5E-3", 2, Some(1)),
            ("99E-4", 2, Some(1)),
            ("0.5", 0, Some(1)),
            ("9.5", 0, Some(10)),
            ("0e50", 2, Some(0)),
            ("0.000e99999999999999999999", 2, Some(0)),
            ("1e-99999999999999999999", 2, Some(0)),
            ("1e99999999999999999999", 2, None),
            ("1e0000000000000000000000000000000000002", 0, Some(100)),
            ("92233720368547758.07", 2, Some(i64::MAX)),
            ("92233720368547758.074", 2, Some(i64::MAX)),
            ("92233720368547758.075", 2, None),
            ("92233720368547758.08", 2, None),
            ("-92233720368547758.08", 2, Some(i64::MIN)),
            ("-92233720368547758.084", 2, Some(i64::MIN)),
            ("-92233720368547758.085", 2, None),
            ("9.2233720368547758074e18", 0, Some(i64::MAX)),
            ("9.2233720368547758075e18", 0, None),
            ("9999999999999999999", 0, None),
            ("9999999999999999999.9", 0, None),
            ("99999999999999999999", 0, None),
            ("18446744073709551616", 0, None),
            ("1000000000000000000000000e-24", 0, Some(1)),
            ("0.000000000000000000000001e24", 0, Some(1)),
        ] {
            let actual = Decimal::new(number).scaled(places);
            assert_eq!(actual, expected, "{number} {places}");
        }
    }

    #[test]
    fn long_texts() {
        let zeros = "0".repeat(500_000);
        let tiny = format!("0.{zeros}15e500002");
        assert_eq!(Decimal::new(&tiny).scaled(0), Some(15));
        let huge = format!("25{zeros}e-500001");
        assert_eq!(Decimal::new(&huge).scaled(0), Some(3));
        let nines = "9".repeat(6000);
        assert_eq!(Decimal::new(&nines).scaled(2), None);
    }

    #[test]
    fn negative_means_below_zero() {
        for (number, expected) in [
            ("-0", false),
            ("-0.0", false),
            ("-0e50", false),
            ("0", false),
            ("1", false),
            ("-0.4", true),
            ("-1e-99999999999999999999", true),
            ("-1e400", true),
        ] {
            assert_eq!(Decimal::new(number).is_negative(), expected, "{number}");
        }
    }

    #[test]
    fn integers() {
        for (number, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("1703123456789", Some(1_703_123_456_789)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("1.0", None),
            ("1e3", None),
        ] {
            assert_eq!(integer(number), expected, "{number}");
        }
    }

    proptest! {
        #![proptest_config(crate::decode::tests::grammar::config(2000))]

        /// Small numbers, where 128-bit integers give the answer directly.
        #[test]
        fn scaled_agrees_with_wide_integers(
            digits in 0_u64..100_000_000_000, point in 0_usize..8,
            exponent in -8_i32..8, minus: bool, places in 0_u8..5,
        ) {
            let padded = format!("{digits:0>width$}", width = point + 1);
            let (whole, fraction) = padded.split_at(padded.len() - point);
            let sign = if minus { "-" } else { "" };
            let dot = if point > 0 { "." } else { "" };
            let number = format!("{sign}{whole}{dot}{fraction}e{exponent}");

            let shift = exponent + i32::from(places) + 16 - i32::try_from(point).unwrap();
            let wide = i128::from(digits) * 10_i128.pow(u32::try_from(shift).unwrap());
            let unit = 10_i128.pow(16);
            let rounded = (wide + unit / 2) / unit;
            let expected = i64::try_from(if minus { -rounded } else { rounded }).ok();
            prop_assert_eq!(Decimal::new(&number).scaled(places), expected, "{}", number);
        }
    }
}
