//! The digest computed from the files alone, as anyone can: the SHA-256 of each
//! line, as big-endian numbers, summed modulo 2²⁵⁶.

use super::lines;
use sha2::{Digest as _, Sha256};

/// The digest of all lines of these files.
pub(super) fn digest(files: &[&[u8]]) -> String {
    let mut sum = [0_u8; 32];
    for line in files.iter().flat_map(|file| lines(file)) {
        let mut carry = 0_u16;
        for (digit, hashed) in sum.iter_mut().zip(Sha256::digest(line)).rev() {
            let both = u16::from(*digit) + u16::from(hashed) + carry;
            let [over, low] = both.to_be_bytes();
            (carry, *digit) = (u16::from(over), low);
        }
    }
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn sums_carry() {
    let check = |text: &str, expected: &str| assert_eq!(digest(&[text.as_bytes()]), expected);
    check("", &"0".repeat(64));
    check("abc\n", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("abc\nabc\n", "74f02d7f1e039fd4828281bcbb5c44476006c3472c2ef5396821fec3e4002b5a");
}
