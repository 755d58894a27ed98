//! The digest of a set of lines: the SHA-256 of each, as 256-bit numbers, summed
//! modulo 2²⁵⁶.
//!
//! It needs no order: lines can be added by several workers, and taken back when
//! a result is corrected.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// A sum of SHA-256 values; most significant word first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest([u64; 4]);

impl Digest {
    /// The digest of one line, without its line end.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let hash = Sha256::digest(line);
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(hash.chunks_exact(8)) {
            *word = bytes.iter().fold(0, |w, b| w << 8 | u64::from(*b));
        }
        Self(words)
    }

    /// Adds another set of lines.
    pub fn add(&mut self, other: Self) {
        let mut carry = false;
        for (a, b) in self.0.iter_mut().zip(other.0).rev() {
            let (sum, over) = a.overflowing_add(b);
            let (sum, over_carry) = sum.overflowing_add(u64::from(carry));
            *a = sum;
            carry = over || over_carry;
        }
    }

    /// Takes lines back.
    pub fn take_back(&mut self, other: Self) {
        let mut borrow = false;
        for (a, b) in self.0.iter_mut().zip(other.0).rev() {
            let (rest, under) = a.overflowing_sub(b);
            let (rest, under_borrow) = rest.overflowing_sub(u64::from(borrow));
            *a = rest;
            borrow = under || under_borrow;
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|word| write!(f, "{word:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_line_is_its_sha256() {
        assert_eq!(
            Digest::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn carries_go_through_all_words() {
        let mut d = Digest([0, u64::MAX, u64::MAX, u64::MAX]);
        d.add(Digest([0, 0, 0, 1]));
        assert_eq!(d, Digest([1, 0, 0, 0]));
        d.take_back(Digest([0, 0, 0, 1]));
        assert_eq!(d, Digest([0, u64::MAX, u64::MAX, u64::MAX]));
    }

    proptest! {
        #[test]
        fn what_is_taken_back_leaves_no_trace(lines in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
            let mut d = Digest::default();
            lines.iter().for_each(|l| d.add(Digest::of(l)));
            lines.iter().rev().for_each(|l| d.take_back(Digest::of(l)));
            prop_assert_eq!(d, Digest::default());
        }
    }
}
