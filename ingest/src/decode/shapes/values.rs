//! Getting past the values that are usual, and only past these.
//!
//! Each function takes what begins with a value and gives what stands behind it. `None`
//! says nothing of the value: it may be unusual, near the end of the record or no value at
//! all. What a function does take, the grammar takes.

use super::super::text;

/// A string without escapes, from behind its opening quote; gives its closing quote on.
#[inline(always)]
pub(super) fn behind_string(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value;
    while let Some((eight, behind)) = rest.split_first_chunk() {
        let found = text::special_mask(*eight);
        if found != 0 {
            let behind = rest.get((found.trailing_zeros() / 8) as usize..)?;
            return (behind.first() == Some(&b'"')).then_some(behind);
        }
        rest = behind;
    }
    None
}

/// One to seven digits and nothing else.
#[inline(always)]
pub(super) fn behind_number(value: &[u8]) -> Option<&[u8]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let digits = u64::from_le_bytes(*value.first_chunk()?) ^ (ONES * 0x30);
    // A digit is now 0 to 9. Adding 6 to a byte carries over only behind the first other.
    let others = (digits.wrapping_add(ONES * 0x06) | digits) & (ONES * 0xf0);
    let count = (others.trailing_zeros() / 8) as usize;
    let is_first_zero = digits & 0xff == 0;
    let is_number = (others != 0) & (count > 0) & (!is_first_zero | (count == 1));
    let behind = value.get(count..)?;
    let is_whole = !matches!(behind.first(), Some(b'.' | b'e' | b'E') | None);
    (is_number & is_whole).then_some(behind)
}

/// `true`, `false` or `null`.
#[inline(always)]
pub(super) fn behind_word(value: &[u8]) -> Option<&[u8]> {
    let [start @ .., last]: [u8; 5] = *value.first_chunk()?;
    let is_false = (start == *b"fals") & (last == b'e');
    let is_other = (start == *b"true") | (start == *b"null");
    if is_false | is_other { value.get(4 + usize::from(is_false)..) } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::super::skip::number_end;
    use super::*;

    #[test]
    fn strings() {
        for length in 0..40 {
            for (special, is_taken) in [("\"", true), ("\\", false), ("\n", false)] {
                let string = "ä".repeat(length) + special + ",\"behind\":1";
                let expected = is_taken.then(|| &string.as_bytes()[2 * length..]);
                assert_eq!(behind_string(string.as_bytes()), expected, "{string}");
            }
        }
        assert_eq!(behind_string(b""), None);
        assert_eq!(behind_string(b"0123456789"), None);
    }

    /// All that is made of four characters that mean something in a number.
    #[test]
    fn numbers() {
        let bytes = b"0189-+.eE,/:\xff ";
        let count = bytes.len();
        for choice in 0..count.pow(4) {
            let start = [1, count, count.pow(2), count.pow(3)].map(|n| bytes[choice / n % count]);
            let value = [&start, b",\"behind\"".as_slice()].concat();
            if let Some(behind) = behind_number(&value) {
                assert_eq!(number_end(&value, 0), Ok(value.len() - behind.len()), "{start:?}");
            }
        }
        for digits in 1..20 {
            let value = "9".repeat(digits) + "}   more";
            let expected = (digits < 8).then(|| &value.as_bytes()[digits..]);
            assert_eq!(behind_number(value.as_bytes()), expected, "{value}");
        }
        assert_eq!(behind_number(b"0,      "), Some(b",      ".as_slice()));
        assert_eq!(behind_number(b"1}"), None);
    }

    #[test]
    fn words() {
        for (value, expected) in [
            ("true,", Some(",")),
            ("null}}", Some("}}")),
            ("false]", Some("]")),
            ("false", Some("")),
            ("falsE]", None),
            ("tru,,", None),
            ("nulL,", None),
            ("true", None),
            ("", None),
        ] {
            assert_eq!(behind_word(value.as_bytes()), expected.map(str::as_bytes), "{value}");
        }
    }
}
