//! Exact ratios as decimals of at most six places.

/// A number of millionths: the exact ratio rounded half away from zero.
///
/// Two ratios that print alike are equal here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i128);

const SCALE: i128 = 1_000_000;

impl Decimal {
    /// `numerator / denominator`, rounded half away from zero at the sixth place.
    ///
    /// # Panics
    /// If the denominator is not positive, or the numerator so large that a
    /// million times it leaves 128 bits: sums of 10¹² values of 63 bits do not.
    #[must_use]
    pub fn ratio(numerator: i128, denominator: i128) -> Self {
        assert!(denominator > 0, "a ratio is over a positive number");
        let scaled = numerator * SCALE;
        let (quotient, rest) = (scaled / denominator, scaled % denominator);
        let up = rest.unsigned_abs() * 2 >= denominator.unsigned_abs();
        Self(if up { quotient + scaled.signum() } else { quotient })
    }

    /// A whole number.
    #[must_use]
    pub fn whole(value: i64) -> Self {
        Self(i128::from(value) * SCALE)
    }

    /// A number of millionths.
    #[must_use]
    pub fn from_millionths(millionths: i128) -> Self {
        Self(millionths)
    }

    /// The number of millionths that it is.
    #[must_use]
    pub fn millionths(self) -> i128 {
        self.0
    }

    /// The decimal that a text is, such as `-12.5`: digits, and at most six behind the
    /// point; none if it is another, or larger than 63 bits of millionths.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > 6 {
            return None;
        }
        let millionths: i64 = format!("{whole}{fraction:0<6}").parse().ok()?;
        Some(Self(i128::from(if negative { -millionths } else { millionths })))
    }

    /// Appends it: no trailing zeros, no exponent, no −0.
    pub fn write(self, out: &mut Vec<u8>) {
        if self.0 < 0 {
            out.push(b'-');
        }
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) =
            (magnitude / SCALE.unsigned_abs(), magnitude % SCALE.unsigned_abs());
        super::json::integer(out, whole);
        if fraction > 0 {
            let digits = format!(".{fraction:06}");
            out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
        }
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numerator: i128, denominator: i128, expected: &str) {
        let mut out = Vec::new();
        Decimal::ratio(numerator, denominator).write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected, "{numerator}/{denominator}");
    }

    #[test]
    fn texts_are_read_as_they_are_written() {
        for text in ["0", "12.4", "-0.000001", "100", "9223372036854.775807"] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Decimal::parse("1.50"), Decimal::parse("1.5"));
        for text in ["", "-", ".5", "5.", "1e3", "+1", "1.0000001", "9223372036855", "1 "] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn rounds_half_away_from_zero_at_the_sixth_place() {
        check(62, 5, "12.4");
        check(0, 7, "0");
        check(1, 3, "0.333333");
        check(2, 3, "0.666667");
        check(-2, 3, "-0.666667");
        check(1, 2_000_000, "0.000001");
        check(-1, 2_000_000, "-0.000001");
        check(1, 2_000_001, "0");
        check(-1, 2_000_001, "0");
        check(100, 1, "100");
        check(-10_000_005, 10_000_000, "-1.000001");
        check(i128::from(i64::MAX) * 1000, 1, "9223372036854775807000");
    }
}
