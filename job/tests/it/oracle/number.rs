//! Exact numbers: decimal texts rounded to integers, and ratios written as decimals.
//!
//! Invariant: rounding is half away from zero, from the exact value, once.
//!
//! It knows no floats and no arithmetic beyond 128 bits, which sums of millions of 64-bit values
//! do not reach.

/// A JSON number times ten to the power `places`, rounded; `None` outside signed 64 bits.
///
/// `text` follows the grammar of JSON's numbers; its exponent may be of any size.
pub(super) fn rounded(text: &str, places: u32) -> Option<i64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let negative = whole.starts_with('-');
    let whole = whole.trim_start_matches('-');
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // How many of the significant digits stand before the point of the scaled number.
    let leading_zeros = digits.len() - significant.len();
    let before_point = i128::try_from(whole.len()).ok()? - i128::try_from(leading_zeros).ok()?
        + clamped(exponent)
        + i128::from(places);
    if before_point > 20 {
        return None;
    }
    let Ok(before_point) = usize::try_from(before_point) else {
        return Some(0);
    };
    let digit =
        |place: usize| i128::from(significant.as_bytes().get(place).map_or(0, |d| d - b'0'));
    let cut = (0..before_point).fold(0, |sum, place| sum * 10 + digit(place));
    let magnitude = cut + i128::from(digit(before_point) >= 5);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// An exponent; one with more digits than any text is long stands for a very large one.
fn clamped(exponent: &str) -> i128 {
    let digits = exponent.trim_start_matches(['+', '-']).trim_start_matches('0');
    let size = match digits.len() {
        0 => 0,
        1..=18 => digits.parse().unwrap_or(0),
        _ => 10_i128.pow(18),
    };
    if exponent.starts_with('-') { -size } else { size }
}

/// The kept form of a time in ms: all but the 8 highest bits cleared.
pub(super) fn kept(ms: i64) -> i64 {
    let bits = i64::BITS - ms.leading_zeros();
    let cleared = bits.saturating_sub(8);
    ms >> cleared << cleared
}

/// `numerator / denominator` with at most 6 decimals; the denominator is positive.
pub(super) fn ratio(numerator: i128, denominator: i128) -> String {
    let scaled = numerator.abs() * 1_000_000;
    let millionths = (2 * scaled + denominator) / (2 * denominator);
    let sign = if numerator < 0 && millionths > 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The nearest rank of `percent` among values in ascending order: the ceil(n·p)-th; 0 of none.
pub(super) fn nearest_rank(sorted: &[i64], percent: usize) -> i64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    rank.checked_sub(1).and_then(|place| sorted.get(place)).copied().unwrap_or(0)
}

/// A count as a wide integer.
pub(super) fn wide(count: usize) -> i128 {
    i128::try_from(count).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_texts_are_rounded_half_away() {
        let check = |text: &str, places, expected| {
            assert_eq!(rounded(text, places), expected, "{text} {places}")
        };
        check("59.90", 2, Some(5990));
        check("0.005", 2, Some(1));
        check("-0.005", 2, Some(-1));
        check("0.00499999999999999999999999999999", 2, Some(0));
        check("-0", 0, Some(0));
        check("0e999999999999999999999999", 2, Some(0));
        check("1e999", 2, None);
        check("-1e999", 2, None);
        check("1e-999999999999999999999999", 2, Some(0));
        check("0.00001e5", 0, Some(1));
        check("1250.5", 0, Some(1251));
        check("12505e-1", 0, Some(1251));
        check("0.5", 0, Some(1));
        check("0.05", 0, Some(0));
        check("9223372036854775807.4", 0, Some(i64::MAX));
        check("9223372036854775807.5", 0, None);
        check("-9223372036854775808.4", 0, Some(i64::MIN));
        check("-9223372036854775808.5", 0, None);
        check("99999999999999999999", 0, None);
        check("100000000000000000000000000000000e-30", 0, Some(100));
    }

    #[test]
    fn kept_times_have_8_bits() {
        for (ms, expected) in
            [(0, 0), (255, 255), (256, 256), (257, 256), (1250, 1248), (i64::MAX, 0xff << 55)]
        {
            assert_eq!(kept(ms), expected, "{ms}");
        }
    }

    #[test]
    fn ratios_have_at_most_6_decimals() {
        for (numerator, denominator, expected) in [
            (62, 5, "12.4"),
            (0, 7, "0"),
            (100, 1, "100"),
            (2, 3, "0.666667"),
            (-2, 3, "-0.666667"),
            (1, 2_000_000, "0.000001"),
            (-1, 2_000_000, "-0.000001"),
            (-1, 2_000_001, "0"),
            (19_999_999, 10_000_000, "2"),
        ] {
            assert_eq!(ratio(numerator, denominator), expected, "{numerator}/{denominator}");
        }
    }

    #[test]
    fn nearest_ranks() {
        for (n, percent, expected) in [
            (1, 50, 1),
            (2, 50, 1),
            (3, 50, 2),
            (100, 95, 95),
            (101, 95, 96),
            (10, 99, 10),
            (0, 50, 0),
        ] {
            let values: Vec<i64> = (1..=n).collect();
            assert_eq!(nearest_rank(&values, percent), expected, "{n} {percent}");
        }
    }
}
