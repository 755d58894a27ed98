//! The smallest parts of the text: strings as they are, numbers, money, ids.

use crate::event::HEX;
use crate::random::Random;

pub(super) fn text(out: &mut Vec<u8>, part: &str) {
    out.extend_from_slice(part.as_bytes());
}

pub(super) fn number(out: &mut Vec<u8>, value: impl itoa::Integer) {
    text(out, itoa::Buffer::new().format(value));
}

/// Minor units as a decimal with exactly the currency's digits.
pub(super) fn money(out: &mut Vec<u8>, minor: u64, digits: usize) {
    let mut buffer = itoa::Buffer::new();
    let all = buffer.format(minor);
    // At least one digit stands before the point.
    for _ in all.len()..=digits {
        out.push(b'0');
    }
    text(out, all);
    if digits > 0 {
        out.insert(out.len() - digits, b'.');
    }
}

/// Version 4: random but for the six bits that say so.
pub(super) fn uuid(out: &mut Vec<u8>, details: &mut Random) {
    let high = details.next() & !0xf000 | 0x4000;
    let low = details.next() & !(3 << 62) | 1 << 63;
    let groups = [(high, 32, 8), (high, 16, 4), (high, 0, 4), (low, 48, 4), (low, 0, 12)];
    for (half, shift, digits) in groups {
        for digit in (0..digits).rev() {
            out.push(HEX[(half >> (shift + 4 * digit) & 15) as usize]);
        }
        out.push(b'-');
    }
    out.pop();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn money_has_the_digits_of_its_currency() {
        let check = |minor, digits, expected: &str| {
            let mut out = Vec::new();
            money(&mut out, minor, digits);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        };
        check(5990, 2, "59.90");
        check(5, 2, "0.05");
        check(0, 2, "0.00");
        check(5990, 0, "5990");
        check(12_345, 3, "12.345");
        check(45, 3, "0.045");
    }

    #[test]
    fn identifiers_are_version_4_uuids() {
        let mut details = Random::new(1, Stream::Details);
        for _ in 0..100 {
            let mut out = Vec::new();
            uuid(&mut out, &mut details);
            let id = String::from_utf8(out).expect("ASCII");
            assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4");
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        }
    }
}
